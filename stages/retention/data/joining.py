"""Join the cleaned exports into one row a customer; say who is set aside, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.vocabulary import IDENTITY, MARKET_FILE, MINUTES, POSITION, PROFIT, REVENUE
from retention.data.cleaning import JOIN_KEY, Cleaned, customer_keys
from retention.data.ids import plain_numbers

IN_QUARANTINE = "in_quarantine"
_BEHIND = 1 << 40
"""More lines than a file has."""

SET_ASIDE_REASONS = (
    "quarantined",
    "no_behaviour",
    "no_revenue",
    "not_regular",
    "entry_error",
    "no_minutes",
    "incomplete",
)
"""Why a customer is set aside; the first that applies is given."""


@dataclass(frozen=True)
class Joined:
    """One row a customer of any file.

    Attributes
    ----------
    customers : DataFrame
        ``customer_id``, every canonical column (missing where a file lacks the customer),
        ``position``, ``in_TABLE`` for each export: whether it holds the customer; and
        ``in_quarantine``. Numeric ids are sorted as numbers, others as text.
    numeric : bool
        Whether every id is a whole number.
    ids : Series
        The ids, as numbers where they are some.
    places : dict of str to ndarray of int, shape (n_customers,)
        The line of each export at which the customer stands first, -1 where it does not; of one
        who stands in its quarantine alone a line behind all others.
    """

    customers: pd.DataFrame
    numeric: bool
    ids: pd.Series
    places: dict[str, np.ndarray]


def join(
    cleaned: Mapping[str, Cleaned],
    quarantine: pd.DataFrame,
    files: Mapping[str, str],
    *,
    columns: Columns,
) -> Joined:
    """Return one row a customer of any file, sorted by id.

    Parameters
    ----------
    cleaned : mapping
        The cleaned exports by name.
    quarantine : DataFrame
        Of all of them: the customers of broken rows are customers too.
    files : mapping of str to str
        The name of each export's file.
    columns : Columns
        The data dictionary of what the exports have.
    """
    broken = quarantine[(quarantine[IDENTITY] != "").to_numpy(dtype=bool)]
    keys, numeric = _common_keys(cleaned, broken[IDENTITY])
    tables = {name: part.rows for name, part in cleaned.items()}
    ids = pd.concat([*(rows[IDENTITY] for rows in tables.values()), broken[IDENTITY]])
    # A key that follows itself (the months of a customer) is no news, which spares most of them.
    changes = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    ordered, first = np.unique(keys[changes], return_index=True)
    everyone = pd.DataFrame({IDENTITY: ids.iloc[changes[first]].reset_index(drop=True)})
    every_place = _places(keys, ordered)
    parts, start, lines = [everyone], 0, {}
    in_quarantine = every_place[len(keys) - len(broken) :]
    for table, rows in tables.items():
        place = every_place[start : start + len(rows)]
        start += len(rows)
        present = np.zeros(len(everyone), dtype=bool)
        present[place] = True
        part = {in_table(table): present}
        if columns.tables[table].is_monthly:
            for column in columns.of(table):
                where = (rows["period"] == column.name).to_numpy()
                part[column.name] = np.full(len(everyone), np.nan)
                part[column.name][place[where]] = rows["amount"].to_numpy()[where]
        else:
            order = np.full(len(everyone), -1)
            order[place] = np.arange(len(rows))
            for column in columns.of(table):
                part[column.name] = _taken(rows[column.name].array, order)
            if table == MARKET_FILE:
                # One more line, unknown, for the customers whom this file lacks (order -1).
                part[POSITION] = np.append(rows["line"].to_numpy(dtype="float64"), np.nan)[order]
        parts.append(pd.DataFrame(part))
        here = (broken["file"] == files[table]).to_numpy(dtype=bool)
        lines[table] = np.full(len(everyone), -1, dtype="int64")
        late = broken["line"].to_numpy(dtype="int64")[here] + _BEHIND
        # From the last one to the first, which stays.
        lines[table][in_quarantine[here][::-1]] = late[::-1]
        lines[table][place[::-1]] = rows["line"].to_numpy()[::-1]
    sick = np.zeros(len(everyone), dtype=bool)
    sick[in_quarantine] = True
    joined = pd.concat([*parts, pd.DataFrame({IN_QUARANTINE: sick})], axis=1)
    names = [*columns.by_name, POSITION, *map(in_table, columns.tables), IN_QUARANTINE]
    distinct_ids = pd.Series(ordered) if numeric else everyone[IDENTITY]
    return Joined(joined[names], numeric, distinct_ids, lines)


def bookkeeping(tables: Iterable[str]) -> list[str]:
    """Return the columns of :class:`Joined` that say where a customer stands."""
    return [*map(in_table, tables), IN_QUARANTINE]


def in_table(table: str) -> str:
    """Return the column of :class:`Joined` that tells whether an export holds the customer."""
    return f"in_{table}"


def _common_keys(cleaned: Mapping[str, Cleaned], quarantined: pd.Series) -> tuple[np.ndarray, bool]:
    """Return a key for each row of all tables, then of the quarantine; and if they are the ids."""
    if not len(quarantined) and all(part.plain for part in cleaned.values()):
        return np.concatenate([part.rows[JOIN_KEY].to_numpy() for part in cleaned.values()]), True
    every = [*(part.rows[IDENTITY] for part in cleaned.values()), quarantined]
    ids = pd.concat(every, ignore_index=True).astype("str")
    numbers = plain_numbers(ids)
    return (customer_keys(ids), False) if numbers is None else (numbers, True)


def _places(keys: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Return where each of `keys` stands in the sorted, distinct `ordered`."""
    if not len(ordered):
        return keys
    span = int(ordered[-1]) - int(ordered[0]) + 1
    if span > 8 * len(ordered):
        return np.searchsorted(ordered, keys)
    table = np.zeros(span, dtype="int32")
    table[ordered - ordered[0]] = np.arange(len(ordered))
    return table[keys - ordered[0]]


