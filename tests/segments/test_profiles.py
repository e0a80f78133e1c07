from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers import random_shop
from retention.segments.profiles import (
    categories,
    categories_of,
    comparable,
    portraits,
    recommendations,
    risk_strata,
    shrunk,
)
from retention.stats.effects import benjamini_hochberg

FEATURES = ["promo_share", "pages_per_visit", "service", "favourite_category"]
WORDS = ["service", "favourite_category"]
FIGURES = ["inside", "outside", "effect", "effect_low", "effect_high", "p_value", "q_value"]


def shop_of(groups, *, spread=1.0, seed=0):
    """Customers of each (category, inside, mean profit, how many), profits spread about it."""
    rng = np.random.default_rng(seed)
    parts = []
    for category, inside, mean, count in groups:
        noise = rng.normal(0, spread, count)
        # The mean of each group is met exactly, so that what is told apart is known.
        noise -= noise.mean() if count else 0
        parts.append(
            pd.DataFrame({"favourite_category": category, "profit": mean + noise, "inside": inside})
        )
    return pd.concat(parts, ignore_index=True)


def table_of(shop, **changes):
    how = {"level": 0.95, "least": 30} | changes
    return categories(shop["inside"].to_numpy(bool), shop, **how).set_index("category")


def named(shop, **changes):
    return recommendations(table_of(shop, **changes).reset_index())


def portrait(inside, customers, features, words, **how):
    """Return what tells one segment from the rest."""
    belongs = pd.DataFrame({"one": np.asarray(inside, dtype=bool)}, index=customers.index)
    found = drawn(belongs, customers, features, words, **how)
    told = {"compared_with": "others", "by_rule": False}
    assert (found[list(told)] == pd.Series(told)).all(axis=None)
    return found.drop(columns=["segment", *told])


def drawn(belongs, customers, features, words, **how):
    """Return the portraits of segments that are picked by no column."""
    return portraits(
        belongs, customers, features, words, **{"picked": defaultdict(set), "strata": {}} | how
    )


def test_portrait_by_hand():
    customers = pd.DataFrame(
        {"pages": [1.0, 2, 3, 4, np.nan], "word": ["a", "b", "b", None, "b"], "x": 1}
    )
    inside = np.array([True, False, True, False, True])
    found = portrait(inside, customers, ["pages", "word"], ["word"], level=0.95)
    assert list(found) == ["feature", "value", *FIGURES]
    assert found["feature"].tolist() == ["pages", "word"]
    assert found["value"].tolist() == ["", "a"]
    # Of the four pairs of known pages one is won and three are lost; one of three inside has "a".
    assert found["inside"].tolist() == pytest.approx([2, 1 / 3])
    assert found["outside"].tolist() == pytest.approx([3, 0])
    assert found["effect"].tolist() == pytest.approx([-0.5, 1 / 3])


def test_every_word_has_a_row_but_two_words_only_the_rarer():
    shop = random_shop(200, seed=1)
    shop["service"] = np.where(np.arange(200) < 150, "standard", "premium")
    found = portrait(np.arange(200) % 3 == 0, shop, FEATURES, WORDS, level=0.95)
    rows = found[found["value"] != ""][["feature", "value"]].to_numpy().tolist()
    wanted = ["children", "cosmetics", "kitchenware"]
    assert rows == [["service", "premium"], *(["favourite_category", word] for word in wanted)]


def test_words_that_features_lack_come_last():
    shop = random_shop(60, seed=1)
    found = portrait(np.arange(60) < 20, shop, ["promo_share"], ["service"], level=0.95)
    assert found["feature"].tolist() == ["promo_share", "service"]


def test_q_values_are_over_all_features_of_all_segments():
    shop = random_shop(300, seed=2)
    rng = np.random.default_rng(2)
    belongs = pd.DataFrame({"one": shop["promo_share"] > 0.5, "two": rng.random(300) < 0.3})
    found = drawn(belongs, shop, FEATURES, WORDS, level=0.95)
    assert found["segment"].drop_duplicates().tolist() == ["one", "two"]
    alone = portrait(belongs["two"].to_numpy(), shop, FEATURES, WORDS, level=0.95)
    both = found[found["segment"] == "two"].drop(columns=["segment", "compared_with", "by_rule"])
    both = both.reset_index(drop=True)
    pd.testing.assert_frame_equal(alone.drop(columns="q_value"), both.drop(columns="q_value"))
    # A segment without differences does not profit from one that has many, nor the other way.
    together = benjamini_hochberg(found["p_value"].to_numpy())[found["segment"] == "two"]
    own = benjamini_hochberg(both["p_value"].to_numpy())
    np.testing.assert_allclose(both["q_value"], np.maximum(together, own))
    assert (together != own).any()


