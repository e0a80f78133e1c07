"""Customer ids: one canonical form, and a refusal where it cannot be known.

Programs write one id in many ways: ``300370``, ``300370.0``, ``300 370``, ``="300370"``. Those
that can mean one id only are read as it. What was lost (digits to an exponent, zeros at the front)
is never guessed: :func:`refuse_other_spellings` names both spellings and stops.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from retention.cells import AROUND, MISSING, SPACES, alike, bare, is_missing, visible
from retention.errors import InputError, shown
from retention.spreadsheets import unguard

_SAFE = r"[A-Za-z0-9_@-]+"
_GROUPED = re.compile(rf"\d{{1,3}}([{SPACES}]\d{{3}})+")
_ZEROS = re.compile(r"(\d+)[.,](0+)")
_EXPONENT = re.compile(r"(\d)(?:[.,](\d*))?[eE]\+?(\d{1,3})")
_MARKED = re.compile(r"\d[.,]\d*[eE]\+?\d+|\d[eE]\+\d+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
KEPT_DIGITS = 15
"""Digits of a whole number that a spreadsheet keeps; the others become zeros."""
MANY_FORMS = 20
"""From so many forms of ids on, letters and digits are taken to be mixed by chance."""


def plain_numbers(ids: pd.Series) -> np.ndarray | None:
    """Return ids as whole numbers where every one is written as such a number is, else None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pa.array(ids, type=pa.string())
    try:
        numbers = pc.cast(text, pa.int64())
    except pa.ArrowInvalid:
        return None
    same = pc.all(pc.equal(pc.cast(numbers, pa.string()), text)).as_py()
    return numbers.to_numpy(zero_copy_only=False) if same and not numbers.null_count else None


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
    suspect |= ids.str.lower().isin(MISSING).to_numpy(dtype=bool)
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
    word, how = bare(visible(text))
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
    exponent = _EXPONENT.fullmatch(word)
    if exponent and _MARKED.fullmatch(word):
        digits, shift = exponent[2] or "", int(exponent[3])
        if len(digits) >= shift and not digits[shift:].strip("0"):
            return exponent[1] + digits[:shift]
    return None


def is_lost(word: str) -> bool:
    """Tell whether an id in its canonical form is a number that lost digits to an exponent."""
    return _MARKED.fullmatch(word) is not None


def form_of(word: str) -> str:
    """Return the form of an id: ``9`` for digits, ``a`` and ``я`` for letters, others stay."""
    if _EMAIL.fullmatch(word):
        return "e-mail"
    numbered = re.sub(r"\d+", "9", word)
    return re.sub(r"[^\W\d_]+", lambda run: "a" if run[0].isascii() else "я", numbered)


def forms_of(ids: pd.Series) -> set[str]:
    """Return every form that the ids have."""
    if plain_numbers(ids) is not None:
        return {"9"} if len(ids) else set()
    return {form_of(word) for word in ids.unique()}


def strange_form(ids: pd.Series, known: pd.Series) -> str:
    """Return the first of `ids` whose form no known id has, or empty text.

    Digits alone may be one digit longer or shorter than the known ones ever are: a shop's numbers
    grow. Where known ids have a great many forms, as random codes do, only what they are made of
    counts.
    """
    forms = forms_of(known)
    digits = known[known.str.fullmatch(r"\d+").to_numpy(dtype=bool)].str.len()
    low, high = (digits.min() - 1, digits.max() + 1) if len(digits) else (0, 0)
    parts = [set(form) for form in forms if form != "e-mail"] if len(forms) > MANY_FORMS else []
    for word in ids:
        form = form_of(word)
        fits = form in forms or any(set(form) <= part for part in parts)
        if not fits or (form == "9" and not low <= len(word) <= high):
            return word
    return ""


def skeleton(word: str) -> str:
    """Return what is left of an id when everything that programs change is taken away.

    Case, look-alike letters, separators and zeros at the front; two ids of one skeleton may be
    one customer or two. Of an e-mail address only case and look-alike letters go.
    """
    text = alike(unicodedata.normalize("NFKC", word))
    if _EMAIL.fullmatch(text):
        return text
    separators = r"[\W_]+" if not re.search(r"[^\W\d_]", text) else r"(?<!\d)[\W_]+|[\W_]+(?!\d)"
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(separators, "", text))


def refuse_other_spellings(files: Mapping[str, pd.Series]) -> None:
    """Raise an InputError if one customer's id seems to be spelled in two ways by two files.

    Only ids that some file lacks are looked at, and two spellings that stand in one file are two
    customers.

    Parameters
    ----------
    files : mapping of str to Series of str
        What to call each file, and the ids in it, in canonical form.

    Raises
    ------
    InputError
        It names both files and both spellings.
    """
    parts = {name: distinct(ids) for name, ids in files.items()}
    if all(part.dtype == "int64" and part.max() < 10**KEPT_DIGITS for part in parts.values()):
        return  # such a number is spelled in one way
    parts = {name: part.astype(str).astype(object) for name, part in parts.items()}
    _refuse_lost(parts)
    every = pd.Index(np.concatenate(list(parts.values()))).unique()
    in_all = np.all([every.isin(part) for part in parts.values()], axis=0)
    loose = pd.Series(every[~in_all], dtype="str")
    if loose.empty:
        return
    if plain_numbers(loose) is None:
        _refuse_groups(parts, loose, loose.map(skeleton), "zeros, separators or look-alike letters")
    wide = loose[loose.str.fullmatch(rf"\d{{{KEPT_DIGITS + 1},}}").to_numpy(dtype=bool)]
    if len(wide):
        cut = wide.str.slice(0, KEPT_DIGITS) + wide.str.len().astype("str").radd("/")
        rounded = wide.str.slice(KEPT_DIGITS).str.fullmatch("0+").to_numpy(dtype=bool)
        some = cut.isin(set(cut[rounded]))
        _refuse_groups(parts, wide[some], cut[some], f"digits behind the {KEPT_DIGITS}th")


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
    found = _EXPONENT.fullmatch(lost)
    if found is None:
        return ""
    start, length = (found[1] + (found[2] or ""))[:3], int(found[3]) + 1
    return next((one for one in others if len(one) == length and one.startswith(start)), "")
