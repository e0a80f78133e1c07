"""Score: what is each customer's risk?

Reads data/features/ and the folder ``score.model``; writes data/scores/risk.parquet, from which
every later stage takes a customer's risk, and metrics/score.json.
"""

from pathlib import Path

from retention.core import paths
from retention.core.files import parquet_columns, write_json
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.vocabulary import MONTH
from retention.models.keeping import read_in_use, refuse_other_outcomes
from retention.models.part_scoring import refuse_misfit_of, score_parts


@stage
def main() -> None:
    """Ask the model once about everyone whom it was not trained on."""
    params = load_params()
    jobs = params.train.jobs
    used = read_in_use(paths.ModelFolder(Path(params.score.model)))
    refuse_misfit_of(paths.FEATURES, used, jobs=jobs)
    if MONTH in parquet_columns(paths.FEATURES):
        refuse_other_outcomes(used, params.label)
    found = score_parts(paths.FEATURES, paths.LEFT_OUT, paths.RISKS, used, jobs=jobs)
    write_json(found.headline, paths.METRICS / "score.json")


if __name__ == "__main__":
    main()
