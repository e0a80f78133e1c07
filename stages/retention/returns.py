"""Read what a campaign sent and what came back: the list, the customers, the CRM's answers.

Files come back from spreadsheets, so that any dialect of an export is read. What guards a cell that
could be taken for a formula (``retention.spreadsheets``) is taken off again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from retention.cleaning import MISSING
from retention.coded import Coded
from retention.errors import InputError, one_of
from retention.files import made
from retention.numerals import SPACES, read_numbers
from retention.readers import RawTable, headers_of, plain_header, read_export
from retention.spreadsheets import unguarded
from retention.vocabulary import BY_NAME, ID_HEADER, IDENTITY, LABEL, MOST_MONEY, REVENUE_HEADER

ARMS = ("untouched", "treated")
OUTCOMES = (LABEL, "revenue")
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    IDENTITY: (IDENTITY, ID_HEADER),
    LABEL: (LABEL, BY_NAME[LABEL].header),
    "revenue": ("revenue", REVENUE_HEADER),
}
"""The headers that the CRM's file may use for each column."""

_WORDS = {word.casefold(): float(value) for word, value in BY_NAME[LABEL].values}


def bare_cells(text: pd.Series) -> pd.Series:
    """Return cells without spaces around and without what guards a formula."""
    bare = text.str.strip(f"{SPACES}\ufeff\u200b")
    quoted = bare.str.contains("'", regex=False)
    return bare.mask(quoted, unguarded(bare[quoted])) if quoted.any() else bare


def as_ids(text: pd.Series) -> pd.Series:
    """Return ids as the list writes them: unguarded, whole numbers without point and spaces."""
    bare = bare_cells(text)
    odd = bare.str.fullmatch(rf"\d+\.0+|\d{{1,3}}([{SPACES}]\d{{3}})+")
    return bare.mask(odd, bare.str.replace(rf"\.0+$|[{SPACES}]", "", regex=True))


def read_list(path: Path) -> pd.DataFrame:
    """Return the campaign's list: customer_id, segment, offer, arm, treated (bool) and cost.

    Raises
    ------
    InputError
        If it is not there, is no list, names a customer twice or an arm that is none.
    """
    needed = [IDENTITY, "segment", "offer", "arm", "cost"]
    raw = _whole(made(path), needed, identity=IDENTITY)
    words = {}
    for name in needed[1:4]:
        column = raw.columns[name]
        distinct = bare_cells(pd.Series(column.words, dtype="str"))
        words[name] = _text(column.renamed(distinct.to_list()))
    table = pd.DataFrame({IDENTITY: as_ids(raw.ids), **words})
    table["cost"] = _numbers(path, raw, "cost", raw.columns["cost"])
    _refuse(path, raw, ~table["arm"].isin(ARMS), table["arm"], f"arm is none of {one_of(ARMS)}")
    _refuse(path, raw, table["cost"].isna(), table[IDENTITY], "cost is missing for customer")
    _refuse(path, raw, table["cost"] < 0, table["cost"], "cost is below 0")
    _refuse(path, raw, table[IDENTITY] == "", table["offer"], "the customer_id is empty; offer")
    twice = table[IDENTITY].duplicated()
    _refuse(path, raw, twice, table[IDENTITY], "stands on the list already: customer")
    table["treated"] = table["arm"] == "treated"
    return table


def read_customers(path: Path) -> pd.DataFrame:
    """Return each customer's risk (0 to 1) and profit (missing where unknown), by id.

    Raises
    ------
    InputError
        If the file is not there, or a risk is no number from 0 to 1.
    """
    raw = _whole(made(path), [IDENTITY, "risk", "profit"], identity=IDENTITY)
    risk = _numbers(path, raw, "risk", raw.columns["risk"])
    odd = ~pd.Series(risk).between(0, 1)
    _refuse(path, raw, odd, pd.Series(risk), "risk is not from 0 to 1")
    profit = _numbers(path, raw, "profit", raw.columns["profit"])
    return pd.DataFrame({IDENTITY: as_ids(raw.ids), "risk": risk, "profit": profit})


