"""Numbers as people write them: decimal comma or point, thousands apart by space, comma or point.

A column is read as a whole: one cell that can only be a decimal comma settles what the comma of
the others means. Where no cell settles it, the column is refused rather than guessed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retention.core.cells import SPACES
from retention.core.errors import InputError
from retention.data.coded import Coded

MENDED = ("decimal_comma", "thousands", "minus_sign", "brackets", "currency", "percent")
"""What may be put right for a word to be a number."""

_PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_SPACED = re.compile(rf"[+-]?\d{{1,3}}([{SPACES}]\d{{3}})+([.,]\d*)?")
_MANY = {mark: re.compile(rf"[+-]?\d{{1,3}}({re.escape(mark)}\d{{3}}){{2,}}") for mark in ",."}
_BOTH = {
    ",": re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+"),
    ".": re.compile(r"[+-]?\d{1,3}(,\d{3})+\.\d+"),
}
_EITHER = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}{re.escape(mark)}\d{{3}}") for mark in ",."}
_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?")
_MINUS = re.compile(rf"(?:[−–—‒‑‐﹣－]|-(?=[{SPACES}]))[{SPACES}]*(?=[\d.,])")
_BEHIND = re.compile(rf"(\d[\d.,{SPACES}]*)[-−]")
_MONEY = re.compile(rf"(.*[\d.,)])[{SPACES}]*(?:₽|руб\.?|р\.|rub|rur)", re.IGNORECASE)
_AROUND_DIGITS = {
    "currency": _MONEY,
    "brackets": re.compile(rf"\([{SPACES}]*(\d[^()-]*?)[{SPACES}]*\)"),
    "currency_inside": _MONEY,
    "percent": re.compile(rf"(.*\d[.,]?)[{SPACES}]*%"),
}
"""What may stand around the digits, in the order in which it is taken off."""


@dataclass(frozen=True)
class Numbers:
    """A column of numbers read from text.

    Attributes
    ----------
    values : ndarray of float, shape (n_rows,)
        Missing where the text is empty or no number.
    bad : ndarray of bool, shape (n_rows,)
        Where the text is no number.
    mended : dict
        For ``decimal_comma``, ``thousands``, ``minus_sign``, ``brackets``, ``currency`` and
        ``percent``: how many cells, and the first of them.
    """

    values: np.ndarray
    bad: np.ndarray
    mended: dict[str, tuple[int, str]]


def read_numbers(text: Coded, *, place: str, share: bool = False) -> Numbers:
    """Read a column of trimmed text as numbers; empty text is missing.

    Parameters
    ----------
    text : Coded
    place : str
        File and column, for the message.
    share : bool
        Whether the column holds shares: ``24 %`` is 0.24 then, and no number elsewhere.

    Raises
    ------
    InputError
        If a comma (or a point) may be decimal or thousands and no other cell tells which.
    """
    signed = [_signed(word, share=share) for word in text.words]
    decimal = _decimal_mark([word for word, _ in signed], place)
    values, marks = [], []
    for word, how in signed:
        value, mark = _one(word, decimal)
        values.append(value / 100 if "percent" in how else value)
        marks.append({*how, mark} if np.isfinite(value) else set())
    values = np.array(values)
    bad = np.isnan(values) & np.array([word != "" for word in text.words])
    mended = {}
    for what in MENDED:
        chosen = [what in how for how in marks]
        if any(chosen) and text.count(chosen):
            mended[what] = (text.count(chosen), text.first(chosen))
    return Numbers(values[text.codes], bad[text.codes], mended)


def _signed(word: str, *, share: bool) -> tuple[str, Sequence[str]]:
    """Return a word as digits behind a plain minus, and what was put right for it."""
    how: list[str] = []
    if word[:1].isdigit() and word[-1:].isdigit():
        return word, how
    for what, form in _AROUND_DIGITS.items():
        found = form.fullmatch(word) if what != "percent" or share else None
        if found:
            word, how = found[1], [*how, what.removesuffix("_inside")]
    if "brackets" in how:
        return f"-{word}", how
    plain = _MINUS.sub("-", word, count=1) if _MINUS.match(word) else word
    behind = _BEHIND.fullmatch(plain)
    plain = f"-{behind[1].rstrip(SPACES)}" if behind else plain
    return plain, [*how, "minus_sign"] if plain != word else how


def _decimal_mark(words: list[str], place: str) -> str:
    """Return the decimal mark of a column, ``,`` or ``.``."""
    signs = {mark: set() for mark in ",."}
    unclear = dict.fromkeys(",.", "")
    for word in words:
        for mark, other in ((",", "."), (".", ",")):
            if mark not in word:
                continue
            if _BOTH[mark].fullmatch(word) or _MANY[other].fullmatch(word):
                signs[mark].add("decimal")
            if _BOTH[other].fullmatch(word) or _MANY[mark].fullmatch(word):
                signs[mark].add("thousands")
            elif _EITHER[mark].fullmatch(word):
                unclear[mark] = unclear[mark] or word
            elif word.count(mark) == 1 and other not in word:
                signs[mark].add("decimal")
    for mark in ",.":
        if len(signs[mark]) > 1:
            raise InputError(
                f"{place}: {mark!r} is a decimal mark in some cells and separates thousands in "
                "others; export the column with one meaning of it"
            )
    comma = "decimal" in signs[","] or "thousands" in signs["."]
    point = "decimal" in signs["."] or "thousands" in signs[","]
    if unclear[","] and not comma and not point:
        raise InputError(
            f"{place}: {unclear[',']!r} may be a decimal comma or separated thousands and no other "
            "cell tells which; export the column with a decimal point"
        )
    if unclear["."] and comma:
        raise InputError(
            f"{place}: {unclear['.']!r} stands beside decimal commas, its point may be decimal or "
            "separate thousands; export the column with one decimal mark"
        )
    if unclear[","] and comma and point:
        raise InputError(
            f"{place}: {unclear[',']!r} stands beside decimal points and commas, it may be "
            "decimal or thousands; export the column with one decimal mark"
        )
    return "," if comma and not point else "both" if comma else "."


def _one(word: str, decimal: str) -> tuple[float, str]:
    """Return a word's number (missing if it is none) and how it was mended, if it was."""
    if _PLAIN.fullmatch(word):
        value = float(word)
        return (value, "") if np.isfinite(value) else (float("nan"), "")
    what = ""
    if _SPACED.fullmatch(word):
        word, what = re.sub(f"[{SPACES}]", "", word), "thousands"
    if _BOTH[","].fullmatch(word) or (decimal == "," and _MANY["."].fullmatch(word)):
        word, what = word.replace(".", "").replace(",", "."), "thousands"
    elif (
        _BOTH["."].fullmatch(word)
        or _MANY[","].fullmatch(word)
        or (decimal == "." and _EITHER[","].fullmatch(word))
    ):
        word, what = word.replace(",", ""), "thousands"
    elif _COMMA.fullmatch(word):
        word, what = word.replace(",", "."), what or "decimal_comma"
    if not _PLAIN.fullmatch(word):
        return float("nan"), ""
    value = float(word)
    return (value, what) if np.isfinite(value) else (float("nan"), "")
