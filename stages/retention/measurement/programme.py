"""What all measured campaigns show together: the content of campaigns/programme.json."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from retention.core.arms import POWER, Arm, count_arms
from retention.core.vocabulary import IDENTITY, LABEL
from retention.measurement.ab_test import (
    MIN_GROUP,
    MIN_POOLED,
    UnmeasurableError,
    segments_of,
)
from retention.measurement.catalogue_update import changed_since, effects_to_use
from retention.measurement.global_comparison import money_told, programme
from retention.measurement.inputs import OUTCOMES
from retention.measurement.interactions import INTERACTION, offers_by_segment
from retention.measurement.measurement import (
    Measurement,
    assumed_by,
    known_drops,
    measure_campaign,
    with_outcomes,
)
from retention.measurement.pooling import (
    FEWER,
    MORE,
    UNTOLD,
    cells_of,
    drop_effect,
    money_effect,
    share_so_far,
    total_kept,
)
from retention.measurement.recorded import RecordedCampaign
from retention.stats.random_effects import SCALE

METHOD = {
    "name": "random effects, the spread summed over a half-normal prior",
    "source": "doi:10.18637/jss.v093.i06, doi:10.1002/jrsm.1475",
    "spread_scale": SCALE,
    "level": 0.95,
}
AMOUNTS = tuple(name for name in OUTCOMES if name != LABEL)
"""Outcomes that are money."""


@dataclass(frozen=True)
class AnsweredCampaign:
    """A campaign with its answers, measured by itself.

    Attributes
    ----------
    campaign : RecordedCampaign
    answers : DataFrame
    found : Measurement or None
        None where treatment and control cannot be compared.
    left_out, why : str or None
        Then the reason, as a word and as a sentence.
    """

    campaign: RecordedCampaign
    answers: pd.DataFrame
    found: Measurement | None
    left_out: str | None = None
    why: str | None = None

    @property
    def content(self) -> dict[str, Any]:
        """What measured.json holds."""
        if self.found is None:
            return {"left_out": self.left_out, "left_out_why": self.why}
        return self.found.content


def answered(
    campaign: RecordedCampaign,
    answers: pd.DataFrame,
    file: pd.DataFrame,
    catalogue: Mapping[str, float],
    **how: Any,
) -> AnsweredCampaign:
    """Measure a campaign by its answers.

    Parameters
    ----------
    campaign : RecordedCampaign
    answers : DataFrame
        As ``recorded.kept_answers`` returns them, also of the global control.
    file : DataFrame
        What came of others than the global control, of strangers too; to tell how it fits the list.
    catalogue : mapping
        Effect of each offer in the catalogue of today.
    **how
        What :func:`retention.measurement.measurement.measure_campaign` is to know of the file.

    Raises
    ------
    InputError
        If no outcome of anybody on the list is known.
    """
    listed = campaign.listed
    known = file[~file[IDENTITY].isin(set(campaign.members[IDENTITY]))]
    try:
        found = measure_campaign(
            listed, listed, known, campaign=campaign.terms, catalogue=catalogue, **how
        )
    except UnmeasurableError as broken:
        return AnsweredCampaign(campaign, answers, None, broken.reason, str(broken))
    return AnsweredCampaign(campaign, answers, found)


def programme_of(
    measured: Sequence[AnsweredCampaign],
    *,
    catalogue: Mapping[str, float],
    following: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return what all measured campaigns show together.

    Parameters
    ----------
    measured : sequence of AnsweredCampaign
        By day. Money in several units is not added up.
    catalogue : mapping
        Effect of each offer in the catalogue of today.
    following : mapping or None
        What the list of today can show: ``treatment``, ``control``, ``mean_risk`` and, where it can
        show any, ``detectable``; see ``campaign.experiment_design.power``.

    Returns
    -------
    dict
        See docs/campaign.md; strict JSON once it is written.
    """
    told = [one for one in measured if one.found is not None]
    tables = {one.campaign.name: one.found.table for one in told if one.found is not None}
    every = list(tables.values())
    units = {str(one.campaign.said["unit"]) for one in measured}
    against = _against_global(measured)
    return {
        "method": METHOD,
        "unit": min(units) if len(units) == 1 else None,
        "campaigns": [_campaign(one) for one in measured],
        "pooled": {
            "all": _group(tables, least=MIN_POOLED) | {"so_far": _so_far(every)},
            "offers": {
                code: found | {"in_catalogue": code in catalogue}
                for code, found in _groups(tables, _by("offer")).items()
            },
            "channels": _groups(tables, _by("channel")),
            "segments": _groups(tables, lambda table: dict(segments_of(table["segment"]))),
        },
        "money": _money(told)
        if len({str(one.campaign.said["unit"]) for one in told}) == 1
        else None,
        "programme": against | ({} if len(units) == 1 else {"money": None}),
        "offer_by_segment": offers_by_segment(every),
        "interaction": {"difference": INTERACTION, "power": POWER},
        "next": _following(every, following),
        "catalogue": _offers(told, catalogue),
    }


