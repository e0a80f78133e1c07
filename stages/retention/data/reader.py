"""Read one file about customers into columns of text, whatever its dialect.

Nothing is interpreted here: every cell stays text, every row keeps its line in the file. What
cannot be read for certain is refused; a header that reads as it should is the proof that the
encoding and the separator were found. Every file that names customers comes in this way.
"""

import csv
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.cells import folded_name
from retention.core.columns import Columns
from retention.core.errors import InputError, one_of, shown
from retention.core.findings import Finding, Level
from retention.data.coded import Coded
from retention.data.encodings import as_utf8, first_line, read_bytes
from retention.data.headers import places_of, spelling_of
from retention.data.ids import EXACT_AS_FLOAT
from retention.data.records import RAGGED, STRAY_QUOTE, Shape, first_record, read_rows

ENDINGS = (".csv", ".csv.gz", ".parquet")
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}


@dataclass(frozen=True)
class RawTable:
    """One file as text.

    Attributes
    ----------
    file : str
        Name of the file, for messages.
    header : list of str
        Every header that the file has.
    ids : Series of str, shape (n_rows,)
        The column of customer ids, as they are written.
    columns : dict of Coded
        Every other wanted column that the file has, by its name.
    lines : ndarray of int, shape (n_rows,)
        A row's line in its file (the header is line 1).
    spellings : dict of str
        Under which of its headers each wanted column stands in the file, by its name.
    ragged : DataFrame
        Rows that cannot be read: ``line``, ``first`` (what stands in the place of the id),
        ``found`` and ``rule`` in words.
    findings : list of Finding
        What was mended or left out on the way.
    extra : tuple of str
        Headers of columns that are not part of the export.
    """

    file: str
    header: list[str]
    ids: pd.Series
    columns: dict[str, Coded]
    lines: np.ndarray
    spellings: dict[str, str]
    ragged: pd.DataFrame
    findings: list[Finding]
    extra: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows in the file, the ragged ones included."""
        return len(self.ids) + len(self.ragged)

    def with_empty(self, headers: Collection[str]) -> "RawTable":
        """Return the table with an empty column more for each of `headers`."""
        rows = np.zeros(len(self.ids), dtype="int32")
        empty = {header: Coded(rows, [""]) for header in headers}
        return replace(self, columns=self.columns | empty)

    def where(self, kept: np.ndarray) -> "RawTable":
        """Return the table with the rows that `kept` marks."""
        columns = {name: Coded(one.codes[kept], one.words) for name, one in self.columns.items()}
        ids = self.ids[kept].reset_index(drop=True)
        return replace(self, ids=ids, columns=columns, lines=self.lines[kept])


def find_export(folder: Path, table: str) -> Path:
    """Return the path of the export `table` in `folder`.

    Raises
    ------
    InputError
        If no file, or more than one, has the name with a known ending.
    """
    if not folder.is_dir():
        raise InputError(f"folder {folder} (params.yaml: data.dir) is not there")
    found = [folder / f"{table}{end}" for end in ENDINGS if (folder / f"{table}{end}").is_file()]
    if not found:
        names = one_of(f"{table}{ending}" for ending in ENDINGS)
        raise InputError(f"{folder} has no file {table}; valid names: {names}")
    if len(found) > 1:
        raise InputError(f"{folder} has {one_of(p.name for p in found)}; keep one of them")
    return found[0]


def read_table(
    folder: Path, table: str, *, columns: Columns, may_lack: Collection[str] = ()
) -> RawTable:
    """Read the export `table` of the data dictionary from `folder` as text.

    Parameters
    ----------
    folder : Path
    table : str
    columns : Columns
        The data dictionary.
    may_lack : collection of str
        Canonical names of columns that this export may lack, beside optional ones.

    Raises
    ------
    InputError
        As :func:`find_export` and :func:`read_export`.
    """
    identity, *wanted = columns.wanted(table)
    return read_export(
        find_export(folder, table),
        [spellings[0] for spellings in wanted],
        identity=identity[0],
        aliases={spellings[0]: spellings[1:] for spellings in (identity, *wanted)},
        optional=[
            one.header
            for one in columns.of(table)
            if (one.optional or one.name in may_lack) and not one.month
        ],
    )


def read_export(
    path: Path,
    wanted: Sequence[str],
    *,
    identity: str,
    aliases: Mapping[str, Sequence[str]] | None = None,
    optional: Collection[str] = (),
    may_be_empty: bool = False,
) -> RawTable:
    """Read the file at `path` as text.

    Parameters
    ----------
    path : Path
        A file of text with a header, packed if it ends in ``.gz``; or a ``.parquet`` file.
    wanted : sequence of str
        The columns, by their headers; case, underscores, spaces and look-alike letters do not
        matter.
    identity : str
        The one of them that holds the customer's id.
    aliases : mapping of str to sequence of str, optional
        Other headers that a column may have.
    optional : collection of str
        Columns that may be absent.
    may_be_empty : bool
        Whether a header without rows will do.

    Raises
    ------
    InputError
        If the file is not there, is empty, or cannot be read for certain.
    """
    if not path.is_file():
        raise InputError(f"{path} is not there; name a .csv, .csv.gz or .parquet file")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; a header line and rows are needed")
    names = {name: (name, *(aliases or {}).get(name, ())) for name in (identity, *wanted)}
    how = {"optional": optional, "findings": []}
    reader = _read_parquet if path.suffix == ".parquet" else _read_text
    read = reader(path, names, **how)
    spellings = {
        name: spelling_of(read.header[at], names[name]) for name, at in read.places.items()
    }
    ids = read.columns.pop(identity).cast("string").to_pandas()
    columns = {name: Coded.of(column) for name, column in read.columns.items()}
    extra = tuple(name for at, name in enumerate(read.header) if at not in read.places.values())
    found = (spellings, read.ragged, how["findings"], extra)
    raw = RawTable(path.name, read.header, ids, columns, read.lines, *found)
    raw = _stray_quotes_aside(raw) if read.has_quotes else raw
    if not len(raw.ids) and len(raw.ragged):
        row = raw.ragged.iloc[0]
        raise InputError(
            f"{path}: no row can be read; line {row['line']} has {row['found']}, but {row['rule']}"
        )
    if not len(raw.ids) and not may_be_empty:
        raise InputError(f"{path} has a header and no rows")
    return _without_blank_rows(raw, read.hollow)


def refuse_broken_rows(raw: RawTable, place: str) -> None:
    """Raise an InputError, naming `place` and line, if a row of the file cannot be read."""
    if len(raw.ragged):
        row = raw.ragged.iloc[0]
        more = f" (and {len(raw.ragged) - 1} more rows)" if len(raw.ragged) > 1 else ""
        raise InputError(f"{place} line {row['line']}: {row['found']}, it {row['rule']}{more}")


def refuse_empty_ids(raw: RawTable, ids: pd.Series, place: str) -> None:
    """Raise an InputError, naming `place` and line, if a cleaned id is empty."""
    empty = (ids == "").to_numpy(dtype=bool)
    if empty.any():
        line = raw.lines[int(np.argmax(empty))]
        raise InputError(f"{place} line {line}: the customer's id is empty")


def _stray_quotes_aside(raw: RawTable) -> RawTable:
    """Return the table with rows apart whose id holds a quote, but for ``="300370"``."""
    quoted = raw.ids.str.contains('"', regex=False) & ~raw.ids.str.match(r'\s*=\s*"')
    stray = quoted.to_numpy(dtype=bool)
    if not stray.any():
        return raw
    first = raw.ids[stray].str.replace('"', "")
    rows = pd.DataFrame({"line": raw.lines[stray], "first": first, **STRAY_QUOTE})
    ragged = pd.concat([raw.ragged, rows]).sort_values("line", kind="stable", ignore_index=True)
    return replace(raw.where(~stray), ragged=ragged)


def _without_blank_rows(raw: RawTable, hollow: Callable[[np.ndarray], np.ndarray]) -> RawTable:
    """Return the table without the lines of separators that a spreadsheet leaves below its rows."""
    blank = (raw.ids == "").to_numpy(dtype=bool, copy=True)
    if not blank.any():
        return raw
    for column in raw.columns.values():
        blank &= column.rows([not word.strip() for word in column.words])
    if not raw.columns:  # only the rest of the row can tell
        blank[blank] = hollow(raw.lines[blank])
    return raw.where(~blank)


@dataclass(frozen=True)
class _Read:
    """What a reader makes of a file.

    Attributes
    ----------
    header : list of str
        Every header of the file.
    places : dict of int
        Where in it each wanted column stands.
    columns : dict
        Arrow columns of text by name, the one of ids first.
    lines : ndarray of int
        The line of each row.
    ragged : DataFrame
        As :class:`RawTable` has it.
    hollow : callable
        Tells of the rows at some lines whether every cell of theirs is empty.
    has_quotes : bool
        Whether a quote may stand in an id.
    """

    header: list[str]
    places: dict[str, int]
    columns: dict[str, Any]
    lines: np.ndarray
    ragged: pd.DataFrame
    hollow: Callable[[np.ndarray], np.ndarray]
    has_quotes: bool


def _read_parquet(
    path: Path,
    names: Mapping[str, Sequence[str]],
    *,
    optional: Collection[str],
    findings: list[Finding],
) -> _Read:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        places = places_of(path, table.column_names, names, optional=optional, findings=findings)
        columns = {name: _as_text(table.columns[place]) for name, place in places.items()}
        _refuse_inexact(path, table.columns[places[next(iter(names))]])
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{path} is no parquet file ({first_line(error)})") from None

    def hollow(lines: np.ndarray) -> np.ndarray:
        rows = table.take(lines - 2).to_pandas()
        return (rows.isna() | rows.astype("str").eq("")).all(axis=1).to_numpy()

    lines = np.arange(2, table.num_rows + 2)
    nothing = pd.DataFrame(columns=RAGGED)
    return _Read(table.column_names, places, columns, lines, nothing, hollow, has_quotes=True)


def _as_text(column: Any) -> Any:
    """Return a column as text, a missing cell empty; whole numbers kept as floats stay whole."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        column = column.cast(pa.float64())
        column = pc.if_else(pc.is_nan(column), None, column)
        whole = pc.and_(
            pc.equal(pc.floor(column), column), pc.less_equal(pc.abs(column), EXACT_AS_FLOAT)
        )
        if pc.all(whole).as_py():
            column = column.cast(pa.int64())
    text = pc.fill_null(column.cast(pa.string()), "")
    text.validate(full=True)
    return text


