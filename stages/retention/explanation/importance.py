"""What drives the risk overall: mean contributions, their intervals, and a check beside them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline

from retention.core.hashing import dealt
from retention.models.estimators import raw_score
from retention.models.search import both_classes, corrected_se, make_splits
from retention.stats.metrics import percentile_interval, resamples

SHUFFLES = 3
"""Shuffles of a feature in each fold."""
MOST = 5000
"""Customers whose contributions are bootstrapped, at most."""
CLEAR = 0.3
"""Rank correlation of value and contribution from which a direction is named."""


def mean_contributions(
    values: pd.DataFrame, groups: Mapping[str, str], *, count: int, level: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the mean absolute contribution of each feature and group, with intervals.

    Parameters
    ----------
    values : DataFrame, shape (n_customers, n_features)
        Contributions in log-odds.
    groups : mapping
        The group of each feature; a customer's contributions are summed within it first.
    count : int
        Bootstrap resamples of customers.
    level : float
        Coverage, above 0 and below 1.
    seed : int

    Returns
    -------
    features, groups : DataFrame
        ``mean_abs``, ``low``, ``high`` in log-odds and ``rank_low``, ``rank_high``: between which
        places the feature stands in the resamples (1 is the strongest); the strongest first.
    """
    some = values.iloc[np.unique(np.linspace(0, len(values) - 1, MOST).astype(int))]
    weights = resamples(np.arange(len(some)), count=count, seed=seed)
    tables = []
    for whole, part in ((values, some), (_grouped(values, groups), _grouped(some, groups))):
        drawn = weights @ part.abs().to_numpy() / weights.sum(axis=1, keepdims=True)
        ranks = (-drawn).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable") + 1
        rows = [
            (
                *percentile_interval(drawn[:, i], level=level),
                *percentile_interval(ranks[:, i], level=level),
            )
            for i in range(part.shape[1])
        ]
        table = pd.DataFrame(rows, whole.columns, ["low", "high", "rank_low", "rank_high"])
        table.insert(0, "mean_abs", whole.abs().mean())
        table[["rank_low", "rank_high"]] = table[["rank_low", "rank_high"]].round().astype(int)
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
    pipeline: Pipeline,
    features: pd.DataFrame,
    label: np.ndarray,
    key: np.ndarray,
    *,
    folds: int,
    seed: int,
) -> pd.DataFrame:
    """Return how much ROC-AUC falls when a feature is shuffled among customers unseen.

    Each fold of training customers is scored by a model of the others, so that nothing is asked
    of the test customers, whom evaluate looks at once.

    Parameters
    ----------
    pipeline : Pipeline
        Cloned and fitted on each fold's training part.
    features : DataFrame, shape (n_customers, n_features)
    label : ndarray of 0 and 1, shape (n_customers,)
    key : ndarray of uint64, shape (n_customers,)
        Decides the folds.
    folds, seed : int

    Returns
    -------
    DataFrame
        ``permutation``, ``permutation_low``, ``permutation_high`` for each feature: the mean over
        folds and its 95 % interval, corrected for the folds' overlap.

    References
    ----------
    Breiman (2001), Machine Learning 45, 5-32.
    """
    splits = both_classes(make_splits(key, count=folds, repeats=1, seed=seed, first=100), label)
    falls = np.array(
        [
            _falls(
                clone(pipeline).fit(features.iloc[train], label[train]),
                features.iloc[test],
                label[test],
                key[test],
                seed=seed,
            )
            for train, test in splits
        ]
    )
    mean = falls.mean(axis=0)
    half = 1.96 * np.array([corrected_se(falls[:, i], splits) for i in range(falls.shape[1])])
    return pd.DataFrame(
        {"permutation": mean, "permutation_low": mean - half, "permutation_high": mean + half},
        features.columns,
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
