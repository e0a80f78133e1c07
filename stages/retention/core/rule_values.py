"""Can a rule hold for anybody? The words and numbers of a rule against what columns can hold."""

import ast
import difflib
import math
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise

import pandas as pd

from retention.core.cells import folded_name
from retention.core.columns import Column, Columns
from retention.core.errors import InputError, clipped, one_of, shown
from retention.core.rule_grammar import COMPARE, Comparison, comparison, comparisons
from retention.core.vocabulary import PROFIT

RISK = "risk"
RANKED = {name: Column(name, "number", high=1) for name in (RISK, "profit_rank")}
"""What a rule may speak of beside the columns of the exports."""

MOST_WAYS = 200
"""Ways in which a rule can hold that are looked through; a rule with more is not questioned."""
MOST_WORDS = 12
"""Valid words that a message lists."""


def ruled(columns: Columns) -> dict[str, Column]:
    """Return what a rule may speak of, by name.

    That is behaviour, profit, the risk, and the share of customers with less profit. Not the
    outcome (unknown for those whom a campaign addresses) and not the id.
    """
    return {name: columns.by_name[name] for name in (*columns.behaviour, PROFIT)} | RANKED


def open_words(customers: pd.DataFrame, *, columns: Columns) -> dict[str, set[str]]:
    """Return the words that the data holds in each column where a new word is no fault."""
    return {name: set(customers[name].dropna().unique()) for name in columns.open}


def check_values(
    tree: ast.expr,
    *,
    columns: Mapping[str, Column],
    words: Mapping[str, Collection[str]] | None,
    where: str,
) -> None:
    """Raise an :class:`InputError` if a parsed rule cannot mean what its editor meant.

    Parameters
    ----------
    tree : expr
        As ``rule_grammar.parse`` gives it.
    columns : mapping of Column
        As :func:`ruled` gives it; columns beyond them are not questioned.
    words : mapping, optional
        As :func:`open_words` gives it; None where no data is at hand: a word that nobody knows
        is then taken for a new one of the data.
    where : str
        Place and rule, for the message.

    Raises
    ------
    InputError
        If a column can never hold the word or number it is compared with, or a comparison, both
        sides of an ``and``, or a side of an ``or`` can never hold.
    """
    for one in comparisons(tree):
        if column := columns.get(one.column):
            check = _check_word if column.kind == "category" else _check_number
            check(one, column, words, where)
    if (dead := _dead(tree, _points(comparisons(tree), columns))) is not None:
        raise InputError(
            f"{where}: {clipped(ast.unparse(dead), 80)} contradicts itself and can never hold"
        )


def _check_word(
    one: Comparison, column: Column, words: Mapping[str, Collection[str]] | None, where: str
) -> None:
    known = list(column.values)
    if not isinstance(one.value, str):
        raise InputError(
            f"{where}: {column.name} holds words, {shown(one.value)} is none; {_words(known)}"
        )
    if one.sign not in {"==", "!="}:
        raise InputError(f"{where}: words such as those of {column.name} are compared by == or !=")
    found = sorted(set((words or {}).get(column.name, ())) - set(known)) if column.open else []
    meant = {folded_name(way): word for way, word in column.spellings.items()}
    unknown_yet = column.open and words is None and folded_name(one.value) not in meant
    if one.value in known or one.value in found or unknown_yet:
        return
    meant |= {folded_name(word): word for word in found}
    close = difflib.get_close_matches(folded_name(one.value)[:200], meant, n=1, cutoff=0.7)
    hint = f"; did you mean {clipped(meant[close[0]])}?" if close else ""
    raise InputError(
        f"{where}: {column.name} can never be {clipped(one.value)}; "
        f"{_words([*known, *found])}{hint}"
    )


def _words(valid: list[str]) -> str:
    more = f" and {len(valid) - MOST_WORDS} more" if len(valid) > MOST_WORDS else ""
    return f"valid: {one_of(clipped(word) for word in valid[:MOST_WORDS])}{more}"


