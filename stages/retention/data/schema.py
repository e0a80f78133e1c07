"""What a valid row of each export is: types, ranges and allowed values, in one place."""

import pandas as pd
import pandera.pandas as pa

from retention.core.column_entries import PERIOD
from retention.core.columns import Column, Columns
from retention.core.errors import one_of
from retention.core.vocabulary import IDENTITY


def rule_of(column: Column) -> str:
    """Return what a cell of the column must be, in words."""
    if column.kind == "category":
        return f"must be one of {one_of(column.exported)}"
    what = "a whole number" if column.kind == "integer" else "a number"
    ends = [
        f"from {column.low:g}" if column.low > float("-inf") else "",
        f"to {column.high:g}" if column.high < float("inf") else "",
    ]
    return " ".join(["must be", what, *filter(None, ends)])


def table_schema(table: str, *, columns: Columns) -> pa.DataFrameSchema:
    """Return the schema of the canonical columns of one export.

    A monthly table has the columns ``period`` (the canonical column a row belongs to) and
    ``amount``; the others have their canonical columns. Missing cells are valid everywhere but
    in ``customer_id`` and ``period`` (empty text there): the model fills them.
    """
    export, held = columns.tables[table], columns.of(table)
    filled = pa.Check(lambda ids: ids != "", error="must not be empty")
    fields = {IDENTITY: pa.Column(checks=filled)}
    if export.is_monthly:
        months = one_of(export.months[column.month].export for column in held)
        known = pa.Check(lambda names: names != "", error=f"must be one of {months}")
        fields[PERIOD] = pa.Column(checks=known)
        fields["amount"] = _field(held[0])
    else:
        fields |= {column.name: _field(column) for column in held}
    return pa.DataFrameSchema(fields, strict=False)


def faults(rows: pd.DataFrame, table: str, *, columns: Columns) -> pd.DataFrame:
    """Return every cell that breaks the schema.

    Parameters
    ----------
    rows : DataFrame
        Canonical columns of one export.
    table : str
        Which export it is.
    columns : Columns
        The data dictionary.

    Returns
    -------
    DataFrame
        ``index`` (row of `rows`), ``column`` (canonical), ``rule`` in words, and ``step``: which of
        the column's checks it is that failed, from 1.
    """
    try:
        table_schema(table, columns=columns).validate(rows, lazy=True, inplace=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases.dropna(subset=["index"])
        found = cases[["index", "column", "check"]].rename(columns={"check": "rule"})
        found["step"] = cases["check_number"].astype("int64") + 1
        return found.drop_duplicates(["index", "column"]).reset_index(drop=True)
    return pd.DataFrame(columns=["index", "column", "rule", "step"])


def _field(column: Column) -> pa.Column:
    if column.kind == "category":
        valid = list(column.values)
        checks = None if column.open else pa.Check.isin(valid, error=rule_of(column))
        return pa.Column(checks=checks, nullable=True)
    checks = [pa.Check.in_range(column.low, column.high, error=rule_of(column))]
    if column.kind == "integer":
        whole = pa.Check(lambda values: values == values.round(), error=rule_of(column))
        checks = [*checks, whole]
    return pa.Column(float, checks=checks, nullable=True)
