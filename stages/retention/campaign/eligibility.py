"""Who gets what: at most one offer a customer, within consent, contacts, budget and stock.

Who will be treated is never asked when an offer is chosen. It matters once, at the end: only the
treated use up budget and stock, so a cut-off is lowered for both arms alike until the treated fit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.campaign.allocation import MICRO, UNLIMITED, Limits, hand_out, micro, optimum
from retention.campaign.gains import (
    GainTable,
    HandedOut,
    Reordered,
    chunks,
    is_open,
    open_to,
)
from retention.campaign.ladder import NO_OFFER, climb, climb_on, make_ladder
from retention.campaign.offers import ANY, Offer
from retention.campaign.wording import fillable
from retention.core.rules import matches
from retention.core.value_at_risk import profit_at_stake
from retention.core.vocabulary import IDENTITY

GATES = (
    "model_grade_f",
    "drift",
    "suppressed",
    "in_campaign",
    "resting",
    "no_consent",
    "contact_cap",
    "not_eligible",
    "low_risk",
    "no_expected_gain",
    "low_gain",
    "out_of_stock",
    "over_budget",
)
"""Why a customer gets no offer, in the order in which it is asked."""
KEPT_OUT = ("suppressed", "in_campaign", "resting")
"""Those that ask who the customer is, whatever the offer."""


def expected_gains(
    customers: pd.DataFrame, offer: Offer, *, months: float, lost: float
) -> np.ndarray:
    """Return what an offer is expected to bring for each customer, in the unit of profit.

    Gain = risk x assumed effect x monthly profit x months x share lost in a drop - cost. A
    customer of unknown or negative profit brings nothing but the cost.
    """
    at_stake = profit_at_stake(customers, months=months, lost=lost)
    return customers["risk"].to_numpy() * offer.effect * at_stake - offer.cost


class Conditions:
    """What decides to whom an offer may be made, looked up once for all offers.

    Parameters
    ----------
    audience : DataFrame
        ``consent``, ``contacts_now`` and every column a rule speaks of.
    reasons : DataFrame
        The features named as reasons, a column each rank; rows as in `audience`.
    words : DataFrame
        What placeholders stand for, as ``wording.category_words`` gives it; rows as in `audience`.
    kept_out : mapping of str to ndarray of bool, shape (n_customers,)
        Whom each of :data:`KEPT_OUT` stops.
    contact_cap : int
        Contacts in the current month from which no message is sent; who has an unknown number
        gets none either.
    least_risk : float
        Risk from which anything is offered, 0 to 1.
    least_gain : float
        Expected gain from which an offer is made, in the unit of profit, from 0.
    """

    def __init__(
        self,
        audience: pd.DataFrame,
        reasons: pd.DataFrame,
        *,
        words: pd.DataFrame,
        kept_out: Mapping[str, np.ndarray],
        contact_cap: int,
        least_risk: float = 0.0,
        least_gain: float = 0.0,
    ) -> None:
        self.audience = audience
        self.kept_out = {gate: kept_out[gate] for gate in KEPT_OUT}
        # An unknown risk is not a low one: it gains nothing, which is a gate of its own.
        self.low_risk = (audience["risk"] < least_risk).to_numpy(dtype=bool, na_value=False)
        self.least_gain = least_gain
        self._reasons = reasons
        self._words = words
        self._consented = (audience["consent"] == "yes").to_numpy(dtype=bool, na_value=False)
        below = audience["contacts_now"] < contact_cap
        self._rested = below.to_numpy(dtype=bool, na_value=False)
        self._named: dict[str, np.ndarray] = {}

    def named(self, feature: str) -> np.ndarray:
        """Tell of whom the feature is a reason; of everyone where any will do."""
        if feature == ANY:
            return np.ones(len(self.audience), dtype=bool)
        if feature not in self._named:
            self._named[feature] = (self._reasons == feature).any(axis=1).to_numpy()
        return self._named[feature]

    def of(self, offer: Offer) -> dict[str, np.ndarray]:
        """Return whom each condition of an offer lets pass, by its name, each for itself."""
        is_message = offer.channel == "message"
        everyone = np.ones(len(self.audience), dtype=bool)
        return {
            "rule": matches(offer.when, self.audience, place=f"offers.yaml: {offer.code}.when"),
            "reason": self.named(offer.reason),
            "category": fillable(offer, self._words),
            "consent": self._consented if is_message else everyone,
            "contact_cap": self._rested if is_message else everyone,
            **{gate: ~stopped for gate, stopped in self.kept_out.items()},
            "low_risk": ~self.low_risk,
        }

    def is_enough(self, gain: np.ndarray) -> np.ndarray:
        """Tell which expected gains are worth an offer."""
        return (gain > 0) & (gain >= self.least_gain)


def open_offers(
    conditions: Conditions,
    offers: Sequence[Offer],
    *,
    months: float,
    lost: float,
    stopped: str = "",
) -> tuple[np.ndarray, np.ndarray]:
    """Return what each offer would gain for each customer, and the gate of who is left without.

    A customer whom several offers fit is stopped at the gate, in the order of :data:`GATES`, at
    which the last of them falls; a customer whom none fits, at ``not_eligible``.

    Parameters
    ----------
    conditions : Conditions
        Of the audience, which has ``risk`` and ``profit`` too.
    offers : sequence of Offer
    months, lost : float
        Horizon in months, and share of profit lost in a drop.
    stopped : str
        The gate that stops everyone, empty where none does.

    Returns
    -------
    gain : ndarray, shape (n_customers, n_offers)
        Expected gain where the offer may be made and gains enough, elsewhere -inf.
    gate : ndarray of str, shape (n_customers,)
        One of :data:`GATES`, or empty where an offer is open.
    """
    audience = conditions.audience
    n = len(audience)
    gain = np.full((n, len(offers)), -np.inf)
    fits_any, agreed_any, allowed_any, pays_any = (np.zeros(n, dtype=bool) for _ in range(4))
    free = ~np.any([conditions.low_risk, *conditions.kept_out.values()], axis=0)
    for place, offer in enumerate(offers):
        passes = conditions.of(offer)
        fits = passes["rule"] & passes["reason"] & passes["category"]
        agreed = fits & passes["consent"]
        allowed = agreed & passes["contact_cap"]
        worth = expected_gains(audience, offer, months=months, lost=lost)
        made = allowed & free & conditions.is_enough(worth)
        gain[:, place] = np.where(made, worth, -np.inf)
        fits_any |= fits
        agreed_any |= agreed
        allowed_any |= allowed
        pays_any |= allowed & (worth > 0)
    stops = conditions.kept_out | {
        "not_eligible": ~fits_any,
        "no_consent": ~agreed_any,
        "contact_cap": ~allowed_any,
        "low_risk": conditions.low_risk,
        "no_expected_gain": ~pays_any,
        "low_gain": ~np.isfinite(gain).any(axis=1),
    }
    gate = np.select(list(stops.values()), list(stops), "").astype(object)
    if stopped:
        gain[:], gate[:] = -np.inf, stopped
    return gain, gate


def admit(
    gain: GainTable,
    offers: Sequence[Offer],
    *,
    treated: np.ndarray,
    budget: float | None,
    untreated: float,
) -> GainTable:
    """Return `gain` with each scarce offer closed to everyone but those it is handed out to.

    The offers of limited stock are handed out blind to the arms, with limits as much larger as
    those left untreated are many (and two standard deviations more, so that chance leaves nothing
    over).
    Then those who would lose least without it leave, by one cut-off for both arms, until the
    treated are as many as there are pieces.

    Parameters
    ----------
    gain : GainTable, shape (n_customers, n_offers)
        As :func:`open_offers` gives it; rows in random order, which breaks ties.
    offers : sequence of Offer
    treated : ndarray of bool, shape (n_customers,)
    budget : float or None
        Cost of the treated at most, in the unit of profit.
    untreated : float
        Share of the customers who are not treated, in [0, 1).
    """
    costs, limits = _limits(offers, budget)
    scarce = np.flatnonzero(open_to(gain, treated, len(costs)) > limits.stock)
    if not len(scarce):
        return gain
    more = 1 / (1 - untreated)
    stock = limits.stock.copy()
    for place in scarce:
        pieces = limits.stock[place]
        stock[place] = np.ceil((pieces + 2 * np.sqrt(pieces * untreated)) * more)
    spend = None if limits.budget is None else int(limits.budget * more)
    blind = hand_out(gain, costs, Limits(spend, stock))
    endless = np.isin(np.arange(len(costs)), scarce, invert=True)
    holds = np.full(len(gain), NO_OFFER, dtype="int16")
    for place in scarce:
        holders = np.flatnonzero(blind == place)
        loss = np.empty(len(holders))
        for rows in chunks(len(holders)):
            worth = gain[holders[rows]]
            otherwise = np.where(endless, worth, -np.inf).max(axis=1).clip(min=0)
            loss[rows] = otherwise - worth[:, place]
        order = holders[np.argsort(loss, kind="stable")]
        kept = order[treated[order].cumsum() <= limits.stock[place]]
        holds[kept] = place
    return HandedOut(gain, scarce, holds)


@dataclass(frozen=True)
class Allocation:
    """Who gets what.

    Attributes
    ----------
    choice : ndarray of int, shape (n_customers,)
        Place of the offer in the catalogue, or -1.
    gate : ndarray of str, shape (n_customers,)
        ``out_of_stock`` where every open offer ran out, else ``over_budget``, where an offer was
        open and none was made; elsewhere empty.
    at : callable
        Gives the choice at another budget: scarce offers stay with those they were handed out to,
        only the cut-off moves.
    """

    choice: np.ndarray
    gate: np.ndarray
    at: Callable[[float | None], np.ndarray]


def ration(
    gain: GainTable,
    offers: Sequence[Offer],
    *,
    key: np.ndarray,
    treated: np.ndarray,
    budget: float | None,
    untreated: float,
) -> Allocation:
    """Choose at most one offer for each customer so that the treated stay within the limits.

    Nothing but a cut-off depends on who is treated, and it is one for both arms: they differ by
    chance alone. With everyone treated the choice gains the most that is possible within the
    limits where customers are few; where they are many, less than 1 % less unless hundreds gain
    exactly alike.

    Parameters
    ----------
    gain : GainTable, shape (n_customers, n_offers)
        As :func:`open_offers` gives it.
    offers : sequence of Offer
    key : ndarray, shape (n_customers,)
        A random number of each customer, no two alike, that breaks ties.
    treated : ndarray of bool, shape (n_customers,)
    budget : float or None
        Cost of the treated at most, in the unit of profit.
    untreated : float
        Share of the customers who are not treated, in [0, 1).
    """
    live = np.flatnonzero(is_open(gain))
    live = live[np.argsort(key[live], kind="stable")]
    part, arm = Reordered(gain, live), treated[live]
    costs, limits = _limits(offers, budget)
    opened = admit(part, offers, treated=arm, budget=budget, untreated=untreated)
    ladder = make_ladder(opened, costs)

    def whole(made: np.ndarray) -> np.ndarray:
        choice = np.full(len(gain), NO_OFFER, dtype="int16")
        choice[live] = made
        return choice

    def at(other: float | None) -> np.ndarray:
        return whole(climb(ladder, arm, _limits(offers, other)[1].budget))

    if untreated:
        choice = at(budget)
    else:
        best = optimum(part, costs, limits)
        choice = whole(climb_on(ladder, limits.budget) if best is None else best)
    gate = np.full(len(gain), "", dtype=object)
    ran_out = (budget is None) | ~is_open(opened)
    gate[live] = np.where(ran_out, "out_of_stock", "over_budget")
    gate[choice != NO_OFFER] = ""
    return Allocation(choice, gate, at)


def _limits(offers: Sequence[Offer], budget: float | None) -> tuple[np.ndarray, Limits]:
    """Return the cost of each offer in millionths, and the limits."""
    costs = np.array([micro(offer.cost) for offer in offers], dtype="int64")
    stock = [UNLIMITED if offer.stock is None else offer.stock for offer in offers]
    whole = None if budget is None else int(np.floor(np.round(budget * MICRO, 3)))
    return costs, Limits(whole, np.array(stock, dtype="int64"))


def choose(
    audience: pd.DataFrame, worth: np.ndarray, choice: np.ndarray, gate: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the chosen offer of each customer who gets one, and the gate of everyone else.

    Parameters
    ----------
    audience : DataFrame
    worth : ndarray, shape (n_customers,)
        What the chosen offer is expected to gain.
    choice : ndarray of int, shape (n_customers,)
        Place of the offer, or ``NO_OFFER``.
    gate : ndarray of str, shape (n_customers,)

    Returns
    -------
    chosen : DataFrame
        ``offer`` (its place), ``expected_gain``; indexed as `audience`.
    excluded : DataFrame
        ``customer_id`` and ``gate``, one of :data:`GATES`; by customer_id.
    """
    takes = choice != NO_OFFER
    chosen = pd.DataFrame(
        {"offer": choice[takes], "expected_gain": worth[takes]}, audience.index[takes]
    )
    excluded = pd.DataFrame({IDENTITY: audience[IDENTITY], "gate": gate})[~takes]
    return chosen, excluded.sort_values(IDENTITY, kind="stable")
