"""The effects of a campaign on everyone, on each offer's and on each segment's customers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from retention.core.arms import Arm, count_arms
from retention.core.vocabulary import LABEL
from retention.measurement.ab_test import (
    MIN_GROUP,
    MIN_POOLED,
    Means,
    adjusted_means,
    arms_reach,
    drop_means,
    money,
    prevented,
    segments_of,
    smallest_effect,
)


def in_arms(table: pd.DataFrame, rows: pd.Series) -> dict[Arm, int]:
    """Return how many of the rows that `rows` marks are in each arm."""
    return count_arms(table.loc[rows, "treated"].to_numpy())


def means_in_arms(table: pd.DataFrame, name: str) -> dict[Arm, float | None]:
    """Return the mean of a column in each arm, None where nobody of it has a value."""
    means = table.groupby("treated")[name].mean().dropna()
    return {Arm.TREATMENT: means.get(True), Arm.CONTROL: means.get(False)}


def effect_of(
    table: pd.DataFrame, outcome: str, estimate: Callable[..., Means], *, least: int
) -> dict[str, Any]:
    """Return the effect on one group, or the counts alone where an arm has fewer than `least`."""
    treated = table["treated"].to_numpy()
    found: dict[str, Any] = {str(arm): count for arm, count in count_arms(treated).items()}
    if not arms_reach(treated, least):
        return found
    means = estimate(table[outcome].to_numpy(), treated, table["risk"].to_numpy())
    low, high = means.interval
    found |= {f"mean_{Arm.TREATMENT}": means.treatment.mean}
    found |= {f"mean_{Arm.CONTROL}": means.control.mean}
    found |= {"difference": means.difference, "difference_low": low, "difference_high": high}
    if outcome == LABEL:
        share = prevented(means)
        limited = share is not None and np.isfinite(share.low)
        found |= {"prevented": None if share is None else share.share}
        found |= {"prevented_low": share.low if limited else None}
        found |= {"prevented_high": share.high if limited else None}
        found["smallest"] = smallest_effect(means)
    return found


def effects(table: pd.DataFrame, outcome: str) -> dict[str, dict[str, Any]]:
    """Return the effect on everyone, on each offer's and on each segment's customers."""
    estimate = drop_means if outcome == LABEL else adjusted_means
    known = table[table[outcome].notna()]
    offers = sorted(known["offer"].unique())
    groups = {
        "offer": {code: (known["offer"] == code).to_numpy() for code in offers},
        "segment": dict(segments_of(known["segment"])),
    }
    found = {"pooled": {"everyone": effect_of(known, outcome, estimate, least=MIN_POOLED)}}
    for kind, members in groups.items():
        found[kind] = {
            name: effect_of(known[rows], outcome, estimate, least=MIN_GROUP)
            for name, rows in members.items()
        }
    return found


def money_of(table: pd.DataFrame) -> dict[str, float] | None:
    """Return the money that the campaign kept and what it cost, or None with too few customers."""
    known = table[LABEL].notna().to_numpy()
    treated = table["treated"].to_numpy()
    if not arms_reach(treated[known], MIN_POOLED):
        return None
    columns = [table.loc[known, name].to_numpy() for name in (LABEL, "treated", "risk", "stake")]
    cost = float(table.loc[treated, "cost"].sum())
    found = money(*columns, receivers=int(treated.sum()), cost=cost)
    return {"saved": found.saved, "saved_low": found.low, "saved_high": found.high, "cost": cost}
