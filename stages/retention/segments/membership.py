"""Who is in a segment: the grid of risk and profit, and named rules."""

from collections.abc import Collection, Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.customer_parts import CustomerColumns
from retention.core.rules import check_rule, matches
from retention.core.vocabulary import PROFIT, REST

THIRDS = "quantiles"
"""The word in params for cut points that make three parts of about as many customers."""
LEVELS = ("low", "medium", "high")
UNKNOWN = "unknown_profit"

Cuts = str | Sequence[float]
"""Either :data:`THIRDS`, or the two ends of the middle part."""


def cut_points(values: np.ndarray, cuts: Cuts) -> tuple[float, float]:
    """Return the ends of the middle part: those of params, or the terciles of known `values`.

    Parameters
    ----------
    values : ndarray of float
        Missing ones (NaN) do not count; without any known one the ends are NaN.
    cuts : "quantiles" or two numbers
        The numbers in the unit of `values`, the smaller first.
    """
    if cuts != THIRDS:
        low, high = cuts
        return float(low), float(high)
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [1 / 3, 2 / 3])
    return float(low), float(high)


def grid_cells(
    risk: np.ndarray, profit: np.ndarray, *, risk_cuts: Cuts, profit_cuts: Cuts
) -> np.ndarray:
    """Return each customer's cell of the grid, such as ``high_risk/low_profit``.

    The middle part includes both its ends, so that customers of one value share a cell and a
    shop where all are alike is medium throughout.

    Parameters
    ----------
    risk : ndarray of float, shape (n_customers,)
        Probability of a drop, 0 to 1.
    profit : ndarray of float, shape (n_customers,)
        Monthly profit; NaN makes the cell ``RISK/unknown_profit``.
    risk_cuts, profit_cuts : "quantiles" or two numbers
        See :func:`cut_points`.

    Returns
    -------
    ndarray of str, shape (n_customers,)
    """
    risk, profit = np.asarray(risk, dtype="float64"), np.asarray(profit, dtype="float64")
    row, column = _part(risk, risk_cuts), _part(profit, profit_cuts)
    column[np.isnan(profit)] = len(LEVELS)
    return np.array(_names(), dtype=object)[row * (len(LEVELS) + 1) + column]


def grid_table(customers: pd.DataFrame) -> pd.DataFrame:
    """Return what is in each cell of the grid: every one of the nine, and unknown profits if any.

    Parameters
    ----------
    customers : DataFrame
        ``cell`` as :func:`grid_cells` gives it, ``risk`` and ``profit``.

    Returns
    -------
    DataFrame
        ``cell``, ``customers``, ``share`` (of all), ``mean_risk``, ``mean_profit`` (missing where
        nobody is), risk from low to high, then profit.
    """
    found = customers.groupby("cell").agg(
        customers=("risk", "size"), mean_risk=("risk", "mean"), mean_profit=(PROFIT, "mean")
    )
    names = [name for name in _names() if not name.endswith(UNKNOWN) or name in found.index]
    table = found.reindex(names).rename_axis("cell").reset_index()
    table["customers"] = table["customers"].fillna(0).astype("int64")
    table.insert(2, "share", table["customers"] / max(1, len(customers)))
    return table


def named_segments(
    customers: pd.DataFrame,
    rules: Mapping[str, str],
    *,
    columns: Columns,
    words: Mapping[str, Collection[str]] | None = None,
) -> pd.DataFrame:
    """Tell for each named rule which customers it holds for.

    Parameters
    ----------
    customers : DataFrame
    rules : mapping of str to str
        Params ``segment.rules``.
    columns : Columns
        The data dictionary of what the exports have.
    words : mapping, optional
        Words of the data in open columns, see :func:`retention.core.rules.check_rule`.

    Returns
    -------
    DataFrame of bool
        A column a segment, rows and index as in `customers`.

    Raises
    ------
    InputError
        If a rule is none, names an unknown column, or can hold for nobody.
    """
    inside = {}
    for name, rule in rules.items():
        place = f"params.yaml: segment.rules.{name}"
        check_rule(rule, columns=columns, place=place, words=words)
        inside[name] = matches(rule, customers, place=place)
    return pd.DataFrame(inside, index=customers.index, dtype=bool)


def _part(values: np.ndarray, cuts: Cuts) -> np.ndarray:
    low, high = cut_points(values, cuts)
    return np.where(values < low, 0, np.where(values > high, 2, 1))


def _names() -> list[str]:
    """Return every cell's name, the row's risk slowest."""
    columns = [*(f"{level}_profit" for level in LEVELS), UNKNOWN]
    return [f"{level}_risk/{column}" for level, column in product(LEVELS, columns)]


def portrait(inside: np.ndarray, everyone: CustomerColumns) -> dict[str, float]:
    """Return size, share of everyone, mean risk and mean profit of a segment.

    The means are NaN where nobody is in it, or nobody's profit is known.

    Parameters
    ----------
    inside : ndarray of bool, shape (n_customers,)
    everyone : CustomerColumns
        ``risk`` and ``profit``.
    """
    size = int(inside.sum())
    return {
        "customers": size,
        "share": size / max(1, len(everyone)),
        "mean_risk": everyone["risk"][inside].mean(),
        "mean_profit": everyone[PROFIT][inside].mean(),
    }


def first_segment(belongs: pd.DataFrame) -> np.ndarray:
    """Return the first segment, in the order of params, that each customer is in, else `REST`."""
    names = np.array([*belongs.columns, REST], dtype=object)
    inside = np.column_stack([belongs.to_numpy(dtype=bool), np.ones(len(belongs), dtype=bool)])
    return names[inside.argmax(axis=1)]


def all_segments(belongs: pd.DataFrame) -> np.ndarray:
    """Return the names of every segment that each customer is in, with spaces between."""
    codes, distinct = _distinct(belongs)
    names = np.array([" ".join(belongs.columns[row]) for row in distinct.to_numpy()], dtype=object)
    return names[codes]


def joined_words(words: pd.DataFrame) -> np.ndarray:
    """Return the words of each row with spaces between, missing ones left out."""
    codes, distinct = _distinct(words)
    texts = [" ".join(word for word in row if isinstance(word, str)) for row in distinct.to_numpy()]
    return np.array(texts, dtype=object)[codes]


def _distinct(table: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """Return which distinct row each row is, and the distinct rows: they are few, rows many."""
    if table.empty:
        return np.zeros(len(table), dtype="int64"), table.head(1)
    grouped = table.groupby(list(table), dropna=False, sort=False)
    codes = grouped.ngroup().to_numpy()
    return codes, table.iloc[np.unique(codes, return_index=True)[1]].astype(object)
