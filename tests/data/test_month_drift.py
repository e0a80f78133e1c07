"""Drift of the last month: told where there is some, against the months that taught the model."""

import numpy as np
import pandas as pd
import pytest

from dictionary import COLUMNS
from helpers import random_shop
from retention.core.files import rounded
from retention.core.vocabulary import PROFIT
from retention.data.drift import find_month_drift

NAMES = [*COLUMNS.behaviour, PROFIT]
LEAST = 0.1


def months_of(customers, months, *, seed):
    """A shop whose customers stay: all but the last month taught, and hardly anyone changes."""
    start = random_shop(customers, seed=seed)
    parts = []
    for place in range(months):
        rng = np.random.default_rng([seed, place])
        part = start.assign(month=f"2025-{place + 1:02d}", drop=pd.NA)
        for name in ("pages_per_visit", "minutes_m0", "revenue_m0"):
            anew = rng.permutation(start[name])
            part[name] = np.where(rng.random(customers) < 0.7, anew, start[name])
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    rng, last = np.random.default_rng(seed), months - 1
    return table.assign(
        twin_key=np.tile(np.arange(customers, dtype="uint64"), months),
        behaviour_key=np.arange(len(table), dtype="uint64"),
        split=np.where(table["month"] == f"2025-{last + 1:02d}", "score", "train"),
        out_of_fold=table["month"] < f"2025-{last + 1:02d}",
        scored=True,
        weight=1.0,
        risk=rng.uniform(0, 1, len(table)),
    )


YEARLY = 0.05 / 2 / 12


def month_drift(table):
    return find_month_drift(table, NAMES, least=LEAST, level=YEARLY)


def test_months_without_drift_are_called_hardly_ever():
    """Of 200 months 0.4 may be called; that any three are has a chance below 1 %."""
    called = 0
    for seed in range(200):
        found = month_drift(months_of(80, 4, seed=seed))
        assert found["customers"] == {"before": 80, "ahead": 80}
        called += bool(found["columns"]) or found["risk"]["drifted"]
    assert called <= 2


def test_minutes_told_in_seconds_are_called_in_the_month_they_are():
    for seed in range(20):
        table = months_of(150, 4, seed=seed)
        last = table["month"] == "2025-04"
        table["minutes_m0"] = table["minutes_m0"].where(~last, table["minutes_m0"] * 60)
        found = month_drift(table)
        assert [one["column"] for one in found["columns"]] == ["minutes_m0"]
        assert not found["risk"]["drifted"]


def test_a_risk_that_moved_is_told_by_itself():
    table = months_of(300, 4, seed=1)
    last = table["month"] == "2025-04"
    table["risk"] = table["risk"].where(~last, table["risk"] ** 0.5)
    found = month_drift(table)
    assert found["columns"] == []
    assert found["risk"]["drifted"]
    assert found["risk"]["ahead"] == pytest.approx(table.loc[last, "risk"].mean())
    assert found["comparisons"] == len(NAMES) + 1


def test_those_who_were_treated_are_no_drift_where_controls_stand_for_them():
    table = months_of(3000, 3, seed=2)
    rng, before = np.random.default_rng(3), table["month"] < "2025-03"
    listed = before & (table["pages_per_visit"] > 10)
    arm = listed & (rng.random(len(table)) < 0.7)
    table["split"] = table["split"].mask(arm, "treated")
    table["out_of_fold"] &= ~arm
    alone = month_drift(table)
    assert [one["column"] for one in alone["columns"]] == ["pages_per_visit"]
    table["weight"] = np.where(listed & ~arm, 1 / 0.3, 1.0)
    assert month_drift(table)["columns"] == []


def test_months_in_any_order_drift_alike():
    table = months_of(400, 3, seed=4)
    table["pages_per_visit"] += (table["month"] == "2025-03") * 8
    found = month_drift(table)
    assert found["columns"]
    turned = month_drift(table.sample(frac=1, random_state=1))
    assert rounded(turned) == rounded(found)


def test_a_model_whose_months_are_gone_is_compared_with_nothing():
    found = month_drift(months_of(50, 3, seed=5).assign(out_of_fold=False))
    assert (found["comparisons"], found["columns"], found["risk"]) == (0, [], None)
