"""Scores of a risk against what happened, each with a bootstrap interval.

Every score is of customers as resamples drew them (`Drawn`); one resample that drew each once
gives the plain score, so that estimate and interval come from the same formula.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

LOSS_CLIP = 1e-6
_CHUNK = 2_000_000
"""Customers of resamples that are worked on at a time."""


@dataclass(frozen=True)
class Ranks:
    """Customers in the order of a risk, the highest first: found once for all resamples.

    Parameters
    ----------
    label : ndarray of 0 and 1, shape (n_customers,)
    risk : ndarray of float, shape (n_customers,)
    """

    label: np.ndarray
    risk: np.ndarray

    @cached_property
    def order(self) -> np.ndarray:
        """The customers in that order."""
        return np.argsort(-self.risk, kind="stable")

    @cached_property
    def drops(self) -> np.ndarray:
        """Those who dropped, in that order."""
        return self.order[self.label[self.order] == 1]

    @cached_property
    def ends(self) -> np.ndarray:
        """Where in the order the last customer of each distinct risk is."""
        return np.flatnonzero(np.diff(self.risk[self.order], append=-np.inf))

    @cached_property
    def drops_at_ends(self) -> np.ndarray:
        """How many dropped up to there."""
        return np.cumsum(self.label[self.order] == 1)[self.ends]

    def at_least(self, threshold: float) -> int:
        """Return how many distinct risks are `threshold` or more."""
        return int((self.risk[self.order[self.ends]] >= threshold).sum())


@dataclass(frozen=True)
class Drawn:
    """Customers as resamples drew them.

    Parameters
    ----------
    label : ndarray of 0 and 1, shape (n_customers,)
    risk : ndarray of float, shape (n_customers,)
    weights : ndarray, shape (n_resamples, n_customers)
        How often each resample drew each customer.
    ranks : Ranks, optional
        Of label and risk, where they are known already.
    """

    label: np.ndarray
    risk: np.ndarray
    weights: np.ndarray
    ranks: Ranks | None = None

    @cached_property
    def in_order(self) -> Ranks:
        """The order of the risk."""
        return self.ranks or Ranks(self.label, self.risk)

    @cached_property
    def ranked(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights of drops and of others from each distinct risk up, as `ranked` returns them."""
        return ranked(self.in_order, self.weights)

    @cached_property
    def called(self) -> np.ndarray:
        """Weights of all from each distinct risk up."""
        drops, others = self.ranked
        return drops + others


Score = Callable[[Drawn], np.ndarray]


