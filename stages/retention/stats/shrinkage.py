"""Effects of several offers, each drawn to what was expected as far as its numbers are rough."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

GRID = 201
"""Spreads between offers that are weighed."""
LEAST_SCALE = 0.01
"""The least that an assumed effect may be off, as share of drops."""


@dataclass(frozen=True)
class Shrunk:
    """Shrunk effects.

    Attributes
    ----------
    shares : ndarray of float, shape (n_groups,)
        Share of drops prevented, by group.
    errors : ndarray of float, shape (n_groups,)
        Their posterior standard deviations.
    shift, shift_error : float
        How far the effects lie from the assumed ones, over all groups.
    """

    shares: np.ndarray
    errors: np.ndarray
    shift: float
    shift_error: float


def shrink(
    shares: np.ndarray, variances: np.ndarray, assumed: np.ndarray, *, scale: float
) -> Shrunk:
    """Shrink measured effects towards the assumed ones, moved by what all groups show together.

    share_j ~ N(effect_j, variance_j), effect_j ~ N(assumed_j + shift, spread^2), with shift ~ N(0,
    scale^2) and spread ~ half-normal(scale). With the mean assumed effect as scale, an assumption
    of 0.06 counts before the campaign as much as a measured 0.06 with a standard error of 0.06.
    The spread is summed over a grid instead of being put in as one number, which would take
    offers that happen to agree for equal [1]_ [2]_.

    Parameters
    ----------
    shares, variances : ndarray of float, shape (n_groups,)
        Measured shares of drops prevented, by offer, and their variances, above 0.
    assumed : ndarray of float, shape (n_groups,)
        Effects assumed before the campaign, as shares of drops.
    scale : float
        How far these may be off, above 0; at least :data:`LEAST_SCALE` is taken.

    References
    ----------
    .. [1] C. Morris, "Parametric empirical Bayes inference: theory and applications", Journal of
       the American Statistical Association 78, 1983.
    .. [2] C. Röver, "Bayesian random-effects meta-analysis using the bayesmeta R package",
       Journal of Statistical Software 93(6), 2020, doi:10.18637/jss.v093.i06.
    """
    scale = max(scale, LEAST_SCALE)
    beyond = shares - assumed
    # Spreads of equal prior mass, so that the likelihood alone weighs them.
    spread = scale * ndtri(0.5 + (np.arange(GRID) + 0.5) / (2 * GRID))[:, None]
    total = variances + spread**2
    precision = (1 / total).sum(axis=1) + 1 / scale**2
    centre = (beyond / total).sum(axis=1) / precision
    misfit = (beyond**2 / total).sum(axis=1) - centre**2 * precision
    log_weight = -0.5 * (np.log(total).sum(axis=1) + np.log(precision) + misfit)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    pull = variances / total
    means = (1 - pull) * beyond + pull * centre[:, None]
    spreads = (1 - pull) * variances + pull**2 / precision[:, None]
    moved, errors = _mixed(means, spreads, weight)
    shift, shift_error = _mixed(centre[:, None], 1 / precision[:, None], weight)
    return Shrunk(assumed + moved, errors, float(shift[0]), float(shift_error[0]))


def _mixed(
    means: np.ndarray, variances: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of a mixture of normals, a row each part."""
    mean = weight @ means
    return mean, np.sqrt(weight @ (variances + (means - mean) ** 2))
