"""Read one export file into a table of text, whatever its dialect.

Nothing is interpreted here: every cell stays text, every row keeps its line in the file.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from retention.errors import InputError, one_of

ENDINGS = (".csv", ".csv.gz", ".parquet")
SEPARATORS = (",", ";", "\t")
LINE = "line"
"""Name of the column that holds a row's line in its file (the header is line 1)."""


@dataclass(frozen=True)
class RawTable:
    """One export as text.

    Attributes
    ----------
    file : str
        Name of the file, for messages.
    cells : DataFrame
        A text column per header, and :data:`LINE`.
    """

    file: str
    cells: pd.DataFrame


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


def read_export(path: Path) -> RawTable:
    """Read the export file at `path` as text.

    Raises
    ------
    InputError
        If the file is empty or cannot be read for certain.
    """
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; a header line and rows are needed")
    if path.suffix == ".parquet":
        return RawTable(path.name, _read_parquet(path))
    return RawTable(path.name, _read_csv(path))


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        cells = pd.read_parquet(path).astype("str").fillna("")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no parquet file ({str(error).splitlines()[0]})") from None
    cells[LINE] = range(2, len(cells) + 2)
    return cells


def _read_csv(path: Path) -> pd.DataFrame:
    import gzip

    import pyarrow as pa
    import pyarrow.csv as pacsv

    raw = path.read_bytes()
    try:
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
        raw.decode("utf-8")
    except (OSError, EOFError) as error:
        raise InputError(f"{path} is no gzip file ({error})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    header_line = raw.split(b"\n", 1)[0].decode("utf-8").rstrip("\r")
    separator = max(SEPARATORS, key=header_line.count)
    header = [name.strip().strip('"') for name in header_line.split(separator)]
    names = [str(position) for position in range(len(header))]
    try:
        cells = pacsv.read_csv(
            io.BytesIO(raw),
            read_options=pacsv.ReadOptions(column_names=names, skip_rows=1),
            parse_options=pacsv.ParseOptions(delimiter=separator),
            convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        ).to_pandas()
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: {str(error).splitlines()[0]}") from None
    if cells.empty:
        raise InputError(f"{path} has a header and no rows")
    cells.columns = header
    cells[LINE] = range(2, len(cells) + 2)
    return cells
