import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import an_offer, kept_out, random_shop
from retention.campaign.eligibility import (
    GATES,
    KEPT_OUT,
    Conditions,
    choose,
    expected_gains,
    open_offers,
    ration,
)
from retention.campaign.offers import PLACEHOLDERS

RANKS = ["reason_1", "reason_2", "reason_3"]
WHO = {
    "promo_share >= 0.5": lambda row: row["promo_share"] >= 0.5,
    "unpaid_items >= 3 and service == premium": lambda row: (
        row["unpaid_items"] >= 3 and row["service"] == "premium"
    ),
    "risk >= 0.9": lambda row: row["risk"] >= 0.9,
    "risk >= 0": lambda _: True,
}
CAP = 5

offers_of_a_shop = st.lists(
    st.builds(
        dict,
        when=st.sampled_from(list(WHO)),
        reason=st.sampled_from(["any", "promo_share", "unpaid_items"]),
        channel=st.sampled_from(["message", "message", "on_site", "in_cart"]),
        cost=st.sampled_from([0.0, 0.1, 0.5, 100.0]),
        effect=st.sampled_from([0.0, 0.05, 0.3]),
        stock=st.sampled_from([None, None, 0, 1, 3, 10]),
        text=st.sampled_from(["Текст", "О {favourite_category}", "О {segment_category_top}"]),
    ),
    max_size=5,
)
seeds = st.integers(0, 2**32 - 1)
budgets = st.sampled_from([None, 0.0, 0.1, 0.5, 2.0, 1e6])
shares = st.sampled_from([0.0, 0.3, 0.5, 0.9])


def audience_of(seed, rows=40):
    rng = np.random.default_rng(seed)
    shop = random_shop(rows, seed=seed).assign(risk=rng.uniform(0, 1, rows))
    shop.loc[rng.random(rows) < 0.1, "consent"] = None
    shop.loc[rng.random(rows) < 0.1, "contacts_now"] = np.nan
    shop.loc[rng.random(rows) < 0.1, "profit"] = np.nan
    shop.loc[rng.random(rows) < 0.1, "profit"] *= -1
    shop.index = rng.permutation(rows) + 1000
    named = rng.choice(["promo_share", "unpaid_items", "minutes_m0", ""], (rows, 3))
    reasons = pd.DataFrame(named, shop.index, RANKS)
    words = pd.DataFrame("cosmetics", shop.index, list(PLACEHOLDERS), dtype=object)
    words.loc[rng.random(rows) < 0.5, "segment_category_top"] = None
    return shop, {
        "reasons": reasons.where(reasons != "", None),
        "words": words,
        "suppressed": rng.random(rows) < 0.1,
    }


def catalogue(wanted):
    return [
        an_offer(f"offer_{place}", **{**keys, "text": {"ru": keys.get("text", "Т"), "en": "T"}})
        for place, keys in enumerate(wanted)
    ]


def opened(audience, known, offers, **changes):
    options = {"contact_cap": CAP, "months": 3, "lost": 0.5} | known | changes
    stops = {gate: options.pop(gate) for gate in KEPT_OUT if gate in options}
    options["kept_out"] = kept_out(**stops)
    how = {name: options.pop(name) for name in ("months", "lost", "stopped") if name in options}
    conditions = Conditions(audience, options.pop("reasons"), **options)
    return open_offers(conditions, offers, **how)


def rationed(seed, offers, *, budget, share, rows=40):
    """Return audience, gain, plan and arms of a random shop."""
    audience, known = audience_of(seed, rows)
    gain, gate = opened(audience, known, offers)
    rng = np.random.default_rng(seed)
    treated = rng.random(rows) >= share
    plan = ration(gain, offers, key=rng.random(rows), treated=treated, budget=budget,
                  untreated=share)  # fmt: skip
    return audience, known, gain, gate, plan, treated


