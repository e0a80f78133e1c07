"""How long do reasons take, and how much memory?

Everything of the explain stage but its pictures, in a process of its own, imports included, on the
model of the last `dvc repro` and its customers, with simulated score rows added to them.

Usage: python benchmarks/explain.py [--added 0 100000 1000000]
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd
from processes import measure, run_child
from shops import ROOT, of_project

from retention.core import paths
from retention.core.columns import Columns
from retention.core.files import read_json, read_parquet, write_parquet
from retention.core.grades import read_grade
from retention.core.hashing import behaviour_key
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY, LABEL
from retention.explanation.explaining import explain_customers
from retention.models.estimators import RiskModel
from retention.models.persistence import load_model
from retention.models.scoring import score_customers
from simulation.shop import simulate_customers


def trained() -> tuple[RiskModel, dict[str, object]]:
    """Return the model of the last run, and its card."""
    card = read_json(ROOT / paths.TRAINED.card, needs=("features", "threshold", "sha256"))
    return load_model(ROOT / paths.TRAINED.model, sha256=card["sha256"]), card


def with_score_rows(table: pd.DataFrame, count: int, *, columns: Columns) -> pd.DataFrame:
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
            "twin_key": behaviour_key(new, columns.behaviour),
        }
    )
    return pd.concat([table, new[list(table)]], ignore_index=True).astype(table.dtypes.to_dict())


def make(path: str, added: str) -> None:
    """Write the customers with their risks."""
    columns, params = of_project()
    table = with_score_rows(read_parquet(ROOT / paths.FEATURES), int(added), columns=columns)
    out_of_fold = read_parquet(ROOT / paths.TRAINED.out_of_fold)
    risks = score_customers(table, trained()[0], out_of_fold, jobs=params.train.jobs)
    write_parquet(table.assign(**risks.drop(columns=IDENTITY)), Path(path))


def explain(path: str) -> dict[str, object]:
    """Explain everyone and write the reasons beside `path`; return the details' first lines."""
    columns, params = of_project()
    table = read_parquet(path)
    model, card = trained()
    found = explain_customers(
        table,
        model,
        list(card["features"]),
        columns=columns.held_by(table.columns),
        threshold=card["threshold"],
        roc_auc=read_json(ROOT / paths.EVALUATION_DETAILS, needs=("roc_auc",))["roc_auc"],
        grade=read_grade(ROOT / paths.EVALUATION_DETAILS),
        options=params.explain,
    )
    write_parquet(found.reasons, Path(path).with_name("reasons.parquet"))
    write_parquet(found.what_if, Path(path).with_name("what_if.parquet"))
    kept = ("customers", "explained_customers", "method", "fidelity")
    return {name: found.details[name] for name in kept}


@stage
def main() -> None:
    """Print a row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--added", type=int, nargs="*", default=[0, 100_000, 1_000_000])
    options = parser.parse_args()
    print(
        "| customers | with reasons, at most | seconds | processor seconds | peak, MB | method "
        "| fidelity |\n|---|---|---|---|---|---|---|"
    )
    for added in options.added:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "customers.parquet")
            measure(__file__, "make", path, added)
            done = measure(__file__, "explain", path)
        told = done.found
        fidelity = "exact" if told["fidelity"] is None else f"{told['fidelity']:.3f}"
        print(
            f"| {told['customers']:,} | {told['explained_customers']:,} | {done.seconds:.0f} "
            f"| {done.processor:.0f} | {done.peak:.0f} | {told['method']} | {fidelity} |",
            flush=True,
        )


if __name__ == "__main__" and not run_child({"make": make, "explain": explain}):
    main()
