"""A folder for what a stage puts aside while it runs, and that nobody reads afterwards."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield the empty folder `path`, and remove it at the end, whatever happened.

    What a killed run left there is removed first.
    """
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
