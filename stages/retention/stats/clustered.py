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
    if not enough_of_each(label) or len(names) < 2 or np.ptp(risk) == 0:
        return np.full((2, 2), np.nan)
    score = logit(np.clip(risk, LOSS_CLIP, 1 - LOSS_CLIP))
    slope, shift = (part[0] for part in calibration_line(label, risk, weight[None, :]))
    told = expit(shift + slope * score)
    x = np.column_stack([np.ones(len(score)), score])
    bread = np.linalg.inv((x * (weight * told * (1 - told))[:, None]).T @ x)
    parts = x * (weight * (label - told))[:, None]
    sums = np.column_stack([np.bincount(group, part, len(names)) for part in parts.T])
    return bread @ (sums.T @ sums) @ bread * len(names) / (len(names) - 1)


def told_doubt(doubt: np.ndarray) -> dict[str, float]:
    """Return a covariance of shift and slope as standard deviations and correlation, for a file."""
    shift, slope = np.sqrt(np.diag(doubt))
    return {"shift": shift, "slope": slope, "correlation": doubt[0, 1] / (shift * slope)}


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
        return area, float("nan"), float("nan")
    error = np.sqrt(sums @ sums * len(names) / (len(names) - 1)) / (area * (1 - area))
    reach = ndtri((1 + level) / 2) * error
    low, high = expit(logit(area) + reach * np.array([-1, 1]))
    return area, float(low), float(high)
