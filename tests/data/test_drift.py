"""Drift of customers whose outcome is ahead: told where there is some, and of what."""

import numpy as np
import pandas as pd
import pytest

from dictionary import COLUMNS
from helpers import random_shop
from retention.core.hashing import behaviour_key
from retention.core.vocabulary import PROFIT
from retention.data.drift import find_drift, judge_drift, risk_drift

NAMES = [*COLUMNS.behaviour, PROFIT]
LEAST = 0.1


def shop_of(known, ahead, *, seed=1):
    """Return customers of known outcome and, from the place `known` on, with the outcome ahead."""
    shop = random_shop(known + ahead, seed=seed)
    shop["drop"] = shop["drop"].mask(np.arange(len(shop)) >= known)
    shop["twin_key"] = behaviour_key(shop, COLUMNS.behaviour)
    rng = np.random.default_rng(seed)
    return shop.assign(scored=True, risk=rng.uniform(0, 1, len(shop)))


def moved(shop, **columns):
    """Return the shop with columns of those ahead changed by functions."""
    changed, ahead = shop.copy(), shop["drop"].isna()
    for name, change in columns.items():
        changed[name] = changed[name].mask(ahead, change(changed[name]))
    return changed


def told(shop, least=LEAST):
    found = find_drift(shop, NAMES, least=least).columns
    return [(one.column, one.kind, one.direction) for one in found]


def test_two_hundred_shops_without_drift_call_it_in_five_percent_at_most():
    """Of 200 shops at most 18 may be called: the upper end of what 5 % allows (99 %)."""
    called = [bool(told(shop_of(200, 40, seed=seed))) for seed in range(200)]
    assert sum(called) <= 18


@pytest.mark.parametrize("ahead", [5, 20, 200])
def test_minutes_told_in_seconds_are_always_called(ahead):
    for seed in range(20):
        shop = moved(shop_of(300, ahead, seed=seed), minutes_m0=lambda one: one * 60)
        assert ("minutes_m0", "number", "higher") in told(shop)


def test_what_is_told_of_a_number():
    shop = moved(shop_of(800, 200), revenue_m0=lambda one: one * 0.5)
    (one,) = find_drift(shop, NAMES, least=LEAST).columns
    ahead = shop["drop"].isna()
    assert one.before == pytest.approx(shop.loc[~ahead, "revenue_m0"].mean())
    assert one.ahead == pytest.approx(shop.loc[ahead, "revenue_m0"].mean())
    assert (one.direction, one.distance, one.value) == ("lower", 1.0, None)
    assert one.p_value < 1e-20


def test_a_number_spread_another_way_is_neither_higher_nor_lower():
    shop = moved(shop_of(800, 200), profit=lambda one: 4 + (one - 4) * 9)
    assert told(shop) == [("profit", "number", "otherwise")]


def test_a_word_is_told_by_the_value_that_moved_most():
    shop = moved(shop_of(800, 200), consent=lambda one: one.replace("yes", "no"))
    (one,) = find_drift(shop, NAMES, least=LEAST).columns
    assert (one.column, one.kind, one.ahead) in {("consent", "word", 0.0), ("consent", "word", 1.0)}
    assert one.direction == ("higher" if one.value == "no" else "lower")
    assert one.distance == pytest.approx(abs(one.ahead - one.before))


def test_empty_cells_drift_by_themselves():
    shop = moved(shop_of(800, 200), promo_share=lambda one: one * np.nan)
    (one,) = find_drift(shop, NAMES, least=LEAST).columns
    assert (one.column, one.kind, one.direction) == ("promo_share", "missing", "higher")
    assert (one.before, one.ahead, one.distance) == (0, 1, 1)


def test_a_large_shop_does_not_call_what_does_not_matter():
    """A shift of a twentieth of a standard deviation is far beyond chance, and no matter."""
    shop = moved(shop_of(15_000, 15_000), revenue_m1=lambda one: one + 25)
    (one,) = find_drift(shop, NAMES, least=0).columns
    assert one.column == "revenue_m1"
    assert one.p_value < 0.01
    assert one.distance < 0.03
    assert told(shop) == []


def test_farthest_column_comes_first_and_findings_name_each_once():
    shop = shop_of(800, 200)
    holes = np.arange(len(shop)) % 2 == 0
    shop = moved(
        shop,
        minutes_m1=lambda one: one.mask(holes) * 60,
        unpaid_items=lambda one: one + 4,
    )
    found = find_drift(shop, NAMES, least=LEAST)
    assert [one.column for one in found.columns] == ["minutes_m1", "minutes_m1", "unpaid_items"]
    assert [one.kind for one in found.columns] == ["number", "missing", "number"]
    lines = [(one.column, one.example, one.count) for one in found.findings]
    assert lines == [("minutes_m1", "1.00", 200), ("unpaid_items", lines[1][1], 200)]
    assert 0.3 < float(lines[1][1]) < 0.5


def test_order_of_rows_does_not_matter():
    shop = moved(shop_of(300, 60), minutes_m0=lambda one: one * 1.5)
    orders = (shop, shop.sample(frac=1, random_state=1))
    found = [find_drift(one, NAMES, least=LEAST).details for one in orders]
    assert found[0]["columns"][0]["distance"] == found[1]["columns"][0]["distance"]
    assert [one["column"] for one in found[0]["columns"]] == ["minutes_m0"]


def test_twins_count_once():
    shop = shop_of(100, 20)
    twice = pd.concat([shop, shop.assign(scored=False)], ignore_index=True)
    assert find_drift(twice, NAMES, least=LEAST) == find_drift(shop, NAMES, least=LEAST)


@pytest.mark.parametrize("ahead", [0, 4])
def test_too_few_customers_ahead_cannot_be_compared(ahead):
    shop = moved(shop_of(300, ahead), minutes_m0=lambda one: one * 60)
    found = find_drift(shop, NAMES, least=LEAST)
    assert (found.before, found.ahead, found.comparisons, found.columns) == (300, ahead, 0, ())
    assert risk_drift(shop) is None
    judged = judge_drift(shop, [], most=0.5)
    assert judged == {"risk": None, "largest": 0.0, "largest_of": "", "too_large": False}


def test_drift_of_the_risk_is_the_difference_of_its_means():
    shop = moved(shop_of(900, 300), risk=lambda one: one / 2 + 0.4)
    found = risk_drift(shop)
    assert found["before"] == pytest.approx(0.5, abs=0.03)
    assert found["ahead"] == pytest.approx(0.65, abs=0.03)
    assert found["low"] < found["ahead"] - found["before"] < found["high"]
    assert found["low"] > 0.1
    assert found["distance"] == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize(
    ("most", "too_large"), [(None, False), (1, False), (0.71, False), (0.69, True), (0, True)]
)
def test_the_farthest_column_decides_whether_a_campaign_may_be_sent(most, too_large):
    columns = [{"column": "minutes_m0", "distance": 0.7}, {"column": "consent", "distance": 0.2}]
    judged = judge_drift(shop_of(200, 50), columns, most=most)
    assert (judged["largest"], judged["largest_of"]) == (0.7, "minutes_m0")
    assert judged["too_large"] == too_large


def test_the_risk_counts_where_chance_does_not_explain_it():
    shop = moved(shop_of(200, 50), risk=lambda one: one / 9)
    judged = judge_drift(shop, [], most=0.8)
    assert (judged["largest_of"], judged["too_large"]) == ("risk", True)
    judged = judge_drift(shop_of(200, 50), [], most=0)
    assert (judged["largest"], judged["largest_of"], judged["too_large"]) == (0.0, "", False)
