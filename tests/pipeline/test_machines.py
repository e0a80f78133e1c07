"""The repository on other people's machines: line ends, leftovers, and DVC's own hand."""

import shutil

import pytest
from dvc.utils.hydra import apply_overrides

from project import FIXTURES

LEFTOVERS = (
    ".DS_Store", "._money.csv", "Thumbs.db", "desktop.ini", "~$money.xlsx", ".~lock.money.csv#",
    ".money.csv.swp", "money.csv~", ".#money.csv", "#money.csv#", ".money.csv.7-0a1b2c3d.partial",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("choice", ["true", "input", "false"])
def test_clone_has_the_same_bytes_whatever_git_does_to_line_ends(clone, tmp_path, choice):
    other = tmp_path / "other"
    clone.run("git", "clone", "-q", "-c", f"core.autocrlf={choice}", ".", str(other))
    assert type(clone)(other).run("git", "status", "--porcelain") == ""
    names = clone.run("git", "ls-files", "-z").rstrip("\0").split("\0")
    assert len(names) > 200
    differ = [
        name for name in names if (other / name).read_bytes() != (clone.folder / name).read_bytes()
    ]
    assert differ == []


@pytest.mark.slow
def test_list_of_ids_keeps_the_line_ends_of_the_program_that_saved_it(clone, tmp_path):
    saved = "customer_id\r\n300001\r\n".encode("cp1251")
    other = type(clone)(tmp_path / "other")
    clone.run("git", "clone", "-q", ".", str(other.folder))
    (other.folder / "list.csv").write_bytes(saved)
    other.run("git", "add", "list.csv")
    other.run("git", "commit", "-qm", "list")
    other.run("git", "clone", "-q", ".", str(tmp_path / "third"))
    assert (tmp_path / "third" / "list.csv").read_bytes() == saved


@pytest.mark.slow
def test_leftovers_of_programs_are_no_data_to_git_and_dvc(clone, tmp_path):
    other = type(clone)(tmp_path / "other")
    clone.run("git", "clone", "-q", ".", str(other.folder))
    raw = other.folder / "data" / "raw"
    raw.mkdir(parents=True)
    (raw / "money.csv").write_text("id\n1\n")
    other.run("dvc", "add", "-q", "data/raw")
    other.run("git", "add", "-A")
    other.run("git", "commit", "-q", "-m", "raw")
    for folder in (raw, other.folder / "plots" / "evaluate", other.folder):
        for name in LEFTOVERS:
            (folder / name).write_text("left")
    assert "up to date" in other.run("dvc", "status", "data/raw.dvc")
    assert other.run("git", "status", "--porcelain") == ""
    (raw / "time.csv").write_text("id\n1\n")
    assert "modified" in other.run("dvc", "status", "data/raw.dvc")


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("campaign.budget=3.25", "  budget: 3.25"),
        ("train.seed=987654", "  seed: 987654"),
        ("data.dir=some/where", "  dir: some/where"),
        ("campaign.date='2031-01-01'", "  date: '2031-01-01'"),
    ],
)
def test_experiment_changes_one_line_of_params(tmp_path, override, line):
    params = tmp_path / "params.yaml"
    shutil.copy(FIXTURES / "params.yaml", params)
    old = params.read_text(encoding="utf-8").splitlines()
    apply_overrides(params, [override])
    new = params.read_text(encoding="utf-8").splitlines()
    assert len(new) == len(old)
    assert [after for before, after in zip(old, new, strict=True) if before != after] == [line]


def test_no_comment_of_params_is_lost_when_every_list_is_written_anew(tmp_path):
    params = tmp_path / "params.yaml"
    shutil.copy(FIXTURES / "params.yaml", params)

    def comments():
        lines = params.read_text(encoding="utf-8").splitlines()
        return [line.partition("#")[2].strip() for line in lines if "#" in line]

    before = comments()
    for override in (
        "segment.grid.risk=[0.3,0.6]",
        "segment.grid.profit=[1,2]",
        "train.families=[tree]",
        "models.knn.weights=[uniform,distance]",
        "models.forest.n_estimators=[9]",
    ):
        apply_overrides(params, [override])
    assert comments() == before
