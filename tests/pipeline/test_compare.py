"""Two commits of a predictions file in a small repository, compared as a user would."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

import compare
from clones import ENVIRONMENT, Clone
from retention.files import write_csv

ROOT = Path(__file__).parents[2]
FILE = compare.PREDICTIONS
ROWS = 400


def predictions(noise, *, first=0, flipped=0):
    """A table of ROWS customers; the more noise on the risk, the worse it ranks."""
    rng = np.random.default_rng(1)
    label = (rng.random(ROWS) < 0.4).astype(int)
    margin = 3 * label - 1.5 + rng.normal(size=ROWS) + noise * rng.normal(size=ROWS)
    label[:flipped] = 1 - label[:flipped]
    return pd.DataFrame(
        {
            "customer": [f"{number:012x}" for number in range(first, first + ROWS)],
            "split": "train",
            "drop": label,
            "risk": 1 / (1 + np.exp(-margin)),
        }
    )


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Commits: empty, then good (branch main), then bad (HEAD); experiments on the side."""
    repo = Clone(tmp_path_factory.mktemp("repo"))
    repo.run("git", "init", "-q", "-b", "main")
    repo.run("git", "commit", "-q", "--allow-empty", "-m", "empty")
    repo.run("git", "tag", "empty")
    write_csv(predictions(0), repo.folder / FILE)
    repo.run("git", "add", "-A")
    repo.run("git", "commit", "-q", "-m", "good")
    repo.run("git", "checkout", "-q", "-b", "work")
    write_csv(predictions(3), repo.folder / FILE)
    repo.run("git", "commit", "-q", "-a", "-m", "bad")
    for base, name, commit in (
        ("ab/" + "c" * 38, "grown-mole", "main"),
        ("ab/" + "c" * 38, "twofold-ibex", "main"),
        ("ab/" + "d" * 38, "twofold-ibex", "work"),
    ):
        repo.run("git", "update-ref", f"refs/exps/{base}/{name}", commit)
    return repo


@pytest.fixture
def told(history, monkeypatch, capsys):
    """Run the script in the repository, its workspace as committed unless the test writes."""

    def tell(*arguments, fails=False):
        monkeypatch.chdir(history.folder)
        monkeypatch.setattr(sys, "argv", ["compare.py", *arguments])
        if not fails:
            compare.main()
            shown = capsys.readouterr()
            assert shown.err == ""
            return shown.out
        with pytest.raises(SystemExit) as stopped:
            compare.main()
        shown = capsys.readouterr()
        assert stopped.value.code == 1
        assert shown.out == ""
        (line,) = shown.err.splitlines()
        return line

    yield tell
    history.run("git", "checkout", "-q", "--", ".")


def commit_of(history, name):
    return history.run("git", "rev-parse", name).strip()


def test_worse_than_main_by_the_command_line(history):
    done = subprocess.run(
        [sys.executable, ROOT / "stages/compare.py", "--rev", "main"],
        cwd=history.folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    called = f"main ({commit_of(history, 'main')[:7]})"
    assert lines[0] == f"| | {called} | workspace | difference | 95 % interval |"
    assert lines[2] == "| customers (400 in common) | 400 | 400 | | |"
    assert {line.count("|") for line in lines[:6]} == {6}
    assert lines[7].startswith(f"workspace is worse than {called}: ROC-AUC -")
    assert len(lines) == 8


def test_table_has_the_scores_of_either_side(told):
    out = told("--rev", "main", "--against", "work")
    good, bad = predictions(0), predictions(3)
    for name, score in (("ROC-AUC", roc_auc_score), ("log-loss", log_loss)):
        row = re.search(rf"\| {name} \| (\S+) \| (\S+) \| (\S+) \| (\S+) to (\S+) \|", out)
        old, new, gap, low, high = map(float, row.groups())
        expected = score(good["drop"], good["risk"]), score(bad["drop"], bad["risk"])
        assert (old, new) == pytest.approx(expected, abs=1e-4)
        assert gap == pytest.approx(expected[1] - expected[0], abs=1e-4)
        assert (low + high) / 2 == pytest.approx(gap, abs=2e-4)
        if name == "ROC-AUC":
            smallest = float(re.search(r"can show \| \| \| (\S+) \|", out)[1])
            assert smallest / (high - low) == pytest.approx(2.8016 / (2 * 1.95996), rel=0.01)


def test_better_when_the_sides_are_exchanged(told, history):
    out = told("--rev", "work", "--against", "main")
    sides = [f"{name} ({commit_of(history, name)[:7]})" for name in ("main", "work")]
    assert f"{sides[0]} is better than {sides[1]}: ROC-AUC +" in out


def test_no_difference_from_a_little_noise(told, history):
    write_csv(predictions(0.05), history.folder / FILE)
    out = told("--rev", "main")
    assert "no difference that this data can show" in out
    assert "better" not in out
    assert "worse" not in out


def test_same_predictions_are_alike(told):
    out = told("--rev", "work")
    assert "| +0.0000 | +0.0000 to +0.0000 |" in out
    assert "both rank these customers alike" in out


@pytest.mark.parametrize("name", ["grown-mole", "work~1", "refs/heads/main"])
def test_revision_by_any_name(told, name, history):
    out = told("--rev", name)
    assert f"worse than {name} ({commit_of(history, 'main')[:7]})" in out


def test_experiment_on_two_bases_is_ambiguous(told, history):
    line = told("--rev", "twofold-ibex", fails=True)
    assert line.startswith("error: twofold-ibex names 2 experiments; give one's commit: ")
    assert commit_of(history, "work")[:10] in line


@pytest.mark.parametrize("name", ["nowhere", "", "*", "main:plots"])
def test_unknown_revision(told, name):
    line = told(f"--rev={name}", fails=True)
    assert line.startswith(f"error: revision {name!r} is unknown; valid: a branch, tag or commit")


def test_revision_without_the_file(told):
    line = told("--rev", "main", "--against", "empty", fails=True)
    assert re.fullmatch(r"error: revision empty \(\w{7}\) has no plots/evaluate/\S+csv; .*", line)


def test_workspace_without_the_file(told, history):
    (history.folder / FILE).unlink()
    assert told("--rev", "main", fails=True).startswith(f"error: {FILE} is not there yet")


def test_malformed_file_is_named_with_its_place(told, history):
    text = (history.folder / FILE).read_text().replace(",train,1,", ",train,yes,", 1)
    (history.folder / FILE).write_text(text)
    place = next(i for i, line in enumerate(text.splitlines(), 1) if ",yes," in line)
    assert told("--rev", "main", fails=True) == (
        f"error: {FILE} of workspace line {place}: drop is 'yes'; valid: 0 or 1"
    )
    (history.folder / FILE).write_bytes(b"customer,\xff\xfe")
    assert told("--rev", "main", fails=True) == f"error: {FILE} of workspace is no UTF-8 text"


def test_other_labels_and_other_customers(told, history):
    write_csv(predictions(0, flipped=3), history.folder / FILE)
    assert "disagree on the drop of 3 of 400 customers" in told("--rev", "main", fails=True)
    write_csv(predictions(0, first=340), history.folder / FILE)
    line = told("--rev", "main", fails=True)
    assert "has 400 customers, workspace has 400, and they share 60; 100 are needed" in line


def test_outside_a_repository(told, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "none"))
    assert "revision 'main' is unknown" in told("--rev", "main", fails=True)
