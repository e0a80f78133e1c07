"""Read an export that is Parquet: one file, or a folder of files with the same columns.

Folders are flat or as Hive lays them out (``month=2026-08/part.parquet``): what the names of
folders tell is a column too. Everything is read a few rows at a time.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd

from retention.core.errors import InputError, clipped
from retention.data.encodings import BLOCK, first_line
from retention.data.ids import EXACT_AS_FLOAT
from retention.data.records import RAGGED, Batch

ENDING = ".parquet"
_NOTHING = "__HIVE_DEFAULT_PARTITION__"
"""How Hive names the folder of rows that have no value."""
_OF_A_ROW = 128
"""Bytes of a row, roughly: how many rows a block of so many bytes is."""


@dataclass(frozen=True)
class ParquetTable:
    """A table as it lies in one or several files.

    Attributes
    ----------
    path : Path
        The file or the folder.
    files : tuple of Path
        In the order in which they are read.
    keys : tuple of dict
        For each file what the names of its folders tell, by column.
    header : list of str
        Columns of the files, then those of the folders.
    rows : int
    """

    path: Path
    files: tuple[Path, ...]
    keys: tuple[dict[str, str], ...]
    header: list[str]
    rows: int

    def batches(self, places: Sequence[int], *, size: int = BLOCK) -> Iterator[Batch]:
        """Yield the columns at `places` as text, the one of ids first.

        Raises
        ------
        InputError
            If ids are kept as numbers that cannot hold them, or a file is damaged.
        """
        names = [self.header[place] for place in places]
        whole = self._are_whole(names)
        line, rows = 2, max(1, size // _OF_A_ROW)
        # Without other columns only the rest of the row can tell whether it is empty.
        needed = names if len(names) > 1 else self.header
        for path, keys in zip(self.files, self.keys, strict=True):
            held = [name for name in dict.fromkeys(needed) if name not in keys]
            for batch in _read(path, held, rows):
                count = batch.num_rows
                with _told(path):
                    texts = [
                        _constant(keys[name], count)
                        if name in keys
                        else _as_text(_of(batch, name), whole=name in whole)
                        for name in names
                    ]
                lines = np.arange(line, line + count)
                is_hollow = partial(_are_hollow, batch, line)
                yield Batch(texts, lines, pd.DataFrame(columns=RAGGED), is_hollow)
                line += count

    def _are_whole(self, names: Sequence[str]) -> set[str]:
        """Return the columns of floats that hold whole numbers only, in all of the files.

        Raises
        ------
        InputError
            If the first of them, that of the ids, keeps numbers as floats that drop digits.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        whole: dict[str, bool] = {}
        largest: dict[Any, float] = {}
        for path, keys in zip(self.files, self.keys, strict=True):
            schema = _schema(path)
            kinds = {name: _plain(schema.field(name).type) for name in names if name not in keys}
            floats = [name for name, kind in kinds.items() if pa.types.is_floating(kind)]
            for batch in _read(path, floats, BLOCK // _OF_A_ROW) if floats else ():
                for name in floats:
                    values = _of(batch, name).cast(kinds[name]).cast(pa.float64())
                    if name == names[0] and kinds[name] == _of(batch, name).type:
                        most = pc.max(pc.abs(values)).as_py()
                        largest[kinds[name]] = max(largest.get(kinds[name], 0.0), most or 0.0)
                    whole[name] = whole.get(name, True) and _all_whole(values)
        self._refuse_inexact(largest)
        return {name for name, is_whole in whole.items() if is_whole}

    def _refuse_inexact(self, largest: dict[Any, float]) -> None:
        """Raise an InputError if ids are kept as floats that cannot hold so many digits."""
        import pyarrow as pa

        exact = {pa.float16(): 2**11, pa.float32(): 2**24, pa.float64(): EXACT_AS_FLOAT}
        for kind, most in largest.items():
            if most > exact[kind]:
                raise InputError(
                    f"{self.path} keeps ids as numbers of type {kind}, which drops digits of "
                    f"{most:.0f}; export the ids as text"
                )


def holds_parquet(path: Path) -> bool:
    """Tell whether `path` is a folder with a Parquet file somewhere in it."""
    return path.is_dir() and any(_is_read(path, one) for one in path.rglob(f"*{ENDING}"))


def open_parquet(path: Path) -> ParquetTable:
    """Return the table of a file, or of a folder of files.

    Raises
    ------
    InputError
        If there is no file, one is damaged, or they do not have the same columns.
    """
    files = _files(path) if path.is_dir() else (path,)
    keys = tuple(_keys(path, file) if path.is_dir() else {} for file in files)
    schemas = [_schema(file) for file in files]
    for file, own, schema in zip(files, keys, schemas, strict=True):
        _refuse_other(path, file, files[0], _kinds(own, schema), _kinds(keys[0], schemas[0]))
    rows = 0
    for file in files:
        with _opened(file) as found:
            rows += found.metadata.num_rows
    header = [*schemas[0].names, *(name for name in keys[0] if name not in schemas[0].names)]
    own = tuple(
        {name: told for name, told in key.items() if name not in schema.names}
        for key, schema in zip(keys, schemas, strict=True)
    )
    return ParquetTable(path, files, own, header, rows)


def _files(folder: Path) -> tuple[Path, ...]:
    """Return the Parquet files of a folder, in order; whatever else may hold rows is refused."""
    every = [one for one in folder.rglob("*") if one.is_file() and _is_read(folder, one)]
    every.sort(key=lambda one: one.relative_to(folder).parts)
    for one in every:
        if one.suffix != ENDING:
            raise InputError(
                f"{folder} has {clipped(one.relative_to(folder).as_posix())} beside its parts; "
                f"valid: files named *{ENDING}"
            )
    if not every:
        raise InputError(f"{folder} is a folder without a file named *{ENDING}")
    return tuple(every)


def _is_read(folder: Path, file: Path) -> bool:
    """Tell whether a file is part of the table: hidden ones and those of a writer are not."""
    return not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)


