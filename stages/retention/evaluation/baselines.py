"""What the model must beat, fitted on the same training rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from retention.models.calibration import fit_sigmoid
from retention.models.estimators import log_odds, raw_score, sigmoid
from retention.models.search import learnable, make_splits, out_of_fold
from retention.stats.metrics import best_threshold
from retention.stats.ranking import ranking

_FOLDS = 5
"""Folds that calibrate the recipe."""
_FLATTEST = 1e-3
"""Slope of its calibration at least, so that it ranks."""


def published_recipe(features: pd.DataFrame, *, seed: int) -> Pipeline:
    """Return the recipe that published solutions of this task settle on, unfitted.

    Elastic-net logistic regression with C = 14, l1_ratio = 0.2 and balanced classes, numbers
    standardised, words one-hot. Gaps are filled with the median, of which the recipe knows none.
    """
    numbers = list(features.select_dtypes("number"))
    words = [name for name in features if name not in numbers]
    scaled = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    prepared = ColumnTransformer(
        [("numbers", scaled, numbers), ("words", OneHotEncoder(handle_unknown="ignore"), words)]
    )
    estimate = LogisticRegression(
        C=14,
        l1_ratio=0.2,
        solver="saga",
        class_weight="balanced",
        max_iter=2000,
        tol=1e-3,
        random_state=seed,
    )
    return Pipeline([("prepare", prepared), ("estimate", estimate)])


@dataclass(frozen=True)
class Rule:
    """One column as a risk: the one that ranks the label best by itself.

    Attributes
    ----------
    column : str
    shares : Series or None
        Of a column of words: the share of drops of each word, ``""`` where it is missing.
    usual : float
        What stands for a missing number, or for a word that nobody had.
    sign : float
        1 where drops have higher numbers, else -1.
    """

    column: str
    shares: pd.Series | None
    usual: float
    sign: float = 1.0

    def score(self, customers: pd.DataFrame) -> np.ndarray:
        """Return a score of customers, shape (n_customers,); higher means riskier."""
        asked = customers[self.column]
        if self.shares is None:
            return self.sign * asked.fillna(self.usual).to_numpy("float64")
        return self.shares.reindex(asked.fillna("")).fillna(self.usual).to_numpy()


def best_rule(features: pd.DataFrame, label: np.ndarray) -> Rule:
    """Return the rule of the column that ranks the label of training customers best by itself.

    Parameters
    ----------
    features : DataFrame, shape (n_customers, n_features)
    label : ndarray of 0 and 1, shape (n_customers,)
    """
    target = pd.Series(label)
    areas = {name: ranking(features[name].reset_index(drop=True), target) for name in features}
    best = max(areas, key=areas.get)
    known = features[best]
    if pd.api.types.is_numeric_dtype(known):
        rises = known[label == 1].mean() > known[label == 0].mean()
        return Rule(best, None, float(known.median()), 1.0 if rises else -1.0)
    shares = pd.Series(label).groupby(known.fillna("").to_numpy()).mean()
    return Rule(best, shares, float(label.mean()))


@dataclass(frozen=True)
class Baselines:
    """What the model must beat, fitted on training customers.

    Attributes
    ----------
    recipe : Pipeline
        The published recipe.
    rule : Rule
        The best one-column rule.
    lines : dict of (float, float)
        Slope and intercept of the sigmoid that leads the score of either to a probability. Balanced
        classes make the recipe's own ones too high by design, so that its Brier score and log-loss
        would say nothing of what it knows.
    share : float
        Of drops.
    thresholds : dict of float
        From which probability on each calls a drop: where F1 on the training customers is best.
    """

    recipe: Pipeline
    rule: Rule
    lines: dict[str, tuple[float, float]]
    share: float
    thresholds: dict[str, float]

    def risks(self, customers: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return the probability told of customers by each baseline, shape (n_customers,).

        By the published recipe, calibrated (``baseline``), by the one-column rule under a sigmoid
        (``rule``), and by the share of drops alone (``chance``).
        """
        scores = {"baseline": raw_score(self.recipe, customers), "rule": self.rule.score(customers)}
        told = {name: _along(self.lines[name], score) for name, score in scores.items()}
        return told | {"chance": np.full(len(customers), self.share)}


def fit_baselines(
    train: pd.DataFrame, label: np.ndarray, *, key: np.ndarray, seed: int
) -> Baselines:
    """Return the baselines, fitted on training customers.

    Parameters
    ----------
    train : DataFrame, shape (n_customers, n_features)
    label : ndarray of 0 and 1, shape (n_customers,)
    key : ndarray of uint64, shape (n_customers,)
        Behaviour keys: the folds that calibrate the recipe follow them.
    seed : int
        Of the recipe and these folds.
    """
    rule, share = best_rule(train, label), float(label.mean())
    asked = rule.score(train)
    recipe, unseen = _fitted_recipe(train, label, key=key, seed=seed)
    slope, intercept = fit_sigmoid(unseen, label)
    if slope < _FLATTEST:  # it knows nothing: the share of drops, and still its ranking
        slope = _FLATTEST
        intercept = float(log_odds(label.mean()) - slope * unseen.mean())
    lines = {"baseline": (slope, intercept), "rule": fit_sigmoid(asked, label)}
    seen = {"baseline": _along(lines["baseline"], unseen), "rule": _along(lines["rule"], asked)}
    seen["chance"] = np.full(len(label), share)
    thresholds = {name: best_threshold(label, risk) for name, risk in seen.items()}
    return Baselines(recipe, rule, lines, share, thresholds)


def _fitted_recipe(
    train: pd.DataFrame, label: np.ndarray, *, key: np.ndarray, seed: int
) -> tuple[Pipeline, np.ndarray]:
    """Return the recipe, and its scores of its customers in folds that it was not fitted on."""
    recipe = published_recipe(train, seed=seed)
    fitted = recipe.fit(train, label)
    splits = make_splits(key, count=_FOLDS, repeats=1, seed=seed)
    if learnable(splits, label):
        return fitted, out_of_fold(recipe, train, label, splits=splits, jobs=1)
    return fitted, raw_score(fitted, train)  # a handful of drops, all in one fold


def _along(line: tuple[float, float], score: np.ndarray) -> np.ndarray:
    """Return the probability to which a sigmoid leads a score (Platt 1999)."""
    slope, intercept = line
    return sigmoid(slope * score + intercept)
