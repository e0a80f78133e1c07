"""The segments of a shop whose customers lie in parts: one pass to survey them, one to place them.

What needs everyone (ranks of profit, terciles, portraits) is told by single columns; rows are held
a part at a time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from retention.core import paths
from retention.core.audience import customers_of_today, is_rehearsal
from retention.core.beside import do_beside
from retention.core.columns import Columns
from retention.core.customer_parts import CustomerPart, Everyone
from retention.core.files import made, read_parquet
from retention.core.id_order import ids_are_numbers, in_id_order
from retention.core.params import Segment
from retention.core.part_names import clear_table, part_files
from retention.core.parts import map_parts
from retention.core.row_weights import WEIGHT
from retention.core.rule_values import RANKED, open_words
from retention.core.rules import check_rule, columns_of
from retention.core.spreadsheets import join_rows, write_part_of_both
from retention.core.teaching import TAUGHT, months_given, taught
from retention.core.vocabulary import IDENTITY, LABEL, MONTH, PROFIT
from retention.core.workbooks import (
    SheetColumn,
    beyond_a_sheet,
    fits_a_sheet,
    write_table_as_workbook,
)
from retention.segments.membership import Cuts, cut_points
from retention.segments.segmentation import (
    Segmentation,
    find_segments,
    in_segments,
    profit_ranks,
)
from retention.segments.subgroup_discovery import ASKED_OF_TAUGHT, candidates

KEPT = [IDENTITY, "risk", LABEL, PROFIT, "grid", "segments", "reasons"]
"""Columns of the customers' table."""
WORTH_A_PROCESS = 100_000
"""Rows from which a process of its own writes the workbook: they take some two seconds, and to
begin a process takes one."""
_BOOK = (
    SheetColumn(IDENTITY, "text", 18),
    SheetColumn("risk", "share", 9),
    SheetColumn(LABEL, "count", 15),
    SheetColumn(PROFIT, "money", 14),
    SheetColumn("grid", "text", 27),
    SheetColumn("segments", "text", 50),
    SheetColumn("reasons", "text", 50),
)


@dataclass(frozen=True)
class SegmentSurvey:
    """What a first look at all customers tells.

    Attributes
    ----------
    everyone : Everyone
        Holds ``risk``, ``profit``, ``profit_rank``, ``drop`` and ``scored``.
    sizes : list of int
        Customers of today in each part.
    taught : DataFrame
        See ``subgroup_discovery.candidates``.
    """

    everyone: Everyone
    sizes: list[int]
    taught: pd.DataFrame

    @property
    def ranks(self) -> list[np.ndarray]:
        """``profit_rank`` of the customers of each part."""
        rank = self.everyone["profit_rank"].to_numpy()
        return np.split(rank, np.cumsum(self.sizes)[:-1])

    @property
    def told(self) -> pd.DataFrame:
        """``drop``, ``scored`` and ``risk`` of everyone."""
        return self.everyone.frame([LABEL, "scored", "risk"])

    @property
    def rehearsal(self) -> bool:
        """Whether nobody's outcome is ahead."""
        return is_rehearsal(self.told)

    def to_draw(self, listed: np.ndarray) -> pd.DataFrame:
        """Return what a picture of everyone shows: risk and profit, and who is `listed`."""
        found = self.everyone.frame(["risk", PROFIT, "twin_key"])
        return found.assign(listed=listed)


@dataclass(frozen=True)
class _Seen:
    columns: dict[str, np.ndarray]
    taught: pd.DataFrame


def words_in_data(columns: Columns) -> dict[str, set[str]]:
    """Return the words that the customers' table holds in open columns, which rules may name.

    Nothing else is read: a rule that cannot mean what its editor meant is told first.

    Parameters
    ----------
    columns : Columns
        The data dictionary of what the exports have.
    """
    found: dict[str, set[str]] = {name: set() for name in columns.open}
    for part in part_files(made(paths.FEATURES)):
        held = open_words(read_parquet(part, list(columns.open)), columns=columns)
        for name, words in held.items():
            found[name] |= words
    return found


def survey(parts: Sequence[CustomerPart], *, options: Segment, jobs: int) -> SegmentSurvey:
    """Look at all customers once.

    Parameters
    ----------
    parts : sequence of CustomerPart
    options : Segment
        The params section.
    jobs : int
        Processes at most.
    """
    how = options.discover
    teaching = _teaching(parts, jobs=jobs)
    # A snapshot's rows have no ties that the order of ids would break.
    numbers = parts[0].last is not None and ids_are_numbers(paths.FEATURES, paths.LEFT_OUT)
    look = partial(_look, teaching=teaching, most=how.max_rows, seed=how.seed)
    held: dict[str, list[np.ndarray]] = {}
    chosen: list[pd.DataFrame] = []
    for seen in map_parts(look, parts, jobs=jobs, what="looking at customers", light=True):
        for name, values in seen.columns.items():
            held.setdefault(name, []).append(values)
        chosen.append(seen.taught)
        if len(chosen) > 1:  # rows by month and id, as those of one part are
            both = in_id_order(pd.concat(chosen), numbers=numbers)
            chosen = [candidates(both, most=how.max_rows, seed=how.seed, largest=teaching.largest)]
    sizes = [len(values) for values in held["risk"]]
    whole = {name: np.concatenate(held.pop(name)) for name in list(held)}
    whole["profit_rank"] = profit_ranks(pd.Series(whole[PROFIT], copy=False))
    return SegmentSurvey(Everyone(parts, whole), sizes, chosen[0])


class _Teaching(NamedTuple):
    """What all parts of months must know of who taught: see :func:`_teaching`."""

    given: set[str] | None = None
    largest: float | None = None