def one_by_one(row, named, words, suppressed, offers):
    """Return gains of the open offers, or the gate, of one customer, asked in plain words."""
    fitting = [
        (place, offer)
        for place, offer in enumerate(offers)
        if WHO[offer.when](row)
        and (offer.reason == "any" or offer.reason in named)
        and ("segment_category_top" not in offer.text.ru or words["segment_category_top"])
    ]
    agreed = [
        (place, offer)
        for place, offer in fitting
        if offer.channel != "message" or row["consent"] == "yes"
    ]
    allowed = [
        (place, offer)
        for place, offer in agreed
        if offer.channel != "message" or row["contacts_now"] < CAP
    ]
    profit = 0 if np.isnan(row["profit"]) else max(row["profit"], 0)
    gains = {place: row["risk"] * o.effect * profit * 3 * 0.5 - o.cost for place, o in allowed}
    gains = {place: gain for place, gain in gains.items() if gain > 0}
    for gate, blocked in (
        ("suppressed", suppressed),
        ("not_eligible", not fitting),
        ("no_consent", not agreed),
        ("contact_cap", not allowed),
        ("no_expected_gain", not gains),
    ):
        if blocked:
            return gate
    return gains


@settings(max_examples=30, deadline=None)
@given(seed=seeds, wanted=offers_of_a_shop)
def test_everybodys_open_offers_or_the_gate_where_the_last_fell(seed, wanted):
    (audience, known), offers = audience_of(seed), catalogue(wanted)
    gain, gate = opened(audience, known, offers)
    for place, (index, row) in enumerate(audience.iterrows()):
        named, words = set(known["reasons"].loc[index]), known["words"].loc[index]
        expected = one_by_one(row, named, words, known["suppressed"][place], offers)
        open_ = {k: gain[place, k] for k in range(len(offers)) if np.isfinite(gain[place, k])}
        if isinstance(expected, str):
            assert (gate[place], open_) == (expected, {})
        else:
            assert gate[place] == ""
            assert open_ == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, wanted=offers_of_a_shop, budget=budgets, share=shares)
def test_limits_hold_and_nobody_gets_what_is_closed(seed, wanted, budget, share):
    offers = catalogue(wanted)
    audience, known, gain, gate, plan, treated = rationed(seed, offers, budget=budget, share=share)
    made = np.flatnonzero(plan.choice >= 0)
    assert np.isfinite(gain[made, plan.choice[made]]).all()
    assert not known["suppressed"][made].any()
    for row in made:
        if offers[plan.choice[row]].channel == "message":
            assert audience["consent"].iloc[row] == "yes"
            assert audience["contacts_now"].iloc[row] < CAP
    spent = [offers[plan.choice[row]].cost for row in made if treated[row]]
    if budget is not None:
        assert sum(spent) <= budget + 1e-9
    for place, offer in enumerate(offers):
        if offer.stock is not None:
            assert (treated & (plan.choice == place)).sum() <= offer.stock
    late = plan.gate[(gate == "") & (plan.choice < 0)]
    assert set(late) <= {"out_of_stock", "over_budget"}
    assert (plan.gate[(gate != "") | (plan.choice >= 0)] == "").all()
    if budget is None:
        assert "over_budget" not in late


@settings(max_examples=25, deadline=None)
@given(seed=seeds, wanted=offers_of_a_shop, budget=budgets, share=shares)
def test_chosen_and_gates_part_the_audience(seed, wanted, budget, share):
    offers = catalogue(wanted)
    audience, _, gain, gate, plan, _ = rationed(seed, offers, budget=budget, share=share)
    gates = np.where(gate != "", gate, plan.gate)
    worth = np.c_[gain, np.zeros(len(gain))][np.arange(len(gain)), plan.choice]
    chosen, excluded = choose(audience, worth, plan.choice, gates)
    assert chosen.index.is_unique
    assert sorted([*chosen.index, *excluded.index]) == sorted(audience.index)
    assert set(excluded["gate"]) <= set(GATES)
    assert excluded["customer_id"].equals(audience.loc[excluded.index, "customer_id"])
    assert excluded["customer_id"].is_monotonic_increasing
    assert (chosen["expected_gain"] > 0).all()


