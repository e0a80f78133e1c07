"""Read one export about customers into columns of text, whatever its dialect.

Nothing is interpreted here: every cell stays text, every row keeps its line in the file. What
cannot be read for certain is refused; a header that reads as it should is the proof that the
encoding and the separator were found. Every file that names customers comes in this way, block by
block: :func:`read_export` puts the blocks of one together.
"""

import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from retention.core.cells import folded_name
from retention.core.columns import Columns
from retention.core.errors import InputError, one_of, shown
from retention.core.findings import Finding, Level
from retention.data.coded import Coded
from retention.data.encodings import BLOCK, as_utf8, survey_of, surveyed
from retention.data.headers import places_of, spelling_of
from retention.data.id_forms import shown_id
from retention.data.parquet_files import ENDING, holds_parquet, open_parquet
from retention.data.records import (
    RAGGED,
    STRAY_QUOTE,
    Batch,
    OddRowsError,
    Shape,
    first_record,
    read_rows,
)

ENDINGS = (".csv", ".csv.gz", ENDING)
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
_Taken = TypeVar("_Taken")


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


@dataclass(frozen=True)
class OpenExport:
    """An export whose beginning was read: what its columns are, and a way to its rows.

    Attributes
    ----------
    path : Path
    header : list of str
        Every header that it has.
    places : dict of int
        Where in it each wanted column stands, by its name, the one of ids first.
    spellings, findings, extra
        As :class:`RawTable` has them.
    most_rows : int
        Rows at most.
    """

    path: Path
    header: list[str]
    places: dict[str, int]
    spellings: dict[str, str]
    findings: list[Finding]
    most_rows: int
    _rows: Callable[..., Iterator[Batch]]
    _has_quotes: bool

    @property
    def extra(self) -> tuple[str, ...]:
        """Headers of columns that are not part of the export."""
        held = self.places.values()
        return tuple(name for place, name in enumerate(self.header) if place not in held)

    def through(self, take: Callable[[Iterator["Rows"]], _Taken], **how: Any) -> _Taken:
        """Return what `take` makes of the rows; it is called once more if it has to begin anew.

        Parameters
        ----------
        take : callable
            Called with the rows, block by block.
        how
            Keywords of :meth:`rows`.
        """
        try:
            return take(self.rows(**how))
        except OddRowsError:
            return take(self.rows(**how, by_record=True))

    def rows(
        self,
        *,
        by_record: bool = False,
        coded: Collection[str] | None = None,
        size: int = BLOCK,
        may_be_empty: bool = False,
    ) -> Iterator["Rows"]:
        """Yield the rows block by block.

        Parameters
        ----------
        by_record : bool
            Whether a text is read record by record, see :func:`records.read_rows`.
        coded : collection of str, optional
            Columns to be read as codes into words; by default all but the ids.
        size : int
            Bytes of a block.
        may_be_empty : bool
            Whether a header without rows will do.

        Raises
        ------
        OddRowsError
            If not every line of a text is a whole row, unless it is read record by record.
        InputError
            If no row can be read, or one cannot be read for certain.
        """
        places = None if coded is None else {self.places[name] for name in coded}
        read, broken = 0, pd.DataFrame(columns=RAGGED)
        for batch in self._rows(by_record=by_record, coded=places, size=size):
            rows = self._of_batch(batch)
            read += int(rows.kept.sum()) + int(rows.blank)
            broken = rows.ragged[:1] if broken.empty else broken
            yield rows
        if not read and len(broken):
            row = broken.iloc[0]
            raise InputError(
                f"{self.path}: no row can be read; line {row['line']} has {row['found']}, but "
                f"{row['rule']}"
            )
        if not read and not may_be_empty:
            raise InputError(f"{self.path} has a header and no rows")

    def _of_batch(self, batch: Batch) -> "Rows":
        """Return a batch with its columns named, stray quotes and blank rows marked."""
        ids, *columns = map(_chunked, batch.columns)
        named = dict(zip(list(self.places)[1:], columns, strict=True))
        ragged, kept = batch.ragged, np.ones(len(ids), dtype=bool)
        stray = _have_stray_quotes(ids) if self._has_quotes else ~kept
        if stray.any():
            kept &= ~stray
            ragged = _with_stray(ragged, ids, batch.lines, stray)
        blank = _are_blank(ids, named, batch)
        kept &= ~blank
        return Rows(ids, named, batch.lines, kept, int(blank.sum()), ragged)


