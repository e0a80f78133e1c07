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
from retention.data.time_split import split_months
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


def make_table(
    customers: pd.DataFrame,
    params: Features,
    *,
    columns: Columns,
    horizon: int | None = None,
    campaigns: Sequence[SentCampaign] = (),
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
    """
    columns = columns.held_by(customers.columns)
    features = build_features(customers, columns=columns, use_profit=params.use_profit)
    how = {"behaviour": columns.behaviour, "test_share": params.test_share, "seed": params.seed}
    by_month: list[str] = []
    months: dict[str, Any] = {}
    if in_months(customers):
        if horizon is None:
            raise ValueError("of months the horizon of an outcome is needed")
        treatment = find_treated(customers, campaigns, horizon=horizon)
        found = split_months(customers, treatment, horizon=horizon, **how)
        sides, months = found.columns, found.details
        by_month = [MONTH, LABEL_SOURCE]
    else:
        sides = split_sides(customers, **how)
    extra = [*by_month, *(name for name in columns.by_name if name not in features)]
    table = pd.concat([customers[extra], sides, features], axis=1)
    return CustomerTable(table, features, columns.behaviour, months)


def sample(table: pd.DataFrame, *, most: int, seed: int) -> pd.DataFrame:
    """Return at most `most` rows, chosen by the hash of their behaviour."""
    if len(table) <= most:
        return table
    draw = uniform(table["twin_key"].to_numpy(), seed=seed, purpose="sample")
    return table.iloc[np.sort(np.argsort(draw, kind="stable")[:most])]
