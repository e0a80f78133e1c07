"""The model families: how each is built, what it gives out, and how a risk is made of that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import has_fit_parameter

STEADY = 9
"""Digits after the point kept of a score and of a coefficient: other processors change the 13th at
the earliest, and a risk is written with six."""
FITTED = 7
"""Digits in all kept of a calibration's number: other processors change the 14th, but the 9th where
hardly a customer is in doubt; the optimiser itself stops at the fifth or so."""
CHUNK = 100_000
"""Customers scored at a time."""
SCORE_CLIP = 1e-3
"""Probabilities are kept this far from 0 and 1 before their log-odds are taken."""

Bend = tuple[float, float, float, float]
"""What :func:`bent` asks beside the line, named by :data:`BEND`."""
BEND = ("low", "high", "shift", "edge")


MOST_STEPS = 1_000_000
"""Steps of the solver behind svc at most: with an extreme price it would hardly ever end."""


class Neighbours(ClassifierMixin, BaseEstimator):
    """Nearest neighbours that ask everyone where there are fewer customers than neighbours.

    The same knob is asked of folds and of small parts of the customers, and must be able to answer.

    Parameters
    ----------
    n_neighbors : int
        From 1.
    p : float
        Power of the Minkowski distance, from 1.
    weights : str
        ``uniform`` or ``distance``.
    """

    def __init__(self, n_neighbors: int = 5, p: float = 2, weights: str = "uniform"):
        self.n_neighbors = n_neighbors
        self.p = p
        self.weights = weights

    def fit(self, X: np.ndarray, y: np.ndarray) -> "Neighbours":
        """Remember the customers."""
        asked = min(self.n_neighbors, len(X))
        self.known_ = KNeighborsClassifier(
            asked, weights=self.weights, algorithm="brute", p=self.p
        ).fit(X, y)
        self.classes_ = self.known_.classes_
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the votes for each class, shape (n_customers, n_classes), rows sum to 1."""
        return self.known_.predict_proba(X)


@dataclass(frozen=True)
class Family:
    """One model family.

    Attributes
    ----------
    name : str
        A key of params ``models``.
    build : callable
        ``build(seed)`` gives the estimator with the fixed choices of the family.
    legible : bool
        Whether a person can follow it: one formula, or reasons that are exact.
    """

    name: str
    build: Callable[[int], Any]
    legible: bool = False


FAMILIES = {
    family.name: family
    for family in (
        Family(
            "logistic",
            lambda seed: LogisticRegression(
                solver="saga", max_iter=500, tol=1e-3, random_state=seed
            ),
            legible=True,
        ),
        Family("tree", lambda seed: DecisionTreeClassifier(random_state=seed), legible=True),
        Family("knn", lambda _: Neighbours()),
        Family("svc", lambda seed: SVC(max_iter=MOST_STEPS, random_state=seed)),
        Family("forest", lambda seed: RandomForestClassifier(random_state=seed)),
        Family("extra_trees", lambda seed: ExtraTreesClassifier(random_state=seed)),
        Family(
            "boosting",
            lambda seed: HistGradientBoostingClassifier(early_stopping=False, random_state=seed),
            legible=True,
        ),
    )
}
"""Every family by name, from the simplest to the most complex."""


def make_model(
    family: Family, *, numbers: Sequence[str], words: Sequence[str], seed: int
) -> Pipeline:
    """Return the unfitted pipeline of a family: fill gaps, scale, encode, estimate.

    Parameters
    ----------
    family : Family
        What estimates.
    numbers, words : sequence of str
        Names of the numeric and the categorical features.
    seed : int
        Random state of the estimator.
    """
    filled = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    encoded = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prepared = ColumnTransformer(
        [("numbers", filled, list(numbers)), ("words", encoded, list(words))],
        verbose_feature_names_out=False,
    )
    return Pipeline([("prepare", prepared), ("estimate", family.build(seed))])


def takes_weights(estimator: Any) -> bool:
    """Tell whether rows of an estimator's training may stand for more or fewer customers."""
    return has_fit_parameter(estimator, "sample_weight")


def fitted_on(
    pipeline: Pipeline, features: pd.DataFrame, label: np.ndarray, weight: np.ndarray | None
) -> Pipeline:
    """Fit a pipeline in place and return it.

    `weight` tells how many customers each row stands for, one where it is None; an estimator that
    takes no weights is fitted without.
    """
    if weight is None or not takes_weights(pipeline.named_steps["estimate"]):
        return pipeline.fit(features, label)
    return pipeline.fit(features, label, estimate__sample_weight=weight)


def raw_score(model: Any, features: Any) -> np.ndarray:
    """Return a fitted model's score: a margin, or the log-odds of its clipped probability.

    It is rounded to :data:`STEADY` digits after the point, so that customers who are alike to the
    model tie on every processor.
    """
    if hasattr(model, "decision_function"):
        return model.decision_function(features).round(STEADY)
    probability = np.clip(model.predict_proba(features)[:, 1], SCORE_CLIP, 1 - SCORE_CLIP)
    return log_odds(probability).round(STEADY)


