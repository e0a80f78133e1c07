"""Training on Dask: the files of the loop, byte for byte, whoever dies; or one line and no file."""

import subprocess
import time

import psutil
import pytest

from clones import ENVIRONMENT, make_clone
from clusters import FAST, SCHEDULER_GONE, ended_with, programs, scheduler, worker
from retention.core.parts import ADDRESS, ENGINE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not hasattr(psutil.Process, "memory_maps"), reason="the system tells not what is loaded"
    ),
]
WRITTEN = ("data/model", "plots/train")
CHANGES = {
    "  customers: 1300": "  customers: 500",
    "  - logistic\n  - tree\n  - knn\n  - svc\n": "  - logistic\n",
    "  comparisons: 3": "  comparisons: 1",
}
"""A blend of three families: a forest asks joblib itself, boosting asks OpenMP."""
MARK = ".parts.*.partial"
"""What lies in the project's folder while a cluster works for it."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop that was trained by the loop, and the files that this wrote."""
    clone = make_clone(tmp_path_factory.mktemp("shop"))
    params = clone.folder / "params.yaml"
    text = params.read_text()
    for usual, other in CHANGES.items():
        assert usual in text, usual
        text = text.replace(usual, other)
    params.write_text(text.replace("  model: auto", "  model: blend"))
    for stage in ("simulate", "prepare", "featurize", "train"):
        clone.run("python", f"stages/{stage}.py")
    made = clone.files(*WRITTEN)
    assert {"data/model/model.skops", "plots/train/learning.csv"} <= set(made)
    return clone, made


@pytest.fixture
def forgotten(shop):
    """The same shop before it was trained."""
    clone, made = shop
    for name in made:
        (clone.folder / name).unlink()
    assert clone.files(*WRITTEN) == {}
    return clone


def begun(clone, **environment):
    return subprocess.Popen(
        ["python", "stages/train.py"],
        cwd=clone.folder,
        env=ENVIRONMENT | FAST | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_fits(process, training):
    """Wait until one of the workers below a process has fitted for half a second; return it."""
    since = {}
    while training.poll() is None:
        for found in filter(fits, process.children(recursive=True)):
            used = sum(found.cpu_times()[:2])
            if used - since.setdefault(found.pid, used) > 0.5:
                return found
        time.sleep(0.05)
    raise AssertionError(ended_with(training))


def fits(process):
    """Tell whether a process has loaded what fits models: a worker does that for its first fit."""
    try:
        return any("_hist_gradient_boosting" in one.path for one in process.memory_maps())
    except psutil.Error:
        return False


def test_processes_of_this_machine_write_the_same_files_though_one_is_killed(shop, forgotten):
    training = begun(forgotten, **{ENGINE: "dask"})
    wait_for_fits(psutil.Process(training.pid), training).kill()
    assert ended_with(training)[::2] == (0, [])
    found = forgotten.files(*WRITTEN)
    assert {name for name in shop[1] if found.get(name) != shop[1][name]} == set()
    assert list(forgotten.folder.glob(MARK)) == []


def test_a_scheduler_that_dies_ends_the_search_in_one_line_and_leaves_no_file(forgotten, tmp_path):
    with programs() as start:
        killed, address = scheduler(start, tmp_path)
        workers = [worker(start, address, forgotten.folder)[0] for _ in range(2)]
        training = begun(forgotten, **{ADDRESS: address})
        wait_for_fits(psutil.Process(workers[0].pid), training)
        killed.kill()
        status, _, lines = ended_with(training)
    assert status == 1
    assert lines == [SCHEDULER_GONE]
    assert forgotten.files(*WRITTEN) == {}
    assert list(forgotten.folder.glob(MARK)) == []
