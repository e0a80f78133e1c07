"""Months as a whole: evaluated, foretold, drawn; and a model that was kept."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from helpers import project_params
from known_months import CARD, FIRST, shop_of_months
from retention.core.errors import InputError
from retention.core.files import write_json, write_parquet
from retention.core.months import shifted
from retention.core.params import Evaluate
from retention.core.paths import ModelFolder
from retention.data.drift import find_month_drift
from retention.evaluation.forecast import FORESEEN
from retention.evaluation.held_out import (
    HEADLINE,
    evaluate_risk,
    held_out,
    predictions,
)
from retention.evaluation.month_study import study_months
from retention.evaluation.plots import draw_months, draw_scores
from retention.evaluation.when_kept import WHEN_KEPT, judged_or_kept, months_when_kept

OPTIONS = Evaluate(**project_params()["evaluate"] | {"bootstrap": 100})
CALM = {"comparisons": 17, "columns": [], "risk": None}


def evaluated(table, model):
    return judged_or_kept(held_out(table), model, partial(judged, table))


def judged(table, **how):
    return evaluate_risk(table, ["pages"], threshold=0.5, options=OPTIONS, **how)


def studied(table, drift=CALM, **how):
    return study_months(table, CARD, how.pop("kept", {}), drift, horizon=3, options=OPTIONS, **how)


def test_the_test_month_judges_and_teaching_months_help():
    table = shop_of_months(600, 9, seed=1)
    found = judged(table)
    rows = table[table["month"] == shifted(FIRST, 5)]
    assert found.scores["test_customers"] == 600
    assert found.label.tolist() == rows["drop"].tolist()
    assert found.scores["split"] == "time"
    # Each of 600 customers is on both sides; two months of one that taught count like one.
    assert found.scores["calibration_customers"] == 600
    assert found.scores["expected_drops"] == pytest.approx(rows["risk"].sum())
    assert found.scores["observed_drops"] == rows["drop"].sum()
    assert found.reliability["customers"].sum() == 600
    told = predictions(table)
    assert list(told) == ["customer_id", "month", "split", "drop", "risk"]
    assert told["month"].nunique() == 3


def test_three_months_of_a_customer_tell_no_more_than_one():
    """Rows that taught, told again under two more months, leave the verdict as it was."""
    table = shop_of_months(600, 9, seed=2)
    first = table[table["month"] == FIRST]
    copies = [first.assign(month=shifted(FIRST, -back)) for back in (1, 2)]
    once = judged(table[table["month"] != shifted(FIRST, 1)]).scores
    more = judged(pd.concat([*copies, table[table["month"] != shifted(FIRST, 1)]])).scores
    for end in ("", "_low", "_high"):
        name = f"calibration_slope{end}"
        assert more[name] == pytest.approx(once[name], rel=1e-6)


def test_test_customers_of_the_months_that_taught_reach_b_at_most():
    table = shop_of_months(1500, 9, seed=3)
    known = table["drop"].notna()
    aside = known & (table["twin_key"] % 3 == 0)
    mixed = table.assign(
        split=np.where(aside, "test", np.where(known, "train", table["split"])),
        out_of_fold=known & ~aside,
        risk=table["risk"],
        pages=np.random.default_rng(3).normal(0, 1, len(table)),
    )
    found = judged(mixed).scores
    assert (found["split"], found["grade"]) == ("customers", "B")
    assert "customers_split" in found["reservations"]
    # Six months of 500 customers are no 3,000: the interval is that of drawing customers.
    alone = judged(table.assign(pages=mixed["pages"])).scores
    assert found["test_customers"] == 3000
    assert "customers_split" not in alone["reservations"]


def test_controls_weigh_in_scores_and_verdict():
    """Half of the riskiest were treated: left out alone, the others are easier and rank worse."""
    table, rng = shop_of_months(3000, 9, seed=4), np.random.default_rng(5)
    listed = (table["month"] == shifted(FIRST, 5)) & (table["risk"] > 0.5)
    arm = listed & (rng.random(len(table)) < 0.5)
    true = judged(table).scores
    left = table.assign(split=table["split"].mask(arm, "treated"))
    weighted = judged(left.assign(weight=np.where(listed & ~arm, 2.0, 1.0))).scores
    gone = judged(left).scores
    for name, near, far in (("roc_auc", 0.01, 0.02), ("average_precision", 0.02, 0.05)):
        assert weighted[name] == pytest.approx(true[name], abs=near), name
        assert gone[name] < true[name] - far, name
        assert weighted[f"{name}_low"] < weighted[name] < weighted[f"{name}_high"]
    # Rows that count unlike tell less than as many that count alike.
    assert weighted["roc_auc_high"] - weighted["roc_auc_low"] > 0.035
    share = weighted["observed_drops"] / weighted["test_customers"]
    assert share == pytest.approx(true["observed_drops"] / 3000, abs=0.02)
    assert gone["observed_drops"] / gone["test_customers"] < share - 0.04
    assert weighted["calibration_slope_low"] < 1 < weighted["calibration_slope_high"]


def test_the_study_tells_what_to_expect_and_what_came(tmp_path):
    table = shop_of_months(600, 9, seed=6)
    found = studied(table)
    details = found.details
    assert [one["month"] for one in details["rows"]] == [shifted(FIRST, p) for p in range(6)]
    assert [one["month"] for one in details["foretold"]] == [shifted(FIRST, p) for p in (4, 5)]
    assert [one["month"] for one in details["waiting"]] == [shifted(FIRST, p) for p in (6, 7)]
    assert details["forecast"]["month"] == shifted(FIRST, 8)
    assert details["missed"] == 0
    assert (details["retrain"]["months_old"], details["retrain"]["due"]) == (7, False)
    assert found.forecast["model"] == "c0ffeec0ffee"
    (line,) = found.lines
    assert line.startswith("expected of 2025-09: drop_share 0.")
    drawn = found.table
    assert drawn["month"].tolist() == [shifted(FIRST, place) for place in range(9)]
    assert drawn["foretold_roc_auc"].notna().sum() == 5
    evaluation = judged(table).with_months(details)
    assert evaluation.headline["expected_roc_auc"] == details["forecast"]["roc_auc"]
    assert evaluation.headline["forecasts_missed"] == 0
    assert evaluation.scores["months"]["reversion"] is None
    assert "expected_roc_auc" not in judged(table).headline
    draw_months(drawn, tmp_path / "months.png", level=0.95)
    assert (tmp_path / "months.png").stat().st_size > 10_000


def test_a_shop_that_changed_is_to_be_taught_anew():
    table = shop_of_months(600, 12, seed=7, shift=1.0)
    fresh = table["month"] == shifted(FIRST, 5)
    table["split"] = table["split"].mask(fresh, "train")
    found = studied(table, drift=CALM | {"columns": [{"column": "pages"}]})
    assert found.details["missed"] == len(found.details["foretold"]) == 5
    assert found.details["retrain"]["due"]
    assert found.lines[1] == (
        "train anew: a forecast was missed; the last month differs from those that taught the model"
    )


def test_reasons_are_told_also_where_there_is_nothing_new_to_learn_from():
    drift = CALM | {"risk": {"drifted": True}}
    found = studied(shop_of_months(600, 9, seed=6), drift=drift)
    assert not found.details["retrain"]["due"]
    assert found.lines[1] == (
        "a reason to train anew: the last month differs from those that taught the model; but "
        "there are no new months of known outcome to learn from yet"
    )


def test_where_the_months_that_taught_are_gone_drift_cannot_be_told():
    table = shop_of_months(600, 9, seed=6)
    later = table[table["month"] > shifted(FIRST, 1)]
    drift = find_month_drift(later, ["pages"], least=0.1, level=0.01)
    assert drift["comparisons"] == 0
    assert (
        "differs from the months that taught the model cannot be told"
        in studied(later, drift=drift).lines[1]
    )


def test_the_order_of_rows_and_months_changes_nothing():
    table = shop_of_months(300, 9, seed=8)
    table["weight"] = np.where(table["risk"] > 0.6, 2.0, 1.0)
    found = studied(table)
    turned = studied(table.sample(frac=1, random_state=2))
    assert turned.forecast == pytest.approx(found.forecast)
    for one, other in zip(found.details["rows"], turned.details["rows"], strict=True):
        assert one == pytest.approx(other)


def test_the_horizon_is_that_of_the_model_in_use():
    table = shop_of_months(600, 9, seed=6)
    found = study_months(table, CARD | {"horizon_months": 2}, {}, CALM, horizon=3, options=OPTIONS)
    assert found.forecast["horizon_months"] == 2
    assert found.details["foretold"][0]["month"] == shifted(FIRST, 3)


@pytest.fixture
def model(tmp_path):
    """A model that was kept with how it was judged."""
    table = shop_of_months(600, 9, seed=9)
    kept = ModelFolder(tmp_path / "A")
    evaluation = judged(table).with_months(studied(table).details)
    write_json(evaluation.scores, kept.evaluation)
    write_parquet(evaluation.reliability, kept.reliability)
    return kept


def test_without_outcomes_a_model_has_the_scores_of_when_it_was_kept(model, tmp_path):
    table = shop_of_months(600, 12, seed=9)
    ahead = table[table["drop"].isna()].assign(out_of_fold=False)
    assert not held_out(ahead).can_be_judged
    found = evaluated(ahead, model)
    assert found.scores["judged"] == WHEN_KEPT
    assert "months" not in found.scores
    assert found.scores["grade"] in "ABC"
    assert set(HEADLINE) <= set(found.headline)
    assert len(found.reliability) == 10
    assert [len(curve) for name, curve in found.plots.items() if name != "calibration"] == [0] * 5
    draw_scores(found, tmp_path / "none.png", level=0.95)
    # What it does not know of itself is remembered too, or nothing could be foretold.
    untold = studied(ahead)
    assert np.isnan(untold.details["forecast"]["roc_auc_low"])
    then = studied(ahead, then=months_when_kept(model)).details["forecast"]
    usual = studied(shop_of_months(600, 9, seed=9)).details["forecast"]
    for name in FORESEEN:
        width, other = (one[f"{name}_high"] - one[f"{name}_low"] for one in (then, usual))
        assert width == pytest.approx(other, rel=0.1)


def test_without_outcomes_and_an_evaluation_one_line_says_what_is_missing(model):
    table = shop_of_months(600, 12, seed=9)
    ahead = table[table["drop"].isna()].assign(out_of_fold=False)
    model.evaluation.unlink()
    with pytest.raises(InputError, match=r"json is not there, [^\n]+ to judge it anew; "):
        evaluated(ahead, model)


def test_with_outcomes_a_model_that_was_kept_is_judged_anew(model):
    table = shop_of_months(600, 9, seed=10)
    found = evaluated(table, model)
    assert "judged" not in found.scores
    assert found.scores["test_customers"] == 600


def test_where_the_months_that_taught_are_gone_baselines_learn_from_others(model):
    table = shop_of_months(600, 9, seed=12)
    later = table[table["month"] > shifted(FIRST, 1)]
    later = later.assign(split=later["split"].replace("between", "train"))
    found = evaluated(later, model).scores
    assert (found["test_customers"], found["calibration_customers"]) == (600, 600)
    assert found["rule_roc_auc"] > 0.7
    nothing = later.assign(split=later["split"].replace("train", "waiting"))
    assert evaluated(nothing, model).scores["judged"] == WHEN_KEPT


def test_the_truth_of_months_is_asked_by_month():
    table = shop_of_months(300, 9, seed=11)
    truth = table[["customer_id", "month"]].assign(probability=table["risk"])
    found = judged(table, truth=truth.sample(frac=1, random_state=1)).scores
    assert found["best_reachable_roc_auc"] == pytest.approx(found["roc_auc"])


def test_what_is_unknown_of_a_month_without_a_forecast_is_empty_and_no_text():
    found = studied(shop_of_months(600, 9, seed=6)).table
    assert {str(found[name].dtype) for name in ("kept", "comparable", "missed")} == {"boolean"}
    assert found["missed"].isna().any()
    assert found["kept"].eq(False).any()
