"""What earlier campaigns forbid: whom nobody may touch again yet, and whom no campaign contacts."""

import datetime
import json
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dictionary import COLUMNS
from helpers import an_offer, project_params, random_shop
from kept_ledger import keep_campaign
from retention.campaign import by_parts
from retention.campaign.asking import ask, tell
from retention.campaign.earlier import read_earlier
from retention.campaign.plan import decide
from retention.campaign.relaunching import refuse_other_list
from retention.campaign.suppression import is_suppressed
from retention.campaign.wording import category_words
from retention.core import paths
from retention.core.arms import Arm, assigned, in_global_control
from retention.core.errors import InputError
from retention.core.files import write_parquet
from retention.core.months import months_after
from retention.core.params import Campaign
from retention.core.part_names import part_paths
from retention.data.id_forms import telling
from spelled import spellings

KNOWN = pd.Series([str(number) for number in range(300_000, 300_070) if number % 10], dtype="str")
TODAY = datetime.date(2026, 12, 1)
ARMS = {"300001": "treatment", "300002": "control", "300003": "treatment"}
HALF = {"seed": 7, "share": 0.5}


def campaign_of(**changes):
    usual = {"name": "now", "date": TODAY, "rest_days": 30, "seed": 3, "control_share": 0.5}
    return Campaign(**(project_params()["campaign"] | usual | changes))


def earlier(folder, *, horizon=3, **changes):
    return read_earlier(
        folder, campaign_of(**changes), lambda ids: telling(KNOWN, ids), horizon=horizon
    )


def refusal(folder, **changes):
    with pytest.raises(InputError) as told:
        earlier(folder, **changes)
    return str(told.value)


@pytest.mark.parametrize(
    ("date", "horizon", "in_campaign", "resting"),
    [
        ("2026-09-02", 3, ARMS, []),  # its last day is that of the start
        ("2026-09-01", 3, [], ["300001", "300003"]),  # over on the day of the start
        ("2026-08-02", 3, [], ["300001", "300003"]),  # over since 2 November: the 29th day of rest
        ("2026-08-01", 3, [], []),  # over since 1 November, rested
        ("2027-02-28", 1, ARMS, []),  # begins before this one's outcome is known
        ("2027-03-01", 1, [], []),  # begins when it is
        ("2026-11-30", 12, ARMS, []),
    ],
)
@pytest.mark.parametrize("launched", [True, False])
@pytest.mark.parametrize("parts", [1, 2])
def test_both_arms_of_a_running_campaign_and_the_treated_of_one_that_is_over(
    tmp_path, date, horizon, in_campaign, resting, launched, parts
):
    how = {"date": date, "horizon": horizon, "launched": launched, "parts": parts}
    keep_campaign(tmp_path, "autumn", ARMS, **how)
    found = earlier(tmp_path)
    assert sorted(found.in_campaign) == sorted(in_campaign)
    assert sorted(found.resting) == resting
    assert len(found.lines) == bool(in_campaign or resting)


def test_days_of_rest_are_those_of_params_and_may_be_none(tmp_path):
    keep_campaign(tmp_path, "summer", ARMS, date="2026-08-01")
    assert len(earlier(tmp_path, rest_days=31).resting) == 2
    keep_campaign(tmp_path, "autumn", ARMS, date="2026-09-01")
    assert len(earlier(tmp_path, rest_days=0).resting) == 0
    assert len(earlier(tmp_path, rest_days=1).resting) == 2


def test_a_longer_horizon_of_this_campaign_meets_one_that_begins_later(tmp_path):
    keep_campaign(tmp_path, "later", ARMS, date="2027-03-01")
    assert earlier(tmp_path, horizon=3).in_campaign.empty
    assert len(earlier(tmp_path, horizon=4).in_campaign) == 3


OWN = {"date": "2026-12-01", "seed": 3, "control_share": 0.5}
"""The terms of the present campaign."""


def test_the_campaign_of_this_name_does_not_count_against_itself(tmp_path):
    keep_campaign(tmp_path, "now", ARMS, **OWN)
    found = earlier(tmp_path)
    assert (len(found.in_campaign), len(found.resting), found.lines) == (0, 0, [])
    assert len(earlier(tmp_path, name="other").in_campaign) == 3


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("date", datetime.date(2026, 12, 2), "date 2026-12-01, now params.yaml: campaign.date"),
        ("seed", 4, "seed 3, now params.yaml: campaign.seed gives 4"),
        ("control_share", 0.4, "control_share 0.5, now params.yaml: campaign.control_share"),
    ],
)
@pytest.mark.parametrize("parts", [1, 3])
def test_another_list_under_the_name_of_a_launched_campaign_is_refused(
    tmp_path, key, value, said, parts
):
    """It would contact the control of a campaign that runs."""
    keep_campaign(tmp_path, "now", ARMS, parts=parts, **OWN)
    found = refusal(tmp_path, **{key: value})
    assert found.startswith(f"now was launched with {said}")
    assert found.endswith("; valid: another campaign.name")
    assert len(earlier(tmp_path, name="other", **{key: value}).in_campaign) == 3


