"""A score of two versions for the same customers: their difference, and how sure it is."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from retention.stats.estimates import Gap, log_loss_of, no_difference, roc_auc_of

LEVEL = 0.95
"""Coverage of the intervals."""
POWERFUL = NormalDist().inv_cdf((1 + LEVEL) / 2) + NormalDist().inv_cdf(0.8)
"""2.8: at 80 % power a difference of that many standard errors is found at 5 %, two-sided."""


@dataclass(frozen=True)
class Difference:
    """A score of two versions.

    Attributes
    ----------
    old, new : float
        The score of either.
    error : float
        The standard error of new minus old.
    low, high : float
        The 95 % interval of new minus old; NaN where it cannot be told.
    """

    old: float
    new: float
    error: float
    low: float
    high: float

    @property
    def value(self) -> float:
        """New minus old."""
        return self.new - self.old

    @property
    def smallest(self) -> float:
        """The smallest true difference that such data shows in 80 of 100 draws of customers."""
        return POWERFUL * self.error

    @property
    def alike(self) -> bool:
        """Whether no customer's part in the score differs."""
        return no_difference(self.value, self.error)


def roc_auc_difference(label: np.ndarray, old: np.ndarray, new: np.ndarray) -> Difference:
    """Return both ROC-AUCs, and DeLong's (1988) standard error of their paired difference."""
    return _difference(roc_auc_of(label, new) - roc_auc_of(label, old))


def log_loss_difference(label: np.ndarray, old: np.ndarray, new: np.ndarray) -> Difference:
    """Return both log-losses and the standard error of the mean of the customers' differences."""
    return _difference(log_loss_of(label, new) - log_loss_of(label, old))


def _difference(found: Gap) -> Difference:
    low, high = found.interval(LEVEL)
    return Difference(found.second.value, found.first.value, found.error, low, high)
