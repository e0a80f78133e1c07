"""Drift: do customers whose outcome is ahead differ from those from whom the model has learnt?

In a snapshot they are the customers without an outcome and those with one; in months, the last
month and the rows that taught the model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from retention.core.audience import is_ahead
from retention.core.findings import Finding, Level
from retention.core.months import newest
from retention.core.row_weights import one_each, represented
from retention.core.sampling import Sampling
from retention.core.teaching import taught
from retention.stats.effects import holm
from retention.stats.two_samples import DistributionGap, mean_gap, number_gap, word_gap

FEWEST = 5
"""Customers of a side from which a column is compared."""
DRIFT_SAMPLE = Sampling(20_000, seed=0, purpose="drift")
"""Customers of each side that are compared: enough to find every difference that matters."""
DRIFT_LEVEL = 0.05
"""Chance that any column is told to drift in a shop where none does."""
_INTERVAL = 0.95
_ONE_SIDED = 0.5
"""A number is told higher where it lies lower by at most this part of the distance."""


@dataclass(frozen=True)
class Drifted:
    """A column that differs.

    Attributes
    ----------
    column : str
    kind : str
        What is compared: ``number``, ``word`` or ``missing`` (the share of empty cells).
    value : str or None
        Of words the one whose share changed most.
    direction : str
        ``higher``, ``lower``, or ``otherwise``: a number that is spread in another way.
    distance : float
        From 0 (alike) to 1 (nothing in common), see :mod:`retention.stats.two_samples`.
    p_value : float
        After Holm's correction for all comparisons.
    before, ahead : float
        Mean of the number, or share of the word or of the empty cells, on each side.
    """

    column: str
    kind: str
    value: str | None
    direction: str
    distance: float
    p_value: float
    before: float
    ahead: float


@dataclass(frozen=True)
class Drift:
    """What drifted, the largest distance first.

    Attributes
    ----------
    before, ahead : int
        Customers compared: those of known outcome, and those whose outcome is ahead.
    comparisons : int
        0 where nothing could be compared.
    columns : tuple of Drifted
    """

    before: int
    ahead: int
    comparisons: int
    columns: tuple[Drifted, ...]

    @property
    def details(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "customers": {"before": self.before, "ahead": self.ahead},
            "comparisons": self.comparisons,
            "columns": [asdict(one) for one in self.columns],
        }

    @property
    def findings(self) -> list[Finding]:
        """One warning a column, in the order of the columns' names."""
        largest = {one.column: one.distance for one in reversed(self.columns)}
        return [
            Finding(Level.WARNING, "", name, "drift", self.ahead, f"{distance:.2f}")
            for name, distance in sorted(largest.items())
        ]


def find_drift(table: pd.DataFrame, names: Sequence[str], *, least: float) -> Drift:
    """Compare customers whose outcome is ahead with those of known outcome, column by column.

    A column is told where chance does not explain the difference (Holm 1979 over all comparisons,
    so that any false alarm has a chance of :data:`DRIFT_LEVEL` at most) and its distance is at
    least `least`: in a large shop the smallest difference is beyond chance. Numbers and words are
    compared where they are known, and the shares of empty cells by themselves.

    Parameters
    ----------
    table : DataFrame
        ``drop``, ``twin_key``, ``scored`` (one of each twin pair) and the columns.
    names : sequence of str
        The columns to compare.
    least : float
        Distance that matters, 0 to 1.
    """
    rows = table[table["scored"]]
    ahead = is_ahead(rows)
    return compare_sides(rows[~ahead], rows[ahead], names, least=least, level=DRIFT_LEVEL)


def compare_sides(
    before: pd.DataFrame, ahead: pd.DataFrame, names: Sequence[str], *, least: float, level: float
) -> Drift:
    """Compare two groups of customers, a row each, column by column.

    Parameters
    ----------
    before, ahead : DataFrame
        ``twin_key`` and the columns.
    names, least
        As :func:`find_drift` takes them.
    level : float
        Chance that any column is told where none drifts.
    """
    sides = [DRIFT_SAMPLE.lowest(side) for side in (before, ahead)]
    counts = [len(side) for side in sides]
    if min(counts) < FEWEST:
        return Drift(*counts, 0, ())
    found = [one for name in names for one in _compare(name, *(side[name] for side in sides))]
    chances = holm(np.array([one.p_value for one in found]))
    told = [
        Drifted(**(asdict(one) | {"p_value": float(chance)}))
        for one, chance in zip(found, chances, strict=True)
        if chance <= level and one.distance >= least
    ]
    told.sort(key=lambda one: (-round(one.distance, 6), one.column, one.kind))
    return Drift(*counts, len(found), tuple(told))


