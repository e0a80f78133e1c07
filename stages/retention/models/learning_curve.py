"""Would more customers help? The chosen model, trained on more and more of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit
from sklearn.pipeline import Pipeline

from retention.core.fits import fits_by_engine
from retention.core.hashing import uniform
from retention.models.estimators import raw_score
from retention.models.search import Splits, corrected_se, make_splits
from retention.stats.metrics import plain, roc_auc

_SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Of the customers that a fold leaves to learn from."""
BEFORE = 2
"""The place among these that all of them are held against."""
FLAT = 0.01
"""Gain in ROC-AUC below which the curve has levelled off."""
_FOLDS, _REPEATS = 5, 2
_FIRST = 1000
"""Number of the first repeat: on the folds of search and comparison the model was chosen."""
_ENOUGH_ROWS = 10_000
"""Customers tested over all repeats: with that many, one repeat will do."""
_FEWEST = 5
"""Folds that can be scored without which no interval is told."""


@dataclass(frozen=True)
class Learning:
    """What more customers to learn from brought.

    Attributes
    ----------
    points : DataFrame
        ``customers`` learnt from, the ``roc_auc`` on customers unseen, and its 95 % interval
        ``low`` to ``high``; missing where so few customers leave one class.
    gain : dict
        ``verdict`` (``helps``, ``level`` or ``unclear``) on the ``gain`` in ROC-AUC, with ``low``
        and ``high``, from ``before`` to ``after`` customers; figures are None where too few folds
        can be scored.
    """

    points: pd.DataFrame
    gain: dict[str, object]


def learning_curve(
    pipeline: Pipeline,
    features: pd.DataFrame,
    label: np.ndarray,
    key: np.ndarray,
    *,
    seed: int,
    jobs: int = 1,
) -> Learning:
    """Train a model on nested parts of the other folds, and score each on the same customers.

    In each fold of each repeat a hash decides who comes first, so that a larger part holds every
    smaller one, and a difference between two is paired. Folds share training customers: the
    intervals allow for it [1]_, with t quantiles. How often they cover: ``make study-learning``.

    Parameters
    ----------
    pipeline : Pipeline
        It is not changed; what it has learnt does not matter.
    features : DataFrame, shape (n_customers, n_features)
    label : ndarray of 0 and 1, shape (n_customers,)
    key : ndarray of uint64, shape (n_customers,)
        Behaviour keys, which decide folds and who comes first.
    seed, jobs : int
        Of the draws, and processes to use.

    References
    ----------
    .. [1] C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine Learning 52,
       2003, doi:10.1023/A:1024068626366.
    """
    from joblib import Parallel, delayed
    from sklearn.base import clone

    pipeline = clone(pipeline)  # what it has learnt is not to be sent along with each fit
    repeats = min(_REPEATS, 1 + _ENOUGH_ROWS // len(label))
    splits = make_splits(key, count=_FOLDS, repeats=repeats, seed=seed, first=_FIRST)
    ranked = [
        (train, test, uniform(key[train], seed=seed, purpose=f"learning {number}"))
        for number, (train, test) in enumerate(splits)
    ]
    parts = [[(train[draw < share], test) for train, test, draw in ranked] for share in _SHARES]

    def area(train: np.ndarray, test: np.ndarray) -> float:
        if not (_both(label[train]) and _both(label[test])):
            return float("nan")
        fitted = clone(pipeline).fit(features.iloc[train], label[train])
        return plain(roc_auc, label[test], raw_score(fitted, features.iloc[test]))

    with fits_by_engine([features, label], jobs=jobs):
        found = Parallel(n_jobs=jobs)(delayed(area)(*pair) for row in parts for pair in row)
    areas = np.array(found).reshape(len(_SHARES), len(splits))
    customers = [round(np.mean([len(train) for train, _ in row])) for row in parts]
    rows = zip(customers, areas, parts, strict=True)
    points = [(count, *_told(by_fold, row)) for count, by_fold, row in rows]
    gain, low, high = _told(areas[-1] - areas[BEFORE], parts[-1])
    verdict = "helps" if low > 0 else "level" if high < FLAT else "unclear"
    return Learning(
        pd.DataFrame(points, columns=["customers", "roc_auc", "low", "high"]),
        {
            "verdict": verdict,
            "before": customers[BEFORE],
            "after": customers[-1],
            **{
                name: None if np.isnan(value) else value
                for name, value in (("gain", gain), ("low", low), ("high", high))
            },
        },
    )


def _both(label: np.ndarray) -> bool:
    """Tell whether both classes are there."""
    return len(label) > 0 and 0 < label.mean() < 1


def _told(values: np.ndarray, splits: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, ...]:
    """Return mean and 95 % interval of a figure by fold, missing where too few folds have one."""
    told = ~np.isnan(values)
    if told.sum() < _FEWEST:
        return (float("nan"),) * 3
    values = values[told]
    scored: Splits = [pair for pair, there in zip(splits, told, strict=True) if there]
    half = float(stdtrit(len(values) - 1, 0.975)) * corrected_se(values, scored)
    mean = float(values.mean())
    return mean, mean - half, mean + half
