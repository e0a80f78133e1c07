"""Versions of the predictions in a small repository, compared as a user would."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

import compare
from clones import ENVIRONMENT, Clone
from retention.core.paths import PREDICTIONS
from retention.evaluation.revisions import EARLIER_PREDICTIONS
from retention.stats.paired import roc_auc_difference

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
ROWS = 400
STAGE = """stages:
  evaluate:
    cmd: python make.py
    deps: [make.py, predictions.csv]
    outs: [data/evaluation]
"""
MAKE = """import pathlib, sys
import pandas as pd
table = pd.read_csv("predictions.csv", dtype={"customer_id": "str"})
if table["risk"].isna().all():
    sys.exit("error: no risk to be had")
pathlib.Path("data/evaluation").mkdir(parents=True, exist_ok=True)
table.to_parquet("data/evaluation/predictions.parquet", index=False)
"""


def predictions(noise, *, first=0, flipped=0):
    """A table of ROWS customers; the more noise on the risk, the worse it ranks."""
    rng = np.random.default_rng(1)
    label = (rng.random(ROWS) < 0.4).astype(int)
    margin = 3 * label - 1.5 + rng.normal(size=ROWS) + noise * rng.normal(size=ROWS)
    label[:flipped] = 1 - label[:flipped]
    ids = [f"user{number}@shop.example" for number in range(first, first + ROWS)]
    risk = 1 / (1 + np.exp(-margin))
    return pd.DataFrame({"customer_id": ids, "split": "train", "drop": label, "risk": risk})


def earlier(table):
    """The table as versions before data/evaluation/ wrote it."""
    ids = table["customer_id"].map(lambda one: one.encode())
    hashed = ids.map(lambda one: hashlib.blake2b(one, digest_size=6).hexdigest())
    return table.assign(customer=hashed)[["customer", "split", "drop", "risk"]]


def by_command(history, *arguments):
    return subprocess.run(
        [sys.executable, ROOT / "stages/compare.py", *arguments],
        cwd=history.folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Commits: empty, hashed, good (branch main), broken, bad (HEAD); experiments on the side."""
    repo = Clone(tmp_path_factory.mktemp("repo"))

    def commit(message):
        repo.run("git", "add", "-A")
        repo.run("git", "commit", "-q", "-m", message)
        repo.run("git", "tag", message)

    def version(table):
        table.to_csv(repo.folder / "predictions.csv", index=False)
        repo.run("dvc", "repro", "-q")

    repo.run("git", "init", "-q", "-b", "main")
    repo.run("git", "commit", "-q", "--allow-empty", "-m", "empty")
    repo.run("git", "tag", "empty")
    old = repo.folder / EARLIER_PREDICTIONS
    old.parent.mkdir(parents=True)
    earlier(predictions(2)).to_csv(old, index=False)
    commit("hashed")
    repo.run("dvc", "init", "-q")
    (repo.folder / "dvc.yaml").write_text(STAGE)
    (repo.folder / "make.py").write_text(MAKE)
    version(predictions(0))
    old.write_text("a leftover that no stage writes any more")
    commit("good")
    old.unlink()
    repo.run("git", "checkout", "-q", "-b", "work")
    predictions(0).assign(risk=None).to_csv(repo.folder / "predictions.csv", index=False)
    (repo.folder / "dvc.lock").unlink()
    commit("broken")
    version(predictions(3))
    commit("bad")
    for base, name, of in (
        ("ab/" + "c" * 38, "grown-mole", "main"),
        ("ab/" + "c" * 38, "twofold-ibex", "main"),
        ("ab/" + "d" * 38, "twofold-ibex", "work"),
    ):
        repo.run("git", "update-ref", f"refs/exps/{base}/{name}", of)
    return repo


def put(table, history):
    """Write predictions into the workspace."""
    table.to_parquet(history.folder / PREDICTIONS, index=False)


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
    history.run("dvc", "checkout", "-q", "--force")


def commit_of(history, name):
    return history.run("git", "rev-parse", name).strip()


def test_worse_than_main_by_the_command_line(history):
    done = by_command(history, "--rev", "main")
    assert (done.returncode, done.stderr) == (0, "")
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
        if name == "ROC-AUC":
            columns = good["drop"], good["risk"], bad["risk"]
            found = roc_auc_difference(*(column.to_numpy() for column in columns))
            assert (low, high) == pytest.approx((found.low, found.high), abs=1e-4)
            smallest = float(re.search(r"can show \| \| \| (\S+) \|", out)[1])
            assert smallest == pytest.approx(2.8016 * found.error, abs=1e-4)
        else:
            assert (low + high) / 2 == pytest.approx(gap, abs=2e-4)


def test_better_when_the_sides_are_exchanged(told, history):
    out = told("--rev", "work", "--against", "main")
    sides = [f"{name} ({commit_of(history, name)[:7]})" for name in ("main", "work")]
    assert f"{sides[0]} is better than {sides[1]}: ROC-AUC +" in out


def test_no_difference_from_a_little_noise(told, history):
    put(predictions(0.05), history)
    out = told("--rev", "main")
    assert "no difference that this data can show" in out
    assert "better" not in out
    assert "worse" not in out


def test_same_predictions_are_alike(told):
    out = told("--rev", "work")
    assert "| +0.0000 | +0.0000 to +0.0000 |" in out
    assert "both rank these customers alike" in out


