"""Join the cleaned exports into one row a customer; say who is set aside, and why."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.vocabulary import IDENTITY, MARKET_FILE, MINUTES, PROFIT, REVENUE
from retention.data.cleaning import JOIN_KEY, Cleaned, customer_keys
from retention.data.id_forms import refuse_other_spellings
from retention.data.matching import match_exports

POSITION = "position"
"""A customer's place in the behaviour file; kept for the leak scan, never a feature."""

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


def check_ids(
    cleaned: Mapping[str, Cleaned],
    quarantine: pd.DataFrame,
    files: Mapping[str, str],
    *,
    least: float,
) -> dict[str, dict[str, object]]:
    """Return how many customers of each export match, as :func:`match_exports` does.

    Parameters
    ----------
    cleaned : mapping of str to Cleaned
        The cleaned exports by name.
    quarantine : DataFrame
        Of all of them: the customers of broken rows are customers too.
    files : mapping of str to str
        The name of each export's file.
    least : float
        Share of the customers that each file must know, 0 to 1.

    Raises
    ------
    InputError
        If two files spell an id in two ways, or a file knows too few of the customers.
    """
    ids = {}
    for table, part in cleaned.items():
        broken = quarantine.loc[quarantine["file"] == files[table], IDENTITY]
        whole = part.plain and broken.empty
        ids[table] = part.rows[JOIN_KEY] if whole else pd.concat([part.rows[IDENTITY], broken])
    refuse_other_spellings({files[table]: part for table, part in ids.items()})
    return match_exports(ids, files, least=least)


def join(
    cleaned: Mapping[str, Cleaned], quarantined: pd.Series, *, columns: Columns
) -> pd.DataFrame:
    """Return one row a customer of any file, sorted by id.

    Parameters
    ----------
    cleaned : mapping
        The cleaned exports by name.
    quarantined : Series of str
        Ids of the rows in quarantine: their customers are customers too.
    columns : Columns
        The data dictionary of what the exports have.

    Returns
    -------
    DataFrame
        ``customer_id``, every canonical column (missing where a file lacks the customer),
        ``position``, and ``in_TABLE`` for each export: whether it holds the customer.
        Numeric ids are sorted as numbers, others as text.
    """
    quarantined = quarantined[quarantined != ""]
    keys = _common_keys(cleaned, quarantined)
    tables = {name: part.rows for name, part in cleaned.items()}
    ids = pd.concat([*(rows[IDENTITY] for rows in tables.values()), quarantined])
    # A key that follows itself (the months of a customer) is no news, which spares most of them.
    changes = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    ordered, first = np.unique(keys[changes], return_index=True)
    everyone = pd.DataFrame({IDENTITY: ids.iloc[changes[first]].reset_index(drop=True)})
    every_place = _places(keys, ordered)
    parts, start = [everyone], 0
    for table, rows in tables.items():
        place = every_place[start : start + len(rows)]
        start += len(rows)
        present = np.zeros(len(everyone), dtype=bool)
        present[place] = True
        part = {f"in_{table}": present}
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
    joined = pd.concat(parts, axis=1)
    return joined[[*columns.by_name, POSITION, *(f"in_{table}" for table in columns.tables)]]


def _common_keys(cleaned: Mapping[str, Cleaned], quarantined: pd.Series) -> np.ndarray:
    """Return a key for the id of every row of all tables, then of the quarantine."""
    if not len(quarantined) and all(part.plain for part in cleaned.values()):
        return np.concatenate([part.rows[JOIN_KEY].to_numpy() for part in cleaned.values()])
    every = [*(part.rows[IDENTITY] for part in cleaned.values()), quarantined]
    return customer_keys(pd.concat(every, ignore_index=True).astype("str"))


def _places(keys: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Return where each of `keys` stands in the sorted, distinct `ordered`."""
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


def entry_errors(revenue: pd.Series, *, distance: float) -> np.ndarray:
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
    amounts = revenue.to_numpy(dtype="float64")
    earned = amounts[amounts > 0]
    if not len(earned):
        return np.zeros(len(amounts), dtype=bool)
    centre = np.median(earned)
    spread = 1.4826 * np.median(np.abs(earned - centre))
    if spread == 0:
        return np.zeros(len(amounts), dtype=bool)
    return (amounts > 0) & (np.abs(amounts - centre) > distance * spread)


def set_aside(
    customers: pd.DataFrame,
    quarantined: pd.Series,
    *,
    regular_only: bool,
    distance: float,
    zero_minutes: str,
    incomplete: str,
) -> np.ndarray:
    """Return each customer's reason to be set aside, empty text for those who stay.

    Parameters
    ----------
    customers : DataFrame
        As :func:`join` returns it.
    quarantined : Series of str
        Ids of the rows in quarantine.
    regular_only : bool
        Whether a month without revenue sets a customer aside.
    distance : float
        For :func:`entry_errors`.
    zero_minutes, incomplete : str
        ``set_aside`` or anything else: what to do with customers who spent 0 minutes in a month,
        and with those whom the minutes or the profit lack.

    Returns
    -------
    ndarray of str, shape (n_customers,)
        One of :data:`SET_ASIDE_REASONS`, or empty.
    """
    months = customers[list(REVENUE)]
    sane = ~customers[IDENTITY].isin(quarantined).to_numpy()
    wrong = np.any([entry_errors(months[m], distance=distance) for m in REVENUE], axis=0)
    lacks = customers[[*MINUTES, PROFIT]].isna().any(axis=1).to_numpy()
    holds = {
        "quarantined": ~sane,
        "no_behaviour": ~customers[f"in_{MARKET_FILE}"].to_numpy(),
        "no_revenue": months.isna().any(axis=1).to_numpy(),
        "not_regular": regular_only & (months <= 0).any(axis=1).to_numpy(),
        "entry_error": wrong,
        "no_minutes": (zero_minutes == "set_aside") & zero_in_minutes(customers),
        "incomplete": (incomplete == "set_aside") & lacks,
    }
    return np.select([holds[reason] for reason in SET_ASIDE_REASONS], SET_ASIDE_REASONS, default="")


def zero_in_minutes(customers: pd.DataFrame) -> np.ndarray:
    """Tell which customers spent no minute on the site in one of the months."""
    return (customers[list(MINUTES)] == 0).any(axis=1).to_numpy()
