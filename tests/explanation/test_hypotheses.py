import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dictionary import BEHAVIOUR, GROUPS
from helpers import random_shop
from retention.core.files import rounded
from retention.core.hashing import behaviour_key, one_of_each_twin
from retention.explanation.hypotheses import (
    CANNOT_TELL,
    NO,
    YES,
    answer_questions,
    by_key,
    claim_answer,
    compared_shares,
    extremes,
    model_interval,
    outer_thirds,
    stratified_difference,
    variants,
    withheld,
)

NAMES = list(BEHAVIOUR)
MODEL = "communication_matters_less"


def labelled(customers, *, seed):
    """A shop of independent random columns, with keys; nothing goes with the drop."""
    table = random_shop(customers, seed=seed)
    table["drop"] = np.random.default_rng([seed, 1]).integers(0, 2, customers)
    key = behaviour_key(table, BEHAVIOUR)
    return table.assign(twin_key=key, scored=one_of_each_twin(key, table["drop"]))


def asked_of(table, contributions=None, *, level=0.95, refits=()):
    found = answer_questions(table, contributions, GROUPS, level=level, refits=refits)
    return found.set_index("key")


def sides(hits, n, other_hits, m):
    event = np.repeat([True, False, True, False], [hits, n - hits, other_hits, m - other_hits])
    first = np.arange(n + m) < n
    return event, first, ~first


def test_the_interval_of_two_shares_is_that_of_newcombes_paper():
    # Newcombe 1998, table II, method 10: 56/70 against 48/80, and 9/10 against 3/10.
    assert compared_shares(*sides(56, 70, 48, 80), level=0.95) == pytest.approx(
        (0.2, 0.0524, 0.3339), abs=5e-5
    )
    assert compared_shares(*sides(9, 10, 3, 10), level=0.95) == pytest.approx(
        (0.6, 0.1705, 0.8090), abs=5e-5
    )
    assert compared_shares(*sides(10, 10, 0, 10), level=0.95) == pytest.approx(
        (1.0, 0.6075, 1.0), abs=5e-5
    )


def test_too_few_customers_on_a_side_tell_nothing():
    assert np.isnan(compared_shares(*sides(4, 4, 10, 50), level=0.95)).all()
    assert np.isnan(model_interval(np.ones(4), np.ones(10), level=0.95, learnt=1)).all()
    event, first, other = sides(4, 4, 10, 50)
    found = stratified_difference(event, first, other, np.zeros(54, int), level=0.95)
    assert np.isnan(found).all()


def test_strata_undo_what_only_the_strata_explain():
    # Simpson: in either stratum both sides drop alike (20 % and 80 %), the pooled shares differ.
    cells = [(0, True, 2, 10), (0, False, 16, 80), (1, True, 64, 80), (1, False, 8, 10)]
    event = np.concatenate([np.arange(n) < hits for _, _, hits, n in cells])
    first = np.concatenate([np.full(n, side) for _, side, _, n in cells])
    strata = np.concatenate([np.full(n, stratum) for stratum, _, _, n in cells])
    assert compared_shares(event, first, ~first, level=0.95)[1] > 0.25
    figure, low, high = stratified_difference(event, first, ~first, strata, level=0.95)
    assert figure == pytest.approx(0, abs=1e-12)
    assert low < -0.1 < 0.1 < high


def test_strata_weigh_by_what_they_can_tell():
    # Mantel-Haenszel: n1 n2 / n is 10 for either 20 + 20 and 5 for 10 + 10; (10 x 0.5 + 5 x 0.2)
    cells = [(0, True, 15, 20), (0, False, 5, 20), (1, True, 4, 10), (1, False, 2, 10)]
    event = np.concatenate([np.arange(n) < hits for _, _, hits, n in cells])
    first = np.concatenate([np.full(n, side) for _, side, _, n in cells])
    strata = np.concatenate([np.full(n, stratum) for stratum, _, _, n in cells])
    found = stratified_difference(event, first, ~first, strata, level=0.95)[0]
    assert found == pytest.approx((10 * 0.5 + 5 * 0.2) / 15)


def test_thirds_keep_equal_values_together_and_leave_the_unknown_out():
    low, high = outer_thirds(np.array([1, 1, 2, 2, 3, 3, np.nan]))
    assert low.tolist() == [True, True, False, False, False, False, False]
    assert high.tolist() == [False, False, False, False, True, True, False]
    low, high = outer_thirds(np.array([0.0, 0, 0, 0, 0, 0, 7]))
    assert low.sum() == 0
    assert high.tolist() == [False] * 6 + [True]
    assert not np.any(outer_thirds(np.full(3, np.nan)))


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40))
def test_nobody_is_in_both_thirds(values):
    low, high = outer_thirds(np.array(values, dtype=float))
    assert not (low & high).any()


