"""From the text of a file to its rows: by the standard first (RFC 4180), else line by line.

A quoted cell may hold separators and line breaks. A quote that was never closed would swallow the
rows behind it, so a row of several lines is believed only if it has as many cells as the header, no
cell that is needed holds a line break, and none of its lines looks like a row of its own.
"""

import csv
import io
import itertools
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.errors import InputError
from retention.data.encodings import decoded
from retention.data.id_forms import Forms
from retention.data.ids import canonical_id

csv.field_size_limit(2**31 - 1)  # a cell of any size is a finding, not a crash

RAGGED = ["line", "first", "found", "rule"]
STRAY_QUOTE = {
    "found": "a stray quote",
    "rule": "must close each quote before a separator or the line's end",
}
"""What is said of a row with a quote that opens or closes where none may."""
MOST_RAGGED = 1_000_000
"""Rows that cannot be read from which a file is no table."""
MOST_LINES = 1000
"""Lines that one row may span."""
_CODE = re.compile(r"(?=.*\d)(?=.*[^\W\d_])\S{1,64}")
LOOKED_AT = 20_000
"""Lines of a file from which it is learnt what an id looks like."""


@dataclass(frozen=True)
class Shape:
    """What the rows of a file must be like.

    Attributes
    ----------
    width : int
        Cells of a row.
    places : sequence of int
        Where the needed columns stand; the first is that of the id.
    separator : str
    """

    width: int
    places: Sequence[int]
    separator: str


def first_record(lines: Sequence[str], separator: str) -> tuple[list[str], int]:
    """Return the cells of the header at the beginning of `lines`, and how many lines it spans.

    A header of several lines is believed only where no line of it could be a row, and no cell
    that holds a line break holds a separator; else the first line is the header.
    """
    for count in range(1, min(len(lines), MOST_LINES) + 1):
        cells = _strict("\n".join(lines[:count]), separator)
        if cells is None and (count > 1 or lines[0].count('"') % 2):
            continue
        if cells is None or count == 1:
            break
        swallowed = any("\n" in cell and separator in cell for cell in cells)
        rows = (_strict(line, separator) for line in lines[1:count] if line.count('"') % 2 == 0)
        wide = any(row is not None and len(row) >= len(cells) for row in rows)
        if not (swallowed or wide or len(cells) == 1):
            return cells, count
        break
    first = _strict(lines[0], separator)
    return first or next(csv.reader([lines[0]], delimiter=separator), []), 1


def read_rows(
    path: Path, raw: bytes, shape: Shape, *, above: int
) -> tuple[list[Any], np.ndarray, pd.DataFrame]:
    """Return the needed columns, the line of each row, and apart the rows that cannot be read.

    Parameters
    ----------
    path : Path
        For messages.
    raw : bytes
        The whole file as UTF-8.
    shape : Shape
    above : int
        Lines that stand above the first row.

    Returns
    -------
    columns : list of pyarrow.ChunkedArray
        As ``shape.places`` has them; all but the first may be coded.
    lines : ndarray of int, shape (n_rows,)
        The first line of each row; the file's first is line 1.
    ragged : DataFrame
        ``line``, ``first`` (what stands in the place of the id), ``found`` and ``rule`` in words.
    """
    import pyarrow as pa

    try:
        table = _one_line_each(raw, shape, above=above)
    except pa.ArrowInvalid:
        decoded(path, raw, "utf-8")  # or a line is named that is no text
        return _by_record(path, raw, shape, above=above)
    lines = np.arange(above + 1, table.num_rows + above + 1)
    return table.unify_dictionaries().columns, lines, pd.DataFrame(columns=RAGGED)


