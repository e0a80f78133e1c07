import datetime

import pytest

from past_campaigns import keep
from retention.measurement.ab_test import MIN_GROUP, MIN_POOLED
from retention.report.campaigns import (
    LEAST_ANSWERS,
    NAMED_MONTHS,
    CampaignsSoFar,
    campaign_rows,
    comparable_answers,
    effect_reach,
    planned_row,
    read_campaigns_so_far,
    timeline_of,
    told_of_next,
)

TODAY = "2026-11-01"
SEGMENT = {
    "rehearsal": None,
    "treatment": 30,
    "control": 20,
    "global_control": 4,
    "treatment_cost": 1.5,
    "date": "2026-12-05",
}
CAMPAIGN = {"name": "winter", "date": "2026-11-30", "horizon": 3}


def said(name, date, end):
    return {
        "name": name,
        "date": date,
        "end": end,
        "customers": {"treatment": 5, "control": 6, "global_control": 1, "excluded": {"drift": 9}},
        "channels": {"message": 5},
        "treatment_cost": 2.5,
    }


def measured(name, why=None):
    customers = {"treatment": 7, "control": 8, "global_control": 2}
    return {"name": name, "date": "2026-01-10", "end": "2026-04-10", "customers": customers} | {
        "left_out": why
    }


def states(so_far, planned=None, today=TODAY):
    return {row["name"]: row["state"] for row in campaign_rows(so_far, planned, today=today)}


def test_a_campaign_runs_until_the_day_on_which_its_outcome_is_known():
    so_far = CampaignsSoFar({"a": said("a", "2026-08-01", TODAY)}, None)
    assert states(so_far, today="2026-10-31") == {"a": "running"}
    assert states(so_far) == {"a": "awaited"}
    assert states(so_far, today="2026-08-01") == {"a": "running"}
    # Launched before the day of its start, it is no plan any more, and does not run yet.
    assert states(so_far, today="2026-07-31") == {"a": "launched"}


def test_what_was_measured_says_so_whatever_the_day():
    launched = {name: said(name, "2026-10-01", "2027-01-01") for name in ("told", "broken")}
    programme = {"campaigns": [measured("broken", "broken_split"), measured("told")]}
    rows = campaign_rows(CampaignsSoFar(launched, programme), None, today=TODAY)
    told = {row["name"]: (row["state"], row["place"], row["left_out"]) for row in rows}
    assert told == {"told": ("measured", 1, None), "broken": ("left_out", 0, "broken_split")}


def test_every_campaign_stands_once_the_newest_first():
    launched = {"old": said("old", "2026-02-01", "2026-05-01"), "bare": None}
    launched["new"] = said("new", "2026-10-01", "2027-01-01")
    so_far = CampaignsSoFar(launched, {"campaigns": [measured("gone"), measured("old")]})
    planned = planned_row(SEGMENT, CAMPAIGN, channels={"on_site": 30})
    rows = campaign_rows(so_far, planned, today=TODAY)
    assert [(row["name"], row["state"]) for row in rows] == [
        ("winter", "planned"),
        ("new", "running"),
        ("old", "measured"),
        ("gone", "measured"),
        ("bare", "list_only"),
    ]
    by_name = {row["name"]: row for row in rows}
    assert by_name["new"]["channels"] == {"message": 5}
    assert (by_name["new"]["treatment"], by_name["new"]["cost"]) == (5, 2.5)
    assert by_name["gone"]["control"] == 8
    assert by_name["bare"]["treatment"] is by_name["bare"]["date"] is None


def test_a_plan_is_the_list_of_this_run_until_it_is_launched():
    row = planned_row(SEGMENT, CAMPAIGN, channels={"on_site": 30})
    assert (row["date"], row["end"]) == ("2026-11-30", "2027-02-28")
    assert (row["treatment"], row["control"], row["global_control"]) == (30, 20, 4)
    follows = planned_row(SEGMENT, CAMPAIGN | {"date": None}, channels={})
    assert follows["date"] == "2026-12-05"
    assert planned_row(SEGMENT | {"rehearsal": {}}, CAMPAIGN, channels={}) is None
    assert planned_row(SEGMENT | {"treatment": 0}, CAMPAIGN, channels={}) is None
    so_far = CampaignsSoFar({"winter": said("winter", "2026-11-30", "2027-02-28")}, None)
    assert states(so_far, row) == {"winter": "launched"}


