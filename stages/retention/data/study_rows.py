"""The rows that the study of the columns looks at, and counts of all: of one part or of many."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from retention.core.id_order import NUMERIC_IDS, in_id_order
from retention.core.months import in_months
from retention.core.params import Features
from retention.core.row_weights import WEIGHT, weights_of
from retention.core.sampling import Sampling
from retention.core.vocabulary import LABEL, MONTH, POSITION
from retention.data.customer_table import CustomerTable
from retention.data.drift import DRIFT_SAMPLE


@dataclass(frozen=True)
class StudyRows:
    """What the study of the columns needs of a table, or of a part of it.

    The rows are those of the samples and who ties with their last, in the order of the table.

    Attributes
    ----------
    features : tuple of str
        Names of the features, in their order.
    behaviour : tuple of str
        All columns but id, label and profit.
    seen : DataFrame
        Training customers, one of each twin pair, with ``position``; of months where nobody
        teaches the newest customers.
    compared : DataFrame
        Customers on both sides of the drift, one of each twin pair; none of months.
    customers : dict of str to int
        How many are scored on each side.
    twins : int
        How many are not.
    drops, taught : float
        Training customers who dropped, and all of them, by their weights.
    teaches : bool
        Whether those who are seen have an outcome.
    months : dict
        As ``CustomerTable.months``.
    """

    features: tuple[str, ...]
    behaviour: tuple[str, ...]
    seen: pd.DataFrame
    compared: pd.DataFrame
    customers: dict[str, int]
    twins: int
    drops: float
    taught: float
    teaches: bool
    months: dict[str, Any]

    @property
    def drop_share(self) -> float | None:
        """The share of training customers who dropped, None without any.

        Of months the controls of a campaign count for those whom it treated.
        """
        return self.drops / self.taught if self.taught else None

    def sample(self, params: Features) -> pd.DataFrame:
        """Return the training customers at whom pictures, correlations and the leak scan look."""
        return seen_sample(params).lowest(self.seen)


def seen_sample(params: Features) -> Sampling:
    """Return how the customers are drawn at whom pictures, correlations and the leak scan look."""
    return Sampling(params.sample, seed=params.seed, purpose="sample")


def groups_to_study(
    *, train: np.ndarray, known: np.ndarray, scored: np.ndarray
) -> dict[str, np.ndarray]:
    """Return which customers of a snapshot each sample is drawn from.

    Parameters
    ----------
    train, known, scored : ndarray of bool, shape (n_customers,)
        Who is on the side that teaches, whose outcome is known, and who is scored.
    """
    return {"seen": train & scored, "before": known & scored, "ahead": ~known & scored}


def groups_of_months(
    *, train: np.ndarray, scored: np.ndarray, month: np.ndarray
) -> dict[str, np.ndarray]:
    """Return which rows of months each sample is drawn from.

    Parameters
    ----------
    train, scored : ndarray of bool, shape (n_rows,)
        Which rows teach, and which are scored; of the whole table.
    month : ndarray of str, shape (n_rows,)
    """
    seen = train & scored
    if not seen.any():
        seen = (month == month[scored].max()) & scored
    # Drift of months is evaluate's: it is against the months that taught the model in use.
    return {"seen": seen} | dict.fromkeys(("before", "ahead"), np.zeros(len(train), dtype=bool))


def shares_of_months(position: pd.Series, month: np.ndarray) -> pd.Series:
    """Return the place of each row in its month's file as a share: one may be longer than others.

    Parameters
    ----------
    position : Series
        Each customer's row in the export of the month; of the whole table.
    month : ndarray of str, shape (n_rows,)
    """
    return position.groupby(month).rank(pct=True)


def find_cuts(
    key: np.ndarray, groups: Mapping[str, np.ndarray], params: Features
) -> dict[str, float]:
    """Return the draw up to which the sample of each group reaches.

    Parameters
    ----------
    key : ndarray of uint64, shape (n_customers,)
        Of all parts.
    groups : mapping of str to ndarray of bool
        As :func:`groups_to_study` returns them.
    params : Features
        The params section.
    """
    return {name: _sampling(name, params).cut(key[group]) for name, group in groups.items()}


def rows_to_study(
    made: CustomerTable,
    position: pd.Series,
    params: Features,
    *,
    cuts: Mapping[str, float] | None = None,
    groups: Mapping[str, np.ndarray] | None = None,
) -> StudyRows:
    """Return what the study needs of a table.

    Parameters
    ----------
    made : CustomerTable
        The table of n customers (or of their months), or a part of it.
    position : Series
        Each customer's row in the export, rows as in the table; of a part of months the share
        (see :func:`shares_of_months`).
    params : Features
        The params section.
    cuts : mapping of str to float, optional
        As :func:`find_cuts` returns them of all parts, where the table is one of several.
    groups : mapping of str to ndarray of bool, optional
        What :func:`groups_of_months` returns of its rows, where it is a part of months.
    """
    table, monthly = made.table, in_months(made.table)
    key, scored = table["twin_key"].to_numpy(), table["scored"].to_numpy(dtype=bool)
    is_train = (table["split"] == "train").to_numpy()
    if groups is None and monthly:
        month = table[MONTH].to_numpy(dtype=object)
        position = shares_of_months(position, month)
        groups = groups_of_months(train=is_train, scored=scored, month=month)
    elif groups is None:
        known = table[LABEL].notna().to_numpy()
        groups = groups_to_study(train=is_train, known=known, scored=scored)
    counted = [name for name in (LABEL, WEIGHT) if name in table]
    train = table.loc[is_train & scored, counted]
    if cuts is None:
        cuts = find_cuts(key, groups, params)
    places = {}
    for name, group in groups.items():
        rows = np.flatnonzero(group)
        places[name] = rows[_sampling(name, params).reached(key[rows], cuts[name])]
    weight = weights_of(train)
    return StudyRows(
        features=tuple(made.features),
        behaviour=made.behaviour,
        seen=table.iloc[places["seen"]].assign(**{POSITION: position.to_numpy()[places["seen"]]}),
        compared=table.iloc[np.sort(np.concatenate([places["before"], places["ahead"]]))],
        customers=table.loc[scored, "split"].value_counts(sort=False).sort_index().to_dict(),
        twins=int((~scored).sum()),
        drops=float((train[LABEL].to_numpy("float64") * weight).sum()),
        taught=float(weight.sum()),
        teaches=not (monthly and train.empty),
        months=made.months,
    )


def merge_study_rows(parts: Sequence[StudyRows], *, numbers: bool) -> StudyRows:
    """Return what the study needs of a table, from what it needs of each part.

    Parameters
    ----------
    parts : sequence of StudyRows
        Made with the cuts of all of them.
    numbers : bool
        Whether every id of the shop is a number: so rows are put in order.
    """
    counts = sum((Counter(part.customers) for part in parts), Counter())
    seen, compared = (
        in_id_order(pd.concat(frames, ignore_index=True), numbers=numbers)
        for frames in zip(*((part.seen, part.compared) for part in parts), strict=True)
    )
    merged = replace(
        parts[0],
        seen=seen,
        compared=compared,
        customers=dict(sorted(counts.items())),
        twins=sum(part.twins for part in parts),
        drops=sum(part.drops for part in parts),
        taught=sum(part.taught for part in parts),
        teaches=any(part.teaches for part in parts),
    )
    return with_order(merged, numbers=numbers) if merged.months else merged


def with_order(rows: StudyRows, *, numbers: bool) -> StudyRows:
    """Return what is told of months with the order of their customers: as numbers, or as text."""
    return replace(rows, months=rows.months | {NUMERIC_IDS: numbers})


def _sampling(group: str, params: Features) -> Sampling:
    return seen_sample(params) if group == "seen" else DRIFT_SAMPLE
