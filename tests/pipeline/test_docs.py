"""docs/ against the project: links lead somewhere, and every file of a run is described."""

import json
import re

import pandas as pd
import pytest

from project import ROOT

DOCS = {path.name: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("docs/*.md"))}
DVC = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
DATA = DOCS["data.md"]
ENDS = re.compile(r"_(low|high)$")
"""Of an interval: docs name the figure, and say once how its ends are called."""
OUTS = ("data", "metrics", "plots", "report")


def anchors(path):
    """What a link may name of a page: its headings, as they stand in addresses."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("name", ["../README.md", "../CONTRIBUTING.md", *DOCS])
def test_every_link_leads_somewhere(name):
    page = ROOT / "docs" / name
    links = {
        link
        for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
        if "://" not in link
    }
    pictures = {link for link in links if link.endswith(".png")}
    made = {link for link in pictures if link.removeprefix("../") in DVC}
    assert [link for link in pictures - made if not (page.parent / link).exists()] == []
    assert name not in DOCS or "../README.md" in links
    for link in links - pictures:
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("name", DOCS)
def test_every_make_target_exists(name):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", DOCS[name], re.M))
    assert named - set(targets) == set()


def described():
    """The names in backticks of each entry of docs/data.md, by the files that it begins with."""
    columns = set(re.findall(r"^\| `(\w+)`", DATA, re.M))
    assert "customer_id" in columns
    found = {}
    for entry in re.findall(r"^- (`[^\n]+(?:\n  [^\n]+)*)", DATA, re.M):
        files, _, text = entry.partition(":")
        names = set(re.findall(r"`(\w+)`", text))
        names |= columns if "[columns](#columns)" in text else set()
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", files), names)
    return found


def names_of(path):
    """What programs look up in a file: the columns of a table, the keys of JSON."""
    if path.suffix == ".parquet":
        return set(pd.read_parquet(path).columns)
    if path.suffix == ".csv" and "plots" in path.parts:
        return set(pd.read_csv(path, nrows=0).columns)
    if path.suffix == ".json":
        content = json.loads(path.read_text(encoding="utf-8"))
        return set(content[0] if isinstance(content, list) else content)
    return set()


@pytest.mark.slow
def test_every_file_of_a_run_is_described_with_its_columns(clone):
    told, written = described(), set(clone.files(*OUTS))
    assert len(written) > 60
    assert written - set(told) == set()
    lacking = {}
    for name in written:
        names = names_of(clone.folder / name) - told[name]
        lacking[name] = {one for one in names if ENDS.sub("", one) not in told[name]}
    assert {name: lacks for name, lacks in lacking.items() if lacks} == {}


@pytest.mark.slow
def test_every_file_that_is_described_is_written(clone):
    assert set(described()) - set(clone.files(*OUTS)) == set()
