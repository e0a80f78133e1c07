"""Files: written whole or not at all, the same bytes for the same content; read or told damaged."""

import json
import math
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.atomic import atomic
from retention.core.errors import InputError
from retention.core.part_names import part_files
from retention.core.paths import CAMPAIGNS, MODELS
from retention.core.vocabulary import IDENTITY, MONTH

DIGITS = 6
"""Digits kept after the point: enough to read, few enough to be the same on every machine."""
BELIEVED = 10
"""Digits after the point that are the same on every processor, of numbers below 10,000."""

_SIZES = np.array([float(f"1e{power}") for power in range(4, 309)])
"""From each of these on a number has one digit less: 14 in all, cents of 1e11 among them."""

_BATCH = 20_000
"""Rows of a batch of a table."""
MAKES = "run `dvc repro`, which makes it"
"""How to come by what a stage writes."""


def settle(values: np.ndarray) -> np.ndarray:
    """Return floats as they are written: :data:`DIGITS` after the point, 14 in all, no -0.0.

    In two steps. The mean of eight prices may be 4.3896875, half-way between two numbers of six
    digits, and another processor makes it 4.389687499999999: the first step takes both for the
    same, so that the second cannot part them. What is missing or infinite stays so.
    """
    values = np.asarray(values, dtype="float64")
    sizes = np.abs(values)
    if np.fmax.reduce(sizes, axis=None, initial=0) < _SIZES[0]:  # most columns: all alike
        return np.round(np.round(values, BELIEVED), DIGITS) + 0.0
    found = np.empty_like(values)
    larger = np.searchsorted(_SIZES, sizes, side="right")
    for size in np.flatnonzero(np.bincount(larger.ravel())):
        some = larger == size
        believed = np.round(values[some], BELIEVED - size)
        found[some] = np.round(believed, min(DIGITS, BELIEVED - size))
    return found + 0.0


def rounded(value: Any) -> Any:
    """Return `value` with its floats settled (:func:`settle`), numpy scalars made plain.

    What is missing or not finite becomes None: strict JSON has no other word for a figure that
    cannot be told.
    """
    if isinstance(value, Mapping):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return settle(np.array([value])).item() if math.isfinite(value) else None
    return None if value is pd.NA or value is pd.NaT else value


def write_text(text: str, path: Path | str) -> None:
    """Write a text whole or not at all, its lines ended alike on every system."""
    with atomic(path) as scratch:
        scratch.write_text(text, encoding="utf-8", newline="\n")


def write_json(content: Any, path: Path | str) -> None:
    """Write `content` as strict, indented JSON with rounded floats."""
    text = json.dumps(rounded(content), ensure_ascii=False, indent=2, allow_nan=False)
    write_text(text + "\n", path)


def read_json(path: Path | str, *, needs: Collection[str] = ()) -> Any:
    """Read a JSON file that a stage wrote.

    Raises
    ------
    InputError
        If it is not there, is damaged, or lacks one of the keys that it `needs`.
    """
    with _whole(path) as found:
        content = json.loads(found.read_text(encoding="utf-8"))
    lacks = [key for key in needs if not isinstance(content, dict) or key not in content]
    if lacks:
        raise InputError(
            f"{path} is of another version, it has no {lacks[0]}; {way_back(path, MAKES)}"
        )
    return content


