"""Parts on Dask: the same results, whoever dies; nobody works who runs something else."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from clones import ENVIRONMENT
from clusters import FAST, SCHEDULER_GONE, ended_with, lay_project, programs, scheduler, worker
from part_work import doubled, greedy, killed_once, killed_once_each, killing, refusing, slow
from project import ROOT
from retention.core import cluster, worker_code
from retention.core.cluster import MEMORY, close_clusters, worker_memory
from retention.core.errors import InputError
from retention.core.parts import ADDRESS, ENGINE, map_parts

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("clusters")]


def mapped(function, parts):
    return list(map_parts(function, parts, jobs=2, what="test"))


@pytest.mark.usefixtures("here")
def test_results_come_in_the_order_of_the_parts():
    assert mapped(doubled, [3, 1, 2, 5, 9, 8]) == [6, 2, 4, 10, 18, 16]


@pytest.mark.usefixtures("here")
def test_a_part_whose_worker_was_killed_is_done_again(tmp_path):
    assert mapped(partial(killed_once, tmp_path), [0, 1, 2, 3, 4]) == [0, 10, 20, 30, 40]
    assert (tmp_path / "died").exists()


@pytest.mark.usefixtures("here")
def test_what_a_function_holds_goes_to_the_cluster_once_though_all_who_had_it_die(
    tmp_path, monkeypatch
):
    sent, asked = [], cluster._asked

    def noted(ask, *what, **how):
        sent.append(sum(len(one) for one in what if isinstance(one, bytes)))
        return asked(ask, *what, **how)

    monkeypatch.setattr(cluster, "_asked", noted)
    large = np.arange(200_000.0)
    found = mapped(partial(killed_once_each, tmp_path, large), range(9))
    assert found == [float(number) for number in range(9)]
    assert len(list(tmp_path.iterdir())) == 2
    assert [size > large.nbytes for size in sent].count(True) == 1
    assert sorted(sent)[-2] < 1000


@pytest.mark.usefixtures("here")
def test_what_a_part_refuses_ends_the_work():
    with pytest.raises(InputError, match="part 1 holds a mistake"):
        mapped(refusing, [0, 1, 2])
    assert mapped(doubled, [1, 2]) == [2, 4]


@pytest.mark.usefixtures("here")
def test_a_part_that_kills_every_worker_ends_the_work_as_in_the_loop(monkeypatch):
    from concurrent.futures import BrokenExecutor

    with pytest.raises(BrokenExecutor, match="3 workers died over one part"):
        mapped(killing, [0, 1])
    monkeypatch.setenv(ENGINE, "loop")
    with pytest.raises(BrokenExecutor):
        mapped(killing, [0, 1])


@pytest.mark.usefixtures("here")
def test_a_worker_that_takes_more_memory_than_it_may_is_ended(monkeypatch):
    from concurrent.futures import BrokenExecutor

    close_clusters()
    monkeypatch.setenv(MEMORY, "500MB")
    first = set(mapped(greedy, [0] * 4))
    with pytest.raises(BrokenExecutor, match="3 workers died over one part"):
        mapped(greedy, [0, 600])
    assert first.isdisjoint(mapped(greedy, [0] * 4))
    close_clusters()


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("", None),
        ("2GB", 2_000_000_000),
        ("1.5 GiB", 1_610_612_736),
        ("500MB", 500_000_000),
        ("512MiB", 536_870_912),
    ],
)
def test_the_memory_of_a_worker_is_a_size(monkeypatch, said, means):
    monkeypatch.setenv(MEMORY, said)
    assert worker_memory() == means


@pytest.mark.parametrize("said", ["2", "2gb", "much", "-2GB", "499MB", "2GB each", "0.0001GB"])
def test_a_memory_that_is_no_size_or_too_small_is_refused(monkeypatch, said):
    monkeypatch.setenv(MEMORY, said)
    with pytest.raises(InputError) as mistake:
        worker_memory()
    assert str(mistake.value) == (
        f"RETENTION_WORKER_MEMORY is '{said}' in the environment; valid: from 500MB on, in MB, GB, "
        "MiB, GiB, such as 2GB"
    )


@pytest.mark.usefixtures("here")
def test_few_parts_are_under_way_at_a_time(tmp_path):
    results = map_parts(partial(slow, tmp_path), range(40), jobs=2, what="test")
    next(results)
    time.sleep(0.5)
    begun = len(list(tmp_path.iterdir()))
    results.close()
    assert 1 <= begun <= 5


@pytest.mark.usefixtures("here")
def test_nothing_listens_to_other_machines():
    mapped(doubled, [1, 2])
    me = psutil.Process()
    found = [
        socket.laddr.ip
        for process in (me, *me.children(recursive=True))
        for socket in process.net_connections()
        if socket.status == psutil.CONN_LISTEN
    ]
    assert len(found) >= 4
    assert set(found) == {"127.0.0.1"}


@pytest.mark.usefixtures("here")
def test_whoever_has_no_certificate_of_a_run_cannot_send_to_it():
    mapped(doubled, [1, 2])
    address = next(iter(cluster._OPEN.values())).local.scheduler_address
    assert address.startswith("tls://127.0.0.1:")


def test_another_engine_is_refused(monkeypatch):
    monkeypatch.setenv(ENGINE, "spark")
    with pytest.raises(InputError, match=r"RETENTION_ENGINE is 'spark' .* valid: loop, dask$"):
        mapped(doubled, [1])


def test_without_dask_one_line_names_the_packages(monkeypatch):
    monkeypatch.setenv(ENGINE, "dask")
    monkeypatch.setattr(cluster, "find_spec", lambda _: None)
    close_clusters()
    with pytest.raises(InputError, match=r"not installed; .* \(requirements-cluster\.txt\)$"):
        mapped(doubled, [1, 2])


@pytest.mark.parametrize("address", ["nowhere", "tcp://127.0.0.1", "carrier://127.0.0.1:9"])
def test_an_address_that_is_none_is_refused_at_once(monkeypatch, address):
    monkeypatch.setenv(ADDRESS, address)
    with pytest.raises(InputError, match=f"names {address}, where no scheduler answers"):
        mapped(doubled, [1, 2])


NEEDED = worker_code.standing()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"code": "0" * 64}, "its code is of another revision"),
        ({"numpy": "1.0"}, r"it has numpy \d.*, needed is 1\.0"),
        ({"Python": "3.9"}, r"it has Python 3\.\d+, needed is 3\.9"),
    ],
)
def test_a_worker_tells_what_it_lacks(tmp_path, change, said):
    mark = tmp_path / "mark"
    mark.touch()
    assert worker_code.unfit(NEEDED, str(mark)) == ""
    assert re.match(said, worker_code.unfit(NEEDED | change, str(mark)))
    assert re.match("it does not see", worker_code.unfit(NEEDED, str(tmp_path / "none")))


def test_code_that_changed_after_it_was_imported_is_of_another_revision(tmp_path, monkeypatch):
    from retention.core import sources

    path = next(iter(sources.BEFORE_IMPORT))
    monkeypatch.setitem(sources.BEFORE_IMPORT, path, "another hash")
    assert "another revision" in worker_code.unfit(worker_code.standing(), str(tmp_path))


# A cluster of somebody else's: a scheduler and workers that were started by hand.


@pytest.fixture
def start():
    with programs() as begin:
        yield begin


@pytest.fixture
def project(tmp_path):
    return lay_project(tmp_path / "project")


CLIENT = """
import sys
sys.path[:0] = ["stages", {tests!r}]
from functools import partial
from pathlib import Path
from part_work import doubled, slow
from retention.core.parts import map_parts
from retention.core.running import stage

