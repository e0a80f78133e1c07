import numpy as np
import pytest

from known_months import FIRST, shop_of_months
from retention.core.months import shifted
from retention.evaluation.by_month import known, month_scores, random_split, split_of
from retention.stats.estimates import brier_of, roc_auc_of
from retention.stats.metrics import SCORES, plain, spread

DRAWS = {"count": 300, "seed": 1, "level": 0.95}


def test_each_month_with_outcomes_has_its_own_scores():
    table = shop_of_months(500, 9, seed=1)
    found = month_scores(table, **DRAWS)
    assert [one["month"] for one in found] == [shifted(FIRST, place) for place in range(6)]
    assert [one["taught"] for one in found] == [True, True, False, False, False, False]
    rows = table[table["month"] == shifted(FIRST, 3)]
    label, risk = rows["drop"].to_numpy("int64"), rows["risk"].to_numpy()
    one = found[3]
    assert (one["customers"], one["drops"]) == (500, label.sum())
    assert one["roc_auc"] == pytest.approx(roc_auc_of(label, risk).value)
    assert (one["brier_low"], one["brier_high"]) == pytest.approx(
        brier_of(label, risk).interval(0.95)
    )
    assert one["drop_share_low"] < one["drop_share"] == label.mean() < one["drop_share_high"]


def test_rows_that_count_twice_are_scored_as_two():
    table = shop_of_months(500, 9, seed=2)
    table["weight"] = np.where(table["risk"] > 0.6, 2.0, 1.0)
    table["split"] = table["split"].mask(table["pages"] < -3, "treated")
    month = shifted(FIRST, 2)
    one = month_scores(table, **DRAWS)[2]
    rows = known(table[table["month"] == month])
    assert one["customers"] == len(rows) < 500
    doubled = rows.loc[rows.index.repeat(rows["weight"].astype(int))]
    label, risk = doubled["drop"].to_numpy("int64"), doubled["risk"].to_numpy()
    for name in ("roc_auc", "brier", "log_loss"):
        assert one[name] == pytest.approx(plain(SCORES[name], label, risk)), name
        assert one[f"{name}_low"] < one[name] < one[f"{name}_high"]
    assert one["drop_share"] == pytest.approx(label.mean())
    assert one["weight"] == len(doubled)


def test_the_random_split_is_that_of_the_rows_that_taught():
    table = shop_of_months(500, 9, seed=3)
    rows = table[table["out_of_fold"]]
    found = random_split(rows, level=0.95)
    label, risk = rows["drop"].to_numpy("float64"), rows["risk"].to_numpy()
    assert found["roc_auc"] == pytest.approx(plain(SCORES["roc_auc"], label, risk))
    # Customers, not rows, are drawn: as the bootstrap of customers finds it.
    rng = np.random.default_rng(1)
    drawn = rng.multinomial(500, np.full(500, 1 / 500), 800)[:, rows["twin_key"].astype(int)]
    ends = np.quantile(spread(SCORES["roc_auc"], label, risk, drawn), [0.025, 0.975])
    assert (found["roc_auc_low"], found["roc_auc_high"]) == pytest.approx(ends, abs=0.005)
    assert random_split(rows[rows["drop"] == 0], level=0.95) is None


def test_a_month_of_one_outcome_has_no_scores():
    table = shop_of_months(50, 9, seed=4)
    table["drop"] = table["drop"].mask(table["month"] == shifted(FIRST, 2), 0)
    one = month_scores(table, **DRAWS)[2]
    assert np.isnan([one["roc_auc"], one["brier_low"]]).all()
    assert one["drop_share"] == 0 < one["drop_share_high"]


def test_how_the_test_was_kept_aside():
    table = shop_of_months(50, 9, seed=5)
    assert split_of(table) == "time"
    mixed = table.assign(split=np.where(table["twin_key"] % 4 == 0, "test", "train"))
    assert split_of(mixed) == "customers"
    assert split_of(table.assign(split="waiting")) == "none"
