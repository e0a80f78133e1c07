"""Why an offer is made to nobody: the condition at which the last customer falls."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from retention.campaign.eligibility import Conditions, expected_gains
from retention.campaign.offers import ANY, Offer

WHY_IDLE = (
    "rule",
    "reason",
    "category",
    "consent",
    "contact_cap",
    "suppressed",
    "in_campaign",
    "resting",
    "low_risk",
    "gain",
    "low_gain",
    "out_of_stock",
    "others",
    "over_budget",
    "global_control",
)
"""In the order in which it is asked."""


@dataclass(frozen=True)
class Idle:
    """An offer that nobody gets.

    Attributes
    ----------
    why : str
        One of :data:`WHY_IDLE`.
    left : int
        Customers whom everything before that lets pass.
    named : int or None
        Customers of the audience of whom its reason is one; None where any reason will do.
    best_gain : float or None
        The most that it is expected to gain with any of those left, where the gain decides.
    """

    why: str
    left: int
    named: int | None
    best_gain: float | None


@dataclass(frozen=True)
class Reach:
    """How far an offer reaches into some customers.

    Attributes
    ----------
    named : int or None
        Customers of whom its reason is one; None where any reason will do.
    left : tuple of int
        Customers before the first condition of ``Conditions.of``, and behind each of them.
    best_gain : float or None
        The most that it is expected to gain with any of those behind the last; None without any.
    worthy, best_of_all : int
        Of those behind the last: with whom it gains enough, and no other open offer as much.
    """

    named: int | None
    left: tuple[int, ...]
    best_gain: float | None
    worthy: int
    best_of_all: int

    def __add__(self, other: "Reach") -> "Reach":
        """Return how far it reaches into the customers of both."""
        gains = [one.best_gain for one in (self, other) if one.best_gain is not None]
        return Reach(
            None if self.named is None else self.named + (other.named or 0),
            tuple(one + more for one, more in zip(self.left, other.left, strict=True)),
            max(gains, default=None),
            self.worthy + other.worthy,
            self.best_of_all + other.best_of_all,
        )


def reaches(
    offers: Sequence[Offer],
    gain: np.ndarray,
    conditions: Conditions,
    *,
    months: float,
    lost: float,
) -> list[Reach]:
    """Return how far each offer reaches.

    Parameters
    ----------
    offers : sequence of Offer
    gain : ndarray, shape (n_customers, n_offers)
        As ``eligibility.open_offers`` gives it.
    conditions : Conditions
    months, lost : float
        As ``eligibility.open_offers`` takes them.
    """
    found = []
    best_place = gain.argmax(axis=1) if offers else np.zeros(len(gain), dtype=int)
    most = gain.max(axis=1, initial=-np.inf)
    alone = np.isfinite(most) & ((gain == most[:, None]).sum(axis=1) == 1)
    for place, offer in enumerate(offers):
        left = np.ones(len(gain), dtype=bool)
        counts = [len(gain)]
        for passes in conditions.of(offer).values():
            left &= passes
            counts.append(int(left.sum()))
        worth = expected_gains(conditions.audience, offer, months=months, lost=lost)
        best = float(worth[left].max()) if left.any() else None
        named = None if offer.reason == ANY else int(conditions.named(offer.reason).sum())
        left &= conditions.is_enough(worth)
        leads = int((left & alone & (best_place == place)).sum())
        found.append(Reach(named, tuple(counts), best, int(left.sum()), leads))
    return found


def idle_offers(
    offers: Sequence[Offer],
    used: Collection[int],
    reach: Sequence[Reach],
    *,
    recorded: Collection[int] = (),
) -> dict[str, dict[str, Any]]:
    """Return why each offer that is made to nobody is not, by its code.

    Parameters
    ----------
    offers : sequence of Offer
    used : collection of int
        Places of the offers that somebody gets, of either arm.
    reach : sequence of Reach
        How far each offer reaches into the audience.
    recorded : collection of int
        Places of the offers that a member of the global control group would have got.
    """
    return {
        offer.code: asdict(why_idle(offer, reach[place], recorded=place in recorded))
        for place, offer in enumerate(offers)
        if place not in used
    }


def why_idle(offer: Offer, reach: Reach, *, recorded: bool = False) -> Idle:
    """Return why an offer that is made to nobody is not, by how far it reaches.

    Parameters
    ----------
    offer : Offer
    reach : Reach
        Into the whole audience.
    recorded : bool
        Whether a member of the global control group would have got it.
    """
    for why, before, behind in zip(WHY_IDLE, reach.left[:-1], reach.left[1:], strict=False):
        if not behind:
            return Idle(why, before, reach.named, None)
    best = reach.best_gain
    if best is None or best <= 0:
        return Idle("gain", reach.left[-1], reach.named, best)
    if not reach.worthy:
        return Idle("low_gain", reach.left[-1], reach.named, best)
    why = "over_budget"  # it gains most with somebody, and there are pieces
    if recorded:
        why = "global_control"
    elif offer.stock == 0:
        why = "out_of_stock"
    elif not reach.best_of_all:
        why = "others"
    return Idle(why, reach.worthy, reach.named, best)
