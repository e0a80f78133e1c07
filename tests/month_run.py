"""A small shop of months led through every stage in one process, without DVC: half a minute."""

import sys

import pandas as pd
import yaml

from retention.core.months import shifted

MONTHS = [shifted("2025-05", by) for by in range(9)]
LAST, TEST, TAUGHT = MONTHS[-1], MONTHS[5], MONTHS[:3]
"""Outcomes take three months: those of month six are the last that are known."""
START = f"{MONTHS[4]}-01"
"""A campaign of three months began in the middle: its customers show nothing in between."""
STAGES = ["simulate", "prepare", "featurize", "train", "score", "evaluate"]
STAGES += ["explain", "segment", "report"]
SMALL = {
    "data": {"as_of": None},
    "simulate": {"customers": 400, "months": len(MONTHS)},
    "train": {"model": "logistic", "candidates": 2, "comparisons": 1, "jobs": 1},
    "features": {"least_drift": 0.3},
    "evaluate": {"bootstrap": 100},
    "explain": {"background": 20, "sample": 500},
    "campaign": {"date": None},
}
CHILD = """
import importlib, sys

sys.path.insert(0, "stages")
for name in sys.argv[1].split():
    importlib.import_module(name).main()
"""


def lead(clone, stages=STAGES, **how):
    """Run stages one after the other in a process of their own; return what they say."""
    return clone.run(sys.executable, "-c", CHILD, " ".join(stages), **how)


def change_params(clone, **sections):
    """Change keys of the clone's params."""
    path = clone.folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, changed in sections.items():
        params[section] |= changed
    path.write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")


def make_months(clone):
    """Simulate the shop, say that some customers were in a campaign, and run every stage."""
    change_params(clone, **SMALL)
    lead(clone, STAGES[:2])
    told = pd.read_parquet(clone.folder / "data/prepared/customers.parquet")
    listed = sorted(told.loc[told["month"] == MONTHS[3], "customer_id"])[::5]
    sent = pd.DataFrame({"customer_id": listed, "offer": "discount", "risk": 0.5})
    sent["arm"] = ["treatment" if place % 2 else "control" for place in range(len(sent))]
    folder = clone.folder / "campaigns" / "spring"
    folder.mkdir(parents=True)
    sent.assign(date=START, horizon=3).to_parquet(folder / "list.parquet", index=False)
    lead(clone, STAGES[2:])
    return clone
