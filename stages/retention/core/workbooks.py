"""Tables as Excel workbooks, for people: ids stay text, dates are dates, and nothing runs.

Every text is written as a text cell, so that ``007`` keeps its zeros and what begins with ``=`` is
no formula. A table goes by piece after piece and is never in memory whole. The same table gives the
same bytes: the day of a workbook's making, which its writer takes from the clock, is set anew.
"""

import math
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from retention.core.atomic import atomic
from retention.core.errors import InputError
from retention.core.files import read_batches
from retention.core.yaml_files import read_yaml

if TYPE_CHECKING:
    import pyarrow as pa

SHEET_ROWS = 1_048_576
"""Rows of a sheet at most, the header among them (Excel's specifications and limits)."""
_CELL_LETTERS = 32_767
"""Letters of a cell at most (Excel's specifications and limits)."""
_CELL_BYTES = 60
"""Bytes of a cell beside its text, before the sheet is packed."""
_SHEET_BYTES = 3.5e9
"""Bytes of a sheet at most, before it is packed: beyond 4 GiB its writer cannot go."""
_MOST_HIGH = 100_000
"""Rows at most whose heights are told: each takes nearly a kilobyte of memory."""
_MADE = b"2000-01-01T00:00:00Z"
_CLOCK = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_CORE = "docProps/core.xml"
"""The part of a workbook that says when it was made."""
_SYSTEMS_WORD = re.compile(r"os error (\d+)|Os \{ code: (\d+)")
_A4 = 9
_LINE = 15
"""Points that a line of text is high."""
_MOST_LINES = 20
"""Lines that a row is high at most; Excel allows 27."""
_DATES = {"ru": "dd.mm.yyyy", "en": "yyyy-mm-dd"}
_NUMBERS = {"money": "#,##0.00", "share": "0.0%", "count": "0"}
_WORDS = Path(__file__).with_name("templates") / "workbooks.yaml"


@dataclass(frozen=True)
class SheetColumn:
    """A column of a sheet.

    Attributes
    ----------
    name : str
        The table's column.
    kind : str
        What its cells hold: ``text``, ``date``, ``money``, ``share`` (0 to 1, shown in per cent) or
        ``count``.
    width : int
        Letters that it is wide; a longer text is wrapped.
    """

    name: str
    kind: Literal["text", "date", "money", "share", "count"]
    width: int


def workbook_words(language: str) -> dict[str, Any]:
    """Return what workbooks say in a language, ``ru`` or ``en``: headings, sheets and so on."""
    return read_yaml(_WORDS)[language]


def fits_a_sheet(rows: int) -> bool:
    """Tell whether a table of so many rows, its header and a line above fit into a sheet."""
    return rows + 2 <= SHEET_ROWS


def beyond_a_sheet(path: Path, rows: int, instead: Path) -> str:
    """Return what is said of a table that no sheet holds."""
    return (
        f"{path} is not written: {rows:,} rows are more than a sheet of a workbook holds; "
        f"{instead} has them all"
    )


def write_workbook(
    pieces: Callable[[], Iterable[pd.DataFrame]],
    path: Path,
    columns: Sequence[SheetColumn],
    *,
    sheet: str,
    language: str,
    first_line: str = "",
) -> None:
    """Write a table as a workbook of one sheet, with a header that stays in sight and a filter.

    Parameters
    ----------
    pieces : callable
        Returns the pieces of the table, from the first row to the last, as many rows as
        :func:`fits_a_sheet`; the same each time. A missing value is an empty cell.
    path : Path
    columns : sequence of SheetColumn
        The columns to write, from left to right.
    sheet : str
        A key of the words' ``sheets``: what the sheet is called.
    language : str
        Of headings and forms of dates, ``ru`` or ``en``.
    first_line : str
        What stands above the header.

    Raises
    ------
    InputError
        If a text is longer than a cell can hold, or all of them than a workbook: none is cut off.
    """
    from rustpy_xlsxwriter import write_worksheet

    words = workbook_words(language)
    above = 1 if first_line else 0
    headings = [words["headings"][column.name] for column in columns]
    forms = _forms(language)
    # Rows go out one after the other, so that their heights have to be known beforehand.
    heights = _heights(pieces(), columns, headings, above, path)
    rows = _Rows(pieces, columns, headings)
    with atomic(path) as scratch, _put_aside_in(scratch.parent):
        try:
            write_worksheet(
                rows,
                str(scratch),
                sheet_name=words["sheets"][sheet],
                header_row=above,
                freeze_row=above + 1,
                autofilter=True,
                column_widths=[float(column.width) for column in columns],
                column_formats=[forms[column.kind] for column in columns],
                header_format=forms["heading"],
                row_heights=heights,
                merge_ranges=[(0, 0, 0, len(columns) - 1, first_line, forms["warning"])][:above],
                page_setup={
                    "landscape": True,
                    "paper_size": _A4,
                    "fit_to_pages": (1, 0),  # as wide as a page, the header on each
                    "repeat_rows": (0, above),
                },
            )
        except BaseException as fault:  # what Rust cannot go on from is no Exception
            raise rows.fault or _of_system(fault, path) from None
        _set_day(scratch)


