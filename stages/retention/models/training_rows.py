"""Which rows a model is fitted on: of all who teach at most `train.max_rows`, by hash."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from retention.core.errors import InputError
from retention.core.files import parquet_columns, read_parquet
from retention.core.hashing import part_of
from retention.core.id_order import ids_are_numbers, in_id_order
from retention.core.months import in_months
from retention.core.params import Train
from retention.core.part_names import part_files
from retention.core.parts import map_parts
from retention.core.vocabulary import LABEL, MONTH


@dataclass(frozen=True)
class TrainingRows:
    """What a model is fitted on.

    Attributes
    ----------
    rows : DataFrame
        One row of each twin pair among the training customers, in the order of their ids.
    customers : int
        Rows of the whole table.
    """

    rows: pd.DataFrame
    customers: int


class _Teaching(NamedTuple):
    """The rows of a part that may teach: their places, keys and outcomes; and all its rows."""

    places: np.ndarray
    key: np.ndarray
    label: np.ndarray
    customers: int


class _Wanted(NamedTuple):
    """The rows to read of a part."""

    table: Path
    places: np.ndarray


def training_rows(table: pd.DataFrame, *, train: Train) -> pd.DataFrame:
    """Return one row of each twin pair among the training customers, at most `train.max_rows`.

    The rows are chosen by the hash of their behaviour, as large a share of either class.

    Raises
    ------
    InputError
        If a class has fewer customers than twice the folds.
    """
    teaching = _may_teach(table)
    return table.iloc[_chosen([teaching], train=train, monthly=in_months(table))[0]]


def read_training_rows(features: Path, left_out: Path, *, train: Train) -> TrainingRows:
    """Read the training rows of a table: of everyone the columns that choose, then those chosen.

    Parameters
    ----------
    features, left_out : Path
        The table of customers, and the ids of all others: whether each is a number decides the
        order of the rows.
    train : Train
        The params section.

    Raises
    ------
    InputError
        As :func:`training_rows`.
    """
    tables, jobs = part_files(features), train.jobs
    found = list(map_parts(_read_teaching, tables, jobs=jobs, what="train: customers", light=True))
    monthly = MONTH in parquet_columns(features)
    wanted = [
        _Wanted(table, places)
        for table, places in zip(tables, _chosen(found, train=train, monthly=monthly), strict=True)
        if len(places)
    ]
    parts = list(map_parts(_read_rows, wanted, jobs=jobs, what="train: rows", light=True))
    rows = parts[0]
    if len(tables) > 1:
        rows = pd.concat(parts, ignore_index=True)
        rows = in_id_order(rows, numbers=ids_are_numbers(features, left_out))
    return TrainingRows(rows, sum(part.customers for part in found))


def _may_teach(table: pd.DataFrame) -> _Teaching:
    """Return the training customers of a table, one of each twin pair."""
    places = np.flatnonzero((table["split"] == "train") & table["scored"])
    rows = table.iloc[places]
    key, label = rows["twin_key"].to_numpy(), rows[LABEL].to_numpy("int8")
    return _Teaching(places, key, label, len(table))


def _chosen(parts: Sequence[_Teaching], *, train: Train, monthly: bool) -> list[np.ndarray]:
    """Return the places of the rows of each part that a model is fitted on."""
    key, label = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("key", "label")
    )
    if monthly and not len(key):
        raise InputError(
            "no month has a known outcome, so that nothing can be learnt: an outcome is known once "
            "the months of params label.horizon_months after it are there, or from the shop's own "
            "label; until then params score.model can name a model that was kept under models/"
        )
    drops = int((label == 1).sum())
    if min(drops, len(label) - drops) < 2 * train.folds:
        raise InputError(
            f"{drops} training customers dropped and {len(label) - drops} stayed; "
            f"at least {2 * train.folds} of each are needed (twice params train.folds)"
        )
    chosen = part_of(key, label, most=train.max_rows, seed=train.seed, purpose="rows")
    ends = np.cumsum([len(part.places) for part in parts])[:-1]
    each = zip(parts, np.split(chosen, ends), strict=True)
    return [part.places[mask] for part, mask in each]


def _read_teaching(table: Path) -> _Teaching:
    return _may_teach(read_parquet(table, ["split", "scored", "twin_key", LABEL]))


def _read_rows(wanted: _Wanted) -> pd.DataFrame:
    return read_parquet(wanted.table).iloc[wanted.places]
