import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from retention.core.errors import InputError
from retention.core.running import SPARING, stage

pytestmark = pytest.mark.slow
STAGES = Path(__file__).parents[2] / "stages"
DEADLINE = 60
ENVIRONMENT = os.environ | {"PYTHONPATH": str(STAGES), "PYTHONUNBUFFERED": ""}


def test_mistake_of_the_user_ends_in_one_line_and_exit_1(capsys):
    @stage
    def main():
        raise InputError("params.yaml: train.folds is 1; valid: 2 to 20")

    with pytest.raises(SystemExit) as end:
        main()
    shown = capsys.readouterr()
    assert end.value.code == 1
    assert shown.err == "error: params.yaml: train.folds is 1; valid: 2 to 20\n"
    assert shown.out == ""


def test_mistake_of_the_program_is_not_hidden():
    @stage
    def main():
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        main()


def test_stage_without_mistake_runs_once_and_keeps_its_name():
    runs = []

    @stage
    def evaluate():
        """Say how good it is."""
        runs.append("ran")

    evaluate()
    assert runs == ["ran"]
    assert (evaluate.__name__, evaluate.__doc__) == ("evaluate", "Say how good it is.")


TOP = """\
import time
from pathlib import Path
import numpy as np
import pandas as pd
from retention.core.plotting import picture
from retention.core.atomic import atomic
from retention.core.files import write_csv, write_json, write_parquet
from retention.models.persistence import save_model
from retention.core.running import stage
"""


def script(folder, body, *, name="train"):
    """Write a script whose main has the body; return its path."""
    path = folder / f"{name}.py"
    within = "\n".join(f"    {line}" for line in body.splitlines())
    path.write_text(f"{TOP}@stage\ndef main():\n{within}\n\n\nmain()\n", encoding="utf-8")
    return path


def start(path, **how):
    """Run a script beside the test."""
    return subprocess.Popen(
        [sys.executable, path],
        cwd=path.parent,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )


def run(path, **how):
    """Run a script; return its exit status and what it said on stderr."""
    running = start(path, **how)
    said = running.communicate(timeout=DEADLINE)[1]
    return running.returncode, said


def limit(kind, most):
    """Return what sets a limit of the operating system before a script begins."""
    return lambda: resource.setrlimit(kind, (most, most))


def test_full_disk_is_told_with_the_file_and_leaves_the_old_one(tmp_path):
    (tmp_path / "out.json").write_text("old")
    path = script(tmp_path, "write_json(list(range(100_000)), 'out.json')")
    how = {"preexec_fn": limit(resource.RLIMIT_FSIZE, 1000)}
    assert run(path, **how) == (1, "error: out.json: File too large\n")
    assert (tmp_path / "out.json").read_text() == "old"
    assert {one.name for one in tmp_path.iterdir()} == {"out.json", "train.py"}


@pytest.mark.parametrize(
    "body",
    [
        "write_csv(pd.DataFrame({'a': range(100_000)}), 'out')",
        "write_parquet(pd.DataFrame({'a': np.random.rand(100_000)}), Path('out'))",
        "with picture(Path('out')) as axes: axes.plot(np.random.rand(1000))",
        "save_model(np.random.rand(100_000), Path('out'))",
    ],
)
def test_full_disk_is_told_by_every_kind_of_file(tmp_path, body):
    how = {"preexec_fn": limit(resource.RLIMIT_FSIZE, 2000)}
    assert run(script(tmp_path, body), **how) == (1, "error: out: File too large\n")
    assert [one.name for one in tmp_path.iterdir()] == ["train.py"]


def test_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "plots").write_text("a file where a folder is due")
    path = script(tmp_path, "write_json(1, 'plots/train/out.json')")
    assert run(path) == (1, "error: plots/train: Not a directory\n")


def test_file_that_may_not_be_read_is_told(tmp_path):
    path = script(tmp_path, "open('data', 'rb')")
    (tmp_path / "data").mkdir()
    assert run(path) == (1, "error: data: Is a directory\n")


def test_end_of_memory_names_the_params_that_help(tmp_path):
    path = script(tmp_path, "np.ones(10**10)")
    how = {"preexec_fn": limit(resource.RLIMIT_AS, 2**32)}
    assert run(path, **how) == (
        1,
        "error: train ran out of memory; lower train.max_rows, train.search_rows, train.jobs in "
        "params.yaml, or run it where more is free\n",
    )
    path = script(tmp_path, "bytearray(10**10)", name="report")
    assert run(path, **how) == (
        1,
        "error: report ran out of memory; run it where more is free\n",
    )


