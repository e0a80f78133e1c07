"""From a score to a probability that is true: which calibration, judged on customers unseen."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from retention.models.estimators import Bend, calibrated, log_odds, sigmoid, steady
from retention.stats.metrics import log_loss, plain

LINES = ("none", "temperature", "sigmoid")
BENT = {"beta": 1.0, "isotonic": 2.0}
"""By how many standard errors of the paired log-loss each must win over what was taken before it:
beta keeps the ranking, but for ties in the last digits near 0 and 1; the steps of isotonic cost it
ties everywhere."""
KINDS = (*LINES, *BENT)
"""From the simplest to the most flexible."""
FLATTEST = 0.2
"""Slope that beta leaves either side of the line at least: flatter, customers would hardly rank."""


@dataclass(frozen=True)
class Calibration:
    """A calibration: see ``estimators.RiskModel`` for what slope, intercept, bend and steps do."""

    kind: str
    slope: float
    intercept: float
    bend: Bend | None = None
    steps: list[tuple[float, float]] | None = None

    def risk(self, score: np.ndarray) -> np.ndarray:
        """Return the probability of a drop for raw scores."""
        line = self.slope * score + self.intercept
        return sigmoid(calibrated(line, bend=self.bend, steps=self.steps))


def fit_sigmoid(
    score: np.ndarray, label: np.ndarray, weight: np.ndarray | None = None
) -> tuple[float, float]:
    """Return slope and intercept of the log-odds of `label` as a line of `score`.

    Platt's scaling (Platt 1999) on scores of customers that the model has not seen, each standing
    for `weight` of them (one where it is None).
    """
    fitted = LogisticRegression(C=np.inf).fit(score.reshape(-1, 1), label, weight)
    return steady(fitted.coef_[0, 0]), steady(fitted.intercept_[0])


def fit_beta(
    line: np.ndarray, label: np.ndarray, weight: np.ndarray | None = None, *, edge: float
) -> Bend:
    """Return the bend of the highest likelihood, see ``estimators.bent``.

    Beta calibration (Kull, Silva Filho & Flach 2017, doi:10.1214/17-EJS1338SI): a logistic
    regression on ln p and -ln(1 - p) of the risk p that the line tells, neither slope falling
    below :data:`FLATTEST`.
    """
    columns = np.column_stack([-np.logaddexp(0, -line), np.logaddexp(0, line), np.ones(len(line))])
    stands = np.ones(len(line)) if weight is None else weight

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        told = columns @ point
        gradient = columns.T @ (stands * (sigmoid(told) - label))
        return (stands * (np.logaddexp(0, told) - label * told)).sum(), gradient

    bounds = [(FLATTEST, None), (FLATTEST, None), (None, None)]
    found = minimize(loss, [1.0, 1.0, 0.0], jac=True, method="L-BFGS-B", bounds=bounds)
    low, high, shift = (steady(value) for value in found.x)
    return low, high, shift, edge


def fit_calibration(
    kind: str, score: np.ndarray, label: np.ndarray, weight: np.ndarray | None = None
) -> Calibration:
    """Fit a calibration on scores of customers that the model has not seen.

    Parameters
    ----------
    kind : str
        ``none`` takes the score for log-odds; ``temperature`` scales it (Guo et al. 2017,
        arXiv:1706.04599); ``sigmoid`` scales and shifts it; ``beta`` gives the sigmoid a slope
        of its own on either side; ``isotonic`` leads it through the steps of the
        pool-adjacent-violators algorithm (Zadrozny & Elkan 2002).
    score : ndarray of float, shape (n_customers,)
    label : ndarray of 0 and 1, shape (n_customers,)
    weight : ndarray of float, shape (n_customers,), optional
        How many customers each stands for.
    """
    if kind == "none":
        return Calibration(kind, 1.0, 0.0)
    if kind == "temperature":
        through_zero = LogisticRegression(C=np.inf, fit_intercept=False)
        fitted = through_zero.fit(score[:, None], label, weight)
        return Calibration(kind, steady(fitted.coef_[0, 0]), 0.0)
    slope, intercept = fit_sigmoid(score, label, weight)
    if kind == "sigmoid":
        return Calibration(kind, slope, intercept)
    line = slope * score + intercept
    # No group of customers is sure: the risk stays half a customer away from 0 and 1.
    edge = 0.5 / len(label)
    if kind == "beta":
        return Calibration(kind, slope, intercept, bend=fit_beta(line, label, weight, edge=edge))
    stairs = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip")
    fitted = stairs.fit(line, label, weight)
    heights = log_odds(fitted.y_thresholds_)
    # The places are lines of customers, products of steady numbers: the same everywhere already.
    steps = [(float(x), steady(y)) for x, y in zip(fitted.X_thresholds_, heights, strict=True)]
    return Calibration(kind, slope, intercept, steps=steps)


def cross_fitted(
    kind: str,
    score: np.ndarray,
    label: np.ndarray,
    fold: np.ndarray,
    weight: np.ndarray | None = None,
) -> np.ndarray:
    """Return each customer's risk by a calibration fitted on the other folds."""
    risk = np.zeros(len(label))
    for part in np.unique(fold):
        here = fold == part
        others = None if weight is None else weight[~here]
        fitted = fit_calibration(kind, score[~here], label[~here], others)
        risk[here] = fitted.risk(score[here])
    return risk


def choose_calibration(
    score: np.ndarray,
    label: np.ndarray,
    fold: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> tuple[Calibration, np.ndarray, dict[str, float]]:
    """Return the calibration that cross-fitted log-loss speaks for, and what it told and cost.

    Beside the calibration, fitted on all: each customer's cross-fitted risk under its kind, and
    the log-loss of every kind.

    Of the lines the one of the lowest log-loss is taken; then each bent one that beats what was
    taken by as many standard errors of the paired difference as :data:`BENT` says.

    Parameters
    ----------
    score, label : ndarray, shape (n_customers,)
        Out-of-fold scores and outcomes of training customers.
    fold : ndarray of int, shape (n_customers,)
        Folds of the cross-fitting.
    weight : ndarray of float, shape (n_customers,), optional
        How many customers each row stands for.
    groups : ndarray, shape (n_customers,), optional
        Rows of equal value are not independent: a customer's months.
    """
    risks = {kind: cross_fitted(kind, score, label, fold, weight) for kind in KINDS}
    losses = {kind: plain(log_loss, label, risk, weight) for kind, risk in risks.items()}
    best = min(LINES, key=lambda kind: losses[kind])
    for kind, errors in BENT.items():
        gap = _losses(label, risks[best]) - _losses(label, risks[kind])
        mean, error = _mean_and_error(gap, weight, groups)
        if mean > errors * error:
            best = kind
    return fit_calibration(best, score, label, weight), risks[best], losses


def _mean_and_error(
    values: np.ndarray, weight: np.ndarray | None, groups: np.ndarray | None
) -> tuple[float, float]:
    """Return a mean and its standard error, clustered by `groups` (Liang & Zeger 1986)."""
    if weight is None and groups is None:
        return values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    stands = np.ones(len(values)) if weight is None else weight
    mean = (stands * values).sum() / stands.sum()
    index = np.arange(len(values)) if groups is None else np.unique(groups, return_inverse=True)[1]
    parts = np.bincount(index, stands * (values - mean))
    spread = (parts**2).sum() * len(parts) / max(1, len(parts) - 1)
    return mean, np.sqrt(spread) / stands.sum()


def _losses(label: np.ndarray, risk: np.ndarray) -> np.ndarray:
    told = np.clip(np.where(label == 1, risk, 1 - risk), 1e-6, 1)
    return -np.log(told)