def resamples(groups: np.ndarray, *, count: int, seed: int) -> np.ndarray:
    """Draw bootstrap weights over groups of rows (a customer, with its twins as one).

    Parameters
    ----------
    groups : ndarray, shape (n_rows,)
        Rows of equal value are drawn together.
    count : int
        Number of resamples.
    seed : int
        Same seed, same resamples.

    Returns
    -------
    ndarray of uint8, shape (count, n_rows)
        How often each row is drawn in each resample.
    """
    labels, index = np.unique(groups, return_inverse=True)
    rng = np.random.default_rng(seed)
    n = len(labels)
    drawn = np.empty((count, len(index)), dtype="uint8")
    # A few at a time: the draws are large numbers, and one above 255 does not happen.
    step = max(1, _CHUNK // max(1, n))
    for start in range(0, count, step):
        some = min(step, count - start)
        draws = rng.multinomial(n, np.full(n, 1 / n), size=some).astype("uint8")
        drawn[start : start + some] = np.take(draws, index, axis=1)
    return drawn


def ranked(ranks: Ranks, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights of drops and of others from each distinct risk up, the highest first.

    Returns
    -------
    drops, others : ndarray, shape (n_resamples, 1 + n_distinct_risks)
        Cumulated weights of customers with at least that risk, from none of them on.
    """
    shape = len(weights), 1 + len(ranks.ends)
    drops, others = np.zeros(shape), np.zeros(shape)
    hits = np.zeros((len(weights), 1 + len(ranks.drops)))
    hits[:, 1:] = np.cumsum(np.take(weights, ranks.drops, axis=1), axis=1, dtype="float64")
    drops[:, 1:] = np.take(hits, ranks.drops_at_ends, axis=1)
    every = np.cumsum(np.take(weights, ranks.order, axis=1), axis=1, dtype="float64")
    others[:, 1:] = np.take(every, ranks.ends, axis=1)
    others -= drops
    return drops, others


def roc_auc(of: Drawn) -> np.ndarray:
    """Return the area under the ROC curve: a drop outranks another customer, ties by half."""
    drops, others = of.ranked
    below = others[:, -1:] - (others[:, 1:] + others[:, :-1]) / 2
    with np.errstate(invalid="ignore"):
        return (np.diff(drops) * below).sum(axis=1) / (drops[:, -1] * others[:, -1])


def average_precision(of: Drawn) -> np.ndarray:
    """Return the sum over risks of precision times the gain in recall."""
    drops, others = of.ranked
    precision = drops[:, 1:] / np.maximum(drops + others, 1e-12)[:, 1:]
    with np.errstate(invalid="ignore"):
        return (np.diff(drops) * precision).sum(axis=1) / drops[:, -1]


def brier(of: Drawn) -> np.ndarray:
    """Return the mean squared difference of risk and outcome (Brier 1950)."""
    return of.weights @ (of.risk - of.label) ** 2 / of.weights.sum(axis=1)


def log_loss(of: Drawn) -> np.ndarray:
    """Return the mean negative log-likelihood, in nats; risks are clipped at 1e-6."""
    p = np.clip(of.risk, LOSS_CLIP, 1 - LOSS_CLIP)
    losses = -(of.label * np.log(p) + (1 - of.label) * np.log1p(-p))
    return of.weights @ losses / of.weights.sum(axis=1)


def calibration_slope(of: Drawn) -> np.ndarray:
    """Return the slope of the outcome's log-odds as a line of the risk's; 1 is ideal."""
    return calibration_line(of.label, of.risk, of.weights)[0]


def calibration_line(
    label: np.ndarray, risk: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return slope and intercept of the recalibration line (Cox 1958), a pair a resample.

    Newton's method on the weighted logistic likelihood of two parameters, for all resamples at
    once; where the outcome is constant or perfectly ranked the line has no finite slope and the
    last step is given.
    """
    p = np.clip(risk, LOSS_CLIP, 1 - LOSS_CLIP)
    x = np.log(p) - np.log1p(-p)
    # From the constant model on, Newton's steps descend; from elsewhere they may run away.
    share = np.clip(weights @ label / weights.sum(axis=1), LOSS_CLIP, 1 - LOSS_CLIP)
    slope, intercept = np.zeros(len(weights)), np.log(share) - np.log1p(-share)
    for _ in range(25):
        fitted = 1 / (1 + np.exp(-np.clip(np.outer(slope, x) + intercept[:, None], -30, 30)))
        gap = weights * (label - fitted)
        curve = weights * fitted * (1 - fitted)
        a, b, c = curve.sum(axis=1) + 1e-9, curve @ x, curve @ x**2 + 1e-9
        g0, g1 = gap.sum(axis=1), gap @ x
        scale = np.maximum(a * c - b * b, 1e-9)
        step0, step1 = (c * g0 - b * g1) / scale, (a * g1 - b * g0) / scale
        intercept, slope = intercept + np.clip(step0, -5, 5), slope + np.clip(step1, -5, 5)
        if max(np.abs(step0).max(), np.abs(step1).max()) < 1e-8:
            break
    return slope, intercept


SCORES: dict[str, Score] = {
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "brier": brier,
    "log_loss": log_loss,
    "calibration_slope": calibration_slope,
}


def best_threshold(label: np.ndarray, risk: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return the risk from which on calling a drop gives the highest F1.

    `weight` tells how many customers each stands for, one where it is None.
    """
    stands = np.ones(len(label)) if weight is None else weight
    order = np.argsort(-risk, kind="stable")
    hits = np.cumsum((stands * label)[order])
    f1 = 2 * hits / (np.cumsum(stands[order]) + hits[-1])
    return float(risk[order][np.argmax(f1)])


def at_threshold(threshold: float) -> dict[str, Score]:
    """Return precision, recall and F1 of calling everyone at or above `threshold`."""

    def counts(of: Drawn) -> tuple[np.ndarray, ...]:
        place = of.in_order.at_least(threshold)
        return of.ranked[0][:, place], of.called[:, place], of.ranked[0][:, -1]

    def precision(of: Drawn) -> np.ndarray:
        hits, called, _ = counts(of)
        return hits / np.maximum(called, 1e-12)

    def recall(of: Drawn) -> np.ndarray:
        hits, _, drops = counts(of)
        return hits / np.maximum(drops, 1e-12)

    def f1(of: Drawn) -> np.ndarray:
        hits, called, drops = counts(of)
        return 2 * hits / np.maximum(called + drops, 1e-12)

    return {"precision": precision, "recall": recall, "f1": f1}


def lift(share: float) -> Score:
    """Return the score "share of drops among the riskiest `share` over that among all"."""

    def score(of: Drawn) -> np.ndarray:
        found = []
        for hits, called in zip(of.ranked[0], of.called, strict=True):
            # Customers of one risk on the border count with the part of them that lies inside,
            # drops and others alike: row order must not decide who comes first.
            reached = np.interp(share * called[-1], called, hits)
            found.append(reached / (share * max(hits[-1], 1e-12)))
        return np.array(found)

    return score


LIFTS = {"lift_05": lift(0.05), "lift_10": lift(0.10), "lift_20": lift(0.20)}


def spreads(
    scores: Mapping[str, Score], label: np.ndarray, risk: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Return each of `scores` for every resample; a few are worked on at a time, for memory."""
    step = max(1, _CHUNK // max(1, len(label)))
    ranks, parts = Ranks(label, risk), []
    for start in range(0, len(weights), step):
        drawn = Drawn(label, risk, weights[start : start + step], ranks)
        parts.append([score(drawn) for score in scores.values()])
    columns = zip(*parts, strict=True)
    return {name: np.concatenate(part) for name, part in zip(scores, columns, strict=True)}


def spread(score: Score, label: np.ndarray, risk: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return one score for every resample, as `spreads` does."""
    return spreads({"": score}, label, risk, weights)[""]


def plain(
    score: Score, label: np.ndarray, risk: np.ndarray, weight: np.ndarray | None = None
) -> float:
    """Return the score of the customers as they are, or each standing for `weight` of them."""
    stands = np.ones(len(label)) if weight is None else weight
    return float(score(Drawn(label, risk, stands[None]))[0])


def percentile_interval(values: np.ndarray, *, level: float) -> tuple[float, float]:
    """Return the percentile interval of bootstrap `values` that covers `level` of them.

    Resamples without a value (NaN) are left out; where none has one the ends are NaN.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)