def test_what_a_rule_picks_by_is_no_test():
    shop = random_shop(300, seed=2)
    belongs = pd.DataFrame({"one": shop["promo_share"] > 0.5})
    found = drawn(belongs, shop, FEATURES, WORDS, picked={"one": {"promo_share"}}, level=0.95)
    assert found["by_rule"].tolist() == [name == "promo_share" for name in found["feature"]]
    assert found.loc[found["by_rule"], "p_value"].item() < 1e-30
    assert found.loc[found["by_rule"], "q_value"].isna().all()
    rest = found[~found["by_rule"]]
    expected = benjamini_hochberg(rest["p_value"].to_numpy())
    np.testing.assert_allclose(rest["q_value"], expected)


def at_risk(count, *, seed, shift=0.0):
    """Return customers whose pages fall with risk, a random half of those at risk, and its rule."""
    rng = np.random.default_rng(seed)
    risk = rng.uniform(0, 1, count).round(6)
    inside = (risk >= 0.5) & (rng.random(count) < 0.5)
    shop = pd.DataFrame({"risk": risk, "pages": 10 - 8 * risk + rng.normal(0, 1, count)})
    shop["pages"] += shift * inside
    return shop, pd.DataFrame({"one": inside}), {"one": {"risk"}}


def at_equal_risk(shop, belongs, picked, **how):
    strata = risk_strata(belongs, shop, picked=picked)
    how = {"level": 0.95, "least": 30} | how
    return drawn(belongs, shop, ["pages"], [], picked=picked, strata=strata, **how).iloc[0]


def test_what_goes_with_risk_is_no_difference_at_equal_risk():
    shop, belongs, picked = at_risk(2000, seed=1)
    everyone = drawn(belongs, shop, ["pages"], [], level=0.95).iloc[0]
    assert everyone["effect"] < -0.5
    row = at_equal_risk(shop, belongs, picked)
    assert row["compared_with"] == "others_of_same_risk"
    assert row["effect_low"] < 0 < row["effect_high"]
    assert row["inside"] == pytest.approx(everyone["inside"])
    # Others of the same risk see as few pages; all others some two more.
    assert row["outside"] == pytest.approx(row["inside"], abs=0.2)
    assert everyone["outside"] - everyone["inside"] > 2
    told = at_equal_risk(*at_risk(2000, seed=1, shift=0.7))
    assert told["effect_low"] > 0.2
    assert told["q_value"] < 1e-6


def test_segment_of_all_at_risk_cannot_be_compared_at_equal_risk():
    shop, _, picked = at_risk(500, seed=2)
    belongs = pd.DataFrame({"one": shop["risk"] >= 0.5})
    row = at_equal_risk(shop, belongs, picked)
    assert row[FIGURES].isna().all()
    strata = risk_strata(belongs, shop, picked=picked)
    told = comparable(belongs, strata, least=30, counted=np.ones(500, bool))["one"]
    size = int(belongs["one"].sum())
    assert told == {
        "compared_with": "others_of_same_risk",
        "compared": 0,
        "not_compared": size,
        "enough": False,
    }


def test_who_has_no_other_of_the_same_risk_is_counted():
    shop, belongs, picked = at_risk(1000, seed=3)
    alone = (shop["risk"] >= 0.8).to_numpy()
    belongs["one"] |= alone
    counted = np.arange(1000) >= 10
    strata = risk_strata(belongs, shop, picked=picked, counted=counted)
    told = comparable(belongs, strata, least=30, counted=counted)["one"]
    inside = belongs["one"].to_numpy() & counted
    assert told["compared"] + told["not_compared"] == inside.sum()
    # A stratum of 40 may reach beyond 0.8 on either side, no further.
    assert (alone & counted).sum() - 40 <= told["not_compared"] <= (alone & counted).sum()
    assert told["enough"]
    assert (strata["one"][~counted] == -1).all()
    assert not comparable(belongs, strata, least=500, counted=counted)["one"]["enough"]
    everyone = comparable(belongs, {}, least=500, counted=counted)["one"]
    assert everyone == {
        "compared_with": "others",
        "compared": inside.sum(),
        "not_compared": 0,
        "enough": True,
    }


