"""Which rows of the table play which part: some taught the model, some are explained, some answer.

In a snapshot everyone is explained, and everyone whose outcome is known answers the shop's
questions. In months those are explained whom the shop can still write to, the rows of the last
month, and those answer whose outcome came last. So neither part has a customer twice.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.months import in_months
from retention.core.row_weights import represented
from retention.core.teaching import TAUGHT, taught
from retention.core.vocabulary import LABEL, MONTH
from retention.stats.estimates import enough_of_each

_LEAST_LEFT = 0.5
"""Part of the rows that taught the model, from which it is learnt again of those that are left."""


@dataclass(frozen=True)
class Roles:
    """Places of rows in the table, in its order.

    Attributes
    ----------
    taught : ndarray of int
        What the model learnt from, one of each twin pair; empty where too little of it is in the
        table, as of a model that was kept, when its months have been taken away.
    shown : ndarray of int
        Who is explained.
    answering : ndarray of int
        Whose outcomes answer the shop's questions, one row a customer.
    seen : ndarray of bool, shape (n_rows,)
        Rows whose outcome the model has seen, or may have, twins included.
    """

    taught: np.ndarray
    shown: np.ndarray
    answering: np.ndarray
    seen: np.ndarray

    @property
    def typical(self) -> np.ndarray:
        """Rows that stand for a typical customer: those that taught, else those explained."""
        return self.taught if len(self.taught) else self.shown


def roles_of(table: pd.DataFrame, *, learnt_from: int = 0) -> Roles:
    """Return who plays which part.

    Parameters
    ----------
    table : DataFrame, shape (n_rows, …)
        ``split``, ``scored``, ``twin_key``, ``drop`` and ``out_of_fold``; in months ``month``,
        ``behaviour_key`` and ``weight`` too.
    learnt_from : int
        Rows that the model learnt from, as its card says.
    """
    known = table[LABEL].notna().to_numpy()
    left, seen = np.flatnonzero(taught(table) & known), _seen(table)
    too_few = len(left) < _LEAST_LEFT * learnt_from
    if too_few or (len(left) < learnt_from and not enough_of_each(_outcome(table, left))):
        left = np.array([], dtype="int64")
    if not in_months(table):
        return Roles(left, np.arange(len(table)), np.flatnonzero(known), seen)
    newest = np.flatnonzero((table[MONTH] == table[MONTH].max()).to_numpy())
    return Roles(left, newest, _answering(table, known), seen)


def row_key(table: pd.DataFrame) -> np.ndarray:
    """Return what decides which rows are drawn: the hash of each row's own behaviour.

    By ``twin_key``, which in months is the same in all rows of a customer, all of them would be
    drawn or none, and a few customers would stand for the shop.
    """
    return table["behaviour_key" if in_months(table) else "twin_key"].to_numpy()


def _seen(table: pd.DataFrame) -> np.ndarray:
    if TAUGHT in table:  # a kept model: today's sides say nothing of it
        return table["out_of_fold"].to_numpy(dtype=bool)
    return (table["split"] == "train").to_numpy()


def _answering(table: pd.DataFrame, known: np.ndarray) -> np.ndarray:
    """Return the rows of the last month of whose outcomes enough are known, the treated aside."""
    judged = table[known & (table["split"] != "treated").to_numpy()]
    for month in sorted(judged[MONTH].unique(), reverse=True):
        # Controls of a campaign stand for the treated too: of the others fewer are asked instead.
        rows = represented(judged[judged[MONTH] == month])
        if enough_of_each(rows[LABEL].to_numpy("int64")):
            return table.index.get_indexer(rows.index)
    return np.array([], dtype="int64")


def _outcome(table: pd.DataFrame, places: np.ndarray) -> np.ndarray:
    return table[LABEL].iloc[places].to_numpy("int64")
