"""How good a risk is: every score with its interval, beside others, and by slice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.vocabulary import LABEL
from retention.stats.estimates import (
    ESTIMATES,
    LEAST_OF_CLASS,
    Estimate,
    Gap,
    enough_of_each,
    roc_auc_of,
)
from retention.stats.metrics import (
    LIFTS,
    SCORES,
    at_threshold,
    percentile_interval,
    spreads,
)

SLICED = ("service", "favourite_category", "consent")
"""Columns of words whose slices come first."""
TOO_GOOD = 0.98
"""ROC-AUC above which, with its whole interval, a model is suspected to know what came after."""


@dataclass(frozen=True)
class Resampled:
    """One score of one risk whose interval is the bootstrap's.

    Parameters
    ----------
    value : float
        Of the customers as they are.
    drawn : ndarray of float, shape (n_resamples,)
        Of each resample.
    known : bool
        Whether an interval can be told.
    """

    value: float
    drawn: np.ndarray
    known: bool = True

    def __sub__(self, other: "Resampled") -> "Resampled":
        return Resampled(
            self.value - other.value, self.drawn - other.drawn, self.known and other.known
        )

    def interval(self, level: float) -> tuple[float, float]:
        """Return the percentile interval with coverage `level`; NaN where it cannot be told."""
        drawn = self.drawn if self.known else self.drawn[:0]
        return percentile_interval(drawn, level=level)


Judged = Estimate | Resampled


def told(judged: Judged | Gap, name: str, *, level: float) -> dict[str, float]:
    """Return ``name``, ``name_low`` and ``name_high``."""
    low, high = judged.interval(level)
    return {name: judged.value, f"{name}_low": low, f"{name}_high": high}


def judge(
    label: np.ndarray,
    risk: np.ndarray,
    weights: np.ndarray,
    *,
    threshold: float,
    counts: np.ndarray | None = None,
) -> dict[str, Judged]:
    """Return the scores with a formula, those of calling drops from `threshold` on, and the lifts.

    The interval is that of the formula (`stats.estimates`), else the bootstrap's. With few
    customers of a class there is none. Where customers do not count alike no formula holds.

    Parameters
    ----------
    label : ndarray of 0 and 1, shape (n_customers,)
    risk : ndarray of float, shape (n_customers,)
        The probability told.
    weights : ndarray, shape (n_resamples, n_customers)
        The same for all risks that are to be compared.
    threshold : float
        Of precision, recall and F1.
    counts : ndarray of float, shape (n_customers,), optional
        What each customer counts, where they do not count alike.
    """
    asked = at_threshold(threshold) | LIFTS
    found: dict[str, Judged] = {}
    if counts is None:
        once = spreads(asked, label, risk, np.ones((1, len(label))))
        found |= {name: score(label, risk) for name, score in ESTIMATES.items()}
    else:
        asked = {name: SCORES[name] for name in ESTIMATES} | asked
        once = spreads(asked, label, risk, counts[None, :])
        weights = weights * counts.astype("float32")
    drawn, known = spreads(asked, label, risk, weights), enough_of_each(label)
    return found | {name: Resampled(float(once[name][0]), drawn[name], known) for name in asked}


def score_all(ours: Mapping[str, Judged], *, level: float) -> dict[str, float]:
    """Return every score with its interval."""
    found: dict[str, float] = {}
    for name, judged in ours.items():
        found |= told(judged, name, level=level)
    return found


def beside(
    ours: Mapping[str, Judged], others: Mapping[str, Mapping[str, Judged]], *, level: float
) -> dict[str, float]:
    """Return the ROC-AUC of each other risk, and the model's gain over it, paired."""
    found: dict[str, float] = {}
    for name, theirs in others.items():
        found |= told(theirs["roc_auc"], f"{name}_roc_auc", level=level)
        found |= told(ours["roc_auc"] - theirs["roc_auc"], f"over_{name}", level=level)
    return found


