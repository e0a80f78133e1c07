"""One cut-off for everyone: each customer's offers as a ladder, climbed as far as money reaches.

A rung is a move to a dearer offer, worth the gain that it adds for a unit of cost. Rungs worth
less than the ones before are the linear relaxation's hull (Kellerer, Pferschy & Pisinger 2004,
ch. 11). All customers climb the rungs above one worth, treated and untouched alike; it is lowered
until the cost of the treated would pass the budget.
"""

from dataclasses import dataclass

import numpy as np

from retention.campaign.gains import GainTable, chunks

NO_OFFER = -1
"""The place of "no offer"."""


@dataclass(frozen=True)
class Ladder:
    """Rungs of all customers, the one worth most first.

    Attributes
    ----------
    start : ndarray of int, shape (n_customers,)
        The best offer that costs nothing, or ``NO_OFFER``.
    row, place, cost : ndarray of int, shape (n_rungs,)
        Customer, offer that the rung leads to, and what it adds in cost (millionths).
    worth : ndarray, shape (n_rungs,)
        What the rung adds in gain for a unit of its cost.
    """

    start: np.ndarray
    row: np.ndarray
    place: np.ndarray
    cost: np.ndarray
    worth: np.ndarray


def make_ladder(gain: GainTable, cost: np.ndarray, price: np.ndarray | float = 0.0) -> Ladder:
    """Return the ladder of offers.

    Parameters
    ----------
    gain : GainTable, shape (n_customers, n_offers)
        Expected gain; only what is above 0 may be chosen.
    cost : ndarray of int, shape (n_offers,)
        In millionths.
    price : ndarray, shape (n_offers,)
        What is taken off the gain of an offer.
    """
    start = np.full(len(gain), NO_OFFER, dtype="int16")
    rounds: list[list[_Rungs]] = []
    for rows in chunks(len(gain) if len(cost) else 0):
        start[rows], found = _rungs(gain[rows] - price, cost, rows.start)
        for place, rungs in enumerate(found):
            if place == len(rounds):
                rounds.append([])
            rounds[place].append(rungs)
    # First rungs before second ones, so that among rungs worth alike a later one stands later.
    every = [rungs for of_round in rounds for rungs in of_round]
    if not every:
        nobody = np.empty(0, dtype="int64")
        return Ladder(start, nobody, nobody, nobody, np.empty(0))
    row, place, added, worth = (np.concatenate(part) for part in zip(*every, strict=True))
    order = np.argsort(-worth, kind="stable")
    return Ladder(start, row[order], place[order], added[order], worth[order])


_Rungs = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Row, place, added cost and worth."""


def _rungs(gain: np.ndarray, cost: np.ndarray, first: int) -> tuple[np.ndarray, list[_Rungs]]:
    """Return where each customer starts, and the rungs of each round; rows count from `first`."""
    free = np.where((cost == 0) & (gain > 0), gain, -np.inf)
    start = free.argmax(axis=1)
    have = np.maximum(free[np.arange(len(gain)), start], 0.0)
    start[have <= 0] = NO_OFFER
    rows, at, worth = np.arange(len(gain)), np.zeros(len(gain), dtype="int64"), None
    found = []
    while len(rows):
        more_gain, more_cost = gain[rows] - have[:, None], cost - at[:, None]
        open_ = (more_gain > 0) & (more_cost > 0)
        rate = np.where(open_, more_gain, -np.inf) / np.maximum(more_cost, 1)
        place = rate.argmax(axis=1)
        best = rate[np.arange(len(rows)), place]
        # Rounding must not put a later rung before an earlier one.
        best = best if worth is None else np.minimum(best, worth)
        goes = np.isfinite(best)
        rows, place, worth = rows[goes], place[goes], best[goes]
        added = cost[place] - at[goes]
        found.append(((rows + first).astype("int32"), place.astype("int16"), added, worth))
        have, at = gain[rows, place], cost[place]
    return start, found


def climb(ladder: Ladder, treated: np.ndarray, budget: int | None) -> np.ndarray:
    """Return each customer's offer, or ``NO_OFFER``, when the treated cost `budget` at most.

    Parameters
    ----------
    ladder : Ladder
    treated : ndarray of bool, shape (n_customers,)
    budget : int or None
        In millionths; None is without limit.
    """
    choice = ladder.start.copy()
    rungs = len(ladder.row)
    if budget is not None:
        pays = treated[ladder.row]
        spent = (ladder.cost * pays).cumsum()
        reached = int(np.searchsorted(spent, budget, side="right"))
        if reached < rungs:
            # The cut-off is the last treated customer's: with no money, nobody is on the list.
            rungs = int((np.flatnonzero(pays[:reached]) + 1).max(initial=0))
    # A customer's later rung stands later, and the last of several assignments holds.
    choice[ladder.row[:rungs]] = ladder.place[:rungs]
    return choice


def climb_on(ladder: Ladder, budget: int | None) -> np.ndarray:
    """Return each customer's offer where everybody is treated: who can be paid climbs on.

    As :func:`climb`, and beyond the cut-off every rung that what is left still pays.
    """
    choice = climb(ladder, np.ones(len(ladder.start), dtype=bool), budget)
    spent = np.append(0, ladder.cost.cumsum())
    if budget is None or budget >= spent[-1]:
        return choice
    reached = int(np.searchsorted(spent, budget, side="right")) - 1
    left, rest = budget - spent[reached], np.arange(reached, len(ladder.row))
    while len(rest):
        # A customer's next rung; one that cannot be paid now never can, nor can those above it.
        following = rest[np.sort(np.unique(ladder.row[rest], return_index=True)[1])]
        payable = following[ladder.cost[following] <= left]
        made = payable[ladder.cost[payable].cumsum() <= left]
        choice[ladder.row[made]] = ladder.place[made]
        left -= int(ladder.cost[made].sum())
        rest = rest[np.isin(ladder.row[rest], ladder.row[payable]) & ~np.isin(rest, made)]
    return choice


def cut_off(ladder: Ladder, budget: float) -> float:
    """Return the worth of the first rung that a budget does not reach, 0 where it reaches all.

    Parameters
    ----------
    ladder : Ladder
    budget : float
        For everyone, in millionths.
    """
    reached = int(np.searchsorted(ladder.cost.cumsum(), budget, side="right"))
    return float(ladder.worth[reached]) if reached < len(ladder.worth) else 0.0
