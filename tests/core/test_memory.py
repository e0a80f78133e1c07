"""Where memory is taken from, that it is used again, and that it goes back to the system."""

import os
import subprocess
import sys

import psutil
import pytest

from project import ROOT
from retention.core.memory import give_back

MEGABYTE = 2**20
POOL = "ARROW_DEFAULT_MEMORY_POOL"


def said(code, chosen):
    """Return what a process prints that has only the `chosen` settings of memory."""
    usual = {
        name: value
        for name, value in os.environ.items()
        if name != POOL and not name.startswith("MALLOC_")
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "stages",
        env=usual | chosen,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def resident() -> float:
    return psutil.Process().memory_info().rss / MEGABYTE


@pytest.mark.skipif(sys.platform != "linux", reason="asks the C library of Linux")
def test_memory_that_lies_between_what_is_in_use_is_given_back():
    taken = [bytearray(b"x" * 100_000) for _ in range(2000)]
    kept = taken[::20]
    taken.clear()
    before = resident()
    give_back()
    assert before - resident() > 100
    assert all(len(one) == 100_000 for one in kept)


@pytest.mark.parametrize(("chosen", "pool"), [({}, "system"), ({POOL: "mimalloc"}, "mimalloc")])
def test_arrow_takes_memory_from_the_c_library_unless_told_otherwise(chosen, pool):
    code = "import retention, pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    assert said(code, chosen) == f"{pool}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="asks the C library of Linux")
@pytest.mark.parametrize(
    ("chosen", "few"), [({}, True), ({"MALLOC_MMAP_THRESHOLD_": "65536"}, False)]
)
def test_memory_that_was_freed_is_used_again_unless_told_otherwise(chosen, few):
    """A column taken and freed 50 times: its 2,000 pages are emptied once, or each time."""
    code = (
        "import resource, retention, numpy as np\n"
        "of = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "np.ones(1_000_000)\n"
        "before = of()\n"
        "for _ in range(50):\n"
        "    np.ones(1_000_000)\n"
        "print(of() - before)"
    )
    assert (int(said(code, chosen)) < 2_000) == few
