"""How long do segments, offers and files take, and how much memory?

Everything of the segment stage but its pictures, in a process of its own, imports included, on
simulated shops. Risk and reasons are made up, for training a model and explaining a million
customers are not what is measured. Everyone is the audience, and budget and stock are short: limits
that bind are the hard case.

Usage: python benchmarks/segment.py [--customers 1000 100000 1000000]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from processes import measure, run_child
from shops import ROOT, of_project, simulated

from retention.campaign.offers import load_offers
from retention.campaign.plan import plan_campaign
from retention.campaign.suppression import read_suppressed
from retention.core.files import read_parquet, write_csv, write_parquet
from retention.core.rule_values import open_words
from retention.core.spreadsheets import write_both
from retention.core.vocabulary import IDENTITY, REASON_RANKS
from retention.segments.segmentation import find_segments
from retention.segments.study import category_offers

BUDGET_PER_CUSTOMER = 0.01


def made_up_risk(features: pd.DataFrame) -> np.ndarray:
    """Return a risk, 0 to 1, of each customer from three columns."""
    line = (
        6 * (features["promo_share"] - 0.35)
        - 0.35 * (features["pages_per_visit"] - 8)
        + 0.4 * (features["unpaid_items"] - 3)
    )
    return (1 / (1 + np.exp(-line.to_numpy("float64", na_value=0)))).round(6)


def make(folder: str, customers: str) -> None:
    """Write the customers with risk and reasons, and a suppression list of nobody."""
    _, params = of_project()
    made = simulated(int(customers), unlabelled=0, seed=params.simulate.seed)
    rng = np.random.default_rng(1)
    reasons = np.array(made.features, dtype=object)[
        rng.integers(0, len(made.features), (len(made.table), len(REASON_RANKS)))
    ]
    told = dict(zip(REASON_RANKS, reasons.T, strict=True))
    table = made.table.assign(risk=made_up_risk(made.table), **told)
    write_parquet(table, Path(folder, "customers.parquet"))
    write_csv(pd.DataFrame(columns=[IDENTITY]), Path(folder, "suppression.csv"))


def segment(folder: str) -> int:
    """Find the segments, make the list, write both; return how many are on the list."""
    customers = read_parquet(Path(folder, "customers.parquet"))
    columns, params = of_project()
    features = [column.name for column in columns.features(use_profit=params.features.use_profit)]
    in_data = open_words(customers, columns=columns)
    offers = load_offers(ROOT / "offers.yaml", columns=columns, features=features, words=in_data)
    suppressed = read_suppressed(
        Path(folder, "suppression.csv"), customers[IDENTITY], strangers=False
    )
    found = find_segments(
        customers,
        taught=customers[(customers["split"] == "train") & customers["scored"]],
        features=features,
        words=[name for name in features if columns.by_name[name].is_category],
        in_data=in_data,
        columns=columns,
        options=params.segment,
    )
    short = params.campaign.model_copy(update={"budget": len(customers) * BUDGET_PER_CUSTOMER})
    plan = plan_campaign(
        found.customers,
        category_offers(found.categories, found.recommended),
        offers,
        suppressed,
        columns=columns,
        campaign=short,
        grade="A",
    )
    decision = plan.decision
    written = found.tables | {
        "list": decision.listed,
        "excluded": decision.excluded,
        "budgets": decision.budgets,
    }
    for name, table in written.items():
        write_both(table, Path(folder, "written", name), dialect=short.spreadsheet)
    return len(decision.listed)


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
