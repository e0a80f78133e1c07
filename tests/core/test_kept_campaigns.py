"""The ledger: every campaign that was sent, as it was sent; or one line that says why not."""

import json
import shutil

import pandas as pd
import pytest

from kept_ledger import keep_campaign
from parted import divide
from retention.core.errors import InputError
from retention.core.files import write_json, write_parquet
from retention.core.kept_campaigns import (
    FOLDER_NAME,
    KeptCampaign,
    fingerprints_of,
    kept_campaigns,
)

FILES = ("list.parquet", "global_control.parquet", "excluded.parquet", "offers.yaml", "params.yaml")


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    """An empty ledger, as a clone has it."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "campaigns"
    folder.mkdir()
    (folder / ".gitignore").write_text("/*\n")
    return folder


def launch(ledger, name, *, parts=1):
    """Keep a campaign of three customers."""
    arms = dict.fromkeys(("7", "8", "9"), "treatment")
    how = {"date": "2026-12-01", "members": ["1"], "parts": parts}
    kept = keep_campaign(ledger, name, arms, **how, global_control={"seed": 4, "share": 0.1})
    kept.pointer.write_text("outs: []\n")
    return kept.folder


def refused(ledger):
    with pytest.raises(InputError) as fault:
        kept_campaigns(ledger)
    return str(fault.value)


def test_campaigns_are_found_by_name_each_once(ledger):
    for name in ("spring", "autumn-2026", "3rd"):
        launch(ledger, name)
    (ledger / "programme.json").write_text("{}")
    (ledger / ".winter.partial").mkdir()  # of a launch that was killed
    found = kept_campaigns(ledger)
    assert [one.name for one in found] == ["3rd", "autumn-2026", "spring"]
    assert found[2].listed == ledger / "spring/list.parquet"
    assert found[2].pointer == ledger / "spring.dvc"
    assert found[2].said["end"] == "2027-03-01"


def test_nothing_sent_is_an_empty_ledger(ledger, tmp_path):
    assert kept_campaigns(ledger) == []
    assert kept_campaigns(tmp_path / "nowhere") == []


def test_a_list_alone_is_a_campaign_of_which_nothing_is_said(ledger):
    """As campaigns were kept by hand, before there was a launch."""
    keep_campaign(ledger, "old", {"7": "treatment"}, date="2026-12-01", launched=False)
    (found,) = kept_campaigns(ledger)
    assert found.said is None


def test_a_campaign_that_is_in_dvc_alone_is_missed(ledger):
    folder = launch(ledger, "spring")
    for path in folder.iterdir():
        path.unlink()
    said = refused(ledger)
    assert said.startswith(f"{folder} is not here")
    assert said.endswith(f"`dvc pull {ledger}/spring.dvc` brings it")
    folder.rmdir()
    assert refused(ledger) == said


def test_a_folder_without_a_list_is_no_campaign(ledger):
    folder = launch(ledger, "spring")
    (folder / "list.parquet").rename(folder / "List.csv")
    said = refused(ledger)
    assert "has no list.parquet" in said
    assert "found: List.csv, excluded.parquet, global_control.parquet, launch.json" in said


def test_a_file_is_no_campaign(ledger):
    (ledger / "spring.parquet").write_bytes(b"")
    assert refused(ledger).startswith(f"{ledger}/spring.parquet is a file; valid: a folder")


@pytest.mark.parametrize("file", FILES)
def test_a_file_edited_since_is_noticed(ledger, file):
    folder = launch(ledger, "spring")
    content = bytearray((folder / file).read_bytes())
    content[-6] ^= 1
    (folder / file).write_bytes(content)
    said = refused(ledger)
    assert said.startswith(f"{folder / file} was edited since it was launched")
    assert (
        f"`git checkout HEAD -- {ledger}/spring.dvc && dvc checkout --force {ledger}/spring.dvc`"
        in said
    )


@pytest.mark.parametrize("file", FILES[1:])
def test_a_file_that_is_gone_is_noticed(ledger, file):
    folder = launch(ledger, "spring")
    (folder / file).unlink()
    assert refused(ledger).startswith(f"{folder / file} is missing; `dvc checkout")


def test_what_is_added_when_a_campaign_is_measured_is_no_edit(ledger):
    folder = launch(ledger, "spring")
    write_parquet(pd.DataFrame({"customer_id": ["7"]}), folder / "answers.parquet")
    (folder / "measured.json").write_text("{}")
    assert len(kept_campaigns(ledger)) == 1


def test_a_folder_under_another_name_is_noticed(ledger):
    folder = launch(ledger, "spring")
    shutil.copytree(folder, ledger / "autumn")
    said = refused(ledger)
    assert said.startswith(f"{ledger}/autumn/launch.json is of the campaign spring")


@pytest.mark.parametrize("key", ["name", "date", "end", "seed", "global_control", "files"])
def test_a_launch_that_lacks_what_is_needed_is_refused(ledger, key):
    folder = launch(ledger, "spring")
    content = json.loads((folder / "launch.json").read_text())
    del content[key]
    write_json(content, folder / "launch.json")
    assert f"launch.json is of another version, it has no {key}" in refused(ledger)


def test_fingerprints_are_of_the_content_in_its_parts(ledger):
    folder = launch(ledger, "spring")
    path = folder / "list.parquet"
    whole = fingerprints_of([path])
    assert list(whole) == ["list.parquet"]
    divide(path, 2)
    parts = fingerprints_of([path])
    assert parts != whole
    assert fingerprints_of([path]) == parts
    first, second = sorted(path.iterdir())
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    assert fingerprints_of([path]) != parts


def test_a_list_in_parts_that_lacks_one_is_refused(ledger):
    folder = launch(ledger, "spring", parts=2)
    assert kept_campaigns(ledger) == [KeptCampaign(folder)]
    sorted((folder / "list.parquet").iterdir())[1].unlink()
    assert "not all of" in refused(ledger)


@pytest.mark.parametrize("left", [*FILES[1:], "answers.parquet", "measured.json"])
def test_a_launch_that_is_gone_is_noticed_by_any_file_beside_it(ledger, left):
    """Taken for a list by hand, it would no longer hold the seed of the global control."""
    folder = launch(ledger, "spring")
    for path in folder.iterdir():
        if path.name not in ("list.parquet", left):
            path.unlink()
    (folder / left).touch()
    assert refused(ledger) == (
        f"{folder}/launch.json is missing, though {left} of a launch is there; `git checkout "
        f"HEAD -- {ledger}/spring.dvc && dvc checkout "
        f"--force {ledger}/spring.dvc` brings it back"
    )


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize(
    ("key", "told", "file", "true"),
    [
        ("date", "2026-11-01", "list.parquet", "'2026-12-01'"),
        ("end", "2026-12-15", "list.parquet", "'2027-03-01'"),
        ("horizon", 1, "list.parquet", "3"),
        ("seed", 2, "params.yaml", "1"),
        ("control_share", 0.4, "params.yaml", "0.5"),
        ("global_control", {"seed": 5, "share": 0.1}, "params.yaml", "{'seed': 4, 'share': 0.1}"),
        ("global_control", {"seed": 4, "share": 0}, "params.yaml", "{'seed': 4, 'share': 0.1}"),
        ("global_control", None, "params.yaml", "{'seed': 4, 'share': 0.1}"),
    ],
)
def test_a_launch_that_was_edited_is_noticed_by_the_files_beside_it(
    ledger, key, told, file, true, parts
):
    folder = launch(ledger, "spring", parts=parts)
    content = json.loads((folder / "launch.json").read_text())
    write_json(content | {key: told}, folder / "launch.json")
    said = refused(ledger)
    assert said.startswith(f"{folder}/launch.json: {key} is ")
    assert (
        f", but by {file} it is {true}; `git checkout HEAD -- {ledger}/spring.dvc && dvc checkout "
        f"--force {ledger}/spring.dvc`" in said
    )


@pytest.mark.parametrize("file", FILES)
def test_a_launch_that_forgets_a_file_is_noticed(ledger, file):
    folder = launch(ledger, "spring")
    content = json.loads((folder / "launch.json").read_text())
    del content["files"][file]
    write_json(content, folder / "launch.json")
    assert f"launch.json: files has no {file}; `git checkout HEAD" in refused(ledger)


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("2026-winter", True),
        ("A_b-9", True),
        ("a" * 60, True),
        ("a" * 61, False),
        ("-a", False),
        (".a", False),
        ("a.b", False),
        ("a/b", False),
        ("", False),
        ("зима", False),
        ("a\n", False),
    ],
)
def test_names_are_those_of_folders_on_every_system(name, valid):
    assert bool(FOLDER_NAME.fullmatch(name)) == valid
