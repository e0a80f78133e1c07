"""From the text of a file to its rows: by the standard first (RFC 4180), else line by line.

A quoted cell may hold separators and line breaks. A quote that was never closed would swallow the
rows behind it, so a row of several lines is believed only if it has as many cells as the header, no
cell that is needed holds a line break, and none of its lines looks like a row of its own.
"""

import codecs
import csv
import itertools
import re
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from retention.core.errors import InputError
from retention.data.encodings import BLOCK, Survey, TextFile, count_of, line_of_no_utf8, no_text
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
_RECORDS = 8
"""What share of a block is read at once record by record, as Python's own objects are larger."""


class OddRowsError(Exception):
    """Not every line is a whole row: the file is to be read anew, record by record."""


@dataclass(frozen=True)
class Batch:
    """Some rows of a file, in the order in which they stand there.

    Attributes
    ----------
    columns : list of pyarrow.Array or pyarrow.ChunkedArray
        The needed columns; all but the first may be coded.
    lines : ndarray of int, shape (n_rows,)
        The first line of each row; the file's first is line 1.
    ragged : DataFrame
        Rows among them that cannot be read: ``line``, ``first`` (what stands in the place of the
        id), ``found`` and ``rule`` in words.
    is_hollow : callable
        Tells of the rows at some lines, which have no id, whether every cell of theirs is empty.
    """

    columns: list[Any]
    lines: np.ndarray
    ragged: pd.DataFrame
    is_hollow: Callable[[np.ndarray], np.ndarray]


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
    return first or _lenient(lines[0], separator), 1


