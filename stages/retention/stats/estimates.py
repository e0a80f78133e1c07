"""Scores of a risk with intervals by formula, and the paired differences of two risks.

Each score is the mean of parts, a customer each (or moves by them: its influence function), so
that its standard error and that of a difference on the same customers need no resamples. What
the intervals cover: `make study-intervals`.

References
----------
E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson (1988). Comparing the areas under two or more
correlated receiver operating characteristic curves. Biometrics 44, 837-845.
F. R. Hampel (1974). The influence curve and its role in robust estimation. Journal of the American
Statistical Association 69, 383-393.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit, logit

from retention.stats.intervals import (
    Spread,
    area_ends,
    area_interval,
    multiplier,
    overlapping,
    spread_of,
)
from retention.stats.metrics import LOSS_CLIP, Ranks, ranked

LEAST_OF_CLASS = 10
"""Customers of either class from which an interval can be told."""
NOTHING = 1e-12
"""Differences below it are those of the order of summing."""
_UNKNOWN = (float("nan"), float("nan"))
_TURNS = np.linspace(0, 2 * np.pi, 721)[:-1]


def enough_of_each(label: np.ndarray, weight: np.ndarray | None = None) -> bool:
    """Return whether both classes have enough customers, who count `weight`, for an interval."""
    drops, all_of = (label.sum(), len(label)) if weight is None else (weight @ label, weight.sum())
    return bool(min(drops, all_of - drops) >= LEAST_OF_CLASS)


def no_difference(value: float, error: float) -> bool:
    """Return whether no customer's part in a score differs, by the difference and its error."""
    return error < NOTHING and abs(value) < NOTHING


@dataclass(frozen=True)
class Estimate(ABC):
    """A score of a risk and the customers' parts in it.

    Attributes
    ----------
    value : float
        The score.
    parts : tuple of ndarray
        For each group (drops and others, or everyone) the customers' parts.
    told : bool
        Whether an interval can be told.
    """

    value: float
    parts: tuple[np.ndarray, ...]
    told: bool

    @cached_property
    def groups(self) -> tuple[Spread, ...]:
        """How the parts of each group vary."""
        return tuple(spread_of(part) for part in self.parts)

    @abstractmethod
    def ends(self, z: float) -> tuple[float, float]:
        """Return the ends that are `z` standard errors from the score."""

    def interval(self, level: float) -> tuple[float, float]:
        """Return the interval with coverage `level`; NaN where it cannot be told."""
        return self.ends(multiplier(self.groups, level=level)) if self.told else _UNKNOWN

    def __sub__(self, other: "Estimate") -> "Gap":
        return Gap(self, other)


class Area(Estimate):
    """ROC-AUC: a drop's part is the share of others below it, another's that of drops above it."""

    @property
    def middle(self) -> float:
        """The score where its log-odds are finite."""
        return overlapping(self.value, self.groups)

    def ends(self, z: float) -> tuple[float, float]:
        """Return the ends of ``intervals.area_ends``."""
        return area_ends(self.value, self.groups, z=z)

    def interval(self, level: float) -> tuple[float, float]:
        """Return the interval of ``intervals.area_interval``; NaN where it cannot be told."""
        return area_interval(self.value, self.groups, level=level) if self.told else _UNKNOWN


class Precision(Estimate):
    """Average precision; the interval is made on the log-odds scale (Boyd et al. 2013)."""

    @property
    def middle(self) -> float:
        """The score where its log-odds are finite."""
        return min(max(self.value, NOTHING), 1 - NOTHING)

    def ends(self, z: float) -> tuple[float, float]:
        """Return the ends, `z` standard errors away in log-odds."""
        error = np.sqrt(self.groups[0].error) / (self.middle * (1 - self.middle))
        low, high = expit(logit(self.middle) + z * error * np.array([-1, 1]))
        return min(float(low), self.value), max(float(high), self.value)


class Loss(Estimate):
    """A mean loss (Brier, log-loss); the interval is made on the log scale, as it is above 0."""

    def ends(self, z: float) -> tuple[float, float]:
        """Return the ends, as many times smaller and larger."""
        if self.value <= 0:
            return self.value, self.value
        factor = float(np.exp(z * np.sqrt(self.groups[0].error) / self.value))
        return self.value / factor, self.value * factor