def write_table_as_workbook(
    table: Path, path: Path, columns: Sequence[SheetColumn], *, sheet: str, language: str
) -> None:
    """Write a table that a stage wrote as a workbook, some rows at a time.

    Parameters
    ----------
    table : Path
        Of Parquet, in one part or many.
    path, columns, sheet, language
        As :func:`write_workbook` takes them.
    """
    names = [column.name for column in columns]

    def pieces() -> Iterator[pd.DataFrame]:
        return read_batches(table, names)

    write_workbook(pieces, path, columns, sheet=sheet, language=language)


class _Rows:
    """A table as its writer asks for it: a stream of Arrow's, a piece at a time.

    Attributes
    ----------
    fault : BaseException or None
        Why the stream broke off; the writer tells it in words only.
    """

    def __init__(
        self,
        pieces: Callable[[], Iterable[pd.DataFrame]],
        columns: Sequence[SheetColumn],
        headings: Sequence[str],
    ):
        self.pieces = pieces
        self.columns = columns
        self.headings = headings
        self.fault: BaseException | None = None

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Return the stream, by Arrow's PyCapsule interface."""
        import pyarrow as pa

        types = {"text": pa.string(), "date": pa.date32()}
        kinds = [types.get(column.kind, pa.float64()) for column in self.columns]
        schema = pa.schema(list(zip(self.headings, kinds, strict=True)))
        reader = pa.RecordBatchReader.from_batches(schema, self._batches(schema))
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self, schema: "pa.Schema") -> Iterator["pa.RecordBatch"]:
        import pyarrow as pa

        try:
            for piece in self.pieces():
                cells = [_cells(piece[column.name], column.kind) for column in self.columns]
                yield from pa.Table.from_arrays(cells, schema=schema).to_batches()
        except GeneratorExit:
            raise  # the writer has broken off
        except BaseException as fault:
            self.fault = fault
            raise


def _cells(column: pd.Series, kind: str) -> "pa.Array | pa.ChunkedArray":
    """Return the cells of a column as Arrow has them, null where one is empty."""
    import pyarrow as pa

    if kind == "text":
        texts = column if column.dtype == "str" else column.astype("str")
        return pa.array(texts, pa.string(), from_pandas=True)
    if kind == "date" and column.isna().all():
        return pa.nulls(len(column), pa.date32())
    if kind == "date":
        return pa.array(column, pa.date32(), from_pandas=True)
    numbers = column.to_numpy("float64", na_value=math.nan)
    return pa.array(numbers, mask=~np.isfinite(numbers))


@contextmanager
def _put_aside_in(folder: Path) -> Iterator[None]:
    """Let the writer put rows aside beside the file, as they name customers, in no common folder.

    What it puts aside goes with the process, however that ends; where the system can, it has no
    name meanwhile.
    """
    names = ("TMPDIR", "TMP", "TEMP")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, str(folder.absolute())))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _of_system(fault: BaseException, path: Path) -> BaseException:
    """Return what the system refused with its number and file; the writer tells it in words."""
    found = _SYSTEMS_WORD.search(str(fault))
    if found is None:
        return fault
    number = int(found[1] or found[2])
    if os.name == "nt":  # numbers of Windows: Python finds its own for them
        return OSError(None, str(fault), str(path), number)
    return OSError(number, os.strerror(number), str(path))


