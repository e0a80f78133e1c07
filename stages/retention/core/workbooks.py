"""Tables as Excel workbooks, for people: ids stay text, dates are dates, and nothing runs.

Every text is written as a text cell, so that ``007`` keeps its zeros and what begins with ``=`` is
no formula. A table goes by row after row and is never in memory whole. The same table gives the
same bytes: XlsxWriter dates the parts of the file alike, and the day of its making is fixed here.
"""

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from retention.core.errors import InputError
from retention.core.files import atomic, read_batches
from retention.core.scratch import scratch_folder
from retention.core.yaml_files import read_yaml

SHEET_ROWS = 1_048_576
"""Rows of a sheet at most, the header among them (Excel's specifications and limits)."""
_MADE = datetime.datetime(2000, 1, 1)
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
    tables: Iterable[pd.DataFrame],
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
    tables : iterable of DataFrame
        The pieces of the table, from the first row to the last, as many as :func:`fits_a_sheet`.
        A missing value is an empty cell.
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
        If a text is longer than a cell can hold: it is never cut off.
    """
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileCreateError

    words = workbook_words(language)
    with (
        atomic(path) as scratch,
        # What XlsxWriter puts aside names customers: it stays beside the file.
        scratch_folder(_aside(scratch)) as aside,
    ):
        options = {
            "constant_memory": True,
            "tmpdir": str(aside),
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
            "use_zip64": True,  # where a part of the file is that large, and only there
        }
        book = Workbook(str(scratch), options)
        book.set_properties({"created": _MADE})
        page = book.add_worksheet(words["sheets"][sheet])
        forms = _forms(book, language)
        for place, column in enumerate(columns):
            page.set_column(place, place, column.width)
        above = 0
        if first_line:
            page.write_string(0, 0, first_line, forms["warning"])
            above = 1
        headings = [words["headings"][column.name] for column in columns]
        _set_height(page, above, headings, columns)
        for place, heading in enumerate(headings):
            page.write_string(above, place, heading, forms["heading"])
        page.freeze_panes(above + 1, 0)
        page.set_landscape()
        page.set_paper(_A4)
        page.fit_to_pages(1, 0)  # printed as wide as a page, the header on each
        page.repeat_rows(0, above)
        row = above
        for table in tables:
            row = _write_rows(page, row, table, columns, forms, path)
        page.autofilter(above, 0, row, len(columns) - 1)
        try:
            book.close()
        except FileCreateError as error:  # the disk's fault, in a wrapping of its own
            raise error.args[0] from error


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
    write_workbook(read_batches(table), path, columns, sheet=sheet, language=language)


def _aside(scratch: Path) -> Path:
    """Return the folder beside a scratch file, of a name that ``clear_leftovers`` knows."""
    name, process, end = scratch.name.rsplit(".", 2)
    return scratch.with_name(f"{name}.rows.{process}.{end}")


def _forms(book: Any, language: str) -> dict[str, Any]:
    """Return how cells look, by the kind of a column and for what stands above."""
    top = {"valign": "top"}
    left = top | {"align": "left", "indent": 1, "text_wrap": True}
    found = {kind: book.add_format(top | {"num_format": form}) for kind, form in _NUMBERS.items()}
    found["date"] = book.add_format(left | {"num_format": _DATES[language]})
    # The number format of text: an id stays one when somebody edits its cell.
    found["text"] = book.add_format(left | {"num_format": "@"})
    found["heading"] = book.add_format(left | {"bold": True, "bottom": 1, "bg_color": "#E8EEF4"})
    found["warning"] = book.add_format({"bold": True, "font_color": "#B00020"})
    return found


def _write_rows(
    page: Any,
    row: int,
    table: pd.DataFrame,
    columns: Sequence[SheetColumn],
    forms: Mapping[str, Any],
    path: Path,
) -> int:
    """Write rows below `row`; return the last one."""
    kinds = [column.kind for column in columns]
    cells = zip(*(_plain(table[column.name], column.kind) for column in columns), strict=True)
    for values in cells:
        row += 1
        _set_height(page, row, values, columns)
        for place, value in enumerate(values):
            if value is None:
                continue
            kind = kinds[place]
            if kind == "text":
                failed = page.write_string(row, place, value, forms["text"])
            elif kind == "date":
                failed = page.write_datetime(row, place, value, forms["date"])
            else:
                failed = page.write_number(row, place, value, forms[kind])
            if failed:
                raise InputError(
                    f"{path} row {row + 1}: {columns[place].name} does not fit into a cell (of "
                    f"32,767 letters, in one of {SHEET_ROWS:,} rows)"
                )
    return row


def _set_height(page: Any, row: int, values: Sequence[Any], columns: Sequence[SheetColumn]) -> None:
    """Make a row as high as its longest wrapped text; not every program does so by itself."""
    lines = 1
    for value, column in zip(values, columns, strict=True):
        if isinstance(value, str) and len(value) >= column.width:
            # Words that do not fit go down whole, so that lines are filled to some nine tenths.
            lines = max(lines, math.ceil(len(value) / (0.9 * column.width - 1)))
    if lines > 1:
        page.set_row(row, _LINE * min(lines, _MOST_LINES))


def _plain(column: pd.Series, kind: str) -> list[Any]:
    """Return the values of a column as Python has them, None where one is missing."""
    if kind == "text":
        missing = column.isna().to_numpy(dtype=bool)
        words = column.astype(object).tolist()
        return [None if no else str(word) for word, no in zip(words, missing, strict=True)]
    if kind == "date":
        return [None if pd.isna(day) else day for day in column.astype(object).tolist()]
    numbers = column.to_numpy("float64", na_value=math.nan).tolist()
    return [number if math.isfinite(number) else None for number in numbers]
