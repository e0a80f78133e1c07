"""Simulate: what does such a shop's export look like, with the truth known?

Reads params and columns.yaml; writes data/sample/: the four exports as a shop makes them
(market_file.csv, market_money.csv, market_time.csv, money.csv) and truth.parquet, which no shop
has: each customer's true probability of a drop, what each feature group adds, and the outcome; and
suppression.csv, a list of nobody.
"""

from pathlib import Path

import pandas as pd

from retention.core import paths
from retention.core.columns import load_columns
from retention.core.files import atomic, write_csv, write_parquet
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY
from simulation.export import as_export
from simulation.shop import simulate_customers

EXPORT_DIALECTS = {"money": {"sep": ";", "decimal": ","}}
"""How a file's dialect differs from the others'; all of them end their lines with CRLF."""


def write_export(table: pd.DataFrame, path: Path, *, sep: str = ",", decimal: str = ".") -> None:
    """Write one export in its dialect, floats in their shortest form as the real ones are."""
    with atomic(path) as scratch:
        table.to_csv(
            scratch, index=False, sep=sep, decimal=decimal, lineterminator="\r\n", encoding="utf-8"
        )


@stage
def main() -> None:
    """Simulate the shop and write its exports and the truth."""
    params = load_params().simulate
    shop = simulate_customers(params.customers, unlabelled=params.unlabelled, seed=params.seed)
    for name, table in as_export(shop, columns=load_columns(), seed=params.seed).items():
        write_export(table, paths.SAMPLE / f"{name}.csv", **EXPORT_DIALECTS.get(name, {}))
    write_parquet(shop.truth, paths.TRUTH)
    write_csv(pd.DataFrame(columns=[IDENTITY]), paths.EMPTY_LIST)


if __name__ == "__main__":
    main()