@pytest.mark.parametrize("parts", [1, 3])
def test_of_a_list_that_was_sent_by_hand_the_day_is_known(tmp_path, parts):
    keep_campaign(tmp_path, "now", ARMS, date="2026-12-01", launched=False, parts=parts)
    assert earlier(tmp_path, seed=8).lines == []
    assert "now was launched with date 2026-12-01" in refusal(
        tmp_path, date=datetime.date(2026, 12, 2)
    )


@pytest.fixture
def lists(tmp_path, monkeypatch):
    """A campaign that was launched, and what writes the list of a run after it."""
    monkeypatch.chdir(tmp_path)

    def made(arms, *, parts):
        table = pd.DataFrame({"customer_id": list(arms), "arm": list(arms.values())}, dtype="str")
        for number, place in enumerate(part_paths(paths.CAMPAIGN_LIST, parts)):
            write_parquet(table[number::parts], place)

    return made


@pytest.mark.parametrize("parts", [1, 2])
def test_a_list_contacts_nobody_whom_the_launched_one_of_its_name_did_not(lists, parts):
    keep_campaign(paths.CAMPAIGNS, "now", ARMS, parts=parts, **OWN)
    for fine in (ARMS, {"300003": "treatment"}, ARMS | {"300004": "control"}):
        lists(fine, parts=parts)
        refuse_other_list("now")
    for other in ({"300002": "treatment"}, ARMS | {"300004": "treatment"}):
        lists(other, parts=parts)
        refuse_other_list("other")  # of another name: read_earlier has kept it apart
        with pytest.raises(InputError) as told:
            refuse_other_list("now")
        assert str(told.value) == (
            "now was launched already with another list; valid: another campaign.name"
        )


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("rehearsal", [True, False])
def test_nothing_is_left_of_another_list_of_a_launched_name(
    lists, parts, rehearsal, monkeypatch, tmp_path
):
    keep_campaign(paths.CAMPAIGNS, "now", ARMS, **OWN)
    written = []

    def write(*_, **__):
        lists({"300002": "treatment"}, parts=parts)
        paths.CAMPAIGN_LIST.with_suffix(".csv").touch()
        written.append(paths.CAMPAIGN_LIST.exists())
        return []

    monkeypatch.setattr(by_parts, "map_parts", write)
    monkeypatch.setattr(by_parts, "join_rows", lambda *_, **__: None)
    paths.CAMPAIGN_SEND.mkdir(parents=True)
    (paths.CAMPAIGN_SEND / "message.xlsx").touch()
    audience = by_parts.PartsOfAudience([], [], {}, rehearsal, [], campaign_of(), 1)
    decision = SimpleNamespace(choices=[], gates=[])
    if rehearsal:  # nothing is sent by it
        audience.write(decision, columns=COLUMNS)
        assert paths.CAMPAIGN_LIST.exists()
        return
    with pytest.raises(InputError, match="launched already with another list"):
        audience.write(decision, columns=COLUMNS)
    assert written == [True]
    assert list((tmp_path / "data").rglob("*.*")) == []


def test_a_campaign_runs_while_its_offers_are_valid(tmp_path):
    """Though its outcome is known before."""
    keep_campaign(tmp_path, "long", ARMS, date="2026-06-01", horizon=1, valid_days=182)
    assert earlier(tmp_path).in_campaign.empty  # 30 November was the last day
    assert sorted(earlier(tmp_path).resting) == ["300001", "300003"]
    keep_campaign(tmp_path, "long", ARMS, date="2026-06-01", horizon=1, valid_days=183)
    found = earlier(tmp_path)
    assert (sorted(found.in_campaign), len(found.resting)) == (sorted(ARMS), 0)
    assert found.lines == [
        "campaign long runs until 2026-12-02: its 3 customers are kept from this one"
    ]