@pytest.mark.parametrize("least", [30, 200])
def test_too_few_at_equal_risk_tell_nothing(least):
    shop, belongs, picked = at_risk(400, seed=4, shift=2)
    row = at_equal_risk(shop, belongs, picked, least=least)
    assert np.isnan(row["effect"]) == (least == 200)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_portrait_does_not_follow_the_order_of_rows(seed):
    shop, rng = random_shop(80, seed=seed), np.random.default_rng(seed)
    inside, order = rng.random(80) < 0.4, rng.permutation(80)
    found = portrait(inside, shop, FEATURES, WORDS, level=0.9)
    moved = portrait(inside[order], shop.iloc[order], FEATURES, WORDS, level=0.9)
    pd.testing.assert_frame_equal(found, moved)


def test_twins_count_once():
    shop = random_shop(120, seed=3)
    inside = shop["promo_share"].to_numpy() > 0.6
    twice = pd.concat([shop, shop[:40]], ignore_index=True)
    counted = np.arange(160) < 120
    found = portrait(np.append(inside, inside[:40]), twice, FEATURES, WORDS, level=0.95,
                     counted=counted)  # fmt: skip
    pd.testing.assert_frame_equal(found, portrait(inside, shop, FEATURES, WORDS, level=0.95))
    table = categories(np.append(inside, inside[:40]), twice, level=0.95, least=5, counted=counted)
    pd.testing.assert_frame_equal(table, categories(inside, shop, level=0.95, least=5))


@pytest.mark.parametrize("share", [0.0, 1.1])
def test_segment_of_nobody_or_everybody_has_no_figures(share):
    shop = random_shop(50, seed=4)
    inside = np.arange(50) < 50 * share
    found = portrait(inside, shop, FEATURES, WORDS, level=0.95)
    assert len(found) == 6
    assert found[FIGURES].isna().all(axis=None)
    table = categories(inside, shop, level=0.95, least=2)
    assert not table["enough"].any()
    told = recommendations(table)
    assert told["earns_most"] is None
    assert told["over_earns"] is None


def test_where_nothing_differs_few_features_are_discoveries():
    rng, calls, runs = np.random.default_rng(6), 0, 80
    for seed in range(runs):
        shop = random_shop(150, seed=seed)
        found = portrait(rng.random(150) < 0.3, shop, FEATURES, WORDS, level=0.95)
        calls += (found["q_value"] <= 0.05).any()
    # 5 % at most; 80 runs of that stay below 11 in 997 of 1,000 studies.
    assert calls <= 10


def test_categories_by_hand():
    shop = pd.DataFrame(
        {
            "favourite_category": ["a", "a", "a", "b", "b", "a", "a", "b", "b", None],
            "profit": [1.0, 2, 3, 4, np.nan, 5, 7, 1, 3, 99],
            "inside": [True] * 5 + [False] * 4 + [True],
        }
    )
    table = table_of(shop, least=2)
    assert table["customers_inside"].tolist() == [3, 2]
    assert table["customers_outside"].tolist() == [2, 2]
    assert table["share_inside"].tolist() == pytest.approx([0.6, 0.4])
    assert table["share_outside"].tolist() == pytest.approx([0.5, 0.5])
    assert table["profit_inside"].tolist() == [2, 4]
    assert table["profit_outside"].tolist() == [6, 2]
    assert table["difference"].tolist() == [-4, 2]
    # b has but one known profit inside, so it decides nothing and a is the one interval.
    assert table["enough"].tolist() == [True, False]
    assert table.loc["a", "error_inside"] == pytest.approx(np.sqrt(1 / 3))
    judge = stats.ttest_ind([1, 2, 3], [5, 7], equal_var=False).confidence_interval(0.95)
    assert table.loc["a", ["low", "high"]].tolist() == pytest.approx([judge.low, judge.high])
    assert not table.loc["a", "told_apart"]


def test_intervals_are_wider_the_more_categories_decide():
    groups = [(name, side, 4, 60) for name in "abc" for side in (True, False)]
    many = table_of(shop_of(groups))
    one = table_of(shop_of(groups), level=1 - 0.05 / 3)
    alone = shop_of(groups).query("favourite_category == 'a'")
    width, single = many.loc["a", "high"] - many.loc["a", "low"], table_of(alone).loc["a"]
    strict = table_of(alone, level=1 - 0.05 / 3).loc["a"]
    assert width == pytest.approx(strict["high"] - strict["low"])
    assert width > single["high"] - single["low"]
    assert (one["high"] - one["low"] > many["high"] - many["low"]).all()


