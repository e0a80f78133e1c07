"""The one table of customers: features, label, profit, and which side each customer is on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.features import build_features
from retention.core.hashing import behaviour_key, one_of_each_twin, uniform
from retention.core.months import in_months
from retention.core.params import Features
from retention.core.vocabulary import LABEL, LABEL_SOURCE, MONTH
from retention.data.time_split import MonthRows, MonthSplit, split_months
from retention.data.treated import SentCampaign, find_treated


@dataclass(frozen=True)
class CustomerTable:
    """The customers and what the model may know of them.

    Attributes
    ----------
    table : DataFrame
        Every canonical column, ``split``, ``twin_key`` and ``scored``; of months also ``month``,
        ``label_source``, ``behaviour_key`` and ``weight``.
    features : DataFrame
        The features alone, in their order.
    behaviour : tuple of str
        All columns but id, label and profit.
    months : dict
        How months were split, see ``time_split.split_months``; empty of a snapshot.
    """

    table: pd.DataFrame
    features: pd.DataFrame
    behaviour: tuple[str, ...]
    months: dict[str, Any]


def in_test(key: np.ndarray, params: Features) -> np.ndarray:
    """Tell which customers are kept aside for the test if their outcome is known.

    That follows from the behaviour alone, so that a customer's side stays when others come and
    twins share it.
    """
    return uniform(key, seed=params.seed, purpose="split") < params.test_share


def split_sides(
    customers: pd.DataFrame,
    params: Features,
    *,
    key: np.ndarray,
    unscored: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return ``split`` (train, test, score), ``twin_key`` and ``scored`` for each customer.

    The sides and the twins follow from `key`, see ``hashing.behaviour_key``. ``scored`` marks one
    row of each twin pair: the first, unless the places of the others, `unscored`, are known.
    """
    sides = np.where(in_test(key, params), 1, 0)
    split = np.where(customers[LABEL].isna(), 2, sides)
    if unscored is None:
        scored = one_of_each_twin(key, customers[LABEL])
    else:
        scored = np.ones(len(key), dtype=bool)
        scored[unscored] = False
    words = pd.array(["train", "test", "score"], dtype="str").take(split)
    return pd.DataFrame({"split": words, "twin_key": key, "scored": scored}, customers.index)


def make_table(
    customers: pd.DataFrame,
    params: Features,
    *,
    columns: Columns,
    horizon: int | None = None,
    campaigns: Sequence[SentCampaign] = (),
    key: np.ndarray | None = None,
    unscored: np.ndarray | None = None,
    split: MonthSplit | None = None,
) -> CustomerTable:
    """Return the customers, or their months, with their features and sides.

    Parameters
    ----------
    customers : DataFrame
        As prepare writes them; with a column ``month`` where the shop's data are months.
    params : Features
        The params section.
    columns : Columns
        The data dictionary.
    horizon : int
        Params ``label.horizon_months``; months need it.
    campaigns : sequence of SentCampaign
        What was sent; asked of months only.
    key : ndarray of uint64, shape (n_customers,), optional
        What ``hashing.behaviour_key`` gives of a snapshot's customers, where that is known.
    unscored : ndarray of int, optional
        Rows with a twin that is scored, where the customers are one part of several and the twin
        may be in another.
    split : MonthSplit, optional
        How the rows are split, where they are one part of several of a table of months.
    """
    columns = columns.held_by(customers.columns)
    features = build_features(customers, columns=columns, use_profit=params.use_profit)
    by_month: list[str] = []
    months: dict[str, Any] = {}
    if in_months(customers):
        if horizon is None:
            raise ValueError("of months the horizon of an outcome is needed")
        if split is None:
            treatment = find_treated(customers, campaigns, horizon=horizon)
            rows = MonthRows.of(customers, treatment, behaviour=columns.behaviour)
            how = {"test_share": params.test_share, "seed": params.seed}
            split = split_months(rows, horizon=horizon, **how)
        sides, months = split.columns.set_axis(customers.index), split.details
        by_month = [MONTH, LABEL_SOURCE]
    else:
        if key is None:
            key = behaviour_key(customers, columns.behaviour)
        sides = split_sides(customers, params, key=key, unscored=unscored)
    extra = [*by_month, *(name for name in columns.by_name if name not in features)]
    table = pd.concat([customers[extra], sides, features], axis=1)
    return CustomerTable(table, features, columns.behaviour, months)
