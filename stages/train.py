"""Train: which model ranks and calibrates best?

Reads data/features/; writes data/model/ (model.skops, model.json, out_of_fold.parquet),
metrics/train.json and plots/train/.
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from retention.errors import InputError, stage
from retention.families import FAMILIES, RiskModel, fit_sigmoid, make_model, sigmoid
from retention.files import read_json, read_parquet, write_csv, write_json, write_parquet
from retention.model_file import save_model
from retention.params import load_params
from retention.progress import progress
from retention.scores import SCORES, plain
from retention.searching import SearchResult, best_of, make_splits, out_of_fold, search
from retention.vocabulary import IDENTITY, LABEL

FEATURES = Path("data/features/features.parquet")
DICTIONARY = Path("data/features/dictionary.json")
MODEL = Path("data/model/model.skops")
CARD = Path("data/model/model.json")
OUT_OF_FOLD = Path("data/model/out_of_fold.parquet")
METRICS = Path("metrics/train.json")
SEARCH = Path("plots/train/search.csv")

MARGIN = 0.002
"""Two families this close in ROC-AUC count as equal; the simpler is taken."""


def best_threshold(label: np.ndarray, risk: np.ndarray) -> float:
    """Return the risk from which on calling a drop gives the highest F1."""
    order = np.argsort(-risk, kind="stable")
    hits = np.cumsum(label[order])
    f1 = 2 * hits / (np.arange(1, len(label) + 1) + label.sum())
    return float(risk[order][np.argmax(f1)])


@stage
def main() -> None:
    """Search the families, calibrate the best out-of-fold, fit it on all training rows."""
    params = load_params()
    train, models = params.train, params.models
    table, dictionary = read_parquet(FEATURES), read_json(DICTIONARY)
    names = [feature["name"] for feature in dictionary]
    words = [feature["name"] for feature in dictionary if feature["categorical"]]
    rows = table[(table["split"] == "train") & table["scored"]]
    X, y = rows[names], rows[LABEL].to_numpy("int64")
    if min(y.sum(), (1 - y).sum()) < 2 * train.folds:
        raise InputError(
            f"{FEATURES}: {y.sum()} training customers dropped and {(1 - y).sum()} stayed; "
            f"at least {2 * train.folds} of each are needed (twice params train.folds)"
        )
    splits = make_splits(
        rows["twin_key"].to_numpy(), count=train.folds, repeats=train.repeats, seed=train.seed
    )
    results: list[SearchResult] = []
    families = train.families if train.model == "auto" else [train.model]
    in_order = [name for name in FAMILIES if name in families]
    for name in progress(in_order, what="train", unit="families"):
        knobs = getattr(models, name).model_dump()
        results.append(
            search(
                X, y, FAMILIES[name], knobs, splits=splits, candidates=train.candidates,
                words=words, seed=train.seed, jobs=train.jobs,
            )
        )  # fmt: skip
    best = best_of(results, margin=MARGIN)
    numbers = [name for name in names if name not in words]
    pipeline = make_model(FAMILIES[best.family], numbers=numbers, words=words, seed=train.seed)
    pipeline.set_params(**{f"estimate__{knob}": value for knob, value in best.knobs.items()})
    score = out_of_fold(pipeline, X, y, splits=splits, jobs=train.jobs)
    slope, intercept = fit_sigmoid(score, y)
    risk = sigmoid(slope * score + intercept)
    threshold = best_threshold(y, risk)
    digest = save_model(RiskModel(pipeline.fit(X, y), slope, intercept), MODEL)
    versions = {package: version(package) for package in ("scikit-learn", "skops", "numpy")}
    card = {
        "family": best.family,
        "knobs": best.knobs,
        "features": {name: "word" if name in words else "number" for name in names},
        "calibration": {"slope": slope, "intercept": intercept},
        "threshold": threshold,
        "training_customers": len(y),
        "versions": versions,
        "sha256": digest,
    }
    write_json(card, CARD)
    write_parquet(pd.DataFrame({IDENTITY: rows[IDENTITY], "risk": risk.round(6)}), OUT_OF_FOLD)
    found = {
        r.family: {"search_mean": r.mean, "search_se": r.se, "knobs": r.knobs} for r in results
    }
    scores = {f"out_of_fold_{name}": plain(score, y, risk) for name, score in SCORES.items()}
    metrics = {"family": best.family, "threshold": threshold, **scores, "families": found}
    write_json(metrics, METRICS)
    bars = [(r.family, r.mean, r.se) for r in results]
    write_csv(pd.DataFrame(bars, columns=["family", "roc_auc", "standard_error"]), SEARCH)


if __name__ == "__main__":
    main()
