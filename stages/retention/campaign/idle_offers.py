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
    "gain",
    "out_of_stock",
    "others",
    "over_budget",
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


def idle_offers(
    offers: Sequence[Offer],
    used: Collection[int],
    gain: np.ndarray,
    conditions: Conditions,
    *,
    months: float,
    lost: float,
) -> dict[str, dict[str, Any]]:
    """Return why each offer that is made to nobody is not, by its code.

    Parameters
    ----------
    offers : sequence of Offer
    used : collection of int
        Places of the offers that somebody gets, of either arm.
    gain : ndarray, shape (n_customers, n_offers)
        As ``eligibility.open_offers`` gives it.
    conditions : Conditions
    months, lost : float
        As ``eligibility.open_offers`` takes them.
    """
    found = {}
    for place, offer in enumerate(offers):
        if place in used:
            continue
        others = np.delete(gain, place, axis=1).max(axis=1, initial=-np.inf)
        worth = expected_gains(conditions.audience, offer, months=months, lost=lost)
        idle = why_idle(offer, conditions, worth=worth, is_best=gain[:, place] > others)
        found[offer.code] = asdict(idle)
    return found


def why_idle(
    offer: Offer, conditions: Conditions, *, worth: np.ndarray, is_best: np.ndarray
) -> Idle:
    """Return why an offer that is made to nobody is not.

    Parameters
    ----------
    offer : Offer
    conditions : Conditions
    worth : ndarray, shape (n_customers,)
        What it would gain, see ``eligibility.expected_gains``.
    is_best : ndarray of bool, shape (n_customers,)
        With whom no other open offer gains as much.
    """
    named = None if offer.reason == ANY else int(conditions.named(offer.reason).sum())
    left = np.ones(len(worth), dtype=bool)
    for why, passes in conditions.of(offer).items():
        if not (left & passes).any():
            return Idle(why, int(left.sum()), named, None)
        left &= passes
    best = float(worth[left].max())
    if best <= 0:
        return Idle("gain", int(left.sum()), named, best)
    left &= worth > 0
    why = "over_budget"  # it gains most with somebody, and there are pieces
    if offer.stock == 0:
        why = "out_of_stock"
    elif not (left & is_best).any():
        why = "others"
    return Idle(why, int(left.sum()), named, best)
