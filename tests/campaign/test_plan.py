"""A whole campaign of a random shop: what must hold whatever shop, offers and limits are."""

import datetime

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dictionary import COLUMNS, FEATURES
from helpers import an_offer, kept_out, project_params, random_shop
from project import FIXTURES
from retention.campaign.asking import ask, tell
from retention.campaign.offers import load_offers
from retention.campaign.plan import dated, decide
from retention.campaign.suppression import is_suppressed
from retention.campaign.wording import category_words, filled_texts
from retention.core.arms import Arm
from retention.core.errors import InputError
from retention.core.files import write_csv
from retention.core.hashing import part_numbers
from retention.core.params import Campaign
from retention.core.spreadsheets import guarded, write_both
from retention.segments.membership import all_segments, first_segment, joined_words

RANKS = ["reason_1", "reason_2", "reason_3"]
OFFERS = load_offers(FIXTURES / "offers.yaml", columns=COLUMNS, features=FEATURES)
TOP = {"at_risk": {"segment_category_popular": "children", "segment_category_top": "cosmetics"}}


def a_shop(customers, *, seed, hostile=False):
    """Return an audience; each customer's row depends on the seed and the place alone."""
    rng = np.random.default_rng(seed)
    shop = random_shop(3000, seed=seed).assign(risk=rng.uniform(0, 1, 3000))
    shop["profit_rank"] = shop["profit"].rank(pct=True)
    shop[RANKS] = rng.choice([*FEATURES, None], (3000, 3))
    inside = pd.DataFrame({"at_risk": shop["risk"] > 0.5, "rich": shop["profit"] > 4})
    shop["segment"], shop["segments"] = first_segment(inside), all_segments(inside)
    shop["reasons"] = joined_words(shop[RANKS])
    if hostile:
        shop["customer_id"] = "=cmd|'/c calc'!A" + shop["customer_id"]
        shop["favourite_category"] = "-{segment_category_top}"
    return shop.head(customers)


def campaign_of(**changes):
    return Campaign(**(project_params()["campaign"] | changes))


def decided(shop, *, suppressed=(), offers=OFFERS, stopped="", parts=1, **changes):
    """Return list, excluded, budgets and decision, the shop divided into so many parts."""
    campaign = campaign_of(**changes)
    number = part_numbers(shop["customer_id"], count=parts)
    audiences = [shop[number == part] for part in range(parts)]
    words = [category_words(audience, TOP) for audience in audiences]
    asked = [
        ask(
            audience, offers, of, kept_out(is_suppressed(audience["customer_id"], suppressed)),
            campaign=campaign, stopped=stopped,
        )
        for audience, of in zip(audiences, words, strict=True)
    ]  # fmt: skip
    found = decide(asked, offers, campaign=campaign, stopped=stopped)
    told = [
        tell(audience, choice, gate, offers, of, columns=COLUMNS, campaign=campaign)
        for audience, choice, gate, of in zip(
            audiences, found.choices, found.gates, words, strict=True
        )
    ]
    listed, recorded, excluded = (pd.concat(tables) for tables in zip(*told, strict=True))
    assert len(recorded) == 0 or campaign.global_control_share
    return listed, excluded, found.budgets, found


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    customers=st.integers(0, 300),
    budget=st.sampled_from([None, 0, 0.5, 3, 20]),
    control_share=st.sampled_from([0, 0.3, 0.5]),
)
def test_campaign_keeps_its_promises(seed, customers, budget, control_share):
    shop = a_shop(customers, seed=seed)
    never = set(shop["customer_id"][::7])
    listed, excluded, what_if, found = decided(
        shop, suppressed=never, budget=budget, control_share=control_share
    )
    assert sorted([*listed["customer_id"], *excluded["customer_id"]]) == sorted(shop["customer_id"])
    assert not never & set(listed["customer_id"])
    assert set(excluded.loc[excluded["customer_id"].isin(never), "gate"]) <= {"suppressed"}
    by_id = shop.set_index("customer_id")
    sent = by_id.loc[listed.loc[listed["channel"] == "message", "customer_id"]]
    assert set(sent["consent"]) <= {"yes"}
    assert (sent["contacts_now"] < campaign_of().contact_cap).all()
    treated = listed[listed["arm"] == "treatment"]
    if budget is not None:
        assert treated["cost"].sum() <= budget + 1e-9
    for offer in OFFERS:
        if offer.stock is not None:
            assert (treated["offer"] == offer.code).sum() <= offer.stock
    assert (listed["expected_gain"] > 0).all()
    assert not listed["text"].str.contains("[{}]").any()
    assert len(what_if) == 10
    assert what_if["expected_gain"].is_monotonic_increasing
    assert (what_if["cost"] <= what_if["budget"] + 1e-6).all()
    assert found.power["pooled"]["treatment"] == len(treated)


