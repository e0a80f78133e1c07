"""What the page shows of campaigns: what was sent, what runs, what came of it, along time."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from retention.core.arms import Arm
from retention.core.files import read_json
from retention.core.kept_campaigns import kept_campaigns
from retention.core.months import last_day, months_after, shifted
from retention.core.paths import PROGRAMME

SHOWN_CAMPAIGNS = 24
"""Campaigns that the page shows, the newest; report/overview.json has all."""
NAMED_MONTHS = 6
"""Months that are named along the timeline, at most."""
LEAST_ANSWERS = {"everyone": 30, "group": 100}
"""Outcomes that either arm needs for an effect on everyone, and on a group (of an offer, channel or
segment), over all campaigns: those by which ``measurement`` tells one."""


class CampaignState(StrEnum):
    """How far a campaign is, on the day of the data."""

    PLANNED = "planned"
    """Its list is the one of this run; nothing was launched."""
    LAUNCHED = "launched"
    """Launched; it starts on a later day."""
    RUNNING = "running"
    """Launched and begun; its outcome lies ahead."""
    AWAITED = "awaited"
    """Its outcome is there to be measured."""
    MEASURED = "measured"
    """What it did is known, or that it cannot be."""
    LEFT_OUT = "left_out"
    """Measured, but its arms cannot be compared."""
    LIST_ONLY = "list_only"
    """Nothing but its list is kept."""


@dataclass(frozen=True)
class CampaignsSoFar:
    """The campaigns that are kept.

    Attributes
    ----------
    launched : dict of str to dict or None
        By name what launch.json holds; None of a campaign of which only the list is kept.
    programme : dict or None
        What all measured ones show together; None before the first.
    """

    launched: Mapping[str, Mapping[str, Any] | None]
    programme: Mapping[str, Any] | None


def read_campaigns_so_far(folder: Path) -> CampaignsSoFar:
    """Read what is kept of campaigns.

    Raises
    ------
    InputError
        See ``kept_campaigns``.
    """
    launched = {one.name: one.said for one in kept_campaigns(folder)}
    place = folder / PROGRAMME.name
    return CampaignsSoFar(launched, read_json(place) if place.is_file() else None)


def campaign_rows(
    so_far: CampaignsSoFar, planned: Mapping[str, Any] | None, *, today: str
) -> list[dict[str, Any]]:
    """Return a row for each campaign, the newest first; those without a day last.

    Parameters
    ----------
    so_far : CampaignsSoFar
    planned : mapping or None
        The row of the list of this run, see :func:`planned_row`; passed over where a campaign of
        its name was launched.
    today : str
        The day of the data, as ``YYYY-MM-DD``.

    Returns
    -------
    list of dict
        ``name``, ``state``, ``date``, ``end`` (the first day on which the outcome is known),
        ``treatment``, ``control``, ``global_control``, ``channels`` (treated customers of each),
        ``cost``, ``place`` in the programme's campaigns and ``left_out``; None where unknown.
    """
    told = (so_far.programme or {}).get("campaigns", [])
    places = {one["name"]: place for place, one in enumerate(told)}
    rows = [
        _launched_row(name, said, told, places.get(name), today=today)
        for name, said in so_far.launched.items()
    ]
    rows += [
        _launched_row(name, told[place], told, place, today=today)
        for name, place in places.items()
        if name not in so_far.launched
    ]
    if planned is not None and planned["name"] not in so_far.launched:
        rows.append(dict(planned))
    rows.sort(key=lambda row: row["name"])
    return sorted(rows, key=lambda row: row["date"] or "", reverse=True)


def planned_row(
    segment: Mapping[str, Any], campaign: Mapping[str, Any], *, channels: Mapping[str, int]
) -> dict[str, Any] | None:
    """Return the row of the list of this run, None where there is nobody to contact.

    Parameters
    ----------
    segment : mapping
        Details of segment.
    campaign : mapping
        Params of the campaign and, as ``horizon``, the months after which an outcome is known.
    channels : mapping of str to int
        Customers who get an offer by each channel.
    """
    if segment["rehearsal"] is not None or not segment["treatment"]:
        return None
    start = campaign["date"] or segment["date"]
    end = months_after(datetime.date.fromisoformat(start), campaign["horizon"])
    customers = {key: segment.get(key, 0) for key in ("treatment", "control", "global_control")}
    return {
        "name": campaign["name"],
        "state": str(CampaignState.PLANNED),
        "date": start,
        "end": end.isoformat(),
        **customers,
        "channels": dict(channels),
        "cost": segment["treatment_cost"],
        "place": None,
        "left_out": None,
    }


def _launched_row(
    name: str,
    said: Mapping[str, Any] | None,
    told: Sequence[Mapping[str, Any]],
    place: int | None,
    *,
    today: str,
) -> dict[str, Any]:
    """Return the row of a campaign that was launched, or of which the programme knows."""
    found = said or {}
    customers = found.get("customers", {})
    why = None if place is None else told[place]["left_out"]
    return {
        "name": name,
        "state": str(_state(said, place, why, today=today)),
        "date": found.get("date"),
        "end": found.get("end"),
        **{key: customers.get(key) for key in ("treatment", "control", "global_control")},
        "channels": dict(found.get("channels", {})),
        "cost": found.get("treatment_cost"),
        "place": place,
        "left_out": why,
    }


def _state(
    said: Mapping[str, Any] | None, place: int | None, why: str | None, *, today: str
) -> CampaignState:
    if place is not None:
        return CampaignState.MEASURED if why is None else CampaignState.LEFT_OUT
    if said is None:
        return CampaignState.LIST_ONLY
    if today < said["date"]:
        return CampaignState.LAUNCHED
    return CampaignState.RUNNING if today < said["end"] else CampaignState.AWAITED


def comparable_answers(programme: Mapping[str, Any] | None) -> int:
    """Return how many answers of the global control can be, or could with more, compared.

    An answer is one of a member for one campaign. Those for campaigns that are left out for another
    reason than that there are few are none.
    """
    rows = (programme or {}).get("programme", {}).get("campaigns", [])
    return sum(row["global_control"] for row in rows if row["left_out"] in {None, "few_members"})


def told_of_next(programme: Mapping[str, Any], segment: Mapping[str, Any], *, name: str) -> bool:
    """Tell whether what the programme says of the next campaign is true of the list of this run.

    It was found when a campaign was measured, of the list of that day.

    Parameters
    ----------
    programme : mapping
        What programme.json holds; empty before the first measured campaign.
    segment : mapping
        Details of segment.
    name : str
        Of the campaign of this run.
    """
    found = programme.get("next")
    if found is None or name in {one["name"] for one in programme["campaigns"]}:
        return False
    listed = sum(segment[arm] for arm in Arm)
    detectable = segment["power"]["pooled"].get("detectable")
    return found["customers"] == listed and found["alone"] == detectable


def timeline_of(
    rows: Iterable[Mapping[str, Any]], *, today: str, rest_days: int
) -> dict[str, Any] | None:
    """Return where campaigns lie along time, None of no campaign with a day.

    Parameters
    ----------
    rows : iterable of mapping
        See :func:`campaign_rows`.
    today : str
        The day of the data.
    rest_days : int
        Days after a campaign in which those whom it treated are left alone.

    Returns
    -------
    dict
        Days as whole numbers: ``low`` and ``high``, the ends of the picture; ``today``; ``bars``,
        each with ``name``, ``state``, ``start``, ``end`` and ``rest`` (until when), the oldest
        first; ``months``: the first days (``at``) of those that are named, each as ``YYYY-MM``.
    """
    known = [row for row in reversed(list(rows)) if row["date"]]
    if not known:
        return None
    bars = [
        {
            "name": row["name"],
            "state": row["state"],
            "start": _day(row["date"]),
            "end": _day(row["end"]),
            "rest": _day(row["end"]) + rest_days,
        }
        for row in known
    ]
    low = min([_day(today), *(bar["start"] for bar in bars)])
    high = max([_day(today), *(bar["rest"] for bar in bars)])
    return {
        "low": low,
        "high": high,
        "today": _day(today),
        "bars": bars,
        "months": _months(low, high),
    }


def _months(low: int, high: int) -> list[dict[str, Any]]:
    """Return the months that begin between two days, every so many of them."""
    month = datetime.date.fromordinal(low).isoformat()[:7]
    found = []
    while (day := last_day(month).toordinal() + 1) <= high:
        month = shifted(month, 1)
        found.append({"month": month, "at": day})
    return found[:: -(-len(found) // NAMED_MONTHS) or 1]


def _day(day: str) -> int:
    return datetime.date.fromisoformat(day).toordinal()


def effect_reach(effects: Iterable[Mapping[str, Any] | None]) -> tuple[float, float]:
    """Return from where to where a picture of shares prevented reaches, within -1 and 1.

    Parameters
    ----------
    effects : iterable of mapping
        ``prevented`` with its ends ``low`` and ``high`` or ``prevented_low`` and
        ``prevented_high``; None, also of a key, where it cannot be told.
    """
    ends = [
        one[key]
        for one in effects
        if one is not None
        for key in ("prevented", "low", "high", "prevented_low", "prevented_high")
        # Of an effect with ends of its own, low and high are those of the difference.
        if one.get(key) is not None and not (key in {"low", "high"} and "prevented_low" in one)
    ]
    return max(-1.0, min([*ends, 0.0])), min(1.0, max([*ends, 0.0]))