def _check_number(one: Comparison, column: Column, _: object, where: str) -> None:
    name, value = column.name, one.value
    if isinstance(value, str):
        raise InputError(
            f"{where}: {name} holds numbers, {clipped(value)} is none; {_range(column)}"
        )
    if abs(value) > 1e15:
        raise InputError(f"{where}: {name} can never be so large a number; {_range(column)}")
    whole = column.kind != "integer" or value == int(value) or one.sign not in {"==", "!="}
    if not column.low <= value <= column.high or not whole:
        hundredth = column.high == 1 < value <= 100
        hint = f"; did you mean {value / 100:g}?" if hundredth else ""
        raise InputError(f"{where}: {name} can never be {value:g}; {_range(column)}{hint}")
    if (one.sign == "<" and value == column.low) or (one.sign == ">" and value == column.high):
        raise InputError(f"{where}: {one} can never hold; {_range(column)}")


def _range(column: Column) -> str:
    kind = "whole numbers" if column.kind == "integer" else "numbers"
    low = f" from {column.low:g}" if math.isfinite(column.low) else ""
    high = f" to {column.high:g}" if math.isfinite(column.high) else ""
    return f"valid: {kind}{low}{high}"


Points = dict[str, list[float | str | None]]
"""Values of each column that tell all comparisons of a rule apart; None is a missing value."""


def _points(found: Iterable[Comparison], columns: Mapping[str, Column]) -> Points:
    """Return, for each column, a value in every part that the comparisons cut its range into."""
    compared: dict[str, set[float | str]] = {}
    for one in found:
        compared.setdefault(one.column, set()).add(one.value)
    points: Points = {}
    for name, values in compared.items():
        if column := columns.get(name):
            missing = [] if name == RISK else [None]
            points[name] = [*_values(column, values), *missing]
    return points


def _values(column: Column, compared: set[float | str]) -> list[float | str]:
    if column.kind == "category":
        other = ["a word of no rule"] if column.open else []
        return sorted({*compared, *column.values}) + other
    ends = {end for end in (column.low, column.high) if math.isfinite(end)}
    cuts = sorted({*compared, *ends})
    if column.kind == "integer":
        tried = {math.floor(cut) + step for cut in cuts for step in (-1, 0, 1)}
        tried |= {math.ceil(cut) for cut in cuts}
    else:
        between = {(low + high) / 2 for low, high in pairwise(cuts)}
        tried = {cuts[0] - 1, *cuts, *between, cuts[-1] + 1}
    return sorted(value for value in tried if column.low <= value <= column.high)


def _dead(node: ast.expr, points: Points) -> ast.expr | None:
    """Return the part of a rule, the whole or a side of an ``or``, that holds for no value."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return next((dead for part in node.values if (dead := _dead(part, points))), None)
    return None if _ways(node, points, negated=False) else node


Way = dict[str, frozenset[int]]
"""One way to fulfil a rule: the places of the values that each column may have."""


def _ways(node: ast.expr, points: Points, *, negated: bool) -> list[Way]:
    """Return the ways in which a rule can hold; none if it never does.

    Columns are taken for independent, and comparisons of an unknown column for possible, so that
    a rule without a way holds for nobody, whatever the data.
    """
    if isinstance(node, ast.UnaryOp):
        return _ways(node.operand, points, negated=not negated)
    if isinstance(node, ast.Compare):
        one = comparison(node)
        if one.column not in points:
            return [{}]
        values = enumerate(points[one.column])
        held = frozenset(place for place, value in values if _holds(value, one) != negated)
        return [{one.column: held}] if held else []
    parts = [_ways(part, points, negated=negated) for part in node.values]
    if isinstance(node.op, ast.Or) != negated:
        return _limited([way for part in parts for way in part])
    ways: list[Way] = [{}]
    for part in parts:
        both = [_both(one, other) for one in ways for other in part]
        ways = _limited([way for way in both if way is not None])
    return ways


def _holds(value: float | str | None, one: Comparison) -> bool:
    return value is not None and COMPARE[one.sign](value, one.value)


def _both(one: Way, other: Way) -> Way | None:
    """Return the way that two of them allow, None if there is none."""
    way = {**one, **other}
    for name in one.keys() & other.keys():
        way[name] = one[name] & other[name]
    return way if all(way.values()) else None


def _limited(ways: list[Way]) -> list[Way]:
    """Return different ways, or the one that demands nothing where there are too many."""
    distinct = {tuple(sorted(way.items(), key=lambda item: item[0])): way for way in ways}
    return list(distinct.values()) if len(distinct) <= MOST_WAYS else [{}]
