"""A job beside a stage: done when the stage ends, and gone with a stage that fails."""

import os
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

import beside_work
from retention.core import beside
from retention.core.atomic import clear_leftovers
from retention.core.beside import do_beside, jobs_beside
from retention.core.errors import InputError
from retention.core.files import write_parquet
from retention.core.workbooks import SheetColumn, write_table_as_workbook

pytestmark = pytest.mark.slow
DEADLINE = 60
FOLDERS = [Path(__file__).parents[1], Path(__file__).parents[2] / "stages"]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, FOLDERS))}
COLUMNS = (SheetColumn("customer_id", "text", 18), SheetColumn("risk", "share", 9))
HOW = {"columns": COLUMNS, "sheet": "customers", "language": "ru"}


def runs(process):
    """Tell whether a process runs; one that nobody has waited for has ended, too."""
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    if not Path("/proc/self").exists():
        return True
    try:
        told = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return told.rpartition(")")[2].split()[0] != "Z"


def test_a_process_of_its_own_works_in_the_same_place(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("RETENTION_TEST", "known")
    monkeypatch.setenv("PYTHONUNBUFFERED", "")  # what is printed waits in the process
    monkeypatch.chdir(tmp_path)
    with jobs_beside():
        do_beside(partial(beside_work.tell_process, Path("told")), jobs=2)
    process, folder, known = Path("told").read_text().split()
    assert int(process) != os.getpid()
    assert (folder, known) == (str(tmp_path), "known")
    assert not runs(process)
    assert capfd.readouterr() == ("", "a job may print\n")


def test_one_process_does_the_jobs_in_their_order(tmp_path):
    with jobs_beside():
        for mark in "abc":
            do_beside(partial(beside_work.add_line, tmp_path / "told", mark), jobs=2)
        ((beside_it,),) = beside._OPEN
    lines = [line.split() for line in (tmp_path / "told").read_text().splitlines()]
    assert lines == [[mark, str(beside_it.process.pid)] for mark in "abc"]
    assert beside_it.process.pid != os.getpid()


def test_the_stage_does_only_what_a_killed_process_has_not_done(tmp_path):
    told = tmp_path / "told"
    with jobs_beside():
        do_beside(partial(beside_work.add_line, told, "a"), jobs=2)
        do_beside(partial(beside_work.die_once, tmp_path / "died"), jobs=2)
        do_beside(partial(beside_work.add_line, told, "b"), jobs=2)
    died = (tmp_path / "died").read_text()
    assert told.read_text() == f"a {died}\nb {os.getpid()}\n"


def test_a_process_that_was_told_half_a_job_ends():
    process = beside._Beside().process
    process.stdin.write(b"8004")
    process.stdin.close()
    assert process.wait(DEADLINE) in (0, 1)  # whether it was asked or heard the end first
    assert process.stdout.read() == b""
    process.stdout.close()


def test_with_one_process_a_job_is_done_at_once(tmp_path):
    with jobs_beside():
        do_beside(partial(beside_work.add_line, tmp_path / "told", "a"), jobs=1)
        assert (tmp_path / "told").read_text() == f"a {os.getpid()}\n"


def test_outside_of_a_stage_it_is_done_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("RETENTION_TEST", "known")
    do_beside(partial(beside_work.tell_process, tmp_path / "told"), jobs=2)
    assert (tmp_path / "told").read_text().split()[0] == str(os.getpid())


def test_where_no_process_can_begin_it_is_done_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("RETENTION_TEST", "known")
    monkeypatch.setattr(beside.sys, "executable", str(tmp_path / "no python"))
    with jobs_beside():
        do_beside(partial(beside_work.tell_process, tmp_path / "told"), jobs=2)
        assert (tmp_path / "told").read_text().split()[0] == str(os.getpid())


def table(path):
    """Write a table of two parts' worth of rows."""
    ids = pd.Series([f"{number:07d}" for number in range(30_000)], dtype="str")
    write_parquet(pd.DataFrame({"customer_id": ids, "risk": 0.25}), path)
    return path


def test_a_book_whose_process_was_killed_is_written_all_the_same(tmp_path):
    held, here = table(tmp_path / "a.parquet"), tmp_path / "here/a.xlsx"
    write_table_as_workbook(held, here, **HOW)
    mark, book = tmp_path / "died", tmp_path / "books/a.xlsx"
    with jobs_beside():
        do_beside(partial(beside_work.book_dying, mark, held, book, **HOW), jobs=2)
    assert int(mark.read_text()) != os.getpid()
    assert book.read_bytes() == here.read_bytes()
    clear_leftovers(book.parent)
    assert list(book.parent.iterdir()) == [book]


def test_a_process_killed_from_outside_leaves_its_job_to_the_stage(tmp_path):
    held, book = table(tmp_path / "a.parquet"), tmp_path / "books/a.xlsx"
    with jobs_beside():
        do_beside(partial(write_table_as_workbook, held, book, **HOW), jobs=2)
        ((job,),) = beside._OPEN
        job.process.kill()
        job.process.wait()
        assert not book.exists()
    write_table_as_workbook(held, tmp_path / "here/a.xlsx", **HOW)
    assert book.read_bytes() == (tmp_path / "here/a.xlsx").read_bytes()


@pytest.mark.parametrize(
    ("job", "fault", "said"),
    [
        (beside_work.refuse, InputError, "a holds a mistake"),
        (beside_work.fail, ZeroDivisionError, "a bug"),
        (beside_work.fail_alone, RuntimeError, "Traceback"),
    ],
)
def test_what_a_job_raises_the_stage_raises(job, fault, said):
    with pytest.raises(fault) as raised, jobs_beside():
        do_beside(partial(job, Path("a")), jobs=2)
    assert str(raised.value).partition(" (most recent")[0] == said
    (where,) = getattr(raised.value, "__notes__", [str(raised.value)])
    assert f", in {job.__name__}\n" in where
    assert beside._OPEN == []


def fail_beside(job, then):
    """Begin a job, do something more and fail as a stage does."""
    with jobs_beside():
        do_beside(job, jobs=2)
        then()
        raise ValueError("of the stage")


def test_a_stage_that_fails_is_told_not_the_job(tmp_path):
    with pytest.raises(ValueError, match="of the stage"):
        fail_beside(partial(beside_work.refuse, tmp_path), lambda: time.sleep(1))


def test_a_process_that_hears_nothing_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "GRACE", 0.1)
    deaf = partial(beside_work.write_deaf, tmp_path / "out")
    with pytest.raises(ValueError, match="of the stage"):
        fail_beside(deaf, lambda: waited_for(tmp_path / "ready"))
    assert not runs(waited_for(tmp_path / "ready"))
    assert not (tmp_path / "out").exists()


