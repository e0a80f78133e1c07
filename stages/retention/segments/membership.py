"""Who is in a segment: an honest risk for everyone, the grid of risk and profit, named rules."""

from collections.abc import Collection, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.plotting import BLUE, GREY, ORANGE, picture
from retention.core.rules import check_rule, matches
from retention.core.vocabulary import IDENTITY, LABEL, PROFIT

THIRDS = "quantiles"
"""The word in params for cut points that make three parts of about as many customers."""
LEVELS = ("low", "medium", "high")
UNKNOWN = "unknown_profit"

Cuts = str | Sequence[float]
"""Either :data:`THIRDS`, or the two ends of the middle part."""


def honest_risk(table: pd.DataFrame, told: np.ndarray, out_of_fold: pd.DataFrame) -> np.ndarray:
    """Return each customer's risk by a model that has not seen the customer's label.

    Training customers take the out-of-fold risk, twins that of the row which trained for them.
    """
    known = table[[IDENTITY, "twin_key", LABEL]].merge(out_of_fold, on=IDENTITY)
    by_key = known.drop_duplicates(["twin_key", LABEL]).set_index(["twin_key", LABEL])["risk"]
    places = pd.MultiIndex.from_frame(table[["twin_key", LABEL]])
    unseen = by_key.reindex(places).to_numpy(dtype="float64")
    # Training customers beyond params train.max_rows were not trained on: the model is honest.
    seen = (table["split"] == "train") & ~np.isnan(unseen)
    return np.where(seen, unseen, told).round(6)


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
    columns: Collection[str] | None = None,
    words: Mapping[str, Collection[str]] | None = None,
) -> pd.DataFrame:
    """Tell for each named rule which customers it holds for.

    Parameters
    ----------
    customers : DataFrame
    rules : mapping of str to str
        Params ``segment.rules``.
    columns : collection of str, optional
        What a rule may speak of; by default every column of `customers`.
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
    known = customers.columns if columns is None else columns
    inside = {}
    for name, rule in rules.items():
        place = f"params.yaml: segment.rules.{name}"
        check_rule(rule, known, place=place, words=words)
        inside[name] = matches(rule, customers, place=place)
    return pd.DataFrame(inside, index=customers.index, dtype=bool)


def _part(values: np.ndarray, cuts: Cuts) -> np.ndarray:
    low, high = cut_points(values, cuts)
    return np.where(values < low, 0, np.where(values > high, 2, 1))


def _names() -> list[str]:
    """Return every cell's name, the row's risk slowest."""
    columns = [*(f"{level}_profit" for level in LEVELS), UNKNOWN]
    return [f"{level}_risk/{column}" for level, column in product(LEVELS, columns)]


def portrait(inside: pd.DataFrame, everyone: pd.DataFrame) -> dict[str, float]:
    """Return size, share of everyone, mean risk and mean profit of a segment.

    The means are NaN where nobody is in it, or nobody's profit is known.
    """
    return {
        "customers": len(inside),
        "share": len(inside) / max(1, len(everyone)),
        "mean_risk": inside["risk"].mean(),
        "mean_profit": inside[PROFIT].mean(),
    }


def draw_map(customers: pd.DataFrame, path: Path) -> None:
    """Draw every customer's risk and profit, the listed ones marked."""
    with picture(path, width=8, height=5) as axis:
        for listed, colour, name in ((False, GREY, "no offer"), (True, ORANGE, "on the list")):
            part = customers[customers["listed"] == listed].head(5000)
            axis.scatter(part[PROFIT], part["risk"], s=10, alpha=0.6, color=colour, label=name)
        axis.axvline(customers[PROFIT].median(), color=BLUE, linewidth=0.8, label="median profit")
        axis.set(xlabel="profit a month (unit of the export)", ylabel="risk of a drop, 0 to 1")
        axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
