"""Score: what is each customer's risk?

Reads data/features/ and the folder ``score.model``; writes data/scores/risk.parquet, from which
every later stage takes a customer's risk, and metrics/score.json.
"""

from pathlib import Path

from retention.core import paths
from retention.core.files import read_parquet, write_json, write_parquet
from retention.core.months import in_months
from retention.core.params import load_params
from retention.core.running import stage
from retention.models.keeping import read_in_use, refuse_misfit, refuse_other_outcomes
from retention.models.scoring import headline, score_customers


@stage
def main() -> None:
    """Ask the model once about everyone whom it was not trained on."""
    params = load_params()
    table = read_parquet(paths.FEATURES)
    used = read_in_use(paths.ModelFolder(Path(params.score.model)))
    refuse_misfit(used, table)
    if in_months(table):
        refuse_other_outcomes(used, params.label)
    risks = score_customers(
        table, used.model, used.out_of_fold, jobs=params.train.jobs, kept=used.kept
    )
    write_parquet(risks, paths.RISKS)
    content = headline(table, risks["risk"], threshold=used.card["threshold"])
    write_json(content, paths.METRICS / "score.json")


if __name__ == "__main__":
    main()
