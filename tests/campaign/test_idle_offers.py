"""Why an offer is made to nobody: each reason with the figures behind it."""

import numpy as np
import pandas as pd
import pytest

from helpers import an_offer, kept_out, random_shop
from retention.campaign.eligibility import KEPT_OUT, Conditions, open_offers
from retention.campaign.idle_offers import WHY_IDLE, Reach, idle_offers, reaches, why_idle
from retention.campaign.offers import PLACEHOLDERS

MONEY = {"months": 3, "lost": 0.5}
NEVER = {"ru": "О {segment_category_top}", "en": "On {segment_category_top}"}


def shop_of_ten():
    """Ten customers of whom the offers' rules, reasons and gates can be told by hand."""
    shop = random_shop(10, seed=1).assign(risk=0.5, profit=4.0, contacts_now=1.0, consent="yes")
    shop["promo_share"] = np.arange(10) / 10
    shop["unpaid_items"] = 5.0
    # Two of the reason: one customer each side of promo_share 0.5.
    reasons = pd.DataFrame({"reason_1": [None] * 10}, shop.index, dtype=object)
    reasons.loc[[1, 8], "reason_1"] = "promo_share"
    words = pd.DataFrame(None, shop.index, list(PLACEHOLDERS), dtype=object)
    return shop, {"reasons": reasons, "words": words, "suppressed": np.zeros(10, dtype=bool)}


def conditions_of(shop, known):
    """What decides for this shop; `known` may name whom the gates stop."""
    known = dict(known)
    stops = {name: known.pop(name) for name in KEPT_OUT if name in known}
    known = {"contact_cap": 5, "kept_out": kept_out(**stops)} | known
    return Conditions(shop, known.pop("reasons"), **known)


def told(offers, *, used=(), recorded=(), **changes):
    shop, known = shop_of_ten()
    columns = {name: value for name, value in changes.items() if name in shop}
    known |= {name: value for name, value in changes.items() if name not in columns}
    shop = shop.assign(**columns)
    conditions = conditions_of(shop, known)
    gain, _ = open_offers(conditions, offers, **MONEY)
    reach = reaches(offers, gain, conditions, **MONEY)
    return idle_offers(offers, used, reach, recorded=recorded)


def row(why, left, named=None, best_gain=None):
    if best_gain is not None:
        best_gain = pytest.approx(best_gain)
    return {"why": why, "left": left, "named": named, "best_gain": best_gain}


# Gain: risk 0.5 x effect 0.1 x profit 4 x 3 months x 0.5 lost = 0.3, less the cost.
@pytest.mark.parametrize(
    ("keys", "changes", "expected"),
    [
        ({"when": "promo_share >= 0.95"}, {}, row("rule", 10)),
        ({"reason": "minutes_m0"}, {}, row("reason", 10, 0)),
        ({"reason": "promo_share", "when": "promo_share < 0.1"}, {}, row("reason", 1, 2)),
        ({"text": NEVER, "when": "promo_share >= 0.5"}, {}, row("category", 5)),
        ({"channel": "message"}, {"consent": "no"}, row("consent", 10)),
        ({"channel": "message"}, {"contacts_now": 5.0}, row("contact_cap", 10)),
        ({}, {"suppressed": np.ones(10, dtype=bool)}, row("suppressed", 10)),
        ({}, {"in_campaign": np.ones(10, dtype=bool)}, row("in_campaign", 10)),
        ({}, {"suppressed": np.arange(10) < 4, "resting": np.arange(10) > 3}, row("resting", 6)),
        ({"when": "promo_share > 0.75"}, {"least_risk": 0.51}, row("low_risk", 2)),
        ({"cost": 0.1}, {"least_gain": 0.21}, row("low_gain", 10, None, 0.2)),
        ({"cost": 0.1}, {"least_risk": 0.5, "least_gain": 0.2}, row("over_budget", 10, None, 0.2)),
        (
            {"reason": "promo_share", "cost": 0.35, "when": "promo_share >= 0.5"},
            {},
            row("gain", 1, 2, -0.05),
        ),
        ({"cost": 0.1, "stock": 0}, {}, row("out_of_stock", 10, None, 0.2)),
        ({"cost": 0.1}, {}, row("over_budget", 10, None, 0.2)),
    ],
)
def test_the_condition_at_which_the_last_customer_falls_is_named(keys, changes, expected):
    assert told([an_offer("a", **keys)], **changes) == {"a": expected}


def test_another_offer_that_gains_more_with_each_is_named():
    better, idle = (
        an_offer("better", cost=0.1),
        an_offer("idle", cost=0.2, when="promo_share > 0.4"),
    )
    assert told([better, idle], used=[0]) == {"idle": row("others", 5, None, 0.1)}
    # Where the better one may not be made to somebody, it is not what stands in the way.
    better = an_offer("better", cost=0.1, when="promo_share > 0.55")
    assert told([better, idle], used=[0])["idle"]["why"] == "over_budget"


def test_an_offer_that_only_the_global_control_would_get():
    assert told([an_offer("a", cost=0.1)], recorded=[0]) == {
        "a": row("global_control", 10, None, 0.2)
    }


def test_offers_that_gain_exactly_alike_are_others_too():
    twice = [an_offer("first", cost=0.1), an_offer("second", cost=0.1)]
    assert told(twice, used=[0]) == {"second": row("others", 10, None, 0.2)}


def test_offers_that_somebody_gets_are_not_idle():
    offers = [an_offer("a"), an_offer("b", when="promo_share >= 0.95")]
    assert list(told(offers, used=[0, 1])) == []
    assert list(told(offers, used=[0])) == ["b"]


def test_one_offer_alone_and_nobody_to_ask():
    shop, known = shop_of_ten()
    nobody = {name: value[:0] for name, value in known.items()}
    conditions = conditions_of(shop.head(0), nobody)
    offers = [an_offer("a")]
    gain, _ = open_offers(conditions, offers, **MONEY)
    reach = reaches(offers, gain, conditions, **MONEY)
    assert idle_offers(offers, [], reach) == {"a": row("rule", 0)}


def test_the_order_of_reasons_is_that_in_which_they_are_asked():
    shop, known = shop_of_ten()
    conditions = conditions_of(shop, known)
    assert list(conditions.of(an_offer("a"))) == list(WHY_IDLE[:9])


def test_parts_of_the_audience_add_up():
    """A best gain below 0 in one part is none of another; whoever is named in either counts."""
    one = Reach(2, (5, 3, 2), -0.4, 0, 0)
    other = Reach(1, (4, 1, 1), 0.2, 1, 1)
    nobody = Reach(0, (0, 0, 0), None, 0, 0)
    assert one + other == other + one == Reach(3, (9, 4, 3), 0.2, 1, 1)
    assert one + nobody == one
    offer = an_offer("a", reason="promo_share")
    assert why_idle(offer, nobody + nobody).why == "rule"
    assert why_idle(offer, one + nobody).best_gain == -0.4
