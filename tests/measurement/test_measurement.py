"""A campaign measured from tables alone."""

import numpy as np
import pandas as pd
import pytest

from project import FIXTURES
from retention.core.errors import InputError
from retention.core.params import load_params
from retention.measurement.measurement import measure_campaign

CAMPAIGN = load_params(FIXTURES / "params.yaml").campaign


def a_campaign(n=2000):
    """A list in which every offer prevents half of the drops, its customers and the answers."""
    rng = np.random.default_rng(4)
    ids = np.array([f"c{place}" for place in range(n)], dtype=object)
    treated = np.arange(n) >= round(CAMPAIGN.control_share * n)
    risk = rng.uniform(0.2, 0.9, n)
    listed = pd.DataFrame({"customer_id": ids, "segment": "", "offer": "cart", "cost": 0.1})
    listed["assumed_effect"] = 0.2
    listed = listed.assign(treated=treated)
    customers = pd.DataFrame({"customer_id": ids, "risk": risk, "profit": 4.0})
    drop = (rng.random(n) < np.where(treated, risk / 2, risk)).astype(float)
    return listed, customers, pd.DataFrame({"customer_id": ids, "drop": drop})


def measured(listed, customers, answers, **how):
    return measure_campaign(
        listed, customers, answers, campaign=CAMPAIGN, catalogue={"cart": 0.2}, **how
    )


def test_effect_money_and_next_effect_come_together():
    listed, customers, answers = a_campaign()
    found = measured(listed, customers, answers, repeated=2)
    everyone = found.content["drop"]["pooled"]["everyone"]
    assert everyone["prevented_low"] < 0.5 < everyone["prevented_high"]
    assert 0.2 < found.offers["cart"]["use"] < 0.6
    assert found.content["money"]["cost"] == pytest.approx(0.1 * listed["treated"].sum())
    assert (found.content["revenue"], found.content["not_on_list"]) == (None, 0)
    assert "2 rows stood twice" in found.report
    assert "| offer cart |" in found.report


def test_revenue_alone_moves_no_effect():
    listed, customers, answers = a_campaign()
    money = answers[["customer_id"]].assign(revenue=100.0 + 5 * listed["treated"])
    found = measured(listed, customers, money)
    assert found.offers == {}
    assert found.content["revenue"]["pooled"]["everyone"]["difference"] == pytest.approx(5)
    assert "## Drops" not in found.report


def test_answers_without_an_outcome_are_refused_by_their_place():
    listed, customers, answers = a_campaign()
    with pytest.raises(InputError, match=r"^back\.csv has no outcome"):
        measured(listed, customers, answers.assign(drop=np.nan), place="back.csv")


def test_catalogue_moves_no_effect_and_a_change_of_it_is_told():
    """The assumption is that of the list: the catalogue may hold these very answers by now."""
    listed, customers, answers = a_campaign()
    first = measured(listed, customers, answers)
    use = first.offers["cart"]["use"]
    again = measure_campaign(
        listed, customers, answers, campaign=CAMPAIGN, catalogue={"cart": round(use, 4)}
    )
    assert again.content == first.content
    assert "Warning" not in first.report
    other = measure_campaign(listed, customers, answers, campaign=CAMPAIGN, catalogue={"cart": 0.4})
    assert other.offers == first.offers
    assert "offers.yaml says 0.4 of cart today, the list assumed 0.2" in other.report


def test_list_without_assumed_effects_proposes_none():
    listed, customers, answers = a_campaign()
    found = measured(listed.drop(columns="assumed_effect"), customers, answers)
    assert found.offers == {}
    assert "Add a column assumed_effect to the list" in found.report
    assert found.content["money"] is not None
