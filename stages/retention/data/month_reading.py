"""Read the exports of each month, and clean and join their customers part by part.

The months of a shop are divided as a snapshot is, by a hash of the id, so that all months of a
customer lie in one part. There is a part for each ``prepare.part_rows`` rows of the behaviour files
of all months together: of so many rows are the tables that later stages read, a part at a time.
What a month's exports tell beside their customers (amounts, ids, outcomes of labels.csv) is kept
for the comparison with other months.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.column_entries import PERIOD
from retention.core.columns import Columns
from retention.core.errors import InputError
from retention.core.findings import Finding, Level
from retention.core.params import Prepare
from retention.core.parts import map_parts
from retention.core.progress import progress
from retention.core.vocabulary import IDENTITY, LABEL, MARKET_FILE, MONTH
from retention.data.cleaning import JOIN_KEY, LINE, QUARANTINE_COLUMNS, Cleaned
from retention.data.ledger import Ledger, ledger_of
from retention.data.month_labels import (
    LabelRows,
    Labels,
    findings_of_labels,
    label_rows,
    read_labels,
    strangers,
    with_labels,
)
from retention.data.part_preparation import CleanPart, join_part
from retention.data.preparation import CleanExports, clean_tables
from retention.data.raw_parts import Division, divide_opened, open_exports, parts_of
from retention.data.reader import OpenExport
from retention.data.scratch_tables import put_down, taken_up

MANY_MONTHS = 12
"""Months from which reading says how far it is."""
BROKEN = -1
"""Stands for the line of a customer all of whose rows in the behaviour file are broken."""


@dataclass(frozen=True)
class MonthPart:
    """What one part of a month's exports tells of its customers, in memory or in files.

    Attributes
    ----------
    clean : CleanPart
        The customers.
    market : DataFrame or Path
        ``customer_id`` of each customer of the behaviour file, and the ``line`` (or
        :data:`BROKEN`).
    labels : DataFrame or Path
        The same of the readable rows of labels.csv.
    ledgers : dict of str to (DataFrame or Path)
        By monthly table what :meth:`Ledger.as_one` makes of it.
    content : tuple of bytes
        A digest of what each export says, whatever the order of its rows, without outcomes.
    words : dict of set of str
        The words that each category has.
    unknown : Series of str
        Whom labels.csv names and the behaviour file lacks.
    """

    clean: CleanPart
    market: pd.DataFrame | Path
    labels: pd.DataFrame | Path
    ledgers: dict[str, pd.DataFrame | Path]
    content: tuple[bytes, ...]
    words: dict[str, set[str]]
    unknown: pd.Series

    def ledger(self, table: str) -> Ledger:
        """Return what an export tells of calendar months."""
        return Ledger.of_one(taken_up(self.ledgers[table]))


@dataclass(frozen=True)
class MonthExports:
    """The exports of one month, cleaned and joined.

    Attributes
    ----------
    folder : Path
    exports : CleanExports
        With the outcomes that ``labels.csv`` tells.
    extra : dict of str to tuple of str
        Headers of each export's columns that are not part of it.
    parts : list of MonthPart
    labels : Labels or None
        That file, where there is one.
    unknown : Series of str
        Whom it names and the behaviour file lacks.
    """

    folder: Path
    exports: CleanExports
    extra: dict[str, tuple[str, ...]]
    parts: list[MonthPart]
    labels: Labels | None
    unknown: pd.Series


def read_months(
    folders: Mapping[str, Path],
    options: Prepare,
    *,
    columns: Columns,
    scratch: Path,
    jobs: int = 1,
) -> dict[str, MonthExports]:
    """Read, clean and join the exports of every month; the outcome may be absent in any of them.

    Parameters
    ----------
    folders : mapping of str to Path
        The folder of each month.
    options : Prepare
        The params section.
    columns : Columns
        The data dictionary.
    scratch : Path
        A folder for what does not fit into memory: of one part nothing.
    jobs : int
        Processes at most.
    """
    scratch = scratch.absolute()  # workers may stand in another folder
    opened, rows = {}, 0
    for month in sorted(folders):
        with naming(folders[month]):
            opened[month] = open_exports(
                folders[month], columns=columns, jobs=jobs, may_lack=[LABEL]
            )
        rows += opened[month][MARKET_FILE].most_rows
    how = {"columns": columns, "scratch": scratch, "jobs": jobs}
    how |= {"count": parts_of(rows, options.part_rows)}
    months = sorted(folders)
    steps = progress(months, what="read", unit="months") if len(months) >= MANY_MONTHS else months
    return {month: _read_month(folders[month], opened[month], options, **how) for month in steps}


def quarantine_of_months(months: Mapping[str, MonthExports]) -> Iterator[pd.DataFrame]:
    """Yield every cell or row of any month that breaks a rule, some at a time, month by month."""
    for month in sorted(months):
        one = months[month]
        labels = [one.labels.cleaned.quarantine[QUARANTINE_COLUMNS]] if one.labels else []
        for piece in (*one.exports.quarantine.pieces(), *labels):
            yield with_month(piece, month)


def with_month(table: pd.DataFrame, month: str) -> pd.DataFrame:
    """Return the rows of one month, which a first column tells."""
    table = table.reset_index(drop=True)
    table.insert(0, MONTH, pd.Series([month] * len(table), dtype="str"))
    return table


@contextlib.contextmanager
def naming(folder: Path) -> Iterator[None]:
    """Put the month's folder before a message that does not name it."""
    try:
        yield
    except InputError as mistake:
        text = str(mistake)
        raise InputError(text if str(folder) in text else f"{folder}: {text}") from None


