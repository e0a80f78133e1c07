"""What each customer spent in each calendar month, put together from the exports of all months.

Each export tells of a few months up to its own: July's revenue stands in the folders of July,
August and September. Outcomes take the latest that is told; where two folders differ is counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from retention.core.column_entries import PERIOD
from retention.core.columns import Columns
from retention.core.errors import InputError
from retention.core.months import shifted
from retention.core.vocabulary import IDENTITY, MARKET_MONEY
from retention.data.cleaning import Cleaned

_ROW = "row of "
"""Begins the names of the columns that tell of rows where a ledger is one table."""
_SOME_TENS = 30
"""Customers of whom two exports tell from which a change of unit is called."""
_SAME_UNIT = (0.5, 2.0)
"""Median of later over earlier amounts within which they are of one unit."""


@dataclass(frozen=True)
class Ledger:
    """Amounts of every customer of any export by calendar month.

    Attributes
    ----------
    amounts : DataFrame
        A row a customer (by id, sorted as text), a column a calendar month; missing where no
        amount is known.
    has_row : DataFrame of bool
        The same shape: whether some export has a row, be it empty or broken. Where it is false,
        the exports of that month lack the customer.
    """

    amounts: pd.DataFrame
    has_row: pd.DataFrame

    def as_one(self) -> pd.DataFrame:
        """Return both as one table, which a file can hold."""
        rows = self.has_row.add_prefix(_ROW)
        return pd.concat([self.amounts, rows], axis=1).rename_axis(IDENTITY).reset_index()

    @classmethod
    def of_one(cls, table: pd.DataFrame) -> "Ledger":
        """Return what :meth:`as_one` made one table of."""
        table = table.astype({IDENTITY: object}).set_index(IDENTITY).rename_axis(None)
        rows = [name for name in table if name.startswith(_ROW)]
        has_row = table[rows].rename(columns=lambda name: name.removeprefix(_ROW))
        return cls(table.drop(columns=rows), has_row)


@dataclass(frozen=True)
class History:
    """What the exports of all months together tell, and which of them told it first.

    Attributes
    ----------
    latest : Ledger
        The amounts of all exports, the later one before the earlier.
    told_by : ndarray of int, shape (n_customers, n_calendar_months)
        The first export, by its number, that tells an amount; of none the number of all exports.
    seen_by : ndarray of int, shape (n_customers,)
        The first export that has the customer.
    reached_by : ndarray of int, shape (n_calendar_months,)
        The first export that reaches to the calendar month.
    """

    latest: Ledger
    told_by: np.ndarray
    seen_by: np.ndarray
    reached_by: np.ndarray

    def known_by(self, number: int) -> pd.DataFrame:
        """Return the amounts that the exports up to one tell, each as the latest export tells it.

        What a customer spent before and after, and what a month did to everyone, must come from the
        same amounts: where a later export tells them anew, both sides follow. An amount that only a
        later export tells is left out, so that no month that arrives changes what came of an
        earlier one.
        """
        rows, reached = self.seen_by <= number, np.flatnonzero(self.reached_by <= number)
        amounts = self.latest.amounts.iloc[rows, reached]
        return amounts.where(self.told_by[np.ix_(rows, reached)] <= number)


def history_of(months: Mapping[str, Ledger]) -> History:
    """Return what the exports of all months tell of some customers, of all or of a part of them.

    Parameters
    ----------
    months : mapping of str to Ledger
        What each month's export of a monthly table tells, see :func:`ledger_of`.
    """
    parts = [months[month] for month in sorted(months)]
    ids = pd.Index(sorted(set().union(*(part.amounts.index for part in parts))), dtype=object)
    calendar = sorted(set().union(*(part.amounts.columns for part in parts)))
    shape, never = (len(ids), len(calendar)), len(parts)
    amounts, has_row = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    told_by = np.full(shape, never, dtype="int16")
    seen_by, reached_by = (np.full(size, never, dtype="int16") for size in shape)
    for number, part in enumerate(parts):
        where = ids.get_indexer(part.amounts.index)
        seen_by[where] = np.minimum(seen_by[where], number)
        for name in part.amounts:
            at = calendar.index(name)
            reached_by[at] = min(reached_by[at], number)
            told = part.amounts[name].to_numpy()
            known = ~np.isnan(told)  # an empty cell is no later knowledge
            amounts[where[known], at] = told[known]
            told_by[where[known], at] = np.minimum(told_by[where[known], at], number)
            has_row[where[part.has_row[name].to_numpy(dtype=bool)], at] = True
    tables = (pd.DataFrame(table, ids, calendar) for table in (amounts, has_row))
    return History(Ledger(*tables), told_by, seen_by, reached_by)


def histories_together(histories: Sequence[History]) -> History:
    """Return the amounts of the customers of all parts, each of whom is in one, by id."""
    if len(histories) == 1:
        return histories[0]
    ids = pd.Index(np.concatenate([one.latest.amounts.index for one in histories]), dtype=object)
    order = np.argsort(ids, kind="stable")

    def ordered(parts: Iterable[np.ndarray]) -> np.ndarray:
        return np.concatenate(list(parts))[order]

    first = histories[0].latest.amounts
    amounts, has_row = (
        pd.DataFrame(
            ordered(getattr(one.latest, name).to_numpy() for one in histories),
            ids[order],
            first.columns,
        )
        for name in ("amounts", "has_row")
    )
    return History(
        Ledger(amounts, has_row),
        ordered(one.told_by for one in histories),
        ordered(one.seen_by for one in histories),
        histories[0].reached_by,
    )


@dataclass(frozen=True)
class ToldTwice:
    """How the amounts of a calendar month differ between two exports that tell of it.

    Attributes
    ----------
    calendar_month, table, earlier, later : str
        The export of the month `later` is held beside that of `earlier`.
    compared : int
        Customers of whom both tell.
    differ : int
        Those with another amount.
    largest : float
        The largest difference.
    same : int
        Those with one positive amount in both.
    ratios : ndarray of float
        Later over earlier of the others for whom both are positive.
    """

    calendar_month: str
    table: str
    earlier: str
    later: str
    compared: int
    differ: int
    largest: float
    same: int
    ratios: np.ndarray


def told_twice(months: Mapping[str, Ledger], table: str) -> list[ToldTwice]:
    """Hold the export of each month beside the next one: of all customers, or of a part of them."""
    found = []
    for earlier, later in pairwise(sorted(months)):
        old, new = months[earlier].amounts, months[later].amounts
        both = old.index.intersection(new.index)
        for name in sorted(old.columns.intersection(new.columns)):
            before, after = old.loc[both, name].to_numpy(), new.loc[both, name].to_numpy()
            known = ~(np.isnan(before) | np.isnan(after))
            before, after = before[known], after[known]
            gap = np.abs(after - before)
            earned = (before > 0) & (after > 0)
            ratios = after[earned] / before[earned]
            others = ratios[ratios != 1]
            told = (len(gap), int((gap > 0).sum()), float(gap.max()) if len(gap) else 0.0)
            same = len(ratios) - len(others)
            found.append(ToldTwice(name, table, earlier, later, *told, same, others))
    return found


def restated(parts: Sequence[Sequence[ToldTwice]]) -> list[dict[str, object]]:
    """Return how the amounts of a calendar month differ between two exports that tell of it.

    ``compared`` are customers of whom both tell, ``differ`` those with another amount, ``largest``
    the largest difference, and ``ratio`` the median of later over earlier: far from 1 it is another
    unit.

    Parameters
    ----------
    parts : sequence of sequence of ToldTwice
        Of all customers, each of whom is in one part.
    """
    found = []
    for of_parts in zip(*parts, strict=True):
        one = of_parts[0]
        ratios = np.concatenate([told.ratios for told in of_parts])
        ratios = np.append(ratios, np.ones(sum(told.same for told in of_parts)))
        found.append(
            {
                "calendar_month": one.calendar_month,
                "table": one.table,
                "earlier": one.earlier,
                "later": one.later,
                "compared": sum(told.compared for told in of_parts),
                "differ": sum(told.differ for told in of_parts),
                "largest": max(told.largest for told in of_parts),
                "ratio": float(np.median(ratios)) if len(ratios) else None,
            }
        )
    return found


def other_unit(one: Mapping[str, object]) -> bool:
    """Tell whether a row of :func:`restated` is a change of unit, no correction of some amounts.

    Most of the customers have another amount, there are some tens of them at least, and half of the
    amounts or more grew above twice, or fell below half.
    """
    compared, ratio = one["compared"], one["ratio"]
    if compared < _SOME_TENS or one["differ"] <= compared / 2 or ratio is None:
        return False
    return not _SAME_UNIT[0] <= ratio <= _SAME_UNIT[1]


def refuse_other_unit(twice: Sequence[Mapping[str, object]], files: Mapping[str, str]) -> None:
    """Raise an InputError if revenue, which makes outcomes, is in another unit from a month on.

    Minutes make features only: there it is a finding, and drift.

    Parameters
    ----------
    twice : sequence of dict
        What :func:`restated` tells.
    files : mapping of str to str
        The revenue file of each month.
    """
    for one in twice:
        if one["table"] == MARKET_MONEY and other_unit(one):
            earlier, later = one["earlier"], one["later"]
            raise InputError(
                f"{later}/{files[later]} tells the revenue of {one['calendar_month']} as "
                f"{one['ratio']:.3g} times that in {earlier}/{files[earlier]} (the median; "
                f"{one['differ']} of {one['compared']} customers differ): is it in another unit? "
                "Valid: one unit in all months"
            )


def ledger_of(month: str, cleaned: Cleaned, table: str, *, columns: Columns) -> Ledger:
    """Return what one month's export of a monthly table tells of calendar months.

    Parameters
    ----------
    month : str
    cleaned : Cleaned
        The export, or a part of it: rows as they stand, before any filter of customers.
    table : str
        A monthly table of the data dictionary.
    columns : Columns
        The data dictionary of what the exports have.
    """
    held, rows, export = columns.of(table), cleaned.rows, columns.tables[table]
    order = list(export.months)  # the oldest first, the last is the export's own month
    calendar = {one.name: shifted(month, order.index(one.month) - len(order) + 1) for one in held}
    ids = pd.Index(rows[IDENTITY].astype(object).unique())
    broken = cleaned.quarantine[IDENTITY].unique()
    ids = ids.union(pd.Index(broken[broken != ""].astype(object)), sort=True)
    where = ids.get_indexer(rows[IDENTITY].astype(object))
    amount = rows["amount"].to_numpy()
    amounts = pd.DataFrame(np.nan, index=ids, columns=sorted(calendar.values()))
    # A broken row does not say for certain of which month it is: none of its customer's is absent.
    has_row = pd.DataFrame(False, index=ids, columns=amounts.columns)
    has_row.loc[ids.isin(broken)] = True
    for name, of in calendar.items():
        chosen = (rows[PERIOD] == name).to_numpy(dtype=bool)
        column = np.full(len(ids), np.nan)
        column[where[chosen]] = amount[chosen]
        amounts[of] = column
        present = has_row[of].to_numpy(copy=True)
        present[where[chosen]] = True
        has_row[of] = present
    return Ledger(amounts, has_row)
