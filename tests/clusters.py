"""A cluster of somebody else's: a scheduler and workers that are started by hand."""

import re
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

from clones import ENVIRONMENT
from project import ROOT
from retention.core.parts import ADDRESS

FAST = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"}
SCHEDULER_GONE = (
    "error: the scheduler of the cluster is gone; start it and run the stage again, "
    f"or unset {ADDRESS} to work on this machine"
)


@contextmanager
def programs():
    """The function that starts a program of Dask's, and ends it with the block."""
    running = []

    def begin(*command, folder, wait_for):
        process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + command[0], *command[1:]],
            cwd=folder,
            env=ENVIRONMENT | FAST,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        for line in process.stderr:
            found = re.search(wait_for, line)
            if found:
                threading.Thread(target=process.stderr.read, daemon=True).start()
                return process, found[1]
        raise AssertionError(f"{command} ended")

    try:
        yield begin
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def scheduler(start, folder):
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    options += ("--dashboard-address", "127.0.0.1:0")
    return start("dask_scheduler", *options, folder=folder, wait_for=r"Scheduler at:\s+(tcp://\S+)")


def worker(start, address, folder):
    options = ("--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard")
    return start(
        "dask_worker", address, *options, folder=folder, wait_for=r"Registered to:\s+(tcp://\S+)"
    )


def lay_project(folder):
    """A folder with the project's code in it, as workers have it."""
    shutil.copytree(ROOT / "stages", folder / "stages")
    shutil.copy(ROOT / "tests" / "part_work.py", folder)
    return folder


def ended_with(process):
    """Exit status, words printed and lines of errors of a client, which shows no traceback."""
    printed, said = process.communicate(timeout=300)
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in said, said
    return process.returncode, printed.split(), lines
