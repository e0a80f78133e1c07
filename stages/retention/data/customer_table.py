"""The one table of customers: features, label, profit, and which side each customer is on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.features import build_features
from retention.core.hashing import behaviour_key, one_of_each_twin, uniform
from retention.core.params import Features
from retention.core.vocabulary import LABEL


@dataclass(frozen=True)
class CustomerTable:
    """The customers and what the model may know of them.

    Attributes
    ----------
    table : DataFrame
        Every canonical column, ``split``, ``twin_key`` and ``scored``.
    features : DataFrame
        The features alone, in their order.
    behaviour : tuple of str
        All columns but id, label and profit.
    """

    table: pd.DataFrame
    features: pd.DataFrame
    behaviour: tuple[str, ...]


def split_sides(
    customers: pd.DataFrame, *, behaviour: Sequence[str], test_share: float, seed: int
) -> pd.DataFrame:
    """Return ``split`` (train, test, score), ``twin_key`` and ``scored`` for each customer.

    A customer's side follows from the behaviour alone, so that it stays when others come and
    twins share it; ``scored`` marks one row of each twin pair.
    """
    key = behaviour_key(customers, behaviour)
    test = uniform(key, seed=seed, purpose="split") < test_share
    split = np.where(customers[LABEL].isna(), "score", np.where(test, "test", "train"))
    scored = one_of_each_twin(key, customers[LABEL])
    return pd.DataFrame({"split": split, "twin_key": key, "scored": scored}, customers.index)


def make_table(customers: pd.DataFrame, params: Features, *, columns: Columns) -> CustomerTable:
    """Return the customers with their features and sides; `columns` is the data dictionary."""
    columns = columns.held_by(customers.columns)
    features = build_features(customers, columns=columns, use_profit=params.use_profit)
    sides = split_sides(
        customers, behaviour=columns.behaviour, test_share=params.test_share, seed=params.seed
    )
    extra = [name for name in columns.by_name if name not in features]
    table = pd.concat([customers[extra], sides, features], axis=1)
    return CustomerTable(table, features, columns.behaviour)


def sample(table: pd.DataFrame, *, most: int, seed: int) -> pd.DataFrame:
    """Return at most `most` rows, chosen by the hash of their behaviour."""
    if len(table) <= most:
        return table
    draw = uniform(table["twin_key"].to_numpy(), seed=seed, purpose="sample")
    return table.iloc[np.sort(np.argsort(draw, kind="stable")[:most])]
