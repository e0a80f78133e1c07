"""How far two groups of customers differ: effect sizes with intervals, and many tests at once.

Cliff's delta (1993, doi:10.1037/0033-2909.114.3.494) says how much more often a customer inside
exceeds one outside than the other way round, -1 to 1; it is 2 ROC-AUC - 1. For a word, which a
customer has or has not, the same formula is the difference of its shares: one scale for all.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.special import ndtr

from retention.stats.intervals import area_interval, score_interval, spread_of


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

    The interval is that of the ROC-AUC (:func:`area_interval`). The p-value is that of Mann &
    Whitney (1947), for ties too.

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
    groups = (spread_of(lower_others, within), spread_of(higher_within, others))
    low, high = area_interval(area, groups, level=level)
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
    return score_interval(share, size, z=NormalDist().inv_cdf((1 + level) / 2))


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
