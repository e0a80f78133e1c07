"""The quarantine of a shop: every cell or row that breaks a rule, in one order however divided."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.vocabulary import IDENTITY
from retention.data.cleaning import (
    CELLS,
    GROUP,
    LINE,
    ORDER,
    QUARANTINE_COLUMNS,
    SECTION,
    STEP,
    UNREADABLE,
    Cleaned,
)

PIECE = 500_000
"""Rows that are read together, about, to be put in order."""
_TABLE = "table"
_KEYS = [_TABLE, *ORDER]


@dataclass(frozen=True)
class QuarantinePart:
    """The quarantine of one part of the customers.

    Attributes
    ----------
    rows : DataFrame or Path
        The rows, or the file that holds them: :data:`QUARANTINE_COLUMNS`, ``table`` (the number of
        the export) and :data:`ORDER`.
    groups : DataFrame
        How many rows of each ``table`` and :data:`ORDER` there are (``count``), and the ``first``
        and the ``last`` of their lines.
    lines : dict of str to int
        How many lines of each file break a rule.
    """

    rows: pd.DataFrame | Path
    groups: pd.DataFrame
    lines: dict[str, int]


def quarantine_part(cleaned: Mapping[str, Cleaned]) -> QuarantinePart:
    """Return the quarantine of the cleaned exports of one part."""
    tables = []
    for number, part in enumerate(cleaned.values()):
        if len(part.quarantine):
            told = pd.concat([part.quarantine, part.order], axis=1)
            tables.append(told.assign(**{_TABLE: number}))
    columns = [*QUARANTINE_COLUMNS, *_KEYS]
    every = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    words = dict.fromkeys(("file", IDENTITY, "column", "value", "rule"), "str")
    rows = every[columns].astype(words | dict.fromkeys((LINE, *_KEYS), "int64"))
    groups = rows.groupby(_KEYS)[LINE].agg(["size", "min", "max"]).reset_index()
    groups = groups.rename(columns={"size": "count", "min": "first", "max": "last"})
    lines = rows.groupby("file")[LINE].nunique()
    return QuarantinePart(rows, groups, {str(file): int(n) for file, n in lines.items()})


class Quarantine:
    """The quarantine of all parts.

    Parameters
    ----------
    parts : sequence of QuarantinePart
    """

    def __init__(self, parts: Sequence[QuarantinePart]):
        self._parts = parts

    def __len__(self) -> int:
        return sum(int(part.groups["count"].sum()) for part in self._parts)

    @property
    def lines(self) -> dict[str, int]:
        """How many lines of each file break a rule, by the names of files in their order."""
        total: Counter[str] = Counter()
        for part in self._parts:
            total.update(part.lines)
        return {file: total[file] for file in sorted(total)}

    def pieces(self) -> Iterator[pd.DataFrame]:
        """Yield the rows in their order, some at a time: the columns :data:`QUARANTINE_COLUMNS`.

        File by file; cells by column, those that cannot be read first; then rows that cannot be
        read, and rows that contradict others. Within each by line.
        """
        if len(self._parts) == 1 and isinstance(self._parts[0].rows, pd.DataFrame):
            yield self._parts[0].rows[QUARANTINE_COLUMNS]
            return
        groups = pd.concat([part.groups for part in self._parts], ignore_index=True)
        if groups.empty:
            yield pd.DataFrame(columns=QUARANTINE_COLUMNS)
        how = {"count": ("count", "sum"), "first": ("first", "min"), "last": ("last", "max")}
        for one in sorted(groups.groupby(_KEYS).agg(**how).itertuples(), key=_rank(groups)):
            spans = -(-one.count // PIECE)
            ends = np.linspace(one.first, one.last + 1, spans + 1).astype("int64").tolist()
            for start, end in itertools.pairwise(ends):
                yield self._between(one.Index, start, end)

    def _between(self, keys: tuple[int, ...], start: int, end: int) -> pd.DataFrame:
        """Return the rows of one table, section, group and step, of some of its lines."""
        found = []
        for part in self._parts:
            wanted = (part.groups[_KEYS] == list(keys)).all(axis=1)
            if not wanted.any():
                continue
            rows = part.rows
            if isinstance(rows, Path):
                filters = [(name, "==", key) for name, key in zip(_KEYS, keys, strict=True)]
                filters += [(LINE, ">=", start), (LINE, "<", end)]
                rows = pd.read_parquet(rows, columns=QUARANTINE_COLUMNS, filters=filters)
            else:
                here = (rows[_KEYS] == list(keys)).all(axis=1) & rows[LINE].between(start, end - 1)
                rows = rows.loc[here, QUARANTINE_COLUMNS]
            found.append(rows)
        return pd.concat(found).sort_values(LINE, kind="stable", ignore_index=True)


def _rank(groups: pd.DataFrame) -> Callable[[Any], tuple[int, ...]]:
    """Return what sorts the groups of rows as one part has them."""
    unread = groups[(groups[SECTION] == CELLS) & (groups[STEP] == 0)]
    unread = set(zip(unread[_TABLE], unread[GROUP], strict=True))

    def rank(one: Any) -> tuple[int, ...]:
        table, section, group, step = one.Index
        if section == CELLS:
            return (table, section, (table, group) not in unread, group, step)
        return (table, section, one.first if section == UNREADABLE else 0, group, step)

    return rank