def test_category_with_few_people_decides_nothing():
    groups = [("few", True, 50, 9), ("many", True, 4, 90), ("other", True, 3.9, 90)]
    groups += [(name, False, 3.95, 200) for name in ("few", "many", "other")]
    shop = shop_of(groups)
    told = named(shop)
    assert told["earns_most"] == "many"
    assert told["over_earns"] == "many"
    table = table_of(shop)
    assert not table.loc["few", "told_apart"]
    assert not table.loc["few", "may_be_best"]
    assert named(shop, least=9)["earns_most"] == "few"


def test_few_people_outside_decide_nothing_either():
    groups = [("a", True, 9, 90), ("b", True, 4, 90), ("a", False, 3, 9), ("b", False, 3, 90)]
    told = named(shop_of(groups))
    assert (told["earns_most"], told["over_earns"]) == ("b", "b")


def test_clear_leader_is_told_apart_and_others_are_not():
    groups = [("a", True, 6, 80), ("b", True, 4, 80), ("c", True, 4, 80)]
    groups += [(name, False, 4, 300) for name in "abc"]
    told = named(shop_of(groups))
    assert (told["earns_most"], told["earns_most_told_apart"]) == ("a", True)
    assert told["earns_most_rivals"] == []
    assert told["earns_most_profit"] == pytest.approx(6)
    assert 5.8 < told["earns_most_shrunk_profit"] < 6
    assert (told["over_earns"], told["over_earns_told_apart"]) == ("a", True)
    assert told["over_earns_difference"] == pytest.approx(2)
    assert 1.5 < told["over_earns_low"] < 2 < told["over_earns_high"] < 2.5


def test_close_race_cannot_be_told_apart():
    groups = [("a", True, 4.1, 80), ("b", True, 4.0, 80), ("c", True, 2.0, 80)]
    groups += [(name, False, 3.9, 300) for name in "abc"]
    told = named(shop_of(groups))
    assert (told["earns_most"], told["earns_most_told_apart"]) == ("a", False)
    assert told["earns_most_rivals"] == ["b"]
    assert (told["over_earns"], told["over_earns_told_apart"]) == ("a", False)


def test_only_category_with_enough_people_is_named_but_told_apart_from_nothing():
    groups = [("a", True, 4, 40), ("b", True, 9, 8), ("a", False, 4, 90), ("b", False, 4, 90)]
    told = named(shop_of(groups))
    assert told["earns_most"] == "a"
    assert told["earns_most_rivals"] == []
    assert told["earns_most_told_apart"] is False


def test_segment_that_earns_less_everywhere_over_earns_nowhere():
    groups = [(name, side, 5 - side, 80) for name in "abc" for side in (True, False)]
    told = named(shop_of(groups))
    assert told["over_earns"] is None
    assert told["earns_most"] is not None


def test_large_category_leads_a_small_one_of_the_same_surplus_where_all_are_shrunk_to_one_value():
    groups = [("big", True, 4.05, 400), ("small", True, 4.06, 30), ("low", True, 3.99, 300)]
    groups += [(name, False, 4, 400) for name in ("big", "small", "low")]
    table = table_of(shop_of(groups, spread=2))
    assert table["shrunk_profit_inside"].nunique() == 1
    assert named(shop_of(groups, spread=2))["earns_most"] == "big"


def test_shrinkage_by_hand():
    # Moments: weights 1, mean 2, Q = 8, so the values vary by (8 - 1) / (2 - 2 / 2) = 7.
    np.testing.assert_allclose(
        shrunk(np.array([0.0, 4.0]), np.ones(2)), [2 - 2 * 7 / 8, 2 + 2 * 7 / 8]
    )


@settings(max_examples=60, deadline=None)
@given(
    means=st.lists(st.integers(-50, 50), min_size=2, max_size=8),
    errors=st.lists(st.floats(0.01, 50), min_size=8, max_size=8),
)
def test_shrunk_values_lie_between_their_own_and_the_common_mean(means, errors):
    means, errors = np.array(means, float), np.array(errors[: len(means)])
    drawn = shrunk(means, errors)
    assert means.min() - 1e-9 <= drawn.min()
    assert drawn.max() <= means.max() + 1e-9
    assert drawn.max() - drawn.min() <= means.max() - means.min() + 1e-9


