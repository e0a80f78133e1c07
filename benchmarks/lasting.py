"""Do a customer's months, which resemble each other, make anything look surer than it is?

Shops of months are drawn in which behaviour lasts (from a month to the next a customer keeps it
with a chance of 70 %) and so do outcomes: who is given to drops drops in most months. In the first
half of the shops behaviour tells nothing of that; in the others a short stay on the site makes a
drop more likely. Counted are shops in which a discovered rule passes, and customers of the last
month who have a reason, as the stages do it and with every month taken for a customer of its own.

Usage: python benchmarks/lasting.py [--shops 100] [--customers 400] [--months 6]
"""

import argparse
from collections.abc import Mapping

import numpy as np
import pandas as pd
from shops import of_project

from retention.core.hashing import behaviour_key
from retention.core.months import shifted
from retention.core.progress import progress
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY, LABEL, MONTH
from retention.explanation.explainer import explainer, refit_explainer
from retention.explanation.noise_floor import ERROR, noise_floor, permuted_peaks
from retention.explanation.reasons import find_reasons
from retention.explanation.roles import roles_of
from retention.models.estimators import FAMILIES, RiskModel, make_model
from retention.segments.subgroup_discovery import discover, halves
from retention.stats.effects import wilson
from simulation.shop import simulate_customers

KEPT = 0.7
"""Chance that a customer behaves as in the month before."""
PLANTED = "minutes_m0"
AS_USED, APART = "as used", "every month by itself"
OPTIONS = {"C": 0.1, "l1_ratio": 0}


