"""How long does the segment stage take, and how much memory?

The whole stage, in a process of its own, imports and pictures included, on simulated shops. Risk
and reasons are made up, for training a model and explaining a million customers are not what is
measured. Everyone is the audience, and budget and stock are short: limits that bind are the hard
case. Large shops lie in parts, as prepare divides them.

Usage: python benchmarks/segment.py [--customers 1000 100000 1000000]
"""

import argparse
import os
import re
import shutil
import tempfile

import numpy as np
import pandas as pd
from processes import measure, run_child
from shops import ROOT, of_project, simulated

import segment as segment_stage
from retention.core import paths
from retention.core.files import read_json, write_csv, write_json, write_parquet
from retention.core.part_names import part_paths
from retention.core.vocabulary import IDENTITY, REASON_RANKS

BUDGET_PER_CUSTOMER = 0.01
PART_ROWS = 500_000
"""Customers of a part at most."""


def made_up_risk(features: pd.DataFrame) -> np.ndarray:
    """Return a risk, 0 to 1, of each customer from three columns."""
    line = (
        6 * (features["promo_share"] - 0.35)
        - 0.35 * (features["pages_per_visit"] - 8)
        + 0.4 * (features["unpaid_items"] - 3)
    )
    return (1 / (1 + np.exp(-line.to_numpy("float64", na_value=0)))).round(6)


def make(folder: str, customers: str) -> None:
    """Write what the stage reads: customers with risk and reasons, and nobody to suppress."""
    os.chdir(folder)
    total = int(customers)
    count = max(1, -(-total // PART_ROWS))
    for number in range(count):
        first, last = (total * place // count for place in (number, number + 1))
        write_part(number, count, first=first, rows=last - first)
    for path in (paths.COLUMNS, paths.OFFERS):
        shutil.copyfile(ROOT / path, path)
    text = (ROOT / paths.PARAMS).read_text(encoding="utf-8")
    budget = f"  budget: {total * BUDGET_PER_CUSTOMER}"
    paths.PARAMS.write_text(re.sub(r"^  budget:.*$", budget, text, flags=re.M), encoding="utf-8")
    write_json({}, paths.PREPARED_DETAILS)
    write_json({"drift": {"columns": []}}, paths.FEATURES_DETAILS)
    write_json({"grade": "A"}, paths.EVALUATION_DETAILS)
    write_csv(pd.DataFrame(columns=[IDENTITY]), paths.EMPTY_LIST)


def write_part(number: int, count: int, *, first: int, rows: int) -> None:
    """Write the customers from `first` on as a part of every table."""
    _, params = of_project()
    made = simulated(rows, unlabelled=0, seed=params.simulate.seed + number)
    table = made.table
    ids = pd.Series(np.arange(first, first + len(table)) + 10_000_000).astype("str")
    table[IDENTITY] = ids.to_numpy()
    rng = np.random.default_rng(number + 1)
    reasons = np.array(made.features, dtype=object)[
        rng.integers(0, len(made.features), (len(table), len(REASON_RANKS)))
    ]
    own = table[[IDENTITY]]
    tables = {
        paths.FEATURES: table,
        paths.LEFT_OUT: own.head(0),
        paths.RISKS: own.assign(risk=made_up_risk(table), out_of_fold=table["split"] == "train"),
        paths.REASONS: own.assign(**dict(zip(REASON_RANKS, reasons.T, strict=True))),
    }
    for path, frame in tables.items():
        write_parquet(frame, part_paths(path, count)[number])
    words = [{"name": name, "categorical": name in made.words} for name in made.features]
    write_json(words, paths.DICTIONARY)


def segment(folder: str) -> int:
    """Run the stage; return how many are on the list."""
    os.chdir(folder)
    segment_stage.main()
    found = read_json(paths.METRICS / "segment.json")
    return found["treatment"] + found["control"]


def main() -> None:
    """Print the table, a row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    options = parser.parse_args()
    print("| customers | on the list | segment, s | peak, MB |")
    print("|---|---|---|---|")
    for customers in options.customers:
        with tempfile.TemporaryDirectory() as folder:
            measure(__file__, "make", folder, customers)
            done = measure(__file__, "segment", folder)
        print(
            f"| {customers:,} | {done.found:,} | {done.seconds:.1f} | {done.peak:.0f} |", flush=True
        )


if __name__ == "__main__" and not run_child({"make": make, "segment": segment}):
    main()
