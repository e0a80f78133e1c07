"""Would more customers help? The chosen model, trained on more and more of them."""

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from retention.core.hashing import uniform
from retention.models.search import learnable, make_splits, out_of_fold
from retention.stats.metrics import plain, roc_auc

_SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)


def learning_curve(
    pipeline: Pipeline, features: pd.DataFrame, label: np.ndarray, key: np.ndarray, *, seed: int
) -> pd.DataFrame:
    """Return the out-of-fold ROC-AUC of a model by number of training customers.

    Parameters
    ----------
    pipeline : Pipeline
        Unfitted.
    features : DataFrame, shape (n_customers, n_features)
    label : ndarray of 0 and 1, shape (n_customers,)
    key : ndarray of uint64, shape (n_customers,)
        Behaviour keys, which decide who comes first.
    seed : int

    Returns
    -------
    DataFrame
        ``customers`` and ``roc_auc``, which is missing where so few customers leave a fold one
        class to learn from.
    """
    draw = uniform(key, seed=seed, purpose="learning")
    points = []
    for share in _SHARES:
        part = np.flatnonzero(draw < share)
        splits = make_splits(key[part], count=5, repeats=1, seed=seed)
        area = float("nan")
        if learnable(splits, label[part]):
            known = features.iloc[part]
            score = out_of_fold(pipeline, known, label[part], splits=splits, jobs=1)
            area = plain(roc_auc, label[part], score)
        points.append((len(part), area))
    return pd.DataFrame(points, columns=["customers", "roc_auc"])