@stage
def work():
    for found in map_parts(partial(slow, Path({marks!r})), range({count}), jobs=2, what="test"):
        print(found, flush=True)

if __name__ == "__main__":
    work()
"""


def client(folder, address, marks, count):
    marks.mkdir()
    script = folder / "client.py"
    script.write_text(CLIENT.format(tests=str(ROOT / "tests"), marks=str(marks), count=count))
    return subprocess.Popen(
        [sys.executable, str(script)],
        cwd=folder,
        env=ENVIRONMENT | FAST | {ADDRESS: address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_workers_of_a_cluster_do_the_parts(start, project, tmp_path):
    _, address = scheduler(start, tmp_path)
    worker(start, address, project)
    done = client(project, address, tmp_path / "marks", 4)
    assert ended_with(done) == (0, ["0", "1", "2", "3"], [])
    assert list(project.glob(".*.partial")) == []


def test_a_scheduler_that_dies_ends_the_work_in_one_line(start, project, tmp_path):
    killed, address = scheduler(start, tmp_path)
    worker(start, address, project)
    done = client(project, address, tmp_path / "marks", 400)
    assert done.stdout.readline() == "0\n"
    killed.kill()
    status, _, lines = ended_with(done)
    assert status == 1
    assert lines == [SCHEDULER_GONE]
    assert list(project.glob(".*.partial")) == []


def test_a_worker_of_another_revision_does_no_part(start, project, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(project, other)
    with (other / "stages/retention/core/months.py").open("a") as file:
        file.write("\n")
    _, address = scheduler(start, tmp_path)
    worker(start, address, project)
    worker(start, address, other)
    done = client(project, address, tmp_path / "marks", 4)
    status, printed, lines = ended_with(done)
    assert (status, printed) == (1, [])
    assert re.fullmatch(
        r"error: worker tcp://127\.0\.0\.1:\d+ of the cluster cannot work: its code is of another "
        r"revision \(\w{12}, needed is \w{12}\); bring its folder .* start it again",
        "\n".join(lines),
    )
    assert list((tmp_path / "marks").iterdir()) == []


def test_a_worker_of_another_revision_that_joins_later_ends_the_work(start, project, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(project, other)
    (other / "stages/retention/core/months.py").write_text("raise SystemExit\n")
    _, address = scheduler(start, tmp_path)
    worker(start, address, project)
    done = client(project, address, tmp_path / "marks", 400)
    assert done.stdout.readline() == "0\n"
    worker(start, address, other)
    status, _, lines = ended_with(done)
    assert status == 1
    assert len(lines) == 1
    assert "its code is of another revision" in lines[0]


def test_a_worker_without_the_project_does_no_part(start, project, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    _, address = scheduler(start, tmp_path)
    worker(start, address, tmp_path / "elsewhere")
    status, _, lines = ended_with(client(project, address, tmp_path / "marks", 4))
    assert status == 1
    assert len(lines) == 1
    assert "it finds no code of the project; start it in the folder" in lines[0]


def test_a_cluster_without_workers_is_told(start, tmp_path, monkeypatch):
    _, address = scheduler(start, tmp_path)
    monkeypatch.setenv(ADDRESS, address)
    monkeypatch.setattr(cluster, "PATIENCE", 1.0)
    with pytest.raises(InputError, match="has had no worker for 1 seconds; start some with"):
        mapped(doubled, [1, 2])


def test_a_cluster_whose_workers_all_went_is_told(start, project, tmp_path, monkeypatch):
    _, address = scheduler(start, tmp_path)
    only, _ = worker(start, address, project)
    monkeypatch.setenv(ADDRESS, address)
    monkeypatch.setattr(cluster, "PATIENCE", 1.0)
    monkeypatch.setattr(cluster, "LOOK", 0.5)
    monkeypatch.chdir(project)
    results = map_parts(partial(slow, tmp_path / "marks"), range(9), jobs=2, what="test")
    (tmp_path / "marks").mkdir()
    assert next(results) == 0
    os.kill(only.pid, signal.SIGTERM)
    with pytest.raises(InputError, match="has had no worker for 1 seconds"):
        list(results)
    close_clusters()
    assert list(Path(project).glob(".*.partial")) == []


@pytest.mark.usefixtures("here")
def test_a_function_that_cannot_be_given_to_all_is_given_to_who_needs_it(monkeypatch):
    """As where a worker dies while all get it: Dask counts it still."""
    from distributed import Client

    def die(*_):
        raise ValueError("Sample larger than population or is negative")

    monkeypatch.setattr(Client, "replicate", die)
    assert mapped(doubled, range(4)) == [0, 2, 4, 6]
