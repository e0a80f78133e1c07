"""Train: which model ranks and calibrates best?

Reads data/features/; writes data/model/ (model.skops, model.json, out_of_fold.parquet),
metrics/train.json and plots/train/.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.errors import InputError
from retention.core.files import read_json, read_parquet, write_csv, write_json, write_parquet
from retention.core.hashing import part_of, uniform
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY, LABEL
from retention.evaluation.curves import reliability
from retention.models.estimators import BEND, sigmoid
from retention.models.persistence import save_model
from retention.models.search import learnable, make_splits, out_of_fold
from retention.models.selection import Trained, train_model
from retention.stats.metrics import SCORES, best_threshold, calibration_line, plain, roc_auc

FEATURES = Path("data/features/features.parquet")
DICTIONARY = Path("data/features/dictionary.json")
MODEL = Path("data/model/model.skops")
CARD = Path("data/model/model.json")
OUT_OF_FOLD = Path("data/model/out_of_fold.parquet")
METRICS = Path("metrics/train.json")
SEARCH = Path("plots/train/search.csv")
RELIABILITY = Path("plots/train/calibration.csv")
LEARNING = Path("plots/train/learning.csv")


def training_rows(table: pd.DataFrame, *, most: int, seed: int) -> pd.DataFrame:
    """Return one row of each twin pair among the training customers, at most `most` of them.

    The rows are chosen by the hash of their behaviour, as large a share of either class.
    """
    rows = table[(table["split"] == "train") & table["scored"]]
    key, label = rows["twin_key"].to_numpy(), rows[LABEL].to_numpy()
    return rows[part_of(key, label, most=most, seed=seed, purpose="rows")]


def learning_curve(
    trained: Trained, features: pd.DataFrame, label: np.ndarray, key: np.ndarray, *, seed: int
) -> pd.DataFrame:
    """Return the out-of-fold ROC-AUC of the chosen model by number of training customers.

    The ROC-AUC is missing where a part of so few customers leaves a fold one class to learn from.
    """
    draw = uniform(key, seed=seed, purpose="learning")
    points = []
    for share in (0.2, 0.4, 0.6, 0.8, 1.0):
        part = np.flatnonzero(draw < share)
        splits = make_splits(key[part], count=5, repeats=1, seed=seed)
        area = float("nan")
        if learnable(splits, label[part]):
            score = out_of_fold(trained.best.pipeline, features.iloc[part], label[part],
                                splits=splits, jobs=1)  # fmt: skip
            area = plain(roc_auc, label[part], score)
        points.append((len(part), area))
    return pd.DataFrame(points, columns=["customers", "roc_auc"])


def before_and_after(score: np.ndarray, label: np.ndarray, risk: np.ndarray) -> dict[str, object]:
    """Return slope, intercept, Brier score and log-loss before and after the calibration."""
    found = {}
    for when, told in (("before", sigmoid(score)), ("after", risk)):
        slope, intercept = calibration_line(label, told, np.ones((1, len(label))))
        found[when] = {
            "slope": slope[0],
            "intercept": intercept[0],
            **{name: plain(SCORES[name], label, told) for name in ("brier", "log_loss")},
        }
    return found


@stage
def main() -> None:
    """Search the families, calibrate the best out-of-fold, fit it on the training rows."""
    params = load_params()
    train = params.train
    table, dictionary = read_parquet(FEATURES), read_json(DICTIONARY)
    names = [feature["name"] for feature in dictionary]
    words = [feature["name"] for feature in dictionary if feature["categorical"]]
    rows = training_rows(table, most=train.max_rows, seed=train.seed)
    X, y, key = rows[names], rows[LABEL].to_numpy("int64"), rows["twin_key"].to_numpy()
    if min(y.sum(), (1 - y).sum()) < 2 * train.folds:
        raise InputError(
            f"{FEATURES}: {y.sum()} training customers dropped and {(1 - y).sum()} stayed; "
            f"at least {2 * train.folds} of each are needed (twice params train.folds)"
        )
    trained = train_model(X, y, key, train=train, models=params.models, words=words)
    best, calibration = trained.best, trained.calibration
    risk = trained.risk
    threshold = best_threshold(y, risk)
    packages = ("scikit-learn", "skops", "numpy")
    card = {
        "family": best.result.family,
        "knobs": best.result.knobs,
        "features": {name: "word" if name in words else "number" for name in names},
        "calibration": calibration.kind,
        "threshold": threshold,
        "training_customers": len(y),
        "data": hashlib.sha256(np.sort(key).tobytes()).hexdigest(),
        "versions": {package: version(package) for package in packages},
        "sha256": save_model(trained.model, MODEL),
    }
    write_json(card, CARD)
    write_parquet(pd.DataFrame({IDENTITY: rows[IDENTITY], "risk": risk}), OUT_OF_FOLD)
    results = [candidate.result for candidate in trained.candidates]
    metrics = {
        "family": best.result.family,
        "threshold": threshold,
        **{f"out_of_fold_{name}": plain(score, y, risk) for name, score in SCORES.items()},
        "families": {
            r.family: {"search_mean": r.mean, "search_se": r.se, "knobs": r.knobs} for r in results
        },
        "calibration": {
            "kind": calibration.kind,
            "slope": calibration.slope,
            "intercept": calibration.intercept,
            "bend": calibration.bend and dict(zip(BEND, calibration.bend, strict=True)),
            "log_loss": trained.losses,
            **before_and_after(best.score, y, risk),
        },
    }
    write_json(metrics, METRICS)
    bars = [(r.family, r.mean, r.se) for r in results]
    write_csv(pd.DataFrame(bars, columns=["family", "roc_auc", "standard_error"]), SEARCH)
    write_csv(reliability(y, risk), RELIABILITY)
    write_csv(learning_curve(trained, X, y, key, seed=train.seed), LEARNING)


if __name__ == "__main__":
    main()
