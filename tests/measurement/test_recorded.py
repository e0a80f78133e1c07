"""A campaign's folder and the answers to it: what is kept, and what is refused."""

import datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.core.errors import InputError
from retention.core.kept_campaigns import kept_campaigns
from retention.data.ids import clean_ids
from retention.measurement.recorded import kept_answers, named, recorded_campaigns
from sent_campaigns import answers_to, customers, launch


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    """Two campaigns of other customers, and a list that was never launched."""
    folder = tmp_path_factory.mktemp("ledger")
    launch(folder, "spring", customers(300))
    launch(folder, "autumn", customers(200, first=5000), date="2026-09-01", end="2026-12-01")
    only = launch(folder, "only_a_list", customers(100, first=9000))
    for path in (*only.frozen[1:], only.launch):
        path.unlink()
    return folder


def of(folder):
    return recorded_campaigns(kept_campaigns(folder))


def refused(campaign, others, answers):
    with pytest.raises(InputError) as said:
        kept_answers(answers, campaign, others, place="back.csv")
    return str(said.value)


def test_campaigns_by_day_and_what_was_frozen(ledger):
    found = of(ledger)
    assert [one.name for one in found] == ["spring", "autumn"]
    assert found[0].end == datetime.date(2026, 6, 1)
    assert (found[0].terms.share_lost, found[0].terms.rest_days) == (0.5, 30)
    assert len(found[0].listed) + len(found[0].members) == 300
    assert 0.3 < found[0].listed["treated"].mean() < 0.7


def test_outcome_is_waited_for(ledger):
    day = datetime.date(2026, 11, 30)
    with pytest.raises(InputError, match="the outcome of autumn is known from 2026-12-01 on, the "):
        named(of(ledger), "autumn", today=day)
    later = named(of(ledger), "autumn", today=day + datetime.timedelta(days=1))
    assert later.name == "autumn"
    with pytest.raises(InputError, match=r"'summer' was launched; valid: spring, autumn$"):
        named(of(ledger), "summer", today=day)
    with pytest.raises(InputError, match="nothing was launched yet"):
        named([], "summer", today=day)


def test_answers_of_strangers_are_left_out_and_of_the_global_control_kept(ledger):
    spring, autumn = of(ledger)
    every = pd.concat([answers_to(spring.kept, 0.1), answers_to(autumn.kept, 0.1)])
    found = kept_answers(every, spring, [autumn], place="back.csv")
    assert sorted(found["customer_id"]) == sorted(spring.ids)
    assert set(spring.members["customer_id"]) <= set(found["customer_id"])
    assert found["customer_id"].is_monotonic_increasing
    blank = every.assign(drop=every["drop"].where(every["customer_id"] != "c00007"))
    less = kept_answers(blank, spring, [autumn], place="back.csv")
    assert set(found["customer_id"]) - set(less["customer_id"]) == {"c00007"}


def test_answers_of_another_campaign_are_refused_by_its_name(ledger):
    spring, autumn = of(ledger)
    line = refused(spring, [autumn], answers_to(autumn.kept, 0.1))
    assert line == (
        "of the 200 customers of back.csv none are on the list of campaign spring, 200 on that of "
        "autumn: `python stages/measure.py autumn`?"
    )
    strangers = pd.DataFrame({"customer_id": ["x1", "x2", "x3", "c00001"], "drop": [1, 0, 1, 1]})
    line = refused(spring, [autumn], strangers)
    assert line == (
        "of the 4 customers of back.csv 1 are on the list of campaign spring; no other campaign "
        "fits better"
    )


def test_answers_of_a_campaign_that_shares_customers_are_refused_by_its_name(tmp_path):
    """Two thirds of its list are on the other one as well, with outcomes of other months."""
    launch(tmp_path, "spring", customers(300))
    launch(tmp_path, "autumn", customers(300, first=100), date="2026-09-01", end="2026-12-01")
    spring, autumn = of(tmp_path)
    back = answers_to(autumn.kept, 0.1)
    assert back["customer_id"].isin(set(spring.ids)).sum() == 200
    assert refused(spring, [autumn], back) == (
        "the customers of back.csv are those of campaign autumn rather than of spring (by 100% and "
        "50% of all in file or list): `python stages/measure.py autumn`? If not, leave in the file "
        "the customers of spring only"
    )
    assert len(kept_answers(back, autumn, [spring], place="back.csv")) == 300
    # An export of the whole shop has every campaign, and fits none that well.
    shop = pd.DataFrame({"customer_id": [f"c{place:05d}" for place in range(700)], "drop": 1})
    for one, other in ((spring, autumn), (autumn, spring)):
        assert len(kept_answers(shop, one, [other], place="back.csv")) == 300


def test_answers_without_an_outcome_are_refused(ledger):
    spring, autumn = of(ledger)
    blank = answers_to(spring.kept, 0.1).assign(drop=float("nan"))
    assert "has no outcome of any customer of campaign spring" in refused(spring, [autumn], blank)


SPELLINGS = [
    lambda word: f" {word} ",
    lambda word: word.upper(),
    lambda word: word.replace("c0", "c"),
    lambda word: word.replace("c", "с"),  # the last is Cyrillic
    lambda word: f"{word[:1]}-{word[1:]}",
]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(SPELLINGS), st.integers(1, 300))
def test_ids_spelled_otherwise_meet_their_customer_or_are_refused(ledger, spelled, count):
    """Nobody's answer is passed over in silence since the CRM writes ids in another way."""
    spring, autumn = of(ledger)
    plain = answers_to(spring.kept, 0.1)
    odd = plain.copy()
    odd.loc[: count - 1, "customer_id"] = odd.loc[: count - 1, "customer_id"].map(spelled)
    odd["customer_id"] = clean_ids(odd["customer_id"])[0]
    expected = kept_answers(plain, spring, [autumn], place="back.csv")
    if set(odd["customer_id"]) == set(plain["customer_id"]):
        found = kept_answers(odd, spring, [autumn], place="back.csv")
        pd.testing.assert_frame_equal(found, expected)
    else:
        line = refused(spring, [autumn], odd)
        assert "alone, and whether they are one customer cannot be known" in line
