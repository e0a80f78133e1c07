"""How well does the whole way of choosing a model rank customers it has never seen?

Nested cross-validation: in each outer fold the search, the blend and the choice of the family see
the outer training part only; one row of each twin pair is trained on and scored. Every family
(those that auto does not compare are searched too) and every baseline is scored on the same outer
folds; differences to auto are paired, and their intervals are corrected for the overlap of
training parts (Nadeau & Bengio 2003, doi:10.1023/A:1024068626366). Below the table: what auto
took, and whether its risks are true for the customers of the outer folds, all repeats pooled,
beside a plain sigmoid.

Usage: python benchmarks/model.py FOLDER [--repeats 4] [--folds 5]
where FOLDER holds the four exports.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from shops import CustomersOf, labelled, of_project

from retention.core.progress import progress
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY, LABEL
from retention.evaluation.baselines import best_rule, published_recipe
from retention.models.calibration import fit_sigmoid
from retention.models.estimators import FAMILIES, raw_score, sigmoid
from retention.models.search import make_splits
from retention.models.selection import Trained, train_model
from retention.stats.metrics import (
    calibration_line,
    log_loss,
    percentile_interval,
    plain,
    resamples,
    roc_auc,
)


def one_fold(
    customers: CustomersOf, train: np.ndarray, test: np.ndarray
) -> tuple[dict[str, float], pd.DataFrame, str]:
    """Return what the outer test part says of a model chosen on the outer training part.

    Returns
    -------
    areas : dict
        ROC-AUC of auto, of each family and of each baseline.
    risks : DataFrame
        ``row``, ``drop``, and the risk told by auto (``risk``) and by its score under a plain
        sigmoid (``sigmoid``).
    family : str
        What auto took.
    """
    _, params = of_project()
    table = customers.table
    X, y = table[customers.features], table[LABEL].to_numpy("int64")
    key = table["twin_key"].to_numpy()

    def chosen(**changed: object) -> Trained:
        return train_model(
            X.iloc[train], y[train], key[train], train=params.train.model_copy(update=changed),
            models=params.models, words=customers.words, quiet=True,
        )  # fmt: skip

    trained = chosen()
    areas = {"auto": plain(roc_auc, y[test], trained.model.line(X.iloc[test]))}
    others = [name for name in FAMILIES if name not in params.train.families]
    candidates = [one for name in others for one in chosen(model=name).candidates]
    for candidate in [*trained.candidates, *candidates]:
        fitted = candidate.pipeline.fit(X.iloc[train], y[train])
        score = raw_score(fitted, X.iloc[test])
        areas[candidate.result.family] = plain(roc_auc, y[test], score)
    recipe = published_recipe(X, seed=params.train.seed).fit(X.iloc[train], y[train])
    areas["published recipe"] = plain(roc_auc, y[test], recipe.decision_function(X.iloc[test]))
    rule = best_rule(X.iloc[train], y[train]).score(X.iloc[test])
    areas["best one-column rule"] = plain(roc_auc, y[test], rule)
    best = trained.best
    slope, intercept = fit_sigmoid(best.score, y[train])
    score = raw_score(trained.model.pipeline, X.iloc[test])
    risks = pd.DataFrame(
        {
            "row": test,
            LABEL: y[test],
            "risk": trained.model.risk(X.iloc[test]),
            "sigmoid": sigmoid(slope * score + intercept),
        }
    )
    return areas, risks, best.result.family


def calibration_of(risks: pd.DataFrame) -> str:
    """Return a sentence on slope, intercept and log-loss of the pooled risks of auto."""
    label = risks[LABEL].to_numpy()
    weights = resamples(risks["row"].to_numpy(), count=1000, seed=1)
    told = {name: risks[name].to_numpy() for name in ("risk", "sigmoid")}
    slopes, shifts = calibration_line(label, told["risk"], weights)
    slope, shift = calibration_line(label, told["risk"], np.ones((1, len(label))))
    losses = {name: plain(log_loss, label, risk) for name, risk in told.items()}
    low, high = percentile_interval(slopes, level=0.95)
    return (
        f"calibration of auto: slope {slope[0]:.3f} ({low:.3f} to {high:.3f}), intercept "
        "{:+.3f} ({:+.3f} to {:+.3f})".format(shift[0], *percentile_interval(shifts, level=0.95))
        + f", log-loss {losses['risk']:.4f}, with a plain sigmoid {losses['sigmoid']:.4f}"
    )


@stage
def main() -> None:
    """Print the table, the best first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    folder = options.folder.resolve()
    customers = labelled(folder)
    table = customers.table
    splits = make_splits(
        table["twin_key"].to_numpy(), count=options.folds, repeats=options.repeats, seed=2
    )
    folds = [
        one_fold(customers, train, test)
        for train, test in progress(splits, what="bench", unit="folds")
    ]
    rows = [areas for areas, _, _ in folds]
    truth = folder / "truth.parquet"
    if truth.exists():
        known = pd.read_parquet(truth).astype({IDENTITY: "str"}).set_index(IDENTITY)["probability"]
        told, y = known[table[IDENTITY]].to_numpy(), table[LABEL].to_numpy("int64")
        for row, (_, test) in zip(rows, splits, strict=True):
            row["best reachable"] = plain(roc_auc, y[test], told[test])
    found = pd.DataFrame(rows)
    ratio = np.mean([len(test) / len(train) for train, test in splits])
    widths = np.sqrt(1 / len(found) + ratio)
    print(f"{len(table)} customers, {options.repeats} x {options.folds} outer folds")
    print("| | nested ROC-AUC | standard error | auto minus it | 95 % interval |")
    print("|---|---|---|---|---|")
    for name in found.mean().sort_values(ascending=False).index:
        gap = found["auto"] - found[name]
        half = 1.96 * gap.std(ddof=1) * widths
        print(
            f"| {name} | {found[name].mean():.4f} | {found[name].std(ddof=1) * widths:.4f} "
            f"| {gap.mean():+.4f} | {gap.mean() - half:+.4f} to {gap.mean() + half:+.4f} |"
        )
    taken = Counter(family for _, _, family in folds)
    print(
        "\nauto took " + ", ".join(f"{name} {count} times" for name, count in taken.most_common())
    )
    print(calibration_of(pd.concat([risks for _, risks, _ in folds], ignore_index=True)))


if __name__ == "__main__":
    main()
