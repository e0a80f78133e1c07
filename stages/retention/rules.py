"""Rules over columns, as people write them: ``risk >= 0.7 and promo_share >= 0.5``.

A rule is parsed into comparisons and never run as code.
"""

import ast
import operator
from collections.abc import Collection

import numpy as np
import pandas as pd

from retention.errors import InputError, one_of

_COMPARE = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def check_rule(rule: str, columns: Collection[str], *, place: str) -> None:
    """Raise an :class:`InputError` naming `place` if `rule` is no rule over `columns`."""
    _parse(rule, columns, place)


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
    return _evaluate(_parse(rule, table.columns, place), table, place)


def columns_of(rule: str) -> set[str]:
    """Return the columns that a valid rule speaks of."""
    parts = ast.walk(ast.parse(rule.strip(), mode="eval"))
    return {part.left.id for part in parts if isinstance(part, ast.Compare)}


def _parse(rule: str, columns: Collection[str], place: str) -> ast.expr:
    try:
        tree = ast.parse(rule.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise InputError(
            f"{place}: {rule!r} is no rule; write for example: risk >= 0.7 and promo_share >= 0.5"
        ) from None
    _check(tree, columns, f"{place}: {rule!r}")
    return tree


def _check(node: ast.expr, columns: Collection[str], place: str) -> None:
    if isinstance(node, ast.BoolOp):
        for part in node.values:
            _check(part, columns, place)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _check(node.operand, columns, place)
    elif isinstance(node, ast.Compare):
        ends = [node.left, *node.comparators]
        if len(ends) != 2 or type(node.ops[0]) not in _COMPARE:
            raise InputError(f"{place}: compare one column with one value by < <= > >= == !=")
        if not isinstance(ends[0], ast.Name):
            raise InputError(f"{place}: a comparison begins with a column")
        if ends[0].id not in columns:
            raise InputError(
                f"{place}: unknown column {ends[0].id}; valid: {one_of(sorted(columns))}"
            )
        _literal(ends[1], place)
    else:
        raise InputError(f"{place}: {ast.unparse(node)} is no comparison")


def _literal(node: ast.expr, place: str) -> float | str:
    if isinstance(node, ast.Name):
        return node.id
    negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    constant = node.operand if negative else node
    value = getattr(constant, "value", None) if isinstance(constant, ast.Constant) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return -value if negative else value
    if isinstance(value, str) and not negative:
        return value
    raise InputError(f"{place}: {ast.unparse(node)} is no number and no word")


def _evaluate(node: ast.expr, table: pd.DataFrame, place: str) -> np.ndarray:
    if isinstance(node, ast.BoolOp):
        parts = [_evaluate(part, table, place) for part in node.values]
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return join.reduce(parts)
    if isinstance(node, ast.UnaryOp):
        return ~_evaluate(node.operand, table, place)
    column = table[node.left.id]
    value = _literal(node.comparators[0], place)
    numeric = pd.api.types.is_numeric_dtype(column)
    if numeric != isinstance(value, int | float):
        kind = "numbers" if numeric else "words"
        raise InputError(f"{place}: column {node.left.id} holds {kind}, {value!r} is none of them")
    known = column.notna().to_numpy()
    held = _COMPARE[type(node.ops[0])](column, value).to_numpy(dtype=bool, na_value=False)
    return held & known
