"""Does `compare` tell a real change from an accident?

Two recorded studies of its verdict (`evaluation.comparison`), each over RUNS pairs of versions.
Same version: the default way of training under another seed (folds, search, models) each time,
against the first seed, on the labelled customers of FOLDER; it should be called no difference.
Worse version: a boosting model of a simulated shop of 5,000 customers, another shop each time,
against the same without its two best features (by permutation importance on the test customers);
it should be called worse.

Usage: python benchmarks/compare.py FOLDER [--runs 100] [--study same|worse|both]
"""

import argparse
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from shops import CustomersOf, labelled, of_project, write_shop

from retention.core.progress import progress
from retention.core.running import stage
from retention.core.vocabulary import LABEL
from retention.evaluation.comparison import verdict
from retention.models.selection import Trained, train_model
from retention.stats.paired import Difference, roc_auc_difference

SIZE = 5000
UNLABELLED = 0.15


def risks(customers: CustomersOf, **changed: object) -> tuple[np.ndarray, Trained]:
    """Return every labelled customer's risk, out-of-fold or of the test split, and the model."""
    table, words = customers.table, [w for w in customers.words if w in customers.features]
    train = (table["split"] == "train").to_numpy()
    X, y = table[customers.features], table[LABEL].to_numpy("int64")
    _, params = of_project()
    trained = train_model(
        X[train],
        y[train],
        table["twin_key"].to_numpy()[train],
        train=params.train.model_copy(update=changed),
        models=params.models,
        words=words,
        quiet=True,
    )
    told = np.empty(len(y))
    told[train] = trained.risk
    told[~train] = trained.model.risk(X[~train])
    return told.round(6), trained


def same_version(folder: Path, runs: int) -> list[Difference]:
    """Return the differences of the default way under other seeds against the first seed."""
    customers = labelled(folder)
    label = customers.table[LABEL].to_numpy("int64")
    first, _ = risks(customers, seed=0)
    return [
        roc_auc_difference(label, first, risks(customers, seed=seed)[0])
        for seed in progress(range(1, runs + 1), what="same version", unit="runs")
    ]


def worse_version(runs: int) -> list[Difference]:
    """Return the differences that taking the two best features away makes, a shop each."""
    found = []
    for seed in progress(range(1, runs + 1), what="worse version", unit="runs"):
        with tempfile.TemporaryDirectory() as folder:
            total = round(SIZE / (1 - UNLABELLED))
            write_shop(Path(folder), count=total, unlabelled=UNLABELLED, seed=seed)
            customers = labelled(Path(folder))
        whole, trained = risks(customers, model="boosting")
        lacking = replace(customers, features=without_the_best(customers, trained, seed=seed))
        less, _ = risks(lacking, model="boosting")
        label = customers.table[LABEL].to_numpy("int64")
        found.append(roc_auc_difference(label, whole, less))
    return found


def without_the_best(customers: CustomersOf, trained: Trained, *, seed: int) -> list[str]:
    """Return the features but the two that matter most to the test customers."""
    from sklearn.inspection import permutation_importance

    test = customers.table[customers.table["split"] == "test"]
    ranked = permutation_importance(
        trained.model.pipeline,
        test[customers.features],
        test[LABEL].to_numpy("int64"),
        scoring="roc_auc",
        n_repeats=3,
        random_state=seed,
    )
    best = np.argsort(-ranked.importances_mean)[:2]
    return [name for place, name in enumerate(customers.features) if place not in best]


def row(name: str, found: list[Difference]) -> str:
    """Return a study as a row of the table."""
    said = Counter(verdict(one) for one in found)
    gaps = np.array([one.value for one in found])
    counts = ", ".join(f"{word}: {count}" for word, count in said.most_common())
    low, high = np.quantile(gaps, [0.05, 0.95])
    return f"| {name} | {len(found)} | {counts} | {gaps.mean():+.4f} | {low:+.4f} to {high:+.4f} |"


@stage
def main() -> None:
    """Print a row a study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--study", choices=["same", "worse", "both"], default="both")
    options = parser.parse_args()
    rows = []
    if options.study != "same":
        rows.append(row("without the two best features", worse_version(options.runs)))
    if options.study != "worse":
        found = same_version(options.folder.resolve(), options.runs)
        rows.append(row("same version, another seed", found))
    print("| version | runs | verdict | mean difference of ROC-AUC | middle 90 % |")
    print("|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
