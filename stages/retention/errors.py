"""A user's mistake ends in one clear line and a non-zero exit, never in a traceback."""

import datetime
import functools
import reprlib
import sys
from collections.abc import Callable, Iterable


class InputError(Exception):
    """A mistake in the user's files or params; the message names place, found and valid."""


def one_of(values: Iterable[object]) -> str:
    """Return the valid values as a list to read: ``a, b, c``."""
    return ", ".join(str(value) for value in values)


def shown(value: object, most: int = 60) -> str:
    """Return a user's value as a message quotes it: clipped, and nothing that a terminal obeys.

    Parameters
    ----------
    value : object
        A text is shown in quotes, a day as YYYY-MM-DD, all else as Python writes it.
    most : int
        Characters at most, quotes and the ellipsis of a clipped value not counted.
    """
    if isinstance(value, datetime.date):
        return str(value)
    if isinstance(value, str):
        text = repr(value[: most + 1])  # escapes what does not print
        return text if len(text) <= most + 2 else f"{text[: most + 1]}…{text[0]}"
    short = reprlib.Repr()
    short.maxstring = short.maxlong = short.maxother = most
    try:
        text = short.repr(value)
    except ValueError:  # Python writes no whole number of more than 4300 digits
        text = f"<{type(value).__name__}>"
    return text if len(text) <= most else f"{text[:most]}…"


def clipped(text: object, most: int = 60) -> str:
    """Return a user's word, such as a key or a column, clipped and printable, without quotes."""
    printable = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode()
        for sign in str(text)[: most + 1]
    )
    return printable if len(printable) <= most else f"{printable[:most]}…"


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
