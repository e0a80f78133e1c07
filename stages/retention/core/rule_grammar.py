"""The text of a rule as a tree of comparisons; it is parsed and never run as code."""

import ast
import io
import operator
import re
import threading
import tokenize
import warnings
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from retention.core.errors import InputError, clipped, one_of, shown

DEEPEST = 20
"""How deep ``and``, ``or`` and ``not`` may be nested in each other."""

SIGNS = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
"""What each sign means, for a value and for a whole column."""
_ONE_AT_A_TIME = threading.Lock()
"""What warnings are shown is told to a process, not to a thread of it."""
_SPACED = re.compile(r"[!=]=\s*[^\W\d]\w*\s+(?!and\b|or\b)[^\W\d]")
EXAMPLE = "write for example: risk >= 0.7 and promo_share >= 0.5"


class Comparison(NamedTuple):
    """One column compared with a number or a word."""

    column: str
    sign: str
    value: float | str

    def __str__(self) -> str:
        """As a message shows it."""
        value = clipped(self.value) if isinstance(self.value, str) else shown(self.value)
        return f"{self.column} {self.sign} {value}"


def parse(rule: str, columns: Collection[str] | None, *, place: str) -> ast.expr:
    """Return the tree of a rule: ``and``, ``or``, ``not`` and comparisons, nothing else.

    Parameters
    ----------
    rule : str
    columns : collection of str, optional
        What it may speak of; None where that is not known.
    place : str
        Where the rule stands, for messages.

    Raises
    ------
    InputError
        One line with `place` and the rule, if it is none or speaks of other columns.
    """
    where = f"{place}: {shown(rule, 80)}"
    try:
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice on its own programs
            tree = ast.parse(rule.strip(), mode="eval").body
            noted = _has_comment(rule.strip())
    except (SyntaxError, ValueError, MemoryError, RecursionError, tokenize.TokenError):
        quote = "; a word with spaces goes in quotes" if _SPACED.search(rule) else ""
        raise InputError(f"{where} is no rule; {EXAMPLE}{quote}") from None
    if noted:
        raise InputError(f"{where}: # would cut the rule off; leave it out or quote the word")
    if _depth(tree) > DEEPEST:
        raise InputError(f"{where} is nested more than {DEEPEST} deep")
    _check(tree, columns, where)
    return tree


def comparison(node: ast.Compare) -> Comparison:
    """Return the comparison that a node of a parsed rule is."""
    return Comparison(node.left.id, SIGNS[type(node.ops[0])], _literal(node.comparators[0], ""))


def comparisons(tree: ast.expr) -> Iterator[Comparison]:
    """Return every comparison of a parsed rule, as they stand."""
    return (comparison(node) for node in ast.walk(tree) if isinstance(node, ast.Compare))


def _has_comment(rule: str) -> bool:
    signs = tokenize.generate_tokens(io.StringIO(rule).readline)
    return any(sign.type == tokenize.COMMENT for sign in signs)


def _depth(tree: ast.expr) -> int:
    depth, level = 0, [tree]
    while level:
        level = [part for node in level for part in ast.iter_child_nodes(node)]
        level = [part for part in level if isinstance(part, ast.expr)]
        depth += 1
    return depth


def _check(node: ast.expr, columns: Collection[str] | None, where: str) -> None:
    if isinstance(node, ast.BoolOp):
        for part in node.values:
            _check(part, columns, where)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _check(node.operand, columns, where)
    elif isinstance(node, ast.Compare):
        ends = [node.left, *node.comparators]
        if len(ends) != 2 or type(node.ops[0]) not in SIGNS:
            raise InputError(f"{where}: compare one column with one value by < <= > >= == !=")
        if not isinstance(ends[0], ast.Name):
            raise InputError(f"{where}: a comparison begins with a column")
        if columns is not None and ends[0].id not in columns:
            raise InputError(
                f"{where}: unknown column {clipped(ends[0].id)}; valid: {one_of(sorted(columns))}"
            )
        _literal(ends[1], where)
    elif isinstance(node, ast.Tuple):
        raise InputError(f"{where}: write numbers with a point, as in 0.7")
    else:
        raise InputError(f"{where}: {clipped(ast.unparse(node))} is no comparison")


def _literal(node: ast.expr, where: str) -> float | str:
    if isinstance(node, ast.Name):
        return node.id
    negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    constant = node.operand if negative else node
    value = getattr(constant, "value", None) if isinstance(constant, ast.Constant) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return -value if negative else value
    if isinstance(value, str) and not negative:
        return value
    raise InputError(f"{where}: {clipped(ast.unparse(node))} is no number and no word")
