"""Explain: why, overall and for each customer?

Reads data/features/, the folder ``score.model``, data/scores/, data/evaluation/ and columns.yaml;
writes data/explained/ (reasons.parquet, what_if.parquet and details.json), metrics/explain.json and
plots/explain/.
Contributions are in log-odds, before a bent calibration.
"""

from pathlib import Path

from retention.core import paths
from retention.core.columns import load_columns
from retention.core.files import (
    read_json,
    write_csv,
    write_json,
    write_parquet,
)
from retention.core.grades import read_grade
from retention.core.params import load_params
from retention.core.parted_rows import rows_in_files
from retention.core.running import stage
from retention.explanation.explaining import explain_customers
from retention.explanation.plots import draw_beeswarm, draw_dependence, draw_importance
from retention.models.persistence import load_model

_PLOTS = paths.PLOTS / "explain"


@stage
def main() -> None:
    """Attribute every customer's risk to the features; answer the shop's questions."""
    columns = load_columns()
    params = load_params()
    options, kept = params.explain, paths.ModelFolder(Path(params.score.model))
    rows = rows_in_files(paths.FEATURES, paths.RISKS, jobs=params.train.jobs)
    card = read_json(kept.card, needs=("features", "threshold", "sha256", "training_customers"))
    then = read_json(kept.explanation) if kept.explanation.exists() else None
    dictionary = read_json(paths.DICTIONARY)
    groups = {feature["name"]: feature["group"] for feature in dictionary}
    found = explain_customers(
        rows,
        load_model(kept.model, sha256=card["sha256"]),
        list(card["features"]),
        reasons=paths.REASONS,
        columns=columns,
        threshold=card["threshold"],
        roc_auc=read_json(paths.EVALUATION_DETAILS, needs=("roc_auc",))["roc_auc"],
        grade=read_grade(paths.EVALUATION_DETAILS),
        options=options,
        learnt_from=card.get("training_rows", card["training_customers"]),
        when_kept=then,
        jobs=params.train.jobs,
    )
    write_parquet(found.what_if, paths.WHAT_IF)
    write_json(found.details, paths.EXPLANATION_DETAILS)
    write_json(found.headline, paths.METRICS / "explain.json")
    bars = found.importance.rename_axis("feature").reset_index()
    write_csv(bars.drop(columns="direction"), _PLOTS / "importance.csv")
    told = found.questions.dropna(subset=["figure"]).drop(columns="changes_in")
    write_csv(told, _PLOTS / "questions.csv")
    unit, drawn = {"unit": found.details["space"]}, (found.drawn, found.values)
    draw_beeswarm(*drawn, _PLOTS / "beeswarm.png", seed=options.seed, **unit)
    level = {"level": options.level}
    draw_importance(found.importance, groups, _PLOTS / "importance.png", **level, **unit)
    named = {"strongest": found.strongest, "dictionary": dictionary}
    draw_dependence(*drawn, _PLOTS / "dependence.png", **named, **unit)


if __name__ == "__main__":
    main()
