"""The sides of a table of months: what teaches was known when what judges was scored.

Month m may teach month t if m and its outcome's months have passed on t's last day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from retention.core.hashing import behaviour_key, uniform
from retention.core.months import known_months, months_between
from retention.core.vocabulary import IDENTITY, LABEL, MONTH
from retention.data.treated import Treatment


@dataclass(frozen=True)
class MonthSplit:
    """Which side each row of a table is on.

    Attributes
    ----------
    columns : DataFrame
        ``split``, ``twin_key``, ``scored`` and, of months, ``behaviour_key`` and ``weight``.
    details : dict
        How months were split, who was treated; empty of a snapshot.
    """

    columns: pd.DataFrame
    details: dict[str, Any]


@dataclass(frozen=True)
class MonthRows:
    """What decides the sides of the rows of a table of months, of one part or of all.

    Attributes
    ----------
    ids : ndarray, shape (n_rows,)
        One for each customer, text or a number.
    month : ndarray of str, shape (n_rows,)
    alike : ndarray of uint64, shape (n_rows,)
        Keys of the behaviour, which twins of a month share.
    label : ndarray of int, shape (n_rows,)
        The outcome, -1 where it is not known.
    treatment : Treatment
        Of the same rows.
    """

    ids: np.ndarray
    month: np.ndarray
    alike: np.ndarray
    label: np.ndarray
    treatment: Treatment

    @classmethod
    def of(
        cls, customers: pd.DataFrame, treatment: Treatment, *, behaviour: Sequence[str]
    ) -> "MonthRows":
        """Return what the rows of a table tell; `behaviour` are the columns of twins."""
        alike = behaviour_key(customers, behaviour)
        label = customers[LABEL].to_numpy("float64", na_value=-1).astype("int8")
        ids, month = (customers[name].to_numpy(dtype=object) for name in (IDENTITY, MONTH))
        return cls(ids, month, alike, label, treatment)

    def twins(self) -> np.ndarray:
        """Return a whole number for each row, which twins share.

        Who stands for others is no twin of who does not.
        """
        return same_codes(self.month, self.alike, self.label, self.treatment.weight)


def split_months(
    rows: MonthRows,
    *,
    horizon: int,
    test_share: float,
    seed: int,
    unscored: np.ndarray | None = None,
) -> MonthSplit:
    """Return the side of each row of a table of months.

    The test is the last month with known outcomes (of most of its customers); months whose outcome
    was known on its last day teach. Where no month may teach, customers are split instead, each
    with all months and twins: the two sides then share months.

    Parameters
    ----------
    rows : MonthRows
        Of the whole table.
    horizon : int
        Months after a month in which its outcome falls.
    test_share, seed
        Of the split by customers.
    unscored : ndarray of int, optional
        Rows with a twin that is scored; by default all but the first of each pair.
    """
    month, treatment = rows.month, rows.treatment
    key = linked(rows.ids, month, rows.alike)
    last = str(month.max())
    known = (rows.label >= 0) & ~treatment.treated
    split = np.full(len(month), "waiting", dtype=object)
    split[month == last] = "score"
    test_month = _test_month(month[~treatment.treated], known[~treatment.treated])
    teaching = _may_teach(month[known], test_month, horizon=horizon)
    if teaching:
        split[known] = "between"
        split[known & (month == test_month)] = "test"
        split[known & np.isin(month, teaching)] = "train"
    else:
        test = uniform(key, seed=seed, purpose="split") < test_share
        split[known & test] = "test"
        split[known & ~test] = "train"
    split[treatment.treated] = "treated"
    taught = sorted(set(month[split == "train"]))
    scored = np.ones(len(month), dtype=bool)
    scored[pd.Series(rows.twins()).duplicated().to_numpy() if unscored is None else unscored] = (
        False
    )
    columns = pd.DataFrame(
        {
            "split": pd.Series(split, dtype="str"),
            "twin_key": key,
            "scored": scored,
            "behaviour_key": rows.alike,
            "weight": treatment.weight,
        }
    )
    details = {
        "split": "time" if teaching else "customers" if known.any() else "none",
        "horizon_months": horizon,
        "test_month": test_month if teaching else None,
        "teaching": taught,
        "last": last,
        "treated": _by_month(month[treatment.treated]),
        "controls": _by_month(month[treatment.control]),
        "gaps": treatment.gaps,
    }
    return MonthSplit(columns, details)


def linked(ids: np.ndarray, month: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """Return one key for all rows that belong together: a customer's months, and its twins'.

    Two rows are linked by the customer, or by equal behaviour in the same month; what is linked
    over others is together too (connected components). The key is the lowest behaviour key of the
    component's first month: it depends on no order, and a new month changes it only where it links
    two components.

    Parameters
    ----------
    ids : ndarray, shape (n_rows,)
        One for each customer, text or a number.
    month : ndarray of str, shape (n_rows,)
    alike : ndarray of uint64, shape (n_rows,)
        Keys of the behaviour within the month.

    Returns
    -------
    ndarray of uint64, shape (n_rows,)
    """
    # Of months only: a snapshot's workers are not to wait for it.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    customer, month = pd.factorize(ids)[0], pd.factorize(month, sort=True)[0].astype("int16")
    count = customer.max() + 1
    twins = same_codes(month, alike)
    nodes = count + twins.max() + 1
    links = coo_array(
        (np.ones(len(ids), dtype=bool), (customer, count + twins)), shape=(nodes, nodes)
    )
    component = connected_components(links, directed=False)[1]
    del links, twins
    component = component[customer]
    first = np.full(nodes, np.iinfo("int16").max, dtype="int16")
    np.minimum.at(first, component, month)
    begins = month == first[component]
    key = np.full(nodes, np.iinfo("uint64").max)
    np.minimum.at(key, component[begins], alike[begins])
    return key[component]


def same_codes(*columns: np.ndarray) -> np.ndarray:
    """Return a whole number for each row, which rows share that are equal in all columns."""
    codes = np.zeros(len(columns[0]), dtype="int64")
    for column in columns:
        own, words = pd.factorize(column)
        codes = pd.factorize(codes * (len(words) + 1) + own + 1)[0]  # -1 is what is missing
    return codes


def _test_month(month: np.ndarray, known: np.ndarray) -> str | None:
    """Return the last month whose outcome is known, else with any known; None without one."""
    mostly = known_months(month, known)
    months = mostly.index[mostly] if mostly.any() else month[known]
    return str(max(months)) if len(months) else None


def _may_teach(month: np.ndarray, test_month: str | None, *, horizon: int) -> list[str]:
    """Return the months with known outcomes that had passed on the test month's last day."""
    if test_month is None:
        return []
    every = sorted(set(month))
    return [one for one in every if months_between(one, test_month) >= horizon]


def _by_month(month: np.ndarray) -> dict[str, int]:
    found, counts = np.unique(month.astype(str), return_counts=True)
    return {str(one): int(count) for one, count in zip(found, counts, strict=True)}