def _taken(values: Any, order: np.ndarray) -> pd.Series:
    """Return the values at the places `order`, missing where it is -1; categories as text."""
    if isinstance(values, pd.Categorical):
        codes = np.append(values.codes, -1)[order]
        words = pd.array(values.categories, dtype="str")
        return pd.Series(words.take(codes, allow_fill=True))
    return pd.Series(values.take(order, allow_fill=True))


@dataclass(frozen=True)
class Usual:
    """What the positive amounts of one month are: their median, and how far others may be."""

    centre: float
    reach: float


def usual_amounts(revenue: Iterable[np.ndarray], *, distance: float) -> Usual:
    """Return how far an amount of one month may be from their median, to be no entry error.

    The distance is counted in robust standard deviations, 1.4826 times the median absolute
    deviation of the positive amounts (Rousseeuw & Croux 1993, doi:10.2307/2291267).

    Parameters
    ----------
    revenue : iterable of ndarray of float
        Money of one month, a row a customer, part by part.
    distance : float
        Robust standard deviations beyond which an amount is an entry error.
    """
    earned = np.concatenate([amounts[amounts > 0] for amounts in revenue])
    if not len(earned):
        return Usual(0.0, np.inf)
    centre = np.median(earned)
    spread = 1.4826 * np.median(np.abs(earned - centre))
    return Usual(float(centre), float(distance * spread) if spread else np.inf)


def entry_errors(amounts: np.ndarray, usual: Usual) -> np.ndarray:
    """Tell which amounts of one month are further from its median than the others ever are.

    Missing and zero amounts are never an error.
    """
    return (amounts > 0) & (np.abs(amounts - usual.centre) > usual.reach)


def set_aside(
    customers: pd.DataFrame,
    usual: Mapping[str, Usual],
    *,
    regular_only: bool,
    zero_minutes: str,
    incomplete: str,
) -> np.ndarray:
    """Return each customer's reason to be set aside, empty text for those who stay.

    Parameters
    ----------
    customers : DataFrame
        As :func:`join` returns them.
    usual : mapping of str to Usual
        The amounts of each month of revenue.
    regular_only : bool
        Whether a month without revenue sets a customer aside.
    zero_minutes, incomplete : str
        ``set_aside`` or anything else: what to do with customers who spent 0 minutes in a month,
        and with those whom the minutes or the profit lack.

    Returns
    -------
    ndarray of str, shape (n_customers,)
        One of :data:`SET_ASIDE_REASONS`, or empty.
    """
    months = customers[list(REVENUE)]
    wrong = [entry_errors(months[month].to_numpy("float64"), usual[month]) for month in REVENUE]
    lacks = customers[[*MINUTES, PROFIT]].isna().any(axis=1).to_numpy()
    holds = {
        "quarantined": customers[IN_QUARANTINE].to_numpy(),
        "no_behaviour": ~customers[in_table(MARKET_FILE)].to_numpy(),
        "no_revenue": months.isna().any(axis=1).to_numpy(),
        "not_regular": regular_only & (months <= 0).any(axis=1).to_numpy(),
        "entry_error": np.any(wrong, axis=0),
        "no_minutes": (zero_minutes == "set_aside") & zero_in_minutes(customers),
        "incomplete": (incomplete == "set_aside") & lacks,
    }
    return np.select([holds[reason] for reason in SET_ASIDE_REASONS], SET_ASIDE_REASONS, default="")


def zero_in_minutes(customers: pd.DataFrame) -> np.ndarray:
    """Tell which customers spent no minute on the site in one of the months."""
    return (customers[list(MINUTES)] == 0).any(axis=1).to_numpy()
