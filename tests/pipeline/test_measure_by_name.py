"""Launched campaigns measured by name, as a person would at the prompt."""

import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

import answer
import measure
from project import FIXTURES, lay_fixtures
from retention.core.kept_campaigns import KeptCampaign
from retention.core.part_names import part_files
from sent_campaigns import EFFECTS, UNIT, answers_to, customers, launch

pytestmark = pytest.mark.slow
OFFERS = """- code: cart  # the best
  effect: 0.10
- code: mail
  effect: 0.05
"""
POWER = {"treatment": 260, "control": 240, "mean_risk": 0.65, "detectable": 0.18}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A shop of two campaigns that are over and one whose outcome is awaited, with the answers."""
    folder = tmp_path_factory.mktemp("shop")
    lay_fixtures(folder)
    (folder / "offers.yaml").write_text(OFFERS, encoding="utf-8")
    (folder / "data/segments").mkdir(parents=True)
    details = {"power": {"pooled": POWER}}
    (folder / "data/segments/details.json").write_text(json.dumps(details), encoding="utf-8")
    days = {"one": ("2026-03-01", "2026-06-01"), "two": ("2026-07-01", "2026-10-01")}
    days["three"] = ("2026-10-15", "2027-01-15")
    effect = {"cart": 0.4, "mail": 0.0}
    for number, (name, (date, end)) in enumerate(days.items()):
        table = customers(1500, first=3000 * number, seed=number)
        kept = launch(folder / "campaigns", name, table, date=date, end=end, seed=number)
        extra = ("revenue", "profit") if name != "two" else ()
        back = answers_to(kept, effect, seed=10 + number, extra=extra)
        back.to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture
def shop(made, tmp_path, monkeypatch):
    """A copy of it to write in."""
    monkeypatch.chdir(shutil.copytree(made, tmp_path / "shop"))
    return tmp_path / "shop"


@pytest.fixture
def told(shop, monkeypatch, capsys):
    """Measure in the shop and return what was printed, or the one line of error."""

    def tell(*arguments, fails=False):
        monkeypatch.chdir(shop)
        monkeypatch.setattr(sys, "argv", ["measure.py", *map(str, arguments)])
        if not fails:
            measure.main()
            return capsys.readouterr().out
        with pytest.raises(SystemExit) as stopped:
            measure.main()
        shown = capsys.readouterr()
        assert (stopped.value.code, shown.out) == (1, "")
        (line,) = shown.err.splitlines()
        return line.removeprefix("error: ")

    return tell


def by_name(told, name, *more, **how):
    return told(name, "--responses", f"{name}.csv", "--as-of", "2026-10-01", *more, **how)


def programme(shop):
    return json.loads((shop / "campaigns/programme.json").read_text(encoding="utf-8"))


def files_of(shop):
    return {
        str(path.relative_to(shop)): path.read_bytes()
        for path in sorted(shop.rglob("*"))
        if path.is_file()
    }


def test_two_campaigns_find_what_was_planted(shop, told):
    first = by_name(told, "one")
    assert "To keep the answers: `dvc add campaigns/one && git add campaigns/programme" in first
    one = programme(shop)
    out = by_name(told, "two")
    assert "| one | 2026-03-01 |" in out
    found = programme(shop)
    assert [row["name"] for row in found["campaigns"]] == ["one", "two"]
    pooled = found["pooled"]
    assert pooled["all"]["campaigns"] == 2
    assert pooled["offers"]["cart"]["low"] < 0.4 < pooled["offers"]["cart"]["high"]
    assert pooled["offers"]["mail"]["low"] < 0.0 < pooled["offers"]["mail"]["high"]
    assert pooled["channels"]["in_cart"] == {
        key: value for key, value in pooled["offers"]["cart"].items() if key != "in_catalogue"
    }
    assert set(pooled["segments"]) == {"full_carts", "promo", "rest"}
    widths = [
        so_far["high"] - so_far["low"]
        for so_far in (one["pooled"]["all"]["so_far"], pooled["all"]["so_far"])
    ]
    assert widths[1] < 0.8 * widths[0]
    # The first has revenue and profit, the second has not.
    assert pooled["all"]["revenue"]["campaigns"] == 1
    assert pooled["all"]["profit"]["low"] < 1 < pooled["all"]["profit"]["high"]
    assert found["campaigns"][1]["revenue"] is None
    rows = [pd.read_parquet(shop / f"campaigns/{name}/list.parquet") for name in ("one", "two")]
    stake = [table["profit"] * 3 * 0.5 * table["risk"] * 0.4 for table in rows]
    true = sum(
        (lost * (table["offer"] == "cart")).mean() * (table["arm"] == "treatment").sum()
        for lost, table in zip(stake, rows, strict=True)
    )
    money = found["money"]
    assert money["low"] < true < money["high"]
    treated = sum((table["arm"] == "treatment").sum() for table in rows)
    assert money["cost"] == pytest.approx(0.1 * treated)
    assert (money["verdict"], found["unit"]) == ("paid", UNIT)


def test_programme_against_the_global_control(shop, told):
    by_name(told, "one")
    by_name(told, "two")
    found = programme(shop)["programme"]
    listed = [len(pd.read_parquet(shop / f"campaigns/{n}/list.parquet")) for n in ("one", "two")]
    assert [row["listed"] for row in found["campaigns"]] == listed
    assert found["listed"]["global_control"] == 3000 - sum(listed)
    assert found["treatment"]["low"] < 0.2 < found["treatment"]["high"]
    assert found["listed"]["low"] < 0.1 < found["listed"]["high"]
    assert found["money"]["cost"] == programme(shop)["money"]["cost"]
    assert found["treatment"]["verdict"] == "fewer"


def test_next_campaign_is_surer_with_the_others(shop, told):
    by_name(told, "one")
    found = programme(shop)["next"]
    assert (found["customers"], found["alone"]) == (500, 0.18)
    assert found["pooled"] < 0.1
    details = shop / "data/segments/details.json"
    content = json.loads(details.read_text("utf-8"))
    # Three is launched and not measured yet; the list of one is no next campaign.
    for name, is_next in (("three", True), ("one", False)):
        details.write_text(json.dumps(content | {"name": name}), encoding="utf-8")
        assert ("## The next campaign" in by_name(told, "one")) == is_next
        assert programme(shop)["next"] == (found if is_next else None)
    details.unlink()
    by_name(told, "one")
    assert programme(shop)["next"] is None


def test_customers_beside_an_effect_are_those_in_it(shop, told):
    """Of an offer that the second campaign made to a handful, the first alone tells."""
    by_name(told, "one")
    alone = programme(shop)["pooled"]["offers"]
    shutil.rmtree(shop / "campaigns/two")
    table = customers(1500, first=3000, seed=1)
    few = (table["offer"] == "mail").to_numpy().cumsum() > 30
    table.loc[few & (table["offer"] == "mail"), ["offer", "channel"]] = ["cart", "in_cart"]
    days = {"date": "2026-07-01", "end": "2026-10-01"}
    launch(shop / "campaigns", "two", table, **days, seed=1)
    answers_to(KeptCampaign(shop / "campaigns/two"), 0.2, seed=11).to_csv("two.csv", index=False)
    out = by_name(told, "two")
    found = programme(shop)["pooled"]["offers"]
    assert (found["mail"]["campaigns"], found["mail"]["too_small"]) == (1, ["two"])
    for arm in ("treatment", "control"):
        assert found["mail"][arm] == alone["mail"][arm]
        assert found["cart"][arm] > alone["cart"][arm]
    assert found["cart"]["too_small"] == []
    # The channel of that offer is as small.
    small = "offer mail in two; channel message in two"
    assert f"Not counted, as fewer than 15 an arm have an outcome: {small}." in out


@pytest.mark.usefixtures("shop")
def test_too_few_members_are_counted_beside_what_is_needed(told):
    table = pd.read_csv("one.csv", dtype={"customer_id": str})
    members = pd.read_parquet("campaigns/one/global_control.parquet")["customer_id"]
    table[~table["customer_id"].isin(members[7:])].to_csv("one.csv", index=False)
    assert (
        "Of the treated it cannot be told: 7 answers in one of the global control; needed are 15 "
        "in a campaign, and 30 over all campaigns."
    ) in by_name(told, "one")


def test_catalogue_learns_from_all_and_counts_no_answer_twice(shop, told):
    """The second list assumes what the first found: that is no second finding."""
    by_name(told, "one")
    path = shop / "data/measured/offers_measured.yaml"
    alone = {offer["code"]: offer["effect"] for offer in yaml.safe_load(path.read_text("utf-8"))}
    assert 0.25 < alone["cart"] < 0.5
    by_name(told, "two")
    both = path.read_bytes()
    kept = KeptCampaign(shop / "campaigns/two")
    table = pd.read_parquet(kept.listed)
    again = customers(1500, first=3000, seed=1)
    again["assumed_effect"] = again["offer"].map(alone)
    shutil.rmtree(kept.folder)
    launch(shop / "campaigns", "two", again, date="2026-07-01", end="2026-10-01", seed=1)
    pd.testing.assert_series_equal(pd.read_parquet(kept.listed)["arm"], table["arm"])
    by_name(told, "two")
    assert path.read_bytes() == both
    assert b"was 0.1\n" in both


def test_same_answers_twice_change_nothing(shop, told):
    first = by_name(told, "one")
    before = files_of(shop)
    shuffled = pd.read_csv("one.csv", dtype=str).sample(frac=1, random_state=1)
    shuffled.to_csv("one.csv", index=False)
    again = by_name(told, "one")
    assert "The same answers as before: nothing changes in campaign one." in again
    after = files_of(shop)
    for name in ("answers.parquet", "measured.json"):
        assert after[f"campaigns/one/{name}"] == before[f"campaigns/one/{name}"]
    assert after["campaigns/programme.json"] == before["campaigns/programme.json"]
    assert first.rpartition("\n\n")[0] == again.rpartition("\n\n")[0]


def test_other_answers_are_refused_unless_they_are_to_replace(shop, told):
    by_name(told, "one")
    table = pd.read_csv("one.csv", dtype={"customer_id": str})
    table.loc[:9, "drop"] = 1 - table.loc[:9, "drop"]
    table[:-5].to_csv("one.csv", index=False)
    before = files_of(shop)
    line = by_name(told, "one", fails=True)
    assert line == (
        "campaigns/one/answers.parquet holds other answers, of 1500 customers; these are of 1495: "
        "--replace puts them in their place"
    )
    assert files_of(shop) == before
    by_name(told, "one", "--replace")
    assert len(pd.read_parquet("campaigns/one/answers.parquet")) == 1495
    assert programme(shop)["campaigns"][0]["answered"] != {}


@pytest.mark.parametrize("lost", ["answers.parquet", "measured.json"])
def test_half_of_what_was_measured_is_refused_and_named(shop, told, lost):
    """The campaign would leave the programme, or other answers take the place of its own."""
    by_name(told, "one")
    measured = programme(shop)
    (shop / "campaigns/one" / lost).unlink()
    before = files_of(shop)
    line = (
        f"campaigns/one/{lost} is missing, though one was measured; `git checkout HEAD -- "
        "campaigns/one.dvc && dvc checkout --force campaigns/one.dvc` brings it back, or "
        "measure one with --replace"
    )
    assert by_name(told, "two", fails=True) == line
    table = pd.read_csv("one.csv", dtype={"customer_id": str})
    table[:-5].to_csv("less.csv", index=False)
    how = ("one", "--responses", "less.csv", "--as-of", "2026-10-01")
    other = told(*how, fails=True)
    if lost == "answers.parquet":
        assert other == line
    else:
        assert other.startswith("campaigns/one/answers.parquet holds other answers, of 1500 cust")
    (shop / "less.csv").unlink()
    assert files_of(shop) == before
    by_name(told, "one", *(["--replace"] if lost == "answers.parquet" else []))
    assert (shop / "campaigns/one" / lost).is_file()
    assert programme(shop) == measured


def test_too_early_and_edited_entries_are_refused(shop, told):
    line = by_name(told, "three", fails=True)
    assert line.startswith(
        "the outcome of three is known from 2027-01-15 on, the day is 2026-10-01"
    )
    line = told("one", "--responses", "one.csv", "--as-of", "soon", fails=True)
    assert line == "--as-of is 'soon'; valid: a day as YYYY-MM-DD"
    by_name(told, "one")
    answers = pd.read_parquet("campaigns/one/answers.parquet")
    answers.assign(drop=0.0).to_parquet("campaigns/one/answers.parquet", index=False)
    line = by_name(told, "two", fails=True)
    assert line.startswith("campaigns/one/answers.parquet was edited since it was measured; `git ")
    table = pd.read_parquet("campaigns/two/list.parquet")
    table.assign(arm="treatment").to_parquet("campaigns/two/list.parquet", index=False)
    line = by_name(told, "two", fails=True)
    assert line.startswith("campaigns/two/list.parquet was edited since it was launched; ")
    assert not (shop / "campaigns/two/answers.parquet").exists()


def test_offer_that_the_catalogue_no_longer_has_stands_under_its_own_code(shop, told):
    (shop / "offers.yaml").write_text(OFFERS.replace("mail", "letter"), encoding="utf-8")
    out = by_name(told, "one")
    assert "offers.yaml has no mail any more" in out
    found = programme(shop)
    assert set(found["pooled"]["offers"]) == set(EFFECTS)
    assert not found["pooled"]["offers"]["mail"]["in_catalogue"]
    assert found["pooled"]["offers"]["cart"]["in_catalogue"]
    text = (shop / "data/measured/offers_measured.yaml").read_text(encoding="utf-8")
    assert "- code: letter\n  effect: 0.05\n" in text


def test_campaign_without_control_tells_by_the_global_control_alone(shop, told):
    shutil.rmtree(shop / "campaigns/two")
    table = customers(1500, first=3000, seed=1)
    days = {"date": "2026-07-01", "end": "2026-10-01"}
    launch(shop / "campaigns", "two", table, **days, control_share=0.0, unit="roubles")
    back = answers_to(KeptCampaign(shop / "campaigns/two"), 0.4, seed=7)
    back.to_csv("two.csv", index=False)
    by_name(told, "one")
    out = by_name(told, "two")
    assert "Left out: two, all of the list are of one arm; without the other nothing can be " in out
    found = programme(shop)
    assert [row["left_out"] for row in found["campaigns"]] == [None, "one_arm"]
    assert found["pooled"]["all"]["campaigns"] == 1
    assert found["programme"]["treatment"]["campaigns"] == 2
    assert found["programme"]["campaigns"][1]["left_out"] is None
    # Money of two units is not added up.
    assert (found["unit"], found["money"]["campaigns"]) == (None, 1)
    assert found["programme"]["money"] is None


def test_broken_split_is_left_out_and_named(shop, told):
    by_name(told, "one")
    table = pd.read_csv("two.csv", dtype={"customer_id": str})
    listed = pd.read_parquet("campaigns/two/list.parquet")
    lost = listed.loc[listed["arm"] == "control", "customer_id"][:300]
    table[~table["customer_id"].isin(lost)].to_csv("two.csv", index=False)
    out = by_name(told, "two")
    assert "Left out: two, the split of those of known drop is broken: " in out
    found = programme(shop)
    row = found["campaigns"][1]
    assert (row["name"], row["left_out"], row["drop"], row["money"]) == (
        "two", "broken_split", None, None,
    )  # fmt: skip
    assert found["pooled"]["all"]["campaigns"] == 1
    assert found["programme"]["campaigns"][1]["left_out"] == "broken_split"
    assert found["programme"]["listed"]["campaigns"] == 1


def test_list_in_parts_gives_the_same_figures(shop, told):
    by_name(told, "one")
    by_name(told, "two")
    whole = (shop / "campaigns/programme.json").read_bytes()
    for number, name in enumerate(("one", "two")):
        said = json.loads((shop / f"campaigns/{name}/launch.json").read_text("utf-8"))
        shutil.rmtree(shop / "campaigns" / name)
        table = customers(1500, first=3000 * number, seed=number)
        days = {"date": said["date"], "end": said["end"], "seed": number}
        kept = launch(shop / "campaigns", name, table, **days, parts=3)
        assert len(part_files(kept.listed)) == 3
    (shop / "campaigns/programme.json").unlink()
    by_name(told, "one")
    by_name(told, "two")
    assert (shop / "campaigns/programme.json").read_bytes() == whole


def shape_of(content):
    """The keys of a content, and of the first entry of what is keyed by names or listed."""
    by_name = ("offers", "channels", "segments", "offer_by_segment", "effects", "changed_since")
    if isinstance(content, list):
        return [shape_of(content[0])] if content and isinstance(content[0], dict) else []
    if not isinstance(content, dict):
        return None
    return {
        key: shape_of(next(iter(value.values()), None) if key in by_name else value)
        for key, value in content.items()
    }


def test_example_has_the_layout_that_is_written(shop, told):
    """What the page is tested on is what it gets."""
    by_name(told, "one")
    by_name(told, "two")
    example = json.loads((FIXTURES / "programme.json").read_text(encoding="utf-8"))
    found = programme(shop)
    for content in (example, found):
        content["offer_by_segment"] = next(iter(content["offer_by_segment"].values()))
    assert shape_of(example) == shape_of(found)


def test_simulated_answers_are_those_of_the_global_control_too(shop, monkeypatch, capsys):
    kept = KeptCampaign(shop / "campaigns/one")
    ids = [pd.read_parquet(path)["customer_id"] for path in (kept.listed, kept.global_control)]
    (shop / "data/sample").mkdir()
    truth = pd.DataFrame({"customer_id": pd.concat(ids), "probability": 1.0})
    truth.to_parquet(shop / "data/sample/truth.parquet", index=False)
    words = ["--list", str(kept.listed), "--effect", "1", "--out", "back.csv"]
    monkeypatch.setattr(sys, "argv", ["answer.py", *words])
    answer.main()
    assert capsys.readouterr().out.startswith("back.csv: 1500 customers, ")
    back = pd.read_csv("back.csv", index_col="customer_id")["drop"]
    assert back[ids[1]].all()
    assert back.sum() == 1500 - (pd.read_parquet(kept.listed)["arm"] == "treatment").sum()


def test_no_customer_is_named_by_what_goes_into_git(shop, told):
    by_name(told, "one")
    ids = pd.read_parquet("campaigns/one/list.parquet")["customer_id"]
    text = (shop / "campaigns/programme.json").read_text(encoding="utf-8")
    assert not [word for word in ids if word in text]
    assert np.isfinite(programme(shop)["pooled"]["all"]["prevented"])
