"""Run a part of a benchmark in a process of its own, so that memory and seconds are its own."""

import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEGABYTE = 2**20 if sys.platform == "darwin" else 2**10
"""In the unit of ``ru_maxrss``: bytes there, kilobytes elsewhere."""
PAUSE = 0.1
"""Seconds between two looks at a tree of processes."""


@dataclass(frozen=True)
class Measured:
    """What a process took.

    Attributes
    ----------
    seconds : float
        From its start to its end, imports included.
    processor : float
        Seconds of all its cores and workers.
    peak : float
        Memory of the process at most, MB.
    found : object
        What the job returned.
    """

    seconds: float
    processor: float
    peak: float
    found: Any


def measure(script: str, job: str, *arguments: object) -> Measured:
    """Run a job of `script`, by its name, in a process of its own.

    The script hands its jobs to :func:`run_child` where its first argument is ``--child``.
    """
    command = [sys.executable, script, "--child", job, *map(str, arguments)]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{job} failed:\n{done.stderr}")
    told = json.loads(done.stdout.splitlines()[-1])
    return Measured(seconds, **told)


def run_child(jobs: Mapping[str, Callable[..., Any]]) -> bool:
    """Run the job that the command line names, if it names one; tell whether it did."""
    if sys.argv[1:2] != ["--child"]:
        return False
    _, _, job, *arguments = sys.argv
    found = jobs[job](*arguments)
    own = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "processor": own.ru_utime + own.ru_stime + _clock_of_ended(),
        "peak": own.ru_maxrss / MEGABYTE,
        "found": found,
    }
    print(json.dumps(told))
    return True


@dataclass(frozen=True)
class Watched:
    """What a command and all processes that it started took.

    Attributes
    ----------
    seconds : float
        From its start to its end.
    processor : float
        Seconds of all cores, of all processes.
    peak : float
        Memory at most, of all of them together at one time, MB: proportional set size, which
        counts what n of them share a n-th time each (resident set size where the system has none).
    failed : str
        The last line that it said, if it failed; else nothing.
    """

    seconds: float
    processor: float
    peak: float
    failed: str


def watch(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], most: float
) -> Watched:
    """Run a command and look at its tree of processes every :data:`PAUSE` seconds.

    Parameters
    ----------
    command : sequence of str
    folder : Path
        Where it runs.
    environment : mapping
    most : float
        MB at which it is ended, to spare the machine.
    """
    import psutil

    peak, used, failed = 0.0, {}, ""
    ended_before = _clock_of_ended()
    with tempfile.TemporaryFile("w+") as said:
        began = time.perf_counter()
        running = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdout=subprocess.DEVNULL, stderr=said
        )
        root = psutil.Process(running.pid)
        while running.poll() is None:
            with contextlib.suppress(psutil.Error):
                tree = [root, *root.children(recursive=True)]
                peak = max(peak, _memory(tree, above=peak))
                used |= {process.pid: _clock(process, used) for process in tree}
                if peak > most:
                    failed = f"more than {most:,.0f} MB"
                    for process in tree:
                        process.kill()
            time.sleep(PAUSE)
        seconds = time.perf_counter() - began
        said.seek(0)
        lines = said.read().splitlines() or ["it said nothing"]
    if running.returncode and not failed:
        failed = lines[-1]
    # A look misses what a process does after it; the system misses whom nobody waited for.
    processor = max(_clock_of_ended() - ended_before, sum(used.values()))
    return Watched(seconds, processor, peak, failed)


def _clock_of_ended() -> float:
    """Return the processor seconds of all children that have ended, and of their children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _clock(process: Any, before: Mapping[int, float]) -> float:
    try:
        times = process.cpu_times()
    except Exception:  # it has ended meanwhile
        return before.get(process.pid, 0.0)
    return times.user + times.system


def _memory(tree: Sequence[Any], *, above: float) -> float:
    """Return the memory of some processes together, MB; what is no new peak only roughly.

    To add up the shares of every page takes long, and what is resident is never less.
    """
    resident = shared = 0.0
    for process in tree:
        with contextlib.suppress(Exception):  # it has ended meanwhile
            resident += process.memory_info().rss / 2**20
    if resident <= above:
        return resident
    for process in tree:
        with contextlib.suppress(Exception):
            found = process.memory_full_info()
            shared += getattr(found, "pss", found.rss) / 2**20
    return shared
