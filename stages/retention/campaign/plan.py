"""One campaign from its audience: who gets what, what it may bring, and what it can show."""

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from retention.campaign.asking import Asked, all_reaches, gate_numbers
from retention.campaign.budget_curve import by_budget, outcome
from retention.campaign.campaign_list import GAIN_DIGITS, offers_made
from retention.campaign.eligibility import GATES, Allocation, ration
from retention.campaign.experiment_design import power_in_words, power_of_campaign
from retention.campaign.gains import Gains
from retention.campaign.idle_offers import idle_offers
from retention.campaign.kept_out import KeptOut
from retention.campaign.ladder import NO_OFFER
from retention.campaign.offers import Offer
from retention.core.arms import GLOBAL_CONTROL, Arm, count_arms
from retention.core.audience import is_ahead, is_rehearsal
from retention.core.errors import InputError
from retention.core.grades import FAILED_GRADE
from retention.core.months import refuse_day_before
from retention.core.params import Campaign
from retention.core.vocabulary import LABEL
from retention.data.drift import judge_drift


@dataclass(frozen=True)
class Decision:
    """Who gets what.

    Attributes
    ----------
    choices : list of ndarray of int
        For each part the place of each customer's offer, ``ladder.NO_OFFER`` where none.
    gates : list of ndarray of int
        For each part the place in ``eligibility.GATES`` of each customer's gate, -1 where none.
    recorded : list of ndarray of bool
        For each part who is in the global control group and would get an offer.
    budgets : DataFrame
        As ``budget_curve.by_budget`` gives it.
    power : dict
        As ``experiment_design.power_of_campaign`` gives it.
    idle : dict
        Why offers that nobody gets are made to nobody, see ``idle_offers.idle_offers``; empty
        where a gate stops everyone.
    totals : dict
        ``treatment``, ``control`` and ``global_control`` (customers), ``offers`` (see
        ``campaign_list.offers_made``), ``excluded`` (customers by gate), ``treatment_cost`` and
        ``treatment_expected_gain``.
    """

    choices: list[np.ndarray]
    gates: list[np.ndarray]
    recorded: list[np.ndarray]
    budgets: pd.DataFrame
    power: dict[str, Any]
    idle: dict[str, dict[str, Any]]
    totals: dict[str, Any]

    @property
    def on_list(self) -> np.ndarray:
        """Who of the audience is on the list, part after part."""
        return (np.concatenate(self.choices) != NO_OFFER) & ~np.concatenate(self.recorded)

    def listed(self, customers: pd.DataFrame) -> np.ndarray:
        """Tell who of everyone (``drop``, part after part) is on the list."""
        asked = np.full(len(customers), is_rehearsal(customers)) | is_ahead(customers)
        found = np.zeros(len(customers), dtype=bool)
        found[asked] = self.on_list
        return found


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
    def summary(self) -> str:
        """How long the list is and what it can show, in words."""
        power = power_in_words(self.decision.power["pooled"])
        if self.details["rehearsal"]:
            power = "a rehearsal: nobody's outcome is ahead, and nothing is to be sent"
        return f"{int(self.decision.on_list.sum())} customers on the list; {power}"

    @property
    def headline(self) -> dict[str, Any]:
        """The numbers that people compare."""
        power = self.decision.power["pooled"]
        return {
            **{name: self.details[name] for name in _HEADLINE},
            "excluded": sum(self.details["excluded"].values()),
            "smallest_detectable": power.get("detectable"),
        }


_COUNTED = (*map(str, Arm), GLOBAL_CONTROL)
_HEADLINE = ("audience", *_COUNTED, f"{Arm.TREATMENT}_cost", f"{Arm.TREATMENT}_expected_gain")


