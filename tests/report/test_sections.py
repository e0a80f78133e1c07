import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.report.figures import Figures, pointer
from retention.report.people import CellCounts, count_cells
from retention.report.scales import scale, ticks
from retention.report.sections import (
    came_true,
    cells,
    count_findings,
    funnel,
    headline_figures,
    treated_by_channel,
)
from retention.report.verdicts import side
from retention.report.views import budget_row, category_rows, differences, ends


def shop(drop):
    return pd.DataFrame(
        {
            "customer_id": list("abcd"),
            "risk": [0.9, 0.5, 0.2, 0.8],
            "drop": drop,
            "profit": [10.0, -4.0, 2.0, None],
            "grid": ["high", "low", "low", "high"],
            "segments": ["x y", "", "x", None],
            "reasons": ["p q", "q", "q", None],
        }
    )


def test_headline_tells_of_those_whose_months_are_ahead():
    found = headline_figures(shop([None, None, 0, 1]), threshold=0.5, months=3, lost=0.5)
    assert found["customers"] == 4
    assert (found["audience"], found["ahead"]) == (2, 2)
    assert (found["at_risk"], found["at_risk_share"]) == (2, 1.0)
    assert found["expected_drops"] == pytest.approx(1.4)
    assert found["monthly_profit"] == pytest.approx(6)
    assert found["profit_at_stake"] == pytest.approx(0.9 * 10 * 3 * 0.5)  # a loss is not at stake


def test_headline_tells_of_everyone_where_nobody_is_ahead():
    found = headline_figures(shop([0, 0, 0, 1]), threshold=0.85, months=1, lost=1)
    assert (found["audience"], found["ahead"], found["at_risk"]) == (4, 0, 1)
    assert found["profit_at_stake"] == pytest.approx(0.9 * 10 + 0.2 * 2)


def test_the_worst_group_is_one_that_chance_does_not_explain():
    bins = pd.DataFrame(
        {
            "told": [0.1, 0.6, 0.9],
            "dropped": [0.2, 0.9, 0.7],
            "customers": [100, 5, 90],
            "low": [0.12, 0.4, 0.58],
            "high": [0.3, 1.0, 0.8],
            "misses": [True, False, True],
        }
    )
    rows = came_true(bins)
    assert [row["worst"] for row in rows] == [False, False, True]
    assert rows[1]["high"] == 1.0
    assert not any(row["worst"] for row in came_true(bins.assign(misses=False)))


def test_funnel_adds_up():
    rows = funnel(10, {"a": 3, "b": 0, "c": 7})
    assert [row["left"] for row in rows] == [7, 7, 0]


def test_only_channels_that_reach_somebody_are_sent_by():
    made = {
        "a": {"treatment": 2, "control": 9},
        "b": {"treatment": 0, "control": 4},
        "c": {"treatment": 5, "control": 1},
        "d": {"treatment": 1, "control": 0},
    }
    channels = {"a": "message", "b": "in_cart", "c": "on_site", "d": "message"}
    assert list(treated_by_channel(made, channels).items()) == [("on_site", 5), ("message", 3)]


def test_cells_tell_who_is_in_them():
    counts = count_cells(shop([0] * 4), listed=["a", "c"])
    found = cells(counts, ["high", "low", "none"], segments=["x", "y"])
    assert found["high"]["listed"] == 1
    assert found["high"]["segments"] == {"x": 1, "y": 1}
    assert found["high"]["reasons"] == [{"feature": "p", "customers": 1}]
    assert found["low"]["reasons"] == [{"feature": "q", "customers": 2}]
    assert found["none"] == {"listed": 0, "segments": {"x": 0, "y": 0}, "reasons": []}


def test_cells_of_parts_add_up():
    whole, parts = shop([0] * 4), CellCounts()
    for rows in (whole.iloc[[3, 0]], whole.iloc[:0], whole.iloc[1:3]):
        parts.add(count_cells(rows, listed=["a", "c"]))
    assert parts == count_cells(whole, listed=["a", "c"])
    assert parts.segments == {("high", "x"): 1, ("high", "y"): 1, ("low", "x"): 1}


def test_findings_are_counted_by_level():
    report = [{"level": "advice"}, {"level": "warning"}, {"level": "advice"}]
    assert count_findings(report) == {"error": 0, "warning": 1, "advice": 2}


def test_an_interval_decides_what_may_be_said():
    assert [side(*ends) for ends in [(0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1), (0, 0.1)]] == [
        "above", "below", "unclear", "unclear",
    ]  # fmt: skip
    assert side(0.8, 1.2, 1) == side(None, None) == side(None, 0.2) == "unclear"


def test_a_pointer_leads_through_slashes():
    assert pointer("grid", "low/high", 0, "a~b") == "/grid/low~1high/0/a~0b"


def test_figures_never_make_a_number_up():
    figures = Figures({"m.json": {"a": [{"b": 0}]}}, "en")
    assert figures.get("m.json", "a", 1, "b") is None
    assert figures.get("m.json", "a", 0, "b", "c") is None
    assert 'data-figure="m.json#/a/0/b" data-value="0"' in figures.show("m.json", "a", 0, "b")
    with pytest.raises(KeyError, match=r"m\.json#/a/1"):
        figures.show("m.json", "a", 1)


def test_a_figure_that_cannot_be_told_is_a_dash():
    figures = Figures({"m.json": {"a": None, "b": [None]}}, "en")
    assert figures.show("m.json", "a") == figures.show("m.json", "b", 0, form="percent") == "—"
    for steps in (("c",), ("b", 1), ("a", "c")):
        with pytest.raises(KeyError):
            figures.show("m.json", *steps)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_and_lie_within(low, span):
    found = ticks(low, low + span)
    assert 2 <= len(found) <= 7
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in found)


def test_ticks_are_round():
    assert ticks(-3.8, 26) == [0, 10, 20]
    assert ticks(0, 3.84) == [0, 1, 2, 3]
    assert ticks(2, 2) == [2]


def test_scale_maps_the_ends():
    place = scale(-1, 1, 100, 0)
    assert (place(-1), place(0), place(1), place(1, 4)) == ("100.00", "50.00", "0.00", "4.00")
    assert scale(1, 1, 0, 10)(1) == "0.00"


def test_only_certain_differences_are_shown_the_strongest_first():
    def row(effect, low, high, q, segment="s", by_rule=False):
        return {"segment": segment, "effect": effect, "effect_low": low, "effect_high": high,
                "q_value": q, "by_rule": by_rule}  # fmt: skip

    rows = [
        row(0.2, 0.1, 0.3, 0.01),
        row(-0.6, -0.7, -0.5, 0.01),
        row(0.9, 0.8, 1.0, 0.2),
        row(0.9, -0.1, 1.0, 0.01),
        row(0.9, 0.8, 1.0, 0.01, segment="t"),
        row(None, None, None, None),
        row(0.9, 0.8, 1.0, 0.01, by_rule=True),
    ]
    assert differences(rows, "s") == [1, 0]


def test_rows_of_the_tables_are_found():
    rows = [{"segment": "s", "customers_inside": n} for n in (1, 5, 5)]
    assert category_rows([*rows, {"segment": "t", "customers_inside": 9}], "s") == [1, 2, 0]
    budgets = [{"budget": value} for value in (1, 2, 3)]
    assert [budget_row(budgets, value) for value in (None, 0, 2.4, 9)] == [2, 0, 1, 2]
    assert ends([{"cost": 2}, {"cost": 1}, {"cost": 3}], "cost") == {"low": 1, "high": 2}
    assert ends([], "cost") == {}
