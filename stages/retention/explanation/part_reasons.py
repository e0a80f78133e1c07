"""The reasons of a part of the customers: what is told of each, and sums of what is told of all.

A part's reasons are written where it lies; what goes back is small, and adds up to the same,
whatever the parts are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from retention.core.columns import Columns
from retention.core.files import write_parquet
from retention.core.formats import LANGUAGES
from retention.core.parted_rows import PartSource, read_part
from retention.core.vocabulary import IDENTITY
from retention.explanation.importance import AbsoluteSums
from retention.explanation.reasons import RANKS, TypicalValues, find_reasons
from retention.explanation.sentences import sentences
from retention.explanation.shap_values import Attributions, Attributor

_CHUNK = 25_000
"""Customers worked on, and written, at a time: all of a part's columns of work at once would need
several times the memory of the part."""


@dataclass(frozen=True)
class Learnt:
    """What reasons are made of, learnt once for all parts.

    Attributes
    ----------
    attributor : Attributor
    typical : TypicalValues
        Of the customers who stayed.
    floor : float
        Log-odds that a reason must exceed; infinite where nobody is to have one.
    groups : mapping
        The group of each feature.
    columns : Columns
        The data dictionary.
    alike : bool
        Whether texts are written in one type whatever they are: there are other parts.
    """

    attributor: Attributor
    typical: TypicalValues
    floor: float
    groups: Mapping[str, str]
    columns: Columns
    alike: bool


@dataclass(frozen=True)
class PartTask:
    """One part to explain.

    Attributes
    ----------
    source : Path or DataFrame
        Its customers.
    shown : ndarray of int or None
        The rows of it that have reasons; None where all have.
    picked : ndarray of int
        Those of the `shown`, by their number, whose contributions are asked for; ascending.
    target : Path
        Where the reasons are written.
    ready : DataFrame or None
        Contributions where only some customers are explained; by their number among the `shown`.
    """

    source: PartSource
    shown: np.ndarray | None
    picked: np.ndarray
    target: Path
    ready: pd.DataFrame | None = None


@dataclass(frozen=True)
class PartTold:
    """What is told of the customers of a part together.

    Attributes
    ----------
    sums : AbsoluteSums
        Of their contributions.
    gap : float
        Log-odds by which a customer's contributions miss the explained score at most.
    first : dict of int
        Customers by the feature of their first reason.
    values : DataFrame, shape (n_picked, n_features)
        Contributions of those who were asked for.
    numbers : DataFrame, shape (n_picked, n_numbers)
        Their own values of the features that are numbers.
    """

    sums: AbsoluteSums
    gap: float
    first: Mapping[str, int]
    values: pd.DataFrame
    numbers: pd.DataFrame


@threadpool_limits.wrap(limits=1)
def explain_part(learnt: Learnt, task: PartTask) -> PartTold:
    """Write the reasons of a part's customers and return what is told of them together."""
    table = read_part(task.source, [IDENTITY, *learnt.attributor.names])
    if task.shown is not None:
        table = table.iloc[task.shown]
    table = table.reset_index(drop=True)
    told: list[PartTold] = []
    reasons = _reasons_of(learnt, table, task, told)
    write_parquet(reasons if learnt.alike else pd.concat(reasons), task.target)
    return told_together(told)


def _reasons_of(
    learnt: Learnt, table: pd.DataFrame, task: PartTask, told: list[PartTold]
) -> Iterator[pd.DataFrame]:
    """Yield the reasons chunk by chunk, and add to `told` what is told of each."""
    for first in range(0, max(1, len(table)), _CHUNK):
        reasons, one = _explain_rows(learnt, table.iloc[first : first + _CHUNK], task)
        told.append(one)
        yield reasons


def told_together(parts: Sequence[PartTold]) -> PartTold:
    """Return what is told of the customers of several chunks; the picked one after the other."""
    if len(parts) == 1:
        return parts[0]
    sums, first = parts[0].sums, dict(parts[0].first)
    for part in parts[1:]:
        sums += part.sums
        for name, count in part.first.items():
            first[name] = first.get(name, 0) + count
    return PartTold(
        sums,
        max(part.gap for part in parts),
        first,
        pd.concat([part.values for part in parts]),
        pd.concat([part.numbers for part in parts]),
    )


def _explain_rows(
    learnt: Learnt, table: pd.DataFrame, task: PartTask
) -> tuple[pd.DataFrame, PartTold]:
    features = table[learnt.attributor.names]
    if task.ready is not None:
        values, gap = task.ready.loc[task.ready.index.isin(table.index)], 0.0
    elif features.empty:  # a part of months may have nobody of the newest one
        values, gap = pd.DataFrame(columns=features.columns, dtype="float64"), 0.0
    else:
        found = learnt.attributor.attributed(features)
        values, gap = found.values, gap_of(found)
    own = features.loc[values.index]
    reasons = find_reasons(values, own, learnt.typical.beside(own), threshold=learnt.floor)
    counts = reasons["reason_1"].value_counts().to_dict()
    reasons = reasons.reindex(table.index)
    is_picked = values.index.isin(task.picked)
    told = PartTold(
        AbsoluteSums.of(values, learnt.groups),
        gap,
        {str(name): int(count) for name, count in counts.items()},
        values[is_picked],
        _numbers(own[is_picked]),
    )
    return _worded(table, reasons, learnt), told


def gap_of(found: Attributions) -> float:
    """Return by how much contributions miss the explained score at most."""
    gaps = np.abs(found.base + found.values.sum(axis=1).to_numpy() - found.explained)
    return float(gaps.max(initial=0.0))


def _numbers(features: pd.DataFrame) -> pd.DataFrame:
    """Return those of the features that are numbers, as float64."""
    return pd.DataFrame(
        {
            name: column.to_numpy("float64", na_value=np.nan)
            for name, column in features.items()
            if pd.api.types.is_numeric_dtype(column)
        },
        features.index,
    )


def _worded(table: pd.DataFrame, reasons: pd.DataFrame, learnt: Learnt) -> pd.DataFrame:
    """Return each customer's reasons, and as a sentence in each language."""
    said = {
        f"sentence_{language}": sentences(reasons, language, columns=learnt.columns)
        for language in LANGUAGES
    }
    found = pd.concat([table[[IDENTITY]], reasons, pd.DataFrame(said, table.index)], axis=1)
    if not learnt.alike:
        return found
    # A part where nobody has a third reason would else have another type than its neighbours.
    texts = [*said, *(f"{rank}{end}" for rank in RANKS for end in ("", "_value", "_typical"))]
    return found.astype(dict.fromkeys(texts, "str"))
