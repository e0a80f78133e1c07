"""`make sweep`: each value of a param is an experiment, and afterwards all is as it was."""

import importlib.util
import subprocess
import sys

import pytest

from clones import ENVIRONMENT
from project import ROOT
from retention.core.errors import InputError


@pytest.fixture(scope="module")
def sweep():
    spec = importlib.util.spec_from_file_location("sweep", ROOT / ".ci" / "sweep.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("train.model=logistic,tree", {"train.model": ["logistic", "tree"]}),
        ("models.tree.max_depth=[3,4],5", {"models.tree.max_depth": ["[3,4]", "5"]}),
        ("s.grid=[0.3,0.6],quantiles", {"s.grid": ["[0.3,0.6]", "quantiles"]}),
        ("\"s.own='risk > 1','b'\"", {"s.own": ["'risk > 1'", "'b'"]}),
        ("train.seed=1,2 train.folds=5", {"train.seed": ["1", "2"], "train.folds": ["5"]}),
    ],
)
def test_sweep_is_read(sweep, told, found):
    assert sweep.read_sweep(told) == found


@pytest.mark.parametrize("told", ["", "train.model", "train.model=", "=1", "a=1,,2", "a='1"])
def test_sweep_that_names_nothing_to_try_is_refused(sweep, told):
    with pytest.raises(InputError, match="SWEEP is"):
        sweep.read_sweep(told)


def test_every_value_meets_every_other(sweep):
    tried = sweep.combinations({"a": ["1", "2"], "b": ["3", "4"]})
    assert [" ".join(one) for one in tried] == ["a=1 b=3", "a=1 b=4", "a=2 b=3", "a=2 b=4"]


@pytest.mark.slow
def test_sweep_shows_each_value_and_leaves_all_as_it_was(clone):
    """One value cannot be run: the others are, and the line tells which it was."""
    clone.run("dvc", "exp", "remove", "-A")  # those of other tests stand in the table too
    before = clone.files("metrics", "plots", "data/campaign")
    done = subprocess.run(
        [sys.executable, ".ci/sweep.py"],
        cwd=clone.folder,
        env=ENVIRONMENT | {"SWEEP": "campaign.budget=1,-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("|")]
    head = [cell.strip() for cell in rows[0][1:-1]]
    shown = ["grade", "roc_auc", "over_rule", "brier", "log_loss", "calibration_slope"]
    assert head == ["Experiment", *shown, "campaign.budget"]
    assert [row[-2].strip() for row in rows[2:]] == ["-", "1"]
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == ("error: 1 of 2 experiments failed: campaign.budget=-1")
    assert clone.files("metrics", "plots", "data/campaign") == before
    assert clone.run("git", "status", "--porcelain") == ""
    clone.run("dvc", "exp", "remove", "-A")
