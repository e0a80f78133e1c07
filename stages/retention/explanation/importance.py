"""What drives the risk overall: mean contributions, their intervals, and a check beside them.

A mean contribution is that of one model, and another shop of the same kind gives another model: the
interval holds that noise of learning too, from models that lack a fold each (:mod:`refits`).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline

from retention.core.hashing import dealt
from retention.explanation.refits import Refit, jackknife_error, reach
from retention.models.estimators import raw_score
from retention.models.search import corrected_se

SHUFFLES = 3
"""Shuffles of a feature in each fold."""
CLEAR = 0.3
"""Rank correlation of value and contribution from which a direction is named."""


def mean_contributions(
    values: pd.DataFrame,
    refits: Sequence[pd.DataFrame],
    groups: Mapping[str, str],
    *,
    level: float,
    learnt: float = 1.0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the mean absolute contribution of each feature and group, with intervals.

    Parameters
    ----------
    values : DataFrame, shape (n_customers, n_features)
        Contributions in log-odds.
    refits : sequence of DataFrame, each of shape (n_some, n_features)
        Contributions by the models that lack a fold each, of some customers of other folds;
        without any there is no interval.
    groups : mapping
        The group of each feature; a customer's contributions are summed within it first.
    level : float
        Coverage, above 0 and below 1.
    learnt : float
        Share of the training customers that the refits had together; errors shrink with the
        square root of the customers learnt from.

    Returns
    -------
    features, groups : DataFrame
        ``mean_abs``, ``low``, ``high`` in log-odds, the ends missing where there are no refits;
        the strongest first.
    """
    tables = []
    for part in (lambda table: table, lambda table: _grouped(table, groups)):
        mean = part(values).abs().mean()
        table = pd.DataFrame({"mean_abs": mean, "low": np.nan, "high": np.nan})
        if refits:
            drawn = np.array([part(refit).abs().mean()[mean.index] for refit in refits])
            half = reach(len(drawn), level=level) * jackknife_error(drawn) * np.sqrt(learnt)
            table["low"], table["high"] = (mean - half).clip(lower=0), mean + half
        tables.append(table.sort_values("mean_abs", ascending=False, kind="stable"))
    return tables[0], tables[1]


def _grouped(values: pd.DataFrame, groups: Mapping[str, str]) -> pd.DataFrame:
    return values.T.groupby([groups[name] for name in values]).sum().T


def directions(values: pd.DataFrame, features: pd.DataFrame) -> dict[str, str]:
    """Return, for each feature, whether a higher value raises or lowers the risk.

    ``raises``, ``lowers``, ``mixed`` (neither clearly), or ``by_word`` for words.
    """
    found = {}
    for name in values:
        if not pd.api.types.is_numeric_dtype(features[name]):
            found[name] = "by_word"
            continue
        rho = features[name].rank().corr(values[name].rank())
        found[name] = "raises" if rho > CLEAR else "lowers" if rho < -CLEAR else "mixed"
    return found


def permutation_importances(
    refits: Sequence[Refit],
    features: pd.DataFrame,
    label: np.ndarray,
    key: np.ndarray,
    *,
    level: float,
    seed: int,
) -> pd.DataFrame:
    """Return how much ROC-AUC falls when a feature is shuffled among customers unseen.

    Each fold of training customers is scored by the model of the others, so that nothing is asked
    of the test customers, whom evaluate looks at once.

    Parameters
    ----------
    refits : sequence of Refit
        Models that lack a fold each.
    features : DataFrame, shape (n_customers, n_features)
    label : ndarray of 0 and 1, shape (n_customers,)
    key : ndarray of uint64, shape (n_customers,)
        Decides who gets whose value.
    level : float
        Coverage, above 0 and below 1.
    seed : int

    Returns
    -------
    DataFrame
        ``permutation``, ``permutation_low``, ``permutation_high`` for each feature: the mean over
        folds and its interval, corrected for the folds' overlap.

    References
    ----------
    Breiman (2001), Machine Learning 45, 5-32; Nadeau & Bengio (2003), Machine Learning 52, 239-281
    (the interval).
    """
    names = ["permutation", "permutation_low", "permutation_high"]
    if not refits:
        return pd.DataFrame(np.nan, features.columns, names)
    falls = np.array(
        [
            _falls(
                refit.model.pipeline,
                features.iloc[refit.test],
                label[refit.test],
                key[refit.test],
                seed=seed,
            )
            for refit in refits
        ]
    )
    mean = falls.mean(axis=0)
    splits = [(refit.train, refit.test) for refit in refits]
    error = np.array([corrected_se(falls[:, i], splits) for i in range(falls.shape[1])])
    half = reach(len(refits), level=level) * error
    return pd.DataFrame(
        dict(zip(names, (mean, mean - half, mean + half), strict=True)), features.columns
    )


def _falls(
    fitted: Pipeline, features: pd.DataFrame, label: np.ndarray, key: np.ndarray, *, seed: int
) -> np.ndarray:
    """Return the mean fall of ROC-AUC for each feature, all shuffled tables scored in one go.

    A blend asks hundreds of trees whatever the number of rows, so one call a feature would cost
    far more than the work.
    """
    count, width = len(features), SHUFFLES * features.shape[1]
    columns = {}
    for place, name in enumerate(features):
        rows = np.tile(np.arange(count), (width + 1, 1))
        for again in range(SHUFFLES):
            purpose = f"shuffle {name} {again}"
            rows[place * SHUFFLES + again] = dealt(key, seed=seed, purpose=purpose)
        columns[name] = features[name].array.take(rows.ravel())
    scores = raw_score(fitted, pd.DataFrame(columns)).reshape(-1, count)
    *shuffled, whole = (roc_auc_score(label, score) for score in scores)
    return whole - np.reshape(shuffled, (-1, SHUFFLES)).mean(axis=1)