def test_killed_worker_is_told_as_the_end_of_memory(tmp_path):
    body = "from joblib import Parallel, delayed\nimport os, signal\n"
    body += "def die(_): os.kill(os.getpid(), signal.SIGKILL)\n"
    body += "Parallel(n_jobs=2)(delayed(die)(i) for i in range(2))"
    status, said = run(script(tmp_path, body))
    assert status == 1
    assert said.startswith("error: train ran out of memory; lower train.max_rows, ")
    assert said.count("\n") == 1


def test_thread_that_cannot_start_is_told_as_the_end_of_memory(tmp_path):
    path = script(tmp_path, 'raise RuntimeError("can\'t start new thread")', name="report")
    line = "error: report ran out of memory; run it where more is free\n"
    assert run(path) == (1, line)
    status, said = run(script(tmp_path, "raise RuntimeError('a bug')"))
    assert (status, "Traceback" in said) == (1, True)


def test_params_that_spare_memory_exist():
    from helpers import project_params

    params = project_params()
    for names in SPARING.values():
        for name in names:
            value = params
            for key in name.split("."):
                value = value[key]
            assert isinstance(value, int)


def test_endless_nesting_is_told(tmp_path):
    body = "def deeper(): deeper()\ndeeper()"
    assert run(script(tmp_path, body)) == (
        1,
        "error: train reads something that is nested too deeply\n",
    )


def test_reader_who_has_seen_enough_is_no_fault_to_tell(tmp_path):
    path = script(tmp_path, "for _ in range(100_000): print('row')")
    running = start(path, stdout=subprocess.PIPE)
    running.stdout.readline()
    running.stdout.close()
    assert running.stderr.read() == ""
    assert running.wait(DEADLINE) == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is full")
def test_full_standard_output_is_told(tmp_path):
    with Path("/dev/full").open("w") as full:
        told = run(script(tmp_path, "print('row')"), stdout=full)
    assert told == (1, "error: standard output: No space left on device\n")


WAITING = """\
with atomic("plots/out.csv") as scratch:
    scratch.write_text("half")
    Path("ready").touch()
    time.sleep(60)
"""


def stopped(folder, number):
    """Send a signal to a script that is writing; return its exit status and what it said."""
    path = script(folder, WAITING)
    running = start(path)
    last = time.monotonic() + DEADLINE
    while not (folder / "ready").exists():
        assert running.poll() is None
        assert time.monotonic() < last
        time.sleep(0.01)
    running.send_signal(number)
    said = running.communicate(timeout=DEADLINE)[1]
    return running.returncode, said


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGTERM, 143, ""),
        (signal.SIGHUP, 129, ""),
        (signal.SIGINT, 130, "error: train was interrupted\n"),
    ],
)
def test_stopped_stage_clears_away_what_is_half_done(tmp_path, number, status, said):
    assert stopped(tmp_path, number) == (status, said)
    assert list((tmp_path / "plots").iterdir()) == []


def test_killed_stage_leaves_one_file_that_is_removed_later(tmp_path):
    from retention.core.atomic import clear_leftovers

    assert stopped(tmp_path, signal.SIGKILL)[0] == -signal.SIGKILL
    (left,) = (tmp_path / "plots").iterdir()
    assert left.name.startswith(".out.csv.")
    assert left.name.endswith(".partial")
    clear_leftovers(tmp_path / "plots/out.csv")
    assert list((tmp_path / "plots").iterdir()) == []


DYING = """\
import os, signal
from retention.core.atomic import atomic
with atomic("plots/out.csv") as scratch:
    scratch.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("end", "status"), [("", 0), ("raise InputError('a mistake')", 1)])
def test_what_a_killed_process_of_a_stage_left_is_cleared_however_it_ends(tmp_path, end, status):
    (tmp_path / "stages").mkdir()
    entry = {"cmd": "python stages/train.py", "outs": ["plots"]}
    (tmp_path / "dvc.yaml").write_text(json.dumps({"stages": {"train": entry}}))
    (tmp_path / "params.yaml").write_text("{}")
    body = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {DYING!r}])\n"
    body += f"from retention.core.errors import InputError\nPath('plots/kept').touch()\n{end}"
    path = script(tmp_path / "stages", body)
    how = {"cwd": tmp_path, "env": ENVIRONMENT, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, path.relative_to(tmp_path)], check=False, **how)
    assert (done.returncode, done.stderr) == (status, "error: a mistake\n" if end else "")
    assert [one.name for one in (tmp_path / "plots").iterdir()] == ["kept"]


def test_handlers_are_as_before_once_the_stage_is_over():
    before = signal.getsignal(signal.SIGTERM)

    @stage
    def main():
        assert signal.getsignal(signal.SIGTERM) is not before

    main()
    assert signal.getsignal(signal.SIGTERM) is before
