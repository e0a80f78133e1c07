"""What a row counts: customers left untouched by a campaign stand for those who were treated.

A treated customer does not show what happens if nothing is done. So such rows are left out, and the
campaign's controls, chosen by lot, count for all who were listed (inverse probability weighting,
Horvitz & Thompson 1952, doi:10.1080/01621459.1952.10483446). Tables of one snapshot have no
weights: every row counts 1.
"""

import numpy as np
import pandas as pd

from retention.core.hashing import uniform

WEIGHT = "weight"


def weights_of(rows: pd.DataFrame) -> np.ndarray:
    """Return what each row counts, shape (n_rows,)."""
    return rows[WEIGHT].to_numpy("float64") if WEIGHT in rows else np.ones(len(rows))


def are_even(weight: np.ndarray) -> bool:
    """Tell whether all rows count alike, so that formulas without weights hold."""
    return not len(weight) or bool((weight == weight[0]).all())


def effective_size(weight: np.ndarray) -> float:
    """Return how many rows that count alike tell as much (Kish 1965): (sum w)² / sum w²."""
    squares = float(weight @ weight)
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def represented(rows: pd.DataFrame, largest: float | None = None) -> pd.DataFrame:
    """Return rows that count alike and stand for the same customers: a row is kept by its weight.

    For what has no formula with weights. A row is kept with its weight over the largest one, by the
    hash of its behaviour; where all count alike every row is.

    Parameters
    ----------
    rows : DataFrame
        ``behaviour_key``, and ``weight`` where rows have one.
    largest : float, optional
        The largest weight of all rows, where these are a part of them.
    """
    weight = weights_of(rows)
    largest = weight.max(initial=0.0) if largest is None else largest
    if (weight == largest).all():
        return rows
    draw = uniform(rows["behaviour_key"].to_numpy("uint64"), seed=0, purpose="weight")
    return rows[draw < weight / largest]


def one_each(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row of each customer and its twins, its month chosen by the hash of its behaviour.

    For what takes rows for independent: a customer's months are alike.
    """
    draw = uniform(rows["behaviour_key"].to_numpy("uint64"), seed=0, purpose="month")
    first = rows.iloc[np.argsort(draw, kind="stable")].drop_duplicates("twin_key")
    return rows.loc[rows.index.isin(first.index)]
