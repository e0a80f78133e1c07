"""Each customer's reasons: what raises the risk most, and what lowers it.

A reason is a behaviour whose contribution is beyond what a model that knows nothing would say.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.vocabulary import REASON_RANKS

_NO_REASON = ("consent", "profit")
"""Features that are never given as a reason: they are no behaviour that an offer can answer."""
RANKS = (*REASON_RANKS, "lowers")
ALIKE = "service"
"""Customers are comparable when they have the same level of service: it turns signs round."""
MISSING_VALUE = "missing"
"""What stands in the place of a value that nobody knows."""
_ENOUGH_ALIKE = 30
"""Loyal customers that a level of service needs to have typical values of its own."""


def reason_features(features: Iterable[str]) -> list[str]:
    """Return the names that may be a reason, in their order."""
    return [name for name in features if name not in _NO_REASON]


def typical_value(values: pd.Series) -> float | object:
    """Return the median of numbers, or the most frequent word.

    A column that holds nothing has no typical value: NaN for a number, None for a word.
    """
    if values.dtype.kind in "iuf":
        return float(pd.Series(values.to_numpy("float64", na_value=np.nan)).median())
    most = values.mode()
    return most.iloc[0] if len(most) else None


def typical_values(features: pd.DataFrame) -> dict[str, object]:
    """Return the typical value of each column (:func:`typical_value`)."""
    return {name: typical_value(features[name]) for name in features}


@dataclass(frozen=True)
class TypicalValues:
    """What is usual among the loyal customers, and among those of each level of service.

    Attributes
    ----------
    kinds : list
        The levels of service that have typical values of their own.
    table : DataFrame, shape (1 + n_kinds, n_features)
        The typical values of all, then of each of the `kinds`.
    """

    kinds: list[object]
    table: pd.DataFrame

    @property
    def overall(self) -> dict[str, object]:
        """The typical values of all."""
        return {name: column.iloc[0] for name, column in self.table.items()}

    def beside(self, features: pd.DataFrame) -> pd.DataFrame:
        """Return, for each customer, the typical values of comparable loyal customers.

        Parameters
        ----------
        features : DataFrame, shape (n_customers, n_features)

        Returns
        -------
        DataFrame, shape (n_customers, n_features)
            Median or most frequent word among the loyal with the customer's level of service; of
            all the loyal where these are fewer than 30, and for the level of service itself.
        """
        place = np.zeros(len(features), dtype="int64")
        if self.kinds:
            kinds = pd.Index(self.kinds, dtype=object)
            place += kinds.get_indexer(features[ALIKE].astype(object)) + 1
        return self.table.iloc[place].set_index(features.index)


def typical_among(names: Sequence[str], column: Callable[[str], pd.Series]) -> TypicalValues:
    """Return what is usual among the loyal customers.

    Parameters
    ----------
    names : sequence of str
        The features.
    column : callable
        Gives a feature of all the customers who stayed, in one order whatever the feature: one
        after the other they need little memory.
    """
    members: dict[object, np.ndarray] = {}
    if ALIKE in names:
        level = column(ALIKE)
        sizes = level.value_counts().sort_index()
        enough = sizes.index[sizes >= _ENOUGH_ALIKE]
        members = {kind: (level == kind).to_numpy(dtype=bool, na_value=False) for kind in enough}
    table = {}
    for name in names:
        values = column(name)
        overall = typical_value(values)
        own = [overall if name == ALIKE else typical_value(values[who]) for who in members.values()]
        table[name] = [overall, *own]
    return TypicalValues(list(members), pd.DataFrame(table))


def find_reasons(
    values: pd.DataFrame, features: pd.DataFrame, typical: pd.DataFrame, *, threshold: float
) -> pd.DataFrame:
    """Return each customer's strongest contributions, in log-odds.

    Parameters
    ----------
    values, features, typical : DataFrame, shape (n_customers, n_features)
        Contributions, the customers' own values, and those of comparable loyal customers.
    threshold : float
        Log-odds that a contribution must exceed, from ``noise_floor.noise_floor``; infinite where
        nobody is to have a reason.

    Returns
    -------
    DataFrame
        For ``reason_1`` to ``reason_3`` (raise the risk) and ``lowers``: the feature's name, and
        with the endings ``_value``, ``_typical``, ``_contribution`` the customer's own value,
        the typical one, and the contribution; missing where there is none.
    """
    names = reason_features(values)
    array = values[names].to_numpy()
    row = np.arange(len(array))
    order = np.argsort(-array, axis=1, kind="stable")
    table: dict[str, object] = {}
    for place, label in enumerate(RANKS):
        which = order[:, -1 if label == "lowers" else min(place, len(names) - 1)]
        contribution = array[row, which]
        strong = -contribution if label == "lowers" else contribution
        holds = (strong > threshold) & (strong > 0) & (place < len(names))
        chosen = np.where(holds, which, -1)
        table[label] = np.array([*names, None], dtype=object)[chosen]
        table[f"{label}_value"] = _picked(features, names, chosen)
        table[f"{label}_typical"] = _picked(typical, names, chosen)
        table[f"{label}_contribution"] = np.where(holds, contribution.round(6), np.nan)
    return pd.DataFrame(table, values.index)


def _picked(table: pd.DataFrame, names: Sequence[str], chosen: np.ndarray) -> np.ndarray:
    """Return, as text, each row's value in the column that `chosen` says; None where -1."""
    texts = np.full(len(table), None, dtype=object)
    for place, name in enumerate(names):
        rows = np.flatnonzero(chosen == place)
        if len(rows):
            codes, known = pd.factorize(table[name].to_numpy()[rows], use_na_sentinel=False)
            texts[rows] = np.array([as_text(value) for value in known], dtype=object)[codes]
    return texts


def as_text(value: object) -> str:
    """Return a value as a person writes it: two digits after the point at most."""
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return MISSING_VALUE
    return np.format_float_positional(round(float(value), 2) + 0.0, trim="-")


def first_reasons(counts: Mapping[str, int], groups: Mapping[str, str]) -> dict[str, float]:
    """Return, of the customers who have a reason, the share whose first is of each group.

    Parameters
    ----------
    counts : mapping
        Customers by the feature of their first reason.
    groups : mapping
        The group of each feature.
    """
    by_group: dict[str, int] = {}
    for name, count in counts.items():
        by_group[groups[name]] = by_group.get(groups[name], 0) + count
    everyone = sum(by_group.values())
    return {group: count / everyone for group, count in sorted(by_group.items())}
