"""A file is written whole or not at all; what killed runs left behind is removed."""

import errno
import glob
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from retention.core.part_names import clear_table

LEFT_AFTER = 24 * 60 * 60
"""Seconds after which a scratch file is a leftover even if its process seems to run."""

_SCRATCH = re.compile(r"\..+\.(\d+)-[0-9a-f]{8}\.partial")


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a scratch path beside `path` and rename it into place once the block succeeded.

    Parent folders are made. A run killed half-way leaves the old file, never half a new one; its
    scratch file, ``.NAME.PROCESS-xxxxxxxx.partial``, is ignored by Git and DVC and removed by
    :func:`clear_leftovers`. Who may read the file is what the umask says.

    Raises
    ------
    OSError
        With the name of the file that is to be, whichever step failed.
    """
    path = Path(path)
    scratch = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.touch(exist_ok=False)
        yield scratch
        scratch.replace(path)
    except OSError as error:
        if error.filename not in (None, str(scratch)):
            raise
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(error.errno or errno.EIO, reason, str(path)) from error
    finally:
        with suppress(OSError):  # what failed before is the fault to tell
            scratch.unlink(missing_ok=True)


def clear_leftovers(place: Path) -> None:
    """Remove the scratch files of killed runs in the folder `place`, or beside the file `place`.

    So are scratch folders of such a name. Those of a process that still runs stay.
    """
    beside = f".{glob.escape(place.name)}.*.partial"
    found = place.rglob(".*.partial") if place.is_dir() else place.parent.glob(beside)
    for scratch in list(found):
        made_by = _SCRATCH.fullmatch(scratch.name)
        if made_by and not (_runs(int(made_by[1])) and _is_young(scratch)):
            clear_table(scratch)


def _runs(process: int) -> bool:
    """Tell whether another process of this number runs; as far as can be known."""
    if process == os.getpid():
        return False  # a number used again: this process has only begun
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _is_young(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime < LEFT_AFTER
    return False
