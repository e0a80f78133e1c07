"""Whom the next month's exports still know: an export cut short must not turn into drops.

A customer whom a later export lacks is taken for gone: one who spent nothing, or whose outcome is
unknown (``label.absent``). Where far more are absent than leave a shop in a month, it is the export
that lacks them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pandas as pd

from retention.core.errors import InputError
from retention.core.findings import Finding, Level
from retention.core.vocabulary import IDENTITY, MARKET_FILE, MARKET_MONEY
from retention.data.ledger import Ledger
from retention.stats.intervals import exact_share

_SURE = 0.999
"""Coverage of the intervals of two shares of absent customers that must not overlap."""
_JUMP = 2.0
"""Times the share of the other months from which absent customers are far more."""
_LEAST_PAIRS = 3
"""Pairs of months from which one can be held against the others."""


@dataclass(frozen=True)
class Staying:
    """How many customers of a month the next one knows.

    Attributes
    ----------
    table : str
        The export that is asked.
    earlier, later : str
        The months.
    before, stayed : int
        Customers of the earlier month, and those of them whom the later one knows.
    """

    table: str
    earlier: str
    later: str
    before: int
    stayed: int

    @property
    def absent(self) -> int:
        """Customers of the earlier month whom the later one lacks."""
        return self.before - self.stayed


def staying_of(market: Mapping[str, pd.Index], revenue: Mapping[str, Ledger]) -> list[Staying]:
    """Count for each month whom of its customers the next month knows, in both exports that matter.

    Broken rows count: their customers are there. Of market_money only rows of the month itself do,
    for these tell outcomes: a file sorted by month and cut short loses them first.

    Parameters
    ----------
    market : mapping of str to Index
        The distinct customers of each month's market_file, of all of them or of one part.
    revenue : mapping of str to Ledger
        What each month's market_money tells of the same part, see ``ledger.ledger_of``.
    """
    known = {MARKET_FILE: {}, MARKET_MONEY: {}}
    for month in sorted(market):
        known[MARKET_FILE][month] = market[month]
        has_row = revenue[month].has_row
        known[MARKET_MONEY][month] = has_row.index[has_row[month].to_numpy(dtype=bool)]
    return [
        Staying(table, one, other, len(ids[one]), int(ids[one].isin(ids[other]).sum()))
        for table, ids in known.items()
        for one, other in pairwise(ids)
    ]


def staying_together(parts: Sequence[Sequence[Staying]]) -> list[Staying]:
    """Return how many of all customers stay; each is in one part."""
    return [
        replace(
            pairs[0],
            before=sum(pair.before for pair in pairs),
            stayed=sum(pair.stayed for pair in pairs),
        )
        for pairs in zip(*parts, strict=True)
    ]


def refuse_cut_short(
    pairs: list[Staying], files: Mapping[str, Mapping[str, str]], *, least: float
) -> None:
    """Raise an InputError if a month knows too few customers of the month before.

    Parameters
    ----------
    pairs : list of Staying
    files : mapping of str to mapping of str to str
        The files of each month's exports.
    least : float
        Params ``prepare.least_staying``.
    """
    for pair in pairs:
        if pair.stayed >= least * pair.before:
            continue
        earlier, later = (
            f"{month}/{files[month][pair.table]}" for month in (pair.earlier, pair.later)
        )
        raise InputError(
            f"{later} has {pair.stayed} of the {pair.before} customers of {earlier} "
            f"({pair.stayed / pair.before:.0%}), fewer than params prepare.least_staying "
            f"({least:.0%}): is it cut short, or are ids spelled otherwise? "
            "Whoever is absent would be taken for gone"
        )


def many_absent(
    pairs: list[Staying], files: Mapping[str, Mapping[str, str]]
) -> dict[str, list[Finding]]:
    """Return, by the later month, where far more customers are absent than in the other months.

    That is where the share is above twice that of all other months together, and the exact
    intervals of both do not overlap.
    """
    found: dict[str, list[Finding]] = {}
    for pair in pairs:
        others = [one for one in pairs if one.table == pair.table and one != pair]
        if len(others) + 1 < _LEAST_PAIRS or not pair.before:
            continue
        low, _ = exact_share(pair.absent, pair.before, level=_SURE)
        gone, size = sum(one.absent for one in others), sum(one.before for one in others)
        _, high = exact_share(gone, size, level=_SURE)
        share = pair.absent / pair.before
        if low > high and share > _JUMP * gone / size:
            where = (Level.WARNING, files[pair.later][pair.table], IDENTITY)
            finding = Finding(*where, "many_absent", pair.absent, f"{share:.0%}")
            found.setdefault(pair.later, []).append(finding)
    return found
