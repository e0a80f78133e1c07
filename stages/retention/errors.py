"""A user's mistake ends in one clear line and a non-zero exit, never in a traceback."""

import functools
import sys
from collections.abc import Callable, Iterable


class InputError(Exception):
    """A mistake in the user's files or params; the message names place, found and valid."""


def one_of(values: Iterable[object]) -> str:
    """Return the valid values as a list to read: ``a, b, c``."""
    return ", ".join(str(value) for value in values)


def stage(main: Callable[[], None]) -> Callable[[], None]:
    """Make a stage's ``main`` print an :class:`InputError` as one line and exit with 1."""

    @functools.wraps(main)
    def guarded() -> None:
        try:
            main()
        except InputError as mistake:
            line = " ".join(str(mistake).splitlines())  # a file's own text may break lines
            print(f"error: {line}", file=sys.stderr)
            sys.exit(1)

    return guarded