def test_campaigns_are_read_from_their_folder(tmp_path):
    assert read_campaigns_so_far(tmp_path / "campaigns") == CampaignsSoFar({}, None)
    told = said("a", "2026-10-01", "2027-01-01")
    how = {key: told[key] for key in ("date", "end", "customers", "channels")}
    keep(tmp_path, "a", **how, cost=told["treatment_cost"])
    (tmp_path / "campaigns/programme.json").write_text('{"campaigns": []}', encoding="utf-8")
    found = read_campaigns_so_far(tmp_path / "campaigns")
    assert found.launched["a"]["channels"] == {"message": 5}
    assert found.programme == {"campaigns": []}


def day(text):
    return datetime.date.fromisoformat(text).toordinal()


def test_time_reaches_from_the_first_start_to_the_last_rest():
    launched = {
        "b": said("b", "2026-09-20", "2026-12-20"),
        "a": said("a", "2026-03-01", "2026-06-01"),
    }
    launched["bare"] = None
    rows = campaign_rows(CampaignsSoFar(launched, None), None, today=TODAY)
    found = timeline_of(rows, today=TODAY, rest_days=30)
    assert [bar["name"] for bar in found["bars"]] == ["a", "b"]
    assert (found["low"], found["high"]) == (day("2026-03-01"), day("2026-12-20") + 30)
    assert found["bars"][1]["rest"] - found["bars"][1]["end"] == 30
    assert found["today"] == day(TODAY)
    assert all(one["at"] == day(f"{one['month']}-01") for one in found["months"])
    assert found["months"][0]["month"] == "2026-04"
    assert 1 < len(found["months"]) <= NAMED_MONTHS
    assert (
        timeline_of([row for row in rows if row["date"] is None], today=TODAY, rest_days=0) is None
    )


def test_the_day_of_the_data_is_on_the_picture():
    rows = campaign_rows(
        CampaignsSoFar({"a": said("a", "2024-03-01", "2024-06-01")}, None), None, today=TODAY
    )
    assert timeline_of(rows, today=TODAY, rest_days=0)["high"] == day(TODAY)
    ahead = timeline_of(rows, today="2024-02-01", rest_days=0)
    assert (ahead["low"], ahead["today"]) == (day("2024-02-01"), day("2024-02-01"))


@pytest.mark.parametrize(
    ("effects", "reach"),
    [
        ([], (0.0, 0.0)),
        ([None, {"prevented": None, "low": None, "high": None}], (0.0, 0.0)),
        ([{"prevented": 0.2, "low": 0.1, "high": 0.3}], (0.0, 0.3)),
        ([{"prevented": -0.2, "low": -7.0, "high": -0.1}], (-1.0, 0.0)),
        # The ends of a difference in points are no ends of a share.
        (
            [{"prevented": 0.2, "prevented_low": -0.1, "prevented_high": 0.5, "low": -9}],
            (-0.1, 0.5),
        ),
    ],
)
def test_a_picture_of_effects_holds_nought_and_every_interval(effects, reach):
    assert effect_reach(effects) == reach


def test_answers_of_the_global_control_are_those_that_more_would_let_compare():
    rows = [("few_members", 3), (None, 20), ("broken_split", 40), ("few_members", 2)]
    kept = [{"left_out": why, "global_control": count} for why, count in rows]
    assert comparable_answers({"programme": {"campaigns": kept}}) == 25
    assert comparable_answers(None) == 0


def test_an_effect_takes_as_many_answers_as_measuring_asks_for():
    assert LEAST_ANSWERS == {"everyone": MIN_POOLED, "group": MIN_GROUP}


@pytest.mark.parametrize(
    ("change", "name", "told"),
    [
        ({}, "winter", True),
        ({}, "spring", False),  # measured: the list is that of a campaign that is over
        ({"customers": 60}, "winter", False),
        ({"alone": 0.3}, "winter", False),  # as many customers, but others
    ],
)
def test_what_the_next_campaign_shows_is_told_of_the_list_of_today_alone(change, name, told):
    programme = {"campaigns": [measured("spring")]}
    programme["next"] = {"customers": 50, "alone": 0.25, "pooled": 0.1} | change
    segment = SEGMENT | {"power": {"pooled": {"treatment": 30, "control": 20, "detectable": 0.25}}}
    assert told_of_next(programme, segment, name=name) is told
    assert not told_of_next(programme | {"next": None}, segment, name=name)
    assert not told_of_next({}, segment, name=name)
