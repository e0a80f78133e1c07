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
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.atomic import atomic
from retention.core.files import DIGITS, settle, write_csv, write_parquet
from retention.core.part_names import part_paths


@dataclass(frozen=True)
class Dialect:
    """How a spreadsheet of one language writes a CSV file."""

    separator: str
    decimal: str


DIALECTS = {"ru": Dialect(";", ","), "en": Dialect(",", ".")}
"""The valid values of ``campaign.spreadsheet``."""

_PLAIN = 1e9
"""Numbers below have 15 digits at most, those after the mark among them, and no two of so few
digits are the same float."""
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


def write_for_people(
    frame: pd.DataFrame | Iterable[pd.DataFrame], path: Path, *, dialect: str, begins: bool = True
) -> None:
    """Write a table that people open in a spreadsheet: guarded, in its dialect, with BOM.

    Every cell that breaks a line is quoted, and lines end as RFC 4180 has them.

    Parameters
    ----------
    frame : DataFrame or iterable of DataFrame
        The table, or its pieces from the first row to the last.
    path : Path
    dialect : str
        One of :data:`DIALECTS`.
    begins : bool
        Whether the file begins with the mark and the header; else its rows follow those of another.
    """
    form = DIALECTS[dialect]
    pieces = [frame] if isinstance(frame, pd.DataFrame) else frame
    safe = (_for_people(piece, form) for piece in pieces)
    write_csv(safe, path, bom=begins, header=begins, sep=form.separator, end="\r\n")


def _for_people(frame: pd.DataFrame, form: Dialect) -> pd.DataFrame:
    """Return a table as people see it: guarded, its numbers in their decimal mark."""
    safe = guarded(frame)
    for name in frame:
        if pd.api.types.is_float_dtype(frame[name]):
            numbers = settle(frame[name].to_numpy("float64", na_value=np.nan))
            safe[name] = number_texts(numbers, form.decimal)
    return safe


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
    write_part_of_both(frame, path, number=0, count=1, dialect=dialect)


def write_part_of_both(
    frame: pd.DataFrame, path: Path, *, number: int, count: int, dialect: str
) -> None:
    """Write a part of a table twice, as :func:`write_both` does a whole one.

    Of several parts the rows for people lie beside the part until :func:`join_rows` joins them.

    Parameters
    ----------
    frame, path, dialect
        As :func:`write_both` takes them.
    number, count : int
        Which part it is, from 0, and how many there are.
    """
    words = dict.fromkeys(frame.select_dtypes(["object", "str"]), "str")
    plain = frame.astype(words)  # a column of text is one, though no row has a word
    write_parquet(plain, part_paths(path.with_name(f"{path.name}.parquet"), count)[number])
    rows = _rows_of(path, count)[number]
    write_for_people(plain, rows, dialect=dialect, begins=number == 0)


def join_rows(path: Path, *, count: int) -> None:
    """Make the one file for people of the parts that :func:`write_part_of_both` has written.

    Its rows stand part after part.
    """
    if count == 1:
        return
    with atomic(path.with_name(f"{path.name}.csv")) as scratch, scratch.open("wb") as whole:
        for rows in _rows_of(path, count):
            with rows.open("rb") as part:
                shutil.copyfileobj(part, whole)
            rows.unlink()


def _rows_of(path: Path, count: int) -> list[Path]:
    """Return where the rows for people of each part are written."""
    if count == 1:
        return [path.with_name(f"{path.name}.csv")]
    parts = part_paths(path.with_name(f"{path.name}.parquet"), count)
    return [part.with_suffix(".csv") for part in parts]


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


def number_texts(values: np.ndarray, decimal: str) -> np.ndarray:
    """Return the :func:`number_text` of each number of a column, nearly all of them at once.

    A number that was rounded is a whole number of millionths, whose digits are those of its text,
    and few of a table are as large as :data:`_PLAIN`.

    Parameters
    ----------
    values : ndarray of float
    decimal : str
        The decimal mark.

    Returns
    -------
    ndarray of str, as objects
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    unit = 10**DIGITS
    plain = np.abs(values) < _PLAIN  # what is missing is not
    counted = np.rint(np.where(plain, values, 0) * unit)
    plain &= counted / unit == values
    whole, rest = np.divmod(np.abs(counted).astype("int64"), unit)
    part = pc.utf8_rtrim(pc.utf8_lpad(pc.cast(pa.array(rest), pa.string()), DIGITS, "0"), "0")
    added = np.array(["0", "", "", "0", "", "", ""])[pc.binary_length(part)]  # by length
    texts = pc.binary_join_element_wise(
        pc.if_else(pa.array(counted < 0), "-", ""),
        pc.cast(pa.array(whole), pa.string()),
        decimal,
        part,
        pa.array(added),
        "",
    ).to_numpy(zero_copy_only=False)
    texts[~np.isfinite(values)] = ""
    for odd in np.flatnonzero(np.isfinite(values) & ~plain):
        texts[odd] = number_text(values[odd].item(), decimal)
    return texts