def _one_line_each(raw: bytes, shape: Shape, *, above: int) -> Any:
    """Read a file in which every line is a whole row, which is fast; raise if one is not."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    names = [str(place) for place in range(shape.width)]
    kinds = {names[place]: pa.dictionary(pa.int32(), pa.string()) for place in shape.places}
    kinds[names[shape.places[0]]] = pa.string()
    if b"\n\n" in raw or b"\n\r\n" in raw:
        raise pa.ArrowInvalid("blank lines, which it would take for rows")
    if raw.count(b'"') % 2:
        raise pa.ArrowInvalid("a quote that is never closed")
    table = pacsv.read_csv(
        pa.BufferReader(pa.py_buffer(raw)),
        read_options=pacsv.ReadOptions(column_names=names, skip_rows=above, block_size=1 << 23),
        parse_options=pacsv.ParseOptions(delimiter=shape.separator, ignore_empty_lines=False),
        convert_options=pacsv.ConvertOptions(
            column_types=kinds, include_columns=[names[place] for place in shape.places]
        ),
    )
    if table.num_rows != raw.count(b"\n") + (not raw.endswith(b"\n")) - above:
        raise pa.ArrowInvalid("a quote that joins several lines into one row")
    return table


def _by_record(
    path: Path, raw: bytes, shape: Shape, *, above: int
) -> tuple[list[Any], np.ndarray, pd.DataFrame]:
    """Read record by record, so that a broken one harms no other; blank lines are passed over."""
    import pyarrow as pa

    lines = _Lines(raw, above)
    forms: Forms | None = None
    rows, numbers, ragged = [], [], []
    while (line := lines.first()) is not None:
        number, cells, span = lines.number, _strict(line, shape.separator), 1
        if cells is None:
            forms = _forms(raw, above, shape) if forms is None else forms
            cells, span = _spanning(lines.ahead(MOST_LINES), shape, forms)
        if cells is None:
            first = line.split(shape.separator)
            id_cell = first[min(shape.places[0], len(first) - 1)].strip('"')
            ragged.append((number, id_cell, *STRAY_QUOTE.values()))
        elif len(cells) == shape.width:
            rows.append([cells[column] for column in shape.places])
            numbers.append(number)
        elif any(cell.strip() for cell in cells):
            first = cells[shape.places[0]] if shape.places[0] < len(cells) else cells[0]
            rule = f"must have {shape.width} cells"
            ragged.append((number, first, f"{len(cells)} cells", rule))
        if len(ragged) > MOST_RAGGED:
            raise InputError(
                f"{path} has more than {MOST_RAGGED:,} rows that cannot be read; the first, line "
                f"{ragged[0][0]}, has {ragged[0][2]}, it {ragged[0][3]}"
            )
        lines.drop(span)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(shape.places)
    made = [pa.chunked_array([pa.array(column, pa.string())]) for column in columns]
    return made, np.array(numbers, dtype="int64"), pd.DataFrame(ragged, columns=RAGGED)


class _Lines:
    """The lines of a text one after another, with a look ahead; millions need no memory."""

    def __init__(self, raw: bytes, above: int):
        text = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8", newline="\n")
        self._lines = (line.removesuffix("\n").removesuffix("\r") for line in text)
        self._ahead: deque[str] = deque()
        self.number = 1
        self.drop(above)

    def ahead(self, count: int) -> list[str]:
        """Return the next lines, at most `count`."""
        self._ahead.extend(itertools.islice(self._lines, max(0, count - len(self._ahead))))
        return list(itertools.islice(self._ahead, count))

    def first(self) -> str | None:
        """Return the next line, None behind the last."""
        if not self._ahead:
            self._ahead.extend(itertools.islice(self._lines, 1))
        return self._ahead[0] if self._ahead else None

    def drop(self, count: int) -> None:
        """Go on by `count` lines."""
        for _ in range(count):
            if self._ahead:
                self._ahead.popleft()
            else:
                next(self._lines, None)
        self.number += count


def _strict(record: str, separator: str) -> list[str] | None:
    """Return the cells of one whole record, None if a quote in it is not closed as it must be."""
    if '"' not in record and "\r" not in record:
        return record.split(separator)
    try:
        return next(csv.reader([record], delimiter=separator, strict=True), [])
    except csv.Error:  # a quote, a lone CR, or a zero byte
        return None if '"' in record else record.split(separator)


def _spanning(lines: Sequence[str], shape: Shape, forms: Forms) -> tuple[list[str] | None, int]:
    """Return the record of several lines that begins `lines`, None if it is not to be believed.

    A record of too many or too few cells is returned too: it is one row that cannot be read.
    """
    open_quotes = 0
    for count, line in enumerate(lines, start=1):
        open_quotes += line.count('"')
        if count == 1 or open_quotes % 2:
            continue
        cells = _strict("\n".join(lines[:count]), shape.separator)
        if cells is None or _joins_rows(lines[:count], shape, forms):
            return None, 1
        whole = len(cells) == shape.width
        broken = whole and any("\n" in cells[place] for place in shape.places)
        return (None, 1) if broken else (cells, count)
    return None, 1


def _joins_rows(lines: Sequence[str], shape: Shape, forms: Forms) -> bool:
    """Tell whether lines that quotes join are rows of their own, each with an id like the others.

    A line between would be one as it stands (or is a bare id); the first and the last, if both are
    once their quotes are taken for letters.
    """
    bare = [line.replace('"', "").split(shape.separator) for line in (lines[0], lines[-1])]
    if all(_is_row(cells, shape, forms) for cells in bare):
        return True
    between = [next(csv.reader([line], delimiter=shape.separator), []) for line in lines[1:-1]]
    return any(
        _is_row(cells, shape, forms) or (len(cells) == 1 and _is_id(cells[0], forms))
        for cells in between
    )


def _is_row(cells: Sequence[str], shape: Shape, forms: Forms) -> bool:
    return len(cells) == shape.width and _is_id(cells[shape.places[0]], forms)


def _is_id(cell: str, forms: Forms) -> bool:
    """Tell whether a cell is an id like the others, or a code of digits and letters."""
    word = canonical_id(cell)[0]
    return forms.fits(word) or _CODE.fullmatch(word) is not None


def _forms(raw: bytes, above: int, shape: Shape) -> Forms:
    """Return the forms of the ids in rows of one line, from the beginning of the file."""
    ids = []
    for line in _Lines(raw, above).ahead(LOOKED_AT):
        cells = None if line.count('"') % 2 else _strict(line, shape.separator)
        if cells is not None and len(cells) == shape.width:
            ids.append(canonical_id(cells[shape.places[0]])[0])
    known = pd.Series(ids, dtype="str")
    return Forms(known[known != ""])
