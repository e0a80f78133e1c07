"""Forecasts that were kept, beside what came."""

import json
from dataclasses import replace

import numpy as np
import pytest

from known_months import CARD, FIRST, shop_of_months
from retention.core.errors import InputError
from retention.core.files import write_json
from retention.core.months import shifted
from retention.evaluation.by_month import known
from retention.evaluation.forecast import FORESEEN
from retention.evaluation.foretold import (
    SHORT,
    Judge,
    beside_fact,
    foretold_and_came,
    foretold_and_waiting,
    read_forecasts,
)

MODEL = CARD["sha256"][:SHORT]
DOUBT = np.diag([0.03, 0.03]) ** 2
SINCE = shifted(FIRST, 4)
"""The second month taught, and its outcome was known three months later."""
STRICT = 0.9993


def judge(model=MODEL, since=SINCE):
    return Judge(DOUBT, model, 3, since, 0.95, STRICT)


def of_month(table, place):
    return table[table["month"] == shifted(FIRST, place)]


def test_every_month_that_the_model_cannot_have_learnt_from_is_foretold():
    table = shop_of_months(800, 10, seed=1)
    found, missed = foretold_and_came(table, {}, judge())
    assert [one["month"] for one in found] == [shifted(FIRST, place) for place in (4, 5, 6)]
    assert not missed
    for one in found:
        rows = of_month(table, int(one["month"][-2:]) - 1)
        assert one["drop_share"] == pytest.approx(rows["risk"].mean())
        assert one["drop_share_fact"] == pytest.approx(rows["drop"].mean())
        assert (one["kept"], one["comparable"], one["missed_scores"]) == (False, True, [])
        assert one["brier_low"] < one["brier_fact"] < one["brier_high"]
    waiting = foretold_and_waiting(table, {}, judge())
    assert [one["month"] for one in waiting] == [shifted(FIRST, place) for place in (7, 8)]
    assert "drop_share_fact" not in waiting[0]
    assert foretold_and_came(table, {}, judge(since=None)) == ([], False)


def test_a_shop_that_changed_is_missed_and_named():
    table = shop_of_months(800, 10, seed=2, shift=0.8)
    found, missed = foretold_and_came(table, {}, judge())
    assert missed
    assert all("drop_share" in one["missed_scores"] for one in found)


def kept_of(table, place, **changed):
    """The forecast of a month, made before its outcome, by the model of `changed`."""
    return judge(**changed).foretell(of_month(table, place), shifted(FIRST, place))


def test_a_forecast_that_was_kept_wins():
    table = shop_of_months(800, 10, seed=3)
    then = table.assign(risk=table["risk"] * 0.5)
    kept = {shifted(FIRST, 3): kept_of(then, 3), shifted(FIRST, 5): kept_of(then, 5)}
    found, missed = foretold_and_came(table, kept, judge())
    by_month = {one["month"]: one for one in found}
    assert [one["kept"] for one in found] == [True, False, True, False]
    one = by_month[shifted(FIRST, 5)]
    assert one["drop_share"] == pytest.approx(of_month(then, 5)["risk"].mean())
    assert one["missed"]
    assert missed
    # Of the month that may have taught, only what was kept before its outcome came counts.
    assert foretold_and_came(table, {}, judge())[0][0]["month"] == SINCE


def test_of_another_model_only_the_share_of_drops_can_be_compared():
    table = shop_of_months(800, 10, seed=4)
    other = kept_of(table.assign(risk=table["risk"] * 0.5), 5, model="0" * SHORT)
    found, missed = foretold_and_came(table, {other.month: other}, judge())
    (one,) = (one for one in found if one["kept"])
    assert one["missed_scores"] == ["drop_share"]
    assert np.isnan([one["roc_auc_fact"], one["brier_fact"]]).all()
    assert not missed  # the model in use foretold that month well


def test_outcomes_of_others_than_those_foretold_judge_nothing():
    table = shop_of_months(800, 10, seed=5)
    kept = kept_of(table.assign(risk=table["risk"] * 0.5), 5)
    # No control was kept: those of high risk were all treated.
    gone = (table["month"] == kept.month) & (table["risk"] > 0.7)
    table = table.assign(split=table["split"].mask(gone, "treated"))
    found, _ = foretold_and_came(table, {kept.month: kept}, judge())
    # The model in use would tell another share today: that is no forecast that was kept.
    (one,) = (one for one in found if one["month"] == kept.month)
    assert (one["kept"], one["comparable"], one["missed"]) == (True, False, False)
    assert one["drop_share"] == pytest.approx(kept.scores["drop_share"].value)


def test_a_forecast_of_another_horizon_has_no_fact():
    table = shop_of_months(800, 10, seed=5)
    kept = replace(kept_of(table.assign(risk=table["risk"] * 0.5), 5), horizon_months=2)
    ((one,), missed) = foretold_and_came(table, {kept.month: kept}, judge(since=None))
    assert (one["comparable"], one["missed"], missed) == (False, False, False)
    assert np.isnan([one[f"{name}_fact"] for name in FORESEEN]).all()


def test_without_an_interval_or_a_fact_it_cannot_be_told_whether_it_came_true():
    table = shop_of_months(800, 10, seed=5)
    unsure = replace(judge(), doubt=np.full((2, 2), np.nan))
    found, missed = foretold_and_came(table, {}, unsure)
    assert [(one["comparable"], one["missed"]) for one in found] == [(False, False)] * 3
    assert not missed
    few = table[table["customer_id"].isin(table["customer_id"].head(12))]
    assert not any(one["comparable"] for one in foretold_and_came(few, {}, judge())[0])


