"""What the page adds up from the tables of a run: how many are at risk, what stands to be lost."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from retention.core.audience import audience_of, is_ahead
from retention.core.findings import Level
from retention.core.value_at_risk import profit_at_stake
from retention.core.vocabulary import PROFIT

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
        "expected_drops": float(risk.sum()),
        "monthly_profit": float(audience[PROFIT].sum()),
        "profit_at_stake": float(
            (risk * profit_at_stake(audience, months=months, lost=lost)).sum()
        ),
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


def count_findings(report: Sequence[Mapping[str, object]]) -> dict[str, int]:
    """Return how many findings there are of each level."""
    return {str(level): sum(row["level"] == level for row in report) for level in Level}


def cells(
    customers: pd.DataFrame,
    names: Sequence[str],
    *,
    listed: Sequence[str],
    segments: Sequence[str],
) -> dict[str, dict[str, object]]:
    """Return who is in each cell of the grid of risk and profit.

    Parameters
    ----------
    customers : DataFrame
        ``customer_id``, ``grid``, ``segments`` and ``reasons`` (names with spaces between).
    names : sequence of str
        The cells to tell of.
    listed : sequence of str
        Ids on the campaign's list.
    segments : sequence of str
        Names of the segments.

    Returns
    -------
    dict
        By cell: ``listed``; ``segments`` (customers of each); ``reasons`` (a list of the three
        most frequent first reasons, each ``feature`` and ``customers``).
    """
    on_list = customers["customer_id"].isin(set(listed))
    first = customers["reasons"].fillna("").str.split(" ").str[0]
    found = {}
    for cell in names:
        inside = (customers["grid"] == cell).to_numpy()
        joint = customers.loc[inside, "segments"].fillna("").value_counts()
        members: Counter[str] = Counter()
        for joined, count in joint.items():
            members.update(dict.fromkeys(joined.split(), int(count)))
        why = first[inside][first[inside] != ""].value_counts()
        why = why.sort_index().sort_values(ascending=False, kind="stable").head(TOP)
        found[cell] = {
            "listed": int(on_list[inside].sum()),
            "segments": {name: members[name] for name in segments},
            "reasons": [
                {"feature": feature, "customers": int(count)} for feature, count in why.items()
            ],
        }
    return found
