"""Do the files speak of the same customers? How many of each match, and when that is a fault."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from retention.core.errors import InputError
from retention.core.vocabulary import MARKET_FILE, MARKET_MONEY
from retention.data.id_forms import Spellings, refuse_spellings, shown_id, spellings_of
from retention.data.ids import distinct

BASE = MARKET_FILE
"""The export that says who the customers are."""


@dataclass(frozen=True)
class Match:
    """How many ids of a file are those of known customers.

    Attributes
    ----------
    file : str
    ids : int
        Distinct ids in the file.
    matched : int
        Those that are a known customer's.
    """

    file: str
    ids: int
    matched: int

    def __str__(self) -> str:
        return f"{self.file}: matched {self.matched:,} of {self.ids:,} customers"


@dataclass(frozen=True)
class SeenIds:
    """What some of the customers tell of whether the files speak of the same ones.

    Attributes
    ----------
    matches : dict of str to Match
        By export.
    first : dict of str to (int, str)
        The id that stands first in each export, and where; an export without ids has none.
    spellings : Spellings
    """

    matches: dict[str, Match]
    first: dict[str, tuple[int, str]]
    spellings: Spellings


def match(file: str, ids: pd.Series, known: pd.Series) -> Match:
    """Return how many distinct `ids` of a file are among the `known` ones."""
    found, others = distinct(ids), distinct(known)
    if found.dtype != others.dtype:
        found, others = (part.astype(str).astype(object) for part in (found, others))
    return Match(file, len(found), int(found.isin(others).sum()))


def see_ids(ids: pd.Series, places: Mapping[str, np.ndarray], files: Mapping[str, str]) -> SeenIds:
    """Return what customers tell of whether the files speak of the same ones.

    Parameters
    ----------
    ids : Series of int64 or str, length n_customers
        In canonical form, or as the numbers that they are; each customer once.
    places : mapping of str to ndarray of int, shape (n_customers,)
        Where each export has the customer first, in quarantine too; -1 where it does not.
    files : mapping of str to str
        The name of each export's file.
    """
    held = {table: place >= 0 for table, place in places.items()}
    matches, first = {}, {}
    for table, file in files.items():
        known = held[MARKET_MONEY if table == BASE else BASE]
        matches[table] = Match(file, int(held[table].sum()), int((held[table] & known).sum()))
        if held[table].any():
            row = int(np.argmin(np.where(held[table], places[table], np.iinfo("int64").max)))
            first[table] = (int(places[table][row]), str(ids.iloc[row]))
    return SeenIds(matches, first, spellings_of(ids, [places[table] for table in files]))


def check_ids(
    parts: Sequence[SeenIds], files: Mapping[str, str], *, least: float
) -> dict[str, dict[str, object]]:
    """Return how many customers of each export the others know.

    Parameters
    ----------
    parts : sequence of SeenIds
        Of all customers, each in one part.
    files : mapping of str to str
        The name of each export's file.
    least : float
        Share of the customers of the behaviour file that each other file must know, 0 to 1.

    Returns
    -------
    dict
        For each export ``file``, ``ids`` and ``matched``: ids that the behaviour file has, and of
        the behaviour file those that the revenue file has.

    Raises
    ------
    InputError
        If two files spell an id in two ways, or a file knows too few of the customers, or none.
    """
    refuse_spellings(list(files.values()), [part.spellings for part in parts])
    found = {}
    for table, file in files.items():
        told = [part.matches[table] for part in parts]
        found[table] = Match(file, sum(one.ids for one in told), sum(one.matched for one in told))
    total = found[BASE].ids
    for table, one in found.items():
        if table == BASE or (one.matched and one.matched >= least * total):
            continue
        share = "none" if not one.matched else f"{one.matched} ({one.matched / total:.1%})"
        raise InputError(
            f"{one.file} knows {share} of the {total} customers of {files[BASE]}, "
            f"params prepare.least_matched asks for {least:.0%}; {files[BASE]} writes ids as "
            f"{shown_id(_first(parts, BASE))}, {one.file} as {shown_id(_first(parts, table))}: are "
            "both of one export?"
        )
    return {table: asdict(one) for table, one in found.items()}


def _first(parts: Sequence[SeenIds], table: str) -> str:
    """Return the id that stands first in an export."""
    return min((part.first[table] for part in parts if table in part.first), default=(0, ""))[1]