def test_no_campaign_at_all(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        found = earlier(folder)
        assert (len(found.in_campaign), len(found.resting), found.lines) == (0, 0, [])


def test_what_is_said(tmp_path):
    keep_campaign(tmp_path, "autumn", ARMS, date="2026-10-15")
    keep_campaign(tmp_path, "summer", ARMS, date="2026-08-15")
    assert earlier(tmp_path).lines == [
        "campaign autumn runs until 2027-01-15: its 3 customers are kept from this one",
        "campaign summer is over: 2 customers whom it treated rest until 2026-12-15",
    ]


def test_members_of_the_global_control_pass_gates_as_if_they_had_been_on_the_list(tmp_path):
    """Else those recorded would be of another kind than those on the list."""
    group = [one for one in KNOWN if in_global_control(pd.Series([one]), **HALF)[0]]
    arms = dict(zip(group, assigned(pd.Series(group), seed=5, share=0.3), strict=True))
    assert {Arm.TREATMENT, Arm.CONTROL} == set(arms.values())
    how = {"members": group, "seed": 5, "control_share": 0.3, "global_control": HALF}
    params = {"global_seed": 7, "global_control_share": 0.5}
    keep_campaign(tmp_path, "summer", ARMS, date="2026-08-15", **how)
    found = earlier(tmp_path, **params)
    would = {one for one in group if arms[one] == Arm.TREATMENT}
    assert set(found.resting) == {"300001", "300003"} | would
    keep_campaign(tmp_path, "summer", ARMS, date="2026-10-15", **how)
    assert set(earlier(tmp_path, **params).in_campaign) == {*ARMS, *group}


def test_params_that_would_contact_the_global_control_are_refused(tmp_path):
    keep_campaign(tmp_path, "autumn", ARMS, date="2020-01-01", global_control=HALF)
    how = {"global_seed": 7, "global_control_share": 0.5}
    assert earlier(tmp_path, **how).lines == []
    assert earlier(tmp_path, **how | {"global_control_share": 0.6}).lines == []
    assert refusal(tmp_path, **how | {"global_seed": 8}) == (
        "params.yaml: campaign.global_seed is 8, but campaign autumn was sent with 7; valid: 7, as "
        "another one contacts the global control group"
    )
    less = how | {"global_control_share": 0.49}
    assert refusal(tmp_path, **less) == (
        "params.yaml: campaign.global_control_share is 0.49, but campaign autumn was sent with "
        "0.5; valid: 0.5 or more, as less contacts the global control group"
    )
    # The campaign of this name counts here: whom it left alone is to be left alone.
    assert "was sent with 0.5" in refusal(tmp_path, name="autumn", **less)


def test_without_a_global_control_any_seed_will_do(tmp_path):
    keep_campaign(tmp_path, "autumn", ARMS, date="2020-01-01")
    assert earlier(tmp_path, global_seed=9).lines == []


def test_members_whom_the_params_would_contact_are_refused_whatever_the_launch_tells(tmp_path):
    outside = [one for one in KNOWN if not in_global_control(pd.Series([one]), **HALF)[0]]
    how = {"members": outside[:2], "global_control": HALF}
    keep_campaign(tmp_path, "autumn", ARMS, date="2020-01-01", **how)
    said = refusal(tmp_path, global_seed=7, global_control_share=0.5)
    assert "global_control.parquet holds 2 customers whom campaign.global_seed" in said


@pytest.mark.parametrize("told", [{}, {"seed": 1}, {"seed": 7, "share": 0.1}, {"share": True}])
def test_a_launch_that_tells_of_another_global_control_is_refused(tmp_path, told):
    kept = keep_campaign(tmp_path, "autumn", ARMS, date="2020-01-01")
    said = json.loads(kept.launch.read_text())
    kept.launch.write_text(json.dumps(said | {"global_control": told}))
    assert f"launch.json: global_control is {told}, but by params.yaml it is " in refusal(tmp_path)


@pytest.mark.parametrize("key", ["seed", "control_share", "valid_until"])
def test_a_launch_that_lacks_a_term_is_refused_in_one_line(tmp_path, key):
    kept = keep_campaign(tmp_path, "autumn", ARMS, date="2020-01-01")
    said = json.loads(kept.launch.read_text())
    del said[key]
    kept.launch.write_text(json.dumps(said))
    assert f"launch.json is of another version, it has no {key}" in refusal(tmp_path)


def test_a_global_control_that_the_launch_does_not_tell_of_is_refused(tmp_path):
    keep_campaign(tmp_path, "autumn", ARMS, date="2020-01-01", members=["300004"])
    assert "the share of global_control is 0, but global_control.parquet holds 1" in refusal(
        tmp_path
    )


def test_a_launch_that_was_edited_frees_nobody(tmp_path):
    """By another seed the params of today would contact the global control."""
    kept = keep_campaign(tmp_path, "autumn", ARMS, date="2026-10-15", global_control=HALF)
    text = kept.launch.read_text()
    kept.launch.write_text(text.replace('"seed": 7', '"seed": 8'))
    assert "global_control is {'seed': 8, 'share': 0.5}, but by params" in refusal(
        tmp_path, global_seed=8, global_control_share=0.5
    )
    kept.launch.write_text(text.replace("2027-01-15", "2026-11-01"))
    assert "launch.json: end is '2026-11-01', but by list.parquet it is '2027-01-15'" in refusal(
        tmp_path
    )
    kept.launch.unlink()
    assert "launch.json is missing" in refusal(tmp_path, global_seed=8)


def test_a_list_of_another_shop_or_in_other_spellings_is_refused_while_it_matters(tmp_path):
    keep_campaign(tmp_path, "autumn", {"9001": "treatment"}, date="2026-10-15")
    assert "lists 1 customers, none of them in the exports" in refusal(tmp_path)
    keep_campaign(tmp_path, "autumn", {"0300001": "treatment"}, date="2026-10-15")
    assert "has the id '0300001', the export has '300001'" in refusal(tmp_path)
    keep_campaign(tmp_path, "autumn", {"9001": "treatment"}, date="2020-10-15")
    assert earlier(tmp_path).lines == []


def test_exports_that_spell_ids_otherwise_are_refused_whenever_it_was_launched(tmp_path):
    """By other spellings the lot would draw another global control."""
    respelled = {"0300001": "treatment"}
    keep_campaign(tmp_path, "autumn", respelled, date="2020-10-15", launched=False)
    assert earlier(tmp_path).lines == []
    keep_campaign(tmp_path, "autumn", respelled, date="2020-10-15")
    found = refusal(tmp_path)
    assert "autumn/list.parquet has the id '0300001', the export has '300001'" in found
    group = [f"0{one}" for one in KNOWN]
    group = [one for one in group if in_global_control(pd.Series([one]), **HALF)[0]]
    how = {"members": group[:3], "global_control": HALF, "date": "2020-10-15"}
    keep_campaign(tmp_path, "autumn", {"9001": "treatment"}, **how)
    found = refusal(tmp_path, global_seed=7, global_control_share=0.5)
    assert "autumn/global_control.parquet has the id '0300" in found


# Any ledger, in any spelling

OFFERS = [
    an_offer("letter", channel="message", effect=0.3),
    an_offer("banner", when="promo_share >= 0.5", cost=0.4, stock=12, effect=0.3),
]
SHOP = random_shop(len(KNOWN), seed=1).assign(customer_id=KNOWN, contacts_now=0.0, profit=4.0)
SHOP = SHOP.assign(
    risk=np.random.default_rng(1).uniform(0.2, 1, len(KNOWN)), segment="rest", reasons="",
    reason_1=None, reason_2=None, reason_3=None,
)  # fmt: skip
CONSENTS = set(SHOP.loc[SHOP["consent"] == "yes", "customer_id"])
ODD = st.sampled_from([0, 2])
few = st.sets(st.integers(0, len(KNOWN) - 1), min_size=1, max_size=25)
seen = {"planned": 0, "refused": 0, "kept out": 0, "recorded": 0}


@st.composite
def campaigns(draw, name):
    """A campaign that was sent, its ids in some spelling; and its customers by their true ids."""
    places = sorted(draw(few))
    ids = KNOWN.iloc[places].reset_index(drop=True)
    arms = assigned(ids, seed=draw(st.integers(0, 3)), share=draw(st.sampled_from([0, 0.5])))
    written = list(ids)
    for place in draw(st.sets(st.integers(0, len(ids) - 1), max_size=draw(ODD))):
        written[place] = draw(spellings(written[place]))
    first = TODAY + datetime.timedelta(days=draw(st.integers(-200, 120)))
    horizon = draw(st.integers(1, 4))
    how = {"date": first.isoformat(), "horizon": horizon, "launched": draw(st.booleans())}
    how["valid_days"] = draw(st.sampled_from([30, 150]))
    if name == "now":
        how |= OWN
    how["parts"] = draw(st.sampled_from([1, 1, 3]))
    return name, dict(zip(written, arms, strict=True)), how, dict(zip(ids, arms, strict=True))


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    sent=st.tuples(*(campaigns(name) for name in ("a", "b", "now"))),
    never=few,
    share=st.sampled_from([0, 0.1, 0.4]),
    budget=st.sampled_from([None, 2.0]),
    rest_days=st.sampled_from([0, 30]),
)
def check_any_ledger(sent, never, share, budget, rest_days):
    params = {"global_control_share": share, "budget": budget, "rest_days": rest_days}
    campaign = campaign_of(**params)
    folder = Path(tempfile.mkdtemp())
    try:
        for name, written, how, _ in sent:
            keep_campaign(folder, name, written, **how)
        found = earlier(folder, **params)
    except InputError:
        seen["refused"] += 1
        return
    finally:
        shutil.rmtree(folder)
    never = set(KNOWN.iloc[sorted(never)])
    stops = {"suppressed": never, "in_campaign": found.in_campaign, "resting": found.resting}
    stops = {gate: is_suppressed(SHOP["customer_id"], ids) for gate, ids in stops.items()}
    words = category_words(SHOP, {})
    asked = ask(SHOP, OFFERS, words, stops, campaign=campaign)
    decision = decide([asked], OFFERS, campaign=campaign)
    listed, recorded, excluded = tell(
        SHOP, decision.choices[0], decision.gates[0], OFFERS, words,
        columns=COLUMNS, campaign=campaign,
    )  # fmt: skip
    gates = dict(zip(excluded["customer_id"], excluded["gate"], strict=True))
    untouched = {*listed["customer_id"], *recorded["customer_id"]}
    after = months_after(TODAY, 3)
    for _, _, how, arms in sent[:2]:
        first = datetime.date.fromisoformat(how["date"])
        end = months_after(first, how["horizon"])
        if how["launched"]:
            end = max(end, first + datetime.timedelta(days=how["valid_days"] + 1))
        rests = datetime.timedelta(days=rest_days)
        for one, arm in arms.items():
            runs = first < after and end > TODAY
            if runs or (arm == "treatment" and end <= TODAY < end + rests):
                seen["kept out"] += 1
                assert one not in untouched
                assert gates[one] in ("suppressed", "in_campaign") or not runs
                assert gates[one] in ("suppressed", "in_campaign", "resting")
    group = set(KNOWN[in_global_control(KNOWN, seed=campaign.global_seed, share=share)])
    assert not group & set(listed["customer_id"])
    assert set(recorded["customer_id"]) <= group
    assert not never & untouched
    assert set(listed.loc[listed["channel"] == "message", "customer_id"]) <= CONSENTS
    totals = decision.totals
    counted = [totals["treatment"], totals["control"], totals["global_control"]]
    assert sum(counted) + sum(totals["excluded"].values()) == len(KNOWN)
    assert counted[:2] == [(listed["arm"] == arm).sum() for arm in Arm]
    assert (len(recorded), len(excluded)) == (counted[2], sum(totals["excluded"].values()))
    treated = listed[listed["arm"] == "treatment"]
    assert (treated["offer"] == "banner").sum() <= 12
    assert budget is None or treated["cost"].sum() <= budget + 1e-9
    seen["planned"] += 1
    seen["recorded"] += len(recorded)


