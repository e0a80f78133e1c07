"""Do the intervals of a model's scores cover?

Draws test customers whose true scores are known: the log-odds of a drop rise with a normal score,
so ROC-AUC is Phi(shift / sqrt 2), and the other scores follow by integration. A second score of
the same customers has a ROC-AUC lower by GAP, or an equal one, and is related to the first.
Counted are the draws whose interval (`stats.estimates`) holds the truth, among those in which both
classes have the customers that an interval needs; and in how many a difference of GAP is seen.
Three tables follow: scores of other shapes, how often a leak is suspected, and what the percentile
bootstrap of ROC-AUC would cover.

Usage: python benchmarks/intervals.py [--runs 2500] [--study cover|shapes|leak|bootstrap|all]
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from retention.core.progress import progress
from retention.core.running import stage
from retention.evaluation.evaluation import TOO_GOOD
from retention.stats.effects import wilson
from retention.stats.estimates import ESTIMATES, Area, enough_of_each, roc_auc_of
from retention.stats.metrics import percentile_interval, resamples, roc_auc, spread

LEVEL = 0.95
SIZES = (60, 250, 2000)
SHARES = (0.05, 0.38, 0.95)
AREAS = (0.75, 0.92, 0.98)
GAP = 0.05
RESAMPLES = 400
LEAST, MOST, MANY = 0.93, 0.97, 50
"""What ROC-AUC and its differences must cover at least; at most, where each class has so many."""
FORESEEN = 0.95
"""Share of the drops that can be foreseen, where some cannot."""
SHAPES = {"drops twice as spread": (2.0, 1.0), "5 % of drops like the others": (1.0, FORESEEN)}
"""Spread of the drops' score, and share of them that can be foreseen."""

Covered = dict[str, list[bool]]


def drawn(
    rng: np.random.Generator,
    size: int,
    share: float,
    area: float,
    *,
    wide: float = 1.0,
    foreseen: float = 1.0,
) -> tuple[np.ndarray, Callable[[float, float], np.ndarray], np.ndarray]:
    """Return label, how to draw a second score of a ROC-AUC and relation, and the first score."""
    label = (rng.random(size) < share).astype("int64")
    known = (label == 1) & (rng.random(size) < foreseen)
    scale = np.where(known, wide, 1.0)
    noise = rng.normal(size=size)

    def score(mean: float, own: np.ndarray) -> np.ndarray:
        return own * scale + known * ndtri(mean) * np.sqrt(1 + wide**2)

    def second(other: float, related: float) -> np.ndarray:
        own = related * noise + np.sqrt(1 - related**2) * rng.normal(size=size)
        return score(other, own)

    return label, second, score(area, noise)


def risk_of(score: np.ndarray, share: float, area: float) -> np.ndarray:
    """Return the true probability of a drop at `score`."""
    shift = ndtri(area) * np.sqrt(2)
    return expit(logit(share) + shift * score - shift**2 / 2)


def truths(share: float, area: float) -> dict[str, float]:
    """Return the true scores, by integration over the score."""
    shift = ndtri(area) * np.sqrt(2)
    at = np.linspace(-9, shift + 9, 200_001)
    step = at[1] - at[0]
    drops, others = (
        np.exp(-((at - mean) ** 2) / 2) / np.sqrt(2 * np.pi) * step for mean in (shift, 0)
    )
    risk = risk_of(at, share, area)
    above, below = share * ndtr(shift - at), (1 - share) * ndtr(-at)
    precision = above / np.maximum(above + below, 1e-300)
    losses = {
        "brier": ((1 - risk) ** 2, risk**2),
        "log_loss": (np.logaddexp(0, -logit(risk)), np.logaddexp(0, logit(risk))),
    }
    means = {
        name: share * drops @ of_drops + (1 - share) * others @ of_others
        for name, (of_drops, of_others) in losses.items()
    }
    return {"roc_auc": area, "average_precision": float(drops @ precision)} | means


def holds(interval: tuple[float, float], truth: float) -> bool:
    """Return whether the interval has the truth in it."""
    return interval[0] <= truth <= interval[1]


def cover(rng: np.random.Generator, size: int, share: float, area: float, runs: int) -> Covered:
    """Return, for each score and difference, whether its interval held the truth in each draw."""
    true, lower = truths(share, area), truths(share, area - GAP)
    found: Covered = {}
    for _ in range(runs):
        label, second, first = drawn(rng, size, share, area)
        found.setdefault("told", []).append(enough_of_each(label))
        if not found["told"][-1]:
            continue
        scores = [
            (first, area),
            (second(area - GAP, 0.5), area - GAP),
            (second(area, 0.5), area),
            (second(area, 0.9), area),
        ]
        risks = [risk_of(score, share, of) for score, of in scores[:2]]
        for name in ("average_precision", "brier", "log_loss"):
            ours, theirs = (ESTIMATES[name](label, risk) for risk in risks)
            found.setdefault(name, []).append(holds(ours.interval(LEVEL), true[name]))
            gap = (ours - theirs).interval(LEVEL)
            found.setdefault(f"{name} gap", []).append(holds(gap, true[name] - lower[name]))
        ours, *others = (roc_auc_of(label, score) for score, _ in scores)
        found.setdefault("area", []).append(holds(ours.interval(LEVEL), area))
        for name, other, truth in zip(("gap", "equal", "near"), others, (GAP, 0, 0), strict=True):
            ends = (ours - other).interval(LEVEL)
            found.setdefault(name, []).append(holds(ends, truth))
            if name == "gap":
                found.setdefault("seen", []).append(ends[0] > 0)
    return found


