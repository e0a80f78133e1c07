"""What each customer spent in each calendar month, put together from the exports of all months.

Each export tells of a few months up to its own: July's revenue stands in the folders of July,
August and September. Outcomes take the latest that is told; where two folders differ is counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from retention.core.column_entries import PERIOD
from retention.core.errors import InputError
from retention.core.months import shifted
from retention.core.vocabulary import IDENTITY, MARKET_MONEY
from retention.data.preparation import Exports

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


def ledgers_of(months: Mapping[str, Exports], table: str) -> dict[str, Ledger]:
    """Return what each month's export of a monthly table tells of calendar months.

    Parameters
    ----------
    months : mapping of str to Exports
        The exports of each month, cleaned: rows as they stand, before any filter of customers.
    table : str
        A monthly table of the data dictionary.
    """
    return {month: _ledger_of(month, months[month], table) for month in sorted(months)}


def combined(parts: Mapping[str, Ledger], *, until: str = "9999-12") -> Ledger:
    """Return the amounts that the exports up to a month tell, the later one before the earlier.

    Parameters
    ----------
    parts : mapping of str to Ledger
        As :func:`ledgers_of` gives them.
    until : str
        The last month whose export is asked; by default all are.
    """
    parts = {month: parts[month] for month in sorted(parts) if month <= until}
    ids = pd.Index(sorted(set().union(*(part.amounts.index for part in parts.values()))))
    calendar = sorted(set().union(*(part.amounts.columns for part in parts.values())))
    amounts = pd.DataFrame(np.nan, index=ids, columns=calendar)
    has_row = pd.DataFrame(False, index=ids, columns=calendar)
    for part in parts.values():
        where = ids.get_indexer(part.amounts.index)
        for name in part.amounts:
            at = calendar.index(name)
            told = part.amounts[name].to_numpy()
            known = ~np.isnan(told)  # an empty cell is no later knowledge
            amounts.iloc[where[known], at] = told[known]
            has_row.iloc[where[part.has_row[name].to_numpy()], at] = True
    return Ledger(amounts, has_row)


def known_by(parts: Mapping[str, Ledger], latest: Ledger, month: str) -> Ledger:
    """Return the amounts that the exports up to a month tell, each as the latest export tells it.

    What a customer spent before and after, and what a month did to everyone, must come from the
    same amounts: where a later export tells them anew, both sides follow. An amount that only a
    later export tells is left out, so that no month that arrives changes what came of an earlier
    one.

    Parameters
    ----------
    parts : mapping of str to Ledger
        As :func:`ledgers_of` gives them.
    latest : Ledger
        What :func:`combined` makes of all of them.
    month : str
        The last month whose export is asked.
    """
    then = combined(parts, until=month)
    amounts = latest.amounts.reindex(index=then.amounts.index, columns=then.amounts.columns)
    return Ledger(amounts.where(then.amounts.notna()), then.has_row)


def restated(parts: Mapping[str, Ledger], table: str) -> list[dict[str, object]]:
    """Return how the amounts of a calendar month differ between two exports that tell of it.

    Each export is held beside the next one. ``compared`` are customers of whom both tell,
    ``differ`` those with another amount, ``largest`` the largest difference, and ``ratio`` the
    median of later over earlier: far from 1 it is another unit.
    """
    found = []
    for earlier, later in pairwise(sorted(parts)):
        old, new = parts[earlier].amounts, parts[later].amounts
        both = old.index.intersection(new.index)
        for name in sorted(old.columns.intersection(new.columns)):
            before, after = old.loc[both, name].to_numpy(), new.loc[both, name].to_numpy()
            known = ~(np.isnan(before) | np.isnan(after))
            before, after = before[known], after[known]
            gap = np.abs(after - before)
            earned = (before > 0) & (after > 0)
            ratio = float(np.median(after[earned] / before[earned])) if earned.any() else None
            found.append(
                {
                    "calendar_month": name,
                    "table": table,
                    "earlier": earlier,
                    "later": later,
                    "compared": len(gap),
                    "differ": int((gap > 0).sum()),
                    "largest": float(gap.max()) if len(gap) else 0.0,
                    "ratio": ratio,
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


def _ledger_of(month: str, exports: Exports, table: str) -> Ledger:
    """Return the amounts of one export by calendar month."""
    held = exports.columns.of(table)
    rows, export = exports.cleaned[table].rows, exports.columns.tables[table]
    order = list(export.months)  # the oldest first, the last is the export's own month
    calendar = {one.name: shifted(month, order.index(one.month) - len(order) + 1) for one in held}
    ids = pd.Index(rows[IDENTITY].astype(object).unique())
    broken = exports.quarantine.loc[
        exports.quarantine["file"] == exports.files[table], IDENTITY
    ].unique()
    ids = ids.union(pd.Index(broken[broken != ""].astype(object)), sort=True)
    where = ids.get_indexer(rows[IDENTITY].astype(object))
    period, amount = rows[PERIOD].to_numpy(), rows["amount"].to_numpy()
    amounts = pd.DataFrame(np.nan, index=ids, columns=sorted(calendar.values()))
    # A broken row does not say for certain of which month it is: none of its customer's is absent.
    has_row = pd.DataFrame(False, index=ids, columns=amounts.columns)
    has_row.loc[ids.isin(broken)] = True
    for name, of in calendar.items():
        chosen = period == name
        column = np.full(len(ids), np.nan)
        column[where[chosen]] = amount[chosen]
        amounts[of] = column
        present = has_row[of].to_numpy(copy=True)
        present[where[chosen]] = True
        has_row[of] = present
    return Ledger(amounts, has_row)
