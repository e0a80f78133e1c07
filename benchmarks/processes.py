"""Run a part of a benchmark in a process of its own, so that memory and seconds are its own."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MEGABYTE = 2**20 if sys.platform == "darwin" else 2**10
"""In the unit of ``ru_maxrss``: bytes there, kilobytes elsewhere."""


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
    own, workers = (
        resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    told = {
        "processor": sum(used.ru_utime + used.ru_stime for used in (own, workers)),
        "peak": own.ru_maxrss / MEGABYTE,
        "found": found,
    }
    print(json.dumps(told))
    return True
