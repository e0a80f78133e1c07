"""The simulated shop month after month: customers who stay, arrive, give warning, fall and leave.

Every month is drawn from its own seed, and each customer's luck from the month's: so the first
months of a long life are those of a short one, and a campaign changes whom it reaches, no one else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from retention.core.months import shifted
from retention.core.params import Simulate
from retention.core.vocabulary import PROFIT, REVENUE
from simulation.life import REVENUE_LUCK, State, next_state, revenue_part, usual_customers
from simulation.shop import FIRST_ID

FIRST_MONTH = "2025-05"
"""The first month that is exported; eighteen end in 2026-10."""
HISTORY = len(REVENUE) - 1
"""Months before the first one, of which its export still tells revenue."""

USUAL_REVENUE = (5000.0, 0.12)
"""Usual revenue a month, in money: its mean, and the standard deviation of its log."""
PREMIUM_SHARE = 0.28
"""Share of customers whose types are the premium ones."""
PERSISTENCE: Mapping[str, float] = {
    "service": 1.0,
    "consent": 1.0,
    "favourite_category": 0.999,
    "promo_share": 0.97,
    "contacts_6m": 0.9,
    "contacts_now": 0.3,
    "categories_per_visit": 0.7,
    "unpaid_items": 0.7,
    "service_errors": 0.7,
    "pages_per_visit": 0.7,
    "minutes_m0": 0.7,
    PROFIT: 0.9,
}
"""Correlation of a customer's place among others of the same type with that a month before."""
RESTATED_SHARE = 0.002
"""Share of amounts of revenue of which the next export tells more."""
_SALT = 2
"""Keeps the draws of months apart from those of the single snapshot."""


@dataclass(frozen=True)
class ShopOfMonths:
    """The life of a simulated shop: a row of the arrays a month, a column a customer.

    The first :data:`HISTORY` rows are the months before the first export. A customer is there from
    the month of arrival on, in rows before it cells mean nothing.

    Attributes
    ----------
    months : tuple of str
        The months that are exported.
    ids : ndarray of int, shape (n_customers,)
    arrived : ndarray of int, shape (n_customers,)
        Row of the month of the first purchase; below 0 before the first row.
    level, day : ndarray, shape (n_customers,)
        Usual revenue, and the day of the month of the registration.
    premium : ndarray of bool, shape (n_customers,)
    state : ndarray of int, shape (n_months, n_customers)
        :class:`simulation.life.State`.
    luck : ndarray, shape (n_months, n_customers)
        Decides the next state, uniform in [0, 1).
    noise : ndarray, shape (n_months, n_customers)
        What luck makes of a month's revenue, 1 in the mean.
    places : mapping of str to ndarray, shape (n_months, n_customers)
        Place among the customers of the same type, as a standard normal number, by column.
    restated : ndarray of bool, shape (n_months, n_customers)
        Whether the first export of the month's revenue tells too little.
    season, trend : ndarray, shape (n_months,)
        What the calendar makes of revenue and minutes, and drift of pages and minutes.
    """

    months: tuple[str, ...]
    ids: np.ndarray
    arrived: np.ndarray
    level: np.ndarray
    day: np.ndarray
    premium: np.ndarray
    state: np.ndarray
    luck: np.ndarray
    noise: np.ndarray
    places: Mapping[str, np.ndarray]
    restated: np.ndarray
    season: np.ndarray
    trend: np.ndarray

    def row(self, month: str) -> int:
        """Return the row of an exported month."""
        return HISTORY + self.months.index(month)

    def is_there(self, row: int) -> np.ndarray:
        """Tell who is a customer in the month of a row."""
        return (self.arrived <= row) & (self.state[row] != State.GONE)


def simulate_months(options: Simulate) -> ShopOfMonths:
    """Simulate `options.months` months of a shop of `options.customers` customers.

    As many arrive as leave. The first months do not depend on how many follow.
    """
    grown = _Growing(options.customers, options.seed)
    rows = HISTORY + options.months
    for row in range(rows):
        grown.live(row)
    numbers = np.arange(rows) - HISTORY
    of_year = np.array([int(shifted(FIRST_MONTH, int(n))[5:]) for n in numbers])
    return ShopOfMonths(
        months=tuple(shifted(FIRST_MONTH, n) for n in range(options.months)),
        ids=grown.ids(),
        arrived=np.concatenate(grown.arrived),
        level=np.concatenate(grown.level),
        day=np.concatenate(grown.day),
        premium=np.concatenate(grown.premium),
        state=_even(grown.state),
        luck=_even(grown.luck),
        noise=_even(grown.noise),
        places={name: _even(rows) for name, rows in grown.places.items()},
        restated=_even(grown.restated),
        season=1 + options.season * np.sin(2 * np.pi * (of_year - 9) / 12),
        trend=(1 + options.drift) ** numbers,
    )


