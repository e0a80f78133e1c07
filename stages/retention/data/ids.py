"""Customer ids: one canonical form, and a refusal where it cannot be known.

Programs write one id in many ways: ``300370``, ``300370.0``, ``300 370``, ``="300370"``. Those
that can mean one id only are read as it. What was lost (digits to an exponent, zeros at the front)
is never guessed: :mod:`retention.data.id_forms` names both spellings and stops.
"""

import re
import unicodedata

import numpy as np
import pandas as pd

from retention.core.cells import AROUND, MISSING_MARKS, SPACES, bare, is_missing, without_invisible
from retention.core.id_order import plain_numbers
from retention.core.spreadsheets import unguard

EXACT_AS_FLOAT = 2**53
"""Up to this one a float holds every whole number."""

_SAFE = r"[A-Za-z0-9_@-]+"
_GROUPED = re.compile(rf"\d{{1,3}}([{SPACES}]\d{{3}})+")
_ZEROS = re.compile(r"(\d+)[.,](0+)")
EXPONENT = re.compile(r"(\d)(?:[.,](\d*))?[eE]\+?(\d{1,3})")
"""A number of one digit, decimals and an exponent, as spreadsheets write it."""
_MARKED = re.compile(r"\d[.,]\d*[eE]\+?\d+|\d[eE]\+\d+")


def distinct(ids: pd.Series) -> pd.Index:
    """Return the distinct ids but for the empty one: int64 where all are such numbers, else text.

    Numbers are compared many times faster than text; ids that are numbers already stay so.
    """
    if ids.dtype == "int64":
        return pd.Index(ids).unique()
    filled = ids[(ids != "").to_numpy(dtype=bool)]
    numbers = plain_numbers(filled) if len(filled) else None
    return pd.Index(filled.to_numpy(dtype=object) if numbers is None else numbers).unique()


def clean_ids(ids: pd.Series) -> tuple[pd.Series, dict[str, tuple[int, str]]]:
    """Return ids in their canonical form, and how many were mended.

    Parameters
    ----------
    ids : Series of str
        As they stand in a file.

    Returns
    -------
    ids : Series of str
        Empty text where an id is missing; an id whose digits are lost stays as it is written.
    mended : dict
        For ``stray_spaces``, ``decomposed`` and ``whole_id`` (the number or the text mark that a
        spreadsheet made of it): how many cells, and the first of them.
    """
    if not len(ids) or plain_numbers(ids) is not None:
        return ids, {}
    suspect = ~ids.str.fullmatch(_SAFE).to_numpy(dtype=bool)
    suspect |= ids.str.lower().isin(MISSING_MARKS).to_numpy(dtype=bool)
    codes, found = pd.factorize(ids[suspect])
    told = [canonical_id(word) for word in found]
    clean = ids.copy()
    clean[suspect] = np.array([word for word, _ in told], dtype=object)[codes]
    how = np.array([kind for _, kind in told], dtype=object)[codes]
    mended = {}
    for kind in filter(None, dict.fromkeys(how)):
        first = ids[suspect].iloc[int(np.argmax(how == kind))]
        mended[kind] = (int((how == kind).sum()), first)
    return clean, mended


def canonical_id(text: str) -> tuple[str, str]:
    """Return an id in its canonical form, and how it was mended (see :func:`clean_ids`).

    Stripped are white space and letters that are not seen, ``="…"``, the apostrophe by which a
    spreadsheet is told to keep text, spaces between thousands, decimals that are all zero, and an
    exponent if every digit of the number stands before it. Zeros at the front are kept.
    """
    word, how = bare(without_invisible(text))
    if not how and word != text:
        how = "stray_spaces"
    if how == "text_formula":
        how = "whole_id"
    told = unguard(word)
    if told.startswith("'") and len(told) > 1:
        told = told[1:].strip(AROUND)
    if is_missing(told):
        return "", how
    number = _as_number(told)
    if number is not None:
        told = number
    return told, how if told == word else "whole_id"


def _as_number(word: str) -> str | None:
    """Return the digits of a whole number that is written in an odd way, None if it is not one."""
    if word.isdecimal() and not word.isascii():
        return "".join(str(unicodedata.decimal(digit)) for digit in word)
    whole = word
    zeros = _ZEROS.fullmatch(word) or _ZEROS.fullmatch(re.sub(f"[{SPACES}]", "", word))
    if zeros:
        if len(zeros[2]) % 3 == 0 and len(zeros[1]) <= 3:
            return None  # thousands apart, or decimals: it cannot be known
        whole = word[: -len(zeros[2]) - 1]
    if _GROUPED.fullmatch(whole):
        return re.sub(f"[{SPACES}]", "", whole)
    if whole != word and whole.isdecimal():
        return whole
    exponent = EXPONENT.fullmatch(word)
    if exponent and _MARKED.fullmatch(word):
        digits, shift = exponent[2] or "", int(exponent[3])
        if len(digits) >= shift and not digits[shift:].strip("0"):
            return exponent[1] + digits[:shift]
    return None


def is_lost(word: str) -> bool:
    """Tell whether an id in its canonical form is a number that lost digits to an exponent."""
    return _MARKED.fullmatch(word) is not None
