"""Score: what is each customer's risk?

Reads data/features/ and the folder ``score.model``; writes data/scores/risk.parquet, from which
every later stage takes a customer's risk, and metrics/score.json.
"""

from pathlib import Path

from retention.core import paths
from retention.core.files import read_json, read_parquet, write_json, write_parquet
from retention.core.params import load_params
from retention.core.running import stage
from retention.models.persistence import load_model
from retention.models.scoring import score_customers


@stage
def main() -> None:
    """Ask the model once about everyone whom it was not trained on."""
    params = load_params()
    kept = paths.ModelFolder(Path(params.score.model))
    table, out_of_fold = read_parquet(paths.FEATURES), read_parquet(kept.out_of_fold)
    card = read_json(kept.card, needs=("threshold", "sha256"))
    model = load_model(kept.model, sha256=card["sha256"])
    risks = score_customers(table, model, out_of_fold, jobs=params.train.jobs)
    ahead = risks.loc[table["split"] == "score", "risk"]
    write_parquet(risks, paths.RISKS)
    called = ahead[ahead >= card["threshold"]]
    content = {
        "ahead": len(ahead),
        "mean_risk": ahead.mean(),
        "called": len(called),
        "expected_precision": called.mean(),  # null where none
    }
    write_json(content, paths.METRICS / "score.json")


if __name__ == "__main__":
    main()
