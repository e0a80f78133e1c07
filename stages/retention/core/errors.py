"""A user's mistake ends in one clear line and a non-zero exit, never in a traceback."""

import datetime
import re
import reprlib
from collections.abc import Iterable

LONGEST_MESSAGE = 500
"""Characters of a message that are shown at most."""


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


def one_line(message: str) -> str:
    r"""Return a message as one line of printable text, :data:`LONGEST_MESSAGE` characters at most.

    A message quotes what a file holds. So line breaks become spaces, what would move the cursor,
    colour the terminal or turn the direction of writing is spelled out (``\x1b``, ``\u202e``),
    and of a long message the middle is left out: it begins with the place and ends with what is
    valid.
    """
    cut = _without_middle(message, 4 * LONGEST_MESSAGE)
    plain = re.sub(r"[\r\n]+", " ", cut).strip()
    shown = "".join(map(_visible, plain))
    return _without_middle(shown, LONGEST_MESSAGE)


def _without_middle(text: str, most: int) -> str:
    head = 2 * most // 3
    return text if len(text) <= most else f"{text[:head]} … {text[len(text) - most + head + 3 :]}"


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else character.encode("unicode_escape").decode()