@dataclass(frozen=True)
class Rows:
    """A block of an export's rows, in their order.

    Attributes
    ----------
    ids : pyarrow.ChunkedArray of str, shape (n_rows,)
    columns : dict of pyarrow.ChunkedArray
        Every other wanted column that the file has, by its name: text, or coded text.
    lines : ndarray of int, shape (n_rows,)
    kept : ndarray of bool, shape (n_rows,)
        Without rows that are ragged (a stray quote in the id) or blank.
    blank : int
        How many are blank.
    ragged : DataFrame
        As :class:`RawTable` has it.
    """

    ids: Any
    columns: dict[str, Any]
    lines: np.ndarray
    kept: np.ndarray
    blank: int
    ragged: pd.DataFrame


def find_export(folder: Path, table: str) -> Path:
    """Return the path of the export `table` in `folder`: a file, or a folder of Parquet files.

    Raises
    ------
    InputError
        If nothing, or more than one, has the name with a known ending.
    """
    if not folder.is_dir():
        raise InputError(f"folder {folder} (params.yaml: data.dir) is not there")
    found = export_forms(folder, table)
    if not found:
        names = one_of(f"{table}{ending}" for ending in ENDINGS)
        raise InputError(f"{folder} has no file {table}; valid names: {names}")
    if len(found) > 1:
        names = one_of(f"{one.name}/" if one.is_dir() else one.name for one in found)
        raise InputError(f"{folder} has {names}; keep one of them")
    return found[0]


def export_forms(folder: Path, table: str) -> list[Path]:
    """Return every path in `folder` that may be the export `table`."""
    files = [folder / f"{table}{end}" for end in ENDINGS]
    found = [path for path in files if path.is_file() or (path.suffix == ENDING and path.is_dir())]
    return [*found, *([folder / table] if holds_parquet(folder / table) else [])]


def read_table(
    folder: Path, table: str, *, columns: Columns, may_lack: Collection[str] = ()
) -> RawTable:
    """Read the export `table` of the data dictionary from `folder` as text.

    Parameters as :func:`open_table` takes them.
    """
    return read_whole(open_table(folder, table, columns=columns, may_lack=may_lack))


def open_table(
    folder: Path, table: str, *, columns: Columns, may_lack: Collection[str] = ()
) -> OpenExport:
    """Open the export `table` of the data dictionary in `folder`.

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
    return open_export(
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
    """Read the export at `path` as text.

    Parameters
    ----------
    path : Path
        A file of text with a header, packed if it ends in ``.gz``; a ``.parquet`` file, or a
        folder of such.
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
    opened = open_export(path, wanted, identity=identity, aliases=aliases, optional=optional)
    return read_whole(opened, may_be_empty=may_be_empty)


def open_export(
    path: Path,
    wanted: Sequence[str],
    *,
    identity: str,
    aliases: Mapping[str, Sequence[str]] | None = None,
    optional: Collection[str] = (),
) -> OpenExport:
    """Open the export at `path`; parameters and errors as :func:`read_export` has them."""
    is_folder = path.is_dir() and (path.suffix == ENDING or holds_parquet(path))
    if not path.is_file() and not is_folder:
        raise InputError(f"{path} is not there; name a .csv, .csv.gz or .parquet file")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path} is empty; a header line and rows are needed")
    names = {name: (name, *(aliases or {}).get(name, ())) for name in (identity, *wanted)}
    opener = _open_parquet if is_folder or path.suffix == ENDING else _open_text
    return opener(path, names, optional=optional, findings=[])


def read_whole(opened: OpenExport, *, may_be_empty: bool = False) -> RawTable:
    """Return all rows of an export as one table."""
    import pyarrow as pa

    blocks = opened.through(list, may_be_empty=may_be_empty)
    ids = pa.chunked_array([part for rows in blocks for part in rows.ids.chunks], pa.string())
    columns = {}
    for name in list(opened.places)[1:]:
        parts = [part for rows in blocks for part in rows.columns[name].chunks]
        columns[name] = Coded.of(pa.chunked_array(parts, None if parts else pa.string()))
    ragged = [rows.ragged for rows in blocks if len(rows.ragged)]
    raw = RawTable(
        opened.path.name,
        opened.header,
        ids.to_pandas(),
        columns,
        _joined([rows.lines for rows in blocks], "int64"),
        opened.spellings,
        pd.concat(ragged, ignore_index=True) if ragged else pd.DataFrame(columns=RAGGED),
        opened.findings,
        opened.extra,
    )
    kept = _joined([rows.kept for rows in blocks], "bool")
    return raw if kept.all() else raw.where(kept)


