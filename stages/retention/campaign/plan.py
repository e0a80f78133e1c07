"""One campaign from its audience: who gets what, what it may bring, and what it can show."""

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from retention.campaign.budget_curve import by_budget, outcome
from retention.campaign.campaign_list import campaign_list, offers_made
from retention.campaign.eligibility import GATES, Conditions, choose, open_offers, ration
from retention.campaign.experiment_design import power_in_words, power_of_campaign
from retention.campaign.idle_offers import idle_offers
from retention.campaign.offers import Offer
from retention.campaign.suppression import Suppressed, is_suppressed
from retention.campaign.wording import category_words
from retention.core.arms import Arm, assigned, count_arms, draw
from retention.core.audience import audience_of, is_rehearsal
from retention.core.columns import Columns
from retention.core.errors import InputError
from retention.core.grades import FAILED_GRADE
from retention.core.months import refuse_day_before
from retention.core.params import Campaign
from retention.core.rules import fits_nobody
from retention.core.value_at_risk import profit_at_stake
from retention.core.vocabulary import IDENTITY, LABEL, REASON_RANKS
from retention.data.drift import judge_drift


@dataclass(frozen=True)
class Decision:
    """Who gets what.

    Attributes
    ----------
    listed, excluded, budgets : DataFrame
        As ``campaign_list.campaign_list``, ``eligibility.choose`` and ``budget_curve.by_budget``
        give them.
    power : dict
        As ``experiment_design.power_of_campaign`` gives it.
    idle : dict
        Why offers that nobody gets are made to nobody, see ``idle_offers.idle_offers``; empty
        where a gate stops everyone.
    """

    listed: pd.DataFrame
    excluded: pd.DataFrame
    budgets: pd.DataFrame
    power: dict[str, Any]
    idle: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    """A campaign that may be sent.

    Attributes
    ----------
    decision : Decision
    details : dict
        What the page tells of it.
    fits_nobody : list of str
        Offers whose rule holds for nobody in the audience.
    warnings : list of str
        What a reader must know before anything is sent.
    """

    decision: Decision
    details: dict[str, Any]
    fits_nobody: list[str]
    warnings: list[str]

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables that people and programs read, by their names."""
        decision = self.decision
        return {
            "list": decision.listed,
            "excluded": decision.excluded,
            "budgets": decision.budgets,
        }

    @property
    def summary(self) -> str:
        """How long the list is and what it can show, in words."""
        power = power_in_words(self.decision.power["pooled"])
        if self.details["rehearsal"]:
            power = "a rehearsal: nobody's outcome is ahead, and nothing is to be sent"
        return f"{len(self.decision.listed)} customers on the list; {power}"

    @property
    def headline(self) -> dict[str, Any]:
        """The numbers that people compare."""
        power = self.decision.power["pooled"]
        return {
            **{name: self.details[name] for name in _HEADLINE},
            "excluded": len(self.decision.excluded),
            "smallest_detectable": power.get("detectable"),
        }


_HEADLINE = ("audience", *map(str, Arm), f"{Arm.TREATMENT}_cost", f"{Arm.TREATMENT}_expected_gain")


def plan_campaign(
    customers: pd.DataFrame,
    named: Mapping[str, Mapping[str, str]],
    offers: Sequence[Offer],
    suppressed: Suppressed,
    *,
    columns: Columns,
    campaign: Campaign,
    grade: str,
    drifted: Sequence[Mapping[str, Any]] = (),
    risk_drift: Mapping[str, Any] | None = None,
    drift_told: bool = True,
) -> Plan:
    """Return the campaign: who is asked, who gets which offer, and what that adds up to.

    Parameters
    ----------
    customers : DataFrame
        Canonical columns, ``scored``, ``risk``, ``segment``, ``reasons`` and what rules speak of.
    named : mapping
        The categories that an offer's text may name by segment, see ``study.category_offers``.
    offers : sequence of Offer
    suppressed : Suppressed
    columns : Columns
        The data dictionary.
    campaign : Campaign
        The params.
    grade : str
        The model's grade.
    drifted : sequence of mapping
        The columns in which the audience differs from those of known outcome, see ``data.drift``.
    risk_drift : mapping, optional
        How far its risk differs from theirs, where they are of other months than `customers`; else
        it is told of these.
    drift_told : bool
        Whether anything could be compared; else a list is made, and a warning says so.
    """
    arms = assigned(customers[IDENTITY], seed=campaign.seed, share=campaign.control_share)
    customers = customers.assign(arm=arms)
    audience = audience_of(customers)
    drift = judge_drift(customers, drifted, most=campaign.most_drift, risk=risk_drift)
    if not drift_told:
        drift["told"] = False
    stopped = "drift" if drift["too_large"] else ""
    if grade == FAILED_GRADE:
        stopped = "model_grade_f"
    found = decide(
        audience,
        audience[list(REASON_RANKS)],
        offers,
        category_words(audience, named),
        suppressed.ids,
        columns=columns,
        campaign=campaign,
        stopped=stopped,
    )
    treated = (found.listed["arm"] == Arm.TREATMENT).to_numpy()
    spent = found.listed[treated][["cost", "expected_gain"]].sum()
    details = {
        "grade": grade,
        "drift": drift,
        "stopped": stopped,
        "rehearsal": _came(customers, found.listed) if is_rehearsal(customers) else None,
        "unit": campaign.profit_unit,
        "audience": len(audience),
        **count_arms(treated),
        "suppression": asdict(suppressed.match),
        "excluded": {gate: int((found.excluded["gate"] == gate).sum()) for gate in GATES},
        "offers": offers_made(found.listed, offers),
        "idle": found.idle,
        **{f"{Arm.TREATMENT}_{name}": amount for name, amount in spent.items()},
        "power": found.power,
    }
    rules = {f"offers.yaml: {offer.code}.when": offer.when for offer in offers}
    warnings = _warnings(stopped, drift, drifted, most=campaign.most_drift)
    return Plan(found, details, fits_nobody(rules, audience), warnings)


def dated(
    campaign: Campaign, as_of: datetime.date | str | None, *, last: str | None = None
) -> Campaign:
    """Return the params with the day of the start: the day after `as_of`, where none is set.

    Parameters
    ----------
    campaign : Campaign
        The params.
    as_of : date, str or None
        Day of the data, a text as ``YYYY-MM-DD``.
    last : str, optional
        The last month, where the data is of months.

    Raises
    ------
    InputError
        If neither day is known, or the campaign would begin before the last month's end.
    """
    if campaign.date is not None:
        if last is not None:
            refuse_day_before("campaign.date", campaign.date, last)
        return campaign
    if as_of is None:
        raise InputError(
            "params.yaml: campaign.date is empty, and so is data.as_of, whose next day it would "
            "be; valid: a day as YYYY-MM-DD in either"
        )
    last = datetime.date.fromisoformat(str(as_of))
    return campaign.model_copy(update={"date": last + datetime.timedelta(days=1)})


def _came(customers: pd.DataFrame, listed: pd.DataFrame) -> dict[str, int]:
    """Return how many drops came, where all outcomes are known: of everyone, and of the listed."""
    dropped = customers[LABEL].to_numpy("int64")
    on_list = customers[IDENTITY].isin(listed[IDENTITY]).to_numpy()
    return {"drops": int(dropped.sum()), "listed_drops": int(dropped[on_list].sum())}


def _warnings(
    stopped: str,
    drift: Mapping[str, Any],
    drifted: Sequence[Mapping[str, Any]],
    *,
    most: float | None,
) -> list[str]:
    said = []
    if stopped == "model_grade_f":
        said.append("the model's grade is F, so nobody is contacted")
    if not drift.get("told", True):
        said.append(
            "warning: whether customers whose outcome is ahead differ from those the model learnt "
            "from cannot be told: too few of the latter are in the exports; its risks may not be "
            "true of them"
        )
    if drifted:
        names = ", ".join(dict.fromkeys(str(one["column"]) for one in drifted))
        said.append(
            f"warning: customers whose outcome is ahead differ from those the model learnt from "
            f"in {names}; its risks may not be true of them"
        )
    if stopped == "drift":
        said.append(
            f"they differ by a distance of {drift['largest']:.2f} in {drift['largest_of']}, more "
            f"than params campaign.most_drift ({most:g}), so nobody is contacted"
        )
    return said


def decide(
    audience: pd.DataFrame,
    reasons: pd.DataFrame,
    offers: Sequence[Offer],
    words: pd.DataFrame,
    suppressed: Collection[str],
    *,
    columns: Columns,
    campaign: Campaign,
    stopped: str = "",
) -> Decision:
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
    columns : Columns
        The data dictionary: what categories are called.
    campaign : Campaign
        The params.
    stopped : str
        The gate that stops everyone, empty where none does.
    """
    money = {"months": campaign.horizon_months, "lost": campaign.share_lost}
    conditions = Conditions(
        audience,
        reasons,
        words=words,
        suppressed=is_suppressed(audience[IDENTITY], suppressed),
        contact_cap=campaign.contact_cap,
    )
    gain, gate = open_offers(conditions, offers, stopped=stopped, **money)
    treated = (audience["arm"] == Arm.TREATMENT).to_numpy()
    plan = ration(
        gain,
        offers,
        key=draw(audience[IDENTITY], seed=campaign.seed, purpose="tie"),
        treated=treated,
        budget=campaign.budget,
        control_share=campaign.control_share,
    )
    gate = np.where(gate != "", gate, plan.gate)
    chosen, excluded = choose(audience, gain, plan.choice, gate)
    until = campaign.date + datetime.timedelta(days=campaign.valid_days)
    listed = campaign_list(audience, chosen, offers, words, columns=columns, valid_until=until)
    risk, at_stake = audience["risk"].to_numpy(), profit_at_stake(audience, **money)
    effect, cost = (np.array([getattr(o, key) for o in offers]) for key in ("effect", "cost"))

    def expected(budget: float | None) -> dict[str, float]:
        choice = plan.at(budget)
        made = treated & (choice >= 0)
        place = choice[made]
        return outcome(risk[made], effect[place], at_stake[made], cost[place])

    budgets = by_budget(expected(None)["cost"], expected)
    on_list, place = plan.choice >= 0, plan.choice[plan.choice >= 0]
    codes = np.array([offer.code for offer in offers], dtype=object)[place]
    able = power_of_campaign(risk[on_list], effect[place], treated[on_list], codes)
    used = range(len(offers)) if stopped else set(place.tolist())
    idle = idle_offers(offers, used, gain, conditions, **money)
    return Decision(listed, excluded, budgets, able, idle)
