"""Numbers as people write them: decimal comma or point, thousands apart by space, comma or point.

A column is read as a whole: one cell that can only be a decimal comma settles what the comma of
the others means. Where no cell settles it, the column is refused rather than guessed.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from retention.core.cells import SPACES, bare, is_missing
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
_DIGITS, _DIGITS_COMMA = r"^[0-9]{1,15}(\.[0-9]{1,15})?$", r"^[0-9]{1,15},[0-9]{1,15}$"
"""Numbers that are read without a closer look, by a decimal point and by a comma; none is so long
that it would be endless."""
_AT_SIGHT = (
    r"^[+-]?\d*$",
    r"^[+-]?[1-9]\d{0,2},\d{3}$",
    r"^[+-]?[1-9]\d{0,2}\.\d{3}$",
    r"^[+-]?(\d+,\d*|,\d+)$",
    r"^[+-]?(\d+\.\d*|\.\d+)$",
)
"""Forms of a word, of which the first that fits counts: all words of one form tell the same of the
decimal mark."""


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


@dataclass(frozen=True)
class MarkSigns:
    """What the words of a column, or of some of its rows, tell of its decimal mark.

    Attributes
    ----------
    decimal, thousands : frozenset of str
        Marks, ``,`` and ``.``, that some word can only have as this.
    unclear : dict of str
        By mark, the first word in which it may be either.
    """

    decimal: frozenset[str] = frozenset()
    thousands: frozenset[str] = frozenset()
    unclear: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, words: Iterable[str]) -> "MarkSigns":
        """Return what words tell that are digits behind a plain minus."""
        decimal, thousands, unclear = set(), set(), {}
        for word in words:
            for mark, other in ((",", "."), (".", ",")):
                if mark not in word:
                    continue
                if _BOTH[mark].fullmatch(word) or _MANY[other].fullmatch(word):
                    decimal.add(mark)
                if _BOTH[other].fullmatch(word) or _MANY[mark].fullmatch(word):
                    thousands.add(mark)
                elif _EITHER[mark].fullmatch(word):
                    unclear.setdefault(mark, word)
                elif word.count(mark) == 1 and other not in word:
                    decimal.add(mark)
        return cls(frozenset(decimal), frozenset(thousands), unclear)

    @classmethod
    def of_raw(cls, words: Any, *, share: bool = False) -> "MarkSigns":
        """Return what words tell that are as they stand in the file.

        Parameters
        ----------
        words : pyarrow.Array of str
            Each once.
        share : bool
            As :func:`read_numbers` has it.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        left, others = np.arange(len(words)), words
        telling: list[int] = []
        for form in _AT_SIGHT:
            fits = pc.match_substring_regex(others, form).to_numpy(zero_copy_only=False)
            telling += left[fits][:1].tolist()
            left, others = left[~fits], others.filter(pa.array(~fits))
        telling += left.tolist()
        text = (bare(words[place].as_py())[0] for place in sorted(telling))
        return cls.of(_signed(word, share=share)[0] for word in text if not is_missing(word))

    def then(self, later: "MarkSigns") -> "MarkSigns":
        """Return what these words and `later` ones tell together."""
        return MarkSigns(
            self.decimal | later.decimal,
            self.thousands | later.thousands,
            {**later.unclear, **self.unclear},
        )

    def mark(self, place: str) -> str:
        """Return the decimal mark of the column: ``,``, ``.`` or ``both``.

        Parameters
        ----------
        place : str
            File and column, for the message.

        Raises
        ------
        InputError
            If a comma (or a point) may be decimal or thousands and no other cell tells which.
        """
        for mark in ",.":
            if mark in self.decimal and mark in self.thousands:
                raise InputError(
                    f"{place}: {mark!r} is a decimal mark in some cells and separates thousands in "
                    "others; export the column with one meaning of it"
                )
        comma = "," in self.decimal or "." in self.thousands
        point = "." in self.decimal or "," in self.thousands
        if "," in self.unclear and not comma and not point:
            raise InputError(
                f"{place}: {self.unclear[',']!r} may be a decimal comma or separated thousands and "
                "no other cell tells which; export the column with a decimal point"
            )
        if "." in self.unclear and comma:
            raise InputError(
                f"{place}: {self.unclear['.']!r} stands beside decimal commas, its point may be "
                "decimal or separate thousands; export the column with one decimal mark"
            )
        if "," in self.unclear and comma and point:
            raise InputError(
                f"{place}: {self.unclear[',']!r} stands beside decimal points and commas, it may "
                "be decimal or thousands; export the column with one decimal mark"
            )
        return "," if comma and not point else "both" if comma else "."


def read_numbers(
    text: Coded, *, place: str, share: bool = False, decimal: str | None = None
) -> Numbers:
    """Read a column of trimmed text as numbers; empty text is missing.

    Parameters
    ----------
    text : Coded
    place : str
        File and column, for the message.
    share : bool
        Whether the column holds shares: ``24 %`` is 0.24 then, and no number elsewhere.
    decimal : str, optional
        The decimal mark of the whole column, where `text` is a part of it
        (:meth:`MarkSigns.mark`); by default the text decides.

    Raises
    ------
    InputError
        As :meth:`MarkSigns.mark`.
    """
    if decimal is None:
        signed = (_signed(word, share=share)[0] for word in text.words)
        decimal = MarkSigns.of(signed).mark(place)
    values, chosen = _at_once(text.words, decimal)
    for row in np.flatnonzero(np.isnan(values)).tolist():
        word, how = _signed(text.words[row], share=share)
        value, mark = _one(word, decimal)
        values[row] = value / 100 if "percent" in how else value
        if np.isfinite(value):
            for what in filter(None, {*how, mark}):
                chosen[what][row] = True
    bad = np.isnan(values) & np.array([word != "" for word in text.words], dtype=bool)
    mended = {}
    for what, some in chosen.items():
        if some.any() and text.count(some):
            mended[what] = (text.count(some), text.first(some))
    return Numbers(values[text.codes], bad[text.codes], mended)


def _at_once(words: Sequence[str], decimal: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the numbers of words that need no closer look, and which of them were mended how.

    What is left missing is for :func:`_one`, which says the same of the others, word by word.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    every, values = pa.array(words, pa.string()), np.full(len(words), np.nan)
    chosen = {what: np.zeros(len(words), dtype=bool) for what in MENDED}
    plain = pc.match_substring_regex(every, _DIGITS)
    values[plain.to_numpy(zero_copy_only=False)] = every.filter(plain).cast(pa.float64())
    if decimal != ".":  # else three digits behind it are thousands
        comma = pc.match_substring_regex(every, _DIGITS_COMMA)
        chosen["decimal_comma"] = comma.to_numpy(zero_copy_only=False).copy()
        pointed = pc.replace_substring(every.filter(comma), ",", ".")
        values[chosen["decimal_comma"]] = pointed.cast(pa.float64())
    return values, chosen


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
