"""Rules over columns, as people write them: ``risk >= 0.7 and promo_share >= 0.5``.

A rule is parsed into comparisons and never run as code.
"""

import ast
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from retention.core.columns import COLUMNS, Columns
from retention.core.errors import InputError, shown
from retention.core.rule_grammar import COMPARE, comparison, comparisons, parse
from retention.core.rule_values import check_values, ruled

LONGEST_RULE = 2000
"""Characters of a person's rule at most."""


def check_rule(
    rule: str,
    *,
    columns: Columns,
    place: str,
    words: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Raise an :class:`InputError` if `rule` is none over the columns, or can hold for nobody.

    Parameters
    ----------
    rule : str
    columns : Columns
        The data dictionary of what the exports have.
    place : str
        Where the rule stands, for messages.
    words : mapping, optional
        Words of the data in the columns where a new word is no fault, see
        :func:`retention.core.rule_values.open_words`; None where no data is at hand.
    """
    where = f"{place}: {shown(rule, 80)}"
    if len(rule) > LONGEST_RULE:
        raise InputError(f"{where} has {len(rule):,} characters; valid: at most {LONGEST_RULE:,}")
    for one in comparisons(parse(rule, None, place=place)):
        refuse_lacking(one.column, columns=columns, place=where)
    known = ruled(columns)
    check_values(parse(rule, known, place=place), columns=known, words=words, where=where)


def refuse_lacking(name: str, *, columns: Columns, place: str) -> None:
    """Raise an :class:`InputError`, beginning with `place`, if the exports lack the column."""
    if name in columns.lacking:
        raise InputError(
            f"{place} names {name}, which the export lacks ({COLUMNS}: {name} is optional)"
        )


def matches(rule: str, table: pd.DataFrame, *, place: str) -> np.ndarray:
    """Tell which rows of `table` the rule holds for; a missing value fulfils no comparison.

    Parameters
    ----------
    rule : str
        Comparisons (< <= > >= == !=) of a column with a number or a word, joined by ``and``,
        ``or``, ``not`` and parentheses.
    table : DataFrame
    place : str
        Where the rule stands, for messages.

    Returns
    -------
    ndarray of bool, shape (n_rows,)
    """
    return _evaluate(parse(rule, table.columns, place=place), table, place)


def fits_nobody(rules: Mapping[str, str], table: pd.DataFrame) -> list[str]:
    """Return the names of the `rules` that hold for no row of `table`, in their order."""
    return [name for name, rule in rules.items() if not matches(rule, table, place=name).any()]


def columns_of(rule: str) -> set[str]:
    """Return the columns that a valid rule speaks of."""
    return {one.column for one in comparisons(ast.parse(rule.strip(), mode="eval").body)}


def _evaluate(node: ast.expr, table: pd.DataFrame, place: str) -> np.ndarray:
    if isinstance(node, ast.BoolOp):
        parts = [_evaluate(part, table, place) for part in node.values]
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return join.reduce(parts)
    if isinstance(node, ast.UnaryOp):
        return ~_evaluate(node.operand, table, place)
    one = comparison(node)
    column = table[one.column]
    numeric = pd.api.types.is_numeric_dtype(column)
    if numeric != isinstance(one.value, int | float):
        kind = "numbers" if numeric else "words"
        raise InputError(f"{place}: column {one.column} holds {kind}, {shown(one.value)} is none")
    known = column.notna().to_numpy()
    held = COMPARE[one.sign](column, one.value).to_numpy(dtype=bool, na_value=False)
    return held & known
