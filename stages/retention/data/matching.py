"""Do the files speak of the same customers? How many of each match, and when that is a fault."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import pandas as pd

from retention.core.errors import InputError, shown
from retention.core.vocabulary import MARKET_FILE, MARKET_MONEY
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


def match(file: str, ids: pd.Series, known: pd.Series) -> Match:
    """Return how many distinct `ids` of a file are among the `known` ones."""
    found, others = distinct(ids), distinct(known)
    if found.dtype != others.dtype:
        found, others = (part.astype(str).astype(object) for part in (found, others))
    return Match(file, len(found), int(found.isin(others).sum()))


def match_exports(
    ids: Mapping[str, pd.Series], files: Mapping[str, str], *, least: float
) -> dict[str, dict[str, object]]:
    """Return how many customers of each export the others know.

    Parameters
    ----------
    ids : mapping of str to Series
        The ids in each export, in canonical form (or as the numbers that they are), those in
        quarantine too.
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
        If a file knows too few of the customers, or none.
    """
    customers = ids[BASE]
    partners = dict.fromkeys(ids, BASE) | {BASE: MARKET_MONEY}
    found = {table: match(files[table], ids[table], ids[partners[table]]) for table in ids}
    total = found[BASE].ids
    for table, one in found.items():
        if table == BASE or (one.matched and one.matched >= least * total):
            continue
        share = "none" if not one.matched else f"{one.matched} ({one.matched / total:.1%})"
        raise InputError(
            f"{one.file} knows {share} of the {total} customers of {files[BASE]}, "
            f"params prepare.least_matched asks for {least:.0%}; {files[BASE]} writes ids as "
            f"{shown(_first(customers))}, {one.file} as {shown(_first(ids[table]))}: are both of "
            "one export?"
        )
    return {table: asdict(one) for table, one in found.items()}


def _first(ids: pd.Series) -> str:
    filled = ids[ids.astype("str") != ""]
    return str(filled.iloc[0]) if len(filled) else ""