def _read_month(
    folder: Path,
    opened: Mapping[str, OpenExport],
    options: Prepare,
    *,
    columns: Columns,
    count: int,
    scratch: Path,
    jobs: int,
) -> MonthExports:
    aside = scratch / folder.name if count > 1 else None
    if aside is not None:
        aside.mkdir()
    with naming(folder):
        division = divide_opened(opened, count, columns=columns, scratch=scratch, jobs=jobs)
        labels = read_labels(folder, columns=columns, misspellings=options.misspellings)
        told = [None] * count if labels is None else label_rows(labels, count)
        work = partial(
            _clean_part,
            month=folder.name,
            division=division,
            columns=columns,
            options=options,
            folder=aside,
        )
        tasks = list(enumerate(told))
        parts = list(map_parts(work, tasks, jobs=jobs, what=f"clean {folder.name}", light=True))
    files = division.files
    findings = [finding for one in files.values() for finding in one.findings]
    findings += _without_outcomes(opened[MARKET_FILE], columns)
    unknown = pd.concat([part.unknown for part in parts])
    if labels is not None:
        unknown = strangers(labels, unknown)
        findings += findings_of_labels(labels, unknown)
        # Its rows are in the parts.
        labels = replace(labels, cleaned=replace(labels.cleaned, rows=labels.cleaned.rows[:0]))
    exports = CleanExports(
        {table: one.file for table, one in files.items()},
        {table: one.rows for table, one in files.items()},
        findings,
        [part.clean for part in parts],
        columns.without(parts[0].clean.lacking),
    )
    extra = {table: one.extra for table, one in files.items()}
    return MonthExports(folder, exports, extra, parts, labels, unknown)


def _without_outcomes(market: OpenExport, columns: Columns) -> list[Finding]:
    """Return a finding where the behaviour file has no column of outcomes."""
    header = columns.by_name[LABEL].header
    if header in market.places:
        return []
    return [Finding(Level.ADVICE, market.path.name, header, "no_label_column", 1)]


def _clean_part(
    task: tuple[int, LabelRows | None],
    *,
    month: str,
    division: Division,
    columns: Columns,
    options: Prepare,
    folder: Path | None,
) -> MonthPart:
    """Clean and join a part of a month, and keep what other months are held against."""
    number, labels = task
    how = {"columns": columns, "misspellings": options.misspellings, "may_lack": [LABEL]}
    if division.count == 1:  # and the machine has nothing else to do
        how["threads"] = len(columns.tables)
    cleaned = clean_tables(number, division=division, **how)
    unknown, told = pd.Series([], dtype="str"), pd.DataFrame({IDENTITY: [], LINE: []})
    if labels is not None:
        cleaned[MARKET_FILE], unknown = with_labels(cleaned[MARKET_FILE], labels)
        told = labels.told[[IDENTITY, LINE]]
    files = {table: one.file for table, one in division.files.items()}
    clean = join_part(cleaned, files, columns=columns, folder=folder, number=number)

    def put(table: pd.DataFrame, name: str) -> pd.DataFrame | Path:
        place = folder and folder / f"{name}-{number:05d}.arrow"
        return put_down(table.reset_index(drop=True), place)

    held = columns.without(clean.lacking)
    monthly = [table for table, export in columns.tables.items() if export.is_monthly]
    ledgers = {table: ledger_of(month, cleaned[table], table, columns=held) for table in monthly}
    return MonthPart(
        clean,
        put(_customers_of(cleaned[MARKET_FILE]), "market"),
        put(told, "labels"),
        {table: put(one.as_one(), table) for table, one in ledgers.items()},
        tuple(_content(cleaned[table].rows) for table in sorted(cleaned)),
        _words(cleaned),
        unknown,
    )


def _customers_of(market: Cleaned) -> pd.DataFrame:
    """Return each customer of the behaviour file and the line, the readable rows first."""
    broken = market.quarantine[IDENTITY]
    broken = broken[(broken != "") & ~broken.isin(market.rows[IDENTITY])].drop_duplicates()
    rows = market.rows[[IDENTITY, LINE]]
    return pd.concat([rows, pd.DataFrame({IDENTITY: broken, LINE: BROKEN})], ignore_index=True)


def _content(rows: pd.DataFrame) -> bytes:
    """Return a digest of what the rows of a table say, whatever their order, without outcomes."""
    said = rows.drop(columns=[name for name in (LINE, JOIN_KEY, LABEL) if name in rows])
    hashes = pd.util.hash_pandas_object(said[sorted(said)], index=False).to_numpy()
    return hashlib.sha256(np.sort(hashes).tobytes()).digest()


def _words(cleaned: Mapping[str, Cleaned]) -> dict[str, set[str]]:
    """Return the words that each category has."""
    found = {}
    for part in cleaned.values():
        for name in part.rows.select_dtypes("category"):
            if name != PERIOD:
                codes = part.rows[name].cat.remove_unused_categories()
                found[name] = set(codes.cat.categories)
    return found