@pytest.mark.parametrize("name", ["grown-mole", "work~2", "refs/heads/main"])
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


def test_revision_without_a_pipeline(told):
    line = told("--rev", "main", "--against", "empty", fails=True)
    assert re.fullmatch(
        rf"error: revision empty \(\w{{7}}\) has no pipeline that makes {PREDICTIONS}", line
    )


def test_workspace_without_the_file(told, history):
    (history.folder / PREDICTIONS).unlink()
    assert told("--rev", "main", fails=True).startswith(f"error: {PREDICTIONS} is not there yet")


def test_malformed_file_is_named_with_its_place(told, history):
    put(predictions(0).assign(drop=[0, 2] * (ROWS // 2)), history)
    assert told("--rev", "main", fails=True) == (
        f"error: {PREDICTIONS} of the workspace row 2: drop is 2; valid: 0 or 1"
    )


def test_revision_that_knows_hashes_only_is_compared_by_them(told):
    out = told("--rev", "hashed", "--against", "main")
    assert "| customers (400 in common) | 400 | 400 | | |" in out
    assert re.search(r"main \(\w+\) is better than hashed \(\w+\): ROC-AUC", out)
    assert "customers (400 in common)" in told("--rev", "main", "--against", "hashed")
    assert "both rank these customers alike" in told("--rev", "hashed", "--against", "hashed")


@pytest.fixture
def no_cache(history):
    """The repository without what DVC keeps: a fresh clone has none."""
    cache = history.folder / ".dvc/cache"
    shutil.move(cache, history.folder / ".dvc/away")
    yield history
    shutil.rmtree(cache, ignore_errors=True)
    shutil.move(history.folder / ".dvc/away", cache)


def test_what_neither_cache_nor_remote_has_is_made_in_a_clone(no_cache, told):
    before = no_cache.run("git", "status", "--porcelain")
    done = by_command(no_cache, "--rev", "grown-mole")
    assert done.returncode == 0, done.stderr
    assert "compare: neither cache nor remote has the predictions of grown-mole (" in done.stderr
    assert "workspace is worse than grown-mole (" in done.stdout
    assert no_cache.run("git", "status", "--porcelain") == before
    assert no_cache.run("git", "worktree", "list").count("\n") == 1
    # What was made is in the cache now.
    again = told("--rev", "main")
    assert again.splitlines()[1:] == done.stdout.replace("grown-mole", "main").splitlines()[1:]


def test_what_cannot_be_made_is_one_line(history):
    done = by_command(history, "--rev", "broken")
    assert done.returncode == 1
    assert done.stdout == ""
    called = f"broken ({commit_of(history, 'broken')[:7]})"
    assert done.stderr.splitlines()[-1] == (
        f"error: the predictions of {called} are in neither cache nor remote and cannot be made: "
        "no risk to be had"
    )
    assert "Traceback" not in done.stderr


def test_other_labels_and_other_customers(told, history):
    put(predictions(0, flipped=3), history)
    assert "disagree on the drop of 3 of 400 customers" in told("--rev", "main", fails=True)
    put(predictions(0, first=340), history)
    line = told("--rev", "main", fails=True)
    assert "has 400 customers, workspace has 400, and they share 60; 100 are needed" in line


def test_outside_a_repository(told, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "none"))
    assert "revision 'main' is unknown" in told("--rev", "main", fails=True)


@pytest.fixture
def sourced(tmp_path):
    """A version whose data `dvc add` keeps, pushed to a remote; then another one."""
    repo = Clone(tmp_path / "repo")
    repo.folder.mkdir()
    repo.run("git", "init", "-q", "-b", "main")
    repo.run("dvc", "init", "-q")
    repo.run("dvc", "remote", "add", "-q", "-d", "storage", str(tmp_path / "storage"))
    (repo.folder / "make.py").write_text(MAKE)
    (repo.folder / "dvc.yaml").write_text(STAGE)
    for noise, message in ((0, "good"), (3, "bad")):
        predictions(noise).to_csv(repo.folder / "predictions.csv", index=False)
        repo.run("dvc", "add", "-q", "predictions.csv")
        repo.run("dvc", "repro", "-q")
        repo.run("dvc", "push", "-q")
        repo.run("git", "add", "-A")
        repo.run("git", "commit", "-q", "-m", message)
    shutil.rmtree(repo.folder / ".dvc/cache")
    return repo


def test_predictions_come_from_a_remote(sourced):
    done = by_command(sourced, "--rev", "HEAD~1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "workspace is worse than HEAD~1 (" in done.stdout


def test_data_of_a_version_comes_from_a_remote_where_its_predictions_are_lost(sourced, tmp_path):
    for found in (tmp_path / "storage").rglob("*"):
        if found.is_file() and found.read_bytes()[:4] == b"PAR1":
            found.unlink()
    done = by_command(sourced, "--rev", "HEAD~1")
    assert done.returncode == 0, done.stderr
    assert "making them in a temporary clone" in done.stderr
    assert "workspace is worse than HEAD~1 (" in done.stdout
    shutil.rmtree(sourced.folder / ".dvc/cache")
    shutil.rmtree(tmp_path / "storage")
    done = by_command(sourced, "--rev", "HEAD~1")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("missing data 'source': predictions.csv")