@settings(max_examples=25, deadline=None)
@given(
    seed=seeds, wanted=offers_of_a_shop, budget=budgets, share=shares,
    order=st.permutations(range(40)),
)  # fmt: skip
def test_order_of_rows_does_not_matter(seed, wanted, budget, share, order):
    offers = catalogue(wanted)
    _, _, gain, _, plan, treated = rationed(seed, offers, budget=budget, share=share)
    key = np.random.default_rng(seed).random(40)
    plan = ration(gain, offers, key=key, treated=treated, budget=budget, untreated=share)
    again = ration(gain[order], offers, key=key[order], treated=treated[order], budget=budget,
                   untreated=share)  # fmt: skip
    assert again.choice.tolist() == plan.choice[order].tolist()
    assert again.gate.tolist() == plan.gate[order].tolist()


@settings(max_examples=25, deadline=None)
@given(seed=seeds, wanted=offers_of_a_shop, budget=budgets)
def test_swapping_the_arms_of_those_alike_changes_nothing_but_the_cut_off(seed, wanted, budget):
    """Whoever passes the cut-off of the treated passes it untouched, and the other way round."""
    offers = catalogue([keys | {"stock": None} for keys in wanted])
    _, _, gain, _, plan, _ = rationed(seed, offers, budget=budget, share=0.5)
    best = np.where(np.isfinite(gain), gain, 0)
    costs = np.array([offer.cost for offer in offers])
    if not costs.size or (costs == 0).any():
        return
    rate = (best / costs).max(axis=1)
    taken = plan.choice >= 0
    left = np.isfinite(gain).any(axis=1) & ~taken
    if taken.any() and left.any():
        assert rate[taken].min() >= rate[left].max() - 1e-12


def test_both_arms_are_chosen_at_the_same_rate_when_money_is_short():
    rng = np.random.default_rng(5)
    gain = rng.exponential(1, (20_000, 3))
    gain[rng.random(gain.shape) < 0.4] = -np.inf
    offers = [
        an_offer("a", cost=0.1),
        an_offer("b", cost=0.2, stock=700),
        an_offer("c", cost=0.3),
    ]
    treated = rng.random(20_000) < 0.5
    plan = ration(gain, offers, key=rng.random(20_000), treated=treated, budget=900.0,
                  untreated=0.5)  # fmt: skip
    spent = sum(
        ((plan.choice == k) & treated).sum() * cost for k, cost in enumerate((0.1, 0.2, 0.3))
    )
    assert 899.5 < spent <= 900 + 1e-6
    assert ((plan.choice == 1) & treated).sum() == 700
    for place in range(3):
        ours, theirs = (((plan.choice == place) & arm).sum() for arm in (treated, ~treated))
        assert abs(ours - theirs) < 4 * np.sqrt(ours + theirs)


def test_more_money_never_brings_less():
    rng = np.random.default_rng(6)
    gain = rng.exponential(1, (500, 4)) - 0.5
    gain[gain <= 0] = -np.inf
    offers = [an_offer(f"o{k}", cost=cost) for k, cost in enumerate((0.0, 0.1, 0.3, 0.7))]
    treated = rng.random(500) < 0.5
    plan = ration(gain, offers, key=rng.random(500), treated=treated, budget=None,
                  untreated=0.5)  # fmt: skip
    totals = []
    for budget in (0, 1, 5, 10, 50, None):
        choice = plan.at(budget)
        made = treated & (choice >= 0)
        totals.append(gain[made, choice[made]].sum())
    assert totals == sorted(totals)
    assert totals[0] > 0
    assert totals[-1] == pytest.approx(gain[treated].max(axis=1).clip(min=0).sum())


def test_zero_budget_leaves_offers_that_cost_nothing():
    gain = np.array([[1.0, 2.0], [-np.inf, 3.0]])
    offers = [an_offer("free"), an_offer("dear", cost=0.1)]
    for share in (0.0, 0.5):
        plan = ration(gain, offers, key=np.array([0.2, 0.1]), treated=np.array([True, True]),
                      budget=0.0, untreated=share)  # fmt: skip
        assert plan.choice.tolist() == [0, -1]
        assert plan.gate.tolist() == ["", "over_budget"]