def find_month_drift(
    table: pd.DataFrame,
    names: Sequence[str],
    *,
    least: float,
    level: float,
    whole: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows,
) -> dict[str, Any]:
    """Compare the last month with the months that taught the model, column by column and by risk.

    A customer's months are alike, so each customer, with its twins, has one row among those who
    taught, its month chosen by hash: rows of one side are independent. That most customers stand
    on both sides makes a false alarm rarer. Controls stand for customers who were treated and so
    could teach nothing (`row_weights.represented`). The last month needs no weights: what is
    compared was known before anybody could be treated in its outcome window.

    Parameters
    ----------
    table : DataFrame
        Rows of months with ``risk``, ``out_of_fold``, ``twin_key``, ``behaviour_key``, ``scored``
        and the columns.
    names : sequence of str
        The columns to compare.
    least : float
        Distance that matters, 0 to 1.
    level : float
        Chance that anything is told in a shop where nothing drifts.
    whole : callable, optional
        Returns rows of the table with the columns, where it lacks them.

    Returns
    -------
    dict
        As ``Drift.details``, and ``risk``: as :func:`risk_drift` gives it, with ``drifted``,
        whether it is told as the columns are; None where either side is too small.
    """
    before, ahead = (
        one_each(represented(table[taught(table) & table["out_of_fold"]])),
        newest(table[table["scored"]]),
    )
    compared = (whole(DRIFT_SAMPLE.lowest(side)) for side in (before, ahead))
    found = compare_sides(*compared, [*names, "risk"], least=least, level=level)
    columns = [one for one in found.details["columns"] if one["column"] != "risk"]
    gap = risk_gap(before["risk"], ahead["risk"])
    if gap is not None:
        gap["drifted"] = len(columns) < len(found.columns)
    return found.details | {"columns": columns, "risk": gap}


def _compare(name: str, before: pd.Series, ahead: pd.Series) -> list[Drifted]:
    """Return what there is to compare of a column, whether it differs or not."""
    found = []
    empty = [side.isna() for side in (before, ahead)]
    if any(side.any() for side in empty):
        gap = word_gap(*(side.map({True: "empty", False: "known"}) for side in empty))
        shares = [float(side.mean()) for side in empty]
        found.append(_drifted(name, "missing", None, gap, shares))
    known = [side.dropna() for side in (before, ahead)]
    if min(len(side) for side in known) < FEWEST:
        return found
    if pd.api.types.is_numeric_dtype(before):
        numbers = [side.to_numpy("float64") for side in known]
        means = [float(side.mean()) for side in numbers]
        return [*found, _drifted(name, "number", None, number_gap(*numbers), means)]
    shares = pd.concat(
        [side.astype(object).value_counts(normalize=True) for side in known], axis=1
    ).fillna(0)
    shares = shares.sort_index()
    moved = (shares.iloc[:, 1] - shares.iloc[:, 0]).abs().round(9).idxmax()
    told = [float(share) for share in shares.loc[moved]]
    return [*found, _drifted(name, "word", str(moved), word_gap(*known), told)]


def _drifted(
    name: str, kind: str, value: str | None, gap: DistributionGap, means: Sequence[float]
) -> Drifted:
    before, ahead = means
    direction = "higher" if ahead >= before else "lower"
    if kind == "number":
        ways = (gap.above, gap.below) if direction == "higher" else (gap.below, gap.above)
        direction = direction if ways[1] <= _ONE_SIDED * ways[0] else "otherwise"
    return Drifted(name, kind, value, direction, gap.distance, gap.p_value, before, ahead)


def risk_drift(customers: pd.DataFrame) -> dict[str, Any] | None:
    """Return how far the risk of customers whose outcome is ahead differs from that of the others.

    Of the others nobody's risk comes from a model that has seen the outcome.

    Parameters
    ----------
    customers : DataFrame
        ``drop``, ``scored`` and ``risk``.

    Returns
    -------
    dict or None
        Mean risk ``before`` and ``ahead``, their ``difference`` with ``low`` and ``high`` (95 %),
        ``distance`` and ``p_value`` (as of a number); None where either side is too small.
    """
    rows = customers[customers["scored"]]
    ahead = is_ahead(rows)
    return risk_gap(*(rows.loc[side, "risk"] for side in (~ahead, ahead)))


def risk_gap(earlier: pd.Series, later: pd.Series) -> dict[str, Any] | None:
    """Return how far the risks of two groups of customers differ, as :func:`risk_drift` does."""
    before, after = (side.to_numpy("float64") for side in (earlier, later))
    if min(len(before), len(after)) < FEWEST:
        return None
    means, gap = mean_gap(before, after, level=_INTERVAL), number_gap(before, after)
    return {
        "before": means.before,
        "ahead": means.after,
        "difference": means.difference,
        "low": means.low,
        "high": means.high,
        "distance": gap.distance,
        "p_value": gap.p_value,
    }


def judge_drift(
    customers: pd.DataFrame,
    columns: Sequence[Mapping[str, Any]],
    *,
    most: float | None,
    risk: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what drift does to the risk, and whether it is too large for a campaign.

    Parameters
    ----------
    customers : DataFrame
        ``drop``, ``scored`` and ``risk``.
    columns : sequence of mapping
        What drifted, as ``Drift.details`` has it.
    most : float or None
        Largest distance of a column or the risk with which a campaign may be sent; no limit
        where it is None.
    risk : mapping, optional
        As :func:`risk_drift` returns it, where it is not that of `customers`.

    Returns
    -------
    dict
        ``risk``, see :func:`risk_drift`; ``largest``, the largest distance among the columns and
        the risk (where chance does not explain it), 0 without any; ``largest_of``, whose it is
        (empty without any); and whether it is ``too_large``.
    """
    risk = risk_drift(customers) if risk is None else risk
    distances = {str(one["column"]): float(one["distance"]) for one in reversed(columns)}
    # Of months the level is that of a year's alarms, which evaluate has held it against.
    if risk is not None and risk.get("drifted", risk["p_value"] <= DRIFT_LEVEL):
        distances["risk"] = risk["distance"]
    name = max(distances, key=lambda one: (distances[one], one), default="")
    largest = distances.get(name, 0.0)
    return {
        "risk": risk,
        "largest": largest,
        "largest_of": name,
        "too_large": most is not None and largest > most,
    }
