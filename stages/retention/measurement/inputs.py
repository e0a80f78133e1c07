"""Read what a campaign sent and what came back: the list, the customers, the CRM's answers.

Files come back from spreadsheets, so that any dialect of an export is read. What guards a cell that
could be taken for a formula (``retention.core.spreadsheets``) is taken off again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.arms import Arm, arm_of
from retention.core.cells import bare, folded, is_missing
from retention.core.columns import Columns
from retention.core.errors import InputError, clipped, one_of, shown
from retention.core.files import made, read_parquet
from retention.core.kept_campaigns import KeptCampaign
from retention.core.spreadsheets import unguard
from retention.core.vocabulary import (
    ASSUMED_EFFECT,
    IDENTITY,
    LABEL,
    MARKET_FILE,
    MARKET_MONEY,
    MOST_MONEY,
    PROFIT,
)
from retention.data.coded import Coded
from retention.data.ids import clean_ids
from retention.data.number_parsing import read_numbers
from retention.data.reader import RawTable, read_export, refuse_broken_rows, refuse_empty_ids

OUTCOMES = (LABEL, "revenue", PROFIT)


def _other_headers(columns: Columns) -> dict[str, list[str]]:
    """Return the headers that the CRM's file may use for each column, beside its own name."""
    label, revenue = columns.by_name[LABEL], columns.tables[MARKET_MONEY].amount
    ways = {
        IDENTITY: columns.wanted(MARKET_FILE)[0],
        LABEL: (label.header, *label.aliases),
        "revenue": (revenue.header, *revenue.aliases),
    }
    if PROFIT in columns.by_name:  # a shop may have no profit
        profit = columns.by_name[PROFIT]
        ways[PROFIT] = (profit.header, *profit.aliases)
    return {name: [way for way in known if way != name] for name, known in ways.items()}


def _words(column: Coded) -> Coded:
    """Return words without spaces around and without what guards a formula."""
    return column.renamed([unguard(bare(word)[0]) for word in column.words])


def read_list(path: Path) -> pd.DataFrame:
    """Return the campaign's list: customer_id, segment, offer, arm, treated (bool) and cost.

    Beside them ``assumed_effect``, where the list has it. A list of an earlier version is read as
    well: one without these effects, or whose arms were called treated and untouched.

    Raises
    ------
    InputError
        If it is not there, is no list, names a customer twice or an arm that is none, or assumes
        no effect, or two, of an offer.
    """
    needed = [IDENTITY, "segment", "offer", "arm", "cost"]
    if path.is_dir():  # in parts, as segment wrote it
        table = read_parquet(path, [*needed, ASSUMED_EFFECT])
        return table.assign(treated=table["arm"] == Arm.TREATMENT)
    raw = _whole(made(path), [*needed, ASSUMED_EFFECT], optional=[ASSUMED_EFFECT])
    words = {name: _text(_words(raw.columns[name])) for name in needed[1:4]}
    table = pd.DataFrame({IDENTITY: clean_ids(raw.ids)[0], **words})
    table["cost"] = _numbers(path, raw, "cost", raw.columns["cost"])
    arms = table["arm"].map({word: arm_of(word) for word in table["arm"].unique()})
    _refuse(path, raw, arms.isna(), table["arm"], f"arm is none of {one_of(Arm)}")
    _refuse(path, raw, table["cost"].isna(), table[IDENTITY], "cost is missing for customer")
    _refuse(path, raw, table["cost"] < 0, table["cost"], "cost is below 0")
    refuse_empty_ids(raw, table[IDENTITY], str(path))
    twice = table[IDENTITY].duplicated()
    _refuse(path, raw, twice, table[IDENTITY], "stands on the list already: customer")
    if ASSUMED_EFFECT in raw.columns:
        effect = pd.Series(_numbers(path, raw, ASSUMED_EFFECT, raw.columns[ASSUMED_EFFECT]))
        table[ASSUMED_EFFECT] = effect
        odd = ~effect.between(0, 1)
        _refuse(path, raw, odd, effect, f"{ASSUMED_EFFECT} is not from 0 to 1")
        first = effect.groupby(table["offer"]).transform("first")
        what = f"{ASSUMED_EFFECT} is another than in an earlier line, of offer"
        _refuse(path, raw, effect != first, table["offer"], what)
    return table.assign(arm=arms, treated=arms == Arm.TREATMENT)


