import pytest

from monthly import FORETOLD, LAST, MISSED, MONTHS
from monthly import forecast as forecast_of
from monthly import foretold as foretold_of
from retention.report.months import (
    LABELLED,
    SHOWN_MONTHS,
    forecasts_of,
    kinds_of,
    months_overview,
    points_of,
    reach_of,
    sees_months,
)

ROWS = [foretold_of(month, place) for place, month in enumerate(FORETOLD)]


def finding(what, month, level="warning", file="money.csv"):
    return {"level": level, "what": what, "file": file, "column": "", "month": month}


def test_the_files_tell_whether_the_shop_is_seen_by_month():
    assert sees_months({"prepare": {"months": {}}})
    assert not sees_months({"prepare": {"kept": {}}})


def test_a_kind_of_finding_stands_once_with_its_newest_month():
    findings = [
        finding("few_customers", ""),
        finding("separator", "2026-01"),
        finding("separator", "2026-02"),
        finding("separator", "2026-02", file="market_file.csv"),
        finding("twins", "2026-01"),
    ]
    found = kinds_of(findings)
    assert [(one["place"], one["last"], one["months"]) for one in found] == [
        (0, "", 1), (2, "2026-02", 2), (3, "2026-02", 1), (4, "2026-01", 1),
    ]  # fmt: skip
    assert [one["place"] for one in kinds_of(findings[:0])] == []


def test_two_findings_of_one_kind_and_month_stay_two():
    found = kinds_of([finding("header", "2026-01"), finding("header", "2026-01")])
    assert [(one["place"], one["months"]) for one in found] == [(0, 1), (1, 1)]


def files(**change):
    one = {"customers_kept": 10, "set_aside": {"no_revenue": 2, "incomplete": 1}}
    other = {"customers_kept": 7, "set_aside": {"no_revenue": 0, "incomplete": 4}}
    pair = {"compared": 8, "differ": 0}
    prepare = {
        "months": ["2026-01", "2026-02"],
        "by_month": {
            "2026-01": one | {"labels": {"shop": 3, "rule": 6, "unknown": 1}},
            "2026-02": other | {"labels": {"shop": 0, "rule": 0, "unknown": 7}},
        },
        "restated": [pair, pair | {"differ": 1}, pair | {"differ": 5}],
    }
    split = {"treated": {"2026-01": 4}, "controls": {"2026-01": 2}, "gaps": ["spring"]}
    return {
        "prepare": {"months": prepare | change},
        "featurize": {"months": split},
        "evaluate": {"months": {"foretold": [{"comparable": place > 0} for place in range(3)]}},
    }


def test_months_add_up():
    findings = [
        finding("twins", "2026-01"),
        finding("broken", "2026-02", level="error"),
        finding("separator", "2026-02", level="advice"),
        finding("few_customers", ""),
    ]
    found = months_overview(files(), findings)
    assert (found["count"], found["first"], found["foretold"]) == (2, "2026-01", 3)
    assert (found["judged"], found["untold"]) == (2, 1)
    assert found["labels"] == {"shop": 3, "rule": 6, "unknown": 8}
    assert found["customers_kept"] == 17
    assert found["by_month"] == {
        "2026-01": {"set_aside": 3, "warnings": 1},
        "2026-02": {"set_aside": 4, "warnings": 1},
    }
    assert found["restated"] == {"compared": 24, "differ": 6, "pairs": [2, 1]}
    assert found["treated"] == {"treated": 4, "controls": 2, "gaps": 1}
    assert len(found["findings"]) == 4


def test_a_picture_shows_forecast_and_fact_and_what_is_outside():
    points = points_of([forecast_of(LAST), *ROWS[::-1]], "drop_share")
    assert [point["month"] for point in points] == [*FORETOLD, LAST]
    assert [point["month"] for point in points if point["outside"]] == [MISSED]
    assert points[-1]["fact"] is None
    # Months without a fact or a forecast between them keep their room.
    assert [point["place"] for point in points] == [*range(7), 9]
    assert points[-1]["named"]
    assert sum(point["named"] for point in points) <= LABELLED
    low, high = reach_of(points)
    assert 0.31 - 0.05 < low < 0.31
    assert 0.47 < high < 0.52


def test_months_of_which_nothing_was_told_are_not_drawn():
    untold = ROWS[0] | {"roc_auc": None, "roc_auc_low": None, "roc_auc_high": None}
    unknown = ROWS[1] | {"roc_auc_fact": None}
    points = points_of([untold, unknown], "roc_auc")
    assert [(point["month"], point["fact"], point["outside"]) for point in points] == [
        (FORETOLD[1], None, False)
    ]
    assert points_of([untold], "roc_auc") == []


@pytest.mark.parametrize("values", [(0.0, 0.0), (1.0, 1.0), (0.02, 0.99)])
def test_a_picture_stays_within_what_a_share_can_be(values):
    low, high = reach_of([dict(zip(("low", "high"), values, strict=True), told=0.5, fact=None)])
    assert 0 <= low < high <= 1


def test_of_many_months_the_newest_are_shown_first():
    rows = [{"month": f"{2020 + place // 12}-{place % 12 + 1:02d}"} for place in range(60)]
    told = {"foretold": rows[:57], "waiting": rows[57:59], "forecast": rows[59]}
    shown = forecasts_of(told, ahead=True)
    assert [row for _, row in shown] == rows[: -SHOWN_MONTHS - 1 : -1]
    assert [place for place, _ in shown[:4]] == [
        ("forecast",), ("waiting", 1), ("waiting", 0), ("foretold", 56),
    ]  # fmt: skip
    assert [row for _, row in forecasts_of(told, ahead=False)] == rows[56 : 56 - SHOWN_MONTHS : -1]
    assert len(MONTHS) < SHOWN_MONTHS