def _joined(parts: Sequence[np.ndarray], kind: str) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype=kind), *parts])


def _chunked(column: Any) -> Any:
    """Return an Arrow array, in one piece or several, as one of several."""
    import pyarrow as pa

    return pa.chunked_array([column]) if isinstance(column, pa.Array) else column


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


def _have_stray_quotes(ids: Any) -> np.ndarray:
    """Tell which ids hold a quote, but for ``="300370"``."""
    import pyarrow.compute as pc

    quoted = pc.match_substring(ids, '"')
    if not pc.any(quoted).as_py():
        return np.zeros(len(ids), dtype=bool)
    formula = ids.to_pandas().str.match(r'\s*=\s*"').to_numpy(dtype=bool)
    return quoted.to_numpy(zero_copy_only=False) & ~formula


def _with_stray(
    ragged: pd.DataFrame, ids: Any, lines: np.ndarray, stray: np.ndarray
) -> pd.DataFrame:
    """Return ragged rows with those whose id holds a stray quote."""
    first = ids.to_pandas()[stray].str.replace('"', "")
    rows = pd.DataFrame({"line": lines[stray], "first": first, **STRAY_QUOTE})
    both = pd.concat([ragged, rows]) if len(ragged) else rows
    return both.sort_values("line", kind="stable", ignore_index=True)


def _are_blank(ids: Any, columns: Mapping[str, Any], batch: Batch) -> np.ndarray:
    """Tell which rows are the lines of separators that a spreadsheet leaves below its rows."""
    import pyarrow.compute as pc

    blank = pc.equal(ids, "").to_numpy(zero_copy_only=False).copy()
    if not blank.any():
        return blank
    for column in columns.values():
        coded = Coded.of(column)
        blank &= coded.rows([not word.strip() for word in coded.words])
    if not columns:  # only the rest of the row can tell
        blank[blank] = batch.is_hollow(batch.lines[blank])
    return blank


def _open_parquet(
    path: Path,
    names: Mapping[str, Sequence[str]],
    *,
    optional: Collection[str],
    findings: list[Finding],
) -> OpenExport:
    table = open_parquet(path)
    places = places_of(path, table.header, names, optional=optional, findings=findings)

    def rows(*, size: int, **_: Any) -> Iterator[Batch]:
        return table.batches(list(places.values()), size=size)

    spellings = _spellings(table.header, places, names)
    return OpenExport(
        path, table.header, places, spellings, findings, table.rows, rows, _has_quotes=True
    )


def _spellings(
    header: Sequence[str], places: Mapping[str, int], names: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    return {name: spelling_of(header[place], names[name]) for name, place in places.items()}


def _open_text(
    path: Path,
    names: Mapping[str, Sequence[str]],
    *,
    optional: Collection[str],
    findings: list[Finding],
) -> OpenExport:
    known = [
        header for name, headers in names.items() for header in headers[:1] if name not in optional
    ]
    found = surveyed(path)
    if _has_english_header(found.top):
        known = [header for header in known if header.isascii()]
    text, is_certain = as_utf8(path, found, known, findings)
    found = survey_of(text, found)
    lines = found.top.decode("utf-8", errors="replace").split("\n")
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
    above += span
    shape = Shape(len(header), list(places.values()), separator)

    def rows(**how: Any) -> Iterator[Batch]:
        for batch in read_rows(text, found, shape, above=above, **how):
            if not is_certain:
                _refuse_odd_ids(path, batch.columns[0])
            yield batch

    most, spellings = max(0, found.lines - above), _spellings(header, places, names)
    has_quotes = found.quotes > 0
    return OpenExport(path, header, places, spellings, findings, most, rows, has_quotes)


def _has_english_header(raw: bytes) -> bool:
    """Tell whether no Russian header can show a text's encoding: the first line is ASCII."""
    line = next((one for one in raw.split(b"\n", 2) if not re.match(rb'"?sep=', one)), b"")
    return line.isascii() and b"\0" not in line


def _refuse_odd_ids(path: Path, ids: Any) -> None:
    """Raise an InputError if ids have letters that depend on an encoding which is not certain."""
    odd = [
        (word, row)
        for row, word in enumerate(ids.to_pylist(), start=1)
        if word and not word.isascii()
    ]
    if odd:
        raise InputError(
            f"{path} has the id {shown_id(*odd[0])}, and which encoding it is in cannot be known; "
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
