"""Evaluate: how good is it, honestly, and against what?

Reads data/model/, data/features/ and, for the simulated shop, data/sample/truth.parquet; writes
data/evaluation/predictions.parquet (out of Git, as it names customers), metrics/evaluate.json and
plots/evaluate/. The only stage that looks at the test customers' labels, and it measures the very
file that train saved.
"""

from pathlib import Path

import pandas as pd

from retention.core.errors import InputError
from retention.core.files import read_json, read_parquet, write_csv, write_json, write_parquet
from retention.core.params import load_params
from retention.core.paths import TRUTH, is_sample
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY, LABEL
from retention.evaluation.baselines import told_risks
from retention.evaluation.curves import confusion, gains, ranking_curves, reliability
from retention.evaluation.evaluation import PAIRED, beside, judge, score_all, score_beside, slices
from retention.evaluation.grade import grade
from retention.evaluation.plots import draw_scores
from retention.models.persistence import load_model
from retention.stats.metrics import plain, resamples, roc_auc

FEATURES = Path("data/features/features.parquet")
MODEL = Path("data/model/model.skops")
CARD = Path("data/model/model.json")
OUT_OF_FOLD = Path("data/model/out_of_fold.parquet")
METRICS = Path("metrics/evaluate.json")
PLOTS = Path("plots/evaluate")
RESAMPLED = 50_000_000
"""Customers drawn by all resamples together, at most."""
PREDICTIONS = Path("data/evaluation/predictions.parquet")


def predictions(table: pd.DataFrame, out_of_fold: pd.DataFrame) -> pd.DataFrame:
    """Return the risk of labelled customers by models that have not seen them."""
    seen = table[table["split"] == "train"].drop(columns="risk").merge(out_of_fold, on=IDENTITY)
    both = pd.concat([seen, table[(table["split"] == "test") & table["scored"]]])
    kept = both[[IDENTITY, "split", LABEL, "risk"]].astype({LABEL: "int64"})
    return kept.sort_values(IDENTITY, kind="stable")


@stage
def main() -> None:
    """Score the test customers once."""
    params = load_params()
    options = params.evaluate
    table, card = read_parquet(FEATURES), read_json(CARD, needs=("features", "sha256"))
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
    known = train[LABEL].to_numpy("int64")
    column, others, thresholds = told_risks(train[names], known, test[names], seed=options.seed)
    # Fewer resamples of a large test: its intervals are narrow, and memory is not endless.
    count = min(options.bootstrap, max(100, RESAMPLED // len(test)))
    weights = resamples(test["twin_key"].to_numpy(), count=count, seed=options.seed)
    found = {"test_customers": len(test), "test_drops": int(label.sum()), "rule": column}
    ours = judge(label, risk, weights, threshold=card["threshold"])
    theirs = {
        name: judge(label, other, weights, threshold=thresholds[name], scores=PAIRED)
        for name, other in others.items()
    }
    found |= score_all(ours, level=options.level)
    found |= beside(ours, theirs, level=options.level)
    found["grade"] = grade(found, options.grade)
    if is_sample(params.data.dir):
        truth = read_parquet(TRUTH).astype({IDENTITY: "str"}).set_index(IDENTITY)["probability"]
        found["best_reachable_roc_auc"] = plain(roc_auc, label, truth[test[IDENTITY]].to_numpy())
    score_rows = table[table["split"] == "score"]
    found["score_customers"] = len(score_rows)
    if len(score_rows):
        called = score_rows.loc[score_rows["risk"] >= card["threshold"], "risk"]
        found["score_mean_risk"] = score_rows["risk"].mean()
        found["score_called"] = len(called)
        found["score_expected_precision"] = called.mean()  # null where none
    found["slices"] = slices(test, weights, minimum=options.min_slice, level=options.level)
    write_json(found, METRICS)
    write_csv(score_beside(ours, theirs, level=options.level), PLOTS / "baselines.csv")
    for name, curve in ranking_curves(label, risk).items():
        write_csv(curve, PLOTS / f"{name}.csv")
    write_csv(reliability(label, risk), PLOTS / "calibration.csv")
    write_csv(confusion(label, risk, threshold=card["threshold"]), PLOTS / "confusion.csv")
    write_parquet(predictions(table, read_parquet(OUT_OF_FOLD)), PREDICTIONS)
    reached = gains(label, risk, weights, level=options.level)
    write_csv(reached, PLOTS / "gains.csv")
    draw_scores(label, risk, found, reached, PLOTS / "evaluation.png", level=options.level)


if __name__ == "__main__":
    main()