def settled(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` with its floats settled (:func:`settle`), the infinite ones missing."""
    plain = {}
    for name, column in frame.select_dtypes("float").items():
        values = settle(column.to_numpy("float64", na_value=np.nan))
        values[np.isinf(values)] = np.nan  # what cannot be told is an empty cell
        plain[name] = pd.Series(values, frame.index).astype(column.dtype)
    return frame.assign(**plain)


def write_csv(
    frame: pd.DataFrame | Iterable[pd.DataFrame],
    path: Path | str,
    *,
    bom: bool = False,
    sep: str = ",",
    end: str = "\n",
    header: bool = True,
) -> None:
    """Write `frame` as CSV without its index, floats rounded; `bom` is what Excel asks for.

    A table that is not to be in memory whole comes in pieces, which are written below each other.
    What is missing or not finite is an empty cell. Tables that people open are written by
    ``retention.core.spreadsheets.write_for_people``.
    """
    pieces = [frame] if isinstance(frame, pd.DataFrame) else frame
    with atomic(path) as scratch, scratch.open("w", encoding="utf-8", newline="") as file:
        # Python's own utf-8-sig looks for the mark's place at every cell, and takes twice as long.
        file.write("\ufeff" if bom else "")
        for number, piece in enumerate(pieces):
            how = {
                "index": False,
                "header": header and number == 0,
                "sep": sep,
                "lineterminator": end,
            }
            settled(piece).to_csv(file, **how)


def write_parquet(frame: pd.DataFrame | Iterable[pd.DataFrame], path: Path | str) -> None:
    """Write `frame` as parquet without its index, floats rounded; what is not finite is missing.

    A table that is not to be in memory whole comes in pieces of the same types, one at least, each
    of which becomes a row group.
    """
    pieces = [frame] if isinstance(frame, pd.DataFrame) else frame
    with atomic(path) as scratch:
        _write_row_groups(map(settled, pieces), scratch)


def _write_row_groups(pieces: Iterator[pd.DataFrame], path: Path) -> None:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    first = pa.Table.from_pandas(next(pieces), preserve_index=False)
    with ParquetWriter(path, first.schema) as file:
        file.write_table(first)
        del first
        for piece in pieces:
            file.write_table(pa.Table.from_pandas(piece, preserve_index=False))


def read_csv(path: Path | str, **how: Any) -> pd.DataFrame:
    """Read a CSV file that an earlier stage wrote; `how` is what pandas is to know of it."""
    with _whole(path) as found:
        with found.open("rb") as file:
            file.seek(-min(1, found.stat().st_size), os.SEEK_END)
            if file.read() != b"\n":
                raise ValueError("it ends within a line")
        return pd.read_csv(found, encoding="utf-8-sig", **how)


def read_parquet(path: Path | str, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a table that an earlier stage wrote, all its parts, or some of its columns."""
    with _whole(path) as found:
        parts = [pd.read_parquet(part, columns=columns) for part in part_files(found)]
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def parquet_columns(path: Path | str) -> list[str]:
    """Return the names of the columns of a table that an earlier stage wrote."""
    from pyarrow.parquet import read_schema

    with _whole(path) as found:
        return read_schema(part_files(found)[0]).names


def read_head(path: Path | str, rows: int) -> pd.DataFrame:
    """Read the first rows of a file of a table, without the others."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    with _whole(path) as found, ParquetFile(found) as file:
        first = next(file.iter_batches(rows), None)
        held = [] if first is None else [first]
        return pa.Table.from_batches(held, file.schema_arrow).to_pandas()


def read_batches(path: Path | str, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
    """Yield a table that an earlier stage wrote, or some of its columns, some rows at a time."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    with _whole(path) as found:
        for part in part_files(found):
            with ParquetFile(part) as file:
                for batch in file.iter_batches(_BATCH, columns=columns):
                    yield pa.Table.from_batches([batch]).to_pandas()


def read_rows_of(path: Path | str, columns: list[str], ids: Collection[str]) -> pd.DataFrame:
    """Read some columns of some customers of a table that an earlier stage wrote.

    The rows of others are let go part by part.
    """
    with _whole(path) as found:
        parts = (pd.read_parquet(part, columns=columns) for part in part_files(found))
        kept = [part[part[IDENTITY].isin(ids)] for part in parts]
    return pd.concat(kept, ignore_index=True)


def joined(
    customers: pd.DataFrame, path: Path | str, columns: list[str] | None = None
) -> pd.DataFrame:
    """Return `customers` beside a parquet file that an earlier stage wrote of the same ones.

    Where both have months, a row is a customer's month.

    Raises
    ------
    InputError
        If it is of others: without the rows that it lacks a campaign would go to whoever is left.
    """
    part = read_parquet(path, columns)
    keys = [IDENTITY, *([MONTH] if MONTH in customers and MONTH in part else [])]
    customers = customers.reset_index(drop=True)
    added = part.drop(columns=keys)
    if customers[keys].equals(part[keys]) and not added.columns.isin(customers.columns).any():
        return pd.concat([customers, added], axis=1)  # as stages write them: row beside row
    known = pd.MultiIndex.from_frame(part[keys])
    if not pd.MultiIndex.from_frame(customers[keys]).isin(known).all() or len(part) != len(
        customers
    ):
        raise InputError(f"{path} is of other customers; run `dvc repro`, which makes it anew")
    return customers.merge(part, on=keys, validate="one_to_one")


def made(path: Path | str) -> Path:
    """Return `path` as a Path.

    Raises
    ------
    InputError
        If an earlier stage has not made the file yet.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} is not there yet; {way_back(path, MAKES)}")
    return path


def way_back(path: Path | str, repro: str) -> str:
    """Return how to come by a file that is missing or damaged.

    What is kept under ``models/`` and ``campaigns/`` no stage makes anew: DVC has it.

    Parameters
    ----------
    path : Path or str
        The file.
    repro : str
        The way to a file that a stage makes.
    """
    kept, *inside = Path(path).parts
    if len(inside) > 1 and kept in (str(MODELS), str(CAMPAIGNS)):
        anew = ", or promote a model anew" if kept == str(MODELS) else ""
        return f"`dvc pull -f {kept}/{inside[0]}.dvc` brings it{anew}"
    return repro


@contextmanager
def _whole(path: Path | str) -> Iterator[Path]:
    """Yield the path of a file to read; what is no such file as a stage writes is told.

    Raises
    ------
    InputError
        If the file is not there, or the block found that it cannot be read.
    """
    path = made(path)
    try:
        yield path
    except (ValueError, OSError, RecursionError) as fault:
        if isinstance(fault, OSError) and fault.errno:
            raise  # the disk, not the file
        why = str(fault) or type(fault).__name__
        way = way_back(path, f"{MAKES} anew")
        raise InputError(f"{path} is damaged ({why}); {way}") from fault
