"""A customer's reasons as one plain sentence, in Russian or in English."""

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.columns import Column, Columns
from retention.core.formats import SPACE, formatted
from retention.core.vocabulary import REASON_RANKS
from retention.core.yaml_files import read_yaml
from retention.explanation.reasons import MISSING_VALUE

NEAR = 0.1
"""A value this close to the typical one, as a share of it, is called neither low nor high."""
_EMPTY = ("", "nan", "None", "<NA>", MISSING_VALUE)
_WORDS = Path(__file__).with_name("sentences.yaml")
_FORMS = {"number": "short", "whole": "count", "percent": "percent", "money": "short"}


@cache
def _words() -> dict[str, dict[str, str]]:
    """Return the words that join reasons, by what they say and by language."""
    return read_yaml(_WORDS)


@lru_cache(maxsize=2**16)  # a customer's values are told with few digits: most are met again
def display_number(value: float, form: str, language: str) -> str:
    """Return a number in the form that the data dictionary gives it, as the page writes it."""
    return formatted(value, _FORMS[form], language)


def phrase(feature: str, value: str, typical: str, language: str, *, columns: Columns) -> str:
    """Return one reason in words, such as "few pages per visit (3, usually 8)".

    Parameters
    ----------
    feature : str
    value, typical : str
        The customer's own value and that of comparable loyal customers; numbers as text.
    language : str
        ``ru`` or ``en``.
    columns : Columns
        The data dictionary.
    """
    column = columns.by_name[feature]
    spoken = column.reason[language]
    name = spoken if column.is_category else spoken.plain
    if value in _EMPTY:
        return _words()["unknown"][language].format(name=name)
    if column.is_category:
        return f"{name}: {column.said(value, language)}"
    return _number_phrase(column, float(value), _number(typical), language)


def _number_phrase(column: Column, own: float, usual: float, language: str) -> str:
    spoken = column.reason[language]
    name, shown = spoken.plain, display_number(own, column.form, language)
    if np.isnan(usual):
        return f"{name}: {shown}"
    beside = display_number(usual, column.form, language)
    is_low = own < usual
    if shown == beside:
        kind = "as_usual"
    elif abs(own - usual) <= NEAR * abs(usual):
        kind = "slightly_below" if is_low else "slightly_above"
    else:
        name = spoken.low if is_low else spoken.high
        kind = "apart_from_one" if _is_singular(beside) else "apart"
    return _words()[kind][language].format(name=name, own=shown, usual=beside)


def _is_singular(usual: str) -> bool:
    """Tell whether a Russian noun after this number is singular: 1, 21, 31…, no fraction."""
    whole = usual.removesuffix(f"{SPACE}%")
    return whole.endswith("1") and not whole.endswith("11") and "," not in whole


def _number(text: str) -> float:
    return float("nan") if text in _EMPTY else float(text)


def _coded(parts: Sequence[tuple[np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return which of the distinct rows each row is, and the parts that each distinct row is of.

    Parameters
    ----------
    parts : sequence of (ndarray of int, int)
        A column's codes, from 0, and how many there are.
    """
    places, count = parts[0]
    rows = np.arange(count)[:, None]
    for codes, count in parts[1:]:  # two at a time, so that no product is too large
        places, pairs = pd.factorize(places.astype("int64") * count + codes)
        before, own = np.divmod(pairs, count)
        rows = np.column_stack([rows[before], own])
    return places, rows


def _phrases(
    reasons: pd.DataFrame, place: str, language: str, *, columns: Columns
) -> tuple[np.ndarray, list[str]]:
    """Return which phrase each row has in one place, and the phrases: each is worded once.

    Where there is no reason the phrase is empty.
    """
    parts, words = [], []
    for name in (place, f"{place}_value", f"{place}_typical"):
        codes, known = pd.factorize(reasons[name])
        words.append([*map(str, known), ""])
        parts.append((np.where(codes < 0, len(known), codes), len(known) + 1))
    places, distinct = _coded(parts)
    worded = []
    for row in distinct.tolist():
        feature, *values = (known[one] for known, one in zip(words, row, strict=True))
        worded.append(phrase(feature, *values, language, columns=columns) if feature else "")
    return places, worded


def sentences(reasons: pd.DataFrame, language: str, *, columns: Columns) -> np.ndarray:
    """Return one plain sentence a customer.

    Parameters
    ----------
    reasons : DataFrame, shape (n_customers, n_columns)
        For ``reason_1`` to ``reason_3`` the feature's name, missing where there is none, and with
        the endings ``_value`` and ``_typical`` the customer's own value and that of comparable
        loyal customers, numbers or their text.
    language : str
        ``ru`` or ``en``.
    columns : Columns
        The data dictionary.

    Returns
    -------
    ndarray of str (dtype object), shape (n_customers,)
        For a customer without reasons, that there is none.
    """
    if reasons.empty:
        return np.empty(0, dtype=object)
    raising = [_phrases(reasons, place, language, columns=columns) for place in REASON_RANKS]
    none = _words()["none"][language]
    places, distinct = _coded([(codes, len(words)) for codes, words in raising])
    texts = np.empty(len(distinct), dtype=object)
    for number, row in enumerate(distinct.tolist()):
        parts = (words[one] for (_, words), one in zip(raising, row, strict=True))
        text = ", ".join(filter(None, parts))
        texts[number] = f"{text[0].upper()}{text[1:]}." if text else none
    return texts[places]
