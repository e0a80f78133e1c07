"""On which terms a campaign was launched: days, lots and the global control, each as it must be."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retention.core.errors import InputError, shown
from retention.core.kept_campaigns import KeptCampaign


@dataclass(frozen=True)
class LaunchedTerms:
    """What ``launch.json`` tells of days and lots.

    Attributes
    ----------
    date, valid_until, end : date
        The start, the last day of the offers, and the day on which the outcome is known.
    seed : int
    control_share : float
        Of the campaign's own control, in [0, 1).
    global_seed : int
    global_share : float
        Of the customers whom no campaign contacts, in [0, 1).
    """

    date: datetime.date
    valid_until: datetime.date
    end: datetime.date
    seed: int
    control_share: float
    global_seed: int
    global_share: float


def read_terms(kept: KeptCampaign) -> LaunchedTerms | None:
    """Return the terms of a campaign that was launched; None of one of which a list alone is kept.

    Raises
    ------
    InputError
        If ``launch.json`` names a day that is none.
    """
    said = kept.said
    if said is None:
        return None
    days = {key: _day(kept, said, key) for key in ("date", "valid_until", "end")}
    # `kept_campaigns` has compared the lots with the params that lie beside.
    control = said["global_control"]
    lots = {"seed": int(said["seed"]), "control_share": float(said["control_share"])}
    return LaunchedTerms(
        **days, **lots, global_seed=int(control["seed"]), global_share=float(control["share"])
    )


def _day(kept: KeptCampaign, said: Mapping[str, Any], key: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(str(said.get(key)))
    except ValueError:
        raise InputError(
            f"{kept.launch}: {key} is {shown(said.get(key))}; valid: a day as YYYY-MM-DD"
        ) from None
