"""Ration offers by budget and stock: the choice that gains most within the limits.

The multiple-choice knapsack problem: each customer takes at most one offer, the costs stay within
a budget and each offer within its stock. A limit is turned into a price, the marginal of the
linear relaxation (Kellerer, Pferschy & Pisinger 2004, ch. 11); at the right prices everyone takes
the offer that is best for them, and the few who are too many or too few at the margin are mended.
Nothing here knows who will be treated.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

NONE = -1
"""The place of "no offer"."""
MICRO = 1_000_000
"""Costs are counted in millionths, whole numbers, so that a limit is met exactly."""
SAMPLE = 4_000
"""Customers whose linear relaxation gives the prices."""
EXACT = 2_000
"""Pairs of customer and offer up to which the choice is solved exactly."""
NEGLIGIBLE = 1e-5
"""Share of the whole gain below which mending stops."""


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


def allocate(gain: np.ndarray, cost: np.ndarray, limits: Limits) -> np.ndarray:
    """Return the offer of each customer that together gain most within the limits.

    Parameters
    ----------
    gain : ndarray, shape (n_customers, n_offers)
        What an offer gains, its cost taken off; only what is above 0 may be chosen. The rows'
        order breaks ties and gives the sample, so it should be random.
    cost : ndarray of int, shape (n_offers,)
        Cost of an offer, in millionths.
    limits : Limits

    Returns
    -------
    ndarray of int, shape (n_customers,)
        Place of the offer, or :data:`NONE`. Without limits that bind, everyone's best; with few
        customers the optimum; with many, short of it by less than 1 %.
    """
    choice = np.full(len(gain), NONE)
    if not gain.size:
        return choice
    live = np.flatnonzero((gain > 0).any(axis=1))
    part = np.where(gain[live] > 0, gain[live], -np.inf)
    choice[live] = part.argmax(axis=1)
    if _within(choice[live], cost, limits):
        return choice
    solved = None
    if np.isfinite(part).sum() <= EXACT:
        solved = _exact(part, cost, limits)
    if solved is None:
        budget_price, stock_price = prices(part, cost, limits)
        solved = _at_prices(part, cost, budget_price, stock_price)
        solved = _within_stock(solved, part, cost, budget_price, stock_price, limits)
        solved = _within_budget(solved, part, cost, limits)
        solved = _filled(solved, part, cost, limits)
    choice[live] = solved
    return choice


def prices(gain: np.ndarray, cost: np.ndarray, limits: Limits) -> tuple[float, np.ndarray]:
    """Return the price of a unit of cost, and of a piece of each offer, in gain.

    They are the marginals of the linear relaxation for the first :data:`SAMPLE` customers, with
    limits in proportion.
    """
    part = gain[:SAMPLE]
    use, most = _limit_rows(cost, limits)
    value, matrix, right = _program(part, use, most * len(part) / len(gain))
    found = linprog(-value, A_ub=matrix, b_ub=right, bounds=(0, 1), method="highs")
    marginal = -found.ineqlin.marginals[len(part) :]
    price = np.zeros(len(cost))
    limited = np.flatnonzero(limits.stock < UNLIMITED)
    price[limited] = marginal[: len(limited)]
    return (float(marginal[-1]) if limits.budget is not None else 0.0), price


def upper_bound(
    gain: np.ndarray, cost: np.ndarray, limits: Limits, budget_price: float, price: np.ndarray
) -> float:
    """Return a gain that no choice within the limits can pass (the Lagrangian dual's value)."""
    reduced = gain - budget_price * cost / MICRO - price
    limited = limits.stock < UNLIMITED
    most = float((price[limited] * limits.stock[limited]).sum())
    if limits.budget is not None:
        most += budget_price * limits.budget / MICRO
    return most + float(np.maximum(reduced.max(axis=1), 0).sum())


def _within(choice: np.ndarray, cost: np.ndarray, limits: Limits) -> bool:
    taken = _taken(choice, len(cost))
    cheap = limits.budget is None or int((taken * cost).sum()) <= limits.budget
    return cheap and bool((taken <= limits.stock).all())


def _taken(choice: np.ndarray, offers: int) -> np.ndarray:
    return np.bincount(choice[choice >= 0], minlength=offers)


def _limit_rows(cost: np.ndarray, limits: Limits) -> tuple[list[np.ndarray], np.ndarray]:
    """Return, for each limit, what a piece of every offer uses of it, and how much there is."""
    limited = np.flatnonzero(limits.stock < UNLIMITED)
    use = [np.eye(len(cost))[place] for place in limited]
    most = [float(limits.stock[place]) for place in limited]
    if limits.budget is not None:
        use.append(cost / MICRO)
        most.append(limits.budget / MICRO)
    return use, np.array(most)


def _program(
    gain: np.ndarray, use: list[np.ndarray], most: np.ndarray
) -> tuple[np.ndarray, sparse.csr_array, np.ndarray]:
    """Return value, matrix and right side over the pairs of customer and live offer."""
    who, what = np.nonzero(np.isfinite(gain))
    pairs = len(who)
    one_each = sparse.csr_array((np.ones(pairs), (who, np.arange(pairs))), (len(gain), pairs))
    rows = [one_each, *(sparse.csr_array(row[what][None, :]) for row in use)]
    right = np.concatenate([np.ones(len(gain)), most])
    return gain[who, what], sparse.vstack(rows, format="csr"), right


def _exact(gain: np.ndarray, cost: np.ndarray, limits: Limits) -> np.ndarray | None:
    """Return the best choice of all, or None if the search tree grows too large."""
    use, most = _limit_rows(cost, limits)
    value, matrix, right = _program(gain, use, most)
    found = milp(
        -value,
        integrality=np.ones(len(value)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, -np.inf, right),
        # Presolve would print lines of its own.
        options={"mip_rel_gap": 1e-4, "node_limit": 2_000, "presolve": False},
    )
    if found.x is None or not found.success:
        return None
    choice = np.full(len(gain), NONE)
    who, what = np.nonzero(np.isfinite(gain))
    taken = found.x > 0.5
    choice[who[taken]] = what[taken]
    return choice if _within(choice, cost, limits) else None


def _at_prices(
    gain: np.ndarray, cost: np.ndarray, budget_price: float, price: np.ndarray
) -> np.ndarray:
    reduced = gain - budget_price * cost / MICRO - price
    best = reduced.argmax(axis=1)
    return np.where(reduced[np.arange(len(gain)), best] > 0, best, NONE)


def _within_stock(
    choice: np.ndarray,
    gain: np.ndarray,
    cost: np.ndarray,
    budget_price: float,
    price: np.ndarray,
    limits: Limits,
) -> np.ndarray:
    """Leave each offer to those who would lose most without it; the others choose again."""
    reduced = gain - budget_price * cost / MICRO - price
    full: list[int] = []
    while len(over := np.flatnonzero(_taken(choice, len(cost)) > limits.stock)):
        place = int(over[0])
        full.append(place)
        holders = np.flatnonzero(choice == place)
        others = reduced[holders]
        worth = others[:, place].copy()
        others[:, full] = -np.inf
        best = others.argmax(axis=1)
        otherwise = others[np.arange(len(holders)), best]
        order = np.argsort(np.maximum(otherwise, 0) - worth, kind="stable")
        lost = order[limits.stock[place] :]
        choice[holders[lost]] = np.where(otherwise[lost] > 0, best[lost], NONE)
    return choice


def _moves(
    choice: np.ndarray, gain: np.ndarray, cost: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what each move of `rows` (last column: to no offer) adds in gain and in cost."""
    padded = np.column_stack([gain[rows], np.zeros(len(rows))])
    here = choice[rows]  # NONE, -1, is the last column
    prices_of = np.append(cost, 0)
    more_gain = padded - padded[np.arange(len(rows)), here][:, None]
    more_cost = prices_of[None, :] - prices_of[here][:, None]
    return more_gain, more_cost


def _apply(
    choice: np.ndarray, rows: np.ndarray, target: np.ndarray, room: np.ndarray
) -> np.ndarray:
    """Make the moves in their order, each offer up to its room; return which were made."""
    made = np.ones(len(rows), dtype=bool)
    for place in np.unique(target[target >= 0]):
        if room[place] < len(rows):
            into = np.flatnonzero(target == place)
            made[into[room[place] :]] = False
    choice[rows[made]] = target[made]
    return made


def _within_budget(
    choice: np.ndarray, gain: np.ndarray, cost: np.ndarray, limits: Limits
) -> np.ndarray:
    """Move to cheaper offers, or to none, where it costs least gain for a unit saved."""
    if limits.budget is None:
        return choice
    offers = len(cost)
    while (excess := int((_taken(choice, offers) * cost).sum()) - limits.budget) > 0:
        rows = np.flatnonzero(choice >= 0)
        more_gain, more_cost = _moves(choice, gain, cost, rows)
        room = limits.stock - _taken(choice, offers)
        shut = np.append(room <= 0, False)
        with np.errstate(divide="ignore", invalid="ignore"):
            loss = np.where((more_cost < 0) & ~shut, more_gain / more_cost, np.inf)
        best = loss.argmin(axis=1)
        least = loss[np.arange(len(rows)), best]
        order = np.argsort(least, kind="stable")
        order = order[: int(np.isfinite(least).sum())]
        saved = -more_cost[order, best[order]].cumsum()
        order = order[: int(np.searchsorted(saved, excess)) + 1]
        target = np.where(best[order] == offers, NONE, best[order])
        _apply(choice, rows[order], target, room)
    return choice


def _filled(choice: np.ndarray, gain: np.ndarray, cost: np.ndarray, limits: Limits) -> np.ndarray:
    """Spend what is left where it gains most for a unit of cost."""
    offers, rows = len(cost), np.arange(len(gain))
    whole = gain[rows, choice][choice >= 0].sum()
    while True:
        taken = _taken(choice, offers)
        room = limits.stock - taken
        left = UNLIMITED if limits.budget is None else limits.budget - int((taken * cost).sum())
        more_gain, more_cost = _moves(choice, gain, cost, rows)
        shut = np.append(room <= 0, False)
        better = (more_gain > 0) & (more_cost <= left) & ~shut
        rate = np.where(better, more_gain / np.maximum(more_cost, 1), -np.inf)
        best = rate.argmax(axis=1)
        gains = more_gain[np.arange(len(rows)), best]
        able = np.flatnonzero(better[np.arange(len(rows)), best])
        if not len(able):
            return choice
        best, added = best[able], more_cost[able, best[able]]
        order = np.argsort(-rate[able, best], kind="stable")
        spent = np.maximum(added[order], 0).cumsum()
        order = order[: max(int(np.searchsorted(spent, left, side="right")), 1)]
        target = np.where(best[order] == offers, NONE, best[order])
        made = _apply(choice, rows[able[order]], target, room)
        if gains[able[order]][made].sum() < NEGLIGIBLE * whole:
            return choice
        rows = rows[able]
