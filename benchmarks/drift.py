"""Is drift called where there is none, and found where there is? From which distance to refuse?

Customers of one large simulated shop are drawn, some with the outcome known and some with it
ahead; then the latter are changed as seasons and faulty exports would change them. The risk is
that of a logistic regression which has seen none of them.

Usage: python benchmarks/drift.py [--runs 200] [--seed 1] [--sizes 0 1 2 3]
"""

import argparse
from collections.abc import Callable

import numpy as np
import pandas as pd
from shops import of_project, simulated

from retention.core.progress import progress
from retention.core.running import stage
from retention.core.vocabulary import LABEL, PROFIT
from retention.data.drift import find_drift, judge_drift
from retention.models.estimators import FAMILIES, make_model
from retention.stats.effects import wilson

LEARNT = 10_000
"""Customers from whom the model has learnt."""
SIZES = ((60, 20), (300, 60), (1_100, 200), (5_000, 1_000))
"""Customers of known outcome, and with the outcome ahead."""


def times(factor: float, *columns: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return the change that multiplies columns."""
    return lambda rows: rows.assign(**{name: rows[name] * factor for name in columns})


def without_consent(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows after a sixth of those who agreed to messages withdrew."""
    gone = (rows["consent"] == "yes") & (np.arange(len(rows)) % 6 == 0)
    return rows.assign(consent=rows["consent"].mask(gone, "no"))


CHANGES = {
    "nothing": lambda rows: rows,
    "revenue and minutes of the month +5 %": times(1.05, "revenue_m0", "minutes_m0"),
    "revenue and minutes of the month +15 %": times(1.15, "revenue_m0", "minutes_m0"),
    "revenue and minutes of the month +30 %": times(1.3, "revenue_m0", "minutes_m0"),
    "revenue and minutes of all months +30 %": times(
        1.3, "revenue_m2", "revenue_m1", "revenue_m0", "minutes_m1", "minutes_m0"
    ),
    "a sixth of the consents withdrawn": without_consent,
    "contacts of the month doubled": times(2, "contacts_now", "contacts_6m"),
    "minutes told in seconds": times(60, "minutes_m1", "minutes_m0"),
    "revenue told in thousands": times(0.001, "revenue_m2", "revenue_m1", "revenue_m0"),
    "tenure told in months": times(1 / 30, "tenure_days"),
    "profit told in hundredths": times(100, PROFIT),
    "promotion share empty": lambda rows: rows.assign(promo_share=np.nan),
}


@stage
def main() -> None:
    """Print, for each size and change, how often drift is told and a campaign refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sizes", type=int, nargs="+", default=range(len(SIZES)))
    options = parser.parse_args()
    params = of_project()[1]
    pools, names = changed_pools(options.seed)
    most = params.campaign.most_drift
    print(f"{options.runs} draws a row; refused beyond a distance of {most}")
    print("| outcome known, ahead | what happened | told | 95 % | distance | refused | risk |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for known, ahead in (SIZES[place] for place in options.sizes):
        for what, pool in progress(list(pools.items()), what=f"{ahead} ahead", unit="changes"):
            rng = np.random.default_rng([options.seed, ahead])
            told, judged = 0, []
            for _ in range(options.runs):
                rows = rng.choice(len(pool), known + ahead, replace=False)
                drawn = pd.concat([pools["nothing"].iloc[rows[:known]], pool.iloc[rows[known:]]])
                drawn[LABEL] = drawn[LABEL].where(np.arange(len(drawn)) < known)
                found = find_drift(drawn, names, least=params.features.least_drift)
                told += bool(found.columns)
                judged.append(judge_drift(drawn, found.details["columns"], most=most))
            low, high = wilson(told / options.runs, options.runs, level=0.95)
            distance = np.mean([one["largest"] for one in judged])
            refused = np.mean([one["too_large"] for one in judged])
            moved = np.mean([one["risk"]["difference"] for one in judged])
            print(
                f"| {known:,}, {ahead:,} | {what} | {told / options.runs:.1%} | {low:.1%} to "
                f"{high:.1%} | {distance:.2f} | {refused:.1%} | {moved:+.3f} |",
                flush=True,
            )


def changed_pools(seed: int) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Return the customers after each change, with their risk, and the columns to compare."""
    columns, _ = of_project()
    shop = simulated(100_000, unlabelled=0, seed=seed)
    table = shop.table[shop.table["scored"]].sample(frac=1, random_state=seed)
    names = [*columns.behaviour, PROFIT]
    table = table.astype(dict.fromkeys(table[names].select_dtypes("number"), "float64"))
    numbers = [name for name in shop.features if name not in shop.words]
    model = make_model(FAMILIES["logistic"], numbers=numbers, words=shop.words, seed=1)
    learnt, pool = table.iloc[:LEARNT], table.iloc[LEARNT:].reset_index(drop=True)
    model.fit(learnt[shop.features], learnt[LABEL].to_numpy("int64"))

    def with_risk(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(risk=model.predict_proba(rows[shop.features])[:, 1])

    return {what: with_risk(change(pool)) for what, change in CHANGES.items()}, names


if __name__ == "__main__":
    main()