def _refuse_inexact(path: Path, ids: Any) -> None:
    """Raise an InputError if ids are kept as floats that cannot hold so many digits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    exact = {pa.float16(): 2**11, pa.float32(): 2**24, pa.float64(): EXACT_AS_FLOAT}.get(ids.type)
    largest = None if exact is None else pc.max(pc.abs(ids.cast(pa.float64()))).as_py()
    if largest is not None and largest > exact:
        raise InputError(
            f"{path} keeps ids as numbers of type {ids.type}, which drops digits of {largest:.0f}; "
            "export the ids as text"
        )


def _read_text(
    path: Path,
    names: Mapping[str, Sequence[str]],
    *,
    optional: Collection[str],
    findings: list[Finding],
) -> _Read:
    known = [
        header for name, headers in names.items() for header in headers[:1] if name not in optional
    ]
    raw = read_bytes(path)
    if _has_english_header(raw):
        known = [header for header in known if header.isascii()]
    raw, is_certain = as_utf8(path, raw, known, findings)
    lines = raw[: 1 << 20].decode("utf-8", errors="replace").split("\n")
    above = 1 if re.fullmatch(r'"?sep=(.)"?\r?', lines[0]) else 0
    if above:
        note = lines[0].strip()
        findings.append(Finding(Level.ADVICE, path.name, "", "excel_separator_line", 1, note))
    if "\r" in lines[above].rstrip("\r"):
        raise InputError(f"{path} ends its lines with CR alone; save it with LF or CRLF")
    every = [header for headers in names.values() for header in headers]
    separator = _separator(path, lines[above].rstrip("\r"), every, findings)
    header, span = first_record([line.rstrip("\r") for line in lines[above:]], separator)
    places = places_of(path, header, names, optional=optional, findings=findings)
    shape = Shape(len(header), list(places.values()), separator)
    columns, numbers, ragged = read_rows(path, raw, shape, above=above + span)

    def hollow(lines: np.ndarray) -> np.ndarray:
        every = raw.split(b"\n")
        nothing = f'{separator}" \t\r\u00a0\ufeff\u200b'
        texts = (every[line - 1].decode("utf-8", errors="replace") for line in lines)
        return np.array([not text.strip(nothing) for text in texts], dtype=bool)

    columns = dict(zip(places, columns, strict=True))
    if not is_certain:
        _refuse_odd_ids(path, next(iter(columns.values())))
    return _Read(header, places, columns, numbers, ragged, hollow, has_quotes=b'"' in raw)


def _has_english_header(raw: bytes) -> bool:
    """Tell whether no Russian header can show a text's encoding: the first line is ASCII."""
    line = next((one for one in raw.split(b"\n", 2) if not re.match(rb'"?sep=', one)), b"")
    return line.isascii() and b"\0" not in line