def test_offer_that_ran_out_is_the_gate_of_who_has_no_other():
    gain = np.array([[3.0, -np.inf], [2.0, 1.0], [1.0, -np.inf]])
    offers = [an_offer("scarce", stock=1), an_offer("plenty")]
    for share in (0.0, 1e-9):
        plan = ration(gain, offers, key=np.arange(3.0), treated=np.ones(3, dtype=bool),
                      budget=None, untreated=share)  # fmt: skip
        assert plan.choice.tolist() == [0, 1, -1]
        assert plan.gate.tolist() == ["", "", "out_of_stock"]


@pytest.mark.parametrize("stopped", ["model_grade_f", "drift"])
def test_a_gate_of_the_whole_campaign_stops_everybody_first(stopped):
    audience, known = audience_of(4)
    gain, gate = opened(audience, known, [an_offer("a")], stopped=stopped)
    assert set(gate) == {stopped}
    assert np.isneginf(gain).all()


def test_cap_of_nought_stops_every_message():
    audience, known = audience_of(4)
    known["suppressed"][:] = False
    audience["consent"] = "yes"
    message = [an_offer("a", channel="message", when="risk >= 0")]
    _, gate = opened(audience, known, message, contact_cap=0)
    assert set(gate) == {"contact_cap"}


def test_unknown_number_of_contacts_gets_no_message():
    audience, known = audience_of(4)
    known["suppressed"][:] = False
    audience = audience.assign(consent="yes", contacts_now=np.nan)
    _, gate = opened(audience, known, [an_offer("a", channel="message")])
    assert set(gate) == {"contact_cap"}


def test_expected_gain_by_hand():
    customers = pd.DataFrame({"risk": [0.5, 1.0, 0.0], "profit": [6.0, 2.0, 9.0]})
    offer = an_offer("a", cost=0.2, effect=0.1)
    # 0.5 x 0.1 x 6 x 3 months x 0.5 lost = 0.45; 1 x 0.1 x 2 x 3 x 0.5 = 0.3; nothing at risk.
    gains = expected_gains(customers, offer, months=3, lost=0.5)
    assert gains == pytest.approx([0.25, 0.1, -0.2])


def test_unknown_or_negative_profit_brings_nothing_but_the_cost():
    customers = pd.DataFrame({"risk": [0.9, 0.9], "profit": [np.nan, -5.0]})
    gains = expected_gains(customers, an_offer("a", cost=0.2), months=3, lost=0.5)
    assert gains.tolist() == [-0.2, -0.2]


def test_no_offers_exclude_everybody_as_not_eligible():
    audience, known = audience_of(1)
    known["suppressed"][:] = False
    gain, gate = opened(audience, known, [])
    assert gain.shape == (40, 0)
    assert set(gate) == {"not_eligible"}
    plan = ration(gain, [], key=np.arange(40.0), treated=np.ones(40, dtype=bool), budget=1.0,
                  untreated=0.5)  # fmt: skip
    assert set(plan.choice) == {-1}
    assert set(plan.at(None)) == {-1}


def test_first_of_equal_offers_is_taken():
    audience, known = audience_of(2)
    twice = [an_offer("first"), an_offer("second")]
    gain, _ = opened(audience, known, twice)
    plan = ration(gain, twice, key=np.arange(40.0), treated=np.ones(40, dtype=bool), budget=None,
                  untreated=0.0)  # fmt: skip
    assert set(plan.choice) == {-1, 0}


def test_risk_that_is_unknown_gets_no_offer():
    audience, known = audience_of(3)
    known["suppressed"][:] = False
    audience["risk"] = np.nan
    gain, gate = opened(audience, known, [an_offer("a", when="promo_share >= 0")])
    assert np.isneginf(gain).all()
    assert set(gate) == {"no_expected_gain"}