def test_nobody_whom_any_ledger_keeps_out_is_on_a_list():
    check_any_ledger()
    assert seen["planned"] + seen["refused"] >= 400
    assert seen["planned"] > 150  # or refusing everything would pass
    assert min(seen.values()) > 50


def test_a_repro_after_the_launch_gives_the_same_list(tmp_path):
    """Those of the present campaign's own list are no strangers to it."""
    campaign = campaign_of(global_control_share=0.2)
    words = category_words(SHOP, {})

    def planned():
        found = earlier(tmp_path, global_control_share=0.2)
        stops = {"suppressed": [], "in_campaign": found.in_campaign, "resting": found.resting}
        stops = {gate: is_suppressed(SHOP["customer_id"], ids) for gate, ids in stops.items()}
        asked = ask(SHOP, OFFERS, words, stops, campaign=campaign)
        found = decide([asked], OFFERS, campaign=campaign)
        return tell(
            SHOP, found.choices[0], found.gates[0], OFFERS, words,
            columns=COLUMNS, campaign=campaign,
        )  # fmt: skip

    listed, recorded, _ = planned()
    assert min(len(listed), len(recorded)) > 3
    arms = dict(zip(listed["customer_id"], listed["arm"], strict=True))
    how = {"global_control": {"seed": 1, "share": 0.2}}
    keep_campaign(tmp_path, "now", arms, members=list(recorded["customer_id"]), **OWN | how)
    again, others, _ = planned()
    pd.testing.assert_frame_equal(again, listed)
    pd.testing.assert_frame_equal(others, recorded)
