"""The customers of tables in parts: single columns of all of them, whole rows of some.

Everyone has a place, by the order of the ids, whatever the parts (months by month first): so the
same customers are drawn, in the same order, however the tables are divided. A table in one part
keeps the order that it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.files import joined, parquet_columns, read_parquet
from retention.core.part_names import files_of_same_parts
from retention.core.parts import map_parts
from retention.core.row_weights import WEIGHT
from retention.core.teaching import TAUGHT
from retention.core.vocabulary import IDENTITY, LABEL, MONTH

PartSource = Path | pd.DataFrame
"""A part of the table of customers: its file, or the rows themselves."""
_OF_ALL = (
    LABEL,
    *("split", "scored", "twin_key", "consent", "risk", "out_of_fold"),
    *(TAUGHT, MONTH, "behaviour_key", WEIGHT),
)
"""Columns that are held of everyone, where the tables have them."""
_FEW_WORDS = ("split", "consent", MONTH)


@dataclass(frozen=True)
class PartedRows:
    """Everyone's single columns, and the way to the rest.

    Attributes
    ----------
    keys : DataFrame, shape (n_rows, …)
        Split, outcome, risk and what else decides who plays which part; a row's index is its place.
    sources : sequence of Path or DataFrame
        The parts of the table of customers.
    places : sequence of ndarray of int
        For each part the places of its rows, in the part's order.
    jobs : int
        Processes that read at most; no result depends on it.
    """

    keys: pd.DataFrame
    sources: Sequence[PartSource]
    places: Sequence[np.ndarray]
    jobs: int = 1

    def take(self, wanted: np.ndarray) -> pd.DataFrame:
        """Return the whole rows of the places `wanted`, ascending, each once; its index is them."""
        is_wanted = np.zeros(len(self.keys), dtype=bool)
        is_wanted[wanted] = True
        rows = [np.flatnonzero(is_wanted[places]) for places in self.places]
        asked = list(zip(self.sources, rows, strict=True))
        found = list(map_parts(_rows_of, asked, jobs=self.jobs, what="look up", light=True))
        for frame, places, some in zip(found, self.places, rows, strict=True):
            frame.index = places[some]
        return found[0] if len(found) == 1 else pd.concat(found).sort_index(kind="stable")

    def column(self, name: str, chosen: np.ndarray) -> pd.Series:
        """Return one column of the rows that `chosen` holds (by place), part after part."""
        found = []
        for source, places in zip(self.sources, self.places, strict=True):
            found.append(read_part(source, [name])[name][chosen[places]])
        return found[0] if len(found) == 1 else pd.concat(found, ignore_index=True)


def rows_in_files(table: Path, risks: Path, *, jobs: int = 1, numbers: bool = False) -> PartedRows:
    """Return the customers of the table `table` beside their risks in `risks`.

    Parameters
    ----------
    table, risks : Path
    jobs : int
        Processes at most.
    numbers : bool
        Whether ids are in the order of numbers, which all of them are; else in that of text.

    Raises
    ------
    InputError
        If the risks are of other customers, or lie in other parts.
    """
    pairs = files_of_same_parts([table, risks])
    sources = [features for features, _ in pairs]
    known = [name for name in (IDENTITY, *_OF_ALL) if name in parquet_columns(sources[0])]
    read = partial(_keys_of, known)
    found = list(map_parts(read, pairs, jobs=jobs, what="read", light=True))
    return _in_order(found, sources, jobs, numbers=numbers)


def rows_in_memory(table: pd.DataFrame, *, jobs: int = 1) -> PartedRows:
    """Return the rows of a table that holds the risks too, in their order."""
    keys = _few_words(table[[name for name in _OF_ALL if name in table]])
    keys = keys.reset_index(drop=True)
    return PartedRows(keys, [table], [np.arange(len(table))], jobs)


def read_part(source: PartSource, columns: list[str] | None = None) -> pd.DataFrame:
    """Return a part of the table of customers, or some of its columns."""
    if isinstance(source, Path):
        return read_parquet(source, columns)
    return source if columns is None else source[columns]


def _rows_of(asked: tuple[PartSource, np.ndarray]) -> pd.DataFrame:
    source, rows = asked
    return read_part(source).iloc[rows]


def _keys_of(names: list[str], files: tuple[Path, Path]) -> pd.DataFrame:
    return _few_words(joined(read_parquet(files[0], names), files[1]))


def _few_words(keys: pd.DataFrame) -> pd.DataFrame:
    """Return `keys` with codes where there are few words: those of everyone are held."""
    keys = keys.astype({name: "category" for name in _FEW_WORDS if name in keys})
    return keys.assign(**{MONTH: _by_name(keys[MONTH])}) if MONTH in keys else keys


def _by_name(months: pd.Series) -> pd.Series:
    """Return months as codes of which the later one is the larger."""
    names = sorted(months.cat.categories)
    return months.cat.set_categories(names, ordered=True)


def _in_order(
    parts: list[pd.DataFrame], sources: Sequence[PartSource], jobs: int, *, numbers: bool
) -> PartedRows:
    if len(parts) == 1:
        keys = parts[0].drop(columns=IDENTITY)
        return PartedRows(keys, sources, [np.arange(len(keys))], jobs)
    ends = np.cumsum([len(part) for part in parts])
    ids = [part.pop(IDENTITY) for part in parts]
    order = _by_number(ids) if numbers else _by_id(ids)
    if MONTH in parts[0]:  # as in one part: by month, then by id
        month = _laid_together([part[MONTH] for part in parts]).cat.codes.to_numpy()
        order = order[np.argsort(month[order], kind="stable")]
    columns = {}
    for name in list(parts[0]):
        some = [part.pop(name) for part in parts]
        columns[name] = _laid_together(some).take(order).reset_index(drop=True)
    places = np.empty(len(order), dtype="int64")
    places[order] = np.arange(len(order))
    return PartedRows(pd.DataFrame(columns), sources, np.split(places, ends[:-1]), jobs)


def _by_id(ids: list[pd.Series]) -> np.ndarray:
    """Return the order of ids as text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pa.chunked_array([pa.array(some, type=pa.large_string()) for some in ids])
    return pc.sort_indices(text).to_numpy().astype("int64")  # in Arrow a stable sort


def _by_number(ids: list[pd.Series]) -> np.ndarray:
    """Return the order of ids as the numbers that they are."""
    return np.argsort(np.concatenate([some.astype("int64") for some in ids]), kind="stable")


def _laid_together(parts: list[pd.Series]) -> pd.Series:
    if isinstance(parts[0].dtype, pd.CategoricalDtype):
        ordered = parts[0].cat.ordered  # a part may lack a month
        found = pd.Series(pd.api.types.union_categoricals(parts, ignore_order=True))
        return _by_name(found) if ordered else found
    return pd.concat(parts, ignore_index=True)
