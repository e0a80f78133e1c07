"""Does discovery hold its promise where there is nothing to discover?

The labels of a shop are permuted, so that no behaviour tells of a drop, and rules are discovered
as the segment stage does; no rule should pass in 95 % of the runs at least. Beside it stand the
rules of the labels as they are.

Usage: python benchmarks/discovering.py FOLDER [--runs 500] [--comparisons 2]
where FOLDER holds the four exports.
"""

import argparse
from pathlib import Path

import numpy as np
from shops import labelled, of_project

from retention.core.progress import progress
from retention.core.running import stage
from retention.core.vocabulary import LABEL
from retention.segments.subgroup_discovery import discover, halves
from retention.stats.effects import wilson


@stage
def main() -> None:
    """Print the share of runs without a rule that passes, and the real rules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--comparisons", type=int)
    options = parser.parse_args()
    params = of_project()[1].segment
    found = labelled(options.folder.resolve())
    table, names, words = found.table, found.features, found.words
    table = table[table["split"] == "train"]
    rows, fold = halves(table, most=params.discover.max_rows, seed=params.discover.seed)
    customers = table.iloc[rows].reset_index(drop=True)
    label = customers[LABEL].to_numpy("int64")
    how = {
        "least": params.least,
        "level": params.level,
        "rules": params.discover.rules,
        "comparisons": options.comparisons or params.discover.comparisons,
        "error_rate": params.discover.error_rate,
    }
    rng = np.random.default_rng(params.discover.seed)
    judged, silent = 0, 0
    for _ in progress(range(options.runs), what="discover", unit="runs"):
        found = discover(customers, rng.permutation(label), fold, names, words, **how)
        judged += int(found["p_value"].notna().sum())
        silent += int(not found["passes"].any())
    low, high = wilson(silent / options.runs, options.runs, level=0.95)
    print(f"{len(label)} customers, {options.runs} permutations, {judged} rules judged")
    print(f"no rule passes in {silent / options.runs:.1%} of them ({low:.1%} to {high:.1%})")
    print("labels as they are:")
    print(discover(customers, label, fold, names, words, **how).round(4).to_string(index=False))


if __name__ == "__main__":
    main()
