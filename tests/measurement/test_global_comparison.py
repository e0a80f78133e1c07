"""The programme against the global control: who is compared with whom, and when it is not."""

import numpy as np
import pandas as pd
import pytest

from retention.measurement.global_comparison import money_told, programme


def a_campaign(n=1000, *, share=0.2, effect=0.3, seed=1, lost=0):
    """A list with outcomes, and its members; of these the first `lost` came back without any."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"customer_id": [f"{seed}-{place}" for place in range(n)]})
    table["risk"] = rng.uniform(0.4, 0.9, n)
    member = rng.random(n) < share
    table["arm"] = np.where(rng.random(n) < 0.5, "treatment", "control")
    table.loc[member, "arm"] = "global_control"
    treated = (table["arm"] == "treatment").to_numpy()
    table["drop"] = (rng.random(n) < table["risk"] * (1 - effect * treated)).astype(float)
    table = table.assign(treated=treated, stake=6.0, cost=0.1)
    members = table[member].copy()
    members.loc[members.index[:lost], "drop"] = np.nan
    return table[~member], members


def told(*campaigns, share=0.2, left_out=()):
    names = [f"c{number}" for number in range(len(campaigns))]
    tables = {name: one[0] for name, one in zip(names, campaigns, strict=True)}
    members = {name: one[1] for name, one in zip(names, campaigns, strict=True)}
    shares = dict.fromkeys(names, share)
    return programme(tables, members, shares, left_out=dict(left_out))


def test_listed_and_treated_against_the_members_of_their_campaigns():
    campaigns = [a_campaign(seed=seed) for seed in range(25, 29)]
    found = told(*campaigns)
    assert found["treatment"]["low"] < 0.3 < found["treatment"]["high"]
    assert found["listed"]["low"] < 0.15 < found["listed"]["high"]
    assert found["treatment"]["verdict"] == "fewer"
    counts = found["listed"]["listed"], found["treatment"]["treatment"]
    assert counts == (
        sum(len(table) for table, _ in campaigns),
        sum(int(table["treated"].sum()) for table, _ in campaigns),
    )
    true = sum(6 * 0.3 * table["risk"].mean() * table["treated"].sum() for table, _ in campaigns)
    money = found["money"]
    assert money["low"] < true < money["high"]
    assert money["cost"] == pytest.approx(0.1 * counts[1])


def test_global_control_that_lost_its_drops_is_left_out():
    """Who stays away of it is nobody to compare with: were they those who dropped?"""
    found = told(a_campaign(), a_campaign(seed=2, lost=120))
    assert [row["left_out"] for row in found["campaigns"]] == [None, "broken_split"]
    assert found["listed"]["campaigns"] == 1


def test_a_handful_of_members_tells_nothing():
    found = told(a_campaign(300, share=0.04), share=0.04)
    assert found["campaigns"][0]["left_out"] == "few_members"
    assert (found["listed"]["prevented"], found["listed"]["verdict"]) == (None, "unknown")
    assert found["money"] is None


def test_campaigns_left_out_stay_so():
    found = told(a_campaign(), a_campaign(seed=2), left_out={"c0": "no_drops"}.items())
    assert [row["left_out"] for row in found["campaigns"]] == ["no_drops", None]
    assert found["treatment"]["campaigns"] == 1


@pytest.mark.parametrize(
    ("total", "verdict"),
    [((9.0, 6.0, 12.0), "paid"), ((3.0, 1.0, 4.9), "not_paid"), ((6.0, 4.0, 8.0), "unknown")],
)
def test_it_paid_where_the_whole_interval_is_beyond_the_cost(total, verdict):
    assert money_told(2, total, 5.0)["verdict"] == verdict


def test_answers_beside_an_effect_are_those_in_it():
    """Of the second campaign too few were treated: its members count for everybody listed alone."""
    large, (table, members) = a_campaign(), a_campaign(seed=2)
    table.loc[table[table["treated"]].index[14:], ["treated", "arm"]] = [False, "control"]
    found = told(large, (table, members))
    assert found["listed"]["campaigns"] == 2
    assert found["listed"]["listed"] == len(large[0]) + len(table)
    assert found["listed"]["global_control"] == len(large[1]) + len(members)
    assert found["treatment"]["campaigns"] == 1
    assert found["treatment"]["treatment"] == int(large[0]["treated"].sum())
    assert found["treatment"]["global_control"] == len(large[1])
