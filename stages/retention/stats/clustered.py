"""What rows that belong together leave open: months of one customer are no several customers.

References
----------
K.-Y. Liang, S. L. Zeger (1986). Longitudinal data analysis using generalized linear models.
Biometrika 73, 13-22, doi:10.1093/biomet/73.1.13.
N. A. Obuchowski (1997). Nonparametric analysis of clustered ROC curve data. Biometrics 53, 567-578,
doi:10.2307/2533958.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import expit, logit, ndtri

from retention.stats.estimates import enough_of_each
from retention.stats.metrics import LOSS_CLIP, calibration_line

_NO_CURVE = 1e-6
"""Information of the likelihood below which nothing is told."""
_ONE_RISK = 1e-3
"""Log-odds that risks differ by at least, to be more than one."""


def line_doubt(
    label: np.ndarray, risk: np.ndarray, groups: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Return the covariance of shift and slope of the recalibration line (Cox 1958).

    It is the sandwich of Liang & Zeger (1986): the rows of a group may depend on each other in any
    way. NaN where either class has too few customers to tell.

    Parameters
    ----------
    label : ndarray of 0 and 1, shape (n_rows,)
    risk : ndarray of float, shape (n_rows,)
    groups : ndarray, shape (n_rows,)
        Rows of equal value belong together.
    weight : ndarray of float, shape (n_rows,)
        What each row counts.

    Returns
    -------
    ndarray of float, shape (2, 2)
        Of the shift, where the risk's log-odds are 0, and of the slope.
    """
    names, group = np.unique(groups, return_inverse=True)
    if not enough_of_each(label) or len(names) < 2:
        return np.full((2, 2), np.nan)
    score = logit(np.clip(risk, LOSS_CLIP, 1 - LOSS_CLIP))
    if flat := np.ptp(score) < _ONE_RISK:  # one risk for all has no slope
        told = np.full(len(label), weight @ label / weight.sum())
    else:
        slope, shift = (part[0] for part in calibration_line(label, risk, weight[None, :]))
        told = expit(shift + slope * score)
    # About their weighted mean, where shift and slope hardly depend on each other.
    certain = weight * told * (1 - told)
    if not certain.sum() > _NO_CURVE:  # drops and others lie apart: any steep line fits
        return np.full((2, 2), np.nan)
    middle = float(certain @ score / certain.sum())
    x = np.column_stack([np.ones(len(score)), score - middle])
    bread = 1 / np.square(x).T.dot(certain) if not flat else np.array([1 / certain.sum(), 0.0])
    parts = x * (weight * (label - told))[:, None] * bread
    sums = np.column_stack([np.bincount(group, part, len(names)) for part in parts.T])
    to_zero = np.array([[1.0, -middle], [0.0, 1.0]])
    return to_zero @ (sums.T @ sums) @ to_zero.T * len(names) / (len(names) - 1)


def told_doubt(doubt: np.ndarray) -> dict[str, float]:
    """Return a covariance of shift and slope as standard deviations and correlation, for a file."""
    shift, slope = np.sqrt(np.diag(doubt))
    both = shift * slope
    return {"shift": shift, "slope": slope, "correlation": doubt[0, 1] / both if both else 0.0}


def doubt_of(told: Mapping[str, float | None]) -> np.ndarray:
    """Return the covariance that :func:`told_doubt` told; NaN where it was not known."""
    shift, slope, correlation = (
        np.nan if told[name] is None else float(told[name])
        for name in ("shift", "slope", "correlation")
    )
    both = correlation * shift * slope
    return np.array([[shift**2, both], [both, slope**2]])


def clustered_area(
    label: np.ndarray, risk: np.ndarray, groups: np.ndarray, weight: np.ndarray, *, level: float
) -> tuple[float, float, float]:
    """Return the ROC-AUC of rows that belong together in groups, with its interval.

    Obuchowski (1997): DeLong's parts are added up within a group before they
    are squared. The interval is made in log-odds; NaN where it cannot be told.

    Parameters
    ----------
    label, risk, groups, weight
        As :func:`line_doubt` takes them; both outcomes are there.
    level : float
        Coverage of the interval.
    """
    area, error = _area_and_error(label, risk, groups, weight)
    if np.isnan(error):
        return area, float("nan"), float("nan")
    reach = ndtri((1 + level) / 2) * error
    low, high = expit(logit(area) + reach * np.array([-1, 1]))
    return area, float(low), float(high)


def area_error(
    label: np.ndarray, risk: np.ndarray, groups: np.ndarray, weight: np.ndarray
) -> float:
    """Return the standard error of the log-odds of :func:`clustered_area`; NaN if it is not known.

    Parameters as :func:`clustered_area` takes them.
    """
    return _area_and_error(label, risk, groups, weight)[1]


def mean_error(parts: np.ndarray, groups: np.ndarray, weight: np.ndarray) -> float:
    """Return the standard error of a weighted mean of rows that belong together in groups.

    The sandwich of Liang & Zeger (1986) for a mean. NaN where there is one group.

    Parameters
    ----------
    parts : ndarray of float, shape (n_rows,)
    groups, weight
        As :func:`line_doubt` takes them.
    """
    names, group = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        return float("nan")
    rest = weight * (parts - weight @ parts / weight.sum())
    sums = np.bincount(group, rest)
    return float(np.sqrt(sums @ sums * len(names) / (len(names) - 1)) / weight.sum())


def _area_and_error(
    label: np.ndarray, risk: np.ndarray, groups: np.ndarray, weight: np.ndarray
) -> tuple[float, float]:
    names, group = np.unique(groups, return_inverse=True)
    _, place = np.unique(risk, return_inverse=True)
    drops, others = (np.bincount(place, weight * part) for part in (label, 1 - label))
    below = (np.cumsum(others) - others / 2) / others.sum()
    above = 1 - (np.cumsum(drops) - drops / 2) / drops.sum()
    area = float(drops @ below / drops.sum())
    parts = np.where(
        label == 1, (below[place] - area) / drops.sum(), (above[place] - area) / others.sum()
    )
    sums = np.bincount(group, weight * parts)
    if not enough_of_each(label) or len(names) < 2 or not 0 < area < 1:
        return area, float("nan")
    error = np.sqrt(sums @ sums * len(names) / (len(names) - 1)) / (area * (1 - area))
    return area, float(error)