def steady(value: float) -> float:
    """Return a number that an optimiser found with :data:`FITTED` digits in all."""
    return float(f"{value:.{FITTED}g}")


def steady_model(pipeline: Pipeline) -> Pipeline:
    """Round the coefficients that an optimiser gave a fitted pipeline, in place, and return it.

    What trees and neighbours hold is counted or copied and needs no rounding.
    """
    estimate = pipeline.named_steps["estimate"]
    for part in getattr(estimate, "fitted_", [estimate]):
        if isinstance(part, LogisticRegression):
            part.coef_, part.intercept_ = part.coef_.round(STEADY), part.intercept_.round(STEADY)
    return pipeline


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Return log(p / (1 - p)) of probabilities strictly between 0 and 1."""
    return np.log(probability) - np.log1p(-probability)


def sigmoid(score: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-score)) without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * score))


class Blend(ClassifierMixin, BaseEstimator):
    """The weighted mean of several estimators' calibrated log-odds.

    Parameters
    ----------
    members : list of estimator
        Unfitted; all are fitted on the same prepared features.
    slopes, intercepts : list of float
        Each member's calibration, from customers that it had not seen.
    weights : list of float
        From 0, together 1.
    """

    def __init__(
        self,
        members: list[Any],
        slopes: list[float],
        intercepts: list[float],
        weights: list[float],
    ):
        self.members = members
        self.slopes = slopes
        self.intercepts = intercepts
        self.weights = weights

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> "Blend":
        """Fit every member on the same customers, with weights those that take them."""
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.fitted_ = [
            clone(member).fit(X, y, **(weights if takes_weights(member) else {}))
            for member in self.members
        ]
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return the blended log-odds of a drop, shape (n_customers,)."""
        lines = zip(self.fitted_, self.slopes, self.intercepts, self.weights, strict=True)
        # A member without weight is not asked.
        return sum(w * (slope * raw_score(m, X) + shift) for m, slope, shift, w in lines if w)


class RiskModel(BaseEstimator):
    """A fitted pipeline with its calibration: features in, risk out.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted on training customers.
    slope, intercept : float
        The calibration's line: slope * score + intercept, the risk's log-odds unless the line is
        bent.
    bend : tuple of float, optional
        What :func:`bent` makes of the line: a beta calibration.
    steps : list of (float, float), optional
        Points (line, log-odds of the risk) of an isotonic calibration, joined by straight lines.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        slope: float,
        intercept: float,
        bend: Bend | None = None,
        steps: list[tuple[float, float]] | None = None,
    ):
        self.pipeline = pipeline
        self.slope = slope
        self.intercept = intercept
        self.bend = bend
        self.steps = steps

    @property
    def space(self) -> str:
        """What the line is measured in."""
        kind = "beta" if self.bend else "isotonic" if self.steps else None
        return f"log-odds before {kind} calibration" if kind else "log-odds"

    def line(self, features: pd.DataFrame) -> np.ndarray:
        """Return slope * score + intercept, a chunk of customers after the other."""
        parts = [
            raw_score(self.pipeline, features.iloc[start : start + CHUNK])
            for start in range(0, len(features), CHUNK)
        ]
        return self.slope * np.concatenate(parts or [np.zeros(0)]) + self.intercept

    def log_odds(self, features: pd.DataFrame) -> np.ndarray:
        """Return the calibrated log-odds of a drop, shape (n_customers,)."""
        return calibrated(self.line(features), bend=self.bend, steps=self.steps)

    def risk(self, features: pd.DataFrame) -> np.ndarray:
        """Return the calibrated probability of a drop, 0 to 1, shape (n_customers,)."""
        return sigmoid(self.log_odds(features))


def calibrated(
    line: np.ndarray,
    *,
    bend: Bend | None,
    steps: list[tuple[float, float]] | None,
) -> np.ndarray:
    """Return the log-odds of the risk: `line`, bent or led through steps if it has to be."""
    if bend is not None:
        return bent(line, *bend)
    return line if steps is None else np.interp(line, *np.transpose(steps))


def bent(line: np.ndarray, low: float, high: float, shift: float, edge: float) -> np.ndarray:
    """Return the log-odds of the risk by a beta calibration on top of `line`.

    Parameters
    ----------
    line : ndarray of float
        Log-odds.
    low, high : float
        Slopes far below and far above log-odds of 0, above 0; at 1 and 1, with no shift and no
        edge to speak of, the line stays as it is.
    shift : float
        Log-odds added to all.
    edge : float
        How far the risk stays from 0 and 1, above 0.
    """
    sides = high * np.logaddexp(0, line) - low * np.logaddexp(0, -line)
    risk = sigmoid(sides + shift)
    return np.log(edge + (1 - 2 * edge) * risk) - np.log(edge + (1 - 2 * edge) * (1 - risk))
