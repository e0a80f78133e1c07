"""How long do segments, offers and files take, and how much memory?

The whole segment stage, in a process of its own, imports and pictures included, on simulated
shops. Risk and reasons are made up, for training a model and explaining a million customers are
not what is measured. Everyone is the audience, and budget and stock are short: limits that bind are
the hard case.

Usage: python benchmarks/segment.py [--customers 1000 100000 1000000]
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "stages"))

BUDGET_PER_CUSTOMER = 0.01


class MadeUpModel:
    """Stands for a fitted model: a risk from three columns."""

    def risk(self, features: pd.DataFrame) -> np.ndarray:
        """Return a risk, 0 to 1, of each customer."""
        line = (
            6 * (features["promo_share"] - 0.35)
            - 0.35 * (features["pages_per_visit"] - 8)
            + 0.4 * (features["unpaid_items"] - 3)
        )
        return (1 / (1 + np.exp(-line.to_numpy("float64", na_value=0)))).round(6)


def make_ready() -> None:
    """Write in this folder what the segment stage reads."""
    import featurize
    import prepare
    import segment
    import simulate
    from retention.core.columns import load_columns
    from retention.core.files import write_json, write_parquet
    from retention.core.params import load_params
    from retention.core.vocabulary import IDENTITY

    simulate.main()
    prepare.main()
    table, names = featurize.make_table(load_params().features, columns=load_columns())
    write_json({"sha256": "", "features": names}, segment.CARD)
    seen = table[table["split"] == "train"]
    risk = pd.DataFrame({IDENTITY: seen[IDENTITY], "risk": MadeUpModel().risk(seen)})
    write_parquet(risk, segment.OUT_OF_FOLD)
    rng = np.random.default_rng(1)
    reasons = np.array(names, dtype=object)[rng.integers(0, len(names), (len(table), 3))]
    named = pd.DataFrame(reasons, columns=segment.RANKS)
    write_parquet(named.assign(**{IDENTITY: table[IDENTITY].to_numpy()}), segment.REASONS)
    write_json({"grade": "A"}, segment.EVALUATED)


def child() -> None:
    """Run the stage in this process and print its peak memory in MB."""
    import segment

    segment.load_model = lambda *_, **__: MadeUpModel()
    segment.main()
    print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def main() -> None:
    """Print the table, a row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--child", choices=["ready", "stage"])
    options = parser.parse_args()
    if options.child:
        make_ready() if options.child == "ready" else child()
        return
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    offers = (ROOT / "offers.yaml").read_text(encoding="utf-8")
    print("| customers | on the list | segment, s | peak, MB |")
    print("|---|---|---|---|")
    for customers in options.customers:
        changes = {
            "  customers: 1300": f"  customers: {customers}",
            "  unlabelled: 0.15": "  unlabelled: 0",
            "  budget:\n": f"  budget: {customers * BUDGET_PER_CUSTOMER:.2f}\n",
        }
        text = params
        for usual, other in changes.items():
            assert text.count(usual) == 1, usual
            text = text.replace(usual, other)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "params.yaml").write_text(text, encoding="utf-8")
            (Path(folder) / "offers.yaml").write_text(offers, encoding="utf-8")
            shutil.copy(ROOT / "columns.yaml", folder)
            for job in ("ready", "stage"):
                began = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, str(Path(__file__).resolve()), "--child", job],
                    cwd=folder, capture_output=True, text=True, check=False,
                )  # fmt: skip
                if done.returncode:
                    sys.exit(f"{job} failed:\n{done.stderr}")
                seconds = time.perf_counter() - began
            found = json.loads((Path(folder) / "metrics/segment.json").read_text("utf-8"))
        on_list = found["treatment"] + found["control"]
        peak = json.loads(done.stdout.splitlines()[-1])
        print(f"| {customers:,} | {on_list:,} | {seconds:.1f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
