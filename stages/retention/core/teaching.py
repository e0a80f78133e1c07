"""Which rows taught the model in use, and which judge it: the model's own record says so."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from retention.core.months import in_months
from retention.core.vocabulary import MONTH

TAUGHT = "taught"
"""Column of the risks by a model that was kept: whether the row taught it."""


def months_given(table: pd.DataFrame) -> np.ndarray:
    """Return the months of whose rows the model in use was given some, of a table of months."""
    return table.loc[table["out_of_fold"], MONTH].unique()


def taught(table: pd.DataFrame, given: Collection[str] | None = None) -> np.ndarray:
    """Tell which rows, one of each twin pair, are of those that taught the model in use.

    A model that was kept has them named. Of the model that train has just made they are the
    training rows; of months of those that it was given, so that rows beyond params
    ``train.max_rows`` are among them.

    Parameters
    ----------
    table : DataFrame
        ``split``, ``scored`` and what score wrote: ``out_of_fold`` and, by a model that was kept,
        ``taught``; of months ``month``.
    given : collection of str, optional
        What :func:`months_given` tells of the whole table, where it is a part of one.

    Returns
    -------
    ndarray of bool, shape (n_rows,)
    """
    scored = table["scored"].to_numpy(dtype=bool)
    if TAUGHT in table:
        return table[TAUGHT].to_numpy(dtype=bool) & scored
    training = (table["split"] == "train").to_numpy()
    if in_months(table):
        given = months_given(table) if given is None else given
        training = training & table[MONTH].isin(given).to_numpy()
    return training & scored


def judging(table: pd.DataFrame) -> np.ndarray:
    """Tell which rows judge the model in use: of the test, one of each twin pair, never learnt.

    Parameters
    ----------
    table : DataFrame
        ``split``, ``scored`` and ``out_of_fold``.

    Returns
    -------
    ndarray of bool, shape (n_rows,)
    """
    test = (table["split"] == "test").to_numpy()
    scored, learnt = (table[name].to_numpy(dtype=bool) for name in ("scored", "out_of_fold"))
    return test & scored & ~learnt
