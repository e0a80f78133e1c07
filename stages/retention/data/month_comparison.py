"""Hold the exports of the months against each other, part by part.

All months of a customer lie in one part, so that a part alone tells who stays, whose amounts are
told anew, and what each customer spent; of all parts together this is a sum or a single column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.id_order import plain_numbers
from retention.core.parts import map_parts
from retention.core.vocabulary import IDENTITY, MARKET_MONEY
from retention.data.cleaning import LINE
from retention.data.id_forms import Spellings, spellings_of
from retention.data.ledger import (
    History,
    ToldTwice,
    histories_together,
    history_of,
    restated,
    told_twice,
)
from retention.data.month_reading import BROKEN, MonthExports, MonthPart
from retention.data.scratch_tables import put_down, taken_up
from retention.data.staying import Staying, staying_of, staying_together

_BEGINS = 2
"""The first line of a file behind its header."""


@dataclass(frozen=True)
class MonthsCompared:
    """What the months of a shop tell of each other.

    Attributes
    ----------
    spellings : list of Spellings
        Of each part how the behaviour file and the labels of each month spell ids.
    shared : dict of str to bool
        Whether a month and the next one share a customer.
    first : dict of str
        The id that stands first in each month's behaviour file.
    staying : list of Staying
    restated : list of dict
        As ``ledger.restated`` returns it, of each monthly table.
    revenue : History
        What everyone spent.
    latest : list of (DataFrame or Path)
        Of each part what everyone spent as the latest exports tell it, by ``Ledger.as_one``.
    """

    spellings: list[Spellings]
    shared: dict[str, bool]
    first: dict[str, str]
    staying: list[Staying]
    restated: list[dict[str, Any]]
    revenue: History
    latest: list[pd.DataFrame | Path]


@dataclass(frozen=True)
class _Compared:
    """What :class:`MonthsCompared` is made of: of one part."""

    spellings: Spellings
    shared: list[bool]
    first: list[tuple[int, str]]
    staying: list[Staying]
    twice: dict[str, list[ToldTwice]]
    revenue: History
    latest: pd.DataFrame | Path


def compare_months(
    months: Mapping[str, MonthExports], *, tables: Sequence[str], scratch: Path, jobs: int = 1
) -> MonthsCompared:
    """Hold the exports of all months against each other.

    Parameters
    ----------
    months : mapping of str to MonthExports
    tables : sequence of str
        The monthly ones.
    scratch : Path
        A folder for what does not fit into memory: of one part nothing.
    jobs : int
        Processes at most.
    """
    names = sorted(months)
    labelled = [month for month in names if months[month].labels is not None]
    parts = list(zip(*(months[month].parts for month in names), strict=True))
    work = partial(_compare_part, months=names, labelled=labelled, tables=tables)
    if len(parts) > 1:
        work = partial(work, folder=scratch.absolute())
    how = {"jobs": jobs, "what": "compare", "light": True}
    found = list(map_parts(work, list(enumerate(parts)), **how))
    shared = np.any([part.shared for part in found], axis=0).tolist()
    firsts = [min(of_month)[1] for of_month in zip(*(part.first for part in found), strict=True)]
    return MonthsCompared(
        [part.spellings for part in found],
        dict(zip(names[:-1], shared, strict=True)),
        dict(zip(names, firsts, strict=True)),
        staying_together([part.staying for part in found]),
        [one for table in tables for one in restated([part.twice[table] for part in found])],
        histories_together([part.revenue for part in found]),
        [part.latest for part in found],
    )


def _compare_part(
    task: tuple[int, Sequence[MonthPart]],
    *,
    months: Sequence[str],
    labelled: Sequence[str],
    tables: Sequence[str],
    folder: Path | None = None,
) -> _Compared:
    number, parts = task
    by_month = dict(zip(months, parts, strict=True))
    market = {month: taken_up(one.market) for month, one in by_month.items()}
    readable = {month: rows[rows[LINE] != BROKEN] for month, rows in market.items()}
    files = []
    for month, one in by_month.items():
        files.append(readable[month])
        files += [taken_up(one.labels)] if month in labelled else []
    ids = {month: pd.Index(rows[IDENTITY]) for month, rows in readable.items()}
    ledgers = {
        table: {month: one.ledger(table) for month, one in by_month.items()} for table in tables
    }
    revenue = history_of(ledgers[MARKET_MONEY])
    place = folder and folder / f"latest-{number:05d}.arrow"
    return _Compared(
        _spellings(files),
        [bool(ids[one].isin(ids[other]).any()) for one, other in pairwise(months)],
        [_first(rows) for rows in readable.values()],
        staying_of(
            {month: pd.Index(rows[IDENTITY]) for month, rows in market.items()},
            ledgers[MARKET_MONEY],
        ),
        {table: told_twice(ledgers[table], table) for table in tables},
        revenue,
        put_down(revenue.latest.as_one(), place),
    )


def _first(rows: pd.DataFrame) -> tuple[int, str]:
    """Return the id that stands first in a file, and where; behind all others without any."""
    if rows.empty:
        return np.iinfo("int64").max, ""
    first = rows.iloc[int(np.argmin(rows[LINE]))]
    return int(first[LINE]), str(first[IDENTITY])


def _spellings(files: Sequence[pd.DataFrame]) -> Spellings:
    """Return what the ids of some files tell of how they are spelled."""
    every = pd.concat([rows[IDENTITY] for rows in files]).drop_duplicates().astype("str")
    every = every[every != ""].reset_index(drop=True)
    places = []
    for rows in files:
        ids = pd.Index(rows[IDENTITY])
        found = ids.get_indexer(every)
        row = np.append(rows[LINE].to_numpy("int64") - _BEGINS, -1)  # the last of who is not there
        places.append(row[found])
    numbers = plain_numbers(every)
    return spellings_of(every if numbers is None else pd.Series(numbers), places)
