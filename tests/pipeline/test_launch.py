"""From the list to the mailing service and back to the ledger: a campaign is launched for good."""

import json
import re
import shutil
import zipfile

import pandas as pd
import pytest
import yaml

from clones import Clone

pytestmark = pytest.mark.slow
NAME = "2026-winter"
LAUNCH = ("python", "stages/launch.py", "--as-of", "2026-11-20")
MARK = "-".join(["secret", "address", "of"])
"""Stands in every address and nowhere else: not in this file either, which is in Git."""
PHONES = re.compile(r"[78]9551117\d{4}")


def campaign_of(clone, **values):
    """Change params of the campaign."""
    path = clone.folder / "params.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["campaign"] |= values
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def names_somebody(text):
    """Whether an address stands in a text."""
    return MARK in text or PHONES.search(text) is not None


@pytest.fixture(scope="module")
def shop(clone, tmp_path_factory):
    """A shop that has launched its first campaign, with all that was said on the way."""
    folder = tmp_path_factory.mktemp("launched")
    own = Clone(shutil.copytree(clone.folder, folder / "own", symlinks=True))
    known = pd.read_parquet(own.folder / "data/segments/customers.parquet")["customer_id"]
    rows = [f"{one};{MARK}{one}@shop.example;89551117{n:04d}" for n, one in enumerate(known)]
    contacts = folder / "crm/contacts.csv"
    contacts.parent.mkdir()
    bad = f"{known[0]};{MARK}bad@@;\n"
    contacts.write_text("\n".join(["id;E-mail;Телефон", *rows]) + f"\n{bad}", encoding="utf-8")
    campaign_of(own, contacts=str(contacts), name=NAME)
    own.said = [own.run("dvc", "repro")]
    own.run("git", "add", "-A")
    own.run("git", "commit", "-q", "-m", "list")
    own.before = own.files("data/campaign", "data/segments")
    own.said += [own.run(*LAUNCH), own.run("dvc", "add", f"campaigns/{NAME}")]
    own.said += [own.run("dvc", "repro"), own.run("dvc", "status")]
    own.run("git", "add", "-A")
    own.run("git", "commit", "-q", "-m", f"Launch {NAME}")
    return own


def test_a_run_after_the_launch_makes_the_same_list(shop):
    assert shop.files("data/campaign", "data/segments") == shop.before
    assert shop.said[-1].strip() == "Data and pipelines are up to date."


def test_the_campaign_is_in_dvc_and_its_small_file_in_git(shop):
    tracked = shop.run("git", "ls-files", "campaigns", "outbox").split()
    assert tracked == ["campaigns/.gitignore", f"campaigns/{NAME}.dvc"]
    folder = shop.folder / "campaigns" / NAME
    said = json.loads((folder / "launch.json").read_text(encoding="utf-8"))
    listed = pd.read_parquet(folder / "list.parquet")
    arms = listed["arm"].value_counts()
    assert said["customers"]["treatment"] == arms["treatment"] > 5
    assert said["customers"]["control"] == arms["control"] > 5
    assert listed["risk"].between(0, 1).all()
    assert re.fullmatch("[0-9a-f]{40}", said["revision"])
    shutil.rmtree(folder)
    shop.run("dvc", "checkout", "-q", f"campaigns/{NAME}.dvc")
    assert json.loads((folder / "launch.json").read_text(encoding="utf-8")) == said


def test_addresses_are_those_of_the_treated_who_get_a_message(shop):
    listed = pd.read_parquet(shop.folder / f"campaigns/{NAME}/list.parquet")
    sent = listed[(listed["arm"] == "treatment") & (listed["channel"] == "message")]
    path = shop.folder / f"outbox/{NAME}/message.csv"
    rows = pd.read_csv(path, sep="\t", dtype="str")
    assert len(rows) >= 3
    assert rows["customer_id"].tolist() == sent["customer_id"].tolist()
    assert rows["email"].tolist() == [f"{MARK}{one}@shop.example" for one in sent["customer_id"]]


def test_no_contact_is_anywhere_but_in_the_outbox(shop):
    """Neither in DVC's cache nor in Git, in no table, picture or page; and nothing says it."""
    found, looked = [], set()
    for path in shop.folder.rglob("*"):
        place = path.relative_to(shop.folder)
        if not path.is_file() or place.parts[0] == "outbox":
            continue
        looked.add(place.parts[0])
        content = path.read_bytes()
        text = content.decode(errors="replace")
        if content[:4] == b"PAR1":  # its columns may be packed
            text += pd.read_parquet(path).to_csv()
        if zipfile.is_zipfile(path):  # a workbook, or a model
            with zipfile.ZipFile(path) as packed:
                text += "".join(
                    packed.read(one).decode(errors="replace") for one in packed.namelist()
                )
        if names_somebody(text):
            found.append(str(place))
    assert found == []
    assert {".dvc", "metrics", "plots", "campaigns", "report", "data", "dvc.lock"} <= looked
    assert any((shop.folder / ".dvc/cache").rglob("*"))
    history = shop.run("git", "log", "-p", "--all")
    assert f"Launch {NAME}" in history
    assert [text for text in (history, *shop.said) if names_somebody(text)] == []
    assert names_somebody((shop.folder / f"outbox/{NAME}/message.csv").read_text())


def test_a_second_launch_is_refused(shop):
    said = shop.run(*LAUNCH, fails=True)
    assert said.startswith(f"error: campaigns/{NAME} is there already")


def test_a_list_of_other_params_is_refused(shop):
    params = (shop.folder / "params.yaml").read_bytes()
    campaign_of(shop, name="2027-spring", budget=1)
    said = shop.run(*LAUNCH, fails=True)
    (shop.folder / "params.yaml").write_bytes(params)
    assert said == (
        "error: what segment wrote is not of the params, code and files that are there now; run "
        "`dvc repro segment` first\n"
    )
    assert not (shop.folder / "campaigns/2027-spring").exists()


def test_whoever_withdraws_stands_in_no_new_outbox(shop):
    path = shop.folder / f"outbox/{NAME}/message.csv"
    first, *others = pd.read_csv(path, sep="\t", dtype="str")["customer_id"]
    suppression = shop.folder / "data/sample/suppression.csv"
    before = suppression.read_bytes()
    suppression.unlink()  # a link into the cache of DVC, perhaps
    suppression.write_text(f"customer_id\n{first}\n")
    said = shop.run(*LAUNCH, "--outbox", NAME)
    suppression.write_bytes(before)
    assert "left out: 1 on the suppression list by now" in said
    assert pd.read_csv(path, sep="\t", dtype="str")["customer_id"].tolist() == others
