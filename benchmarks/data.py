"""How long do prepare and featurize take beside a DuckDB query on the same files?

The query reads, pivots and joins the four exports and writes a parquet file: what any tool must
do. Each runs in a process of its own, one after the other in one run, imports included; pictures
and correlations, which look at a sample, are timed apart.

Usage: python benchmarks/data.py [--customers 1000 100000 1000000]
"""

import argparse
import os
import tempfile
from pathlib import Path

from processes import measure, run_child

QUERY = """
COPY (
    SELECT * FROM read_csv('{folder}/market_file.csv') AS behaviour
    JOIN (PIVOT (SELECT id, "Период", "Выручка" FROM read_csv('{folder}/market_money.csv'))
          ON "Период" USING first("Выручка") GROUP BY id) AS money USING (id)
    JOIN (PIVOT (SELECT id, "Период", "минут" FROM read_csv('{folder}/market_time.csv'))
          ON "Период" USING first("минут") GROUP BY id) AS minutes USING (id)
    JOIN read_csv('{folder}/money.csv', delim=';', decimal_separator=',') AS profit USING (id)
) TO '{folder}/joined.parquet'
"""
PREPARED, FEATURES = "customers.parquet", "features.parquet"

# Jobs import what they need: the query is not to pay for what it does not use.


def simulate(folder: str, customers: str) -> None:
    """Write the exports of a simulated shop."""
    from shops import of_project, write_shop

    options = of_project()[1].simulate
    write_shop(Path(folder), count=int(customers), unlabelled=options.unlabelled, seed=options.seed)


def query(folder: str) -> None:
    """Join the exports by DuckDB."""
    import duckdb

    duckdb.connect(config={"threads": os.cpu_count()}).execute(QUERY.format(folder=folder))


def prepare(folder: str) -> None:
    """Read, clean and join the exports."""
    from shops import of_project

    from retention.core.files import write_parquet
    from retention.data.preparation import prepare_customers, read_exports

    columns, params = of_project()
    exports = read_exports(Path(folder), params.prepare, columns=columns)
    found = prepare_customers(exports, params.prepare, folder=Path(folder))
    write_parquet(found.customers, Path(folder, PREPARED))


def featurize(folder: str, *pictures: str) -> None:
    """Make the table of customers, and pictures of it if any folder for them is named."""
    from shops import of_project

    from retention.core.files import read_parquet, write_parquet
    from retention.core.vocabulary import LABEL
    from retention.data.customer_table import make_table
    from retention.data.joining import POSITION

    columns, params = of_project()
    customers = read_parquet(Path(folder, PREPARED))
    made = make_table(customers, params.features, columns=columns)
    write_parquet(made.table, Path(folder, FEATURES))
    for place in pictures:
        from retention.data.column_study import study_columns
        from retention.data.plots import draw_correlations, draw_distributions

        names = list(made.features)
        found = study_columns(made, customers[POSITION], params.features)
        draw_distributions(
            found.seen[names], found.seen[LABEL], Path(place, "bars.png"), columns=columns
        )
        draw_correlations(found.associations, Path(place, "correlations.png"))


def main() -> None:
    """Print the table, a row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    options = parser.parse_args()
    print("| customers | prepare, s | featurize, s | peak, MB | DuckDB, s | ratio | pictures, s |")
    print("|---|---|---|---|---|---|---|")
    for customers in options.customers:
        with tempfile.TemporaryDirectory() as folder:
            measure(__file__, "simulate", folder, customers)
            # Once unmeasured, so that both find the files in memory.
            measure(__file__, "query", folder)
            joined = measure(__file__, "query", folder)
            prepared = measure(__file__, "prepare", folder)
            featurized = measure(__file__, "featurize", folder)
            drawn = measure(__file__, "featurize", folder, folder)
        ours = prepared.seconds + featurized.seconds
        print(
            f"| {customers:,} | {prepared.seconds:.1f} | {featurized.seconds:.1f} "
            f"| {max(prepared.peak, featurized.peak):.0f} | {joined.seconds:.1f} "
            f"| {ours / joined.seconds:.1f} | {drawn.seconds - featurized.seconds:.1f} |",
            flush=True,
        )


if __name__ == "__main__" and not run_child(
    {"simulate": simulate, "query": query, "prepare": prepare, "featurize": featurize}
):
    main()
