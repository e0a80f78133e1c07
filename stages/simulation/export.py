"""The simulated shop's four exports: its words, its months, its misspellings."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.atomic import atomic
from retention.core.columns import Column, Columns
from retention.core.vocabulary import IDENTITY, MARKET_FILE, MINUTES
from simulation.shop import Shop

MISSPELT_SHARE = 0.008
"""Share of rows whose service has its last letter typed twice."""
SERVICE, STANDARD = "service", "standard"
EXPORT_DIALECTS = {"money": {"sep": ";", "decimal": ","}}
"""How a file's dialect differs from the others'; all of them end their lines with CRLF."""


def write_export(table: pd.DataFrame, path: Path, *, sep: str = ",", decimal: str = ".") -> None:
    """Write one export in its dialect, floats in their shortest form as the real ones are."""
    with atomic(path) as scratch:
        add_rows(table, scratch, header=True, sep=sep, decimal=decimal)


def add_rows(
    table: pd.DataFrame, path: Path, *, header: bool, sep: str = ",", decimal: str = "."
) -> None:
    """Write rows of an export at the end of a file, below a header or below other rows."""
    how = {"sep": sep, "decimal": decimal, "lineterminator": "\r\n", "encoding": "utf-8"}
    table.to_csv(path, mode="a", header=header, index=False, **how)


def as_export(shop: Shop, *, columns: Columns, seed: int) -> dict[str, pd.DataFrame]:
    """Return the tables as the shop exports them: its words, its months, its misspellings.

    Parameters
    ----------
    shop : Shop
        The simulated shop.
    columns : Columns
        The data dictionary: tables, headers and words. What it has beyond the simulated shop's
        columns is in no table.
    seed : int
        Draws the order of months within a customer and the rows with a misspelt service.

    Returns
    -------
    dict of str to pandas.DataFrame
        By the name of the file, without its ending.
    """
    rng = np.random.default_rng([seed, 1])
    held = {
        table: [column for column in columns.of(table) if column.name in shop.customers]
        for table in columns.tables
    }
    exports = {}
    for table, known in held.items():
        export, identity = columns.tables[table], columns.tables[table].id.header
        if not export.is_monthly and known:
            cells = {column.header: _words(shop.customers[column.name], column) for column in known}
            exports[table] = pd.DataFrame({identity: shop.customers[IDENTITY], **cells})
    if SERVICE in columns.by_name:
        _misspell(exports[MARKET_FILE], shop, columns.by_name[SERVICE], rng)
    # The export of minutes types its earlier month with a key beside the right one.
    earlier = columns.by_name[MINUTES[0]]
    typed = columns.tables[earlier.table].months[earlier.month].export.replace("у", "ц")
    for table, known in held.items():
        if columns.tables[table].is_monthly and known:
            slips = {earlier.name: typed} if table == earlier.table else {}
            exports[table] = _by_month(shop.customers, columns, known, slips, rng)
    return {table: exports[table] for table in columns.tables if table in exports}


def _words(cells: pd.Series, column: Column) -> pd.Series:
    """Return a category's cells in the export's words, empty where unknown; numbers as they are."""
    if not column.is_category:
        return cells
    exported = {word: export for export, word in column.exported.items()}
    words = cells.astype("string").map(exported, na_action="ignore")
    return words.astype(object).where(words.notna(), "")


def _misspell(table: pd.DataFrame, shop: Shop, service: Column, rng: np.random.Generator) -> None:
    """Type the last letter of the standard service twice in some rows, in place."""
    # A twin must stay equal to its pair, spelling included.
    standard = np.flatnonzero(
        (shop.customers[SERVICE] == STANDARD) & (shop.truth["quirk"] != "twin")
    )
    misspelt = rng.permutation(standard)[: max(1, round(MISSPELT_SHARE * len(table)))]
    word = service.values[STANDARD].export or STANDARD
    table.iloc[misspelt, table.columns.get_loc(service.header)] = word + word[-1]


def _by_month(
    customers: pd.DataFrame,
    columns: Columns,
    known: Sequence[Column],
    slips: Mapping[str, str],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return one row a customer and month, the months of each customer in a random order."""
    table, months = known[0].table, columns.tables[known[0].table].months
    names = [column.name for column in known]
    order = rng.random((len(customers), len(names))).argsort(axis=1, kind="stable")
    periods = [slips.get(column.name, months[column.month].export) for column in known]
    amounts = np.take_along_axis(customers[names].to_numpy(), order, axis=1)
    cells = (
        np.repeat(customers[IDENTITY], len(names)),
        np.array(periods, dtype=object)[order.ravel()],
        amounts.ravel(),
    )
    return pd.DataFrame(dict(zip(columns.headers(table), map(np.asarray, cells), strict=True)))
