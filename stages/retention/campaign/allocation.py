"""Hand out offers of limited stock to whoever gains most by them, and mind the money meanwhile.

The multiple-choice knapsack problem: each customer takes at most one offer, the costs stay within
a budget and each offer within its stock. A limit is turned into a price, that of the Lagrangian
dual (Kellerer, Pferschy & Pisinger 2004, ch. 11); at the right prices everyone takes the offer
that is best for them, and no offer is wanted by more than it is there for. The money itself is
spent along the ladder. Nothing here knows who will be treated.
"""

from dataclasses import dataclass

import numpy as np

from retention.campaign.gains import GainTable, RowChoice, chunks, open_to
from retention.campaign.ladder import NO_OFFER, cut_off, make_ladder

MICRO = 1_000_000
"""Costs are counted in millionths, whole numbers, so that a limit is met exactly."""
PRICED = 4_000
"""Customers who tell the prices."""
ROUNDS = 30
"""Times that every price is set anew, at most."""
TIE = 1e-9
"""Share of the greatest gain by which a limited offer goes before an equal one."""
EXACT_PAIRS = 2_000
"""Pairs of customer and offer up to which the choice is solved exactly."""


@dataclass(frozen=True)
class Limits:
    """What may be spent.

    Attributes
    ----------
    budget : int or None
        Sum of the costs at most, in millionths of the unit of profit; None is without limit.
    stock : ndarray of int, shape (n_offers,)
        Pieces of each offer at most; :data:`UNLIMITED` is without limit.
    """

    budget: int | None
    stock: np.ndarray


UNLIMITED = np.iinfo(np.int64).max
"""The stock of an offer that never runs out."""


def micro(amount: float) -> int:
    """Return an amount in millionths, rounded up, so that no limit is passed by rounding."""
    return int(np.ceil(np.round(amount * MICRO, 3)))


def hand_out(gain: GainTable, cost: np.ndarray, limits: Limits) -> np.ndarray:
    """Return the offer that each customer would take at the prices that the limits make.

    Each offer stays within its stock: it goes to those who would lose most without it, and no
    piece is left while it is open to somebody without another limited one. The budget decides by
    its price alone: who is handed an offer need not be able to take it.

    Parameters
    ----------
    gain : GainTable, shape (n_customers, n_offers)
        What an offer gains, its cost taken off, -inf where it is closed. The rows' order breaks
        ties and gives the sample, so it should be random.
    cost : ndarray of int, shape (n_offers,)
        Cost of an offer, in millionths.
    limits : Limits

    Returns
    -------
    ndarray of int, shape (n_customers,)
        Place of the offer, or :data:`NO_OFFER`.
    """
    unit, price = prices(gain, cost, limits)
    if limits.budget is not None and len(gain) > PRICED:
        # Little money reaches too few of a sample to tell its price.
        unit = cut_off(make_ladder(gain, cost, price), limits.budget)
    limited = limits.stock < UNLIMITED
    largest = max((gain[rows].max(initial=0) for rows in chunks(len(gain))), default=0)
    # Where many gain alike, too many are to choose an offer of limited stock rather than too few.
    ahead = np.where(limited, TIE * largest, 0)

    def net(rows: RowChoice) -> np.ndarray:
        return gain[rows] - unit * cost - price + ahead

    choice = np.full(len(gain), NO_OFFER, dtype="int16")
    for rows in chunks(len(gain)):
        worth = net(rows)
        choice[rows] = np.where(worth.max(axis=1) > 0, worth.argmax(axis=1), NO_OFFER)
    full: list[int] = []
    while len(over := np.flatnonzero(_taken(choice, len(cost)) > limits.stock)):
        place = int(over[0])
        full.append(place)
        holders = np.flatnonzero(choice == place)
        loss, instead = np.empty(len(holders)), np.empty(len(holders), dtype="int16")
        for rows in chunks(len(holders)):
            others = net(holders[rows])
            worth = others[:, place].copy()
            others[:, full] = -np.inf
            otherwise = others.max(axis=1)
            loss[rows] = np.maximum(otherwise, 0) - worth
            instead[rows] = np.where(otherwise > 0, others.argmax(axis=1), NO_OFFER)
        lost = np.argsort(loss, kind="stable")[limits.stock[place] :]
        choice[holders[lost]] = instead[lost]
    holds_limited = np.append(limited, False)  # NO_OFFER, -1, is the last
    left = limits.stock - _taken(choice, len(cost))
    for place in np.flatnonzero(limited & (left > 0)):
        takers, losses = [], []
        for rows in chunks(len(gain)):
            worth, has = net(rows), choice[rows]
            wants = np.flatnonzero(np.isfinite(worth[:, place]) & ~holds_limited[has])
            here = np.where(has[wants] == NO_OFFER, 0, worth[wants, has[wants]])
            takers.append(wants + rows.start)
            losses.append(here - worth[wants, place])
        order = np.argsort(np.concatenate(losses), kind="stable")
        choice[np.concatenate(takers)[order[: left[place]]]] = place
    return choice


