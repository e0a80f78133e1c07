"""Tables made for people: they open in the spreadsheet by a double click, and run nothing there.

Which separator and decimal mark a spreadsheet expects depends on its language
(:data:`DIALECTS`); in another one, a double click puts each row into one cell.

Excel and its likes run a cell that begins with ``= + - @`` (CSV injection, CWE-1236). Which cells
there are depends on the separator the program expects, and in Russia that is the semicolon, so
what follows a separator or a quote within a cell is guarded too. The guard is an apostrophe;
`unguard` takes it off again, exactly.

What no CSV can tell a spreadsheet: that ``007``, ``1E5`` or a long number is an id. It is opened as
a number and saved as one, so an id that must keep its form is to be imported as text (Data, From
Text), or taken from the Parquet file, which is what programs read.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.files import DIGITS, settle, write_csv, write_parquet


@dataclass(frozen=True)
class Dialect:
    """How a spreadsheet of one language writes a CSV file."""

    separator: str
    decimal: str


DIALECTS = {"ru": Dialect(";", ","), "en": Dialect(",", ".")}
"""The valid values of ``campaign.spreadsheet``."""

_RISKY = "=+\\-@\t\r\n＝＋－＠"
_START = re.compile(f"(^|[;,\\t\\r\\n\"])('*)(?=[{_RISKY}])")
_ANYWHERE = f"(?:^|[;,\\t\\r\\n\"])'*[{_RISKY}]"
_GUARDED = re.compile(f"(^|[;,\\t\\r\\n\"])'('*)(?=[{_RISKY}])")


def guard(text: str) -> str:
    """Return `text` with an apostrophe before whatever could run as a formula."""
    return _START.sub(r"\1'\2", text)


def unguard(text: str) -> str:
    """Return the text that :func:`guard` was given."""
    return _GUARDED.sub(r"\1\2", text)


def guarded(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with the words of every column of text guarded; numbers stay numbers."""
    safe = table.copy()
    for name in table.select_dtypes(include=["object", "str", "category"]):
        codes, words = pd.factorize(table[name])
        plain = np.array(words, dtype=object)
        risky = pd.Series(words, dtype="str").str.contains(_ANYWHERE, regex=True)
        for place in np.flatnonzero(risky.to_numpy(dtype=bool)):
            if isinstance(plain[place], str):
                plain[place] = guard(plain[place])
        safe[name] = np.append(plain, None)[codes]
    return safe


def write_for_people(frame: pd.DataFrame, path: Path, *, dialect: str) -> None:
    """Write a table that people open in a spreadsheet: guarded, in its dialect, with BOM.

    Every cell that breaks a line is quoted, and lines end as RFC 4180 has them.

    Parameters
    ----------
    frame : DataFrame
    path : Path
    dialect : str
        One of :data:`DIALECTS`.
    """
    form = DIALECTS[dialect]
    safe = guarded(frame)
    for name in frame:
        if pd.api.types.is_float_dtype(frame[name]):
            numbers = settle(frame[name].to_numpy("float64", na_value=np.nan))
            safe[name] = [number_text(value, form.decimal) for value in numbers.tolist()]
    write_csv(safe, path, bom=True, sep=form.separator, end="\r\n")


def write_both(frame: pd.DataFrame, path: Path, *, dialect: str) -> None:
    """Write a table twice: as Parquet for programs, and as CSV for people.

    Parameters
    ----------
    frame : DataFrame
    path : Path
        Without ending: ``.parquet`` (raw values) and ``.csv`` (:func:`write_for_people`) are added.
    dialect : str
        One of :data:`DIALECTS`.
    """
    words = dict.fromkeys(frame.select_dtypes(["object", "str"]), "str")
    plain = frame.astype(words)  # a column of text is one, though no row has a word
    write_parquet(plain, path.with_name(f"{path.name}.parquet"))
    write_for_people(plain, path.with_name(f"{path.name}.csv"), dialect=dialect)


def number_text(value: float, decimal: str) -> str:
    """Return a number as its shortest text that no reader can take for another one.

    Without exponent, and never with three digits after the mark: ``1,125`` may be a thousand.
    What is missing or not finite is empty.
    """
    if not math.isfinite(value):
        return ""
    text = repr(round(value, DIGITS) + 0.0)
    if "e" in text:
        text = f"{value:.{DIGITS}f}".rstrip("0")
    whole, _, part = text.partition(".")
    part += "0" * (not part or len(part) == 3)
    return f"{whole}{decimal}{part}"
