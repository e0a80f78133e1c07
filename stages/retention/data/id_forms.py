"""What ids of one shop look like, and whether two files spell one of them in two ways.

What cannot be known for certain is refused with both spellings, never matched by guess.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal

import numpy as np
import pandas as pd

from retention.core.cells import look_of
from retention.core.errors import InputError, shown
from retention.data.ids import EXACT_AS_FLOAT, EXPONENT, distinct, is_lost, plain_numbers

KEPT_DIGITS = 15
"""Digits of a whole number that a spreadsheet keeps; the others become zeros."""
_MOST_DIGITS = 40
"""Digits beyond which a word of digits is no number that a program kept."""
MANY_FORMS = 20
"""From so many forms of ids on, letters and digits are taken to be mixed by chance."""

_EMAIL = re.compile(r"[\w.+%'-]+@[\w-]+(\.[\w-]+)+")
_HEX = re.compile(r"[0-9a-f]{32}")


def form_of(word: str) -> str:
    """Return the form of an id: ``9`` for digits, ``a`` and ``я`` for letters, others stay."""
    if _EMAIL.fullmatch(word):
        return "e-mail"
    numbered = re.sub(r"\d+", "9", word)
    return re.sub(r"[^\W\d_]+", lambda run: "a" if run[0].isascii() else "я", numbered)


class Forms:
    """The forms that known ids have.

    Digits alone may be one digit longer or shorter than the known ones ever are: a shop's numbers
    grow. Where known ids have a great many forms, as random codes do, only what they are made of
    and how long they are counts.

    Parameters
    ----------
    known : Series of str
    """

    def __init__(self, known: pd.Series):
        numbers = plain_numbers(known) is not None
        self._forms = {"9"} if numbers else {form_of(word) for word in known.unique()}
        digits = known if numbers else known[known.str.fullmatch(r"\d+").to_numpy(dtype=bool)]
        self._digits = _lengths(digits)
        self._letters = set().union(*(set(form) for form in self._forms - {"e-mail"}))
        self._long = _lengths(known)

    def fits(self, word: str) -> bool:
        """Tell whether an id has a form that known ones have."""
        form = form_of(word)
        if form == "9" and not self._digits[0] <= len(word) <= self._digits[1]:
            return False
        if form in self._forms or len(self._forms) <= MANY_FORMS or form == "e-mail":
            return form in self._forms
        return set(form) <= self._letters and self._long[0] <= len(word) <= self._long[1]


def _lengths(ids: pd.Series) -> tuple[int, int]:
    """Return the length of the shortest and the longest id, and one digit more to either side."""
    lengths = ids.str.len()
    return (int(lengths.min()) - 1, int(lengths.max()) + 1) if len(ids) else (1, 0)


def strange_form(ids: pd.Series, known: pd.Series) -> str:
    """Return the first of `ids` whose form no known id has (see :class:`Forms`), or empty text."""
    forms = Forms(known)
    return next((word for word in ids if not forms.fits(word)), "")


def skeleton(word: str) -> str:
    """Return what is left of an id when everything that programs change is taken away.

    Case, look-alike letters, separators and zeros at the front, the first 7 or 8 of a Russian
    phone number, the hyphens of a UUID; two ids of one skeleton may be one customer or two. Of an
    e-mail address only case and look-alike letters go.
    """
    plain = unicodedata.normalize("NFKC", word)
    if _EMAIL.fullmatch(plain):
        return look_of(plain)
    together = re.sub(r"[\W_]+", "", plain).lower()
    if _HEX.fullmatch(together):
        return together
    if together.isdecimal():
        return re.sub(r"^[78](?=\d{10}$)", "", together.lstrip("0") or "0")
    apart = re.sub(r"(?<!\d)[\W_]+|[\W_]+(?!\d)", "", look_of(plain))
    return re.sub(r"(?<!\d)0+(?=\d)", "", apart)


def refuse_other_spellings(files: Mapping[str, pd.Series]) -> None:
    """Raise an InputError if one customer's id seems to be spelled in two ways by two files.

    Only ids that some file lacks are looked at, and two spellings that stand in one file are two
    customers.

    Parameters
    ----------
    files : mapping of str to Series
        What to call each file, and the ids in it, in canonical form.

    Raises
    ------
    InputError
        It names both files and both spellings.
    """
    parts = {name: distinct(ids) for name, ids in files.items()}
    if all(part.dtype == "int64" and part.max() < 10**9 for part in parts.values()):
        return  # such a number is spelled in one way
    parts = {name: part.astype(str).astype(object) for name, part in parts.items()}
    _refuse_lost(parts)
    every = pd.Index(np.concatenate(list(parts.values()))).unique()
    in_all = np.all([every.isin(part) for part in parts.values()], axis=0)
    loose = pd.Series(every[~in_all], dtype="str")
    if loose.empty:
        return
    _refuse_groups(parts, loose, loose.map(skeleton), "zeros, separators, case or look-alikes")
    wide = loose[loose.map(_is_wide).to_numpy(dtype=bool)]
    if len(wide):
        cut = wide.str.slice(0, KEPT_DIGITS) + wide.str.len().astype("str").radd("/")
        rounded = wide.str.slice(KEPT_DIGITS).str.fullmatch("0+").to_numpy(dtype=bool)
        some = cut.isin(set(cut[rounded])).to_numpy(dtype=bool)
        _refuse_groups(parts, wide[some], cut[some], f"digits behind the {KEPT_DIGITS}th")
        floats = {name: _all_floats(part) for name, part in parts.items()}
        if any(floats.values()) and not all(floats.values()):
            _refuse_groups(parts, wide, wide.map(float).map(repr), "digits that a float drops")


def _is_wide(word: str) -> bool:
    """Tell whether an id is a number with more digits than every program keeps."""
    return word.isdecimal() and KEPT_DIGITS < len(word) <= _MOST_DIGITS


def _all_floats(ids: pd.Index) -> bool:
    """Tell whether every large number among the ids looks as if it had been a float."""
    wide = [number for number in map(int, filter(_is_wide, ids)) if number > EXACT_AS_FLOAT]
    return bool(wide) and all(
        number in (int(float(number)), int(Decimal(repr(float(number))))) for number in wide
    )


def _refuse_groups(
    parts: Mapping[str, pd.Index], ids: pd.Series, keys: pd.Series, what: str
) -> None:
    """Raise for the first ids of one key that stand in different files, and never in one."""
    shared = keys.duplicated(keep=False)
    for _, group in ids[shared].groupby(keys[shared], sort=False):
        homes = {one: [name for name, part in parts.items() if one in part] for one in group}
        for one, other in itertools.pairwise(group):
            if set(homes[one]) & set(homes[other]):
                continue
            raise InputError(
                f"{homes[one][0]} has the id {shown(one)}, {homes[other][0]} has {shown(other)}: "
                f"they differ by {what} alone, and whether they are one customer cannot be "
                "known; export both as text, in one spelling"
            )


def _refuse_lost(parts: Mapping[str, pd.Index]) -> None:
    """Raise for the first id whose digits are lost, with one that it may have been."""
    for name, part in parts.items():
        lost = [word for word in part if "e" in word.lower() and is_lost(word)]
        if not lost:
            continue
        others = itertools.chain(*(ids for other, ids in parts.items() if other != name))
        whole = _maybe(lost[0], others)
        beside = f" (it may stand for {shown(whole)})" if whole else ""
        raise InputError(
            f"{name} has the id {shown(lost[0])}, a number whose last digits are gone{beside}; "
            "export the ids as text"
        )


def _maybe(lost: str, others: Iterable[str]) -> str:
    """Return an id of the others that may have been written as `lost`, or empty text."""
    found = EXPONENT.fullmatch(lost)
    if found is None:
        return ""
    start, length = (found[1] + (found[2] or ""))[:3], int(found[3]) + 1
    return next((one for one in others if len(one) == length and one.startswith(start)), "")
