import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import an_offer, random_shop
from retention.campaign import GATES, choose, expected_gains

RANKS = ["reason_1", "reason_2", "reason_3"]
WHO = {
    "promo_share >= 0.5": lambda row: row["promo_share"] >= 0.5,
    "unpaid_items >= 3 and service == premium": lambda row: (
        row["unpaid_items"] >= 3 and row["service"] == "premium"
    ),
    "risk >= 0.9": lambda row: row["risk"] >= 0.9,
    "risk >= 0": lambda _: True,
}

offers_of_a_shop = st.lists(
    st.builds(
        dict,
        when=st.sampled_from(list(WHO)),
        reason=st.sampled_from(["any", "promo_share", "unpaid_items"]),
        channel=st.sampled_from(["message", "on_site", "in_cart"]),
        cost=st.sampled_from([0.0, 0.1, 0.5, 100.0]),
        effect=st.sampled_from([0.0, 0.05, 0.3]),
    ),
    max_size=5,
)


def audience_of(seed, rows=40):
    rng = np.random.default_rng(seed)
    shop = random_shop(rows, seed=seed).assign(risk=rng.uniform(0, 1, rows))
    shop.loc[rng.random(rows) < 0.1, "consent"] = None
    shop.loc[rng.random(rows) < 0.1, "profit"] = np.nan
    shop.loc[rng.random(rows) < 0.1, "profit"] *= -1
    shop.index = rng.permutation(rows) + 1000
    named = rng.choice(["promo_share", "unpaid_items", "minutes_m0", ""], (rows, 3))
    reasons = pd.DataFrame(named, shop.index, RANKS)
    return shop, reasons.where(reasons != "", None)


def catalogue(wanted):
    return [an_offer(f"offer_{place}", **keys) for place, keys in enumerate(wanted)]


def one_by_one(row, named, offers):
    """Return offer and gain, or the gate, of one customer, asked in plain words."""
    fitting = [
        (place, offer)
        for place, offer in enumerate(offers)
        if WHO[offer.when](row) and (offer.reason == "any" or offer.reason in named)
    ]
    allowed = [
        (place, offer)
        for place, offer in fitting
        if offer.channel != "message" or row["consent"] == "yes"
    ]
    profit = 0 if np.isnan(row["profit"]) else max(row["profit"], 0)
    gains = {place: row["risk"] * o.effect * profit * 3 * 0.5 - o.cost for place, o in allowed}
    best = max(gains, key=gains.get, default=None)
    if not fitting:
        return "not_eligible"
    if not allowed:
        return "no_consent"
    return (best, gains[best]) if gains[best] > 0 else "no_expected_gain"


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), wanted=offers_of_a_shop)
def test_everybody_gets_the_best_allowed_offer_or_the_right_gate(seed, wanted):
    (audience, reasons), offers = audience_of(seed), catalogue(wanted)
    chosen, excluded = choose(audience, reasons, offers, months=3, lost=0.5)
    gates = excluded.set_index("customer_id")["gate"]
    for index, row in audience.iterrows():
        expected = one_by_one(row, set(reasons.loc[index]), offers)
        if isinstance(expected, str):
            assert index not in chosen.index
            assert gates[row["customer_id"]] == expected
        else:
            assert row["customer_id"] not in gates.index
            assert chosen.loc[index, "offer"] == expected[0]
            assert chosen.loc[index, "expected_gain"] == pytest.approx(expected[1])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), wanted=offers_of_a_shop)
def test_chosen_and_gates_part_the_audience(seed, wanted):
    audience, reasons = audience_of(seed)
    chosen, excluded = choose(audience, reasons, catalogue(wanted), months=3, lost=0.5)
    assert chosen.index.is_unique
    assert sorted([*chosen.index, *excluded.index]) == sorted(audience.index)
    assert set(excluded["gate"]) <= set(GATES)
    assert excluded["customer_id"].equals(audience.loc[excluded.index, "customer_id"])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), wanted=offers_of_a_shop)
def test_no_message_without_consent_and_no_offer_at_a_loss(seed, wanted):
    (audience, reasons), offers = audience_of(seed), catalogue(wanted)
    chosen, _ = choose(audience, reasons, offers, months=3, lost=0.5)
    channel = [offers[place].channel for place in chosen["offer"]]
    consent = audience.loc[chosen.index, "consent"]
    assert set(consent[[one == "message" for one in channel]]) <= {"yes"}
    assert (chosen["expected_gain"] > 0).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), wanted=offers_of_a_shop, order=st.permutations(range(40)))
def test_order_of_rows_does_not_matter(seed, wanted, order):
    (audience, reasons), offers = audience_of(seed), catalogue(wanted)
    chosen, excluded = choose(audience, reasons, offers, months=3, lost=0.5)
    again, others = choose(audience.iloc[order], reasons.iloc[order], offers, months=3, lost=0.5)
    pd.testing.assert_frame_equal(again.sort_index(), chosen.sort_index())
    pd.testing.assert_frame_equal(others.sort_index(), excluded.sort_index())


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
    audience, reasons = audience_of(1)
    chosen, excluded = choose(audience, reasons, [], months=3, lost=0.5)
    assert len(chosen) == 0
    assert set(excluded["gate"]) == {"not_eligible"}
    assert len(excluded) == len(audience)


def test_first_of_equal_offers_is_taken():
    audience, reasons = audience_of(2)
    twice = [an_offer("first"), an_offer("second")]
    chosen, _ = choose(audience, reasons, twice, months=3, lost=0.5)
    assert len(chosen) > 0
    assert (chosen["offer"] == 0).all()


def test_risk_that_is_unknown_gets_no_offer():
    audience, reasons = audience_of(3)
    audience["risk"] = np.nan
    chosen, excluded = choose(
        audience, reasons, [an_offer("a", when="promo_share >= 0")], months=3, lost=0.5
    )
    assert len(chosen) == 0
    assert set(excluded["gate"]) == {"no_expected_gain"}