def prices(gain: GainTable, cost: np.ndarray, limits: Limits) -> tuple[float, np.ndarray]:
    """Return the price of a unit of cost, and of a piece of each offer, in gain.

    Each in its turn becomes the least at which no more is taken than there is, the others as they
    are, until none moves: the dual's descent along its coordinates. The first :data:`PRICED`
    customers tell, with limits in proportion.
    """
    part = gain[:PRICED]
    share = len(part) / max(1, len(gain))
    unit, price = 0.0, np.zeros(len(cost))
    limited = np.flatnonzero(limits.stock < UNLIMITED)
    for _ in range(ROUNDS):
        before = unit, *price
        if limits.budget is not None:
            unit = cut_off(make_ladder(part, cost, price), limits.budget * share)
        for place in limited:
            if (most := int(limits.stock[place] * share)) < len(part):
                net = part - unit * cost - price
                other = np.delete(net, place, axis=1).max(axis=1, initial=0)
                worth = net[:, place] + price[place] - other
                price[place] = max(0.0, np.partition(worth, -1 - most)[-1 - most])
        if before == (unit, *price):
            break
    return unit, price


def optimum(gain: GainTable, cost: np.ndarray, limits: Limits) -> np.ndarray | None:
    """Return the best choice of all; None for more than :data:`EXACT_PAIRS` open offers.

    Where customers are few, a single offer is a good part of the whole, and prices may miss a
    third of the gain. The parameters are those of :func:`hand_out`; every customer has an open
    offer. None, too, where the solver gives up.
    """
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp

    everyone = np.ones(len(gain), dtype=bool)
    if open_to(gain, everyone, len(cost)).sum() > EXACT_PAIRS:
        return None
    gain = gain[:]
    who, what = np.nonzero(np.isfinite(gain))
    choice = gain.argmax(axis=1) if gain.size else np.full(len(gain), NO_OFFER)
    if _within(choice, cost, limits):
        return choice
    limited = np.flatnonzero(limits.stock < UNLIMITED)
    one_each, of_stock = who == np.arange(len(gain))[:, None], what == limited[:, None]
    uses = sparse.csr_array(np.vstack([one_each, of_stock, cost[what] / MICRO]))
    budget = np.inf if limits.budget is None else limits.budget / MICRO
    found = milp(
        -gain[who, what],
        integrality=np.ones(len(who)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(
            uses, -np.inf, np.concatenate([np.ones(len(gain)), limits.stock[limited], [budget]])
        ),
        # Presolve would print lines of its own.
        options={"mip_rel_gap": 1e-4, "node_limit": 2_000, "presolve": False},
    )
    if found.x is None or not found.success:
        return None
    choice = np.full(len(gain), NO_OFFER)
    choice[who[found.x > 0.5]] = what[found.x > 0.5]
    return choice if _within(choice, cost, limits) else None


def _within(choice: np.ndarray, cost: np.ndarray, limits: Limits) -> bool:
    taken = _taken(choice, len(cost))
    cheap = limits.budget is None or int((taken * cost).sum()) <= limits.budget
    return cheap and bool((taken <= limits.stock).all())


def _taken(choice: np.ndarray, offers: int) -> np.ndarray:
    return np.bincount(choice[choice >= 0], minlength=offers)
