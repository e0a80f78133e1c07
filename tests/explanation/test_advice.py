import numpy as np
import pandas as pd
import pytest

from dictionary import GROUPS
from retention.core.files import rounded
from retention.explanation.advice import ADVICE, advise, drops_that_look_loyal
from retention.explanation.hypotheses import QUESTIONS, category_question

IMPORTANCE = {"pages_per_visit": 0.3, "minutes_m0": 0.2, "minutes_m1": 0.1, "unpaid_items": 0.4}
PERFECT = {"roc_auc": 1.0, "past_offers": 12, "share_without_consent": 0.0}


def table(answers, *, unstable=()):
    """Answers by key: a figure that is answered yes if positive, no if negative; or a pair."""
    rows = []
    for key, given in answers.items():
        figure, said = given if isinstance(given, tuple) else (given, "yes" if given > 0 else "no")
        question = QUESTIONS.get(key) or category_question(key.removeprefix("category_"))
        rows.append((key, figure, said, key not in unstable, question.unit))
    return pd.DataFrame(rows, columns=["key", "figure", "answer", "stable", "unit"])


def keys(answers, metrics=PERFECT):
    return [one["key"] for one in advise(IMPORTANCE, GROUPS, table(answers), metrics)]


@pytest.mark.parametrize(
    ("claim", "advice"),
    [
        ("few_pages", "navigation"),
        ("few_minutes", "navigation"),
        ("few_categories", "assortment_width"),
        ("full_carts", "checkout"),
        ("service_errors", "service_errors"),
        ("few_contacts", "contact_frequency"),
        ("promotion_buyers", "price_policy"),
        ("service_level", "premium_service"),
        ("category_cosmetics", "category_range"),
    ],
)
def test_a_claim_that_holds_and_only_that_gives_its_advice(claim, advice):
    assert keys({claim: 20.0}) == [advice]
    assert keys({claim: -20.0}) == []
    assert keys({claim: (20.0, "cannot_tell")}) == []


def test_premium_customers_who_stay_are_no_reason_to_mend_the_premium_service():
    assert keys({"service_level": (-20.0, "yes")}) == []


@pytest.mark.parametrize(
    ("metrics", "advice"),
    [
        ({"roc_auc": 0.92}, "dated_orders"),
        ({"drops_that_look_loyal": 0.1}, "who_they_are"),
        ({"past_offers": 0}, "past_offers"),
        ({"share_without_consent": 0.26}, "consent"),
    ],
)
def test_what_to_collect_hangs_on_its_figure(metrics, advice):
    few = table({"few_pages": -5.0})
    assert advise(IMPORTANCE, GROUPS, few, PERFECT) == []
    (one,) = advise(IMPORTANCE, GROUPS, few, PERFECT | metrics)
    assert (one["key"], one["kind"], one["importance"]) == (advice, "collect", 0)
    assert [one["key"] for one in advise(IMPORTANCE, GROUPS, few, {})] == ["past_offers"]


def test_advice_names_the_figure_the_group_and_the_weight():
    found = advise(
        IMPORTANCE,
        GROUPS,
        table(
            {"few_pages": 40.0, "few_minutes": 50.0, "full_carts": 30.0}, unstable=["full_carts"]
        ),
        {"roc_auc": 0.9, "past_offers": 3},
    )
    assert [one["key"] for one in found] == ["navigation", "checkout", "dated_orders"]
    navigation, checkout, orders = found
    assert (navigation["figure_name"], navigation["figure"]) == ("few_minutes", 50.0)
    assert navigation["importance"] == pytest.approx(0.6)
    assert (navigation["group"], navigation["kind"]) == ("site", "change")
    assert navigation["unit"] == "percentage points"
    assert (navigation["stable"], checkout["stable"]) == (True, False)
    assert (orders["figure_name"], orders["unit"]) == ("gap_to_perfect_roc_auc", "roc_auc")
    assert orders["figure"] == pytest.approx(0.1)
    assert rounded(found)[0]["figure"] == 50.0


def test_categories_are_named_the_strongest_first():
    answers = {"category_cosmetics": 5.0, "category_children": 9.0, "category_kitchenware": -4.0}
    found = advise(IMPORTANCE, GROUPS, table(answers | {"few_pages": 40.0}), PERFECT)
    assert [one["key"] for one in found] == ["navigation", "category_range", "age_of_children"]
    assert (found[1]["figure_name"], found[1]["figure"]) == ("category_children", 9.0)
    assert found[1]["categories"] == ["children", "cosmetics"]
    assert found[0]["categories"] == []


def test_all_advice_can_be_given():
    assert len({advice.key for advice in ADVICE}) == len(ADVICE)
    everything = {key: 10.0 for key, one in QUESTIONS.items() if one.sides is not None}
    everything |= {"category_children": 5.0}
    metrics = {"roc_auc": 0.9, "drops_that_look_loyal": 0.1, "share_without_consent": 0.2}
    found = advise(IMPORTANCE, GROUPS, table(everything), metrics)
    assert {one["key"] for one in found} == {advice.key for advice in ADVICE}


def test_drops_that_look_loyal_are_counted_among_the_drops():
    label = np.array([1, 1, 1, 1, 0, 0])
    risk = np.array([0.1, 0.2, 0.19, 0.9, 0.01, 0.9])
    assert drops_that_look_loyal(label, risk) == 0.5
    assert drops_that_look_loyal(np.zeros(3, int), risk[:3]) == 0
