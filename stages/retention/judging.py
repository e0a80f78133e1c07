"""How good a risk is: every score with its interval, beside others, and by slice."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from retention.scores import LIFTS, SCORES, at_threshold, interval, plain, roc_auc, spread
from retention.vocabulary import LABEL

PAIRED = {name: score for name, score in SCORES.items() if name != "calibration_slope"}
"""What a baseline is scored by: one that tells everybody the same has no calibration line."""


def score_all(
    label: np.ndarray, risk: np.ndarray, weights: np.ndarray, *, threshold: float, level: float
) -> dict[str, float]:
    """Return every score with its interval."""
    found: dict[str, float] = {}
    for name, score in {**SCORES, **at_threshold(threshold), **LIFTS}.items():
        found[name] = plain(score, label, risk)
        drawn = spread(score, label, risk, weights)
        found[f"{name}_low"], found[f"{name}_high"] = interval(drawn, level=level)
    return found


def beside(
    label: np.ndarray,
    risk: np.ndarray,
    others: dict[str, np.ndarray],
    weights: np.ndarray,
    *,
    level: float,
) -> dict[str, float]:
    """Return the ROC-AUC of each other score, and the model's gain over it, paired."""
    found: dict[str, float] = {}
    own, ours = plain(roc_auc, label, risk), spread(roc_auc, label, risk, weights)
    for name, other in others.items():
        theirs = spread(roc_auc, label, other, weights)
        found[f"{name}_roc_auc"] = plain(roc_auc, label, other)
        low, high = interval(theirs, level=level)
        found[f"{name}_roc_auc_low"], found[f"{name}_roc_auc_high"] = low, high
        found[f"over_{name}"] = own - found[f"{name}_roc_auc"]
        low, high = interval(ours - theirs, level=level)
        found[f"over_{name}_low"], found[f"over_{name}_high"] = low, high
    return found


def score_beside(
    label: np.ndarray,
    risk: np.ndarray,
    others: Mapping[str, np.ndarray],
    weights: np.ndarray,
    *,
    thresholds: Mapping[str, float],
    level: float,
) -> pd.DataFrame:
    """Return every score of the model and of each baseline on the same customers.

    Parameters
    ----------
    label : ndarray of 0 and 1, shape (n_customers,)
    risk : ndarray of float, shape (n_customers,)
        What the model tells.
    others : mapping of ndarray of float, shape (n_customers,)
        The probability that each baseline tells.
    weights : ndarray, shape (n_resamples, n_customers)
    thresholds : mapping of float
        From which probability on each baseline, and the model (``model``), calls a drop.
    level : float
        Coverage of the intervals.

    Returns
    -------
    DataFrame
        A row a baseline and score: ``baseline``, ``score``, then value and interval of the model
        (``model``), of the baseline (``beside``), and of the paired ``difference``, model minus
        baseline; Brier and log-loss are better when lower.
    """
    calls = {who: at_threshold(threshold) for who, threshold in thresholds.items()}
    rows = []
    for score, ours in {**PAIRED, **calls["model"], **LIFTS}.items():
        value, drawn = plain(ours, label, risk), spread(ours, label, risk, weights)
        for name, other in others.items():
            theirs = calls[name].get(score, ours)
            told, draws = plain(theirs, label, other), spread(theirs, label, other, weights)
            row = {"baseline": name, "score": score}
            for what, one, spread_of_it in (
                ("model", value, drawn),
                ("beside", told, draws),
                ("difference", value - told, drawn - draws),
            ):
                low, high = interval(spread_of_it, level=level)
                row |= {what: one, f"{what}_low": low, f"{what}_high": high}
            rows.append(row)
    return pd.DataFrame(rows)


def slices(
    test: pd.DataFrame, weights: np.ndarray, *, minimum: int, level: float
) -> dict[str, dict[str, float]]:
    """Return customers, drop share, mean risk and ROC-AUC of each slice that is large enough.

    Parameters
    ----------
    test : DataFrame, shape (n_customers, …)
        Test customers with ``risk``.
    weights : ndarray, shape (n_resamples, n_customers)
        Behind the interval of the ROC-AUC; a resample without both classes in a slice is left out.
    minimum : int
        Customers that a slice needs.
    level : float
        Coverage of the interval.
    """
    tenure = pd.qcut(test["tenure_days"], 4, labels=False, duplicates="drop")
    by = {name: test[name] for name in ("service", "favourite_category", "consent")}
    by["tenure_quarter"] = tenure.map("{:.0f}".format, na_action="ignore")
    found = {}
    for column, groups in by.items():
        for value, place in test.groupby(groups).indices.items():
            part = test.iloc[place]
            label, risk = part[LABEL].to_numpy("int64"), part["risk"].to_numpy()
            if len(part) < minimum or min(label.sum(), (1 - label).sum()) < 5:
                continue
            low, high = interval(spread(roc_auc, label, risk, weights[:, place]), level=level)
            found[f"{column}={value}"] = {
                "customers": len(part),
                "drop_share": label.mean(),
                "mean_risk": risk.mean(),
                "roc_auc": plain(roc_auc, label, risk),
                "roc_auc_low": low,
                "roc_auc_high": high,
            }
    return found
