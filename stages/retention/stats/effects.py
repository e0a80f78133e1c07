"""How far two groups of customers differ: effect sizes with intervals, and many tests at once.

Cliff's delta (1993, doi:10.1037/0033-2909.114.3.494) says how much more often a customer inside
exceeds one outside than the other way round, -1 to 1; it is 2 ROC-AUC - 1. For a word, which a
customer has or has not, the same formula is the difference of its shares: one scale for all.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.special import ndtr, stdtrit


@dataclass(frozen=True)
class Effect:
    """A difference between inside and outside.

    Attributes
    ----------
    inside, outside : float
        Mean of a number, share of a word.
    effect, low, high : float
        Cliff's delta or difference of shares, -1 to 1, with its interval.
    p_value : float
        Of no difference at all, two-sided.
    """

    inside: float
    outside: float
    effect: float
    low: float
    high: float
    p_value: float


UNKNOWN_EFFECT = Effect(*[float("nan")] * 6)
"""One of the sides is empty."""


def rank_effect(
    values: np.ndarray, within: np.ndarray, others: np.ndarray, *, level: float
) -> Effect:
    """Compare a number inside and outside by ranks.

    The interval is Wilson's for as many customers as would give a share the standard error of the
    ROC-AUC, so that it bends near 0 and 1 as it must. The error is DeLong's (1988,
    doi:10.2307/2531595), with Satterthwaite's degrees of freedom; towards the ends, where few
    customers overlap and it is told too small, Hanley & McNeil's (1982,
    doi:10.1148/radiology.143.1.7063747) takes over where that is larger. In simulations of 15 to
    1,150 customers a side the 95 % interval covers in 94 % at least. The p-value is that of Mann
    & Whitney (1947), for ties too.

    Parameters
    ----------
    values : ndarray, shape (n_values,)
        The distinct values, rising.
    within, others : ndarray, shape (n_values,)
        How many customers inside and outside have each.
    level : float
        Coverage of the interval, above 0 and below 1.
    """
    m, n = float(within.sum()), float(others.sum())
    if not m or not n:
        return UNKNOWN_EFFECT
    lower_others = (np.cumsum(others) - others / 2) / n
    higher_within = (m - np.cumsum(within) + within / 2) / m
    area = within @ lower_others / m
    low, high = _area_interval(
        area,
        (within @ (lower_others - area) ** 2, others @ (higher_within - area) ** 2),
        (m, n),
        level=level,
    )
    both = within + others
    ties = (both**3.0 - both).sum() / ((m + n) * (m + n - 1))
    spread = m * n / 12 * (m + n + 1 - ties)
    if spread <= 0:  # every customer has one value
        return Effect(within @ values / m, others @ values / n, 0.0, 0.0, 0.0, 1.0)
    distance = abs(area - 0.5) * m * n / np.sqrt(spread)
    return Effect(
        inside=float(within @ values / m),
        outside=float(others @ values / n),
        effect=float(2 * area - 1),
        low=float(2 * low - 1),
        high=float(2 * high - 1),
        p_value=float(2 * ndtr(-distance)),
    )


def _area_interval(
    area: float, squares: tuple[float, float], sizes: tuple[float, float], *, level: float
) -> tuple[float, float]:
    """Return the interval of a ROC-AUC; `squares` are the sums of its components' deviations."""
    m, n = sizes
    free = (max(m - 1, 1), max(n - 1, 1))
    errors = [square / left / size for square, left, size in zip(squares, free, sizes, strict=True)]
    error, least, freedom = sum(errors), min(m, n), min(free)
    if error > 0:
        freedom = error**2 / sum(own**2 / left for own, left in zip(errors, free, strict=True))
    rest = (1 - area) / (2 - area) + area / (1 + area)
    usual = area * (1 - area) * (1 + ((m + n) / 2 - 1) * rest) / (m * n)
    end = (2 * area - 1) ** 2
    error = (1 - end) * error + end * max(error, usual)
    # No ROC-AUC has a larger error than a share of as many customers as the smaller side has.
    size = max(area * (1 - area) / error, least) if error > 0 else least
    return _score(area, size, z=float(stdtrit(freedom, (1 + level) / 2)))


def share_effect(within: int, m: int, others: int, n: int, *, level: float) -> Effect:
    """Compare the share of a word, `within` of `m` customers inside and `others` of `n` outside.

    The p-value is Fisher's exact one, the interval that of :func:`share_difference`.
    """
    from scipy.stats import fisher_exact

    if not m or not n:
        return UNKNOWN_EFFECT
    gap, low, high = share_difference(within, m, others, n, level=level)
    chance = fisher_exact([[within, m - within], [others, n - others]]).pvalue
    return Effect(within / m, others / n, gap, low, high, float(chance))


def share_difference(
    within: int, m: int, others: int, n: int, *, level: float
) -> tuple[float, float, float]:
    """Return the difference of the shares `within` of `m` and `others` of `n`, with its interval.

    Newcombe (1998, Statistics in Medicine 17, 873-890, method 10); both sides have somebody.
    """
    inside, outside = within / m, others / n
    low, high = wilson(inside, m, level=level)
    outside_low, outside_high = wilson(outside, n, level=level)
    gap = inside - outside
    return (
        gap,
        float(gap - np.hypot(inside - low, outside_high - outside)),
        float(gap + np.hypot(high - inside, outside - outside_low)),
    )


def wilson(
    share: float | np.ndarray, size: float | np.ndarray, *, level: float
) -> tuple[float | np.ndarray, float | np.ndarray]:
    """Return the interval of a share among `size` customers (Wilson 1927); it is never a point."""
    return _score(share, size, z=NormalDist().inv_cdf((1 + level) / 2))


def _score(
    share: float | np.ndarray, size: float | np.ndarray, *, z: float
) -> tuple[float | np.ndarray, float | np.ndarray]:
    scale = 1 + z**2 / size
    middle = (share + z**2 / (2 * size)) / scale
    half = z * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2)) / scale
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Return q-values: of all that are called at q, a share q is expected to be false at most.

    Benjamini & Hochberg (1995, doi:10.1111/j.2517-6161.1995.tb02031.x). NaN stays; it is no test.
    """
    from scipy.stats import false_discovery_control

    tested = ~np.isnan(p_values)
    q_values = np.full(len(p_values), np.nan)
    if tested.any():
        q_values[tested] = false_discovery_control(p_values[tested])
    return q_values


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p-values adjusted for all tests: at most `a` of them are at `a` where all are null.

    Holm (1979): the chance that any true null is called at `a` is at most `a`, however the tests
    depend on each other. NaN stays; it is no test.
    """
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    scaled = p_values[order] * np.arange(len(order), 0, -1)
    adjusted = np.full(len(p_values), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted
