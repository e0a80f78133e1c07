"""What the page tells of the customers, from tables in parts: columns, counts and a few rows."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from retention.core import paths
from retention.core.errors import InputError
from retention.core.files import made, read_head, read_parquet, read_rows_of
from retention.core.formats import LANGUAGES
from retention.core.part_names import part_files
from retention.core.parts import map_parts
from retention.core.vocabulary import IDENTITY, LABEL, PROFIT

SHOWN = 200
"""Rows of the list on the page; the rest is in the file."""


@dataclass
class CellCounts:
    """Who is in each cell of the grid of risk and profit.

    Attributes
    ----------
    listed : Counter
        By cell the customers on the campaign's list.
    segments, reasons : Counter
        By cell and segment, and by cell and first reason, the customers.
    """

    listed: Counter[str] = field(default_factory=Counter)
    segments: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, other: "CellCounts") -> None:
        """Count those of another part too."""
        self.listed.update(other.listed)
        self.segments.update(other.segments)
        self.reasons.update(other.reasons)


@dataclass(frozen=True)
class People:
    """What the tables of customers tell the page.

    Attributes
    ----------
    customers : DataFrame
        ``risk``, ``drop`` and ``profit`` of everyone.
    counts : CellCounts
    listed : int
        Customers on the list.
    top : DataFrame
        Its first :data:`SHOWN` rows, with each customer's ``grid`` and sentences.
    """

    customers: pd.DataFrame
    counts: CellCounts
    listed: int
    top: pd.DataFrame


def count_cells(customers: pd.DataFrame, *, listed: Iterable[str]) -> CellCounts:
    """Return who of some customers is in each cell.

    Parameters
    ----------
    customers : DataFrame
        ``customer_id``, ``grid``, ``segments`` and ``reasons`` (names with spaces between).
    listed : iterable of str
        Ids on the campaign's list.
    """
    found = CellCounts()
    on_list = customers[IDENTITY].isin(set(listed))
    found.listed.update(customers.loc[on_list, "grid"].value_counts().to_dict())
    for (cell, names), count in _together(customers, "segments"):
        found.segments.update({(cell, name): count for name in names.split()})
    for (cell, names), count in _together(customers, "reasons"):
        if names:
            found.reasons[cell, names.split(" ")[0]] += count
    return found


def _together(customers: pd.DataFrame, name: str) -> Iterable[tuple[tuple[str, str], int]]:
    """Return how often each cell occurs with each content of a column."""
    both = customers[["grid"]].assign(**{name: customers[name].fillna("")})
    return both.groupby(["grid", name], sort=False).size().items()


def read_people() -> People:
    """Read what the page tells of the customers, a part at a time.

    Raises
    ------
    InputError
        If a table is not there, or they are divided in different ways.
    """
    tables = (paths.CUSTOMERS, paths.CAMPAIGN_LIST, paths.REASONS)
    files = [part_files(made(path)) for path in tables]
    if len({len(found) for found in files}) > 1:
        raise InputError(
            f"{' and '.join(map(str, tables))} are divided into different numbers of parts; "
            "run `dvc repro`, which makes them anew"
        )
    heads = [read_head(path, SHOWN) for path in files[1]]
    top = heads[0]
    if len(heads) > 1:  # each part has its own order
        order = ["expected_gain", IDENTITY]
        top = pd.concat(heads, ignore_index=True)
        top = top.sort_values(order, ascending=[False, True], kind="stable").head(SHOWN)
    top = top.astype({"valid_until": "str"})
    sentences = [f"sentence_{language}" for language in LANGUAGES]
    for place, names in ((paths.CUSTOMERS, ["grid"]), (paths.REASONS, sentences)):
        found = read_rows_of(place, [IDENTITY, *names], top[IDENTITY])
        top = top.merge(found, on=IDENTITY, how="left")
    counts, listed = CellCounts(), 0
    for of_part, rows in map_parts(
        _count, list(zip(*files[:2], strict=True)), jobs=1, what="counting customers"
    ):
        counts.add(of_part)
        listed += rows
    customers = read_parquet(paths.CUSTOMERS, ["risk", LABEL, PROFIT])
    return People(customers, counts, listed, top)


def _count(files: tuple[Path, Path]) -> tuple[CellCounts, int]:
    """Return who of a part is in each cell, and how many of it are on the list."""
    customers = read_parquet(files[0], [IDENTITY, "grid", "segments", "reasons"])
    listed = read_parquet(files[1], [IDENTITY])[IDENTITY]
    return count_cells(customers, listed=listed), len(listed)
