"""What the page adds up from the tables of a run: how many are at risk, what stands to be lost."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from retention.core.arms import Arm
from retention.core.audience import audience_of, is_ahead
from retention.core.findings import Level
from retention.core.value_at_risk import profit_at_stake
from retention.core.vocabulary import PROFIT
from retention.report.people import CellCounts

TOP = 3


def headline_figures(
    customers: pd.DataFrame, *, threshold: float, months: float, lost: float
) -> dict[str, float]:
    """Return how the customers are, in a few figures.

    Parameters
    ----------
    customers : DataFrame
        ``risk``, ``drop`` (missing for those whose months are ahead) and ``profit`` (a month).
    threshold : float
        Risk from which the model calls a customer at risk, 0 to 1.
    months, lost : float
        Months over which a lost customer's profit counts, and the share that a drop costs.

    Returns
    -------
    dict
        ``customers``, ``audience`` (those whom the campaign looks at), ``ahead`` (their months
        are still to come), ``at_risk`` and ``at_risk_share`` of the audience,
        ``expected_drops`` (sum of the risks) and ``profit_at_stake`` (sum of risk x monthly
        profit x months x share lost), ``monthly_profit`` of the audience.
    """
    audience = audience_of(customers)
    risk = audience["risk"].to_numpy("float64")
    at_risk = int((risk >= threshold).sum())
    return {
        "customers": len(customers),
        "audience": len(audience),
        "ahead": int(is_ahead(customers).sum()),
        "at_risk": at_risk,
        "at_risk_share": at_risk / max(1, len(audience)),
        # The same sums in whatever order, so however many parts the customers lie in.
        "expected_drops": math.fsum(risk),
        "monthly_profit": math.fsum(audience[PROFIT].dropna()),
        "profit_at_stake": math.fsum(risk * profit_at_stake(audience, months=months, lost=lost)),
    }


def came_true(bins: pd.DataFrame) -> list[dict[str, object]]:
    """Return what was told and what happened, and which group of customers is worst.

    Parameters
    ----------
    bins : DataFrame
        ``told`` (mean risk), ``dropped`` (share that dropped), ``customers``, the interval
        ``low`` to ``high``, and ``misses``, where chance does not explain the gap.

    Returns
    -------
    list of dict
        The columns of `bins`; ``worst`` marks the row of the largest gap among those that miss.
    """
    rows = bins.to_dict("records")
    gaps = [abs(row["told"] - row["dropped"]) if row["misses"] else 0.0 for row in rows]
    worst = gaps.index(max(gaps)) if any(gaps) else -1
    return [
        row | {"misses": bool(row["misses"]), "worst": place == worst}
        for place, row in enumerate(rows)
    ]


def funnel(audience: int, excluded: Mapping[str, int]) -> list[dict[str, object]]:
    """Return each gate with how many it stops and how many are left behind it."""
    left, rows = audience, []
    for gate, stopped in excluded.items():
        left -= stopped
        rows.append({"gate": gate, "stopped": stopped, "left": left})
    return rows


def treated_by_channel(
    made: Mapping[str, Mapping[str, float]], channels: Mapping[str, str]
) -> dict[str, int]:
    """Return how many customers get an offer by each channel, the most first; no idle channel.

    Parameters
    ----------
    made : mapping
        By the offer's code its customers, ``treatment`` among them.
    channels : mapping
        By the offer's code its channel.
    """
    found: Counter[str] = Counter()
    for code, one in made.items():
        found[channels[code]] += int(one[Arm.TREATMENT])
    return {name: count for name, count in found.most_common() if count}


def count_findings(report: Sequence[Mapping[str, object]]) -> dict[str, int]:
    """Return how many findings there are of each level."""
    return {str(level): sum(row["level"] == level for row in report) for level in Level}


def cells(
    counts: CellCounts, names: Sequence[str], *, segments: Sequence[str]
) -> dict[str, dict[str, object]]:
    """Return who is in each cell of the grid of risk and profit.

    Parameters
    ----------
    counts : CellCounts
    names : sequence of str
        The cells to tell of.
    segments : sequence of str
        Names of the segments.

    Returns
    -------
    dict
        By cell: ``listed``; ``segments`` (customers of each); ``reasons`` (a list of the three
        most frequent first reasons, each ``feature`` and ``customers``).
    """
    found = {}
    for cell in names:
        why = [(name, count) for (of, name), count in counts.reasons.items() if of == cell]
        why.sort(key=lambda one: (-one[1], one[0]))
        found[cell] = {
            "listed": counts.listed[cell],
            "segments": {name: counts.segments[cell, name] for name in segments},
            "reasons": [{"feature": name, "customers": count} for name, count in why[:TOP]],
        }
    return found