def test_controls_stand_for_those_who_were_treated():
    """Of each two riskiest customers one was treated and does not drop: the other counts twice."""
    table = shop_of_months(4000, 10, seed=6)
    month, rng = shifted(FIRST, 6), np.random.default_rng(7)
    listed = (table["month"] == month) & (table["risk"] > 0.6)
    arm = rng.random(len(table)) < 0.5
    truth = of_month(table, 6)["drop"].mean()
    table["drop"] = table["drop"].mask(listed & arm, 0)
    table["split"] = table["split"].mask(listed & arm, "treated")
    left = known(of_month(table, 6))
    assert left["drop"].mean() < truth - 0.04  # leaving them out alone tells too few drops
    table["weight"] = np.where(listed & ~arm, 2.0, 1.0)
    kept = kept_of(table.assign(split="score", weight=1.0), 6)
    levels = {"horizon": 3, "level": 0.95, "missed_level": STRICT}
    one = beside_fact(kept, known(of_month(table, 6)), own=True, **levels)
    assert one["drop_share_fact"] == pytest.approx(truth, abs=0.015)
    assert one["comparable"]
    assert one["missed_scores"] == []


def test_a_few_early_answers_are_no_outcome_of_a_month():
    table = shop_of_months(800, 10, seed=10)
    early = (table["month"] == shifted(FIRST, 7)) & (table["twin_key"] < 300)
    table["drop"] = table["drop"].mask(early, 1)
    assert foretold_and_came(table, {}, judge())[0][-1]["month"] == shifted(FIRST, 6)
    assert foretold_and_waiting(table, {}, judge())[0]["month"] == shifted(FIRST, 7)


def test_what_is_kept_is_read_as_it_was_told(tmp_path):
    forecast = kept_of(shop_of_months(800, 10, seed=8), 9)
    write_json(forecast.to_keep(level=0.95), tmp_path / f"{forecast.month}.json")
    (tmp_path / ".gitignore").write_text("")
    (read,) = read_forecasts(tmp_path).values()
    assert (read.month, read.model, read.horizon_months) == (forecast.month, MODEL, 3)
    for name in FORESEEN:
        assert read.scores[name].interval(0.9) == pytest.approx(
            forecast.scores[name].interval(0.9), abs=1e-5
        )


def test_a_forecast_of_few_drops_is_kept_too(tmp_path):
    table = shop_of_months(30, 10, seed=9)
    forecast = kept_of(table.assign(risk=0.02), 9)
    write_json(forecast.to_keep(level=0.95), tmp_path / f"{forecast.month}.json")
    assert np.isnan(read_forecasts(tmp_path)[forecast.month].scores["roc_auc"].value)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("last", {}, "a forecast is named by its month"),
        ("2025-11", {}, "is of '2025-10', not of the month in its name"),
        ("2025-10", {"roc_auc": 1.4}, "roc_auc is 1.4; valid: a number from 0 to 1"),
        ("2025-10", {"roc_auc": "high"}, "roc_auc is 'high'; valid: a number from 0 to 1"),
        ("2025-10", {"brier_luck": -1}, "brier_luck is -1; valid: a number from 0"),
        ("2025-10", {"horizon_months": 2.5}, "horizon_months is 2.5; valid: a whole number"),
        ("2025-10", {"horizon_months": 0}, "horizon_months is 0; valid: a whole number"),
        ("2025-10", {"customers": None}, "customers is None; valid: a number from 0"),
    ],
)
def test_a_file_that_is_no_forecast_is_told_in_one_line(tmp_path, name, change, said):
    forecast = kept_of(shop_of_months(800, 10, seed=8), 9)
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(forecast.to_keep(level=0.95) | change))
    with pytest.raises(InputError, match=r"^[^\n]+$") as fault:
        read_forecasts(tmp_path)
    assert str(path) in str(fault.value)
    assert said in str(fault.value)


@pytest.mark.parametrize("content", ["{", "[]", '{"month": "2025-10"}'])
def test_a_damaged_forecast_does_not_send_to_a_stage(tmp_path, content):
    (tmp_path / "2025-10.json").write_text(content)
    with pytest.raises(InputError, match="a copy of data") as fault:
        read_forecasts(tmp_path)
    assert "dvc repro" not in str(fault.value)


def test_a_forecast_of_an_earlier_model_is_held_against_that_model():
    table = shop_of_months(800, 10, seed=3)
    then = table.assign(risk=1 - table["risk"])
    kept = {shifted(FIRST, 5): kept_of(then, 5, model="0" * SHORT)}

    def risk_by(short, rows):
        return 1 - rows["risk"].to_numpy() if short == "0" * SHORT else None

    known_now = replace(judge(), risk_by=risk_by)
    one = {row["month"]: row for row in foretold_and_came(table, kept, known_now)[0]}
    fact = one[shifted(FIRST, 5)]["roc_auc_fact"]
    assert fact == pytest.approx(1 - one_of_today(table, 5)["roc_auc_fact"])
    unknown = {row["month"]: row for row in foretold_and_came(table, kept, judge())[0]}
    assert np.isnan(unknown[shifted(FIRST, 5)]["roc_auc_fact"])


def one_of_today(table, place):
    """Forecast and fact of a month by the model in use."""
    found = foretold_and_came(table, {}, judge())[0]
    return next(row for row in found if row["month"] == shifted(FIRST, place))