TOP = """\
import time
from functools import partial
from pathlib import Path
import beside_work
from retention.core.beside import do_beside
from retention.core.errors import InputError
from retention.core.running import stage
"""
WAIT = "while not Path('plots/ready').exists(): time.sleep(0.01)\n"


def start(folder, job, then="", **how):
    """Run a stage with a job beside it in a folder."""
    lines = f"do_beside(partial(beside_work.{job}, Path('plots/out')), jobs=2)\n{then}".splitlines()
    within = "\n".join(f"    {line}" for line in lines)
    # The process must not import the script anew, which would run it.
    script = folder / "train.py"
    script.write_text(f"{TOP}@stage\ndef main():\n{within}\n\n\nmain()\n", encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, script],
        cwd=folder,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **how,
    )


def waited_for(mark):
    """Wait until a job has told its process; return that."""
    last = time.monotonic() + DEADLINE
    while not (mark.exists() and mark.read_text()):
        assert time.monotonic() < last
        time.sleep(0.01)
    return int(mark.read_text())


def left(folder):
    return sorted(one.name for one in (folder / "plots").iterdir())


def test_a_mistake_ends_the_stage_in_its_line(tmp_path):
    stage = start(tmp_path, "refuse")
    assert stage.communicate(timeout=DEADLINE)[1] == "error: plots/out holds a mistake\n"
    assert stage.returncode == 1


def test_a_full_disk_ends_the_stage_in_its_line(tmp_path):
    most = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (1000, 1000))
    stage = start(tmp_path, "write_much", preexec_fn=most)
    assert stage.communicate(timeout=DEADLINE)[1] == "error: plots/out: File too large\n"
    assert stage.returncode == 1
    assert left(tmp_path) == []


def test_a_stage_that_fails_leaves_no_process_and_nothing_half_done(tmp_path):
    stage = start(tmp_path, "write_for_long", f"{WAIT}raise InputError('a mistake')")
    assert stage.communicate(timeout=DEADLINE)[1] == "error: a mistake\n"
    assert stage.returncode == 1
    assert left(tmp_path) == ["ready"]
    assert not runs((tmp_path / "plots/ready").read_text())


@pytest.mark.parametrize("then", ["", "time.sleep(60)"], ids=["it waits", "it works"])
@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGTERM, 143, ""),
        (signal.SIGHUP, 129, ""),
        (signal.SIGINT, 130, "error: train was interrupted\n"),
    ],
)
def test_a_stage_that_is_stopped_leaves_no_process_and_nothing_half_done(
    tmp_path, number, status, said, then
):
    stage = start(tmp_path, "write_for_long", then)
    process = waited_for(tmp_path / "plots/ready")
    os.killpg(stage.pid, number)  # as a terminal does: to all that the stage began, too
    assert stage.communicate(timeout=DEADLINE)[1] == said
    assert stage.returncode == status
    assert left(tmp_path) == ["ready"]
    assert not runs(process)


def test_the_process_of_a_killed_stage_ends_and_clears_away(tmp_path):
    stage = start(tmp_path, "write_for_long", "time.sleep(60)")
    process = waited_for(tmp_path / "plots/ready")
    stage.kill()
    stage.wait()
    stage.stderr.close()
    last = time.monotonic() + DEADLINE
    while runs(process):
        assert time.monotonic() < last
        time.sleep(0.01)
    assert left(tmp_path) == ["ready"]
