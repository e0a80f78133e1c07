"""What DVC says of stages decides whether what they wrote may be kept or sent."""

import json
import subprocess
import sys

import pytest

from retention.core import staleness
from retention.core.errors import InputError
from retention.core.staleness import refuse_stale

CHANGED = [{"changed deps": {}}]


def asked_of(said, monkeypatch, stages, **how):
    """What is asked of DVC, and the line in which it ends, None where nothing is stale."""
    asked = []

    def run(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, said, "warning\nno project")

    monkeypatch.setattr(staleness.subprocess, "run", run)
    try:
        refuse_stale(stages, **how)
    except InputError as mistake:
        return asked[0][1:], str(mistake)
    assert asked[0][0] == sys.executable
    return asked[0][1:], None


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({}, None),
        ({"train": CHANGED, "explain": CHANGED}, "what train wrote is not of"),
        ({"explain": CHANGED}, "what explain wrote is not of"),
        ({"score": CHANGED}, None),  # DVC tells of no other stage; if it did, it was not asked
    ],
)
def test_what_dvc_says_decides_whether_files_belong_together(said, line, monkeypatch):
    command, found = asked_of(json.dumps(said), monkeypatch, ("train", "explain"))
    assert command == ["-m", "dvc", "status", "--json", "train", "explain"]
    assert (found is None) if line is None else found.startswith(line)
    assert found is None or found.endswith("run `dvc repro explain` first")


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({}, None),
        ({"prepare": CHANGED}, "what prepare wrote is not of"),
        ({"campaigns/a.dvc": CHANGED, "segment": CHANGED}, "what segment wrote is not of"),
        ({"campaigns/a.dvc": CHANGED}, "what lies beside campaigns/a.dvc is not what DVC recorded"),
    ],
)
def test_all_that_a_stage_stands_on_is_asked_where_it_counts(said, line, monkeypatch):
    command, found = asked_of(json.dumps(said), monkeypatch, ["segment"], with_deps=True)
    assert command == ["-m", "dvc", "status", "--json", "--with-deps", "segment"]
    assert (found is None) if line is None else found.startswith(line)


def test_what_dvc_cannot_tell_is_no_permission(monkeypatch):
    _, found = asked_of("", monkeypatch, ["segment"], with_deps=True)
    assert found == "`dvc status` cannot tell what belongs together: no project"