def _keys(folder: Path, file: Path) -> dict[str, str]:
    """Return what the names of the folders between tell of each row of a file."""
    parts = [part.partition("=") for part in file.relative_to(folder).parts[:-1]]
    told = {unquote(name): unquote(value) for name, mark, value in parts if mark}
    return {name: "" if value == _NOTHING else value for name, value in told.items()}


def _kinds(keys: dict[str, str], schema: Any) -> dict[str, str]:
    """Return what each column of a file holds, as far as it matters to text."""
    kinds = dict.fromkeys(keys, "string")
    return kinds | {
        name: _kind(kind) for name, kind in zip(schema.names, schema.types, strict=True)
    }


def _kind(kind: Any) -> str:
    """Return a type's name, empty of a column without any value.

    Widths of numbers and ways to keep text make no difference.
    """
    import pyarrow as pa

    kind = _plain(kind)
    if pa.types.is_null(kind):
        return ""
    if pa.types.is_integer(kind):
        return "int"
    if pa.types.is_floating(kind):
        return "float"
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return "string" if text or pa.types.is_string_view(kind) else str(kind)


def _refuse_other(
    path: Path, file: Path, first: Path, found: dict[str, str], wanted: dict[str, str]
) -> None:
    """Raise an InputError if a file has other columns than the first one."""
    for name in [*wanted, *(name for name in found if name not in wanted)]:
        here, there = wanted.get(name, "absent"), found.get(name, "absent")
        if here != there and here and there:
            first_name, other_name = (one.relative_to(path).as_posix() for one in (first, file))
            raise InputError(
                f"{path}: its files differ in the column {clipped(name)}: {here} in "
                f"{clipped(first_name)}, {there} in {clipped(other_name)}; export them alike"
            )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what Arrow says of a damaged file into one line."""
    import pyarrow as pa

    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{path} is no parquet file ({first_line(error)})") from None


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with _told(path), pq.ParquetFile(path) as file:
        yield file


def _schema(path: Path) -> Any:
    with _opened(path) as file:
        return file.schema_arrow


def _read(path: Path, names: Collection[str], rows: int) -> Iterator[Any]:
    """Yield some `rows` at a time of a file's columns."""
    with _opened(path) as file:
        yield from file.iter_batches(batch_size=rows, columns=list(names))


def _of(batch: Any, name: str) -> Any:
    return batch.column(batch.schema.names.index(name))


def _constant(word: str, count: int) -> Any:
    import pyarrow as pa

    return pa.repeat(pa.scalar(word, pa.string()), count)


def _plain(kind: Any) -> Any:
    """Return the type of a column's values, coded or not."""
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _all_whole(values: Any) -> bool:
    """Tell whether all floats are whole numbers that a float holds exactly."""
    import pyarrow.compute as pc

    values = pc.if_else(pc.is_nan(values), None, values)
    whole = pc.and_(
        pc.equal(pc.floor(values), values), pc.less_equal(pc.abs(values), EXACT_AS_FLOAT)
    )
    return pc.all(whole).as_py() is not False


def _as_text(column: Any, *, whole: bool) -> Any:
    """Return a column as text, a missing cell empty; whole numbers kept as floats stay whole."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.cast(_plain(column.type))
    if pa.types.is_floating(column.type):
        column = column.cast(pa.float64())
        column = pc.if_else(pc.is_nan(column), None, column)
        column = column.cast(pa.int64()) if whole else column
    text = pc.fill_null(column.cast(pa.string()), "")
    text.validate(full=True)
    return text


def _are_hollow(batch: Any, first: int, lines: np.ndarray) -> np.ndarray:
    """Tell which `lines` have no value in any column; the batch begins at the line `first`."""
    rows = batch.take(lines - first).to_pandas()
    return (rows.isna() | rows.astype("str").eq("")).all(axis=1).to_numpy()
