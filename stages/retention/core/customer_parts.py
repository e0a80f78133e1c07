"""Customers as the stages after score see them: features, risk and reasons, part by part.

Nothing here holds all columns of all customers: a part is read with the columns that are asked for,
and of everyone one column at a time.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from retention.core import paths
from retention.core.audience import customers_of_today, refuse_nobody_of_today
from retention.core.files import joined, made, parquet_columns, read_parquet
from retention.core.month_tables import last_month
from retention.core.months import newest
from retention.core.part_names import files_of_same_parts, part_paths
from retention.core.vocabulary import IDENTITY, MONTH, REASON_RANKS


@dataclass(frozen=True)
class CustomerPart:
    """Where one part of the customers lies.

    Attributes
    ----------
    number, count : int
        Which part it is, from 0, and how many there are.
    features, risks, reasons, left_out : Path
        Its files.
    last : str or None
        The last month of the exports; None of a snapshot.
    """

    number: int
    count: int
    features: Path
    risks: Path
    reasons: Path
    left_out: Path
    last: str | None

    def place_of(self, path: Path) -> Path:
        """Return where this part of another table of the same customers lies."""
        return part_paths(path, self.count)[self.number]

    def rows(self, columns: Collection[str] | None = None) -> pd.DataFrame:
        """Return features beside the risk: in months all months of each customer.

        Parameters
        ----------
        columns : collection of str, optional
            The features to read; those that the file lacks are left out.
        """
        held = parquet_columns(self.features)
        asked = None if columns is None else {IDENTITY, MONTH, *columns}
        names = [name for name in held if asked is None or name in asked]
        return joined(read_parquet(self.features, names), self.risks)

    def today(self, columns: Collection[str]) -> pd.DataFrame:
        """Return the customers of today with some features, their risk and reasons."""
        rows = customers_of_today(self.rows(columns), self.last)
        return joined(rows, self.reasons, [IDENTITY, *REASON_RANKS])

    def column(self, name: str) -> pd.Series:
        """Return one feature of the customers of today, words as categories."""
        names = [name] if self.last is None else [MONTH, name]
        column = newest(read_parquet(self.features, names), self.last)[name].reset_index(drop=True)
        return column if pd.api.types.is_numeric_dtype(column) else column.astype("category")

    def known_ids(self) -> pd.Series:
        """Return the ids of the customers of today, then of those who were left out."""
        names = [IDENTITY] if self.last is None else [MONTH, IDENTITY]
        ids = newest(read_parquet(self.features, names), self.last)[IDENTITY]
        return pd.concat([ids, read_parquet(self.left_out)[IDENTITY]], ignore_index=True)


def customer_parts(last: str | None) -> list[CustomerPart]:
    """Return the parts in which the customers lie.

    Parameters
    ----------
    last : str or None
        The last month of the exports; None of a snapshot.

    Raises
    ------
    InputError
        If a table is not there, or is divided in another way than the features; if nobody is left
        of the last month.
    """
    tables = (paths.FEATURES, paths.RISKS, paths.REASONS, paths.LEFT_OUT)
    files = files_of_same_parts([made(path) for path in tables])
    refuse_nobody_of_today(last, last_month(paths.FEATURES))
    return [CustomerPart(number, len(files), *of, last) for number, of in enumerate(files)]


class CustomerColumns(Protocol):
    """Customers of whom one column at a time is asked for: a table, or :class:`Everyone`."""

    def __len__(self) -> int: ...

    def __getitem__(self, name: str) -> pd.Series: ...


class Everyone:
    """All customers of today: each column is read when it is asked for, and not kept.

    Parameters
    ----------
    parts : sequence of CustomerPart
    held : dict of str to ndarray
        Columns that are at hand, rows in the order of the parts; at least one.
    """

    def __init__(self, parts: Sequence[CustomerPart], held: dict[str, np.ndarray]) -> None:
        self._parts = parts
        self._held = held

    def __len__(self) -> int:
        return len(next(iter(self._held.values())))

    def __getitem__(self, name: str) -> pd.Series:
        """Return a column, words as categories."""
        if name in self._held:
            return pd.Series(self._held[name], copy=False)
        found = [part.column(name) for part in self._parts]
        if len(found) == 1:
            return found[0]
        if isinstance(found[0].dtype, pd.CategoricalDtype):
            return pd.Series(pd.api.types.union_categoricals(found, sort_categories=True))
        return pd.concat(found, ignore_index=True)

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Return some columns as a table."""
        return pd.DataFrame({name: self[name] for name in names}, copy=False)
