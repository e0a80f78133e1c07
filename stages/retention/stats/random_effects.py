"""The mean of an effect that was measured several times, where it may differ from time to time."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from retention.stats.mixtures import mixture_quantile

SPREADS = 101
"""Spreads between effects that are weighed."""
SCALE = 0.1
"""Scale of the prior of the spread, as a share of what happens without the offer: two of three
spreads are below it."""


@dataclass(frozen=True)
class MeanEffect:
    """The mean of effects that may differ.

    Attributes
    ----------
    mean, low, high : float
        Best guess and 95 % interval.
    error : float
        Standard deviation of the mean.
    spread : float
        Standard deviation of the effects themselves, best guess; from 0.
    """

    mean: float
    low: float
    high: float
    error: float
    spread: float


def mean_effect(effects: np.ndarray, covariance: np.ndarray, *, scale: float) -> MeanEffect:
    """Return the mean of effects of which each was measured with an error of its own.

    Random effects: effect_k ~ N(mean, spread^2), measured with errors of the `covariance`. The mean
    has a flat prior; the spread, which a handful of measurements cannot tell, is summed out under a
    half-normal prior instead of being put in as one number [1]_ [2]_. So the interval holds how
    far the spread may be from the best guess, which is the correction for few measurements; where
    the spread is estimated (Paule & Mandel) and the interval widened as Hartung, Knapp, Sidik &
    Jonkman do, with t quantiles, two or three measurements tell less than each does alone [3]_.

    Parameters
    ----------
    effects : ndarray of float, shape (n_effects,)
        At least 2.
    covariance : ndarray of float, shape (n_effects, n_effects)
        Of their errors: beside the diagonal it is not 0 where two were measured on the same
        customers. Positive definite.
    scale : float
        Scale of the half-normal prior of the spread, above 0, in the unit of the effects.

    References
    ----------
    .. [1] C. Röver, "Bayesian random-effects meta-analysis using the bayesmeta R package",
       Journal of Statistical Software 93(6), 2020, doi:10.18637/jss.v093.i06.
    .. [2] C. Röver, R. Bender, S. Dias et al., "On weakly informative prior distributions for the
       heterogeneity parameter in Bayesian random-effects meta-analysis", Research Synthesis
       Methods 12(4), 2021, doi:10.1002/jrsm.1475.
    .. [3] C. Röver, G. Knapp, T. Friede, "Hartung-Knapp-Sidik-Jonkman approach and its modification
       for random-effects meta-analysis with few studies", BMC Medical Research Methodology 15,
       2015, doi:10.1186/s12874-015-0091-1; T. Friede, C. Röver, S. Wandel, B. Neuenschwander,
       "Meta-analysis of few small studies in orphan diseases", Research Synthesis Methods 8, 2017,
       doi:10.1002/jrsm.1217.
    """
    # Spreads of equal prior mass, so that the likelihood alone weighs them.
    spread = scale * ndtri(0.5 + (np.arange(SPREADS) + 0.5) / (2 * SPREADS))
    # In the directions in which errors are independent, each spread only adds to the variance.
    variance, directions = np.linalg.eigh(covariance)
    variance = np.maximum(variance, 1e-12 * max(float(variance.max()), 1e-300))
    total = variance + spread[:, None] ** 2
    turned, ones = directions.T @ effects, directions.sum(axis=0)
    precision = (ones**2 / total).sum(axis=1)
    mean = (ones * turned / total).sum(axis=1) / precision
    misfit = (turned**2 / total).sum(axis=1) - mean**2 * precision
    log_weight = -0.5 * (np.log(total).sum(axis=1) + np.log(precision) + misfit)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    errors = 1 / np.sqrt(precision)
    best = float(weight @ mean)
    ends = (
        float(mixture_quantile(share, mean[:, None], errors[:, None], weight)[0])
        for share in (0.025, 0.975)
    )
    error = float(np.sqrt(weight @ (errors**2 + (mean - best) ** 2)))
    return MeanEffect(best, *ends, error=error, spread=float(weight @ spread))