def _refuse_odd_ids(path: Path, ids: Any) -> None:
    """Raise an InputError if ids have letters that depend on an encoding which is not certain."""
    odd = [word for word in ids.cast("string").to_pylist() if word and not word.isascii()]
    if odd:
        raise InputError(
            f"{path} has the id {shown(odd[0])}, and which encoding it is in cannot be known; "
            "save the file as UTF-8"
        )


def _separator(path: Path, line: str, known: Sequence[str], findings: list[Finding]) -> str:
    """Return the separator by which the header line falls into the most known headers."""
    wanted = {folded_name(header) for header in known}
    found = {}
    for separator in SEPARATORS:
        header = next(csv.reader([line.rstrip("\r")], delimiter=separator), [])
        found[separator] = len(wanted & {folded_name(cell) for cell in header})
        if len(header) == 1 and any(other in header[0] for other in SEPARATORS):
            inner = next(csv.reader([header[0]], delimiter=separator), [])
            if len(wanted & {folded_name(cell) for cell in inner}) > 1:
                raise InputError(
                    f"{path}: the columns merged into one cell ({shown(header[0])}); "
                    "export it again with one cell a column"
                )
    best = max(found, key=lambda separator: found[separator])
    if not found[best]:
        best = max(SEPARATORS, key=line.count)
    if best != ",":
        findings.append(Finding(Level.ADVICE, path.name, "", "separator", 1, SEPARATORS[best]))
    return best
