"""Turn the text of one export into typed canonical columns; name every cell that will not turn."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from retention.errors import InputError, one_of
from retention.readers import LINE, RawTable
from retention.vocabulary import (
    COLUMNS,
    ID_HEADER,
    IDENTITY,
    LABEL,
    PERIOD_HEADER,
    Column,
    headers,
)

QUARANTINE = ["file", "line", "customer_id", "column", "value", "rule"]


def clean_table(
    raw: RawTable, table: str, *, misspellings: Mapping[str, Mapping[str, str]]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Return the table's canonical columns, the rows that break a rule, and repairs by column.

    Parameters
    ----------
    raw : RawTable
        The file as text.
    table : str
        Which export it is, a key of ``vocabulary.TABLES``.
    misspellings : mapping
        Per canonical column (or ``period``): written word to valid word.

    Returns
    -------
    rows : DataFrame
        Good rows: ``customer_id``, ``line``, and the canonical columns; a monthly table keeps
        one row a customer and month, with ``period`` and ``amount``.
    quarantined : DataFrame
        One row a fault, with the columns :data:`QUARANTINE`.
    repairs : dict
        Cells mended by the misspelling table, by column.

    Raises
    ------
    InputError
        If a needed column is missing.
    """
    needed = headers(table)
    missing = [header for header in needed if header not in raw.cells]
    if missing:
        found = one_of(name for name in raw.cells if name != LINE)
        raise InputError(f"{raw.file} has no column {one_of(missing)}; found: {found}")
    rows = pd.DataFrame({LINE: raw.cells[LINE]})
    faults: list[pd.DataFrame] = []
    repairs: dict[str, int] = {}
    text = {header: raw.cells[header].str.strip() for header in needed}
    rows[IDENTITY] = text[ID_HEADER]
    faults.append(_faults(raw, rows, IDENTITY, text[ID_HEADER] == "", text, "customer id is empty"))
    columns = [column for column in COLUMNS if column.table == table and column.kind != "id"]
    if PERIOD_HEADER in needed:
        periods = [column.period for column in columns]
        words, repairs["period"] = _mended(text[PERIOD_HEADER], misspellings.get("period", {}))
        rows["period"] = words.map({column.period: column.name for column in columns})
        rule = f"month must be one of {one_of(periods)}"
        bad = rows["period"].isna()
        faults.append(_faults(raw, rows, PERIOD_HEADER, bad, text, rule))
        rows["amount"], fault = _numbers(raw, rows, columns[0], text)
        faults.append(fault)
    else:
        for column in columns:
            if column.kind == "category":
                text[column.header], repairs[column.name] = _mended(
                    text[column.header], misspellings.get(column.name, {})
                )
                rows[column.name], fault = _categories(raw, rows, column, text)
            else:
                rows[column.name], fault = _numbers(raw, rows, column, text)
            faults.append(fault)
    quarantined = pd.concat(faults, ignore_index=True)
    rows = rows[~rows[LINE].isin(quarantined["line"])]
    rows, conflicting, repairs["duplicate rows"] = _once_each(raw, rows)
    quarantined = pd.concat([quarantined, conflicting], ignore_index=True)
    return rows, quarantined, {name: count for name, count in repairs.items() if count}


def _once_each(raw: RawTable, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Drop exact duplicates and set aside rows that give one customer two different values."""
    once = rows.drop_duplicates([name for name in rows if name != LINE])
    key = [name for name in (IDENTITY, "period") if name in rows]
    twice = once.duplicated(key, keep=False)
    text = {IDENTITY: rows[IDENTITY], ID_HEADER: rows[IDENTITY]}
    rule = "a customer must stand once" + (" a month" if "period" in key else "")
    conflicting = _faults(raw, once, IDENTITY, twice, text, rule)
    return once[~twice], conflicting, len(rows) - len(once)


def _mended(words: pd.Series, misspelt: Mapping[str, str]) -> tuple[pd.Series, int]:
    return words.replace(dict(misspelt)), int(words.isin(list(misspelt)).sum())


def _numbers(
    raw: RawTable, rows: pd.DataFrame, column: Column, text: Mapping[str, pd.Series]
) -> tuple[pd.Series, pd.DataFrame]:
    words = text[column.header]
    values = pd.to_numeric(words.str.replace(",", ".", regex=False), errors="coerce")
    values = values.astype("float64")
    rule = f"must be a number from {column.low:g} to {column.high:g}"
    bad = (values.isna() & (words != "")) | (values < column.low) | (values > column.high)
    bad |= np.isinf(values)
    return values, _faults(raw, rows, column.header, bad, text, rule)


def _categories(
    raw: RawTable, rows: pd.DataFrame, column: Column, text: Mapping[str, pd.Series]
) -> tuple[pd.Series, pd.DataFrame]:
    words = text[column.header]
    known = words.map(dict(column.values))
    if column.name == "favourite_category":
        # A shop opens new categories; an unknown one is data, not a fault.
        known = known.fillna(words)
    bad = known.isna() & (words != "")
    rule = f"must be one of {one_of(word for word, _ in column.values)}"
    fault = _faults(raw, rows, column.header, bad, text, rule)
    known = known.where(words != "")
    if column.name == LABEL:
        return known.astype("float64").astype("Int8"), fault
    return known, fault


def _faults(
    raw: RawTable,
    rows: pd.DataFrame,
    header: str,
    bad: pd.Series,
    text: Mapping[str, pd.Series],
    rule: str,
) -> pd.DataFrame:
    words = text[ID_HEADER if header == IDENTITY else header]
    return pd.DataFrame(
        {
            "file": raw.file,
            "line": rows.loc[bad, LINE],
            "customer_id": rows.loc[bad, IDENTITY],
            "column": header,
            "value": words[bad],
            "rule": rule,
        },
        columns=QUARANTINE,
    )
