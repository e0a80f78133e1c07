"""How each column is distributed among customers who dropped and among those who stayed."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from retention.core.columns import Column, Columns
from retention.data.plots import DROPPED, EVERYBODY, STAYED, Distribution

OTHER = "other"
_LEAST = 30
"""Customers that a word needs to be told by its name, in a picture that lives in Git: a rare one
may be a note about a person that came into the wrong column."""
_MOST_WORDS = 8
_FEW_VALUES = 30
_BINS = 20


def find_distributions(
    features: pd.DataFrame, label: pd.Series, *, columns: Columns
) -> list[Distribution]:
    """Return the distribution of each feature; where no outcome is known all are one class.

    Parameters
    ----------
    features : DataFrame, shape (n_customers, n_features)
    label : Series, shape (n_customers,)
        1 for who dropped, 0 for who stayed, missing where it is not known.
    columns : Columns
        The data dictionary.
    """
    classes = {STAYED: label == 0, DROPPED: label == 1}
    if label.isna().all():
        classes = {EVERYBODY: label.isna()}
    sides = {name: side.to_numpy(dtype=bool, na_value=False) for name, side in classes.items()}
    return [distribution_of(features[name], sides, columns.by_name[name]) for name in features]


def distribution_of(
    values: pd.Series, sides: Mapping[str, np.ndarray], column: Column
) -> Distribution:
    """Return the distribution of one feature; `sides` tells who is in each class."""
    if column.is_category:
        counts = values.value_counts().sort_index().sort_values(ascending=False, kind="stable")
        order = counts.index[counts >= _LEAST][:_MOST_WORDS]
        values = values.where(values.isin(order) | values.isna(), OTHER)
        words = [*order, OTHER] if (values == OTHER).any() else list(order)
        shares = {
            name: 100
            * values[side].value_counts(normalize=True).reindex(words).fillna(0).to_numpy("float64")
            for name, side in sides.items()
        }
        return Distribution(column.name, "", shares, list(map(str, words)), np.array([]))
    edges = bin_edges(values.dropna())
    shares = {}
    for name, side in sides.items():
        known = values[side].dropna().to_numpy("float64")
        shares[name] = 100 * np.histogram(known, edges)[0] / max(1, len(known))
    return Distribution(column.name, column.unit.get("en", ""), shares, [], edges)


def bin_edges(values: pd.Series) -> np.ndarray:
    """Return the edges of a histogram: one bin a whole number where there are few of them."""
    if values.empty:
        return np.array([0.0, 1.0])  # an empty column has an empty picture
    low, high = values.min(), values.quantile(0.999)
    if high - low <= _FEW_VALUES and (values == values.round()).all():
        return np.arange(low - 0.5, high + 1)
    return np.linspace(low, high + 1e-9, _BINS + 1)