def _by(column: str) -> Callable[[pd.DataFrame], dict[str, np.ndarray]]:
    return lambda table: {
        str(word): (table[column] == word).to_numpy() for word in sorted(table[column].unique())
    }


def _groups(
    tables: Mapping[str, pd.DataFrame],
    split: Callable[[pd.DataFrame], Mapping[str, np.ndarray]],
) -> dict[str, dict[str, Any]]:
    """Return the effect on each group of customers, over the campaigns in which it occurs."""
    parts: dict[str, dict[str, pd.DataFrame]] = {}
    for campaign, table in tables.items():
        for name, rows in split(table).items():
            parts.setdefault(name, {})[campaign] = table[rows]
    return {name: _group(parts[name], least=MIN_GROUP) for name in sorted(parts)}


def _group(tables: Mapping[str, pd.DataFrame], *, least: int) -> dict[str, Any]:
    """Return the effect on a group of customers, with those in it and the campaigns that are not.

    Of a group of which nothing can be told the customers are all of known drop.
    """
    every = list(tables.values())
    effect = drop_effect(cells_of(every, LABEL), least=least)
    enough = {name: bool(cells_of([table], LABEL)) for name, table in tables.items()}
    counted = [
        known_drops(table)["treated"].to_numpy()
        for name, table in tables.items()
        if enough[name] or effect["prevented"] is None
    ]
    counts = count_arms(np.concatenate([*counted, np.array([], dtype=bool)]))
    found = {str(arm): count for arm, count in counts.items()} | effect
    found |= {name: money_effect(cells_of(every, name), least=least) for name in AMOUNTS}
    return found | {"too_small": [name for name in tables if not enough[name]]}


def _so_far(tables: Sequence[pd.DataFrame]) -> dict[str, Any] | None:
    return share_so_far(cells_of(tables, LABEL))


def _campaign(one: AnsweredCampaign) -> dict[str, Any]:
    """Return what one campaign did, in the form of programme.json."""
    campaign = one.campaign
    known = one.answers
    if LABEL in known:
        known = known[known[LABEL].notna()]
    arms = campaign.listed.loc[campaign.listed[IDENTITY].isin(set(known[IDENTITY]))]
    counts = count_arms(campaign.listed["treated"].to_numpy())
    told = {str(arm): count for arm, count in count_arms(arms["treated"].to_numpy()).items()}
    members = campaign.members[IDENTITY]
    content = one.found.content if one.found else {}
    money = content.get("money")
    if money:
        total = (money["saved"], money["saved_low"], money["saved_high"])
        money = money_told(1, total, money["cost"])
        del money["campaigns"]
    return {
        "name": campaign.name,
        "date": campaign.said["date"],
        "end": campaign.said["end"],
        "unit": campaign.said["unit"],
        "customers": {str(arm): count for arm, count in counts.items()}
        | {"global_control": len(members)},
        "answered": told | {"global_control": int(members.isin(set(known[IDENTITY])).sum())},
        "drop": _everyone(content.get(LABEL), LABEL),
        **{name: _everyone(content.get(name), name) for name in AMOUNTS},
        "money": money,
        "left_out": one.left_out,
        "left_out_why": one.why,
    }


