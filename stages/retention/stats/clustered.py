"""What rows that belong together leave open: months of one customer are no several customers.

References
----------
K.-Y. Liang, S. L. Zeger (1986). Longitudinal data analysis using generalized linear models.
Biometrika 73, 13-22, doi:10.1093/biomet/73.1.13.
"""

import numpy as np
from scipy.special import expit, logit

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