def _teaching(parts: Sequence[CustomerPart], *, jobs: int) -> _Teaching:
    """Return of which months the model was given rows, and the largest weight of who taught it."""
    if len(parts) == 1 or parts[0].last is None:
        return _Teaching()
    how = {"jobs": jobs, "what": "looking at months", "light": True}
    found = list(map_parts(_look_at_months, parts, **how))
    given = set().union(*(months for months, _ in found))
    weights = [one for _, of_month in found for month, one in of_month.items() if month in given]
    return _Teaching(given, max(weights, default=None))


def _look_at_months(part: CustomerPart) -> tuple[set[str], dict[str, float]]:
    """Return the months of whose rows the model was given some, and by month who weighs most."""
    few = part.rows([LABEL, *ASKED_OF_TAUGHT])
    given, every = set(months_given(few)), set(few[MONTH].unique())
    rows = few[taught(few, every) & few[LABEL].notna().to_numpy()]
    largest = rows.groupby(MONTH)[WEIGHT].max().to_dict()
    return (every if TAUGHT in few else given), largest


def _look(part: CustomerPart, *, teaching: _Teaching, most: int, seed: int) -> _Seen:
    few = part.rows([PROFIT, LABEL, *ASKED_OF_TAUGHT])
    today = customers_of_today(few, part.last)
    of_part = few[taught(few, teaching.given)]
    chosen = candidates(of_part, most=most, seed=seed, largest=teaching.largest).index
    return _Seen(
        {
            "risk": today["risk"].to_numpy("float64"),
            PROFIT: today[PROFIT].to_numpy("float64", na_value=np.nan),
            LABEL: today[LABEL].to_numpy("float32", na_value=np.nan),
            "scored": today["scored"].to_numpy(dtype=bool),
        },
        part.rows().loc[chosen],
    )


def segment_customers(
    parts: Sequence[CustomerPart],
    seen: SegmentSurvey,
    *,
    features: Sequence[str],
    words: Sequence[str],
    in_data: Mapping[str, Collection[str]],
    columns: Columns,
    options: Segment,
    dialect: str,
    language: str,
    jobs: int,
) -> Segmentation:
    """Put every customer into the grid and the named segments, write who is where, and study them.

    Parameters
    ----------
    parts : sequence of CustomerPart
    seen : SegmentSurvey
        What :func:`survey` told of them.
    features, words : sequence of str
        The model's features, and those of them that hold words.
    in_data : mapping
        As :func:`words_in_data` gives it.
    columns : Columns
        The data dictionary.
    options : Segment
        The params section.
    dialect, language : str
        Of the tables for people.
    jobs : int
        Processes at most.
    """
    rules, everyone = options.rules, seen.everyone
    for name, rule in rules.items():
        place = f"params.yaml: segment.rules.{name}"
        check_rule(rule, columns=columns, place=place, words=in_data)
    asked = set().union(*map(columns_of, rules.values())) - set(RANKED)
    place_them = partial(
        _place,
        asked=asked,
        rules=rules,
        columns=columns,
        in_data=in_data,
        risk_cuts=cut_points(everyone["risk"].to_numpy(), options.grid.risk),
        profit_cuts=cut_points(everyone[PROFIT].to_numpy(), options.grid.profit),
        dialect=dialect,
    )
    clear_table(paths.CUSTOMERS)
    clear_table(paths.CUSTOMERS_BOOK)  # of another table, should this one get none
    items = list(zip(parts, seen.ranks, strict=True))
    inside = list(map_parts(place_them, items, jobs=jobs, what="placing customers", light=True))
    join_rows(paths.CUSTOMERS.with_suffix(""), count=len(parts))
    _write_book(len(everyone), language=language, jobs=jobs)
    belongs = pd.DataFrame(np.concatenate(inside), columns=list(rules), dtype=bool)
    return find_segments(
        everyone, belongs, taught=seen.taught, features=features, words=words, options=options
    )


def _write_book(customers: int, *, language: str, jobs: int) -> None:
    """Write the customers' table as a workbook, or say that it has too many rows for one.

    That of a large shop is there when the stage ends, see ``core.beside``.
    """
    if not fits_a_sheet(customers):
        table = paths.CUSTOMERS.with_suffix(".csv")
        print(f"segment: {beyond_a_sheet(paths.CUSTOMERS_BOOK, customers, table)}")
        return
    places = (paths.CUSTOMERS, paths.CUSTOMERS_BOOK)
    write = partial(write_table_as_workbook, *places, _BOOK, sheet="customers", language=language)
    do_beside(write, jobs=jobs if customers >= WORTH_A_PROCESS else 1)


def _place(
    item: tuple[CustomerPart, np.ndarray],
    *,
    asked: Collection[str],
    rules: Mapping[str, str],
    columns: Columns,
    in_data: Mapping[str, Collection[str]],
    risk_cuts: Cuts,
    profit_cuts: Cuts,
    dialect: str,
) -> np.ndarray:
    """Write who of a part is in which segment; return it, a column a segment."""
    part, rank = item
    customers = part.today({PROFIT, LABEL, *asked}).assign(profit_rank=rank)
    placed, belongs = in_segments(
        customers,
        rules,
        columns=columns,
        in_data=in_data,
        risk_cuts=risk_cuts,
        profit_cuts=profit_cuts,
    )
    write_part_of_both(
        placed[KEPT],
        paths.CUSTOMERS.with_suffix(""),
        number=part.number,
        count=part.count,
        dialect=dialect,
    )
    return belongs.to_numpy(dtype=bool)
