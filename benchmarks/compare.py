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
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "stages"), str(ROOT / "benchmarks")]

from model import labelled

import simulate
from retention.core.params import Params, load_params
from retention.core.progress import progress
from retention.core.running import stage
from retention.core.vocabulary import LABEL
from retention.evaluation.comparison import verdict
from retention.models.selection import Trained, train_model
from retention.stats.paired import Difference, roc_auc_difference

SIZE = 5000
UNLABELLED = 0.15


def risks(
    table: pd.DataFrame, names: list[str], words: list[str], params: Params, **changed: object
) -> tuple[np.ndarray, Trained]:
    """Return every labelled customer's risk, out-of-fold or of the test split, and the model."""
    train = (table["split"] == "train").to_numpy()
    X, y, key = table[names], table[LABEL].to_numpy("int64"), table["twin_key"].to_numpy()
    trained = train_model(
        X[train], y[train], key[train], train=params.train.model_copy(update=changed),
        models=params.models, words=[word for word in words if word in names], quiet=True,
    )  # fmt: skip
    told = np.empty(len(y))
    told[train] = trained.risk
    told[~train] = trained.model.risk(X[~train])
    return told.round(6), trained


def words_and_names(dictionary: list[dict[str, object]]) -> tuple[list[str], list[str]]:
    """Return the names of the categorical features, and of all."""
    names = [str(feature["name"]) for feature in dictionary]
    return [name for name, f in zip(names, dictionary, strict=True) if f["categorical"]], names


def same_version(folder: Path, runs: int) -> list[Difference]:
    """Return the differences of the default way under other seeds against the first seed."""
    table, dictionary = labelled(folder)
    words, names = words_and_names(dictionary)
    params = load_params(ROOT / "params.yaml")
    label = table[LABEL].to_numpy("int64")
    first, _ = risks(table, names, words, params, seed=0)
    return [
        roc_auc_difference(label, first, risks(table, names, words, params, seed=seed)[0])
        for seed in progress(range(1, runs + 1), what="same version", unit="runs")
    ]


def worse_version(runs: int) -> list[Difference]:
    """Return the differences that taking the two best features away makes, a shop each."""
    from sklearn.inspection import permutation_importance

    params = load_params(ROOT / "params.yaml")
    found = []
    for seed in progress(range(1, runs + 1), what="worse version", unit="runs"):
        with tempfile.TemporaryDirectory() as scratch:
            total = round(SIZE / (1 - UNLABELLED))
            asked = {"customers": total, "unlabelled": UNLABELLED, "seed": seed}
            before = Path.cwd()
            text = (ROOT / "params.yaml").read_text(encoding="utf-8")
            (Path(scratch) / "params.yaml").write_text(_with(text, asked), encoding="utf-8")
            shutil.copy(ROOT / "columns.yaml", scratch)
            os.chdir(scratch)
            try:
                simulate.main()
            finally:
                os.chdir(before)
            table, dictionary = labelled(Path(scratch) / "data/sample")
        words, names = words_and_names(dictionary)
        label = table[LABEL].to_numpy("int64")
        whole, trained = risks(table, names, words, params, model="boosting")
        test = (table["split"] == "test").to_numpy()
        ranked = permutation_importance(
            trained.model.pipeline, table.loc[test, names], label[test], scoring="roc_auc",
            n_repeats=3, random_state=seed,
        )  # fmt: skip
        best = np.argsort(-ranked.importances_mean)[:2]
        kept = [name for place, name in enumerate(names) if place not in best]
        without, _ = risks(table, kept, words, params, model="boosting")
        found.append(roc_auc_difference(label, whole, without))
    return found


def _with(text: str, simulated: dict[str, object]) -> str:
    """Return params.yaml with other values in its section `simulate`."""
    before, after = text.split("\nsimulate:\n")
    section, rest = after.split("\nprepare:\n")
    for key, value in simulated.items():
        lines = [f"  {key}: {value}" if line.startswith(f"  {key}: ") else line
                 for line in section.split("\n")]  # fmt: skip
        section = "\n".join(lines)
    return f"{before}\nsimulate:\n{section}\nprepare:\n{rest}"


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