def verdict(hits: list[bool], *, capped: bool) -> bool:
    """Return whether a rate is met: its own 95 % interval reaches what is asked."""
    low, high = wilson(float(np.mean(hits)), len(hits), level=LEVEL)
    return bool(high >= LEAST and not (capped and low > MOST))


def percent(hits: list[bool] | None) -> str:
    """Return the share of hits, a dash where nothing was told."""
    return f"{100 * np.mean(hits):.1f}" if hits else "–"


def cells() -> Iterator[tuple[int, float, float]]:
    """Return the sizes, shares of drops and ROC-AUCs of the study, with progress."""
    yield from progress(list(product(SIZES, SHARES, AREAS)), what="cover", unit="cells")


def show_cover(runs: int) -> None:
    """Print the coverage of every interval, and whether those by ranks cover what is asked."""
    names = {
        "area": "ROC-AUC",
        "gap": "difference of 0.05",
        "equal": "of 0, related by 0.5",
        "near": "of 0, related by 0.9",
        "seen": "0.05 seen",
        "average_precision": "average precision",
        "average_precision gap": "its difference",
        "brier": "Brier",
        "brier gap": "its difference",
        "log_loss": "log-loss",
        "log_loss gap": "its difference",
    }
    print("| customers | drops | true ROC-AUC | draws told | " + " | ".join(names.values()) + " |")
    print("|" + "---:|" * (4 + len(names)))
    missed, rng = [], np.random.default_rng(1)
    for size, share, area in cells():
        found = cover(rng, size, share, area, runs)
        told = sum(found["told"])
        if told < runs / 2:  # too few draws to count
            found = {}
        values = " | ".join(percent(found.get(name)) for name in names)
        print(
            f"| {size} | {100 * share:.0f} % | {area} | {told} of {runs} | {values} |", flush=True
        )
        capped = size * min(share, 1 - share) >= MANY
        missed += [
            f"{names[name]} at {size}, {share:.0%}, {area}"
            for name in ("area", "gap", "equal", "near")
            if name in found and not verdict(found[name], capped=capped)
        ]
    print(f"\nasked of ROC-AUC: {LEAST:.0%} at least, {MOST:.0%} at most if each class has {MANY}")
    print(f"missed: {', '.join(missed) or 'none'}")


def show_shapes(runs: int) -> None:
    """Print the coverage of ROC-AUC and its difference for scores that are less even."""
    print("| scores | customers | drops | ROC-AUC of the foreseen | ROC-AUC | difference of 0 |")
    print("|---|---:|---:|---:|---:|---:|")
    rng = np.random.default_rng(2)
    for name, (wide, foreseen) in SHAPES.items():
        for size, share, area in product((250, 2000), (0.05, 0.38), (0.92, 0.98)):
            truth = foreseen * area + (1 - foreseen) / 2
            alone, equal = [], []
            for _ in range(runs):
                label, second, first = drawn(rng, size, share, area, wide=wide, foreseen=foreseen)
                if enough_of_each(label):
                    ours = roc_auc_of(label, first)
                    gap = ours - roc_auc_of(label, second(area, 0.5))
                    alone.append(holds(ours.interval(LEVEL), truth))
                    equal.append(holds(gap.interval(LEVEL), 0))
            values = f"{percent(alone)} | {percent(equal)}"
            print(f"| {name} | {size} | {100 * share:.0f} % | {area} | {values} |", flush=True)


def show_leak(runs: int) -> None:
    """Print how often a leak is suspected, by the true ROC-AUC."""
    areas = (0.92, 0.96, 0.98, 0.99, 0.995, 0.999)
    print("| customers | drops | " + " | ".join(str(area) for area in areas) + " |")
    print("|" + "---:|" * (2 + len(areas)))
    rng = np.random.default_rng(3)

    def suspected(found: Area) -> bool:
        return found.interval(LEVEL)[0] > TOO_GOOD

    for size, share in product(SIZES, SHARES[:2]):
        rates = []
        for area in areas:
            draws = (drawn(rng, size, share, area) for _ in range(runs))
            hits = [suspected(roc_auc_of(label, first)) for label, _, first in draws]
            rates.append(percent(hits))
        print(f"| {size} | {100 * share:.0f} % | " + " | ".join(rates) + " |", flush=True)


def show_bootstrap(runs: int) -> None:
    """Print what the percentile bootstrap of ROC-AUC covers, of a fifth of the draws, and ours."""
    print("| customers | drops | true ROC-AUC | percentile bootstrap | formula |")
    print("|---:|---:|---:|---:|---:|")
    rng = np.random.default_rng(4)
    for size, share, area in product((250, 2000), (0.05, 0.38), AREAS):
        drawn_again, ours = [], []
        for seed in range(runs // 5):
            label, _, first = drawn(rng, size, share, area)
            if enough_of_each(label):
                weights = resamples(np.arange(size), count=RESAMPLES, seed=seed)
                areas = spread(roc_auc, label, first, weights)
                drawn_again.append(holds(percentile_interval(areas, level=LEVEL), area))
                ours.append(holds(roc_auc_of(label, first).interval(LEVEL), area))
        values = f"{percent(drawn_again)} | {percent(ours)}"
        print(f"| {size} | {100 * share:.0f} % | {area} | {values} |", flush=True)


STUDIES = {
    "cover": show_cover,
    "shapes": show_shapes,
    "leak": show_leak,
    "bootstrap": show_bootstrap,
}


@stage
def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2500)
    parser.add_argument("--study", choices=[*STUDIES, "all"], default="all")
    options = parser.parse_args()
    for name, show in STUDIES.items():
        if options.study in (name, "all"):
            show(options.runs)
            print()


if __name__ == "__main__":
    main()
