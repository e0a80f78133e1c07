"""A shop's rows come in the order of the label, of the ids, or in none: the answer is the same."""

import json
import random
import subprocess
import sys

import pandas as pd
import pytest
import yaml

from clones import ENVIRONMENT, make_clone

CAPPED = {
    "simulate": {"customers": 500},
    "train": {
        "model": "knn",
        "families": ["logistic", "knn"],
        "folds": 3,
        "comparisons": 1,
        "candidates": 1,
        "jobs": 1,
        "search_rows": 200,
        "max_rows": 250,
    },
    "evaluate": {"bootstrap": 100},
    "explain": {
        "background": 10,
        "evaluations": 1000,
        "max_evaluations": 10000,
        "max_rows": 100,
        "sample": 100,
        "answered": 100,
    },
}
"""Every cap is below the number of customers, so that somebody has to be chosen each time."""
DOTS = ("retention.explanation.explaining", "retention.segments.plots")
CHILD = f"""
import dataclasses, importlib, os, sys

sys.path.insert(0, "stages")
for name in {DOTS}:
    module = importlib.import_module(name)
    assert module._MOST_DOTS > 1000
    module._MOST_DOTS = 40
drift = importlib.import_module("retention.data.drift")
assert drift.DRIFT_SAMPLE.most > 1000
drift.DRIFT_SAMPLE = dataclasses.replace(drift.DRIFT_SAMPLE, most=40)
for name in sys.argv[1].split():
    importlib.import_module(name).main()
"""

pytestmark = pytest.mark.slow


def run(folder, stages):
    done = subprocess.run(
        [sys.executable, "-c", CHILD, " ".join(stages)],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture(scope="module")
def orders(tmp_path_factory):
    """Two runs of one shop: rows as the shop exports them, and shuffled."""
    source = make_clone(tmp_path_factory.mktemp("orders"))
    params = yaml.safe_load((source.folder / "params.yaml").read_text(encoding="utf-8"))
    for section, changed in CAPPED.items():
        params[section] |= changed
    params["segment"]["discover"]["max_rows"] = 200
    (source.folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    stages = yaml.safe_load((source.folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    first, *rest = stages
    run(source.folder, [first])
    shuffled = source.folder.with_name("shuffled")
    source.run("cp", "-r", ".", str(shuffled))
    moved = []
    for name in ("market_file", "market_money", "market_time", "money"):
        path = shuffled / "data" / "sample" / f"{name}.csv"
        head, *body = path.read_bytes().splitlines(keepends=True)
        random.Random(name).shuffle(body)
        moved.append(path.read_bytes() != head + b"".join(body))
        path.write_bytes(head + b"".join(body))
    assert all(moved)
    for folder in (source.folder, shuffled):
        run(folder, rest)
    return source, type(source)(shuffled)


def test_every_cap_is_reached(orders):
    folder = orders[0].folder
    told = json.loads((folder / "data/explained/details.json").read_text(encoding="utf-8"))
    assert told["method"] == "sampling"
    assert told["explained_customers"] == 100 < told["customers"]
    table = pd.read_parquet(folder / "data/features/features.parquet")
    train = (table["split"] == "train") & table["scored"]
    assert train.sum() > 250


def test_shuffled_exports_give_the_same_bytes(orders):
    plain, shuffled = (one.files("data", "metrics", "plots", "report") for one in orders)
    assert len(plain) >= 60
    assert sorted(plain) == sorted(shuffled)
    other = {name for name, content in plain.items() if shuffled[name] != content}
    sample = {name for name in plain if name.startswith("data/sample/")}
    assert other - sample == set(OF_THE_ORDER)


def test_what_differs_is_what_tells_of_the_order(orders):
    read = {
        "parquet": pd.read_parquet,
        "json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    }
    for name, without in OF_THE_ORDER.items():
        if without is not None:
            tables = (read[name.rpartition(".")[2]](one.folder / name) for one in orders)
            one, other = (without(table) for table in tables)
            assert len(one)
            assert one.equals(other) if isinstance(one, pd.DataFrame) else one == other, name


def _without_position(found):
    found["report"] = [row for row in found["report"] if row["column"] != "position"]
    found["leaks"].pop("position", None)
    return found


OF_THE_ORDER = {
    # The line of the file that a customer stands in.
    "data/prepared/customers.parquet": lambda table: table.drop(columns="position"),
    # The first example in the file of each finding.
    "data/prepared/readiness.parquet": lambda table: table.drop(columns=["example", "text"]),
    "data/prepared/readiness.csv": None,
    # Whether the lines give the label away, and how many warnings that makes.
    "data/features/details.json": _without_position,
    "report/overview.json": lambda found: found | {"findings": None},
    # Both are on the page.
    "report/en.html": None,
    "report/ru.html": None,
}
"""What may differ, and what is left of it that may not."""
