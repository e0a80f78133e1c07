"""Memory that is free goes back to the system: other processes of the machine need it."""

import ctypes
import sys


def give_back() -> None:
    """Return what was freed: Arrow and the C library keep much of it for the next time.

    After tables of many parts have come and gone, that is hundreds of megabytes. Where the C
    library cannot be asked, it keeps what it has.
    """
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