@pytest.mark.parametrize(
    ("low", "high", "both_ways", "said"),
    [
        (0.1, 9, False, YES),
        (-0.1, 9, False, CANNOT_TELL),
        (-9, -0.1, False, NO),
        (-9, -0.1, True, YES),
        (-9, 1.9, False, NO),  # at most a difference too small to act on
        (0.1, 1.9, False, NO),
        (-9, 1.9, True, CANNOT_TELL),
        (-1.9, 1.9, True, NO),
        (float("nan"), float("nan"), False, CANNOT_TELL),
    ],
)
def test_an_interval_answers(low, high, both_ways, said):
    assert claim_answer(low, high, margin=2, both_ways=both_ways) == said


def test_the_interval_of_the_model_is_that_of_models_that_lack_a_fold():
    # By hand: mean 2, away -1, 0, 1, jackknife error sqrt(2 / 3 * 2); t of 2 degrees is 4.3027.
    gap = np.repeat([1.0, 2.0], 50)
    found = model_interval(gap, np.array([1.0, 2.0, 3.0]), level=0.95, learnt=1)
    half = 4.3027 * np.sqrt(4 / 3)
    assert found == pytest.approx((1.5, 1.5 - half, 1.5 + half), abs=1e-3)
    # Errors shrink with the root of the customers learnt from.
    found = model_interval(gap, np.array([1.0, 2.0, 3.0]), level=0.95, learnt=0.25)
    assert found[2] == pytest.approx(1.5 + half / 2, abs=1e-3)
    mean, *ends = model_interval(gap, np.array([]), level=0.95, learnt=1)
    assert mean == 1.5
    assert np.isnan(ends).all()


def test_each_claim_finds_its_own_truth_and_no_other():
    plain = labelled(1500, seed=5)
    rng = np.random.default_rng([5, 2])
    order = {
        "few_contacts": -plain["contacts_6m"],
        "promotion_buyers": plain["promo_share"],
        "full_carts": plain["unpaid_items"],
        "few_pages": -plain["pages_per_visit"],
        "few_minutes": -(plain["minutes_m0"] + plain["minutes_m1"]),
        "few_categories": -plain["categories_per_visit"],
        "service_errors": plain["service_errors"],
        "rising_revenue": plain["revenue_m0"] - plain["revenue_m2"],
        "service_level": (plain["service"] == "premium").astype(float),
        "consent": (plain["consent"] == "no").astype(float),
        "category_children": (plain["favourite_category"] == "children").astype(float),
    }
    for key, push in order.items():
        chance = 0.2 + 0.6 * push.rank(pct=True)
        for sign in (1, -1):
            share = chance if sign == 1 else 1 - chance
            found = asked_of(plain.assign(drop=(rng.random(1500) < share).astype(int)))
            both_ways = key in ("service_level", "consent")
            assert found["answer"][key] == (YES if sign == 1 or both_ways else NO), (key, sign)
            assert np.sign(found["figure"][key]) == sign
            related = {"rising_revenue", "rising_revenue_same_start"}
            others = found.drop(index=[key, *(related if key in related else [])])
            others = others[~others.index.str.startswith("category_")]
            assert (others["answer"] == YES).sum() <= 1, (key, sign)


def test_chance_alone_says_yes_in_few_tables():
    said = []
    for seed in range(60):
        found = asked_of(labelled(400, seed=seed))
        said.append((found["answer"] == YES).any())
        # A figure in the wrong direction by chance is no evidence against a claim either.
        assert (found["low"] <= found["figure"]).all()
        assert (found["figure"] <= found["high"]).all()
    # At most 5 % of the tables: 9 of 60 would come of that in less than 1 of 100 trials.
    assert np.sum(said) <= 8


def test_single_intervals_would_say_yes_too_often():
    said = []
    for seed in range(30):
        # As many claims as the table has at its own level: the correction undone.
        found = asked_of(labelled(400, seed=seed), level=1 - 0.05 * 14)
        said.append((found["answer"] == YES).any())
    assert np.mean(said) > 0.2


def test_the_model_is_asked_only_with_its_contributions():
    table = labelled(300, seed=2)
    assert "communication_matters_less" not in asked_of(table).index
    rng = np.random.default_rng(2)
    values = pd.DataFrame(rng.normal(0, 1, (300, len(NAMES))), columns=NAMES)
    site = [name for name in NAMES if GROUPS[name] == "site"]
    strong = values.assign(**{name: 5 * values[name] for name in site})
    found = asked_of(table, strong, refits=[strong, 1.02 * strong] * 3).loc[MODEL]
    told = [strong[[n for n in NAMES if GROUPS[n] == g]].sum(axis=1).abs().mean()
            for g in ("site", "communication")]  # fmt: skip
    assert found["figure"] == pytest.approx(told[0] - told[1])
    assert (found["answer"], found["unit"], found["customers"]) == (YES, "log-odds", 300)
    # One model says yes of any customers; what another would have said decides.
    assert asked_of(table, strong)["answer"][MODEL] == CANNOT_TELL
    unlike = [strong, 0.1 * strong, 2 * strong]
    assert asked_of(table, strong, refits=unlike)["answer"][MODEL] == CANNOT_TELL
    assert asked_of(table, values * 0, refits=[values * 0] * 3)["answer"][MODEL] == NO
    weak = values.assign(**{name: 0.1 * values[name] for name in site})
    assert asked_of(table, weak, refits=[weak, 1.02 * weak] * 3)["answer"][MODEL] == NO


