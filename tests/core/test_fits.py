"""The fits of a search on Dask: what they need goes to a worker once, and no death changes them."""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import BrokenExecutor
from functools import partial

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from clones import ENVIRONMENT
from clusters import FAST, ended_with, lay_project, programs, scheduler, worker
from part_work import doubled, killed_once, killing, nested, process_of, refusing, threads
from project import ROOT
from retention.core import fits
from retention.core.cluster import Workers, packed_beside
from retention.core.errors import InputError
from retention.core.fits import fits_by_engine
from retention.core.parts import ADDRESS, ENGINE

pytestmark = pytest.mark.usefixtures("clusters")
TABLE = pd.DataFrame({"number": np.arange(50_000.0)})


def called(function, items, *, n_jobs=2, data=()):
    with fits_by_engine(data, jobs=2):
        return Parallel(n_jobs=n_jobs)(delayed(function)(item) for item in items)


def total(table, factor):
    return float(table["number"].sum()) * factor


def test_data_are_named_by_their_place_wherever_a_batch_holds_them():
    batch, places = partial(total, TABLE, 3), [np.arange(9), TABLE]
    packed = packed_beside(places, batch)
    assert len(packed) < 2000
    assert fits._do_batch(places, packed) == total(TABLE, 3)
    other = [np.arange(9), TABLE * 2]
    assert fits._do_batch(other, packed) == total(TABLE, 6)
    assert len(packed_beside([TABLE.copy()], batch)) > TABLE.size * 8


def test_the_loop_leaves_joblib_alone(monkeypatch):
    monkeypatch.setenv(ENGINE, "loop")
    assert called(process_of, [0, 1], n_jobs=1) == [os.getpid()] * 2


def test_another_engine_is_refused(monkeypatch):
    monkeypatch.setenv(ENGINE, "spark")
    with pytest.raises(InputError, match="RETENTION_ENGINE is 'spark'"):
        called(doubled, [1])


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_each_worker_gets_the_data_once(monkeypatch):
    sent = []
    begin = Workers.begin
    monkeypatch.setattr(Workers, "begin", lambda *part: sent.append(len(part[1])) or begin(*part))
    assert called(partial(total, TABLE), range(12), data=[TABLE]) == [
        total(TABLE, factor) for factor in range(12)
    ]
    assert 2 <= len(sent) <= 12
    assert max(sent) < 4000
    for n_jobs in (1, 7):  # what the cluster has counts
        assert os.getpid() not in set(called(process_of, range(6), n_jobs=n_jobs))


def test_a_fit_has_one_thread_however_many_its_process_has():
    with threadpool_limits(2):
        assert threads() == 2
        assert fits._do_batch([TABLE], packed_beside([TABLE], threads)) == 1
        assert threads() == 2


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_what_a_fit_asks_of_joblib_it_does_in_its_own_process():
    for own, inner in called(nested, range(4)):
        assert set(inner) == {own}


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_fits_whose_worker_was_killed_are_done_again(tmp_path):
    found = called(partial(killed_once, tmp_path), range(5), data=[TABLE])
    assert found == [0, 10, 20, 30, 40]
    assert (tmp_path / "died").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_a_fit_that_fails_or_kills_every_worker_ends_the_work():
    with pytest.raises(InputError, match="part 1 holds a mistake"):
        called(refusing, range(40))
    with pytest.raises(BrokenExecutor, match="3 workers died over one part"):
        called(killing, [0, 1, 0])
    assert called(doubled, [4, 2]) == [8, 4]


CLIENT = """
import sys
sys.path[:0] = ["stages", {tests!r}]
from functools import partial
from pathlib import Path
from joblib import Parallel, delayed
from part_work import slow
from retention.core.fits import fits_by_engine
from retention.core.running import stage

@stage
def work():
    with fits_by_engine([], jobs=2):
        tasks = (delayed(slow)(Path({marks!r}), number) for number in range(400))
        for found in Parallel(n_jobs=2, batch_size=1)(tasks):
            print(found)

if __name__ == "__main__":
    work()
"""


def client(folder, address, marks):
    marks.mkdir()
    (folder / "client.py").write_text(CLIENT.format(tests=str(ROOT / "tests"), marks=str(marks)))
    return subprocess.Popen(
        [sys.executable, "client.py"],
        cwd=folder,
        env=ENVIRONMENT | FAST | {ADDRESS: address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_worker_of_another_revision_does_no_fit(tmp_path):
    folder, other = lay_project(tmp_path / "project"), tmp_path / "other"
    shutil.copytree(folder, other)
    with (other / "stages/retention/core/months.py").open("a") as file:
        file.write("\n")
    with programs() as start:
        _, address = scheduler(start, tmp_path)
        worker(start, address, folder)
        done = client(folder, address, tmp_path / "marks")
        while not any((tmp_path / "marks").iterdir()):
            assert done.poll() is None, ended_with(done)
        worker(start, address, other)
        status, printed, lines = ended_with(done)
    assert (status, printed) == (1, [])
    assert len(lines) == 1
    assert re.search("its code is of another revision", lines[0])