class _Growing:
    """A shop that lives a month at a time; each list has a part a month."""

    def __init__(self, customers: int, seed: int) -> None:
        self.customers, self.seed = customers, seed
        self.arrived: list[np.ndarray] = []
        self.level: list[np.ndarray] = []
        self.day: list[np.ndarray] = []
        self.premium: list[np.ndarray] = []
        self.gaps: list[np.ndarray] = []
        self.state: list[np.ndarray] = []
        self.luck: list[np.ndarray] = []
        self.noise: list[np.ndarray] = []
        self.restated: list[np.ndarray] = []
        self.places: dict[str, list[np.ndarray]] = {name: [] for name in PERSISTENCE}

    def ids(self) -> np.ndarray:
        """Return the ids, which ascend with gaps, the newest customers last."""
        return FIRST_ID - 1 + np.cumsum(1 + (np.concatenate(self.gaps) < 0.25))

    def live(self, row: int) -> None:
        """Add a month."""
        rng = np.random.default_rng([self.seed, _SALT, row])
        known = len(self.state[-1]) if row else 0
        luck = rng.random(known)
        state = next_state(self.state[-1], luck) if row else np.zeros(0, dtype="int8")
        new = self.customers - int((state != State.GONE).sum())
        self._arrive(row, new, rng)
        state = np.concatenate([state, self._first_states(row, new, rng)])
        self.state.append(state)
        self.luck.append(np.concatenate([luck, np.zeros(new)]))
        normal = rng.standard_normal(len(state))
        self.noise.append(np.exp(REVENUE_LUCK * normal - REVENUE_LUCK**2 / 2))
        self.restated.append(rng.random(len(state)) < RESTATED_SHARE)
        for name, kept in PERSISTENCE.items():
            drawn = rng.standard_normal(len(state))
            if row:
                before = self.places[name][-1]
                drawn[:known] = kept * before + np.sqrt(1 - kept**2) * drawn[:known]
            self.places[name].append(drawn)

    def _arrive(self, row: int, new: int, rng: np.random.Generator) -> None:
        mean, spread = USUAL_REVENUE
        self.arrived.append(np.full(new, row))
        self.level.append(mean * np.exp(spread * rng.standard_normal(new) - spread**2 / 2))
        self.day.append(rng.integers(1, 29, size=new))
        self.premium.append(rng.random(new) < PREMIUM_SHARE)
        self.gaps.append(rng.random(new))

    def _first_states(self, row: int, new: int, rng: np.random.Generator) -> np.ndarray:
        if row:
            return np.zeros(new, dtype="int8")
        state, age = usual_customers(rng.random(new))
        self.arrived[0] = -age
        return state


def _even(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Return the months below one another, those not yet there as zeros."""
    made = np.zeros((len(rows), len(rows[-1])), dtype=rows[0].dtype)
    for row, cells in enumerate(rows):
        made[row, : len(cells)] = cells
    return made


def with_campaigns(shop: ShopOfMonths, protected: np.ndarray) -> ShopOfMonths:
    """Return the shop as it would be if some customers did not fall in some months.

    Parameters
    ----------
    shop : ShopOfMonths
    protected : ndarray of bool, shape (n_months, n_customers)
        Where a customer neither buys less nor leaves, whatever the luck. Afterwards the same
        luck leads on from there. Who arrives stays as it was.
    """
    state = shop.state.copy()
    for row in range(1, len(state)):
        old = np.flatnonzero(shop.arrived < row)
        state[row, old] = next_state(state[row - 1, old], shop.luck[row, old])
        falls = protected[row] & (state[row] >= State.LOW) & (state[row - 1] != State.GONE)
        state[row, falls] = State.LOYAL
    return replace(shop, state=state)


def revenue_of(shop: ShopOfMonths) -> np.ndarray:
    """Return everyone's revenue of every month as a part of the level, without the season.

    Returns
    -------
    ndarray, shape (n_months, n_customers)
        What a drop is judged by; 0 before the first purchase and after the last.
    """
    there = shop.arrived <= np.arange(len(shop.state))[:, None]
    return np.where(there, revenue_part(shop.state) * shop.noise, 0.0)
