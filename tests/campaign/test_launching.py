"""A campaign is kept whole, as it is sent, once, and only if it may be sent."""

import hashlib
import json
import shutil

import pandas as pd
import pytest

from launch_shop import (
    SHA,
    details_of,
    export_consent,
    lay_shop,
    listed_rows,
    run_launch,
    set_params,
    suppress,
)
from parted import divide
from retention.core import paths
from retention.core.arms import in_global_control
from retention.core.errors import InputError
from retention.core.files import read_json, read_parquet, write_json, write_parquet
from retention.core.kept_campaigns import kept_campaigns
from retention.data.treated import read_campaigns

IDS = [str(number) for number in range(300100, 300112)]
ARMS = ["treatment", "control"] * 4
CODES = ["relevant_mailings"] * 4 + ["free_delivery"] * 2 + ["related_products"] * 2
FOLDER = paths.CAMPAIGNS / "2026-winter"
pytestmark = pytest.mark.usefixtures("shop")
KEPT = {
    "list.parquet",
    "global_control.parquet",
    "excluded.parquet",
    "offers.yaml",
    "params.yaml",
    "launch.json",
}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Eight customers on the list, one of the global control, three excluded."""
    monkeypatch.chdir(tmp_path)
    listed = listed_rows(IDS[:8], ARMS, CODES)
    apart = listed_rows(IDS[8:9], ["global_control"], ["relevant_mailings"])
    lay_shop(tmp_path, listed, apart=apart, excluded=IDS[9:])
    return tmp_path


def refused(monkeypatch, capsys, *options, **how):
    """The line in which the script ends, nothing kept."""
    there = sorted(paths.CAMPAIGNS.iterdir())
    with pytest.raises(SystemExit) as end:
        run_launch(monkeypatch, *options, **how)
    assert end.value.code == 1
    said = capsys.readouterr()
    assert not said.out
    assert said.err.count("\n") == 1
    assert sorted(paths.CAMPAIGNS.iterdir()) == there
    return said.err


def test_what_is_sent_is_kept_with_all_that_tells_of_it(shop, monkeypatch, capsys):
    run_launch(monkeypatch)
    assert {one.name for one in FOLDER.iterdir()} == KEPT
    assert [one.name for one in paths.CAMPAIGNS.iterdir()] == ["2026-winter"]
    listed = read_parquet(FOLDER / "list.parquet")
    before = read_parquet(paths.CAMPAIGN_LIST)
    pd.testing.assert_frame_equal(listed[list(before)], before)
    assert list(listed)[len(before.columns) :] == ["risk", "profit", "date", "horizon"]
    known = read_parquet(paths.CUSTOMERS).set_index("customer_id")
    assert listed["risk"].tolist() == known.loc[listed["customer_id"], "risk"].tolist()
    assert listed["profit"].tolist() == [0, 1.5, 3, 4.5, 6, 7.5, 9, 10.5]
    assert set(listed["date"]) == {"2026-12-01"}
    assert set(listed["horizon"]) == {3}
    apart = read_parquet(FOLDER / "global_control.parquet")
    assert list(apart) == list(listed)
    assert apart[["customer_id", "arm", "profit"]].values.tolist() == [
        ["300108", "global_control", 12.0]
    ]
    for name in ("offers.yaml", "params.yaml"):
        assert (FOLDER / name).read_bytes() == (shop / name).read_bytes()
    excluded = (FOLDER / "excluded.parquet").read_bytes()
    assert excluded == paths.CAMPAIGN_EXCLUDED.read_bytes()
    said = read_json(FOLDER / "launch.json")
    files = said.pop("files")
    assert set(files) == KEPT - {"launch.json"}
    digest = hashlib.sha256((FOLDER / "offers.yaml").read_bytes()).digest()
    assert files["offers.yaml"] == hashlib.sha256(digest).hexdigest()
    assert said == {
        "name": "2026-winter",
        "date": "2026-12-01",
        "valid_until": "2026-12-31",
        "end": "2027-03-01",
        "horizon": 3,
        "unit": "units of the profit export",
        "language": "ru",
        "control_share": 0.5,
        "seed": 1,
        "global_control": {"seed": 1, "share": 0.0},
        "customers": {
            "treatment": 4,
            "control": 4,
            "global_control": 1,
            "excluded": {"suppressed": 0, "not_eligible": 3},
        },
        "channels": {"in_cart": 1, "message": 2, "on_site": 1},
        "offers": {
            "free_delivery": {"treatment": 1, "control": 1, "effect": 0.06, "cost": 0.2},
            "related_products": {"treatment": 1, "control": 1, "effect": 0.03, "cost": 0.01},
            "relevant_mailings": {"treatment": 2, "control": 2, "effect": 0.05, "cost": 0.03},
        },
        "treatment_cost": 0.27,
        "treatment_expected_gain": 2.5,
        "detectable": 0.25,
        "model": SHA,
        "revision": None,
    }
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(
        "campaigns/2026-winter: 4 customers to be contacted, 4 left untouched"
    )
    assert told[1] == "dvc add campaigns/2026-winter"
    send = "data/campaign/send/"
    assert told[3] == f"to send: {send}in_cart.xlsx, {send}message.xlsx, {send}on_site.xlsx"
    assert not paths.OUTBOX.exists()


def test_what_was_kept_is_what_later_runs_read(monkeypatch):
    run_launch(monkeypatch)
    (kept,) = kept_campaigns(paths.CAMPAIGNS)
    assert kept.name == "2026-winter"
    (sent,) = read_campaigns(paths.CAMPAIGNS, pd.Series(IDS, dtype="str"))
    assert sent.listed["treatment"].tolist() == [True, False] * 4
    assert sent.listed.index.tolist() == IDS[:8]
    assert set(sent.listed["end"]) == {pd.Timestamp("2027-03-01")}


def test_a_list_in_parts_is_kept_in_parts(monkeypatch):
    run_launch(monkeypatch)
    whole = read_parquet(FOLDER / "list.parquet"), read_json(FOLDER / "launch.json")
    shutil.rmtree(FOLDER)
    for path in (
        *(paths.CAMPAIGN_LIST, paths.CAMPAIGN_GLOBAL, paths.CAMPAIGN_EXCLUDED, paths.CUSTOMERS),
        *(paths.FEATURES, paths.LEFT_OUT, paths.RISKS, paths.REASONS),
    ):
        divide(path, 3)
    run_launch(monkeypatch)
    parts = sorted((FOLDER / "list.parquet").iterdir())
    assert [one.name for one in parts][2] == "part-00002-of-00003.parquet"
    listed = read_parquet(FOLDER / "list.parquet").sort_values("customer_id", ignore_index=True)
    pd.testing.assert_frame_equal(listed, whole[0])
    said = read_json(FOLDER / "launch.json")
    assert said.pop("files") != whole[1].pop("files")
    assert said == whole[1]
    assert kept_campaigns(paths.CAMPAIGNS)


def test_a_launch_gives_the_same_bytes_again(monkeypatch):
    run_launch(monkeypatch)
    first = {one.name: one.read_bytes() for one in FOLDER.iterdir()}
    shutil.rmtree(FOLDER)
    run_launch(monkeypatch)
    assert {one.name: one.read_bytes() for one in FOLDER.iterdir()} == first


@pytest.mark.parametrize("left", ["folder", "pointer"])
def test_a_name_is_launched_once(left, monkeypatch, capsys):
    run_launch(monkeypatch)
    capsys.readouterr()
    if left == "pointer":
        shutil.rmtree(FOLDER)
        FOLDER.with_name("2026-winter.dvc").write_text("outs: []\n")
    found = refused(monkeypatch, capsys)
    assert found.startswith("error: campaigns/2026-winter is there already")
    assert "another campaign.name" in found
    assert "`--outbox 2026-winter` makes its addresses anew" in found


def test_a_rehearsal_is_not_launched(monkeypatch, capsys):
    details = read_json(paths.SEGMENT_DETAILS)
    write_json(details | {"rehearsal": {"drops": 3, "listed_drops": 1}}, paths.SEGMENT_DETAILS)
    assert "is a rehearsal" in refused(monkeypatch, capsys)


def test_a_list_of_nobody_is_not_launched(monkeypatch, capsys):
    listed = listed_rows(IDS[:2], ["control"] * 2, CODES[:2])
    excluded = read_parquet(paths.CAMPAIGN_EXCLUDED)
    write_parquet(listed, paths.CAMPAIGN_LIST)
    write_json(details_of(listed, excluded), paths.SEGMENT_DETAILS)
    found = refused(monkeypatch, capsys)
    assert "names nobody to be contacted; excluded: {'not_eligible': 3}" in found


@pytest.mark.parametrize(
    ("options", "params", "said"),
    [
        (
            (),
            {"date": "'2026-10-31'"},
            "campaign.date is 2026-10-31, before the data's day 2026-11-01",
        ),
        (("--as-of", "1.1.2027"), {}, "error: --as-of is '1.1.2027'; valid: a day as YYYY-MM-DD"),
        (("--as-of", "2027-01-01"), {}, "the offers were valid until 2026-12-31 and today is"),
        (
            ("--as-of", "2026-12-16"),
            {},
            "campaign.date is 2026-12-01 and today is 2026-12-16; valid: a start at most 14 days "
            "back, 2026-12-02 or later",
        ),
        (
            ("--as-of", "2027-10-01"),  # over already: later lists would not mind it
            {"valid_days": 365},
            "valid: a start at most 14 days back, 2027-09-17 or later",
        ),
    ],
)
def test_days_on_which_nothing_can_be_sent_are_refused(
    shop, options, params, said, monkeypatch, capsys
):
    set_params(shop, **params)
    assert said in refused(monkeypatch, capsys, *options)


@pytest.mark.parametrize("today", ["2026-12-01", "2026-12-15"])
def test_a_campaign_may_be_launched_a_few_days_past_its_start(today, monkeypatch):
    run_launch(monkeypatch, "--as-of", today)
    assert read_json(FOLDER / "launch.json")["date"] == "2026-12-01"


def test_an_empty_date_is_the_day_after_the_data(shop, monkeypatch):
    set_params(shop, date="")
    run_launch(monkeypatch, "--as-of", "2026-11-16")
    said = read_json(FOLDER / "launch.json")
    assert (said["date"], said["valid_until"], said["end"]) == (
        "2026-11-02",
        "2026-12-02",
        "2027-02-02",
    )


def test_inputs_that_moved_since_are_refused(monkeypatch, capsys):
    asked = []

    def stale(stages, *, with_deps):
        asked.append((list(stages), with_deps))
        raise InputError("what segment wrote is not of the params")

    assert "what segment wrote" in refused(monkeypatch, capsys, stale=stale)
    assert asked == [(["segment"], True)]


@pytest.mark.parametrize("spelled", ["300104", "300 104", '"=""300104"""', "300104.0"])
def test_who_is_suppressed_since_stops_the_launch(shop, spelled, monkeypatch, capsys):
    """On the site as well: who is suppressed is not contacted at all."""
    suppress(shop, [spelled])
    found = refused(monkeypatch, capsys)
    assert "customers to be contacted who are on the suppression list by now: 1;" in found
    assert "300" not in found.replace("300,", "")