def _set_day(path: Path) -> None:
    """Set the day on which a workbook was made to the same for all: it would be that of the clock.

    The part that tells it comes after the rows, so that these need not be written again.
    """
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        begin = packed.getinfo(_CORE).header_offset
        late = [one for one in packed.infolist() if one.header_offset >= begin]
        told = {one.filename: packed.read(one) for one in late}
        for one in late:
            packed.filelist.remove(one)
            del packed.NameToInfo[one.filename]
        packed.start_dir = begin  # where the next part goes
        for name, text in told.items():
            same = re.sub(_CLOCK, _MADE, text) if name == _CORE else text
            packed.writestr(zipfile.ZipInfo(name), same, zipfile.ZIP_DEFLATED)


def _forms(language: str) -> dict[str, Any]:
    """Return how cells look, by the kind of a column and for what stands above."""
    from rustpy_xlsxwriter import Format

    def top() -> Any:
        return Format().set_align("top")

    def left() -> Any:
        return top().set_align("left").set_indent(1).set_text_wrap()

    found = {kind: top().set_num_format(form) for kind, form in _NUMBERS.items()}
    found["date"] = left().set_num_format(_DATES[language])
    # The number format of text: an id stays one when somebody edits its cell.
    found["text"] = left().set_num_format("@")
    heading = left().set_bold().set_border_bottom("thin")
    found["heading"] = heading.set_background_color("#E8EEF4")
    found["warning"] = Format().set_bold().set_font_color("#B00020")
    return found


def _heights(
    pieces: Iterable[pd.DataFrame],
    columns: Sequence[SheetColumn],
    headings: Sequence[str],
    above: int,
    path: Path,
) -> dict[int, float]:
    """Return how high rows of more than one line are; not every program sees to it by itself.

    The last row has none: the writer would write it twice. Where very many are high, as many are
    not kept in memory, the program that opens the file is left to see to it.

    Raises an InputError where a text does not fit into a cell, or all of them into a sheet.
    """
    widths = [column.width for column in columns]
    head = _lines(np.array([len(text) for text in headings]), np.array(widths)).max()
    heading = {above: _LINE * float(head)} if head > 1 else {}
    heights: dict[int, float] = {}
    row, size = above + 1, 0
    for piece in pieces:
        lines = np.ones(len(piece))
        size += len(piece) * len(columns) * _CELL_BYTES
        for column in columns:
            if column.kind == "text":
                texts = _cells(piece[column.name], column.kind)
                size += _sizes(texts, "binary_length").sum()
                letters = _sizes(texts, "utf8_length")
                _refuse_too_long(letters, row, column.name, path)
                lines = np.maximum(lines, _lines(letters, column.width))
        if len(heights) <= _MOST_HIGH:
            (high,) = np.nonzero(lines > 1)
            told = _LINE * np.minimum(lines[high], _MOST_LINES)
            heights.update(zip((high + row).tolist(), told.tolist(), strict=True))
        row += len(piece)
    if size > _SHEET_BYTES:
        raise InputError(
            f"{path}: its texts together are more than a workbook holds "
            f"({size / 1e9:.1f} of {_SHEET_BYTES / 1e9:.1f} GB); shorten them"
        )
    heights = heading | (heights if len(heights) <= _MOST_HIGH else {})
    heights.pop(row - 1, None)
    return heights


def _sizes(texts: "pa.Array | pa.ChunkedArray", how: str) -> np.ndarray:
    """Return the length of each text, in letters or bytes, 0 where it is missing."""
    import pyarrow.compute as pc

    return pc.fill_null(getattr(pc, how)(texts), 0).to_numpy(zero_copy_only=False)


def _lines(letters: np.ndarray, width: int | np.ndarray) -> np.ndarray:
    """Return how many lines texts take in a column so wide."""
    # Words that do not fit go down whole, so that lines are filled to some nine tenths.
    return np.where(letters >= width, np.ceil(letters / (0.9 * np.asarray(width) - 1)), 1.0)


def _refuse_too_long(letters: np.ndarray, first: int, name: str, path: Path) -> None:
    """Raise an InputError where a text of a column, the first in row `first`, fits no cell."""
    if letters.max(initial=0) > _CELL_LETTERS:
        row = first + int(np.argmax(letters > _CELL_LETTERS)) + 1
        raise InputError(
            f"{path} row {row}: {name} does not fit into a cell (of {_CELL_LETTERS:,} letters)"
        )
