"""What was freed goes back to the system."""

import sys

import psutil
import pytest

from retention.core.memory import give_back

MEGABYTE = 2**20


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
