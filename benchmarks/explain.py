"""How long do reasons take, and how much memory?

Everything of the explain stage but its pictures, in a process of its own, imports included, on the
model of the last `dvc repro` and its customers, with simulated score rows added to them, in parts
of at most `--rows` customers. Memory is that of the process itself and, beside it, of its largest
worker.

Usage: python benchmarks/explain.py [--added 0 100000 1000000] [--rows 500000] [--jobs 2]
"""

import argparse
import resource
import tempfile
from pathlib import Path

import pandas as pd
from joblib.externals.loky import get_reusable_executor
from processes import MEGABYTE, measure, run_child
from shops import ROOT, of_project

from retention.core import paths
from retention.core.columns import Columns
from retention.core.files import parquet_columns, read_json, read_parquet, write_parquet
from retention.core.grades import read_grade
from retention.core.hashing import behaviour_key, part_numbers
from retention.core.part_names import part_paths
from retention.core.parted_rows import rows_in_files
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


def make(features: str, risks: str, added: str, rows: str) -> None:
    """Write the customers, and their risks beside them, in parts."""
    columns, params = of_project()
    table = with_score_rows(read_parquet(ROOT / paths.FEATURES), int(added), columns=columns)
    table = table.sort_values(IDENTITY, kind="stable", ignore_index=True)
    out_of_fold = read_parquet(ROOT / paths.TRAINED.out_of_fold)
    risk = score_customers(table, trained()[0], out_of_fold, jobs=params.train.jobs)
    count = -(-len(table) // int(rows))
    numbers = part_numbers(table[IDENTITY], count=count)
    for frame, path in ((table, features), (risk, risks)):
        for number, part in enumerate(part_paths(Path(path), count)):
            write_parquet(frame[numbers == number], part)


def explain(features: str, risks: str, jobs: str) -> dict[str, object]:
    """Explain everyone and write the reasons beside the customers; return a few of the details."""
    columns, params = of_project()
    rows = rows_in_files(Path(features), Path(risks), jobs=int(jobs))
    names = parquet_columns(Path(features))
    model, card = trained()
    found = explain_customers(
        rows,
        model,
        list(card["features"]),
        reasons=Path(features).with_name("reasons.parquet"),
        columns=columns.held_by(names),
        threshold=card["threshold"],
        roc_auc=read_json(ROOT / paths.EVALUATION_DETAILS, needs=("roc_auc",))["roc_auc"],
        grade=read_grade(ROOT / paths.EVALUATION_DETAILS),
        options=params.explain,
        jobs=int(jobs),
    )
    write_parquet(found.what_if, Path(features).with_name("what_if.parquet"))
    kept = ("customers", "explained_customers", "method", "fidelity")
    get_reusable_executor().shutdown()  # what workers took is known when they have ended
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / MEGABYTE
    return {name: found.details[name] for name in kept} | {
        "parts": len(rows.sources),
        "worker": worker,
    }


@stage
def main() -> None:
    """Print a row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--added", type=int, nargs="*", default=[0, 100_000, 1_000_000])
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    print(
        "| customers | parts | with reasons, at most | seconds | processor seconds | peak, MB "
        "| of a worker, MB | method | fidelity |\n|---|---|---|---|---|---|---|---|---|"
    )
    for added in options.added:
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder, f"{name}.parquet") for name in ("features", "risk")]
            measure(__file__, "make", *files, added, options.rows)
            done = measure(__file__, "explain", *files, options.jobs)
        told = done.found
        fidelity = "exact" if told["fidelity"] is None else f"{told['fidelity']:.3f}"
        print(
            f"| {told['customers']:,} | {told['parts']} | {told['explained_customers']:,} "
            f"| {done.seconds:.0f} | {done.processor:.0f} | {done.peak:.0f} | {told['worker']:.0f} "
            f"| {told['method']} | {fidelity} |",
            flush=True,
        )


if __name__ == "__main__" and not run_child({"make": make, "explain": explain}):
    main()