@dataclass(frozen=True)
class Gap:
    """The difference of a score of two risks of the same customers, first minus second."""

    first: Estimate
    second: Estimate

    @property
    def value(self) -> float:
        """First minus second."""
        return self.first.value - self.second.value

    @cached_property
    def groups(self) -> tuple[Spread, ...]:
        """How the differences of the customers' parts vary, in each group."""
        pairs = zip(self.first.parts, self.second.parts, strict=True)
        return tuple(spread_of(ours - theirs) for ours, theirs in pairs)

    @property
    def error(self) -> float:
        """The standard error of the difference."""
        return float(np.sqrt(sum(group.error for group in self.groups)))

    @property
    def alike(self) -> bool:
        """Whether no customer's part in the score differs."""
        return no_difference(self.value, self.error)

    def interval(self, level: float) -> tuple[float, float]:
        """Return the interval with coverage `level`; NaN where it cannot be told.

        A difference of losses is a mean, and its interval Student's. Of ranks, both scores stand
        in log-odds; the pairs of values that lie no further from those seen than `level` allows
        one number to, make an ellipse, by both scores' own ends and their correlation; the
        interval is what the difference can be within it (the profile of the difference).
        """
        if not (self.first.told and self.second.told):
            return _UNKNOWN
        if self.alike:
            return 0.0, 0.0
        z = multiplier(self.groups, level=level)
        if isinstance(self.first, Loss):
            return self.value - z * self.error, self.value + z * self.error
        # The ellipse of two numbers with a correlation: cosines as far apart as it says.
        half = np.arccos(self._correlation()) / 2
        ours, theirs = np.cos(_TURNS + half), np.cos(_TURNS - half)
        reached = _along(self.first, ours, z=z) - _along(self.second, theirs, z=z)
        return (
            min(float(reached.min()), self.value),
            max(float(reached.max()), self.value),
        )

    def _correlation(self) -> float:
        ours, theirs = (
            sum(group.error for group in one.groups) for one in (self.first, self.second)
        )
        if not ours * theirs:
            return 0.0
        # The error of a difference is both errors less twice what they share.
        shared = (ours + theirs - self.error**2) / 2
        return float(np.clip(shared / np.sqrt(ours * theirs), -1, 1))


def _along(one: Area | Precision, steps: np.ndarray, *, z: float) -> np.ndarray:
    """Return the score at `steps` from -1 (its low end) over 0 (itself) to 1 (its high end)."""
    low, high = one.ends(z)
    low, middle, high = logit(np.clip([low, one.middle, high], NOTHING, 1 - NOTHING))
    return expit(middle + np.where(steps > 0, high - middle, middle - low) * steps)


def share_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return for each value the share of `others` below it, ties by half."""
    ordered = np.sort(others)
    counts = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return counts / (2 * len(others))


def roc_auc_of(label: np.ndarray, risk: np.ndarray) -> Area:
    """Return the ROC-AUC with its parts (DeLong 1988), for `label` of 0 and 1 with both."""
    drops, others = risk[label == 1], risk[label == 0]
    parts = share_below(drops, others), 1 - share_below(others, drops)
    return Area(float(parts[0].mean()), parts, enough_of_each(label))


def average_precision_of(label: np.ndarray, risk: np.ndarray) -> Precision:
    """Return the average precision with its parts: each customer's influence on it, about it.

    A customer's weight moves the precision at every risk up to the customer's own, and a drop's
    also the mean over drops.
    """
    drops, others = (part[0] for part in ranked(Ranks(label, risk), np.ones((1, len(label)))))
    total = drops[-1]
    gains, hits, misses = np.diff(drops), drops[1:], others[1:]
    precision = hits / (hits + misses)
    value = float(gains @ precision / total)
    place = np.searchsorted(np.unique(-risk), -risk)
    # From a risk down: what one more drop adds to the precisions, and one more other takes.
    more, less = (
        np.cumsum((gains * count / (hits + misses) ** 2)[::-1])[::-1] for count in (misses, hits)
    )
    moved = np.where(label == 1, precision[place] - value + more[place], -less[place])
    parts = value + moved * len(label) / total
    told = enough_of_each(label) and bool(np.ptp(parts) > NOTHING)
    return Precision(value, (parts,), told)


def brier_of(label: np.ndarray, risk: np.ndarray) -> Loss:
    """Return the Brier score with each customer's squared error."""
    parts = (risk - label) ** 2
    return Loss(float(parts.mean()), (parts,), enough_of_each(label))


def log_loss_of(label: np.ndarray, risk: np.ndarray) -> Loss:
    """Return the log-loss with each customer's, in nats; risks are clipped at 1e-6."""
    p = np.clip(risk, LOSS_CLIP, 1 - LOSS_CLIP)
    parts = -(label * np.log(p) + (1 - label) * np.log1p(-p))
    return Loss(float(parts.mean()), (parts,), enough_of_each(label))


ESTIMATES = {
    "roc_auc": roc_auc_of,
    "average_precision": average_precision_of,
    "brier": brier_of,
    "log_loss": log_loss_of,
}
"""The scores whose intervals are by formula."""
