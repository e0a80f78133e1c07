"""Join the cleaned tables into one row a customer and apply the rules of the business."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from retention.vocabulary import COLUMNS, IDENTITY, PROFIT, REVENUE


def join(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row a customer of the behaviour file, in the order of its lines.

    Parameters
    ----------
    tables : mapping
        The cleaned tables by name, as ``cleaning.clean_table`` returns them.

    Returns
    -------
    DataFrame
        ``customer_id`` and every canonical column; what a customer lacks elsewhere is missing.
    """
    customers = tables["market_file"].drop(columns="line")
    for monthly in ("market_money", "market_time"):
        wide = tables[monthly].pivot(index=IDENTITY, columns="period", values="amount")
        customers = customers.merge(wide, how="left", left_on=IDENTITY, right_index=True)
    profit = tables["money"][[IDENTITY, PROFIT]]
    customers = customers.merge(profit, how="left", on=IDENTITY)
    names = [column.name for column in COLUMNS]
    return customers.reindex(columns=names)


def entry_errors(revenue: pd.Series, *, distance: float) -> pd.Series:
    """Tell which amounts of one month are further from its median than the others ever are.

    The distance is counted in robust standard deviations, 1.4826 times the median absolute
    deviation of the positive amounts (Rousseeuw & Croux 1993, doi:10.2307/2291267).

    Parameters
    ----------
    revenue : Series of float
        Money of one month, a row a customer; missing and zero amounts are never an error.
    distance : float
        Robust standard deviations beyond which an amount is an entry error.
    """
    earned = revenue[revenue > 0]
    centre = earned.median()
    spread = 1.4826 * (earned - centre).abs().median()
    if not np.isfinite(spread) or spread == 0:
        return pd.Series(data=False, index=revenue.index)
    return (revenue > 0) & ((revenue - centre).abs() > distance * spread)


def set_aside(customers: pd.DataFrame, *, regular_only: bool, distance: float) -> pd.Series:
    """Return each customer's reason to be set aside, missing for those who stay.

    The first reason that applies is given: no revenue rows at all, not a regular customer,
    entry error.
    """
    reasons = pd.Series(pd.NA, index=customers.index, dtype="str")
    months = customers[list(REVENUE)]
    wrong = pd.concat(
        [entry_errors(customers[month], distance=distance) for month in REVENUE], axis=1
    ).any(axis=1)
    reasons[wrong] = "entry_error"
    if regular_only:
        reasons[(months <= 0).any(axis=1)] = "not_regular"
    reasons[months.isna().any(axis=1)] = "revenue_missing"
    return reasons
