"""A customer whose latest month was high by chance falls by chance."""

import numpy as np
import pandas as pd
import pytest

from helpers import project_params
from retention.core.params import Evaluate
from retention.core.vocabulary import REVENUE
from retention.evaluation.held_out import evaluate_risk
from retention.evaluation.reversion import (
    by_rule,
    latest_over_mean,
    mean_of_base,
    reverting_risk,
)
from retention.stats.metrics import plain, roc_auc

OPTIONS = Evaluate(**project_params()["evaluate"] | {"bootstrap": 100})


def shop_where_nobody_changes(customers, *, seed, alike=0.5):
    """Revenue varies by 0.4 of its mean; a drop is three months below 0.9 of the three before.

    `alike` is the standard deviation of the log of the customers' usual revenue.
    """
    rng = np.random.default_rng(seed)
    spread = np.sqrt(np.log(1 + 0.4**2))
    months = np.exp(rng.normal(0, spread, (customers, 6))) * rng.lognormal(8, alike, (customers, 1))
    drop = months[:, 3:].mean(axis=1) < 0.9 * months[:, :3].mean(axis=1)
    return pd.DataFrame(dict(zip(REVENUE, months.T, strict=False))).assign(
        drop=pd.array(drop.astype(int), dtype="Int8")
    )


@pytest.mark.parametrize(("alike", "area"), [(0.12, 0.79), (0.5, 0.63), (1.0, 0.57)])
def test_what_chance_alone_ranks(alike, area):
    """The mean of the base months does, and the better the more alike the customers are."""
    train, test = (shop_where_nobody_changes(20_000, seed=seed, alike=alike) for seed in (1, 2))
    label = test["drop"].to_numpy("int64")
    assert label.mean() == pytest.approx(0.37, abs=0.02)
    risk, threshold = reverting_risk(train, test, "base", base_months=3)
    assert plain(roc_auc, label, risk) == pytest.approx(area, abs=0.015)
    assert risk.mean() == pytest.approx(label.mean(), abs=0.02)
    assert 0 < threshold < 1
    # The months before are exchangeable: which of them is the latest tells nothing.
    risk, _ = reverting_risk(train, test, "reversion", base_months=3)
    assert plain(roc_auc, label, risk) == pytest.approx(0.5, abs=0.02)
    # The direction is learnt, not assumed.
    turned, _ = reverting_risk(train.assign(drop=1 - train["drop"]), test, "base", base_months=3)
    assert plain(roc_auc, label, turned) < 0.45


def test_the_latest_month_over_the_mean_of_the_base():
    rows = pd.DataFrame(
        {"revenue_m2": [6.0, 0, 2], "revenue_m1": [2.0, 0, None], "revenue_m0": [4.0, 0, None]}
    )
    assert latest_over_mean(rows, base_months=3).tolist() == [1.0, 1.0, 1.0]
    assert latest_over_mean(rows, base_months=2)[0] == pytest.approx(4 / 3)
    assert latest_over_mean(rows, base_months=12)[0] == 1.0


def test_only_outcomes_by_the_rule_are_ranked_by_it():
    rows = shop_where_nobody_changes(10, seed=1)
    assert not by_rule(rows)
    assert not by_rule(rows.assign(label_source="shop"))
    assert by_rule(rows.assign(label_source=["shop"] * 9 + ["rule"]))
    assert not by_rule(rows.assign(label_source="rule").drop(columns="revenue_m0"))


def judged(*, knows, source="rule", seed=3):
    """A model in months that knows the mean of the base months alone, or more."""
    table = shop_where_nobody_changes(3000, seed=seed, alike=0.12)
    rng, drop = np.random.default_rng(seed), table["drop"].to_numpy("float64")
    base = mean_of_base(table, base_months=3)
    half = np.arange(len(table)) % 2 == 0
    table = table.assign(
        customer_id=np.arange(len(table)).astype("str"),
        month=np.where(half, "2026-01", "2026-04"),
        split=np.where(half, "train", "test"),
        out_of_fold=half,
        scored=True,
        weight=1.0,
        twin_key=np.arange(len(table), dtype="uint64"),
        behaviour_key=np.arange(len(table), dtype="uint64"),
        label_source=source,
        pages=rng.normal(0, 1, len(table)),
    )
    told = 1 / (1 + np.exp(-3 * np.log(base / base.mean()) - knows * 2 * (drop - 0.4)))
    return evaluate_risk(table.assign(risk=told), ["pages"], threshold=0.5, options=OPTIONS).scores


def test_a_model_must_be_better_than_past_revenue():
    """It is surely better than the column it may use, and knows no more than past revenue does."""
    found = judged(knows=0)
    assert found["over_rule_low"] > 0
    assert found["over_reversion_low"] > 0
    assert found["over_base"] == pytest.approx(0, abs=1e-3)
    assert found["grade"] == "C"
    more = judged(knows=1)
    assert more["over_base_low"] > 0
    assert more["grade"] in "AB"


def test_where_the_shop_tells_the_outcome_reversion_is_not_asked():
    found = judged(knows=1, source="shop")
    assert not {name for name in found if "reversion" in name or "base_" in name}
