"""Addresses of customers: read when a mailing is made, and quoted nowhere.

No message of this module shows a cell, a header or an id of the file: any of them may be somebody's
address, as where the columns were swapped. What is wrong is told by counts and lines.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from retention.core.cells import bare, is_missing, odd_letters
from retention.core.columns import Columns
from retention.core.errors import InputError
from retention.core.spreadsheets import unguard
from retention.core.vocabulary import IDENTITY, MARKET_FILE
from retention.data.coded import Coded
from retention.data.ids import clean_ids
from retention.data.reader import OpenExport, Rows, open_export

_PARAM = "params campaign.contacts"
_HEADERS = {
    "email": [
        *("e-mail", "e mail", "mail", "email address", "e-mail address"),
        *("почта", "эл. почта", "электронная почта", "адрес электронной почты", "емейл"),
    ],
    "phone": [
        *("phone number", "mobile", "mobile phone", "mobilephone", "tel", "cell phone"),
        *("телефон", "номер телефона", "мобильный", "мобильный телефон", "тел"),
    ],
}
"""Other headers of each kind of address."""
ADDRESS_KINDS = tuple(_HEADERS)
_Read = TypeVar("_Read")

_LABEL = r"[^\W_](?:[^\W_]|-(?!\.)){0,62}"
_ADDRESS = re.compile(
    rf"[a-z0-9_](?:[a-z0-9_%+-]|\.(?![.@])){{0,63}}@(?:{_LABEL}\.)+[^\W\d_]{{2,24}}"
)
_LIKE_EMAIL = re.compile(r"[^\s,;:<>()\[\]\"|/]+@[^\s,;:<>()\[\]\"|/?]+")
_AROUND_DIGITS = re.compile(r"[\s().\-\u2010-\u2015]+")
_RUSSIAN = re.compile(r"[78]\d{10}")
_INTERNATIONAL = re.compile(r"\+[1-9]\d{7,14}")
"""Numbers as ITU-T E.164 has them: 15 digits at most, the country's first."""


@dataclass(frozen=True)
class Contacts:
    """Addresses of some customers.

    Attributes
    ----------
    table : DataFrame, index customer_id
        ``email`` and ``phone`` (digits, the country's first) of whoever has one that is certain;
        empty text where there is none.
    left_out : dict of str to int
        How many have none, by the first of these that holds: ``several`` (the file has two of one
        kind), ``shared`` (another customer has it too), ``malformed``, ``no_address``.
    malformed_beside : int
        Of how many in `table` the other address is malformed.
    """

    table: pd.DataFrame
    left_out: dict[str, int]
    malformed_beside: int


def email_of(word: str) -> str | None:
    """Return an e-mail address in lower case, empty text of an empty cell, None of no address.

    Only what every mailing service takes is one: a plain local part (RFC 5321, 64 letters at most),
    a domain with a dot, no mixture of alphabets that look alike.
    """
    told = unguard(bare(word)[0]).strip("'<> ")
    if not told or is_missing(told):
        return ""
    plain = told.casefold()
    whole = _ADDRESS.fullmatch(plain) and len(plain) <= 254
    return plain if whole and (plain.isascii() or not odd_letters(plain)) else None


def phone_of(word: str) -> str | None:
    """Return a phone number as digits, the country's first; as :func:`email_of` otherwise.

    A number without ``+`` is one of Russia: eleven digits, of which the first is 7, or the 8 that
    is dialled within the country. Any other length could be of any country and is not guessed.
    """
    told = unguard(bare(word)[0]).strip("' ")
    if not told or is_missing(told):
        return ""
    digits = _AROUND_DIGITS.sub("", re.sub(r"[.,]0+$", "", told))
    if _RUSSIAN.fullmatch(digits):
        return f"7{digits[1:]}"
    return digits[1:] if _INTERNATIONAL.fullmatch(digits) else None


def _email_key(address: str) -> str:
    """Return what an address is compared by: its domain as the network writes it (punycode)."""
    local, _, domain = address.casefold().rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:  # no domain that could be written so
        return f"{local}@{domain}"


