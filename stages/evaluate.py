"""Evaluate: how good is it, honestly, and against what?

Reads data/features/, data/scores/, the folder ``score.model``, forecasts/, columns.yaml and, for
the simulated shop, data/sample/truth.parquet; writes data/evaluation/ (out of Git, as predictions
name customers), metrics/evaluate.json and plots/evaluate/. The only stage that holds the risk of
test customers against their outcome.
"""

import sys
from functools import partial
from pathlib import Path

from retention.core import paths
from retention.core.columns import load_columns
from retention.core.files import parquet_columns, read_json, write_csv, write_json, write_parquet
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.spreadsheets import write_both
from retention.core.vocabulary import MONTH, PROFIT
from retention.data.drift import find_month_drift
from retention.evaluation.alarms import drift_level
from retention.evaluation.evaluation import warnings
from retention.evaluation.foretold import read_forecasts
from retention.evaluation.month_study import study_months
from retention.evaluation.part_evaluation import evaluate_months, evaluate_parts
from retention.evaluation.plots import draw_months, draw_scores
from retention.evaluation.scored_months import scored_months
from retention.evaluation.when_kept import months_when_kept
from retention.models.keeping import risk_by_name

_PLOTS = paths.PLOTS / "evaluate"


@stage
def main() -> None:
    """Score the test customers once; of months, say what to expect and what came."""
    params = load_params()
    options, label, jobs = params.evaluate, params.label, params.train.jobs
    model = paths.ModelFolder(Path(params.score.model))
    card = read_json(model.card, needs=("features", "threshold", "sha256"))
    how = {"options": options, "sample": paths.is_sample(params.data.dir), "jobs": jobs}
    held = parquet_columns(paths.FEATURES)
    if MONTH not in held:
        found = evaluate_parts(card, model, **how)
    else:
        scored = scored_months(jobs=jobs)
        found = evaluate_months(scored, card, model, base_months=label.base_months, **how)
        names = [*load_columns().held_by(held).behaviour, PROFIT]
        how = {"least": params.features.least_drift, "level": drift_level(options.alarm_level)}
        drift = find_month_drift(scored.table, names, whole=scored.whole, **how)
        how = {"horizon": label.horizon_months, "options": options, "then": months_when_kept(model)}
        how |= {"risk_by": partial(risk_by_name, whole=scored.whole)}
        months = study_months(scored.table, card, read_forecasts(paths.FORECASTS), drift, **how)
        print(*(f"evaluate: {line}" for line in months.lines), sep="\n")
        found = found.with_months(months.details)
        write_json(months.forecast, paths.FORECAST)
        write_both(months.table, paths.MONTH_SCORES, dialect=params.campaign.spreadsheet)
        draw_months(months.table, paths.MONTH_SCORES.with_suffix(".png"), level=options.level)
    for line in warnings(found.scores):
        print(f"evaluate: warning: {line}", file=sys.stderr)
    write_json(found.headline, paths.METRICS / "evaluate.json")
    write_json(found.scores, paths.EVALUATION_DETAILS)
    write_parquet(found.reliability, paths.RELIABILITY)
    for name, curve in found.plots.items():
        write_csv(curve, _PLOTS / f"{name}.csv")
    draw_scores(found, _PLOTS / "evaluation.png", level=options.level)


if __name__ == "__main__":
    main()
