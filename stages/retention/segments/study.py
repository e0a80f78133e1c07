"""All segments at once: what tells each from the rest, and which categories to offer it."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from retention.core.customer_parts import CustomerColumns
from retention.core.rules import columns_of
from retention.core.vocabulary import PROFIT
from retention.segments.membership import portrait
from retention.segments.profiles import (
    categories_of,
    comparable,
    portraits,
    recommendations,
    risk_strata,
)

_MADE_OF = {"profit_rank": PROFIT}
"""Columns that rules know beside the features, and what they are made of."""


def _picked_by(rules: Mapping[str, str]) -> dict[str, set[str]]:
    """Return the columns that each rule picks by, those that others are made of by their source."""
    return {
        name: {_MADE_OF.get(column, column) for column in columns_of(rule)}
        for name, rule in rules.items()
    }


def study(
    customers: CustomerColumns,
    belongs: pd.DataFrame,
    *,
    rules: Mapping[str, str],
    features: Sequence[str],
    words: Sequence[str],
    counted: np.ndarray,
    level: float,
    least: int,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, dict[str, object]], dict[str, dict[str, object]]]:
    """Return portraits, profit by category, recommendations and sizes of every segment.

    Parameters
    ----------
    customers : CustomerColumns
        `features`, ``risk``, ``profit`` and ``favourite_category``.
    belongs : DataFrame of bool
        A column a segment; rows as in `customers`.
    rules : mapping of str to str
        The rule of each segment. A difference in what the rule itself picks by says nothing
        about its customers, so it is marked; a segment picked by risk is compared with others of
        the same risk; and one picked by profit has no category where it over-earns: it would, by
        its rule, in all.
    features, words : sequence of str
        Columns to compare, and those of them that hold words.
    counted : ndarray of bool
        One row of each twin pair.
    level : float
        Coverage of the intervals.
    least : int
        Customers that a category needs to decide anything, a word to be compared, and a segment
        to be compared at equal risk.

    Returns
    -------
    portraits : DataFrame
        ``segment``, ``feature`` and so on; see :func:`retention.segments.profiles.portraits`.
    categories : DataFrame
        ``segment`` and so on; see ``profiles.categories_of``; and ``by_rule``,
        whether the segment is picked by profit.
    recommendations : dict
        By segment, what :func:`retention.segments.profiles.recommendations` gives.
    sizes : dict
        By segment, what :func:`retention.segments.membership.portrait` and
        ``profiles.comparable`` give.
    """
    picked = _picked_by(rules)
    strata = risk_strata(belongs, customers, picked=picked, counted=counted)
    pictures = portraits(
        belongs,
        customers,
        [*features, PROFIT],
        words,
        picked=picked,
        strata=strata,
        level=level,
        least=least,
        counted=counted,
    )
    by_category = categories_of(belongs, customers, level=level, least=least, counted=counted)
    by_category["by_rule"] = [PROFIT in picked[name] for name in by_category["segment"]]
    tables = by_category.groupby("segment")
    recommended = {
        name: recommendations(tables.get_group(name), by_rule=PROFIT in picked[name])
        for name in belongs
    }
    compared = comparable(belongs, strata, least=least, counted=counted)
    sizes = {
        name: portrait(belongs[name].to_numpy(), customers) | compared[name] for name in belongs
    }
    return pictures, by_category, recommended, sizes


def category_offers(
    by_category: pd.DataFrame, recommended: Mapping[str, Mapping[str, object]]
) -> dict[str, dict[str, str]]:
    """Return, for each segment, the categories that an offer's text may name.

    Only those that the data tells apart: an offer on a category that is best by luck would be an
    offer at random.
    """
    popular = by_category.sort_values(["customers_inside", "category"], ascending=[False, True])
    popular = popular[popular["customers_inside"] > 0].groupby("segment")["category"].first()
    named = {}
    for segment, found in recommended.items():
        ways = {
            "segment_category_popular": popular.get(segment),
            "segment_category_top": found["earns_most_told_apart"] and found["earns_most"],
            "segment_category_over": found["over_earns_told_apart"] and found["over_earns"],
        }
        named[segment] = {name: word for name, word in ways.items() if word}
    return named


def rows_by(table: pd.DataFrame, key: str) -> dict[str, dict[str, object]]:
    """Return the rows of `table` by `key`, ready for JSON: what is missing is None."""
    return table.astype(object).where(table.notna(), None).set_index(key).to_dict("index")
