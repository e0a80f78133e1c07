"""Which column of a file is which: headers as people, programs and databases write them."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from retention.core.cells import folded_name, look_of_name, odd_letters
from retention.core.errors import InputError, clipped, one_of, shown
from retention.core.findings import Finding, Level

CUT = (62, 63)
"""Bytes to which PostgreSQL cuts a name; one less where a letter of two would not fit."""

_LEFTOVER = re.compile(r"(unnamed: ?\d+( level \d+)?|index|(index )?level \d+)?(\.\d+)?")


def places_of(
    path: Path,
    header: Sequence[str],
    wanted: Mapping[str, Sequence[str]],
    *,
    optional: Collection[str] = (),
    findings: list[Finding],
) -> dict[str, int]:
    """Return where each wanted column stands; say what else the file holds.

    A header counts as a column's if it differs by case, underscores or white space; else, if it
    can stand for no other column, by letters that look alike or by the cut of a database.

    Parameters
    ----------
    path : Path
        For messages.
    header : sequence of str
    wanted : mapping
        Each column's name and the headers that it may have.
    optional : collection of str
        The names of those that may be absent.
    findings : list of Finding
        What was taken for what, and what was left out, is added to it.

    Raises
    ------
    InputError
        If a column is missing, or two claim to be the same.
    """
    places: dict[str, int] = {}
    for how, same in (("header", _same_words), ("odd_header", _same_look), ("cut_header", _cut)):
        for name in (name for name in wanted if name not in places):
            free = [place for place in range(len(header)) if place not in places.values()]
            standing = [
                place for place in free if any(same(header[place], one) for one in wanted[name])
            ]
            if len(standing) > 1:
                names = one_of(shown(header[place]) for place in standing)
                raise InputError(
                    f"{path}: columns {names} all claim to be {name}; keep one of them"
                )
            if standing:
                places[name] = standing[0]
                written = header[standing[0]]
                if written not in wanted[name]:
                    findings.append(Finding(Level.ADVICE, path.name, name, how, 1, written))
    missing = [name for name in wanted if name not in places and name not in optional]
    if missing:
        raise InputError(f"{path} has no column {one_of(missing)}; {_found(header, missing[0])}")
    findings += _left_out(
        path, [name for place, name in enumerate(header) if place not in places.values()]
    )
    return places


def spelling_of(header: str, spellings: Sequence[str]) -> str:
    """Return the one of a column's `spellings` under which a file's header was recognised."""
    for same in (_same_words, _same_look, _cut):
        for spelling in spellings:
            if same(header, spelling):
                return spelling
    return spellings[0]


def _same_words(header: str, name: str) -> bool:
    return folded_name(_apart(header)) == folded_name(_apart(name))


def _same_look(header: str, name: str) -> bool:
    return look_of_name(_apart(header)) == look_of_name(_apart(name))


def _apart(header: str) -> str:
    """Return a header with spaces between its words: ``customer-id`` and ``CustomerID`` too."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header.replace("-", " "))


def _cut(header: str, name: str) -> bool:
    told = header.strip()
    return len(told.encode("utf-8")) in CUT and folded_name(name).startswith(folded_name(told))


def _found(header: Sequence[str], missing: str) -> str:
    """Return which headers were found, and the one that was perhaps meant."""
    looks = {look_of_name(name)[:200]: name for name in header}
    close = difflib.get_close_matches(look_of_name(missing), looks, n=1, cutoff=0.8)
    found = f"found: {one_of(clipped(name) for name in header[:30])}"
    if not close:
        return found
    letters = odd_letters(looks[close[0]])
    mixed = f" (with the {letters} among its letters)" if letters else ""
    return f"{found}; did you mean {shown(looks[close[0]])}{mixed}?"


def _left_out(path: Path, extra: Sequence[str]) -> list[Finding]:
    leftover = [name for name in extra if _LEFTOVER.fullmatch(folded_name(name))]
    others = [name for name in extra if name not in leftover]
    findings = []
    if leftover:
        example = one_of(repr(name) for name in leftover)
        findings.append(
            Finding(Level.ADVICE, path.name, "", "index_column", len(leftover), example)
        )
    if others:
        findings.append(
            Finding(Level.ADVICE, path.name, "", "extra_column", len(others), one_of(others))
        )
    return findings
