"""Featurize: what do we know of each customer before the event?

Reads data/prepared/, columns.yaml and, of months, campaigns/; writes data/features/
(features.parquet, the one table of customers from here on; left_out.parquet, the ids of all others
in the newest export; dictionary.json; details.json), metrics/featurize.json and plots/featurize/.
"""

from functools import partial

from retention.core import paths
from retention.core.beside import do_beside
from retention.core.columns import load_columns
from retention.core.features import dictionary
from retention.core.files import parquet_columns, write_json
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.vocabulary import LABEL, MONTH
from retention.data.column_study import associate, study_columns
from retention.data.customer_parts import CustomerFiles, known_ids, make_customers
from retention.data.distributions import find_distributions
from retention.data.plots import draw_correlations, draw_distributions
from retention.data.treated import matched_lines, read_campaigns

_PLOTS = paths.PLOTS / "featurize"


@stage
def main() -> None:
    """Build the features, choose the sides, look for leaks and drift, draw what the columns say."""
    columns = load_columns()
    params = load_params()
    files = CustomerFiles(paths.PREPARED, paths.SET_ASIDE, paths.FEATURES, paths.LEFT_OUT)
    monthly = MONTH in parquet_columns(files.customers)
    campaigns = []
    if monthly:
        known = known_ids(files)
        campaigns = read_campaigns(paths.CAMPAIGNS, known)
        for line in matched_lines(campaigns, known):
            print(f"featurize: {line}")
    rows = make_customers(
        files,
        params.features,
        columns=columns,
        horizon=params.label.horizon_months,
        campaigns=campaigns,
        jobs=params.train.jobs,
    )
    names = list(rows.features)
    write_json(dictionary(names, columns=columns), paths.DICTIONARY)
    seen = rows.sample(params.features)
    shares = find_distributions(seen[names], seen[LABEL], columns=columns)
    drawing = partial(draw_distributions, shares, _PLOTS / "distributions.png")
    do_beside(drawing, jobs=params.train.jobs)
    related = associate(rows, params.features)
    how = list(related), related.to_numpy(), _PLOTS / "correlations.png"
    do_beside(partial(draw_correlations, *how), jobs=params.train.jobs)
    found = study_columns(rows, params.features, associations=related)
    if monthly:  # a model is to tell by which rule it has its outcomes
        found.details["months"]["label"] = params.label.model_dump()
    write_json(found.details, paths.FEATURES_DETAILS)
    write_json(found.headline, paths.METRICS / "featurize.json")


if __name__ == "__main__":
    main()
