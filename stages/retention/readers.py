"""Read one export file into columns of text, whatever its dialect.

Nothing is interpreted here: every cell stays text, every row keeps its line in the file. What
cannot be read for certain is refused; a header that reads as it should is the proof that the
encoding and the separator were found.
"""

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.coded import Coded
from retention.errors import InputError, one_of
from retention.findings import Finding, Level
from retention.vocabulary import ID_HEADER

ENDINGS = (".csv", ".csv.gz", ".parquet")
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}

csv.field_size_limit(2**31 - 1)  # a cell of any size is a finding, not a crash
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LEFTOVER = re.compile(r"(unnamed: ?\d+( level \d+)?|index|(index )?level \d+)?(\.\d+)?")
_RAGGED = ["line", "first", "found", "needed"]


@dataclass(frozen=True)
class RawTable:
    """One export as text.

    Attributes
    ----------
    file : str
        Name of the file, for messages.
    ids : Series of str, shape (n_rows,)
        The column of customer ids.
    columns : dict of Coded
        Every other needed column by its header.
    lines : ndarray of int, shape (n_rows,)
        A row's line in its file (the header is line 1).
    ragged : DataFrame
        Rows whose number of cells is not the header's: ``line``, ``first`` (what stands in the
        place of the id), ``found`` (cells) and ``needed``.
    findings : list of Finding
        What was mended or left out on the way.
    """

    file: str
    ids: pd.Series
    columns: dict[str, Coded]
    lines: np.ndarray
    ragged: pd.DataFrame
    findings: list[Finding]

    @property
    def rows(self) -> int:
        """Rows in the file, the ragged ones included."""
        return len(self.ids) + len(self.ragged)


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


def headers_of(path: Path) -> list[str]:
    """Return the headers of a .csv, .csv.gz or .parquet file as they stand, for a first look.

    Raises
    ------
    InputError
        If the file is not there or its beginning cannot be read.
    """
    if not path.is_file():
        raise InputError(f"{path} is not there; name a .csv, .csv.gz or .parquet file")
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            return list(pq.read_schema(path).names)
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            raw = file.read(4000)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise InputError(f"{path} cannot be read ({_first_line(error)})") from None
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    if encoding == "utf-8":
        raw = raw.partition(b"\n")[0] if not raw.startswith(b"sep=") else raw.split(b"\n")[1]
        try:
            raw.decode(encoding)
        except UnicodeDecodeError:
            encoding = "cp1251"
    lines = raw.decode(encoding, errors="ignore").splitlines() or [""]
    line = lines[1] if lines[0].strip('"').startswith("sep=") and len(lines) > 1 else lines[0]
    return next(csv.reader([line], delimiter=max(SEPARATORS, key=line.count)), [])


def read_export(path: Path, needed: Sequence[str], *, identity: str = ID_HEADER) -> RawTable:
    """Read the export file at `path` as text.

    Parameters
    ----------
    path : Path
        A .csv, .csv.gz or .parquet file.
    needed : sequence of str
        The headers it must have; case, underscores and spaces do not matter.
    identity : str
        The one of them that holds the customer's id.

    Raises
    ------
    InputError
        If the file is empty or cannot be read for certain.
    """
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; a header line and rows are needed")
    findings: list[Finding] = []
    ragged = pd.DataFrame(columns=_RAGGED)
    if path.suffix == ".parquet":
        columns = _read_parquet(path, needed, findings)
        lines = np.arange(2, len(columns[0]) + 2)
    else:
        columns, lines, ragged = _read_text(path, needed, findings)
    if not len(lines) and len(ragged):
        found, width = ragged.iloc[0][["found", "needed"]]
        raise InputError(f"{path}: rows have {found} cells, the header has {width}")
    if not len(lines):
        raise InputError(f"{path} has a header and no rows")
    named = dict(zip(needed, columns, strict=True))
    ids = named.pop(identity).cast("string").to_pandas()
    coded = {name: Coded.of(column) for name, column in named.items()}
    blank = (ids == "").to_numpy(copy=True)
    if blank.any():
        # A spreadsheet leaves lines of separators only below its last row.
        for column in coded.values():
            blank &= column.rows([not word.strip() for word in column.words])
        ids, lines = ids[~blank].reset_index(drop=True), lines[~blank]
        coded = {name: Coded(c.codes[~blank], c.words) for name, c in coded.items()}
    return RawTable(path.name, ids, coded, lines, ragged, findings)


def _read_parquet(path: Path, needed: Sequence[str], findings: list[Finding]) -> list[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        places = _places(path, table.column_names, needed, findings)
        columns = []
        for column in (table.columns[place] for place in places):
            plain = column.cast(column.type.value_type) if _is_coded(column) else column
            columns.append(pc.fill_null(plain.cast(pa.string()), ""))
            columns[-1].validate(full=True)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} is no parquet file ({_first_line(error)})") from None
    return columns


