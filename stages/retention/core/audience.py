"""Whom a campaign is for: customers whose outcome is ahead; where nobody's is, a rehearsal."""

import numpy as np
import pandas as pd

from retention.core.errors import InputError
from retention.core.months import newest
from retention.core.vocabulary import LABEL


def customers_of_today(table: pd.DataFrame, last: str | None) -> pd.DataFrame:
    """Return the customers whom the shop has now: rows of the last month, of a snapshot all.

    Nothing of an earlier month goes into a campaign: neither who was a customer then, nor who had
    given consent.

    Parameters
    ----------
    table : DataFrame
        In months ``month``; it may be a part of a table.
    last : str or None
        The last month of the exports; None of a snapshot.
    """
    return newest(table, last)


def refuse_nobody_of_today(last: str | None, newest_month: str | None) -> None:
    """Raise an InputError if nobody is left of the last month.

    Parameters
    ----------
    last : str or None
        The last month of the exports; None of a snapshot.
    newest_month : str or None
        The last month in the table of customers.
    """
    if newest_month != last:
        raise InputError(
            f"of {last}, the last month, no customer is left (data/prepared/readiness.csv says "
            f"why); the newest in the table are of {newest_month}, and a campaign is for "
            "customers of the last month"
        )


def is_ahead(customers: pd.DataFrame) -> np.ndarray:
    """Tell whose three months are still ahead: their ``drop`` is missing."""
    return customers[LABEL].isna().to_numpy()


def is_rehearsal(customers: pd.DataFrame) -> bool:
    """Tell whether nobody's outcome is ahead: then nothing is a forecast."""
    return not is_ahead(customers).any()


def audience_of(customers: pd.DataFrame) -> pd.DataFrame:
    """Return the customers whose outcome is ahead, and all of them in a rehearsal."""
    return customers if is_rehearsal(customers) else customers[is_ahead(customers)]