def _everyone(found: Mapping[str, Any] | None, outcome: str) -> dict[str, Any] | None:
    """Return the effect on everyone of a campaign, None where it cannot be told."""
    effect = found["pooled"]["everyone"] if found else {}
    if "difference" not in effect:
        return None
    low, high = effect["difference_low"], effect["difference_high"]
    told = {f"mean_{arm}": effect[f"mean_{arm}"] for arm in Arm}
    told |= {"difference": effect["difference"], "low": low, "high": high}
    if outcome == LABEL:
        told |= {key: effect[key] for key in ("prevented", "prevented_low", "prevented_high")}
    return told | {"verdict": MORE if low > 0 else FEWER if high < 0 else UNTOLD}


def _money(told: Sequence[AnsweredCampaign]) -> dict[str, Any] | None:
    """Return the money that all campaigns kept and what they cost, None where it cannot be told."""
    tables = [
        one.found.table.assign(
            lost=one.found.table[LABEL] * one.found.table["stake"],
            due=one.found.table["risk"] * one.found.table["stake"],
        )
        for one in told
        if one.found is not None and one.found.content["money"] is not None
    ]
    cells = cells_of(tables, "lost", covariate="due")
    total = total_kept(cells, [int(table["treated"].sum()) for table in tables])
    if total is None:
        return None
    cost = sum(float(table.loc[table["treated"], "cost"].sum()) for table in tables)
    return money_told(len(tables), total, cost)


def _against_global(measured: Sequence[AnsweredCampaign]) -> dict[str, Any]:
    """Return what the campaigns brought against the global control.

    A campaign whose own split is broken lost customers in a way nobody knows, and is left out here
    as well; one without a control group is not.
    """
    tables, members, shares, broken = {}, {}, {}, []
    for one in measured:
        campaign = one.campaign
        name = campaign.name
        if one.left_out == "broken_split" or LABEL not in one.answers:
            broken.append((name, one.left_out or "no_drops"))
        how = {"answers": one.answers, "terms": campaign.terms}
        tables[name] = with_outcomes(campaign.listed, campaign.listed, **how)
        members[name] = with_outcomes(campaign.members, campaign.members, **how)
        shares[name] = float(campaign.said["global_control"]["share"])
    return programme(tables, members, shares, left_out=dict(broken))


def _following(
    tables: Sequence[pd.DataFrame], following: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Return the smallest share prevented that the list of today shows, alone and with the others.

    Together: of all the drops that there would have been on the lists that were measured and on
    that of today, as ``so_far`` tells it once the next campaign is measured too.
    """
    if following is None:
        return None
    alone = following.get("detectable")
    customers = sum(int(following[arm]) for arm in Arm)
    found = {"customers": customers, "alone": alone, "pooled": None}
    cells = cells_of(tables, LABEL)
    so_far = share_so_far(cells)
    if alone is None or so_far is None or so_far["low"] is None:
        return found
    reach = float(ndtri(0.975) + ndtri(POWER))
    errors = np.array([(so_far["high"] - so_far["low"]) / 2 / float(ndtri(0.975)), alone / reach])
    drops = [sum(len(cell.treated) * cell.means.control.mean for cell in cells)]
    weights = np.array([*drops, customers * following["mean_risk"]])
    weights = weights / weights.sum()
    return found | {"pooled": reach * float(np.hypot(*(weights * errors)))}


def _offers(told: Sequence[AnsweredCampaign], catalogue: Mapping[str, float]) -> dict[str, Any]:
    """Return the effects for the next campaign, from the answers of all campaigns.

    They are held against what was assumed by the first list that had the offer: what later lists
    assumed may hold earlier answers, which would then count twice.
    """
    assumed = [assumed_by(one.campaign.listed) for one in told]
    first: dict[str, float] = {}
    for one in reversed(assumed):
        first |= one
    tables = [known_drops(one.found.table) for one in told if one.found is not None]
    found = effects_to_use(tables, first) if tables else {}
    return {
        "effects": found,
        "changed_since": changed_since(found, catalogue, assumed),
        "unknown_offers": sorted(code for code in found if code not in catalogue),
    }