def test_shrinkage_lets_alone_what_is_known_and_draws_in_what_is_not():
    known = shrunk(np.array([1.0, 2.0, 3.0]), np.full(3, 1e-6))
    np.testing.assert_allclose(known, [1, 2, 3], atol=1e-4)
    noise = shrunk(np.array([1.0, 1.1, 1.2]), np.full(3, 100.0))
    np.testing.assert_allclose(noise, [1.1, 1.1, 1.1])
    mixed = shrunk(np.array([0.0, 4.0, 8.0]), np.array([0.1, 0.1, 30.0]))
    assert mixed[2] < 6 < 8 - 1
    np.testing.assert_allclose(shrunk(np.array([3.0, np.nan]), np.ones(2)), [3, np.nan])


def test_shrunk_means_are_nearer_the_truth_than_plain_ones():
    rng, plain, drawn = np.random.default_rng(7), 0.0, 0.0
    for _ in range(300):
        truth = rng.normal(4, 0.2, 6)
        errors = rng.uniform(0.01, 0.2, 6)
        means = rng.normal(truth, np.sqrt(errors))
        plain += ((means - truth) ** 2).sum()
        drawn += ((shrunk(means, errors) - truth) ** 2).sum()
    assert drawn < 0.75 * plain


def test_intervals_hold_for_all_categories_at_once_and_the_best_is_kept():
    rng, runs, all_held, best_kept, wrong = np.random.default_rng(8), 200, 0, 0, 0
    names = np.array(list("abcdef"))
    mean_inside = np.array([4, 4.1, 4.2, 4.3, 4.4, 4.5])
    gap = np.array([0, 0, 0, 0.2, -0.3, 0.5])
    for _ in range(runs):
        inside = np.arange(1200) < 300
        place = rng.integers(0, 6, 1200)
        mean = mean_inside[place] - np.where(inside, 0, gap[place])
        shop = pd.DataFrame(
            {"favourite_category": names[place], "profit": mean + rng.exponential(1, 1200) - 1}
        )
        table = categories(inside, shop, level=0.9, least=10)
        all_held += ((table["low"] <= gap) & (gap <= table["high"])).all()
        best_kept += table["may_be_best"].iloc[5]
        told = recommendations(table)
        wrong += told["earns_most_told_apart"] and told["earns_most"] != "f"
    # 0.9 of 200 runs less three standard errors.
    assert all_held / runs >= 0.9 - 0.063
    assert best_kept / runs >= 0.9 - 0.063
    assert wrong / runs <= 0.1 + 0.063


def test_categories_of_every_segment_stand_below_each_other():
    shop = random_shop(200, seed=9)
    belongs = pd.DataFrame({"z": shop["promo_share"] > 0.5, "a": shop["unpaid_items"] > 6})
    found = categories_of(belongs, shop, level=0.95, least=5)
    assert found["segment"].tolist() == ["z"] * 3 + ["a"] * 3
    one = categories(belongs["a"].to_numpy(), shop, level=0.95, least=5)
    pd.testing.assert_frame_equal(found[3:].drop(columns="segment").reset_index(drop=True), one)


def test_equal_profits_are_no_reason_to_fail():
    shop = shop_of([("a", True, 4, 40), ("b", True, 4, 40), ("a", False, 4, 40)], spread=0)
    table = table_of(shop)
    assert np.isfinite(table["shrunk_profit_inside"]).all()
    assert not table["told_apart"].any()


def test_shop_without_profits_recommends_nothing():
    shop = shop_of([("a", True, 4, 40), ("a", False, 4, 40)]).assign(profit=np.nan)
    assert named(shop) == {
        "earns_most": None,
        "earns_most_told_apart": False,
        "over_earns": None,
        "over_earns_told_apart": False,
        "over_earns_by_rule": False,
    }


@pytest.mark.parametrize(
    ("least", "told"), [(1, ["a", "b", "c"]), (2, ["a", "b"]), (3, ["a"]), (5, [])]
)
def test_rare_word_is_not_compared(least, told):
    customers = pd.DataFrame({"word": list("aaaabbc")})
    inside = np.arange(7) % 2 == 0
    found = portrait(inside, customers, [], ["word"], level=0.95, least=least)
    assert found["value"].tolist() == told


def test_of_two_words_the_common_one_speaks_where_the_other_is_rare():
    customers = pd.DataFrame({"word": list("aaaab")})
    inside = np.arange(5) % 2 == 0
    for least, told in ((1, ["b"]), (2, ["a"])):
        found = portrait(inside, customers, [], ["word"], level=0.95, least=least)
        assert found["value"].tolist() == told