@pytest.mark.parametrize("parts", [3, 7])
@pytest.mark.parametrize(
    ("budget", "control_share", "stock", "binds"),
    [(None, 0.5, 3, "out_of_stock"), (2.5, 0.5, 8, "over_budget"), (2.5, 0, 8, "over_budget")],
)
def test_who_gets_what_does_not_depend_on_how_the_shop_is_divided(
    budget, control_share, stock, binds, parts
):
    shop = a_shop(1500, seed=9)
    scarce = [offer.model_copy(update={"stock": stock}) for offer in OFFERS]
    how = {"budget": budget, "control_share": control_share, "offers": scarce}
    how["suppressed"] = set(shop["customer_id"][::5])
    listed, excluded, what_if, whole = decided(shop, **how)
    again, others, budgets, found = decided(shop, parts=parts, **how)
    pd.testing.assert_frame_equal(what_if, budgets, check_exact=True)
    for one, other in ((listed, again), (excluded, others)):
        pair = [table.sort_values("customer_id") for table in (one, other)]
        # Of a part without anybody on the list pandas does not know that words are words.
        pd.testing.assert_frame_equal(*pair, check_exact=True, check_dtype=False)
    assert (found.totals, found.power, found.idle) == (whole.totals, whole.power, whole.idle)
    assert not how["suppressed"] & set(again["customer_id"])
    assert found.totals["excluded"]["suppressed"] == 300
    assert found.totals["excluded"][binds] > 10
    used = again["offer"][again["arm"] == "treatment"].value_counts()
    assert (used == stock).sum() > 1
    assert used.max() == stock
    assert budget is None or budget - 0.3 < found.totals["treatment_cost"] <= budget


@pytest.mark.parametrize("budget", [None, 5])
def test_adding_customers_moves_nobody_to_the_other_arm(budget):
    few, many = (decided(a_shop(n, seed=3), budget=budget)[0] for n in (1500, 3000))
    arms = few.set_index("customer_id")["arm"]
    again = many.set_index("customer_id")["arm"].reindex(arms.index).dropna()
    assert len(again) > 20
    assert (again == arms[again.index]).all()


