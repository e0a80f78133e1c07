"""How good a risk is: every score with its interval, beside others, and by slice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.vocabulary import LABEL
from retention.stats.metrics import (
    LIFTS,
    SCORES,
    Score,
    at_threshold,
    percentile_interval,
    plain,
    roc_auc,
    spread,
    spreads,
)

PAIRED = {name: score for name, score in SCORES.items() if name != "calibration_slope"}
"""What a baseline is scored by: one that tells everybody the same has no calibration line."""
SLICED = ("service", "favourite_category", "consent")
"""Columns of words whose slices come first."""


@dataclass(frozen=True)
class Judged:
    """One score of one risk.

    Parameters
    ----------
    value : float
        Of the customers as they are.
    drawn : ndarray of float, shape (n_resamples,)
        Of each resample.
    """

    value: float
    drawn: np.ndarray

    def __sub__(self, other: "Judged") -> "Judged":
        return Judged(self.value - other.value, self.drawn - other.drawn)

    def told(self, name: str, *, level: float) -> dict[str, float]:
        """Return ``name``, ``name_low`` and ``name_high``."""
        low, high = percentile_interval(self.drawn, level=level)
        return {name: self.value, f"{name}_low": low, f"{name}_high": high}


def judge(
    label: np.ndarray,
    risk: np.ndarray,
    weights: np.ndarray,
    *,
    threshold: float,
    scores: Mapping[str, Score] = SCORES,
) -> dict[str, Judged]:
    """Return `scores`, those of calling drops from `threshold` on, and the lifts.

    Parameters
    ----------
    label : ndarray of 0 and 1, shape (n_customers,)
    risk : ndarray of float, shape (n_customers,)
        The probability told.
    weights : ndarray, shape (n_resamples, n_customers)
        The same for all risks that are to be compared.
    threshold : float
        Of precision, recall and F1.
    scores : mapping of Score
        What else is asked, beside the lifts.
    """
    asked = {**scores, **at_threshold(threshold), **LIFTS}
    once = spreads(asked, label, risk, np.ones((1, len(label))))
    drawn = spreads(asked, label, risk, weights)
    return {name: Judged(float(once[name][0]), drawn[name]) for name in asked}


def score_all(ours: Mapping[str, Judged], *, level: float) -> dict[str, float]:
    """Return every score with its interval."""
    found: dict[str, float] = {}
    for name, judged in ours.items():
        found |= judged.told(name, level=level)
    return found


def beside(
    ours: Mapping[str, Judged], others: Mapping[str, Mapping[str, Judged]], *, level: float
) -> dict[str, float]:
    """Return the ROC-AUC of each other risk, and the model's gain over it, paired."""
    found: dict[str, float] = {}
    for name, theirs in others.items():
        found |= theirs["roc_auc"].told(f"{name}_roc_auc", level=level)
        found |= (ours["roc_auc"] - theirs["roc_auc"]).told(f"over_{name}", level=level)
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
        The scores of each baseline, on the same resamples; those that it lacks are left out.
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
            if score in theirs:
                row: dict[str, object] = {"baseline": name, "score": score}
                row["comparison"] = f"{score}, {name}"
                row |= ours[score].told("model", level=level)
                row |= theirs[score].told("beside", level=level)
                row |= (ours[score] - theirs[score]).told("difference", level=level)
                rows.append(row)
    return pd.DataFrame(rows)


def slices(
    test: pd.DataFrame,
    weights: np.ndarray,
    *,
    words: Sequence[str] = SLICED,
    minimum: int,
    level: float,
) -> dict[str, dict[str, float]]:
    """Return customers, drop share, mean risk and ROC-AUC of each slice that is large enough.

    Parameters
    ----------
    test : DataFrame, shape (n_customers, …)
        Test customers with ``risk``.
    weights : ndarray, shape (n_resamples, n_customers)
        Behind the interval of the ROC-AUC; a resample without both classes in a slice is left out.
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
    found = {}
    for column, groups in by.items():
        for value, place in test.groupby(groups).indices.items():
            part = test.iloc[place]
            label, risk = part[LABEL].to_numpy("int64"), part["risk"].to_numpy()
            if len(part) < minimum or min(label.sum(), (1 - label).sum()) < 5:
                continue
            drawn = spread(roc_auc, label, risk, weights[:, place])
            found[f"{column}={value}"] = {
                "customers": len(part),
                "drop_share": label.mean(),
                "mean_risk": risk.mean(),
                **Judged(plain(roc_auc, label, risk), drawn).told("roc_auc", level=level),
            }
    return found
