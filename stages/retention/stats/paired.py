"""A score of two risks of the same customers: their difference, and how sure it is.

References
----------
E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson (1988). Comparing the areas under two or more
correlated receiver operating characteristic curves. Biometrics 44, 837-845.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from retention.stats.metrics import LOSS_CLIP, log_loss, plain, roc_auc

TWO_SIDED = NormalDist().inv_cdf(0.975)


POWERFUL = TWO_SIDED + NormalDist().inv_cdf(0.8)
"""2.8: at 80 % power a difference of that many standard errors is found at 5 %, two-sided."""


NOTHING = 1e-12
"""Differences below it are those of the order of summing."""


@dataclass(frozen=True)
class Difference:
    """A score of two versions; `error` is the standard error of new minus old."""

    old: float
    new: float
    error: float

    @property
    def value(self) -> float:
        """New minus old."""
        return self.new - self.old

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval of the difference."""
        return self.value - TWO_SIDED * self.error

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval of the difference."""
        return self.value + TWO_SIDED * self.error

    @property
    def smallest(self) -> float:
        """The smallest true difference that such data shows in 80 of 100 draws of customers."""
        return POWERFUL * self.error

    @property
    def alike(self) -> bool:
        """Whether no customer's part in the score differs."""
        return self.error < NOTHING and abs(self.value) < NOTHING


def share_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return for each value the share of `others` below it, ties by half."""
    ordered = np.sort(others)
    counts = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return counts / (2 * len(others))


def roc_auc_difference(label: np.ndarray, old: np.ndarray, new: np.ndarray) -> Difference:
    """Return both ROC-AUCs and the standard error of their paired difference (DeLong 1988).

    A drop's component is the share of other customers below it, another customer's the share of
    drops above it; the mean of either is the ROC-AUC. The variance of the difference is that of
    the components' differences, in each class over its customers.
    """
    fell = label == 1
    drops = share_below(new[fell], new[~fell]) - share_below(old[fell], old[~fell])
    others = share_below(old[~fell], old[fell]) - share_below(new[~fell], new[fell])
    error = np.sqrt(drops.var(ddof=1) / len(drops) + others.var(ddof=1) / len(others))
    return Difference(plain(roc_auc, label, old), plain(roc_auc, label, new), float(error))


def log_loss_difference(label: np.ndarray, old: np.ndarray, new: np.ndarray) -> Difference:
    """Return both log-losses and the standard error of the mean of the customers' differences."""
    right_old, right_new = (
        np.clip(np.where(label == 1, risk, 1 - risk), LOSS_CLIP, 1 - LOSS_CLIP)
        for risk in (old, new)
    )
    each = np.log(right_old) - np.log(right_new)
    error = each.std(ddof=1) / np.sqrt(len(each))
    return Difference(plain(log_loss, label, old), plain(log_loss, label, new), float(error))