def test_same_input_in_any_order_gives_the_same_bytes(tmp_path):
    shop = a_shop(400, seed=4)
    for name, table in (("one", shop), ("two", shop.sample(frac=1, random_state=1))):
        listed, excluded, what_if, _ = decided(table, budget=4)
        write_both(listed, tmp_path / name / "list", dialect="ru")
        write_both(excluded, tmp_path / name / "excluded", dialect="en")
        write_csv(what_if, tmp_path / name / "budgets.csv")
    for name in ("list.csv", "list.parquet", "excluded.csv", "excluded.parquet", "budgets.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("stopped", ["", "model_grade_f", "drift"])
def test_list_for_programs_keeps_its_contract_though_nobody_is_on_it(tmp_path, stopped):
    listed, *_ = decided(a_shop(400, seed=4, hostile=True), stopped=stopped)
    assert (len(listed) == 0) == bool(stopped)
    write_both(listed, tmp_path / "list", dialect="ru")
    kinds = {field.name: str(field.type) for field in pq.read_schema(tmp_path / "list.parquet")}
    words = dict.fromkeys(("customer_id", "segment", "offer", "channel", "text", "arm", "reasons"))
    numbers = dict.fromkeys(("expected_gain", "cost", "assumed_effect"), "double")
    text = dict.fromkeys(words, "large_string")
    assert kinds == text | numbers | {"valid_until": "date32[day]"}
    assert list(kinds) == [
        "customer_id",
        "segment",
        "offer",
        "channel",
        "text",
        "arm",
        "expected_gain",
        "cost",
        "assumed_effect",
        "reasons",
        "valid_until",
    ]
    read = pd.read_parquet(tmp_path / "list.parquet")
    assert read["customer_id"].str.startswith("=cmd|").all()
    assert set(read["arm"]) == (set() if stopped else {"treatment", "control"})


@pytest.mark.parametrize(
    ("changes", "gates"),
    [
        ({"stopped": "model_grade_f"}, {"model_grade_f"}),
        ({"stopped": "drift"}, {"drift"}),
        ({"suppressed": [str(100_000 + place) for place in range(3000)]}, {"suppressed"}),
        ({"offers": []}, {"not_eligible"}),
        ({"offers": [an_offer("a", cost=1e6)]}, {"no_expected_gain"}),
        ({"offers": [an_offer("a", cost=0.01)], "budget": 0}, {"no_expected_gain", "over_budget"}),
        ({"offers": [an_offer("a", stock=0)]}, {"no_expected_gain", "out_of_stock"}),
    ],
)
@pytest.mark.parametrize("control_share", [0, 0.5])
def test_senseless_campaign_is_an_empty_list_of_the_same_columns(changes, gates, control_share):
    listed, excluded, what_if, found = decided(
        a_shop(200, seed=5), control_share=control_share, **changes
    )
    assert list(listed) == list(decided(a_shop(200, seed=5))[0])
    assert len(listed) == 0
    assert set(excluded["gate"]) == gates
    assert (what_if["contacted"] == 0).all() or "budget" in changes
    assert found.power["pooled"] == {"treatment": 0, "control": 0}
    assert all(of["treatment"] == 0 for of in found.totals["offers"].values())


def test_hostile_ids_and_categories_cannot_run_or_be_filled_again():
    listed, excluded, *_ = decided(a_shop(300, seed=6, hostile=True))
    assert len(listed) > 20
    for table in (guarded(listed), guarded(excluded)):
        for name in table.select_dtypes(["object", "str"]):
            assert not table[name].str.startswith(("=", "+", "-", "@", "\t", "\r")).any(), name
    told = listed.loc[listed["offer"].isin(["favourite_bundle", "relevant_mailings"]), "text"]
    assert told.str.contains("«-{segment_category_top}»", regex=False).all()


def test_texts_name_the_customers_own_categories_in_russian():
    shop = a_shop(3, seed=1).assign(favourite_category=["cosmetics", "children", None])
    shop["segment"] = ["at_risk", "rest", "at_risk"]
    words = category_words(shop, TOP)
    assert words["segment_category_top"].tolist()[0] == "cosmetics"
    assert words["segment_category_top"].isna().tolist() == [False, True, False]
    assert words["segment_category_over"].isna().all()
    assert words["favourite_category"].isna().tolist() == [False, False, True]
    text = {"ru": "О {favourite_category}!", "en": "On {favourite_category}!"}
    offers = [an_offer("a", text=text), an_offer("b")]
    told = filled_texts(offers, np.array([0, 0, 1]), words, columns=COLUMNS, language="ru")
    assert told.tolist() == ["О Косметика и аксессуары!", "О Товары для детей!", "Текст"]
    told = filled_texts(offers, np.array([1, 0, 1]), words, columns=COLUMNS, language="en")
    assert told.tolist() == ["Text", "On children's goods!", "Text"]


def test_offers_made_add_up():
    shop = a_shop(800, seed=8)
    listed, excluded, _, decision = decided(shop)
    found = decision.totals["offers"]
    assert list(found) == [offer.code for offer in OFFERS]
    for arm in Arm:
        assert sum(one[arm] for one in found.values()) == (listed["arm"] == arm).sum()
    treated = listed[listed["arm"] == "treatment"]
    assert decision.totals["treatment"] == len(treated)
    assert decision.totals["control"] == len(listed) - len(treated)
    assert decision.totals["treatment_cost"] == pytest.approx(treated["cost"].sum())
    gates = excluded["gate"].value_counts().to_dict()
    assert {gate: count for gate, count in decision.totals["excluded"].items() if count} == gates
    effects = {offer.code: offer.effect for offer in OFFERS}
    assert listed["assumed_effect"].tolist() == [effects[code] for code in listed["offer"]]
    assert listed["assumed_effect"].nunique() > 3
    for name in ("cost", "expected_gain"):
        assert sum(one[name] for one in found.values()) == pytest.approx(treated[name].sum())


def test_segments_and_reasons_are_joined_in_their_order():
    belongs = pd.DataFrame({"a": [True, False, False], "b": [True, True, False]})
    assert all_segments(belongs).tolist() == ["a b", "b", ""]
    assert first_segment(belongs).tolist() == ["a", "b", "rest"]
    words = pd.DataFrame({"x": ["p", None, None], "y": ["q", "q", None]})
    assert joined_words(words).tolist() == ["p q", "q", ""]


@pytest.mark.parametrize("as_of", ["2026-10-31", datetime.date(2026, 10, 31)])
def test_a_campaign_without_a_day_starts_on_the_day_after_that_of_the_data(as_of):
    assert dated(campaign_of(date=None), as_of).date == datetime.date(2026, 11, 1)
    chosen = datetime.date(2027, 2, 3)
    assert dated(campaign_of(date=chosen), as_of).date == chosen
    with pytest.raises(InputError, match=r"campaign\.date is empty, and so"):
        dated(campaign_of(date=None), None)


def test_a_campaign_that_would_begin_before_the_last_month_s_end():
    early, first = datetime.date(2026, 10, 30), datetime.date(2026, 10, 31)
    assert dated(campaign_of(date=first), first, last="2026-10").date == first
    assert dated(campaign_of(date=early), early).date == early  # a snapshot has no months
    with pytest.raises(InputError) as told:
        dated(campaign_of(date=early), first, last="2026-10")
    assert str(told.value) == (
        "params.yaml: campaign.date is 2026-10-30, but the last month of the data is 2026-10; "
        "valid: empty, or a day from 2026-10-31 on"
    )