def kept_as_before(
    drawn: pd.DataFrame, before: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the new rows, most of them as they were a month before."""
    stay = rng.random(len(drawn)) < KEPT
    both = pd.concat([before[stay], drawn[~stay]]).sort_index()
    return both[list(drawn)]


def draw_shop(customers: int, months: int, *, tells: bool, seed: int) -> pd.DataFrame:
    """Return the months that taught and, as the last, one whose outcomes are ahead."""
    rng = np.random.default_rng(seed)
    columns, _ = of_project()
    key = rng.integers(0, 2**63, customers, dtype="uint64")
    given_to = rng.normal(0, 1.5, customers)
    rows, parts = None, []
    for place in range(months + 1):
        drawn = simulate_customers(customers, unlabelled=0, seed=rng.integers(2**32)).customers
        drawn = drawn.reset_index(drop=True)
        rows = drawn if rows is None else kept_as_before(drawn, rows, rng)
        short = (rows[PLANTED] < rows[PLANTED].median()).to_numpy(dtype=bool, na_value=False)
        push = given_to + (1.2 * short if tells else 0) - 1
        drop = pd.array((rng.random(customers) < 1 / (1 + np.exp(-push))).astype(int), "Int8")
        last = place == months
        parts.append(
            rows.assign(
                **{MONTH: shifted("2026-01", place), IDENTITY: key.astype(str), "twin_key": key},
                **{LABEL: pd.array([pd.NA] * customers, "Int8") if last else drop},
                split="score" if last else "train",
            )
        )
    table = pd.concat(parts, ignore_index=True)
    table["behaviour_key"] = behaviour_key(table, [*columns.behaviour, "twin_key", MONTH])
    return table.assign(scored=True, weight=1.0, out_of_fold=table["split"] == "train")


def passing(table: pd.DataFrame, features: list[str], words: list[str]) -> bool:
    """Tell whether a discovered rule passes."""
    options = of_project()[1].segment
    how = options.discover
    rows, half = halves(table, most=how.max_rows, seed=how.seed)
    label = table[LABEL].iloc[rows].to_numpy("int64")
    asked = {"least": options.least, "comparisons": how.comparisons, "rules": how.rules}
    asked |= {"level": options.level, "error_rate": how.error_rate}
    return bool(discover(table.iloc[rows], label, half, features, words, **asked)["passes"].any())


def reasons(table: pd.DataFrame, features: list[str], words: list[str]) -> dict[str, pd.Series]:
    """Return the first reason of each customer of the last month, by how the floor is told."""
    options, roles = of_project()[1].explain, roles_of(table)
    numbers = [name for name in features if name not in words]
    pipeline = make_model(FAMILIES["logistic"], numbers=numbers, words=words, seed=1)
    pipeline.set_params(**{f"estimate__{knob}": value for knob, value in OPTIONS.items()})
    learnt, label = table[features].iloc[roles.taught], table[LABEL].iloc[roles.taught]
    label = label.to_numpy("int64")
    model = RiskModel(pipeline.fit(learnt, label), 1.0, 0.0)
    table = table.assign(risk=0.5)
    found = explainer(table, options, roles)(model, table[features], roles.shown)
    how = {"explained": len(found.values)}
    again = refit_explainer(table, table[features], found.method, options, roles, **how)
    key = table["twin_key"].to_numpy()[roles.taught]
    own, told = table[features].iloc[roles.shown], {}
    for name, together in ((AS_USED, True), (APART, False)):
        peaks = permuted_peaks(
            model,
            learnt,
            label,
            key if together else table["behaviour_key"].to_numpy()[roles.taught],
            explained=lambda other: again(other, roles.shown),
            together=together,
            seed=1,
        )
        floor = noise_floor(peaks, least=0)
        told[name] = find_reasons(found.values, own, own, threshold=floor)["reason_1"]
    return told


def lead(shops: int, customers: int, months: int, *, tells: bool) -> dict[str, dict[str, list]]:
    """Return, for either way, whether a rule passes and what the reasons are, a shop each."""
    columns, _ = of_project()
    features = [column.name for column in columns.features(use_profit=False)]
    words = [name for name in features if columns.by_name[name].is_category]
    found: dict[str, dict[str, list]] = {
        name: {"rule": [], "reason": [], "planted": []} for name in (AS_USED, APART)
    }
    for seed in progress(range(shops), what="lasting", unit="shops"):
        table = draw_shop(customers, months, tells=tells, seed=[seed, int(tells)])
        taught = table[table["split"] == "train"].reset_index(drop=True)
        apart = taught.assign(twin_key=taught["behaviour_key"])
        for name, rows in ((AS_USED, taught), (APART, apart)):
            found[name]["rule"].append(passing(rows, features, words))
        for name, first in reasons(table, features, words).items():
            short = table[PLANTED].loc[first.index]
            affected = (short < short.median()).to_numpy(dtype=bool, na_value=False)
            found[name]["reason"].append(first.notna().mean())
            found[name]["planted"].append((first[affected] == PLANTED).mean())
    return found


def told(found: Mapping[str, list], shops: int) -> str:
    """Return the cells of a row."""
    share = float(np.mean(found["rule"]))
    low, high = wilson(share, shops, level=0.95)
    cells = [f"{share:.1%} ({low:.1%} to {high:.1%})"]
    for name in ("reason", "planted"):
        values = np.array(found[name])
        half = 1.96 * values.std(ddof=1) / np.sqrt(shops)
        cells.append(f"{values.mean():.1%} (± {half:.1%})")
    return " | ".join(cells)


@stage
def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shops", type=int, default=100)
    parser.add_argument("--customers", type=int, default=400)
    parser.add_argument("--months", type=int, default=6)
    options = parser.parse_args()
    size = options.customers, options.months
    print(
        f"{options.shops} shops a row, {size[0]} customers, {size[1]} months that teach. Where "
        "behaviour tells nothing, a rule may pass in "
        f"{of_project()[1].segment.discover.error_rate:.0%} of shops, and {ERROR:.0%} of customers "
        "may have a reason"
    )
    print(
        "| behaviour | months | shops with a rule | customers with a reason "
        f"| of those affected: {PLANTED} first |\n|---|---|---|---|---|"
    )
    for tells in (False, True):
        for name, found in lead(options.shops, *size, tells=tells).items():
            says = "short stays drop more" if tells else "tells nothing"
            print(f"| {says} | {name} | {told(found, options.shops)} |", flush=True)


if __name__ == "__main__":
    main()