def test_of_a_model_like_chance_no_claim_is_answered():
    table = labelled(600, seed=5)
    chance = 0.1 + 0.8 * table["promo_share"].rank(pct=True)
    drop = (np.random.default_rng(6).random(600) < chance).astype(int)
    found = answer_questions(table.assign(drop=drop), None, GROUPS, level=0.95)
    assert YES in set(found["answer"])
    silent = withheld(found)
    assert set(silent["answer"]) == {CANNOT_TELL}
    pd.testing.assert_frame_equal(silent[["figure", "low"]], found[["figure", "low"]])


def test_parts_of_a_group_that_cancel_count_as_nothing():
    table = labelled(100, seed=2)
    values = pd.DataFrame(0.0, index=table.index, columns=NAMES)
    values["minutes_m0"], values["minutes_m1"] = 1.0, -1.0
    values["contacts_6m"] = 0.5
    found = asked_of(table, values).loc["communication_matters_less"]
    assert found["figure"] == pytest.approx(-0.5)


def test_columns_that_are_not_there_are_not_asked_about():
    table = labelled(200, seed=1).drop(columns=["promo_share", "favourite_category"])
    found = asked_of(table)
    assert "promotion_buyers" not in found.index
    assert not found.index.str.startswith("category_").any()
    assert "few_pages" in found.index


def test_unknown_values_and_rare_categories_are_left_out():
    table = labelled(300, seed=1)
    table.loc[:99, "minutes_m0"] = np.nan
    table.loc[:20, "favourite_category"] = "rarity"
    table.loc[250:, "service"] = None
    found = asked_of(table)
    assert found["customers"]["few_minutes"] <= 200
    assert found["customers"]["service_level"] == 250
    assert "category_rarity" not in found.index


def test_twins_count_once_and_an_answer_that_hangs_on_them_is_not_stable():
    table = labelled(400, seed=8)
    alike = table.assign(drop=np.where(table["service"] == "premium", 1, table["drop"]))
    one = alike[alike["service"] == "standard"].head(100)
    few = alike[alike["service"] == "premium"].head(6)
    copies = pd.concat([few] * 12)
    both = pd.concat([one, few, copies], ignore_index=True)
    both["scored"] = one_of_each_twin(both["twin_key"].to_numpy(), both["drop"])
    found = asked_of(both).loc["service_level"]
    assert found["customers"] == 106
    assert not found["stable"]
    assert "twins_apart" in found["changes_in"].split()
    chosen = variants(both)
    assert {name: int(who.sum()) for name, who in chosen.items() if name != "no_extremes"} == {
        "": 106,
        "twins_apart": 178,
        "no_twins": 100,
    }


def test_the_furthest_revenues_are_the_extremes():
    table = labelled(400, seed=3)
    table.loc[[7, 9], "revenue_m0"] = 106_862.0
    table.loc[11, "revenue_m2"] = 0.0
    table.loc[13, "revenue_m1"] = np.nan
    assert np.flatnonzero(extremes(table)).tolist()[:3] == [7, 9, 11]
    assert extremes(table).sum() == 4
    assert not extremes(table.drop(columns=["revenue_m2", "revenue_m1", "revenue_m0"])).any()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000))
def test_row_order_and_ids_decide_nothing(seed):
    table = labelled(200, seed=4)
    mixed = table.sample(frac=1, random_state=seed).assign(customer_id="x")
    pd.testing.assert_frame_equal(asked_of(table), asked_of(mixed.reset_index(drop=True)))


def test_metrics_are_strict_json_even_where_nothing_could_be_compared():
    table = labelled(40, seed=1)
    table["service"] = "standard"
    found = asked_of(table)
    assert found["answer"]["service_level"] == CANNOT_TELL
    written = rounded(by_key(found.reset_index()))
    assert written["service_level"]["figure"] is None
    assert written["service_level"]["answer"] == CANNOT_TELL
    assert written["few_pages"]["stable"] in (True, False)
    assert list(written) == list(found.index)


def test_question_of_a_number_cannot_be_told_where_the_shop_has_words():
    table = labelled(300, seed=3)
    words = table.assign(promo_share=np.where(table["promo_share"] > 0.5, "often", "rarely"))
    told, found = asked_of(table), asked_of(words)
    assert told["customers"]["promotion_buyers"] == table["scored"].sum()
    assert found["customers"]["promotion_buyers"] == 0
    assert found["answer"]["promotion_buyers"] == CANNOT_TELL
    others = list(told.index.drop("promotion_buyers"))
    pd.testing.assert_frame_equal(found.loc[others], told.loc[others])