def _phone_key(number: str) -> str:
    """Return what a number is compared by: its last ten digits, whatever the country's before."""
    return re.sub(r"\D", "", number)[-10:]


_COMPARED: dict[str, Callable[[str], str]] = {"email": _email_key, "phone": _phone_key}


def _may_mean(word: str) -> list[tuple[str, str]]:
    """Return the addresses that a malformed cell may name, by kind, each as it is compared."""
    told = unguard(bare(word)[0])
    emails = {found.strip(".'!?*=") for found in _LIKE_EMAIL.findall(told)}
    phones = {_phone_key(part) for part in (told, *re.split(r"[,;/|]|\s{2,}", told))}
    found = {("email", _email_key(one)) for one in emails}
    return sorted(found | {("phone", one) for one in phones if len(one) == 10})


_MEANT: dict[str, Callable[[str], str | None]] = {"email": email_of, "phone": phone_of}


def read_contacts(path: Path, wanted: Collection[str], *, columns: Columns) -> Contacts:
    """Return the addresses of some customers, each of which is certainly the customer's alone.

    Whether an address is another customer's too is asked of the whole file: who shares one with
    somebody who must not be contacted is not written to.

    Parameters
    ----------
    path : Path
        A table with ``customer_id`` and ``email``, ``phone`` or both, in any dialect of an export.
    wanted : collection of str
        Ids of the customers who are to be written to, in canonical form.
    columns : Columns
        The data dictionary: what exports call the id.

    Raises
    ------
    InputError
        If the file is not there, cannot be read for certain, or knows none of the customers.
    """
    place = f"{path} ({_PARAM})"
    if not path.exists():
        raise InputError(f"{place} is missing; empty it there to send ids only")
    opened = _without_a_word(partial(_open, path, columns), place)
    if not set(ADDRESS_KINDS) & set(opened.places):
        raise InputError(f"{place} has no column email and none phone; valid: either, or both")
    sought = pd.Index(sorted(wanted), dtype=object)  # looked up in each block, hashed once
    mine, others, broken = _without_a_word(
        lambda: opened.through(partial(_gather, wanted=sought), may_be_empty=True), place
    )
    if broken:
        raise InputError(
            f"{place}: of its rows {len(broken)} cannot be read, the first in line {min(broken)}; "
            "valid: as many cells in each row as in the header, quotes that close"
        )
    if len(wanted) and not len(mine):
        raise InputError(
            f"{place} knows none of the {len(wanted):,} customers who are to get a message: are "
            "its ids those of the exports?"
        )
    return _certain(mine, others, wanted)


def _without_a_word(read: Callable[[], _Read], place: str) -> _Read:
    """Return what `read` returns; whatever it raises of the file's content is told without it."""
    try:
        return read()
    except MemoryError:
        raise
    except Exception as fault:
        if isinstance(fault, OSError) and fault.errno:
            raise  # the disk: it names the file
    # Not within the except: no traceback may show the first fault beside this one.
    raise InputError(
        f"{place} cannot be read (its content is not shown, since it holds addresses); valid: a "
        f"table with the headers {IDENTITY} and email, phone or both, in UTF-8, a customer a row"
    )


def _open(path: Path, columns: Columns) -> OpenExport:
    ids = columns.wanted(MARKET_FILE)[0]
    aliases = {IDENTITY: [name for name in ids if name != IDENTITY], **_HEADERS}
    return open_export(
        path, ADDRESS_KINDS, identity=IDENTITY, aliases=aliases, optional=ADDRESS_KINDS
    )


def _gather(
    blocks: Iterator[Rows], *, wanted: pd.Index
) -> tuple[pd.DataFrame, dict[str, np.ndarray], list[int]]:
    """Return the rows of those wanted, the hashed addresses of all others, and lines not read."""
    mine, broken = [], []
    others: dict[str, list[np.ndarray]] = {kind: [] for kind in ADDRESS_KINDS}
    for block in blocks:
        broken += block.ragged["line"].tolist()
        rows = _addresses(block)
        some = wanted.get_indexer(rows[IDENTITY].to_numpy(dtype=object)) >= 0
        mine.append(rows[some])
        for kind in ADDRESS_KINDS:
            others[kind].append(_hashed(_used(rows[~some], kind)["key"]))
    held = {
        kind: np.unique(np.concatenate([np.zeros(0, "uint64"), *others[kind]]))
        for kind in ADDRESS_KINDS
    }
    none = pd.DataFrame(columns=[IDENTITY, *ADDRESS_KINDS, "malformed", "may_mean"])
    return pd.concat(mine, ignore_index=True) if mine else none, held, broken


