"""Progress that a person can read: a bar in a terminal, a few lines in a log."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
LOG_SECONDS = 15


def progress(items: Iterable[Item], *, what: str, unit: str) -> Iterator[Item]:
    """Yield `items` and say on stderr how far the work is."""
    terminal = sys.stderr.isatty()
    return iter(
        tqdm(
            items,
            desc=what,
            unit=f" {unit}",
            file=sys.stderr,
            ascii=not terminal,
            mininterval=0.2 if terminal else LOG_SECONDS,
            ncols=None if terminal else 80,
        )
    )