def test_who_is_suppressed_and_left_untouched_anyway_stops_nothing(shop, monkeypatch):
    suppress(shop, [IDS[1], IDS[8], IDS[9]])
    run_launch(monkeypatch)
    assert FOLDER.is_dir()


@pytest.mark.parametrize("word", ["нет", "", "может быть", None])
def test_who_has_withdrawn_consent_since_stops_the_launch(shop, word, monkeypatch, capsys):
    told = dict.fromkeys(IDS, "да") | {IDS[2]: word}
    export_consent(shop, {one: said for one, said in told.items() if said is not None})
    found = refused(monkeypatch, capsys)
    assert "who are to get a message and have not agreed to messages by now: 1;" in found
    assert IDS[2] not in found


def test_consent_of_others_is_no_matter(shop, monkeypatch):
    """Of the control, and of whom the site itself shows the offer."""
    told = dict.fromkeys(IDS, "да") | dict.fromkeys([IDS[1], IDS[4], IDS[6]], "нет")
    export_consent(shop, told)
    run_launch(monkeypatch)
    assert FOLDER.is_dir()


def test_who_is_in_the_global_control_stops_the_launch(shop, monkeypatch, capsys):
    ids = pd.Series(IDS[:8], dtype="str")
    share = next(
        one / 100
        for one in range(100)
        if in_global_control(ids, seed=1, share=one / 100)[::2].any()
    )
    set_params(shop, global_control_share=share)
    assert "in the global control, whom no campaign contacts" in refused(monkeypatch, capsys)


