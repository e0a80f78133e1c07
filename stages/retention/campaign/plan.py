"""One campaign from its audience: who gets what, what it may bring, and what it can show."""

import datetime
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from retention.campaign.budget_curve import by_budget, outcome
from retention.campaign.campaign_list import campaign_list
from retention.campaign.eligibility import choose, open_offers, ration
from retention.campaign.experiment_design import power_of_campaign
from retention.campaign.offers import Offer
from retention.campaign.suppression import is_suppressed
from retention.core.arms import Arm, draw
from retention.core.params import Campaign
from retention.core.value_at_risk import profit_at_stake
from retention.core.vocabulary import IDENTITY


def decide(
    audience: pd.DataFrame,
    reasons: pd.DataFrame,
    offers: Sequence[Offer],
    words: pd.DataFrame,
    suppressed: Collection[str],
    *,
    campaign: Campaign,
    failed: bool,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Return the list, the excluded with their gates, the outcome by budget, and the power.

    Parameters
    ----------
    audience : DataFrame
        Canonical columns, ``risk``, ``arm``, ``segment``, ``reasons`` and what rules speak of.
    reasons : DataFrame
        The features named as reasons, a column each rank; rows as in `audience`.
    offers : sequence of Offer
    words : DataFrame
        What placeholders stand for; rows as in `audience`.
    suppressed : collection of str
        Ids of customers who are never contacted.
    campaign : Campaign
        The params.
    failed : bool
        Whether the model's grade stops everything.

    Returns
    -------
    listed, excluded, what_if : DataFrame
        As ``listing.campaign_list``, ``campaign.choose`` and ``budgets.by_budget`` give them.
    power : dict
        As ``power.power_of_campaign`` gives it.
    """
    money = {"months": campaign.horizon_months, "lost": campaign.share_lost}
    gain, gate = open_offers(
        audience, reasons, offers, words=words, contact_cap=campaign.contact_cap,
        suppressed=is_suppressed(audience[IDENTITY], suppressed), failed=failed, **money,
    )  # fmt: skip
    treated = (audience["arm"] == Arm.TREATMENT).to_numpy()
    plan = ration(
        gain, offers, key=draw(audience[IDENTITY], seed=campaign.seed, purpose="tie"),
        treated=treated, budget=campaign.budget, control_share=campaign.control_share,
    )  # fmt: skip
    gate = np.where(gate != "", gate, plan.gate)
    chosen, excluded = choose(audience, gain, plan.choice, gate)
    until = campaign.date + datetime.timedelta(days=campaign.valid_days)
    listed = campaign_list(audience, chosen, offers, words, valid_until=until)
    risk, at_stake = audience["risk"].to_numpy(), profit_at_stake(audience, **money)
    effect, cost = (np.array([getattr(o, key) for o in offers]) for key in ("effect", "cost"))

    def expected(budget: float | None) -> dict[str, float]:
        choice = plan.at(budget)
        made = treated & (choice >= 0)
        place = choice[made]
        return outcome(risk[made], effect[place], at_stake[made], cost[place])

    what_if = by_budget(expected(None)["cost"], expected)
    on_list, place = plan.choice >= 0, plan.choice[plan.choice >= 0]
    codes = np.array([offer.code for offer in offers], dtype=object)[place]
    able = power_of_campaign(risk[on_list], effect[place], treated[on_list], codes)
    return listed, excluded, what_if, able
