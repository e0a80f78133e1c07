"""What the campaigns brought, held against the customers whom none contacts: the global control.

Its members pass gates like everyone, and whom another campaign would keep back is not recorded
either (``campaign.earlier``). So those whom a campaign recorded are compared with its list as they
are.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from retention.core.arms import Arm, count_arms
from retention.core.vocabulary import LABEL
from retention.measurement.ab_test import BROKEN_SPLIT, MIN_POOLED, arms_reach, split_p
from retention.measurement.pooling import MIN_CELL, cells_of, drop_effect, total_kept

FEW_MEMBERS = "few_members"
"""Reason why a campaign is not held against the global control: hardly anybody to do it with."""


def programme(
    tables: Mapping[str, pd.DataFrame],
    members: Mapping[str, pd.DataFrame],
    shares: Mapping[str, float],
    *,
    left_out: Mapping[str, str],
) -> dict[str, Any]:
    """Return what all campaigns brought against the global control, by assignment.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Each campaign's list, see ``measurement.with_outcomes``; with ``cost``.
    members : mapping of str to DataFrame
        The same of the members whom it recorded.
    shares : mapping of str to float
        Share of the global control when each was launched.
    left_out : mapping of str to str
        Campaigns not to compare, and why.

    Returns
    -------
    dict
        ``campaigns`` (of whom an outcome is known, and why a campaign is left out), ``listed``
        (everybody of a list, of both arms, against members), ``treatment`` (the treated of it),
        each with the answers that are in the effect (a customer of two campaigns is in both), and
        ``money``, what the lists kept and what the treated cost. None where it cannot be told.
    """
    rows, kept = [], []
    for name, table in tables.items():
        both = _beside(table, members[name])
        known = both.loc[both[LABEL].notna(), "treated"].to_numpy()
        arms = both.loc[both[LABEL].notna(), "arm"]
        reason = left_out.get(name)
        if reason is None and not arms_reach(known, MIN_CELL):
            reason = FEW_MEMBERS
        of_all = both["treated"].to_numpy()
        rare = [split_p(count_arms(one), shares[name]) for one in (of_all, known)]
        if reason is None and min(rare) < BROKEN_SPLIT:
            reason = "broken_split"
        rows.append(
            {
                "name": name,
                "listed": int(known.sum()),
                "treatment": int(arms.eq(Arm.TREATMENT.value).sum()),
                "global_control": int((~known).sum()),
                "left_out": reason,
            }
        )
        if reason is None:
            kept.append(both)
    of_treated = [both[both["arm"] != Arm.CONTROL.value] for both in kept]
    found: dict[str, Any] = {"campaigns": rows}
    for who, compared in (("listed", kept), ("treatment", of_treated)):
        cells = cells_of(compared, LABEL)
        both = [int(cell.treated.sum()) for cell in cells], [len(cell.treated) for cell in cells]
        counts = {who: sum(both[0]), "global_control": sum(both[1]) - sum(both[0])}
        found[who] = counts | drop_effect(cells, least=MIN_POOLED)
    return found | {"money": _money(kept) if found["listed"]["prevented"] is not None else None}


def _beside(table: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Return a list and its members; ``treated`` marks the list, of both arms."""
    listed = table.assign(treated=True)
    return pd.concat([listed, members.assign(treated=False)], ignore_index=True)


def _money(kept: Sequence[pd.DataFrame]) -> dict[str, Any] | None:
    """Return the money that the lists kept against the global control, and what they cost."""
    tables = [
        one.assign(lost=one[LABEL] * one["stake"], due=one["risk"] * one["stake"]) for one in kept
    ]
    told = [(one, cells_of([one], "lost", covariate="due")) for one in tables]
    told = [(one, cells) for one, cells in told if cells]
    total = total_kept(
        [cells[0] for _, cells in told], [int(one["treated"].sum()) for one, _ in told]
    )
    if total is None:
        return None
    sent = [one.loc[one["arm"] == Arm.TREATMENT.value, "cost"].sum() for one, _ in told]
    return money_told(len(told), total, float(sum(sent)))


def money_told(campaigns: int, total: tuple[float, float, float], cost: float) -> dict[str, Any]:
    """Return money kept, with its interval, and cost as they are written, and whether it paid."""
    saved, low, high = total
    verdict = "paid" if low > cost else "not_paid" if high < cost else "unknown"
    return {
        "campaigns": campaigns,
        **{"saved": saved, "low": low, "high": high, "cost": cost, "verdict": verdict},
    }