@pytest.mark.parametrize("lacking", [paths.CAMPAIGN_GLOBAL, paths.CAMPAIGN_EXCLUDED])
def test_a_table_that_is_not_there_leaves_nothing_half_kept(lacking, monkeypatch, capsys):
    lacking.unlink()
    assert f"{lacking} is not there yet" in refused(monkeypatch, capsys)
    assert not list(paths.CAMPAIGNS.glob(".*"))


def test_tables_of_other_customers_or_another_list_are_refused(monkeypatch, capsys):
    customers = read_parquet(paths.CUSTOMERS)
    write_parquet(customers.iloc[1:], paths.CUSTOMERS)
    found = refused(monkeypatch, capsys)
    assert "data/segments/customers.parquet lacks customers of data/campaign/list.parquet" in found
    write_parquet(customers, paths.CUSTOMERS)
    details = read_json(paths.SEGMENT_DETAILS)
    write_json(details | {"treatment": 5}, paths.SEGMENT_DETAILS)
    assert "details.json is of another list" in refused(monkeypatch, capsys)


def test_what_a_killed_launch_left_is_no_campaign(monkeypatch):
    scratch = paths.CAMPAIGNS / ".2026-winter.partial"
    scratch.mkdir()
    (scratch / "list.parquet").write_bytes(b"half")
    assert kept_campaigns(paths.CAMPAIGNS) == []
    run_launch(monkeypatch)
    assert not scratch.exists()
    assert json.loads((FOLDER / "launch.json").read_text())["name"] == "2026-winter"
