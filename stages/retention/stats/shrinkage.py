"""Effects of several offers, each drawn to what was expected as far as its numbers are rough."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from retention.stats.mixtures import mixture_quantile

GRID = 101
"""Spreads between offers that are weighed."""
LEAST_SCALE = 0.1
"""The least that assumed effects may be off, and that offers may differ by, as share of drops."""


@dataclass(frozen=True)
class Shrunk:
    """Shrunk effects of single offers.

    Attributes
    ----------
    shares : ndarray of float, shape (n_offers,)
        Share of drops prevented, by offer.
    low, high : ndarray of float, shape (n_offers,)
        95 % intervals.
    """

    shares: np.ndarray
    low: np.ndarray
    high: np.ndarray


def shrink(
    shares: np.ndarray,
    variances: np.ndarray,
    parts: np.ndarray,
    assumed: np.ndarray,
    *,
    scale: float,
) -> Shrunk:
    """Shrink measured effects towards the assumed ones, moved by what all groups show together.

    A random-effects model of offers j in groups g, of one offer or of several measured together:
    share_g ~ N(sum of parts_gj effect_j, variance_g), effect_j ~ N(assumed_j + shift, spread^2),
    shift ~ N(0, scale^2), spread ~ Gamma(2, scale). So an offer of a group of several keeps a
    deviation of its own that nobody measured, and its interval holds the spread between offers.

    The spread is summed over a grid instead of being put in as one number, which would take offers
    that happen to agree for equal [1]_ [2]_. Its prior is 0 at no spread at all: a few rough offers
    cannot tell a spread from none, and one that lets it be none makes intervals too short [3]_.
    An interval has 2.5 % of the posterior, a mixture of normals, beyond either end.

    Parameters
    ----------
    shares, variances : ndarray of float, shape (n_groups,)
        Measured shares of drops prevented, by group, and their variances, above 0.
    parts : ndarray of float, shape (n_groups, n_offers)
        The share of each offer in each group. Rows add up to 1; an offer is in one group, or in
        none where nobody measured it.
    assumed : ndarray of float, shape (n_offers,)
        Effects assumed before the campaign, as shares of drops.
    scale : float
        How far these may be off; at least :data:`LEAST_SCALE` is taken.

    References
    ----------
    .. [1] C. Morris, "Parametric empirical Bayes inference: theory and applications", Journal of
       the American Statistical Association 78, 1983.
    .. [2] C. Röver, "Bayesian random-effects meta-analysis using the bayesmeta R package",
       Journal of Statistical Software 93(6), 2020, doi:10.18637/jss.v093.i06.
    .. [3] Y. Chung, S. Rabe-Hesketh, V. Dorie, A. Gelman, J. Liu, "A nondegenerate penalized
       likelihood estimator for variance parameters in multilevel models", Psychometrika 78, 2013,
       doi:10.1007/s11336-013-9328-2.
    """
    scale = max(scale, LEAST_SCALE)
    beyond = shares - parts @ assumed
    # Spreads of equal prior mass, so that the likelihood alone weighs them.
    spread = scale * gammaincinv(2, (np.arange(GRID) + 0.5) / GRID)[:, None]
    total = variances + spread**2 * (parts**2).sum(axis=1)
    precision = (1 / total).sum(axis=1) + 1 / scale**2
    centre = (beyond / total).sum(axis=1) / precision
    misfit = (beyond**2 / total).sum(axis=1) - centre**2 * precision
    log_weight = -0.5 * (np.log(total).sum(axis=1) + np.log(precision) + misfit)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    # By spread, group and offer: how far the group's deviation from the shift moves the offer.
    pull = (spread**2)[:, :, None] * parts / total[:, :, None]
    own = pull.sum(axis=1)
    means = centre[:, None] * (1 - own) + np.einsum("g,sgj->sj", beyond, pull)
    left = spread**2 * (1 - np.einsum("sgj,gj->sj", pull, parts))
    errors = np.sqrt(left + (1 - own) ** 2 / precision[:, None])
    low, high = (mixture_quantile(share, means, errors, weight) for share in (0.025, 0.975))
    return Shrunk(assumed + weight @ means, assumed + low, assumed + high)
