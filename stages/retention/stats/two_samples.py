"""How far apart two samples of one column are, and the chance of it where nothing changed."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import kolmogorov, ndtri, stdtrit


@dataclass(frozen=True)
class DistributionGap:
    """How two samples differ.

    Attributes
    ----------
    distance : float
        0 (alike) to 1 (nothing in common).
    above, below : float
        Of numbers the part of it by which the second sample lies higher, and lower.
    p_value : float
        Chance of such a distance in two samples of one population.
    """

    distance: float
    above: float
    below: float
    p_value: float


@dataclass(frozen=True)
class MeanGap:
    """The means of two samples, and the second minus the first with its interval."""

    before: float
    after: float
    difference: float
    low: float
    high: float


def number_gap(before: np.ndarray, after: np.ndarray) -> DistributionGap:
    """Compare two samples of a number.

    The distance is Kolmogorov & Smirnov's, the largest difference between the two shares of
    customers below a value; the p-value comes from its limiting distribution, which is on the safe
    side for few customers and for ties. (scipy.stats has both, and takes longer to import than the
    test to run.)
    """
    every = np.unique(np.concatenate([before, after]))
    old, new = (
        np.searchsorted(np.sort(side), every, side="right") / len(side) for side in (before, after)
    )
    above, below = float((old - new).max()), float((new - old).max())
    distance = max(above, below)
    size = len(before) * len(after) / (len(before) + len(after))
    return DistributionGap(
        distance, max(above, 0), max(below, 0), float(kolmogorov(np.sqrt(size) * distance))
    )


def word_gap(before: pd.Series, after: pd.Series) -> DistributionGap:
    """Compare two samples of a word.

    The distance is that of total variation, half the sum of the differences of all shares. The
    p-value is the smallest of Fisher's exact tests of each word against all others (twice the
    smaller tail), times the number of words (Bonferroni): words are often rare, and a chi-squared
    of rare words is far from its limit.
    """
    from scipy.stats import hypergeom

    sides = [side.astype(object).value_counts() for side in (before, after)]
    counts = pd.concat(sides, axis=1).fillna(0).sort_index().to_numpy()
    totals = counts.sum(axis=0)
    distance = float(np.abs(np.subtract(*(counts / totals).T)).sum() / 2)
    if len(counts) < 2:
        return DistributionGap(distance, 0, 0, 1.0)
    drawn = hypergeom(totals.sum(), counts.sum(axis=1), totals[1])
    tails = np.minimum(drawn.cdf(counts[:, 1]), drawn.sf(counts[:, 1] - 1))
    # Of two words each is the other's rest: one test, not two.
    tests = len(counts) if len(counts) > 2 else 1
    return DistributionGap(distance, 0, 0, float(min(1, 2 * tails.min() * tests)))


def mean_gap(before: np.ndarray, after: np.ndarray, *, level: float) -> MeanGap:
    """Compare two means, the interval with unequal variances (Welch 1947)."""
    means = [float(side.mean()) for side in (before, after)]
    parts = [side.var(ddof=1) / len(side) for side in (before, after)]
    error, reach = sum(parts), ndtri((1 + level) / 2)
    if error > 0:
        freedom = error**2 / sum(
            part**2 / (len(side) - 1) for part, side in zip(parts, (before, after), strict=True)
        )
        reach = stdtrit(freedom, (1 + level) / 2)
    half = float(reach * np.sqrt(error))
    gap = means[1] - means[0]
    return MeanGap(*means, gap, gap - half, gap + half)
