"""Simulate: what does such a shop's export look like, with the truth known?

Reads nothing but params; writes data/sample/: the four exports as a shop makes them
(market_file.csv, market_money.csv, market_time.csv, money.csv) and truth.parquet, which no shop
has: each customer's true probability of a drop, what each feature group adds, and the outcome; and
suppression.csv, a list of nobody.

By hand, to try a campaign's measurement: ``--answer LIST --effect 0.1 --out FILE`` lets the
simulated customers of a campaign's list answer it, drawn from the truth with effects planted.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from retention.files import atomic, read_parquet, write_csv, write_parquet
from retention.params import load_params
from retention.responses import parse_effects, simulate_responses
from retention.returns import read_list
from retention.running import stage
from retention.sample import EMPTY_LIST, SAMPLE, TRUTH
from retention.shop import simulate_customers
from retention.shop_export import as_export
from retention.spreadsheets import write_for_people
from retention.vocabulary import IDENTITY

DIALECTS = {"money": {"sep": ";", "decimal": ","}}
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
    for name, table in as_export(shop, seed=params.seed).items():
        write_export(table, SAMPLE / f"{name}.csv", **DIALECTS.get(name, {}))
    write_parquet(shop.truth, TRUTH)
    write_csv(pd.DataFrame(columns=[IDENTITY]), EMPTY_LIST)


@stage
def answer() -> None:
    """Write the answers of the simulated customers to a campaign."""
    parser = argparse.ArgumentParser(description=answer.__doc__)
    parser.add_argument("--answer", type=Path, required=True, help="list.parquet or list.csv")
    parser.add_argument(
        "--effect",
        action="append",
        default=[],
        help="share of drops prevented: 0.1 for every offer, CODE=0.2 for one; may be repeated",
    )
    parser.add_argument("--out", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--seed", type=int, help="of the customers' luck (default: simulate.seed)")
    options = parser.parse_args()
    seed = load_params().simulate.seed if options.seed is None else options.seed
    listed = read_list(options.answer)
    effects = parse_effects(options.effect, set(listed["offer"]))
    truth = read_parquet(TRUTH)
    responses = simulate_responses(listed, truth, effects, seed=seed)
    write_for_people(responses, options.out, dialect="en")
    print(f"{options.out}: {len(responses)} customers, {responses['drop'].sum()} of them dropped")


if __name__ == "__main__":
    if sys.argv[1:]:
        answer()
    else:
        main()
