"""Quantiles of mixtures of normal distributions."""

import numpy as np
from scipy.special import ndtr

_HALVINGS = 50
"""Steps of the bisection for an end of an interval: to the last digits that are written."""


def mixture_quantile(
    share: float, means: np.ndarray, errors: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Return a quantile of mixtures of normals.

    Parameters
    ----------
    share : float
        Part of each mixture that lies below the quantile, above 0 and below 1.
    means, errors : ndarray of float, shape (n_parts, n_mixtures)
        Mean and standard deviation of each part.
    weight : ndarray of float, shape (n_parts,)
        Of the parts; adds up to 1.

    Returns
    -------
    ndarray of float, shape (n_mixtures,)
    """
    low, high = (means - 10 * errors).min(axis=0), (means + 10 * errors).max(axis=0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        short = weight @ ndtr((middle - means) / errors) < share
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return (low + high) / 2
