"""How long do reasons take, and how much memory?

The whole explain stage, in a process of its own, imports and pictures included, on the model of
the last `dvc repro` and its customers, with simulated score rows added to them.

Usage: python benchmarks/explain.py [--added 0 100000 1000000]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "stages"))

from retention.core.columns import load_columns
from retention.core.files import made
from retention.core.hashing import behaviour_key
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY, LABEL
from simulation.shop import simulate_customers

FEATURES = Path("data/features/features.parquet")


def with_score_rows(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the customers of `table` with `count` simulated ones whose months are ahead."""
    if not count:
        return table
    new = simulate_customers(count, unlabelled=0, seed=77).customers
    new = new.assign(
        **{
            LABEL: pd.array([None] * len(new), dtype="Int8"),
            IDENTITY: [f"9{number:09d}" for number in range(len(new))],
            "split": "score",
            "scored": True,
            "twin_key": behaviour_key(new, load_columns(ROOT / "columns.yaml").behaviour),
        }
    )
    return pd.concat([table, new[list(table)]], ignore_index=True).astype(table.dtypes.to_dict())


def measured(added: int) -> dict[str, object]:
    """Run the stage in a scratch folder; return seconds, processor seconds, MB and what it did."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in ("data/model", "metrics", "data/features"):
            shutil.copytree(made(ROOT / name), folder / name)
        for name in ("params.yaml", "columns.yaml"):
            shutil.copy(ROOT / name, folder)
        with_score_rows(pd.read_parquet(ROOT / FEATURES), added).to_parquet(folder / FEATURES)
        start, clock = time.perf_counter(), os.times()
        run = subprocess.Popen([sys.executable, str(ROOT / "stages/explain.py")], cwd=folder)
        _, status, used = os.wait4(run.pid, 0)
        if status:
            raise SystemExit(f"explain failed at {added} score rows")
        done = json.loads((folder / "metrics/explain.json").read_text(encoding="utf-8"))
        spent = os.times()
        return {
            "customers": done["customers"],
            "explained": done["explained_customers"],
            "seconds": time.perf_counter() - start,
            "processor": spent.children_user - clock.children_user
            + spent.children_system - clock.children_system,
            "memory": used.ru_maxrss / 1024,
            "method": done["method"],
            "fidelity": done["fidelity"],
        }  # fmt: skip


@stage
def main() -> None:
    """Print a row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--added", type=int, nargs="*", default=[0, 100_000, 1_000_000])
    options = parser.parse_args()
    rows = [measured(added) for added in options.added]
    print("| customers | with reasons, at most | seconds | processor seconds | peak, MB | method "
          "| fidelity |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        told = "exact" if row["fidelity"] is None else f"{row['fidelity']:.3f}"
        print(
            f"| {row['customers']:,} | {row['explained']:,} | {row['seconds']:.0f} "
            f"| {row['processor']:.0f} | {row['memory']:.0f} | {row['method']} | {told} |"
        )


if __name__ == "__main__":
    main()