def plan_campaign(
    customers: pd.DataFrame,
    ask: Callable[[str], Sequence[Asked]],
    offers: Sequence[Offer],
    kept_out: KeptOut,
    *,
    campaign: Campaign,
    grade: str,
    drifted: Sequence[Mapping[str, Any]] = (),
    risk_drift: Mapping[str, Any] | None = None,
    drift_told: bool = True,
) -> Plan:
    """Return the campaign: who gets which offer, and what that adds up to.

    Parameters
    ----------
    customers : DataFrame
        ``drop``, ``scored`` and ``risk`` of everyone, part after part.
    ask : callable
        Given the gate that stops everyone (empty where none does), returns what each part of the
        audience says of the offers, see ``asking.ask``.
    offers : sequence of Offer
    kept_out : KeptOut
        Who gets nothing, whatever the offers.
    campaign : Campaign
        The params, ``least_risk`` among them.
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
    drift = judge_drift(customers, drifted, most=campaign.most_drift, risk=risk_drift)
    if not drift_told:
        drift["told"] = False
    stopped = "drift" if drift["too_large"] else ""
    if grade == FAILED_GRADE:
        stopped = "model_grade_f"
    asked = ask(stopped)
    found = decide(asked, offers, campaign=campaign, stopped=stopped)
    totals = found.totals
    details = {
        "grade": grade,
        "drift": drift,
        "stopped": stopped,
        "rehearsal": _came(customers, found.on_list) if is_rehearsal(customers) else None,
        "name": campaign.name,
        "date": campaign.date.isoformat(),
        "unit": campaign.profit_unit,
        "audience": sum(len(one.gates) for one in asked),
        **{name: totals[name] for name in _COUNTED},
        "least_risk": campaign.least_risk,
        "suppression": asdict(kept_out.suppressed.match),
        "lacks_own_suppression": kept_out.lacks_own,
        "excluded": totals["excluded"],
        "offers": totals["offers"],
        "idle": found.idle,
        **{name: totals[name] for name in _HEADLINE[-2:]},
        "power": found.power,
    }
    reach = all_reaches(asked, offers)
    nobody = [
        f"offers.yaml: {offer.code}.when"
        for offer, one in zip(offers, reach, strict=True)
        if not one.left[1]
    ]
    warnings = _warnings(stopped, drift, drifted, most=campaign.most_drift)
    return Plan(found, details, nobody, warnings)


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


def with_least_risk(campaign: Campaign, threshold: float) -> Campaign:
    """Return the params with the risk from which a customer is contacted.

    Where none is set it is the model's threshold: below it no drop is called.
    """
    if campaign.least_risk is not None:
        return campaign
    return campaign.model_copy(update={"least_risk": threshold})


def _came(customers: pd.DataFrame, on_list: np.ndarray) -> dict[str, int]:
    """Return how many drops came, where all outcomes are known: of everyone, and of the listed."""
    dropped = customers[LABEL].to_numpy("int64")
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
    asked: Sequence[Asked], offers: Sequence[Offer], *, campaign: Campaign, stopped: str = ""
) -> Decision:
    """Return who gets what, the outcome by budget, and the power.

    The same, however the audience is divided: customers stand in the order of a random number that
    is their own.

    Parameters
    ----------
    asked : sequence of Asked
        What each part of the audience says of the offers.
    offers : sequence of Offer
    campaign : Campaign
        The params.
    stopped : str
        The gate that stops everyone, empty where none does.
    """
    key = np.concatenate([one.key for one in asked])
    order = np.argsort(key, kind="stable")
    risk, at_stake, treated, recorded, open_bits = (
        np.concatenate([getattr(one, name) for one in asked])[order]
        for name in ("risk", "at_stake", "treated", "recorded", "open_bits")
    )
    gain = Gains(risk, at_stake, open_bits, offers)
    plan = ration(
        gain,
        offers,
        key=key[order],
        treated=treated,
        budget=campaign.budget,
        untreated=1 - (1 - campaign.control_share) * (1 - campaign.global_control_share),
    )
    choices, gates = _by_part(asked, order, plan)
    effect, cost = (
        np.array([getattr(o, name) for o in offers], dtype="float64") for name in ("effect", "cost")
    )

    def expected(budget: float | None) -> dict[str, float]:
        choice = plan.at(budget)
        made = treated & (choice >= 0)
        place = choice[made]
        return outcome(risk[made], effect[place], at_stake[made], cost[place])

    budgets = by_budget(expected(None)["cost"], expected)
    gets = plan.choice >= 0
    on_list = np.flatnonzero(gets & ~recorded)
    place, arm = plan.choice[on_list], treated[on_list]
    codes = np.array([offer.code for offer in offers], dtype=object)[place]
    able = power_of_campaign(risk[on_list], effect[place], arm, codes)
    worth = (risk[on_list] * effect[place] * at_stake[on_list] - cost[place]).round(GAIN_DIGITS)
    counted = np.bincount(np.concatenate(gates) + 1, minlength=len(GATES) + 1)[1:]
    totals = {
        **count_arms(arm),
        GLOBAL_CONTROL: int((gets & recorded).sum()),
        "excluded": dict(zip(GATES, counted.tolist(), strict=True)),
        "offers": offers_made(place, worth, arm, offers),
        f"{Arm.TREATMENT}_cost": math.fsum(cost[place[arm]]),
        f"{Arm.TREATMENT}_expected_gain": math.fsum(worth[arm]),
    }
    used = range(len(offers)) if stopped else set(place.tolist())
    would = set(plan.choice[gets & recorded].tolist())
    idle = idle_offers(offers, used, all_reaches(asked, offers), recorded=would)
    return Decision(choices, gates, _recorded(asked, choices), budgets, able, idle, totals)


def _recorded(asked: Sequence[Asked], choices: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return who of each part is in the global control group and would get an offer."""
    found = [np.zeros(len(choice), dtype=bool) for choice in choices]
    for one, choice, recorded in zip(asked, choices, found, strict=True):
        recorded[one.live] = one.recorded & (choice[one.live] != NO_OFFER)
    return found


def _by_part(
    asked: Sequence[Asked], order: np.ndarray, plan: Allocation
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return each part's offers and gates, of all its customers in their order."""
    made, why = (np.empty(len(order), dtype=kind) for kind in ("int16", "int8"))
    made[order] = plan.choice
    why[order] = gate_numbers(plan.gate)
    ends = np.cumsum([len(one.live) for one in asked])[:-1]
    choices, gates = [], []
    for one, choice, gate in zip(asked, np.split(made, ends), np.split(why, ends), strict=True):
        choices.append(np.full(len(one.gates), NO_OFFER, dtype="int16"))
        choices[-1][one.live] = choice
        gates.append(one.gates.copy())
        gates[-1][one.live] = gate
    return choices, gates