def score_beside(
    ours: Mapping[str, Judged], others: Mapping[str, Mapping[str, Judged]], *, level: float
) -> pd.DataFrame:
    """Return every score of the model and of each baseline on the same customers.

    Parameters
    ----------
    ours : mapping of Judged
        The scores of the model.
    others : mapping of mapping of Judged
        The scores of each baseline, of the same customers; those that it lacks are left out.
    level : float
        Coverage of the intervals.

    Returns
    -------
    DataFrame
        A row a baseline and score: ``baseline``, ``score``, both in one text (``comparison``, which
        names a bar of a plot), then value and interval of the model (``model``), of the baseline
        (``beside``), and of the paired ``difference``, model minus baseline; Brier and log-loss
        are better when lower.
    """
    rows = []
    for score in ours:
        for name, theirs in others.items():
            row: dict[str, object] = {"baseline": name, "score": score}
            row["comparison"] = f"{score}, {name}"
            row |= told(ours[score], "model", level=level)
            row |= told(theirs[score], "beside", level=level)
            row |= told(ours[score] - theirs[score], "difference", level=level)
            rows.append(row)
    return pd.DataFrame(rows)


def slices(
    test: pd.DataFrame,
    *,
    words: Sequence[str] = SLICED,
    minimum: int,
    level: float,
) -> dict[str, dict[str, float]]:
    """Return customers, drop share, mean risk and ROC-AUC of each slice that is large enough.

    The ROC-AUC and its ends are NaN where either class has too few customers to tell them.

    Parameters
    ----------
    test : DataFrame, shape (n_customers, …)
        Test customers with ``risk``.
    words : sequence of str
        Columns of words: customers of one word are a slice.
    minimum : int
        Customers that a slice needs.
    level : float
        Coverage of the interval.
    """
    first = [name for name in SLICED if name in words]
    by = {name: test[name] for name in (*first, *(name for name in words if name not in first))}
    if "tenure_days" in test:
        tenure = pd.qcut(test["tenure_days"], 4, labels=False, duplicates="drop")
        by["tenure_quarter"] = tenure.map("{:.0f}".format, na_action="ignore")
    found, drops, risks = {}, test[LABEL].to_numpy("int64"), test["risk"].to_numpy()
    for column, groups in by.items():
        for value, place in test[["risk"]].groupby(groups).indices.items():
            if len(place) < minimum:
                continue
            label, risk = drops[place], risks[place]
            area = dict.fromkeys(["roc_auc", "roc_auc_low", "roc_auc_high"], float("nan"))
            if enough_of_each(label):
                area = told(roc_auc_of(label, risk), "roc_auc", level=level)
            found[f"{column}={value}"] = {
                "customers": len(place),
                "drop_share": label.mean(),
                "mean_risk": risk.mean(),
                **area,
            }
    return found


def suspected_leak(scores: Mapping[str, float], column: str) -> str | None:
    """Return `column`, which ranks best by itself, where the model is too good to be true.

    It is where the interval of the ROC-AUC lies above :data:`TOO_GOOD` as a whole: what is known
    before the event hardly tells that well; a column filled after it does.
    """
    return column if scores["roc_auc_low"] > TOO_GOOD else None


def warnings(scores: Mapping[str, float]) -> list[str]:
    """Return what whoever runs `evaluate` should know of its scores, a line each.

    Parameters
    ----------
    scores : mapping
        ``test_customers``, ``test_drops``, ``roc_auc`` with its ends, ``suspected_leak``.
    """
    drops, customers = scores["test_drops"], scores["test_customers"]
    few = f"{drops} dropped" if 2 * drops < customers else f"{customers - drops} did not drop"
    lines = []
    if np.isnan(scores["roc_auc_low"]):
        lines.append(
            f"how well the model ranks cannot be told: of {customers} test customers only {few}, "
            f"and {LEAST_OF_CLASS} are needed; so its grade is F"
        )
    if scores["suspected_leak"] is not None:
        lines.append(
            "ROC-AUC {roc_auc:.3f} ({roc_auc_low:.3f} to {roc_auc_high:.3f}) is too good to be "
            "true: look for a column that was filled after the event, {suspected_leak} first, "
            "which ranks best by itself".format(**scores)
        )
    return lines
