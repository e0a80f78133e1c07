"""The one table of customers of a shop that prepare divided into parts, made part by part.

Twins may lie in different parts, and a sample is of all customers. So the keys and the outcomes of
all are looked at first: 9 bytes a customer. With them each part is made by itself. Of months also
the side of a row follows from all of them: who is linked with whom, which month is the last with
known outcomes; some 60 bytes a row, in single columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.files import parquet_columns, read_parquet, write_parquet
from retention.core.hashing import behaviour_key
from retention.core.id_order import all_numbers, are_numbers, in_id_order
from retention.core.months import in_months
from retention.core.params import Features
from retention.core.part_names import clear_table, files_of_same_parts, part_files, part_paths
from retention.core.parts import map_parts
from retention.core.vocabulary import IDENTITY, LABEL, MONTH, POSITION
from retention.data.customer_table import in_test, make_table
from retention.data.study_rows import (
    StudyRows,
    find_cuts,
    groups_of_months,
    groups_to_study,
    merge_study_rows,
    rows_to_study,
    shares_of_months,
    with_order,
)
from retention.data.time_split import MonthRows, MonthSplit, split_months
from retention.data.treated import SentCampaign, Treatment, find_treated


@dataclass(frozen=True)
class CustomerFiles:
    """Where tables lie, or a part of each: those that are read, and those that are made.

    Attributes
    ----------
    customers, set_aside : Path
        As prepare writes them.
    features, left_out : Path
        As featurize writes them.
    """

    customers: Path
    set_aside: Path
    features: Path
    left_out: Path

    def divided(self) -> list["CustomerFiles"]:
        """Return the files of each part.

        Raises
        ------
        InputError
            If prepare's tables are not of the same parts.
        """
        read = files_of_same_parts([self.customers, self.set_aside])
        made = [part_paths(path, len(read)) for path in (self.features, self.left_out)]
        return [CustomerFiles(*of, *to) for of, *to in zip(read, *made, strict=True)]


@dataclass(frozen=True)
class _Options:
    """What is the same for every part, see :func:`make_customers`."""

    params: Features
    columns: Columns
    horizon: int
    campaigns: Sequence[SentCampaign]


class _Told(NamedTuple):
    """What all parts together must know of one.

    Attributes
    ----------
    key : ndarray of uint64, shape (n_customers,)
    label : ndarray of int8, shape (n_customers,)
        -1 where the outcome is not known.
    numbers : bool
        Whether every id, those set aside among them, is a whole number.
    """

    key: np.ndarray
    label: np.ndarray
    numbers: bool


class _MonthsTold(NamedTuple):
    """What all parts of months together must know of one: its rows, and `numbers` as above."""

    rows: MonthRows
    position: np.ndarray
    numbers: bool


class _OfMonths(NamedTuple):
    """What is known of the rows of a part from those of all parts."""

    split: MonthSplit
    share: np.ndarray
    groups: dict[str, np.ndarray]


class _Task(NamedTuple):
    """A part to be made; what is None is found in it."""

    files: CustomerFiles
    key: np.ndarray | None = None
    unscored: np.ndarray | None = None
    cuts: dict[str, float] | None = None
    months: _OfMonths | None = None


def make_customers(
    files: CustomerFiles,
    params: Features,
    *,
    columns: Columns,
    horizon: int,
    campaigns: Sequence[SentCampaign] = (),
    jobs: int = 1,
) -> StudyRows:
    """Write the table of customers and the ids of all others; return what is to be studied.

    Parameters
    ----------
    files : CustomerFiles
        What is read and what is written, in as many parts.
    params : Features
        The params section.
    columns : Columns
        The data dictionary.
    horizon : int
        Params ``label.horizon_months``; asked of months only.
    campaigns : sequence of SentCampaign
        What was sent; asked of months only.
    jobs : int
        Parts that are made at a time.
    """
    parts, options = files.divided(), _Options(params, columns, horizon, campaigns)
    clear_table(files.features)
    clear_table(files.left_out)
    if len(parts) == 1:
        made = _make_part(options, _Task(parts[0]))
        tables = (parts[0].customers, parts[0].set_aside)
        return with_order(made, numbers=are_numbers(tables)) if made.months else made
    how = {"jobs": jobs, "light": True}
    tell = _tell_months if in_months(parquet_columns(parts[0].customers)) else _tell
    told = list(map_parts(partial(tell, options), parts, what="featurize: keys", **how))
    numbers = all(part.numbers for part in told)
    if tell is _tell_months:
        tasks = _tasks_of_months(parts, told, options, numbers=numbers)
    else:
        keys = [part.key for part in told]
        unscored = find_unscored(
            keys,
            [part.label for part in told],
            [part.customers for part in parts],
            numbers=numbers,
        )
        cuts = _cuts_of(told, unscored, params)
        tasks = [_Task(*each, cuts) for each in zip(parts, keys, unscored, strict=True)]
    made = list(map_parts(partial(_make_part, options), tasks, what="featurize: tables", **how))
    return merge_study_rows(made, numbers=numbers)


def find_unscored(
    keys: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    tables: Sequence[Path],
    *,
    numbers: bool,
) -> list[np.ndarray]:
    """Return the rows of each part with a twin of the same outcome that comes before them.

    The first by id is scored, wherever it is: as in a shop in one part. Ids are read only of those
    whose twin is in another part.

    Parameters
    ----------
    keys, labels : sequence of ndarray, each of shape (n_customers_of_part,)
        Behaviour keys and outcomes, -1 where one is not known.
    tables : sequence of Path
        The parts, with their ids.
    numbers : bool
        Whether every id of the shop is a number.
    """
    every = np.sort(np.concatenate(keys))
    shared = np.unique(every[1:][every[1:] == every[:-1]])
    del every
    found = []
    for number, (key, label) in enumerate(zip(keys, labels, strict=True)):
        rows = np.flatnonzero(np.isin(key, shared))
        found.append(
            pd.DataFrame({"part": number, "row": rows, "key": key[rows], "label": label[rows]})
        )
    twins = pd.concat(found, ignore_index=True)
    alike = ["key", "label"]
    # A part has its rows by id; so only the first ones of different parts are to be compared.
    twins["first"] = ~twins.duplicated([*alike, "part"])
    first = twins[twins["first"]]
    rivals = first[first.duplicated(alike, keep=False)]
    ids = [
        read_parquet(tables[number], [IDENTITY])[IDENTITY].iloc[part["row"]]
        for number, part in rivals.groupby("part")
    ]
    if ids:
        rivals = rivals.assign(**{IDENTITY: pd.concat(ids).to_numpy(), "place": rivals.index})
        rivals = in_id_order(rivals, numbers=numbers)
        twins.loc[rivals.loc[rivals.duplicated(alike), "place"], "first"] = False
    others = twins[~twins["first"]]
    return [others.loc[others["part"] == number, "row"].to_numpy() for number in range(len(keys))]


def _tell(options: _Options, files: CustomerFiles) -> _Told:
    """Return what all parts together must know of this one."""
    columns = options.columns.held_by(parquet_columns(files.customers))
    customers = read_parquet(files.customers, [IDENTITY, LABEL, *columns.behaviour])
    key = behaviour_key(customers, columns.behaviour)
    label = customers[LABEL].to_numpy("float64", na_value=-1).astype("int8")
    ids = customers[IDENTITY], read_parquet(files.set_aside, [IDENTITY])[IDENTITY]
    return _Told(key, label, all_numbers(ids))


def _cuts_of(
    told: Sequence[_Told], unscored: Sequence[np.ndarray], params: Features
) -> dict[str, float]:
    """Return the draws up to which the samples of all parts reach."""
    key, label = (np.concatenate(all_of) for all_of in list(zip(*told, strict=True))[:2])
    starts = np.cumsum([0, *(len(part.key) for part in told[:-1])])
    scored = np.ones(len(key), dtype=bool)
    for start, rows in zip(starts, unscored, strict=True):
        scored[start + rows] = False
    known = label >= 0
    groups = groups_to_study(train=known & ~in_test(key, params), known=known, scored=scored)
    return find_cuts(key, groups, params)


def _tell_months(options: _Options, files: CustomerFiles) -> _MonthsTold:
    """Return what all parts of months together must know of this one."""
    columns = options.columns.held_by(parquet_columns(files.customers))
    names = [IDENTITY, MONTH, LABEL, POSITION, *columns.behaviour]
    customers = read_parquet(files.customers, names)
    treatment = find_treated(customers, options.campaigns, horizon=options.horizon)
    rows = MonthRows.of(customers, treatment, behaviour=columns.behaviour)
    ids = customers[IDENTITY], read_parquet(files.set_aside, [IDENTITY])[IDENTITY]
    numbers = all_numbers(ids)
    # Customers and months as numbers, which need little room.
    codes, month = pd.factorize(rows.ids)[0].astype("int32"), rows.month.astype("datetime64[M]")
    rows = replace(rows, ids=codes, month=month)
    return _MonthsTold(rows, customers[POSITION].to_numpy("float64"), numbers)


def _tasks_of_months(
    parts: Sequence[CustomerFiles],
    told: list[_MonthsTold],
    options: _Options,
    *,
    numbers: bool,
) -> list[_Task]:
    """Return what is to be made of each part of a table of months: which side each row is on."""
    params, sizes = options.params, [len(part.rows.label) for part in told]
    rows = _rows_together([part.rows for part in told], options.campaigns)
    position = pd.Series(np.concatenate([part.position for part in told]))
    told.clear()  # it is all in one now
    ends = np.cumsum(sizes)[:-1]
    same = rows.twins().astype("uint64")
    unscored = find_unscored(
        np.split(same, ends),
        np.split(rows.label, ends),
        [part.customers for part in parts],
        numbers=numbers,
    )
    starts = np.concatenate([[0], ends])
    unscored = np.concatenate([start + some for start, some in zip(starts, unscored, strict=True)])
    how = {"test_share": params.test_share, "seed": params.seed, "unscored": unscored}
    split = split_months(rows, horizon=options.horizon, **how)
    scored = split.columns["scored"].to_numpy()
    train = (split.columns["split"] == "train").to_numpy()
    groups = groups_of_months(train=train, scored=scored, month=rows.month)
    cuts = find_cuts(split.columns["twin_key"].to_numpy(), groups, params)
    share = shares_of_months(position, rows.month).to_numpy()
    tasks = []
    for files, start, size in zip(parts, starts, sizes, strict=True):
        here = slice(start, start + size)
        own = MonthSplit(split.columns.iloc[here].reset_index(drop=True), split.details)
        own_groups = {name: group[here] for name, group in groups.items()}
        months = _OfMonths(own, share[here], own_groups)
        tasks.append(_Task(files, cuts=cuts, months=months))
    return tasks


def _rows_together(parts: Sequence[MonthRows], campaigns: Sequence[SentCampaign]) -> MonthRows:
    """Return the rows of all parts, one after the other; each customer is in one of them."""
    first, ids = 0, []
    for part in parts:
        ids.append(part.ids + first)
        first += int(part.ids.max(initial=-1)) + 1
    names, place = np.unique(np.concatenate([part.month for part in parts]), return_inverse=True)
    alike, label = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("alike", "label")
    )
    treated, control, weight = (
        np.concatenate([getattr(part.treatment, name) for part in parts])
        for name in ("treated", "control", "weight")
    )
    lacking = set().union(*(part.treatment.gaps for part in parts))
    gaps = [one.name for one in campaigns if one.name in lacking]
    month = names.astype(str).astype(object)[place]
    treatment = Treatment(treated, control, weight, gaps)
    return MonthRows(np.concatenate(ids), month, alike, label, treatment)


def _make_part(options: _Options, task: _Task) -> StudyRows:
    """Write a part of the table and of the ids of all others; return what of it is studied."""
    customers, others = read_parquet(task.files.customers), read_parquet(task.files.set_aside)
    months = task.months
    if in_months(customers):
        last = customers[MONTH].max() if months is None else months.split.details["last"]
        others = others[others[MONTH] == last]
    made = make_table(
        customers,
        options.params,
        columns=options.columns,
        horizon=options.horizon,
        campaigns=options.campaigns,
        key=task.key,
        unscored=task.unscored,
        split=None if months is None else months.split,
    )
    write_parquet(made.table, task.files.features)
    write_parquet(others[[IDENTITY]], task.files.left_out)
    position, groups = customers[POSITION], None
    if months is not None:
        position, groups = pd.Series(months.share, position.index), months.groups
    return rows_to_study(made, position, options.params, cuts=task.cuts, groups=groups)


def known_ids(files: CustomerFiles) -> pd.Series:
    """Return each customer of the exports, those set aside too, at least once."""
    places = [place for table in (files.customers, files.set_aside) for place in part_files(table)]
    ids = (read_parquet(place, [IDENTITY])[IDENTITY].drop_duplicates() for place in places)
    return pd.concat(list(ids))
