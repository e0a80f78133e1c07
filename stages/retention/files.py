"""Write files: whole or not at all, and the same bytes for the same content."""

import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.errors import InputError

DIGITS = 6
"""Digits kept after the point: enough to read, few enough to be the same on every machine."""


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a scratch path beside `path` and rename it into place once the block succeeded.

    Parent folders are made. A run killed half-way leaves the old file, never half a new one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    scratch = Path(name)
    try:
        yield scratch
        scratch.chmod(0o644)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def rounded(value: Any) -> Any:
    """Return `value` with floats rounded to :data:`DIGITS`, numpy scalars made plain.

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
        return round(value, DIGITS) + 0.0 if math.isfinite(value) else None
    return None if value is pd.NA or value is pd.NaT else value


def finite(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` with infinite floats missing: what cannot be told is an empty cell."""
    floats = frame.select_dtypes("float")
    endless = np.isinf(floats)
    return frame.assign(**floats.mask(endless)) if endless.any(axis=None) else frame


def write_json(content: Any, path: Path | str) -> None:
    """Write `content` as strict, indented JSON with rounded floats."""
    text = json.dumps(rounded(content), ensure_ascii=False, indent=2, allow_nan=False)
    with atomic(path) as scratch:
        scratch.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path | str) -> Any:
    """Read a JSON file that a stage wrote."""
    return json.loads(made(path).read_text(encoding="utf-8"))


def settled(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` with its floats rounded to :data:`DIGITS`, none of them infinite."""
    plain = finite(frame).round(DIGITS)
    for name in plain.select_dtypes("float"):
        plain[name] += 0.0  # makes -0.0 what it means
    return plain


def write_csv(
    frame: pd.DataFrame, path: Path | str, *, bom: bool = False, sep: str = ",", end: str = "\n"
) -> None:
    """Write `frame` as CSV without its index, floats rounded; `bom` is what Excel asks for.

    What is missing or not finite is an empty cell. Tables that people open are written by
    ``retention.spreadsheets.write_for_people``.
    """
    with atomic(path) as scratch, scratch.open("w", encoding="utf-8", newline="") as file:
        # Python's own utf-8-sig looks for the mark's place at every cell, and takes twice as long.
        file.write("\ufeff" if bom else "")
        settled(frame).to_csv(file, index=False, sep=sep, lineterminator=end)


def write_parquet(frame: pd.DataFrame, path: Path | str) -> None:
    """Write `frame` as parquet without its index; what is not finite is missing."""
    with atomic(path) as scratch:
        finite(frame).to_parquet(scratch, index=False)


def read_parquet(path: Path | str) -> pd.DataFrame:
    """Read a parquet file that an earlier stage wrote."""
    return pd.read_parquet(made(path))


def made(path: Path | str) -> Path:
    """Return `path` as a Path.

    Raises
    ------
    InputError
        If an earlier stage has not made the file yet.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} is not there yet; run `dvc repro`, which makes it")
    return path
