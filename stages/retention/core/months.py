"""Months of a shop: "2026-10" as text, counted and compared; a table of one snapshot has none."""

import datetime
import re
from collections.abc import Container

import numpy as np
import pandas as pd

from retention.core.errors import InputError, shown
from retention.core.vocabulary import MONTH

MOSTLY = 0.5
"""Part of a month's customers whose outcome is known from which the month's outcome is: a few early
answers are not those of everyone."""
_FORM = re.compile(r"20\d\d-(0[1-9]|1[0-2])")


def is_month(text: str) -> bool:
    """Tell whether a text is a month as ``YYYY-MM``, from 2000 to 2099."""
    return _FORM.fullmatch(text) is not None


def shifted(month: str, by: int) -> str:
    """Return the month that is `by` months after `month` (before, if it is below 0)."""
    count = _number(month) + by
    return f"{count // 12:04d}-{count % 12 + 1:02d}"


def months_between(first: str, last: str) -> int:
    """Return how many months `last` is after `first`; below 0 where it is before."""
    return _number(last) - _number(first)


def last_day(month: str) -> datetime.date:
    """Return the last day of a month, on which the shop takes its exports."""
    year, number = map(int, shifted(month, 1).split("-"))
    return datetime.date(year, number, 1) - datetime.timedelta(days=1)


def months_after(day: datetime.date, months: int) -> datetime.date:
    """Return the day so many calendar months later; the last of a month that is too short."""
    return (pd.Timestamp(day) + pd.DateOffset(months=months)).date()


def running_until(end: datetime.date, valid_until: datetime.date) -> datetime.date:
    """Return the first day on which a campaign that was launched no longer runs.

    Until its outcome is known nobody else may touch its customers; until its offers have ended it
    may still be contacting them.

    Parameters
    ----------
    end : date
        On which the outcome is known.
    valid_until : date
        The last day of the offers.
    """
    return max(end, valid_until + datetime.timedelta(days=1))


def refuse_day_before(key: str, day: datetime.date, last: str) -> None:
    """Raise an InputError if a day of params is before the last day of the last month.

    It was set for data of another time: reports would bear it, and a campaign begin in the past.

    Parameters
    ----------
    key : str
        The key of params.yaml.
    day : date
    last : str
        The last month that has exports.
    """
    first = last_day(last)
    if day < first:
        raise InputError(
            f"params.yaml: {key} is {day}, but the last month of the data is {last}; valid: "
            f"empty, or a day from {first} on"
        )


def in_months(table: Container[str]) -> bool:
    """Tell whether the rows of a table are a customer's months; else they are one snapshot.

    Its columns alone tell, so that their names may stand for the table.
    """
    return MONTH in table


def newest(table: pd.DataFrame, last: str | None = None) -> pd.DataFrame:
    """Return the rows of the last month, one a customer; of a snapshot all.

    `last` names the month where the table is a part of one, and may have nobody of it.
    """
    if not in_months(table):
        return table
    return table[table[MONTH] == (table[MONTH].max() if last is None else last)]


def known_months(month: np.ndarray | pd.Series, known: np.ndarray | pd.Series) -> pd.Series:
    """Tell of each month whether its outcome is known: that of :data:`MOSTLY` of its customers.

    Parameters
    ----------
    month : array of str, shape (n_rows,)
    known : array of bool, shape (n_rows,)
        Whether the outcome of the row is known. Who was treated is no row here.

    Returns
    -------
    Series of bool, index month
    """
    return pd.Series(np.asarray(known)).groupby(np.asarray(month)).mean() >= MOSTLY


def split_in_time(table: pd.DataFrame) -> bool:
    """Tell whether every month that teaches is before every month that judges.

    Otherwise customers were split, and both sides share months; so it is of a snapshot.
    """
    if not in_months(table):
        return False
    train, test = (table.loc[table["split"] == side, MONTH] for side in ("train", "test"))
    return bool(len(train) and len(test) and train.max() < test.min())


def _number(month: str) -> int:
    year, number = map(int, month.split("-"))
    return 12 * year + number - 1


def day_told(text: str | None) -> datetime.date:
    """Return the day that ``--as-of`` names, today where it is not given.

    Raises
    ------
    InputError
        If it names none.
    """
    if text is None:
        return datetime.date.today()
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise InputError(f"--as-of is {shown(text)}; valid: a day as YYYY-MM-DD") from None
