"""Memory that is freed: kept at hand, and given back where other processes need it."""

import ctypes
import os
import sys
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""What ``mallopt`` sets, as glibc's malloc.h numbers it."""
_MEGABYTE = 2**20


def keep_at_hand() -> None:
    """Let blocks of memory that are freed be used again, before Arrow and numpy are imported.

    As they come, Arrow's own pool and the C library give the memory of each table back at once
    and take it anew for the next one; the system empties every page of it first, which was a
    sixth of prepare. Whoever has set any of this in the environment keeps it.
    """
    # Arrow takes its memory from the C library too: one rule for all. A huge page is emptied
    # whole, however little of it an array needs.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")
    set_option = _of_c_library("mallopt")
    if set_option is None:
        return
    options = {
        "MALLOC_MMAP_THRESHOLD_": (_MMAP_THRESHOLD, 32 * _MEGABYTE),
        "MALLOC_TRIM_THRESHOLD_": (_TRIM_THRESHOLD, 512 * _MEGABYTE),
        "MALLOC_ARENA_MAX": (_ARENA_MAX, 1),  # what one thread frees another can use
    }
    for name, (option, value) in options.items():
        if name not in os.environ:
            set_option(option, value)


def give_back() -> None:
    """Return what was freed: other processes of the machine need it.

    After tables of many parts have come and gone, that is hundreds of megabytes. Where the C
    library cannot be asked, it keeps what it has.
    """
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.default_memory_pool().release_unused()
    trim = _of_c_library("malloc_trim")
    if trim is not None:
        trim(0)


def _of_c_library(name: str) -> Any:
    """Return a function of Linux's C library, None where it has no such."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
