"""From a score to a probability that is true: which calibration, judged on customers unseen."""

from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from retention.families import log_odds, sigmoid, stepped
from retention.scores import log_loss, plain

KINDS = ("none", "temperature", "sigmoid", "isotonic")
"""From the simplest to the most flexible."""


@dataclass(frozen=True)
class Calibration:
    """A calibration: see ``families.RiskModel`` for what slope, intercept and steps do."""

    kind: str
    slope: float
    intercept: float
    steps: list[tuple[float, float]] | None = None

    def risk(self, score: np.ndarray) -> np.ndarray:
        """Return the probability of a drop for raw scores."""
        return sigmoid(stepped(self.slope * score + self.intercept, self.steps))


def fit_sigmoid(score: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Return slope and intercept of the log-odds of `label` as a line of `score`.

    Platt's scaling (Platt 1999) on scores of customers that the model has not seen.
    """
    fitted = LogisticRegression(C=np.inf).fit(score.reshape(-1, 1), label)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def fit_calibration(kind: str, score: np.ndarray, label: np.ndarray) -> Calibration:
    """Fit a calibration on scores of customers that the model has not seen.

    Parameters
    ----------
    kind : str
        ``none`` takes the score for log-odds; ``temperature`` scales it (Guo et al. 2017,
        arXiv:1706.04599); ``sigmoid`` scales and shifts it; ``isotonic`` bends the sigmoid by
        the pool-adjacent-violators algorithm (Zadrozny & Elkan 2002).
    score : ndarray of float, shape (n_customers,)
    label : ndarray of 0 and 1, shape (n_customers,)
    """
    if kind == "none":
        return Calibration(kind, 1.0, 0.0)
    if kind == "temperature":
        fitted = LogisticRegression(C=np.inf, fit_intercept=False).fit(score[:, None], label)
        return Calibration(kind, float(fitted.coef_[0, 0]), 0.0)
    slope, intercept = fit_sigmoid(score, label)
    if kind == "sigmoid":
        return Calibration(kind, slope, intercept)
    line = slope * score + intercept
    # No group of customers is sure: a step stays half a customer away from 0 and 1.
    edge = 0.5 / len(label)
    fitted = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(line, label)
    heights = log_odds(fitted.y_thresholds_)
    steps = [(float(x), float(y)) for x, y in zip(fitted.X_thresholds_, heights, strict=True)]
    return Calibration(kind, slope, intercept, steps)


def cross_fitted(kind: str, score: np.ndarray, label: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return each customer's risk by a calibration fitted on the other folds."""
    risk = np.zeros(len(label))
    for part in np.unique(fold):
        here = fold == part
        risk[here] = fit_calibration(kind, score[~here], label[~here]).risk(score[here])
    return risk


def choose_calibration(
    score: np.ndarray, label: np.ndarray, fold: np.ndarray
) -> tuple[Calibration, np.ndarray, dict[str, float]]:
    """Return the calibration of the lowest cross-fitted log-loss, and what it told and cost.

    Beside the calibration, fitted on all: each customer's cross-fitted risk under its kind, and
    the log-loss of every kind.

    Isotonic is taken only where it beats the best of the others by more than two standard errors
    of the paired difference: its steps cost the ranking ties.

    Parameters
    ----------
    score, label : ndarray, shape (n_customers,)
        Out-of-fold scores and outcomes of training customers.
    fold : ndarray of int, shape (n_customers,)
        Folds of the cross-fitting.
    """
    risks = {kind: cross_fitted(kind, score, label, fold) for kind in KINDS}
    losses = {kind: plain(log_loss, label, risk) for kind, risk in risks.items()}
    best = min(KINDS[:-1], key=lambda kind: losses[kind])
    each = [_losses(label, risks[kind]) for kind in ("isotonic", best)]
    gap = each[1] - each[0]
    if gap.mean() > 2 * gap.std(ddof=1) / np.sqrt(len(gap)):
        best = "isotonic"
    return fit_calibration(best, score, label), risks[best], losses


def _losses(label: np.ndarray, risk: np.ndarray) -> np.ndarray:
    told = np.clip(np.where(label == 1, risk, 1 - risk), 1e-6, 1)
    return -np.log(told)
