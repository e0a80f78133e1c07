"""Tables that a stage holds in memory, or in its scratch folder where there are many parts."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd


def put_down(table: pd.DataFrame, place: Path | None) -> pd.DataFrame | Path:
    """Write a table to `place` and return that, or the table itself where there is none.

    It is read few times and removed: what is quick to write matters, not what is small.
    """
    if place is None:
        return table
    table.to_feather(place, compression="uncompressed")
    return place


def taken_up(held: pd.DataFrame | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the table that :func:`put_down` put there, or some of its columns."""
    if isinstance(held, Path):
        return pd.read_feather(held, columns=columns)
    return held if columns is None else held[list(columns)]
