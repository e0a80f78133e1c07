"""Who gets what: at most one offer a customer, consent respected, some left untouched."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from retention.offers import ANY, Offer
from retention.rules import matches

FAILED = "F"
"""The grade of a model that may not send anything."""
GATES = ("model_grade_f", "not_eligible", "no_consent", "no_expected_gain")
"""Why a customer gets no offer, in the order in which it is asked."""


def expected_gains(
    customers: pd.DataFrame, offer: Offer, *, months: float, lost: float
) -> np.ndarray:
    """Return what an offer is expected to bring for each customer, in the unit of profit.

    Gain = risk x assumed effect x monthly profit x months x share lost in a drop - cost. A
    customer of unknown or negative profit brings nothing but the cost.
    """
    at_stake = customers["profit"].fillna(0).clip(lower=0).to_numpy() * months * lost
    return customers["risk"].to_numpy() * offer.effect * at_stake - offer.cost


def choose(
    audience: pd.DataFrame,
    reasons: pd.DataFrame,
    offers: Sequence[Offer],
    *,
    months: float,
    lost: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the chosen offer of each customer who gets one, and the gate of everyone else.

    Parameters
    ----------
    audience : DataFrame
        ``customer_id``, ``risk``, ``profit``, ``consent`` and every column a rule speaks of.
    reasons : DataFrame
        The features named as reasons, a column each rank; rows as in `audience`.
    offers : sequence of Offer
    months, lost : float
        Horizon in months, and share of profit lost in a drop.

    Returns
    -------
    chosen : DataFrame
        ``offer`` (place in `offers`), ``expected_gain``; indexed as `audience`.
    excluded : DataFrame
        ``customer_id`` and ``gate``, one of :data:`GATES`.
    """
    n = len(audience)
    best_gain, best_offer = np.full(n, -np.inf), np.full(n, -1)
    eligible, reachable = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    consented = (audience["consent"] == "yes").to_numpy(dtype=bool, na_value=False)
    for place, offer in enumerate(offers):
        fits = matches(offer.when, audience, place=f"offers.yaml: {offer.code}.when")
        if offer.reason != ANY:
            fits &= (reasons == offer.reason).any(axis=1).to_numpy()
        allowed = fits & consented if offer.channel == "message" else fits
        eligible |= fits
        reachable |= allowed
        gain = np.where(allowed, expected_gains(audience, offer, months=months, lost=lost), -np.inf)
        better = gain > best_gain
        best_gain[better], best_offer[better] = gain[better], place
    takes = best_gain > 0
    gate = np.select([~eligible, ~reachable], ["not_eligible", "no_consent"], "no_expected_gain")
    chosen = pd.DataFrame({"offer": best_offer, "expected_gain": best_gain}, audience.index)[takes]
    excluded = pd.DataFrame({"customer_id": audience["customer_id"], "gate": gate})[~takes]
    return chosen, excluded
