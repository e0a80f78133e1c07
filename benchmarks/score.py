"""How long does scoring everyone take, and do the steps of `scoring_cost` tell a model's cost?

A model of each family, with the middle of each knob in params, is fitted on a small simulated shop
and asked about every customer of a larger one, each time in a process of its own. The last columns
set the steps that the choice of a model counts beside the processor's microseconds on one core:
their ratio should be much the same for all families. Neighbours and support vectors grow with the
customers trained on; name a few families to leave them out.

Usage: python benchmarks/score.py [--customers 1300 100000 1000000]
           [--families logistic tree boosting extra_trees knn svc] [--trained-on 1300]
"""

import argparse
import tempfile
import time
from pathlib import Path

import pandas as pd
from processes import measure, run_child
from shops import of_project, simulated
from threadpoolctl import threadpool_limits

from retention.core.files import read_parquet, write_parquet
from retention.core.vocabulary import IDENTITY, LABEL
from retention.models.estimators import FAMILIES, RiskModel, make_model
from retention.models.scoring import score_customers
from retention.models.scoring_cost import steps_per_customer

USUAL = ("logistic", "tree", "boosting", "extra_trees", "knn", "svc")
NOBODY = pd.DataFrame({IDENTITY: pd.Series(dtype="str"), "risk": pd.Series(dtype="float64")})
"""Out-of-fold risks of nobody: the model is asked about everyone."""


def make(path: str, customers: str) -> None:
    """Write customers whose months are ahead."""
    table = simulated(int(customers), unlabelled=0, seed=2).table
    ahead = table.assign(**{LABEL: pd.array([None] * len(table), dtype="Int8")}, split="score")
    write_parquet(ahead, Path(path))


def score(path: str, family: str, trained_on: str, jobs: str) -> dict[str, float]:
    """Fit a model and score everyone; return what scoring took and the steps counted."""
    known = simulated(int(trained_on), unlabelled=0, seed=1)
    numbers = [name for name in known.features if name not in known.words]
    knobs = middle_knobs(family)
    pipeline = make_model(FAMILIES[family], numbers=numbers, words=known.words, seed=1)
    pipeline.set_params(**{f"estimate__{knob}": value for knob, value in knobs.items()})
    X, y = known.table[known.features], known.table[LABEL].to_numpy("int64")
    model = RiskModel(pipeline.fit(X, y), slope=1.0, intercept=0.0)
    table = read_parquet(path)
    score_customers(table.head(1000), model, NOBODY, jobs=1)  # what is loaded late is loaded now
    began, clock = time.perf_counter(), time.process_time()
    with threadpool_limits(int(jobs)):
        score_customers(table, model, NOBODY, jobs=int(jobs))
    seconds, processor = time.perf_counter() - began, time.process_time() - clock
    steps = steps_per_customer(family, knobs, rows=len(known.table), columns=len(known.features))
    return {"seconds": seconds, "processor": processor, "steps": steps}


def middle_knobs(family: str) -> dict[str, object]:
    """Return the middle value of each knob that params give a family."""
    knobs = getattr(of_project()[1].models, family).model_dump()
    return {knob: values[len(values) // 2] for knob, values in knobs.items()}


def main() -> None:
    """Print the table, a row a size and family."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[1_300, 100_000, 1_000_000])
    parser.add_argument("--families", nargs="+", choices=list(FAMILIES), default=list(USUAL))
    parser.add_argument("--trained-on", type=int, default=1_300)
    options = parser.parse_args()
    print(
        "| customers | family | 1 core, s | 2 cores, s | peak, MB | steps a customer "
        "| microseconds a customer | nanoseconds a step |\n|---|---|" + "---:|" * 6
    )
    for customers in options.customers:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "customers.parquet")
            measure(__file__, "make", path, customers)
            for family in options.families:
                one, two = (
                    measure(__file__, "score", path, family, options.trained_on, jobs)
                    for jobs in (1, 2)
                )
                steps, each = one.found["steps"], 1e6 * one.found["processor"] / customers
                print(
                    f"| {customers:,} | {family} | {one.found['seconds']:.2f} "
                    f"| {two.found['seconds']:.2f} | {max(one.peak, two.peak):.0f} "
                    f"| {steps:,.0f} | {each:.2f} | {1000 * each / steps:.2f} |",
                    flush=True,
                )


if __name__ == "__main__" and not run_child({"make": make, "score": score}):
    main()