def _is_coded(column: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_dictionary(column.type)


def _read_text(
    path: Path, needed: Sequence[str], findings: list[Finding]
) -> tuple[list[Any], np.ndarray, pd.DataFrame]:
    raw = path.read_bytes()
    if path.suffix == ".gz":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path} is no whole gzip file ({_first_line(error)})") from None
    if not raw.removeprefix(codecs.BOM_UTF8).strip():
        raise InputError(f"{path} is empty; a header line and rows are needed")
    raw = _as_utf8(path, raw, needed, findings)
    head = raw[: raw.find(b"\n", raw.find(b"\n") + 1) + 1] or raw  # the first two lines
    top, _, below = head.partition(b"\n")
    above = 1
    if re.fullmatch(rb'"?sep=(.)"?\r?', top):
        note = top.decode("utf-8").strip()
        findings.append(Finding(Level.ADVICE, path.name, "", "excel_separator_line", 1, note))
        above = 2
        top = below
    if b"\r" in top.rstrip(b"\r\n"):
        raise InputError(f"{path} ends its lines with CR alone; save it with LF or CRLF")
    line = top.decode("utf-8", errors="replace").rstrip("\r\n")
    separator = _separator(path, line, needed, findings)
    header = next(csv.reader([line], delimiter=separator), [])
    places = _places(path, header, needed, findings)
    return _cells(path, raw, len(header), places, separator=separator, above=above)


def _as_utf8(path: Path, raw: bytes, needed: Sequence[str], findings: list[Finding]) -> bytes:
    """Return the file as UTF-8, from the one encoding in which its header reads as it should.

    Text that is UTF-8 already is returned as it is; whether every line of it is shows when the
    cells are read.
    """
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            text = _decoded(path, raw, encoding)
            findings.append(Finding(Level.ADVICE, path.name, "", "encoding", 1, encoding))
            return _unscrambled_if_needed(path, text, needed, findings).encode("utf-8")
    top = raw[:4000]
    # UTF-16 without its mark shows in the zero bytes of its separators and line ends.
    wide = ["utf-16-le", "utf-16-be"] if b"\0" in top else []
    for encoding in (*wide, "utf-8", "cp1251"):
        if not _reads_well(top.decode(encoding, errors="replace"), needed):
            continue
        if encoding == "utf-8" and all(header.isascii() for header in needed):
            # English headers read well in any encoding; the rows have to tell.
            try:
                raw.decode(encoding)
            except UnicodeDecodeError:
                continue
        if encoding == "utf-8":
            return raw
        findings.append(Finding(Level.ADVICE, path.name, "", "encoding", 1, encoding))
        return _decoded(path, raw, encoding).encode("utf-8")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(
            f"{path} is text of an unknown encoding; save it as UTF-8 "
            "(UTF-16 and CP1251 are read too)"
        ) from None
    return _unscrambled_if_needed(path, text, needed, findings).encode("utf-8")


def _decoded(path: Path, raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path} line {line}: bytes that are no {encoding} text; save the file in one encoding"
        ) from None


def _unscrambled_if_needed(
    path: Path, text: str, needed: Sequence[str], findings: list[Finding]
) -> str:
    if _reads_well(text, needed):
        return text
    mended = _unscrambled(text)
    if mended is None or not _reads_well(mended, needed):
        return text
    example = text.lstrip("\ufeff")[:40].splitlines()[0]
    findings.append(Finding(Level.ADVICE, path.name, "", "scrambled_text", 1, example))
    return mended


def _reads_well(text: str, needed: Sequence[str]) -> bool:
    """Tell whether most Russian headers stand in the first two lines."""
    top = plain_header(" ".join(text[:5000].splitlines()[:2]))
    russian = [plain_header(header) for header in needed if not header.isascii()]
    return sum(header in top for header in russian) * 2 >= len(russian)


def _unscrambled(text: str) -> str | None:
    """Return UTF-8 text that was once read as CP1251 as it was before, or None if it was not."""
    try:
        return text.encode("cp1251", errors="retention_c1").decode("utf-8").removeprefix("\ufeff")
    except UnicodeError:
        return None


def _c1(error: UnicodeError) -> tuple[bytes, int]:
    """Bytes that CP1251 has no letter for are left as control characters by lax decoders."""
    part = error.object[error.start : error.end]
    if not isinstance(error, UnicodeEncodeError) or any(ord(letter) > 0xFF for letter in part):
        raise error
    return bytes(ord(letter) for letter in part), error.end


codecs.register_error("retention_c1", _c1)