def read_rows(
    text: TextFile,
    found: Survey,
    shape: Shape,
    *,
    above: int,
    by_record: bool = False,
    coded: Collection[int] | None = None,
    size: int = BLOCK,
) -> Iterator[Batch]:
    """Yield the rows of a file, block by block.

    Parameters
    ----------
    text : TextFile
    found : Survey
        What the text shows.
    shape : Shape
    above : int
        Lines that stand above the first row.
    by_record : bool
        Whether to read record by record, so that a broken one harms no other; it is slow, and
        every file can be read so.
    coded : collection of int, optional
        Places of columns to be read as codes into words, which saves time where there are few
        words; by default all but the first.
    size : int
        Bytes of a block.

    Raises
    ------
    OddRowsError
        If not every line is a whole row, unless it is read record by record.
    InputError
        If it is no text, or more rows than :data:`MOST_RAGGED` cannot be read.
    """
    import pyarrow as pa

    if by_record:
        line = line_of_no_utf8(text.path, found) if text.is_utf8 else 0
        if line:
            raise no_text(text.path, line, "utf-8")
        yield from _by_record(text, shape, above=above, size=max(1, size // _RECORDS))
        return
    if found.odd_ends:
        raise OddRowsError("blank lines, or CR alone, which it would take for rows")
    if found.quotes % 2:
        raise OddRowsError("a quote that is never closed")
    kept = set(shape.places[1:] if coded is None else coded)
    try:
        yield from _one_line_each(_below(text.blocks(size), above), shape, kept, line=above + 1)
    except pa.ArrowInvalid as error:
        raise OddRowsError(str(error)) from None


def _below(blocks: Iterator[bytes], above: int) -> Iterator[bytes]:
    """Yield the blocks without the first `above` lines of all."""
    for block in blocks:
        place = 0
        while above and place < len(block):
            place = block.find(b"\n", place) + 1 or len(block)
            above -= 1
        if place < len(block):
            yield block[place:] if place else block


def _one_line_each(
    blocks: Iterator[bytes], shape: Shape, coded: Collection[int], *, line: int
) -> Iterator[Batch]:
    """Read a file in which every line is a whole row, which is fast; raise if one is not."""
    last = b""
    for block in blocks:
        # A quote that the last line of a block leaves open would join it to the next one.
        if b'"' in last and len(_parsed(last + last, shape, coded)) != 2:
            raise OddRowsError("a quote that joins several lines into one row")
        table = _parsed(block, shape, coded)
        if len(table) != count_of(b"\n", block) + (not block.endswith(b"\n")):
            raise OddRowsError("a quote that joins several lines into one row")
        lines = np.arange(line, line + len(table))
        is_hollow = partial(_are_hollow, block, line, shape.separator)
        yield Batch(table.columns, lines, pd.DataFrame(columns=RAGGED), is_hollow)
        line += len(table)
        last = block[block.rfind(b"\n", 0, -1) + 1 :]


def _parsed(block: bytes, shape: Shape, coded: Collection[int]) -> Any:
    """Return the rows of a block as an Arrow table of the needed columns."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    names = [str(place) for place in range(shape.width)]
    words = pa.dictionary(pa.int32(), pa.string())
    kinds = {names[place]: words if place in coded else pa.string() for place in shape.places}
    marked = block.startswith(codecs.BOM_UTF8)  # of a cell; Arrow would take it off
    return pacsv.read_csv(
        pa.BufferReader(pa.py_buffer(b"\n" + block if marked else block)),
        read_options=pacsv.ReadOptions(column_names=names, skip_rows=marked, block_size=1 << 23),
        parse_options=pacsv.ParseOptions(delimiter=shape.separator, ignore_empty_lines=False),
        convert_options=pacsv.ConvertOptions(
            column_types=kinds, include_columns=[names[place] for place in shape.places]
        ),
    )


def _are_hollow(block: bytes, first: int, separator: str, lines: np.ndarray) -> np.ndarray:
    """Tell which `lines` hold nothing but separators; the block begins at the line `first`."""
    every = block.split(b"\n")
    texts = (every[line - first].decode("utf-8", errors="replace") for line in lines)
    return np.array([_is_nothing(text, separator) for text in texts], dtype=bool)


def _is_nothing(line: str, separator: str) -> bool:
    return not line.strip(f'{separator}" \t\r\u00a0\ufeff\u200b')


def _by_record(text: TextFile, shape: Shape, *, above: int, size: int) -> Iterator[Batch]:
    """Read record by record, so that a broken one harms no other; blank lines are passed over."""
    lines = _Lines(text.blocks(size), above)
    forms: Forms | None = None
    records, ragged_rows = _Records(shape), 0
    while (line := lines.first()) is not None:
        number, cells, span = lines.number, _strict(line, shape.separator), 1
        if cells is None:
            forms = _forms(text, above, shape) if forms is None else forms
            cells, span = _spanning(lines.ahead(MOST_LINES), shape, forms)
        ragged_rows += records.add(number, line, cells)
        if ragged_rows > MOST_RAGGED:
            first = records.first_ragged
            raise InputError(
                f"{text.path} has more than {MOST_RAGGED:,} rows that cannot be read; the first, "
                f"line {first[0]}, has {first[2]}, it {first[3]}"
            )
        lines.drop(span)
        if lines.letters >= size:
            yield records.batch()
            lines.letters = 0
    yield records.batch()


class _Records:
    """Rows that were read record by record, until there are enough for a batch."""

    def __init__(self, shape: Shape):
        self._shape = shape
        self.first_ragged: tuple[Any, ...] = ()
        self._clear()

    def _clear(self) -> None:
        self._rows: list[list[str]] = []
        self._numbers: list[int] = []
        self._ragged: list[tuple[Any, ...]] = []
        self._hollow: dict[int, bool] = {}

    def add(self, number: int, line: str, cells: list[str] | None) -> bool:
        """Add the record that begins with `line`; tell whether it cannot be read."""
        shape = self._shape
        broken: tuple[Any, ...] = ()
        if cells is None:
            first = line.split(shape.separator)
            id_cell = first[min(shape.places[0], len(first) - 1)].strip('"')
            broken = (number, id_cell, *STRAY_QUOTE.values())
        elif len(cells) == shape.width:
            self._rows.append([cells[column] for column in shape.places])
            self._numbers.append(number)
            if not self._rows[-1][0]:
                self._hollow[number] = _is_nothing(line, shape.separator)
        elif any(cell.strip() for cell in cells):
            first = cells[shape.places[0]] if shape.places[0] < len(cells) else cells[0]
            broken = (number, first, f"{len(cells)} cells", f"must have {shape.width} cells")
        if broken:
            self.first_ragged = self.first_ragged or broken
            self._ragged.append(broken)
        return bool(broken)

    def batch(self) -> Batch:
        """Return what was added since the last batch."""
        import pyarrow as pa

        columns = list(zip(*self._rows, strict=True)) or [()] * len(self._shape.places)
        made = Batch(
            [pa.array(column, pa.string()) for column in columns],
            np.array(self._numbers, dtype="int64"),
            pd.DataFrame(self._ragged, columns=RAGGED),
            partial(_known_hollow, self._hollow),
        )
        self._clear()
        return made


def _known_hollow(hollow: dict[int, bool], lines: np.ndarray) -> np.ndarray:
    return np.array([hollow[line] for line in lines.tolist()], dtype=bool)


class _Lines:
    """The lines of a text one after another, with a look ahead; millions need no memory."""

    def __init__(self, blocks: Iterator[bytes], above: int):
        self._lines = (
            line.removesuffix("\r")
            for block in blocks
            for line in block.removesuffix(b"\n").decode("utf-8").split("\n")
        )
        self._ahead: deque[str] = deque()
        self.number = 1
        self.letters = 0
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
            line = self._ahead.popleft() if self._ahead else next(self._lines, "")
            self.letters += len(line) + 1
        self.number += count


def _strict(record: str, separator: str) -> list[str] | None:
    """Return the cells of one whole record, None if a quote in it is not closed as it must be."""
    if '"' not in record and "\r" not in record:
        return record.split(separator)
    try:
        return next(csv.reader([record], delimiter=separator, strict=True), [])
    except csv.Error:  # a quote, a lone CR, or a zero byte
        return None if '"' in record else record.split(separator)


def _lenient(line: str, separator: str) -> list[str]:
    """Return the cells of a line, however its quotes stand."""
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:  # a lone CR
        return line.split(separator)


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
    between = [_lenient(line, shape.separator) for line in lines[1:-1]]
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


def _forms(text: TextFile, above: int, shape: Shape) -> Forms:
    """Return the forms of the ids in rows of one line, from the beginning of the file."""
    ids = []
    for line in _Lines(text.blocks(BLOCK // _RECORDS), above).ahead(LOOKED_AT):
        cells = None if line.count('"') % 2 else _strict(line, shape.separator)
        if cells is not None and len(cells) == shape.width:
            ids.append(canonical_id(cells[shape.places[0]])[0])
    known = pd.Series(ids, dtype="str")
    return Forms(known[known != ""])
