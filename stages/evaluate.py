"""Evaluate: how good is it, honestly, and against what?

Reads data/features/, data/scores/, the model's card and, for the simulated shop,
data/sample/truth.parquet; writes data/evaluation/ (out of Git, as predictions name customers),
metrics/evaluate.json and plots/evaluate/. The only stage that holds the risk of test customers
against their outcome.
"""

import sys
from pathlib import Path

from retention.core import paths
from retention.core.files import (
    joined,
    read_json,
    read_parquet,
    write_csv,
    write_json,
    write_parquet,
)
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY
from retention.evaluation.evaluation import warnings
from retention.evaluation.held_out import evaluate_risk, predictions
from retention.evaluation.plots import draw_scores

_PLOTS = paths.PLOTS / "evaluate"


@stage
def main() -> None:
    """Score the test customers once."""
    params = load_params()
    options = params.evaluate
    table = joined(read_parquet(paths.FEATURES), paths.RISKS)
    kept = paths.ModelFolder(Path(params.score.model))
    card = read_json(kept.card, needs=("features", "threshold"))
    truth = None
    if paths.is_sample(params.data.dir):
        known = read_parquet(paths.TRUTH).astype({IDENTITY: "str"})
        truth = known.set_index(IDENTITY)["probability"]
    found = evaluate_risk(
        table, list(card["features"]), threshold=card["threshold"], options=options, truth=truth
    )
    for line in warnings(found.scores):
        print(f"evaluate: warning: {line}", file=sys.stderr)
    write_json(found.headline, paths.METRICS / "evaluate.json")
    write_json(found.scores, paths.EVALUATION_DETAILS)
    write_parquet(predictions(table), paths.PREDICTIONS)
    write_parquet(found.reliability, paths.RELIABILITY)
    curves = found.curves | {"calibration": found.reliability, "gains": found.gains}
    for name, curve in (curves | {"baselines": found.baselines}).items():
        write_csv(curve, _PLOTS / f"{name}.csv")
    draw_scores(
        found.label,
        found.risk,
        found.scores,
        found.reliability,
        found.gains,
        _PLOTS / "evaluation.png",
        level=options.level,
    )


if __name__ == "__main__":
    main()