def _separator(path: Path, line: str, needed: Sequence[str], findings: list[Finding]) -> str:
    """Return the separator by which the header line falls into the most needed headers."""
    wanted = {plain_header(header) for header in needed}
    found = {}
    for separator in SEPARATORS:
        header = next(csv.reader([line.rstrip("\r")], delimiter=separator), [])
        found[separator] = len(wanted & {plain_header(cell) for cell in header})
        if len(header) == 1 and any(other in header[0] for other in SEPARATORS):
            inner = next(csv.reader([header[0]], delimiter=separator), [])
            if len(wanted & {plain_header(cell) for cell in inner}) > 1:
                raise InputError(
                    f"{path}: the columns merged into one cell ({header[0][:60]!r}); "
                    "export it again with one cell a column"
                )
    best = max(found, key=lambda separator: found[separator])
    if not found[best]:
        best = max(SEPARATORS, key=line.count)
    if best != ",":
        findings.append(Finding(Level.ADVICE, path.name, "", "separator", 1, SEPARATORS[best]))
    return best


def _cells(
    path: Path,
    raw: bytes,
    width: int,
    places: Sequence[int],
    *,
    separator: str,
    above: int,
) -> tuple[list[Any], np.ndarray, pd.DataFrame]:
    """Return the columns at `places`, the line of each row, and apart the rows of other width.

    `above` is how many lines stand above the first row.
    """
    import pyarrow as pa
    import pyarrow.csv as pacsv

    names = [str(place) for place in range(width)]
    kinds = {names[place]: pa.dictionary(pa.int32(), pa.string()) for place in places}
    kinds[names[places[0]]] = pa.string()
    try:
        if b"\n\n" in raw or b"\n\r\n" in raw:
            raise pa.ArrowInvalid("blank lines, which it would take for rows")
        table = pacsv.read_csv(
            pa.BufferReader(pa.py_buffer(raw)),
            read_options=pacsv.ReadOptions(column_names=names, skip_rows=above, block_size=1 << 23),
            parse_options=pacsv.ParseOptions(delimiter=separator, ignore_empty_lines=False),
            convert_options=pacsv.ConvertOptions(
                column_types=kinds, include_columns=[names[place] for place in places]
            ),
        )
        if table.num_rows != raw.count(b"\n") + (not raw.endswith(b"\n")) - above:
            raise pa.ArrowInvalid("a stray quote, which joined several lines into one cell")
    except pa.ArrowInvalid:
        text = _decoded(path, raw, "utf-8")
        return _cells_by_line(text, width, places, separator=separator, above=above)
    lines = np.arange(above + 1, table.num_rows + above + 1)
    return table.unify_dictionaries().columns, lines, pd.DataFrame(columns=_RAGGED)


def _cells_by_line(
    text: str, width: int, places: Sequence[int], *, separator: str, above: int
) -> tuple[list[Any], np.ndarray, pd.DataFrame]:
    """Read line by line, so that a broken line harms no other; blank lines are passed over."""
    import pyarrow as pa

    rows, lines, ragged = [], [], []
    for number, line in enumerate(text.split("\n")[above:], start=above + 1):
        try:
            row = next(csv.reader([line.rstrip("\r")], delimiter=separator), [])
        except csv.Error:  # a lone CR, or a cell beyond any measure
            row = [line.partition(separator)[0]]
        if len(row) == width:
            rows.append([row[place] for place in places])
            lines.append(number)
        elif any(cell.strip() for cell in row):
            first = row[places[0]] if places[0] < len(row) else row[0]
            ragged.append((number, first, len(row), width))
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(places)
    made = [pa.chunked_array([pa.array(column, pa.string())]) for column in columns]
    return made, np.array(lines, dtype="int64"), pd.DataFrame(ragged, columns=_RAGGED)


def plain_header(header: str) -> str:
    """Return a header in lower case, with single spaces for underscores and any white space."""
    return " ".join(re.sub("[\ufeff\u200b]", "", header.replace("_", " ")).split()).casefold()


def _places(
    path: Path, header: Sequence[str], needed: Sequence[str], findings: list[Finding]
) -> list[int]:
    """Return where each needed column stands; say what else the file holds."""
    plain = [plain_header(name) for name in header]
    wanted = {plain_header(name): name for name in needed}
    missing = [name for key, name in wanted.items() if key not in plain]
    if missing:
        found = one_of(name[:60] for name in header[:30])
        raise InputError(f"{path} has no column {one_of(missing)}; found: {found}")
    places = []
    for key, name in wanted.items():
        standing = [place for place, found in enumerate(plain) if found == key]
        if len(standing) > 1:
            names = one_of(repr(header[place]) for place in standing)
            raise InputError(f"{path}: columns {names} all claim to be {name}; keep one of them")
        places.append(standing[0])
        if header[standing[0]] != name:
            findings.append(
                Finding(Level.ADVICE, path.name, name, "header", 1, header[standing[0]])
            )
    extra = [name for name, key in zip(header, plain, strict=True) if key not in wanted]
    leftover = [name for name in extra if _LEFTOVER.fullmatch(plain_header(name))]
    others = [name for name in extra if name not in leftover]
    if leftover:
        example = one_of(repr(name) for name in leftover)
        findings.append(
            Finding(Level.ADVICE, path.name, "", "index_column", len(leftover), example)
        )
    if others:
        findings.append(
            Finding(Level.ADVICE, path.name, "", "extra_column", len(others), one_of(others))
        )
    return places


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
