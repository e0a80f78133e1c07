"""Simulate: what does such a shop's export look like, with the truth known?

Reads params and columns.yaml; writes data/sample/: the four exports as a shop makes them
(market_file.csv, market_money.csv, market_time.csv, money.csv), or a folder of them for each month,
and truth.parquet, which no shop has: each customer's true probability of a drop, what each feature
group adds, and the outcome; and suppression.csv, a list of nobody.
"""

import pandas as pd

from retention.core import paths
from retention.core.columns import load_columns
from retention.core.files import write_csv, write_parquet
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY
from simulation.chunks import chunk_sizes, write_chunks
from simulation.month_exports import clear_exports, write_months
from simulation.month_tables import truth_of_months
from simulation.months import simulate_months


@stage
def main() -> None:
    """Simulate the shop and write its exports and the truth."""
    columns = load_columns()
    params = load_params()
    options = params.simulate
    clear_exports(paths.SAMPLE)
    if options.months > 1:
        months = simulate_months(options)
        write_months(months, paths.SAMPLE, columns=columns, seed=options.seed)
        write_parquet(truth_of_months(months, params.label), paths.TRUTH)
    else:
        how = {"unlabelled": options.unlabelled, "seed": options.seed, "columns": columns}
        write_chunks(chunk_sizes(options.customers), paths.SAMPLE, paths.TRUTH, **how)
    write_csv(pd.DataFrame(columns=[IDENTITY]), paths.EMPTY_LIST)


if __name__ == "__main__":
    main()
