"""Is the learning curve right about more customers? A study of fresh simulated shops.

Each shop is a draw from a large simulated one. The truth: the mean gain in ROC-AUC, on customers
far more than any shop has, between models trained on as many customers as the curve compares. A
right "helps" is one where the truth is above 0; a right "level" one where it is below
`learning_curve.FLAT`.

Usage: python benchmarks/learning.py [--shops 300] [--seed 1]
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "stages"), str(ROOT / "benchmarks")]

from campaign import NUMBERS
from retention.core.progress import progress
from retention.models.estimators import raw_score
from retention.models.learning_curve import FLAT, learning_curve
from retention.stats.metrics import plain, roc_auc
from simulation.shop import simulate_customers

POOL, TESTED = 60_000, 10_000
"""Customers to draw shops from, and others that tell the truth."""
MODELS = {
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(C=0.3)),
    "tree": make_pipeline(DecisionTreeClassifier(max_depth=6, min_samples_leaf=5, random_state=1)),
}
SIZES = (200, 800, 4000)


def true_area(
    model: Pipeline,
    pool: pd.DataFrame,
    label: np.ndarray,
    size: int,
    *,
    draws: int,
    rng: np.random.Generator,
) -> float:
    """Return the mean ROC-AUC of models trained on `size` customers of the pool."""
    areas = []
    for _ in range(draws):
        rows = TESTED + rng.choice(len(pool) - TESTED, size, replace=False)
        fitted = model.fit(pool.iloc[rows], label[rows])
        areas.append(plain(roc_auc, label[:TESTED], raw_score(fitted, pool.iloc[:TESTED])))
    return float(np.mean(areas))


def main() -> None:
    """Print how often the interval of the gain covers it, and what is said of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shops", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    shop = simulate_customers(POOL, unlabelled=0, seed=options.seed)
    mixed = shop.customers.sample(frac=1, random_state=options.seed)  # they are sorted by label
    pool, label = mixed[NUMBERS].astype("float64"), mixed["drop"].to_numpy("int64")
    print(
        f"{options.shops} shops a row; level: below {FLAT}\n\n| model | customers | true gain "
        "| covered, % | mean width | helps, % | level, % | cannot be told, % |\n|---|" + "---:|" * 7
    )
    for name, model in MODELS.items():
        for size in SIZES:
            found = []
            for _ in progress(range(options.shops), what=f"{name}, {size}", unit="shops"):
                rows = TESTED + rng.choice(len(pool) - TESTED, size, replace=False)
                key = rng.integers(2**63, size=size, dtype="uint64")
                curve = learning_curve(model, pool.iloc[rows], label[rows], key, seed=1)
                found.append(curve.gain)
            told = pd.DataFrame(found)
            before, after = (
                true_area(model, pool, label, round(told[end].mean()), draws=200, rng=rng)
                for end in ("before", "after")
            )
            covered = told["low"].le(after - before) & told["high"].ge(after - before)
            verdicts = [100 * (told["verdict"] == one).mean() for one in _VERDICTS]
            print(
                f"| {name} | {size} | {after - before:+.4f} | {100 * covered.mean():.1f} "
                f"| {(told['high'] - told['low']).mean():.4f} | "
                + " | ".join(f"{rate:.1f}" for rate in verdicts)
                + " |",
                flush=True,
            )


_VERDICTS = ("helps", "level", "unclear")


if __name__ == "__main__":
    main()
