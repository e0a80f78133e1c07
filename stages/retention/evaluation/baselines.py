"""What the model must beat, fitted on the same training rows."""

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


def calibrated_recipe(
    train: pd.DataFrame, label: np.ndarray, test: pd.DataFrame, *, key: np.ndarray, seed: int
) -> list[np.ndarray]:
    """Return the recipe's calibrated risks of `train`, unseen, and of `test`; ranked as it ranks.

    Balanced classes make its own probabilities too high by design, so that its Brier score and
    log-loss would say nothing of what it knows. They are led through the sigmoid that fits its
    scores of training customers in folds that it was not fitted on (Platt 1999).

    Parameters
    ----------
    train, test : DataFrame, shape (n_customers, n_features)
    label : ndarray of 0 and 1, shape (n_train,)
    key : ndarray of uint64, shape (n_train,)
        Behaviour keys: the folds follow them.
    seed : int
        Of folds and recipe.
    """
    recipe = published_recipe(train, seed=seed)
    fitted = recipe.fit(train, label)
    splits = make_splits(key, count=_FOLDS, repeats=1, seed=seed)
    if learnable(splits, label):
        unseen = out_of_fold(recipe, train, label, splits=splits, jobs=1)
    else:  # a handful of drops, all in one fold
        unseen = raw_score(fitted, train)
    slope, intercept = fit_sigmoid(unseen, label)
    if slope < _FLATTEST:  # it knows nothing: the share of drops, and still its ranking
        slope = _FLATTEST
        intercept = float(log_odds(label.mean()) - slope * unseen.mean())
    return [sigmoid(slope * score + intercept) for score in (unseen, raw_score(fitted, test))]


def told_risks(
    train: pd.DataFrame, label: np.ndarray, test: pd.DataFrame, *, key: np.ndarray, seed: int
) -> tuple[str, dict[str, np.ndarray], dict[str, float]]:
    """Return what each baseline tells of `test`, fitted on the same training customers.

    Parameters
    ----------
    train, test : DataFrame, shape (n_customers, n_features)
    label : ndarray of 0 and 1, shape (n_train,)
    key : ndarray of uint64, shape (n_train,)
        Behaviour keys.
    seed : int
        Of the recipe and the folds that calibrate it.

    Returns
    -------
    column : str
        The column of the one-column rule.
    risks : dict of ndarray of float, shape (n_test,)
        The probability told by the published recipe, calibrated (``baseline``), by the best
        one-column rule under a sigmoid (``rule``), and by the share of drops alone (``chance``).
    thresholds : dict of float
        From which probability on each calls a drop: where F1 on the training customers is best.
    """
    column, rule = one_column_rule(train, label, pd.concat([train, test]))
    seen, asked = np.split(rule, [len(train)])
    slope, intercept = fit_sigmoid(seen, label)
    share = label.mean()
    told = {
        "baseline": calibrated_recipe(train, label, test, key=key, seed=seed),
        "rule": [sigmoid(slope * score + intercept) for score in (seen, asked)],
        "chance": [np.full(len(rows), share) for rows in (train, test)],
    }
    thresholds = {name: best_threshold(label, seen) for name, (seen, _) in told.items()}
    return column, {name: asked for name, (_, asked) in told.items()}, thresholds


def one_column_rule(
    features: pd.DataFrame, label: np.ndarray, others: pd.DataFrame
) -> tuple[str, np.ndarray]:
    """Return the column that ranks the label best by itself, and its score for `others`.

    Parameters
    ----------
    features : DataFrame, shape (n_customers, n_features)
        Training customers, on which column and direction are chosen.
    label : ndarray of 0 and 1, shape (n_customers,)
    others : DataFrame, shape (n_others, n_features)
        Customers to score by the rule; higher means riskier.
    """
    target = pd.Series(label)
    areas = {name: ranking(features[name].reset_index(drop=True), target) for name in features}
    best = max(areas, key=areas.get)
    known, asked = features[best], others[best]
    if pd.api.types.is_numeric_dtype(known):
        rises = known[label == 1].mean() > known[label == 0].mean()
        score = asked.fillna(known.median()).to_numpy("float64")
        return best, score if rises else -score
    shares = pd.Series(label).groupby(known.fillna("").to_numpy()).mean()
    return best, shares.reindex(asked.fillna("")).fillna(label.mean()).to_numpy()
