"""A campaign of a shop of months: whatever older months say, it is for customers of the last."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dictionary import COLUMNS, FEATURES
from helpers import kept_out, project_params
from month_table import month_table
from project import FIXTURES
from retention.campaign.asking import ask, tell
from retention.campaign.earlier import Earlier
from retention.campaign.kept_out import KeptOut
from retention.campaign.offers import load_offers
from retention.campaign.plan import plan_campaign
from retention.campaign.suppression import Suppressed
from retention.campaign.wording import category_words
from retention.core.audience import audience_of, customers_of_today
from retention.core.params import Campaign, load_params
from retention.data.matching import Match
from retention.segments.segmentation import find_segments, in_segments, profit_ranks

OFFERS = load_offers(FIXTURES / "offers.yaml", columns=COLUMNS, features=FEATURES)
LAST = "2026-08"
SEGMENT = load_params(FIXTURES / "params.yaml").segment
NONE = pd.Series(dtype="str")
NOBODY = KeptOut(Suppressed(frozenset(), Match("list", 0, 0)), False, Earlier(NONE, NONE, []))


@pytest.fixture(scope="module")
def shop():
    table = month_table(150)
    rng = np.random.default_rng(1)
    # Someone left after seven months, someone came with the eighth.
    table = table[(table["customer_id"] != "c0000") | (table["month"] != LAST)]
    table = table[(table["customer_id"] != "c0001") | (table["month"] == LAST)]
    return table.assign(risk=rng.uniform(0.3, 1, len(table))).reset_index(drop=True)


def planned(table, **drift):
    """Return the campaign that the stage would plan, its list and the excluded."""
    today = customers_of_today(table, LAST)
    today = today.assign(reason_1="pages_per_visit", reason_2=None, reason_3=None)
    today["profit_rank"] = profit_ranks(today["profit"])
    options, campaign = SEGMENT, Campaign(**project_params()["campaign"])
    cuts = {"risk_cuts": options.grid.risk, "profit_cuts": options.grid.profit}
    how = {"columns": COLUMNS, "in_data": {}}
    customers, belongs = in_segments(today, options.rules, **how, **cuts)
    found = find_segments(
        customers,
        belongs,
        taught=table[table["split"] == "train"],
        features=FEATURES,
        words=["service", "consent", "favourite_category"],
        options=options,
    )
    audience = audience_of(customers)
    words = category_words(audience, found.categories_to_offer)
    nobody = kept_out(np.zeros(len(audience), dtype=bool))

    def asked(stopped):
        return [ask(audience, OFFERS, words, nobody, campaign=campaign, stopped=stopped)]

    plan = plan_campaign(customers, asked, OFFERS, NOBODY, campaign=campaign, grade="A", **drift)
    listed, _, excluded = tell(
        audience, plan.decision.choices[0], plan.decision.gates[0], OFFERS, words,
        columns=COLUMNS, campaign=campaign,
    )  # fmt: skip
    return plan, listed, excluded


def list_of(table):
    """Return the list and the excluded of that campaign."""
    return planned(table)[1:]


def test_that_drift_cannot_be_told_is_said_and_stops_nobody(shop):
    (usual, some, _), (plan, others, _) = planned(shop), planned(shop, drift_told=False)
    assert len(some) == len(others) > 20
    (line,) = [one for one in plan.warnings if "cannot be told" in one]
    assert line.startswith("warning: whether customers whose outcome is ahead differ")
    assert plan.details["drift"]["told"] is False
    assert not [one for one in usual.warnings if "cannot be told" in one]
    assert "told" not in usual.details["drift"]


def test_the_audience_is_the_last_month_and_nobody_else(shop):
    told, excluded = list_of(shop)
    today = shop[shop["month"] == LAST]
    assert len(told) > 20
    assert sorted([*told["customer_id"], *excluded["customer_id"]]) == sorted(today["customer_id"])
    assert "c0000" not in {*told["customer_id"], *excluded["customer_id"]}
    messages = today.set_index("customer_id").loc[told["customer_id"][told["channel"] == "message"]]
    assert len(messages)
    assert (messages["consent"] == "yes").all()


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 1000),
    consent=st.sampled_from(["yes", "no"]),
    contacts=st.integers(0, 9),
    risk=st.floats(0, 1),
    keep=st.floats(0.4, 1),
)
def test_no_older_month_puts_anybody_on_the_list_or_takes_them_off(
    shop, seed, consent, contacts, risk, keep
):
    rng = np.random.default_rng(seed)
    older = (shop["month"] != LAST).to_numpy()
    table = shop.copy()
    table.loc[older, "consent"] = consent
    table.loc[older, "contacts_now"] = contacts
    table.loc[older, "risk"] = risk
    table.loc[older, "profit"] *= rng.choice([-1, 0, 100])
    table = table[~older | (rng.random(len(table)) < keep)].reset_index(drop=True)
    for one, other in zip(list_of(table), list_of(shop), strict=True):
        pd.testing.assert_frame_equal(
            one.reset_index(drop=True), other.reset_index(drop=True), check_dtype=False
        )


def test_consent_that_was_taken_back_counts(shop):
    table = shop.copy()
    table.loc[table["month"] == LAST, "consent"] = "no"
    told, _ = list_of(table)
    assert not (told["channel"] == "message").any()
    assert (list_of(shop)[0]["channel"] == "message").any()
