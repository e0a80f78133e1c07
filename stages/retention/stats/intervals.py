"""The interval of a score, from the parts that single customers have in it.

The mean of the parts is the score; how they vary tells its standard error without resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

EXPECTED = 5
"""Customers of a class that the spread expected of a ROC-AUC counts like, beside those seen."""
LEAST_FREEDOM = 3
"""Degrees of freedom at least: with fewer an interval tells nothing."""


@dataclass(frozen=True)
class Spread:
    """How the parts of one group's customers in a score vary.

    Attributes
    ----------
    size : float
        Customers of the group.
    variance : float
        Of their parts; 0 for a single customer.
    freedom : float
        Degrees of freedom of that variance.
    """

    size: float
    variance: float
    freedom: float

    @property
    def error(self) -> float:
        """The variance of the mean of the parts."""
        return self.variance / self.size


def spread_of(parts: np.ndarray, counts: np.ndarray | None = None) -> Spread:
    """Return the spread of `parts`, each of one customer or of as many as `counts` has.

    The degrees of freedom are those of a chi-square with the variance of a sample variance
    (O'Neill 2014, The American Statistician 68, 282-296): n - 1 for normal parts, and far fewer
    where some customers' parts lie far out, as near the ceiling of a ROC-AUC.
    """
    weights = np.ones(len(parts)) if counts is None else counts
    size = float(weights.sum())
    squares = (parts - weights @ parts / size) ** 2
    mean, fourth = weights @ squares / size, weights @ squares**2 / size
    excess = max(fourth / mean**2 - 3, 0.0) if mean > 0 else 0.0
    left = max(size - 1, 1.0)
    return Spread(size, float(weights @ squares / left), 1 / (1 / left + excess / (2 * size)))


def multiplier(groups: Sequence[Spread], *, level: float) -> float:
    """Return how many standard errors an interval with coverage `level` reaches to either side.

    Student's t, with Satterthwaite's (1946) degrees of freedom of the sum of the groups' errors.
    """
    from scipy.special import stdtrit

    errors = np.array([group.error for group in groups])
    own = np.array([group.freedom for group in groups])
    freedom = errors.sum() ** 2 / (errors**2 / own).sum() if errors.sum() > 0 else own.min()
    return float(stdtrit(max(freedom, LEAST_FREEDOM), (1 + level) / 2))


def steadied(area: float, groups: Sequence[Spread]) -> tuple[Spread, ...]:
    """Return the spreads of a ROC-AUC's parts, never smaller than chance may have made them.

    Near the ceiling and with few customers of a class most parts are equal, and the variance seen
    is mostly too small. So it is drawn towards that of Hanley & McNeil (1982,
    doi:10.1148/radiology.143.1.7063747; the mean of both classes as in Newcombe 2006, Statistics in
    Medicine 25, 559-573), which counts like :data:`EXPECTED` customers, where that is larger.
    """
    usual = area * (1 - area) / 2 * ((1 - area) / (2 - area) + area / (1 + area))
    found = []
    for group in groups:
        seen = group.size - 1
        drawn = (seen * group.variance + EXPECTED * usual) / (seen + EXPECTED)
        found.append(replace(group, variance=max(group.variance, drawn)))
    return tuple(found)


def overlapping(area: float, groups: Sequence[Spread]) -> float:
    """Return a ROC-AUC as if one half of one pair of customers more were on the other side.

    So log-odds are finite where no customers overlap.
    """
    pairs = np.prod([group.size for group in groups])
    return float((area * pairs + 0.5) / (pairs + 1))


def area_interval(area: float, groups: Sequence[Spread], *, level: float) -> tuple[float, float]:
    """Return the interval of a ROC-AUC.

    DeLong's (1988, doi:10.2307/2531595) on the log-odds scale, which bends near 0 and 1 as it
    must, with :func:`steadied` spreads and :func:`multiplier`. `make study-intervals` tells what it
    covers.

    Parameters
    ----------
    area : float
        ROC-AUC.
    groups : pair of Spread
        Of the parts of either class: for a customer the share of the other class that is ranked
        on the right side, ties by half.
    level : float
        Coverage, above 0 and below 1.
    """
    z = multiplier(steadied(overlapping(area, groups), groups), level=level)
    return area_ends(area, groups, z=z)


def area_ends(area: float, groups: Sequence[Spread], *, z: float) -> tuple[float, float]:
    """Return the ends `z` standard errors from a ROC-AUC, as `area_interval` makes them.

    They are never further away than those of a share among as many customers as the smaller class
    has: no ROC-AUC has a larger error (Birnbaum & Klose 1957, Annals of Mathematical
    Statistics 28, 933-945).
    """
    from scipy.special import expit, logit

    if not any(group.variance for group in groups) and 0 < area < 1:  # all customers tie
        return area, area
    middle = overlapping(area, groups)
    errors = sum(group.error for group in steadied(middle, groups))
    reach = z * np.sqrt(errors) / (middle * (1 - middle))
    low, high = expit(logit(middle) + reach * np.array([-1, 1]))
    least, most = score_interval(area, min(group.size for group in groups), z=z)
    return float(min(max(low, least), area)), float(max(min(high, most), area))


def score_interval(
    share: float | np.ndarray, size: float | np.ndarray, *, z: float
) -> tuple[float | np.ndarray, float | np.ndarray]:
    """Return the interval of a share among `size` customers, `z` standard errors to either side.

    Wilson (1927): the shares that the one seen does not contradict; it is never a point.
    """
    scale = 1 + z**2 / size
    middle = (share + z**2 / (2 * size)) / scale
    half = z * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2)) / scale
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def exact_share(successes: int, size: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share of `size` draws.

    It covers with `level` at least (Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404).
    """
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = betaincinv(successes, size - successes + 1, tail) if successes else 0.0
    high = betaincinv(successes + 1, size - successes, 1 - tail) if successes < size else 1.0
    return float(low), float(high)
