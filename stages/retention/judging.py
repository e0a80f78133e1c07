"""How good a risk is: every score with its interval, beside others, and by slice."""

import numpy as np
import pandas as pd

from retention.scores import LIFTS, SCORES, at_threshold, interval, plain, roc_auc, spread
from retention.vocabulary import LABEL


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


def slices(test: pd.DataFrame, *, minimum: int) -> dict[str, dict[str, float]]:
    """Return customers, drop share, mean risk and ROC-AUC of each slice that is large enough."""
    tenure = pd.qcut(test["tenure_days"], 4, labels=False, duplicates="drop")
    by = {name: test[name] for name in ("service", "favourite_category", "consent")}
    by["tenure_quarter"] = tenure.map("{:.0f}".format, na_action="ignore")
    found = {}
    for column, groups in by.items():
        for value, part in test.groupby(groups):
            label = part[LABEL].to_numpy("int64")
            if len(part) < minimum or min(label.sum(), (1 - label).sum()) < 5:
                continue
            found[f"{column}={value}"] = {
                "customers": len(part),
                "drop_share": label.mean(),
                "mean_risk": part["risk"].mean(),
                "roc_auc": plain(roc_auc, label, part["risk"].to_numpy()),
            }
    return found
