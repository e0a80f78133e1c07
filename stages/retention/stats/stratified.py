"""How far two groups differ within strata: customers are compared with those of their own stratum.

A stratum is a set of customers of nearly one risk. Both groups then have the same risk, so that
what goes with risk alone is no difference between them (Cochran 1968, doi:10.2307/2528036). Each
stratum weighs as many as it has customers inside: the answer is about them (the effect of
standardisation to the exposed; Mantel & Haenszel 1959 for shares, van Elteren 1960 for ranks, with
these weights).
"""

import numpy as np
from scipy.special import ndtr
from scipy.stats import rankdata

from retention.stats.effects import UNKNOWN_EFFECT, Effect, wilson

STRATUM = 40
"""Customers of a stratum, about: a fixed number, so that strata grow finer with the shop, and the
difference of risk that is left within one falls faster than the standard error."""
NOWHERE = -1
"""The stratum of those who have nobody to be compared with."""


def strata_of(risk: np.ndarray, inside: np.ndarray, *, size: int = STRATUM) -> np.ndarray:
    """Return each customer's stratum of risk, :data:`NOWHERE` where it lacks one of the groups.

    Customers of the risks that occur inside are cut, by their rank, into strata of about `size`;
    those of one risk are never parted. The order of the rows does not matter.

    Parameters
    ----------
    risk : ndarray of float, shape (n_customers,)
    inside : ndarray of bool, shape (n_customers,)
    size : int
    """
    strata = np.full(len(risk), NOWHERE)
    if not inside.any():
        return strata
    near = (risk >= risk[inside].min()) & (risk <= risk[inside].max())
    below = rankdata(risk[near], method="min").astype("int64") - 1
    strata[near] = below * max(1, len(below) // size) // len(below)
    both = np.isin(strata, strata[near & inside]) & np.isin(strata, strata[near & ~inside])
    return np.where(both, strata, NOWHERE)


def stratified_effect(
    values: np.ndarray,
    inside: np.ndarray,
    strata: np.ndarray,
    *,
    level: float,
    least: int = 1,
    word: bool = False,
    ranks: np.ndarray | None = None,
) -> Effect:
    """Compare a number, or having a word (1 or 0), inside and outside within strata.

    The effect is the mean over customers inside of Cliff's delta in their stratum; of a word that
    is the difference of its shares. Its p-value is that of dealing out the group anew within each
    stratum (van Elteren 1960; of a word Cochran 1954, doi:10.2307/3001616, corrected for
    continuity), by the normal distribution. The interval is Wilson's, for as many customers as
    would give a share the effect's standard error (DeLong's components, doi:10.2307/2531595,
    pooled over strata; near no difference at least the error of dealing out).

    Parameters
    ----------
    values : ndarray of float, shape (n_customers,)
        NaN does not count.
    inside : ndarray of bool, shape (n_customers,)
    strata : ndarray of int, shape (n_customers,)
        As :func:`strata_of` gives it.
    level : float
        Coverage of the interval, above 0 and below 1.
    least : int
        Customers that either group needs to be compared; with fewer nothing can be told.
    word : bool
        Whether `values` are 1 and 0, so that the effect moves in steps: of one customer with the
        word more on one side.
    ranks : ndarray of int, optional
        Whole numbers that are equal and rise where `values` do; short ones are sorted several
        times faster.

    Returns
    -------
    Effect
        ``inside`` is the mean of those who are compared, ``outside`` the mean of the others with
        each stratum weighed as inside.
    """
    kept = (strata != NOWHERE) & ~np.isnan(values)
    stratum, value, within = strata[kept], values[kept], inside[kept]
    m, n = np.bincount(stratum, within), np.bincount(stratum, ~within)
    both = (m > 0) & (n > 0)  # a missing value may have left a stratum with one group
    told = both[stratum]
    number = (np.cumsum(both) - 1).astype("uint16" if both.sum() < 2**16 else "int64")
    stratum, value, within = number[stratum[told]], value[told], within[told]
    m, n = m[both], n[both]
    if not len(m) or min(m.sum(), n.sum()) < least:
        return UNKNOWN_EFFECT
    weight = m / m.sum()
    rank = value if ranks is None else ranks[kept][told]
    place, a, b = _counted(stratum, rank.astype("uint8") if word else rank, within)
    # Of each value: the share of others below it, and of those inside above it, ties by half.
    lower = (_cumulated(b, place) - b / 2) / n[place]
    higher = 1 - (_cumulated(a, place) - a / 2) / m[place]
    areas = np.bincount(place, a * lower) / m
    area = float(weight @ areas)
    both_sides = a + b
    ties = np.bincount(place, both_sides**3 - both_sides)
    total = m + n
    dealt = weight**2 @ ((total + 1 - ties / (total * (total - 1))) / (12 * m * n))
    mean = np.bincount(stratum, value * within) / m, np.bincount(stratum, value * ~within) / n
    means = float(weight @ mean[0]), float(weight @ mean[1])
    if dealt <= 1e-15:  # within every stratum all have one value
        return Effect(*means, 0.0, 0.0, 0.0, 1.0)
    squares = a @ (lower - areas[place]) ** 2, b @ (higher - areas[place]) ** 2
    own = squares[0] / max(1, m.sum() - len(m)) * (weight**2 @ (1 / m))
    others = squares[1] / max(1, n.sum() - len(n)) * (weight**2 @ (1 / n))
    end = (2 * area - 1) ** 2
    error = (1 - end) * max(own + others, dealt) + end * (own + others)
    fewest = min(m.sum(), 1 / (weight**2 @ (1 / n)))
    size = max(area * (1 - area) / error, fewest) if error > 0 else fewest
    low, high = wilson(area, size, level=level)
    step = float((weight * (1 / m + 1 / n)).min()) / 2 if word else 0.0
    distance = max(0.0, abs(area - 0.5) - step / 2)
    return Effect(
        *means,
        effect=2 * area - 1,
        low=float(2 * low - 1),
        high=float(2 * high - 1),
        p_value=float(2 * ndtr(-distance / np.sqrt(dealt))),
    )


def _counted(
    stratum: np.ndarray, value: np.ndarray, within: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, for each value that occurs in a stratum, rising: the stratum, and both counts."""
    order = np.argsort(value, kind="stable")
    order = order[np.argsort(stratum[order], kind="stable")]  # fast, as strata are short numbers
    stratum, value = stratum[order].astype("int64"), value[order]
    first = np.flatnonzero((np.diff(stratum, prepend=-1) != 0) | (np.diff(value, prepend=0) != 0))
    inside = np.add.reduceat(within[order].astype("float64"), first)
    every = np.diff(first, append=len(order))
    return stratum[first], inside, every - inside


def _cumulated(counts: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return the running sum of `counts`, begun anew in each place (rising)."""
    running = np.cumsum(counts)
    first = np.flatnonzero(np.diff(place, prepend=-1))
    return running - (running[first] - counts[first])[place]
