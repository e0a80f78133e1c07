import shutil

import pytest
from filelock import FileLock

from clones import Clone, make_clone
from month_run import make_months
from runs import copy_run

SMALL = {
    "  customers: 1300": "  customers: 400",
    "  - knn\n  - svc\n  - extra_trees\n  - boosting\n  - blend\n": "",
    "  least_drift: 0.1": "  least_drift: 0.3",  # of so few, chance moved a column by 0.26
    "  candidates: ": "  candidates: 2 #",
    "  comparisons: 3": "  comparisons: 1",
    "  bootstrap: 1000": "  bootstrap: 100",
    "  max_evaluations: ": "  max_evaluations: 20000 #",
    "  evaluations: ": "  evaluations: 2000 #",
}


def small(text):
    """Return params.yaml with params that make a run short."""
    for usual, other in SMALL.items():
        assert usual in text, usual
        text = text.replace(usual, other)
    return text


@pytest.fixture(scope="session")
def shrink():
    """The function that makes a run short."""
    return small


@pytest.fixture(scope="session")
def clone(tmp_path_factory, worker_id):
    """The project with small params, run once and committed; each process of tests has a copy."""
    temporary = tmp_path_factory.getbasetemp()
    shared = (temporary if worker_id == "master" else temporary.parent) / "small run"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            made = make_small_run(tmp_path_factory.mktemp("clone"))
            shutil.copytree(made.folder, shared, symlinks=True)
    own = tmp_path_factory.mktemp("clone") / "own"
    return Clone(shutil.copytree(shared, own, symlinks=True))


def make_small_run(folder):
    """Run the pipeline once with small params in a copy of the project, and commit."""
    clone = make_clone(folder)
    params = clone.folder / "params.yaml"
    params.write_text(small(params.read_text()))
    clone.run("dvc", "repro", "-q")
    clone.run("git", "add", "-A")
    clone.run("git", "commit", "-q", "-m", "small")
    return clone


@pytest.fixture
def run(clone, tmp_path, monkeypatch):
    """A copy of what the report reads, to alter; the folder is the current one."""
    copy_run(clone.folder, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def months(tmp_path_factory, worker_id):
    """A small shop of months, led through every stage once for all processes; not to be altered."""
    temporary = tmp_path_factory.getbasetemp()
    shared = (temporary if worker_id == "master" else temporary.parent) / "months"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            made = make_months(make_clone(tmp_path_factory.mktemp("months")))
            shutil.copytree(made.folder, shared, symlinks=True)
    return Clone(shared)