def read_responses(path: Path) -> tuple[pd.DataFrame, int]:
    """Return what the CRM sent back, one row a customer, and how many rows stood there twice.

    Parameters
    ----------
    path : Path
        A .csv, .csv.gz or .parquet file with the customer's id and ``drop`` (0, 1 or the
        export's words), ``revenue`` of the three months after, or both; an empty cell is an
        outcome that is not known.

    Raises
    ------
    InputError
        If a column is missing, a cell is no outcome, or rows of a customer contradict each other.
    """
    found = {plain_header(header) for header in headers_of(path)}
    spelled = {
        name: next((header for header in headers if plain_header(header) in found), None)
        for name, headers in SPELLINGS.items()
    }
    outcomes = [name for name in OUTCOMES if spelled[name]]
    if not spelled[IDENTITY] or not outcomes:
        what = f"{IDENTITY}" if not spelled[IDENTITY] else one_of(OUTCOMES[:1]) + " or revenue"
        raise InputError(f"{path} has no column {what}; found: {one_of(headers_of(path)[:30])}")
    raw = _whole(path, [spelled[n] for n in (IDENTITY, *outcomes)], identity=spelled[IDENTITY])
    table = pd.DataFrame({IDENTITY: as_ids(raw.ids)})
    for name in outcomes:
        column = raw.columns[spelled[name]]
        if name == LABEL:
            column = column.renamed([_as_number(word) for word in column.words])
        table[name] = _numbers(path, raw, spelled[name], column)
        if name == LABEL:
            odd = table[name].notna() & ~table[name].isin([0, 1])
            _refuse(path, raw, odd, _text(column), "drop is neither 0 nor 1")
        else:
            odd = table[name].abs() > MOST_MONEY
            _refuse(path, raw, odd, _text(column), f"{name} is further from 0 than {MOST_MONEY:g}")
    _refuse(path, raw, table[IDENTITY] == "", table[IDENTITY], "the customer_id is empty")
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


def _whole(path: Path, needed: Sequence[str], *, identity: str) -> RawTable:
    """Read a file in which no row may be broken."""
    raw = read_export(path, needed, identity=identity)
    if len(raw.ragged):
        row = raw.ragged.iloc[0]
        raise InputError(
            f"{path} line {row['line']}: {row['found']} cells, the header has {row['needed']}"
        )
    return raw


def _text(column: Coded) -> pd.Series:
    return pd.Series(np.array(column.words, dtype=object)[column.codes])


def _as_number(word: str) -> str:
    """Return the outcome's word of the export as its number, any other word as it is."""
    value = _WORDS.get(" ".join(word.split()).casefold())
    return word if value is None else f"{value:g}"


def _numbers(path: Path, raw: RawTable, header: str, column: Coded) -> np.ndarray:
    words = [word.strip(f"{SPACES}\ufeff\u200b").removeprefix("'") for word in column.words]
    words = ["" if word.lower() in MISSING else word for word in words]
    read = read_numbers(column.renamed(words), place=f"{path}, {header}")
    valid = "valid: 0, 1, Снизилась, Прежний уровень" if header in SPELLINGS[LABEL] else "no number"
    _refuse(path, raw, pd.Series(read.bad), _text(column), f"{header}: {valid}; found")
    return read.values


def _refuse(path: Path, raw: RawTable, bad: pd.Series, found: pd.Series, what: str) -> None:
    """Raise the first of the rows that `bad` marks, by its line in the file."""
    bad = bad.to_numpy(dtype=bool)
    if bad.any():
        place = int(np.argmax(bad))
        more = f" (and {bad.sum() - 1} more rows)" if bad.sum() > 1 else ""
        shown = str(found.iloc[place])[:60]
        raise InputError(f"{path} line {raw.lines[place]}: {what} {shown!r}{more}")
