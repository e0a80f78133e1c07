"""One part of the audience and the offers: who may get what, and how the answer becomes a list."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.campaign.campaign_list import campaign_list
from retention.campaign.eligibility import GATES, Conditions, choose, open_offers
from retention.campaign.idle_offers import Reach, reaches
from retention.campaign.offers import Offer
from retention.core.arms import GLOBAL_CONTROL, Arm, assigned, draw, in_global_control
from retention.core.columns import Columns
from retention.core.params import Campaign
from retention.core.value_at_risk import profit_at_stake
from retention.core.vocabulary import IDENTITY, REASON_RANKS


@dataclass(frozen=True)
class Asked:
    """What a part of the audience says of the offers.

    Attributes
    ----------
    gates : ndarray of int8, shape (n_customers,)
        The place in ``eligibility.GATES`` of the gate of each customer, -1 where an offer is open.
    live : ndarray of int32, shape (n_live,)
        The rows of those with an open offer; what follows is theirs.
    risk, at_stake, key : ndarray, shape (n_live,)
        Risk, profit that a drop would cost, and a random number by the id that breaks ties.
    treated, recorded : ndarray of bool, shape (n_live,)
        Who is in the treatment arm, and who in the global control group.
    open_bits : ndarray of uint8, shape (n_live, …)
        Which offers are open, as ``numpy.packbits`` packs them.
    reach : list of Reach
        How far each offer reaches.
    """

    gates: np.ndarray
    live: np.ndarray
    risk: np.ndarray
    at_stake: np.ndarray
    key: np.ndarray
    treated: np.ndarray
    recorded: np.ndarray
    open_bits: np.ndarray
    reach: list[Reach]


def ask(
    audience: pd.DataFrame,
    offers: Sequence[Offer],
    words: pd.DataFrame,
    kept_out: Mapping[str, np.ndarray],
    *,
    campaign: Campaign,
    stopped: str = "",
) -> Asked:
    """Return which offers are open to whom, and who would be treated.

    Parameters
    ----------
    audience : DataFrame
        ``customer_id``, ``risk``, ``profit``, ``consent``, ``contacts_now``, the three reasons and
        what rules speak of.
    offers : sequence of Offer
    words : DataFrame
        What placeholders stand for, see ``wording.category_words``; rows as in `audience`.
    kept_out : mapping of str to ndarray of bool, shape (n_customers,)
        Whom each of ``eligibility.KEPT_OUT`` stops.
    campaign : Campaign
        The params, ``least_risk`` among them.
    stopped : str
        The gate that stops everyone, empty where none does.
    """
    money = {"months": campaign.horizon_months, "lost": campaign.share_lost}
    conditions = Conditions(
        audience,
        audience[list(REASON_RANKS)],
        words=words,
        kept_out=kept_out,
        contact_cap=campaign.contact_cap,
        least_risk=campaign.least_risk,
        least_gain=campaign.least_gain,
    )
    gain, gate = open_offers(conditions, offers, stopped=stopped, **money)
    is_open = np.isfinite(gain)
    live = np.flatnonzero(is_open.any(axis=1))
    ids = audience[IDENTITY].iloc[live]
    arms = arms_and_global_control(ids, campaign)
    return Asked(
        gates=gate_numbers(gate),
        live=live.astype("int32"),
        risk=audience["risk"].to_numpy("float64")[live],
        at_stake=profit_at_stake(audience, **money)[live],
        key=draw(ids, seed=campaign.seed, purpose="tie"),
        treated=arms == Arm.TREATMENT,
        recorded=arms == GLOBAL_CONTROL,
        open_bits=np.packbits(is_open[live], axis=1),
        reach=reaches(offers, gain, conditions, **money),
    )


def arms_and_global_control(ids: pd.Series, campaign: Campaign) -> np.ndarray:
    """Return each customer's arm, or ``arms.GLOBAL_CONTROL`` where no campaign contacts them."""
    arms = assigned(ids, seed=campaign.seed, share=campaign.control_share)
    how = {"seed": campaign.global_seed, "share": campaign.global_control_share}
    arms[in_global_control(ids, **how)] = GLOBAL_CONTROL
    return arms


def all_reaches(asked: Sequence[Asked], offers: Sequence[Offer]) -> list[Reach]:
    """Return how far each offer reaches into the whole audience."""
    found = list(asked[0].reach)
    for one in asked[1:]:
        found = [found[place] + one.reach[place] for place in range(len(offers))]
    return found


def gate_numbers(gate: np.ndarray) -> np.ndarray:
    """Return the place of each gate in ``eligibility.GATES``, -1 where there is none."""
    found = np.full(len(gate), -1, dtype="int8")
    for number, name in enumerate(GATES):
        found[gate == name] = number
    return found


def tell(
    audience: pd.DataFrame,
    choice: np.ndarray,
    gate: np.ndarray,
    offers: Sequence[Offer],
    words: pd.DataFrame,
    *,
    columns: Columns,
    campaign: Campaign,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return who gets what of a part of the audience.

    Parameters
    ----------
    audience : DataFrame
        ``customer_id``, ``risk``, ``profit``, ``segment`` and ``reasons``.
    choice, gate : ndarray of int, shape (n_customers,)
        As ``plan.Decision`` has them of the part.
    offers, words, campaign
        As :func:`ask` takes them.
    columns : Columns
        The data dictionary: what categories are called.

    Returns
    -------
    listed : DataFrame
        The list, of both arms.
    recorded : DataFrame
        The same of the global control group: who would be on it.
    excluded : DataFrame
        All others, with their gates.
    """
    arms = arms_and_global_control(audience[IDENTITY], campaign)
    effect, cost = (
        # The last is that of no offer, -1.
        np.array([*(getattr(offer, name) for offer in offers), 0.0])[choice]
        for name in ("effect", "cost")
    )
    at_stake = profit_at_stake(audience, months=campaign.horizon_months, lost=campaign.share_lost)
    worth = audience["risk"].to_numpy() * effect * at_stake - cost
    names = np.array([*GATES, ""], dtype=object)[gate]
    chosen, excluded = choose(audience, worth, choice, names)
    until = campaign.date + datetime.timedelta(days=campaign.valid_days)
    told = campaign_list(
        audience.assign(arm=arms),
        chosen,
        offers,
        words,
        columns=columns,
        valid_until=until,
        language=campaign.language,
    )
    apart = (told["arm"] == GLOBAL_CONTROL).to_numpy(dtype=bool)
    return told[~apart], told[apart], excluded
