"""What ids of one shop look like, and whether two files spell one of them in two ways.

What cannot be known for certain is refused with both spellings, never matched by guess.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from retention.core.cells import look_of
from retention.core.errors import InputError, shown
from retention.core.id_order import plain_numbers
from retention.data.ids import EXACT_AS_FLOAT, EXPONENT, distinct, is_lost

KEPT_DIGITS = 15
"""Digits of a whole number that a spreadsheet keeps; the others become zeros."""
_SHORT = 10**9
"""A number below it is spelled in one way."""
_MOST_DIGITS = 40
"""Digits beyond which a word of digits is no number that a program kept."""
MANY_FORMS = 20
"""From so many forms of ids on, letters and digits are taken to be mixed by chance."""

_EMAIL = re.compile(r"[\w.+%'-]+@[\w-]+(\.[\w-]+)+")
_HEX = re.compile(r"[0-9a-f]{32}")


def shown_id(word: str, row: int | None = None) -> str:
    """Return an id as a message quotes it: one that holds ``@`` is somebody's address, and is not.

    Parameters
    ----------
    word : str
    row : int, optional
        Where it stands in its file, from 1: by that a person finds what is not quoted.
    """
    if "@" not in word:
        return shown(word)
    where = "" if row is None else f" in row {row}"
    return f"<an e-mail address{where}>"


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


def refuse_strange_form(place: str, ids: pd.Series, known: pd.Series, *, advice: str) -> None:
    """Raise an InputError if some of `ids` has a form that no known id has.

    Parameters
    ----------
    place : str
        Where the ids stand, for messages.
    ids, known : Series of str
        In canonical form; of the export there is at least one.
    advice : str
        What is to be done or looked at: the end of the message.
    """
    odd = strange_form(ids, known)
    if odd:
        row = int((ids == odd).to_numpy().argmax()) + 1
        raise InputError(
            f"{place} has the id {shown_id(odd, row)}, a form that no id of the exports has (such "
            f"as {shown_id(known.iloc[0])}); {advice}"
        )


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


@dataclass(frozen=True)
class Spellings:
    """What some of the ids of several files tell of how the files spell them.

    Attributes
    ----------
    short : bool
        Whether every id is a number of so few digits that it is spelled in one way.
    loose : DataFrame
        Every ``id`` that some file lacks; the number of its ``home``, the first file that has it,
        and where it stands ``first`` there.
    homes : ndarray of uint8, shape (n_loose, n_bytes)
        A bit for each file: whether it has the id.
    lost : tuple of (int, str) or None
        For each file the first id whose digits are gone, and where it stands.
    floats : tuple of bool or None
        For each file whether its large numbers look as if they had been floats, None without any.
    """

    short: bool
    loose: pd.DataFrame
    homes: np.ndarray
    lost: tuple[tuple[int, str] | None, ...]
    floats: tuple[bool | None, ...]


def spellings_of(ids: pd.Series | pd.Index, places: Iterable[np.ndarray]) -> Spellings:
    """Return what ids tell of how files spell them.

    Parameters
    ----------
    ids : Series or Index of int64 or str, length n_ids
        Distinct and not empty.
    places : iterable of ndarray of int, shape (n_ids,)
        For each file where it has the id, -1 where it lacks it.
    """
    ids = pd.Series(ids).reset_index(drop=True)
    numbers = ids.to_numpy() if ids.dtype == "int64" else None
    home, first = np.full(len(ids), -1), np.full(len(ids), -1)
    held, lost, floats = [], [], []
    for number, place in enumerate(places):
        held.append(place >= 0)
        new = held[-1] & (home < 0)
        home[new], first[new] = number, place[new]
        lost.append(_first_lost(ids, place) if numbers is None else None)
        floats.append(_all_floats(ids[held[-1]]))
    loose = np.flatnonzero(~np.all(held, axis=0))
    table = {"id": ids.iloc[loose].to_numpy(), "home": home[loose], "first": first[loose]}
    return Spellings(
        numbers is not None and (not len(numbers) or int(numbers.max()) < _SHORT),
        pd.DataFrame(table),
        np.packbits(np.array([has[loose] for has in held]), axis=0).T,
        tuple(lost),
        tuple(floats),
    )


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
    parts = [distinct(ids) for ids in files.values()]
    if not all(part.dtype == "int64" for part in parts):
        parts = [part.astype(str).astype(object) for part in parts]
    elif all(part.max() < _SHORT for part in parts):
        return
    every = pd.Index(np.concatenate(parts)).unique()
    rows = [np.flatnonzero(~ids.duplicated() & (ids != "")) for ids in files.values()]
    places = (_places(every, part, at) for part, at in zip(parts, rows, strict=True))
    refuse_spellings(list(files), [spellings_of(every, places)])


def _places(every: pd.Index, ids: pd.Index, rows: np.ndarray) -> np.ndarray:
    """Return in which row each id stands first, -1 where it does not, by those of some ids."""
    found = ids.get_indexer(every)
    return np.where(found < 0, -1, rows[found]) if len(ids) else found


def refuse_spellings(files: Sequence[str], parts: Sequence[Spellings]) -> None:
    """Raise an InputError as :func:`refuse_other_spellings` does, of ids that were looked at.

    Parameters
    ----------
    files : sequence of str
        What to call each file.
    parts : sequence of Spellings
        Of all ids, each in one part.
    """
    if all(part.short for part in parts):
        return
    loose = pd.concat(
        [part.loose.assign(id=part.loose["id"].astype("str")) for part in parts], ignore_index=True
    ).sort_values(["home", "first"], kind="stable")
    ids = loose["id"].reset_index(drop=True)
    # The first file is here whole; of others there may be those ids only that tell something.
    rows = np.where(loose["home"] == 0, loose["first"] + 1, 0)
    homes = np.concatenate([part.homes for part in parts])[loose.index]
    _refuse_lost(files, parts, ids, homes)
    if not len(ids):
        return
    _refuse_groups(
        files, rows, ids, homes, ids.map(skeleton), "zeros, separators, case or look-alikes"
    )
    places = np.flatnonzero(ids.map(_is_wide).to_numpy(dtype=bool))
    if not len(places):
        return
    wide, homes = ids.iloc[places], homes[places]
    cut = wide.str.slice(0, KEPT_DIGITS) + wide.str.len().astype("str").radd("/")
    rounded = wide.str.slice(KEPT_DIGITS).str.fullmatch("0+").to_numpy(dtype=bool)
    some = cut.isin(set(cut[rounded])).to_numpy(dtype=bool)
    what = f"digits behind the {KEPT_DIGITS}th"
    _refuse_groups(files, rows, wide[some], homes[some], cut[some], what)
    every = zip(*(part.floats for part in parts), strict=True)
    told = [[one for one in of_file if one is not None] for of_file in every]
    floats = [bool(one) and all(one) for one in told]
    if any(floats) and not all(floats):
        _refuse_groups(
            files, rows, wide, homes, wide.map(float).map(repr), "digits that a float drops"
        )


def _is_wide(word: str) -> bool:
    """Tell whether an id is a number with more digits than every program keeps."""
    return word.isdecimal() and KEPT_DIGITS < len(word) <= _MOST_DIGITS


def _all_floats(ids: pd.Series) -> bool | None:
    """Tell whether every large number among the ids looks as if it had been a float."""
    may = ids > EXACT_AS_FLOAT if ids.dtype == "int64" else ids.str.len() > KEPT_DIGITS
    words = ids[may.to_numpy(dtype=bool)].astype("str")
    wide = [number for number in map(int, filter(_is_wide, words)) if number > EXACT_AS_FLOAT]
    if not wide:
        return None
    return all(number in (int(float(number)), int(Decimal(repr(float(number))))) for number in wide)


def _refuse_groups(
    files: Sequence[str],
    rows: np.ndarray,
    ids: pd.Series,
    homes: np.ndarray,
    keys: pd.Series,
    what: str,
) -> None:
    """Raise for the first ids of one key that stand in different files, and never in one.

    The index of `ids` is their place in `rows`: where each stands in its file, 0 if unknown.
    """
    shared = np.flatnonzero(keys.duplicated(keep=False).to_numpy())
    words = ids.to_numpy(dtype=object)
    places = pd.Series(shared).groupby(keys.iloc[shared].to_numpy(), sort=False)
    for _, group in places:
        for one, other in itertools.pairwise(group.tolist()):
            if (homes[one] & homes[other]).any():
                continue
            said = [shown_id(words[at], int(rows[ids.index[at]]) or None) for at in (one, other)]
            raise InputError(
                f"{_home(files, homes[one])} has the id {said[0]}, "
                f"{_home(files, homes[other])} has {said[1]}: they differ by {what} "
                "alone, and whether they are one customer cannot be known; export both as text, in "
                "one spelling"
            )


def _home(files: Sequence[str], homes: np.ndarray) -> str:
    """Return the first file that has an id."""
    return files[int(np.argmax(np.unpackbits(homes)))]


def _first_lost(ids: pd.Series, place: np.ndarray) -> tuple[int, str] | None:
    """Return the first id of a file whose digits are gone, and where it stands."""
    may = ids.str.contains("e", case=False, regex=False).to_numpy(dtype=bool) & (place >= 0)
    rows = np.flatnonzero(may)
    rows = rows[[is_lost(word) for word in ids.iloc[rows]]]
    if not len(rows):
        return None
    row = rows[np.argmin(place[rows])]
    return int(place[row]), str(ids.iloc[row])


def _refuse_lost(
    files: Sequence[str], parts: Sequence[Spellings], ids: pd.Series, homes: np.ndarray
) -> None:
    """Raise for the first id whose digits are lost, with one that it may have been."""
    for number, name in enumerate(files):
        lost = [part.lost[number] for part in parts if part.lost[number]]
        if not lost:
            continue
        word = min(lost)[1]
        lacks = homes[:, number // 8] & (0x80 >> number % 8) == 0
        whole = _maybe(word, ids[lacks])
        beside = f" (it may stand for {shown(whole)})" if whole else ""
        raise InputError(
            f"{name} has the id {shown(word)}, a number whose last digits are gone{beside}; "
            "export the ids as text"
        )


def _maybe(lost: str, others: Iterable[str]) -> str:
    """Return an id of the others that may have been written as `lost`, or empty text."""
    found = EXPONENT.fullmatch(lost)
    if found is None:
        return ""
    start, length = (found[1] + (found[2] or ""))[:3], int(found[3]) + 1
    return next((one for one in others if len(one) == length and one.startswith(start)), "")


def telling(known: pd.Series, ids: pd.Series) -> pd.Series:
    """Return those of `known` that decide what can be said of `ids`, the first of them first.

    Whatever this module and ``matching.match`` say of `ids` beside all known ones, it says of them
    beside these, and those of one part of the known ones can be put to those of the others.

    Parameters
    ----------
    known : Series of str
        In canonical form.
    ids : Series of str
        In canonical form, without missing ones.
    """
    if known.empty:
        return known
    known = known.reset_index(drop=True)
    lengths = known.str.len()
    rows = {0, int(lengths.argmin()), int(lengths.argmax())}
    if len(ids) and plain_numbers(known) is None:
        rows |= _of_each_form(known, lengths) | _lost(known)
    if len(ids):
        rows.update(np.flatnonzero(known.isin(set(ids)).to_numpy(dtype=bool)).tolist())
        rows |= _spelled_alike(known, ids)
    return known.iloc[sorted(rows)].reset_index(drop=True)


def _of_each_form(known: pd.Series, lengths: pd.Series) -> set[int]:
    """Return the first row of each form, one that is no plain number, and the ends of digits."""
    rows = set((~known.map(form_of).duplicated()).to_numpy().nonzero()[0].tolist())
    plain = known.str.fullmatch(r"-?(0|[1-9]\d{0,17})").to_numpy(dtype=bool)
    rows |= {int(row) for row in np.flatnonzero(~plain)[:1]}
    digits = np.flatnonzero(known.str.fullmatch(r"\d+").to_numpy(dtype=bool))
    if len(digits):
        of_digits = lengths.to_numpy()[digits]
        rows |= {int(digits[of_digits.argmin()]), int(digits[of_digits.argmax()])}
    return rows


def _lost(known: pd.Series) -> set[int]:
    """Return the rows whose digits are lost."""
    marked = np.flatnonzero(known.str.contains("e", case=False, regex=False).to_numpy(dtype=bool))
    return {int(row) for row in marked if is_lost(known.iloc[row])}


def _spelled_alike(known: pd.Series, ids: pd.Series) -> set[int]:
    """Return the rows that may be other spellings of one of `ids`, as refusing looks for them."""
    both = [distinct(one) for one in (known, ids)]
    if all(part.dtype == "int64" and part.max() < 10**9 for part in both):
        return set()
    words = {str(word) for word in both[1]}
    alike = known.map(skeleton).isin({skeleton(word) for word in words}).to_numpy(dtype=bool)
    wide = np.flatnonzero((known.str.len() > KEPT_DIGITS).to_numpy(dtype=bool))
    wide = [int(row) for row in wide if _is_wide(known.iloc[row])]
    cuts = {(word[:KEPT_DIGITS], len(word)) for word in words if _is_wide(word)}
    floats = {float(word) for word in words if _is_wide(word)}
    rows = {
        row
        for row in wide
        if (known.iloc[row][:KEPT_DIGITS], len(known.iloc[row])) in cuts
        or float(known.iloc[row]) in floats
    }
    # Whether every large one looks as if it had been a float: one that does, one that does not.
    large = [row for row in wide if int(known.iloc[row]) > EXACT_AS_FLOAT]
    for as_float in (True, False):
        first = (row for row in large if _all_floats(known.iloc[[row]]) == as_float)
        rows |= set(itertools.islice(first, 1))
    for word in filter(is_lost, words):
        whole = _maybe(word, known)
        rows |= set(np.flatnonzero((known == whole).to_numpy(dtype=bool))[:1].tolist())
    return rows | set(np.flatnonzero(alike).tolist())