def with_global_control(listed: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return a list, and untreated below it those whom its campaign left to the global control.

    Parameters
    ----------
    listed : DataFrame
        As :func:`read_list` returns it.
    path : Path
        Where it lies; beside a list that was not launched nothing is read.
    """
    campaign = KeptCampaign(path.parent)
    if path.name != campaign.listed.name or not campaign.launch.is_file():
        return listed
    members = read_parquet(campaign.global_control, [IDENTITY, "segment", "offer", "cost"])
    return pd.concat([listed, members.assign(treated=False)], ignore_index=True)


def read_customers(path: Path) -> pd.DataFrame:
    """Return each customer's risk (0 to 1) and profit (missing where unknown), by id.

    Raises
    ------
    InputError
        If the file is not there, or a risk is no number from 0 to 1.
    """
    if path.is_dir():  # in parts, as segment wrote it
        return read_parquet(path, [IDENTITY, "risk", "profit"])
    raw = _whole(made(path), [IDENTITY, "risk", "profit"])
    risk = _numbers(path, raw, "risk", raw.columns["risk"])
    odd = ~pd.Series(risk).between(0, 1)
    _refuse(path, raw, odd, pd.Series(risk), "risk is not from 0 to 1")
    profit = _numbers(path, raw, "profit", raw.columns["profit"])
    return pd.DataFrame({IDENTITY: clean_ids(raw.ids)[0], "risk": risk, "profit": profit})


def read_responses(path: Path, *, columns: Columns) -> tuple[pd.DataFrame, int]:
    """Return what the CRM sent back, one row a customer, and how many rows stood there twice.

    Parameters
    ----------
    path : Path
        A .csv, .csv.gz or .parquet file with the customer's id and ``drop`` (0, 1 or the
        export's words), ``revenue`` or ``profit`` of the months after, or several of them; an empty
        cell is an outcome that is not known.
    columns : Columns
        The data dictionary: the export's words for headers and outcomes.

    Raises
    ------
    InputError
        If a column is missing, a cell is no outcome, or rows of a customer contradict each other.
    """
    label = columns.by_name[LABEL]
    meant = {folded(way): word for way, word in label.spellings.items()}
    raw = _whole(path, [IDENTITY, *OUTCOMES], aliases=_other_headers(columns), optional=OUTCOMES)
    outcomes = [name for name in OUTCOMES if name in raw.columns]
    if not outcomes:
        found = one_of(clipped(name) for name in raw.header[:30])
        raise InputError(f"{path} has no column drop, revenue or profit; found: {found}")
    table = pd.DataFrame({IDENTITY: clean_ids(raw.ids)[0]})
    for name in outcomes:
        column, valid = raw.columns[name], "no number"
        if name == LABEL:
            column = column.renamed([meant.get(folded(word), word) for word in column.words])
            valid = f"valid: 0, 1, {one_of(label.exported)}"
        table[name] = _numbers(path, raw, name, column, valid)
        if name == LABEL:
            odd = table[name].notna() & ~table[name].isin([0, 1])
            _refuse(path, raw, odd, _text(column), "drop is neither 0 nor 1")
        else:
            odd = table[name].abs() > MOST_MONEY
            _refuse(path, raw, odd, _text(column), f"{name} is further from 0 than {MOST_MONEY:g}")
    refuse_empty_ids(raw, table[IDENTITY], str(path))
    once = table.drop_duplicates()
    again = once[IDENTITY].duplicated()
    if again.any():
        who = once.loc[again, IDENTITY].iloc[0]
        lines = raw.lines[(table[IDENTITY] == who).to_numpy()]
        raise InputError(
            f"{path} lines {one_of(lines[:5])}: the outcomes of customer {who} contradict each "
            "other; keep one row a customer"
        )
    return once.reset_index(drop=True), len(table) - len(once)


def _whole(path: Path, needed: Sequence[str], **how: Any) -> RawTable:
    """Read a file in which no row may be broken."""
    raw = read_export(path, needed[1:], identity=needed[0], **how)
    refuse_broken_rows(raw, str(path))
    return raw


def _text(column: Coded) -> pd.Series:
    return pd.Series(np.array(column.words, dtype=object)[column.codes])


def _numbers(
    path: Path, raw: RawTable, header: str, column: Coded, valid: str = "no number"
) -> np.ndarray:
    words = [bare(word)[0].removeprefix("'") for word in column.words]
    words = ["" if is_missing(word) else word for word in words]
    read = read_numbers(column.renamed(words), place=f"{path}, {header}")
    _refuse(path, raw, pd.Series(read.bad), _text(column), f"{header}: {valid}; found")
    return read.values


def _refuse(path: Path, raw: RawTable, bad: pd.Series, found: pd.Series, what: str) -> None:
    """Raise the first of the rows that `bad` marks, by its line in the file."""
    bad = bad.to_numpy(dtype=bool)
    if bad.any():
        place = int(np.argmax(bad))
        more = f" (and {bad.sum() - 1} more rows)" if bad.sum() > 1 else ""
        cell = shown(str(found.iloc[place]))
        raise InputError(f"{path} line {raw.lines[place]}: {what} {cell}{more}")
