"""Evaluate: how good is it, honestly, and against what?

Reads data/model/, data/features/ and, for the simulated shop, data/sample/truth.parquet; writes
metrics/evaluate.json and plots/evaluate/. The only stage that looks at the test customers'
labels, and it measures the very file that train saved.
"""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from retention.baselines import published_recipe
from retention.charts import BLUE, GREY, ORANGE, picture
from retention.curves import confusion, ranking_curves, reliability
from retention.errors import InputError, stage
from retention.files import read_json, read_parquet, write_csv, write_json
from retention.model_file import load_model
from retention.params import load_params
from retention.scores import SCORES, interval, plain, resamples, roc_auc, spread
from retention.vocabulary import IDENTITY, LABEL

FEATURES = Path("data/features/features.parquet")
MODEL = Path("data/model/model.skops")
CARD = Path("data/model/model.json")
OUT_OF_FOLD = Path("data/model/out_of_fold.parquet")
SAMPLE = Path("data/sample")
TRUTH = SAMPLE / "truth.parquet"
METRICS = Path("metrics/evaluate.json")
PLOTS = Path("plots/evaluate")
PREDICTIONS = 5000
"""Customers in predictions.csv at most: it lives in Git."""


def score_all(
    label: np.ndarray, risk: np.ndarray, baseline: np.ndarray, weights: np.ndarray, *, level: float
) -> dict[str, float]:
    """Return every score with its interval, the baseline's ROC-AUC and the paired difference."""
    found: dict[str, float] = {}
    drawn: dict[str, np.ndarray] = {}
    for name, score in SCORES.items():
        drawn[name] = spread(score, label, risk, weights)
        found[name] = plain(score, label, risk)
        found[f"{name}_low"], found[f"{name}_high"] = interval(drawn[name], level=level)
    base = spread(roc_auc, label, baseline, weights)
    found["baseline_roc_auc"] = plain(roc_auc, label, baseline)
    low, high = interval(base, level=level)
    found["baseline_roc_auc_low"], found["baseline_roc_auc_high"] = low, high
    found["over_baseline"] = found["roc_auc"] - found["baseline_roc_auc"]
    low, high = interval(drawn["roc_auc"] - base, level=level)
    found["over_baseline_low"], found["over_baseline_high"] = low, high
    return found


def anonymous(ids: pd.Series) -> list[str]:
    """Return twelve hex digits for each id, the same in every run."""
    return [hashlib.blake2b(str(one).encode(), digest_size=6).hexdigest() for one in ids]


def predictions(table: pd.DataFrame, out_of_fold: pd.DataFrame) -> pd.DataFrame:
    """Return the risk of labelled customers by models that have not seen them, ids hashed."""
    seen = table[table["split"] == "train"].drop(columns="risk").merge(out_of_fold, on=IDENTITY)
    both = pd.concat([seen, table[(table["split"] == "test") & table["scored"]]])
    frame = pd.DataFrame(
        {
            "customer": anonymous(both[IDENTITY]),
            "split": both["split"].to_numpy(),
            "drop": both[LABEL].to_numpy("int64"),
            "risk": both["risk"].to_numpy(),
        }
    )
    return frame.sort_values("customer").head(PREDICTIONS)


def draw(label: np.ndarray, risk: np.ndarray, scores: dict[str, float], path: Path) -> None:
    """Draw ROC, calibration and gains beside each other."""
    curves = ranking_curves(label, risk)
    with picture(path, width=13, height=4.3, ncols=3) as (roc, calibration, gains):
        roc.plot(*curves["roc"].to_numpy().T, color=BLUE)
        roc.plot([0, 1], [0, 1], color=GREY, linestyle=":")
        text = "ROC-AUC {roc_auc:.3f} ({roc_auc_low:.3f} to {roc_auc_high:.3f})".format(**scores)
        roc.set(title=text, xlabel="share of loyal customers called", ylabel="share of drops found")
        bins = reliability(label, risk)
        calibration.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="ideal")
        calibration.plot(bins["told"], bins["dropped"], "o-", color=ORANGE, label="tenths")
        calibration.set(title="Is the risk true?", xlabel="risk told", ylabel="share that dropped")
        calibration.legend(frameon=False)
        gains.plot(*curves["gains"].to_numpy().T, color=BLUE, label="model")
        gains.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="chance")
        gains.set(title="Who is reached", xlabel="share contacted", ylabel="share of drops reached")
        gains.legend(frameon=False)


@stage
def main() -> None:
    """Score the test customers once."""
    params = load_params()
    options = params.evaluate
    table, card = read_parquet(FEATURES), read_json(CARD)
    model = load_model(MODEL, sha256=card["sha256"])
    names = list(card["features"])
    table["risk"] = model.risk(table[names]).round(6)
    test = table[(table["split"] == "test") & table["scored"]]
    label, risk = test[LABEL].to_numpy("int64"), test["risk"].to_numpy()
    if min(label.sum(), (1 - label).sum()) < 2:
        raise InputError(
            f"{FEATURES}: of {len(test)} test customers {label.sum()} dropped; two of each class "
            "are needed to score anything (params features.test_share sets how many are kept)"
        )
    train = table[(table["split"] == "train") & table["scored"]]
    recipe = published_recipe(table[names], seed=options.seed)
    recipe.fit(train[names], train[LABEL].to_numpy("int64"))
    baseline = recipe.predict_proba(test[names])[:, 1]
    keys = test["twin_key"].to_numpy()
    weights = resamples(keys, count=options.bootstrap, seed=options.seed)
    found = {"test_customers": len(test), "test_drops": int(label.sum())}
    found |= score_all(label, risk, baseline, weights, level=options.level)
    if Path(params.data.dir) == SAMPLE:
        truth = read_parquet(TRUTH).astype({IDENTITY: "str"}).set_index(IDENTITY)["probability"]
        found["best_reachable_roc_auc"] = plain(roc_auc, label, truth[test[IDENTITY]].to_numpy())
    score_rows = table[table["split"] == "score"]
    found["score_customers"] = len(score_rows)
    if len(score_rows):
        found["score_mean_risk"] = score_rows["risk"].mean()
    write_json(found, METRICS)
    for name, curve in ranking_curves(label, risk).items():
        write_csv(curve, PLOTS / f"{name}.csv")
    write_csv(reliability(label, risk), PLOTS / "calibration.csv")
    write_csv(confusion(label, risk, threshold=card["threshold"]), PLOTS / "confusion.csv")
    write_csv(predictions(table, read_parquet(OUT_OF_FOLD)), PLOTS / "predictions.csv")
    draw(label, risk, found, PLOTS / "evaluation.png")


if __name__ == "__main__":
    main()