def _addresses(block: Rows) -> pd.DataFrame:
    """Return ids and addresses of a block's rows, and whether an address is malformed."""
    ids = clean_ids(block.ids.to_pandas())[0]
    found = {IDENTITY: ids.reset_index(drop=True)}
    malformed = np.zeros(len(ids), dtype=bool)
    may_mean = np.full(len(ids), None, dtype=object)
    for kind in ADDRESS_KINDS:
        if kind not in block.columns:
            found[kind] = pd.Series("", found[IDENTITY].index)
            continue
        cells = Coded.of(block.columns[kind])
        read = [_MEANT[kind](word) for word in cells.words]
        odd = cells.rows([word is None for word in read])
        malformed |= odd
        for row in np.flatnonzero(odd):
            cell = cells.words[cells.codes[row]]
            may_mean[row] = [*(may_mean[row] or []), *_may_mean(cell)]
        words = np.array([word or "" for word in read], dtype=object)
        found[kind] = pd.Series(words[cells.codes], dtype=object)
    return pd.DataFrame(found | {"malformed": malformed, "may_mean": may_mean})[block.kept]


def _used(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return whose which addresses of a kind are or, of malformed cells, may be: id and ``key``."""
    told = rows.loc[(rows[kind] != "").to_numpy(dtype=bool), [IDENTITY, kind]]
    sure = pd.DataFrame({IDENTITY: told[IDENTITY], "key": told[kind].map(_COMPARED[kind])})
    odd = rows.loc[rows["may_mean"].notna().to_numpy(dtype=bool), [IDENTITY, "may_mean"]]
    maybe = [
        (one, key)
        for one, found in odd.itertuples(index=False)
        for of_kind, key in found
        if of_kind == kind
    ]
    more = pd.DataFrame(maybe, columns=[IDENTITY, "key"], dtype=object)
    return pd.concat([sure.astype(object), more], ignore_index=True).drop_duplicates()


def _hashed(addresses: pd.Series) -> np.ndarray:
    return pd.util.hash_array(addresses.to_numpy(dtype=object))


def _certain(
    rows: pd.DataFrame, others: dict[str, np.ndarray], wanted: Collection[str]
) -> Contacts:
    """Return the addresses that are one customer's alone, and what became of everyone else."""
    ids = pd.Index(sorted(wanted), name=IDENTITY)
    several, shared = set(), set()
    table = pd.DataFrame("", ids, list(ADDRESS_KINDS))
    for kind in ADDRESS_KINDS:
        told = rows.loc[rows[kind] != "", [IDENTITY, kind]].drop_duplicates()
        key, used = told[kind].map(_COMPARED[kind]).astype(object), _used(rows, kind)["key"]
        several.update(told.loc[told[IDENTITY].duplicated(), IDENTITY])
        twice = key.isin(used[used.duplicated()]).to_numpy(dtype=bool)
        shared.update(told.loc[twice | np.isin(_hashed(key), others[kind]), IDENTITY])
        first = told.drop_duplicates(IDENTITY).set_index(IDENTITY)[kind]
        table[kind] = first.reindex(ids).fillna("")
    bad = ids.isin(rows.loc[rows["malformed"].astype(bool), IDENTITY])
    empty = (table == "").all(axis=1).to_numpy()
    reasons = {
        "several": ids.isin(several),
        "shared": ids.isin(shared),
        "malformed": empty & bad,
        "no_address": empty,
    }
    why = np.select(list(reasons.values()), list(reasons), "")
    left_out = {reason: int((why == reason).sum()) for reason in reasons}
    return Contacts(table[why == ""], left_out, int((bad & (why == "")).sum()))
