"""How much does a column that tells nothing contribute? A reason must be beyond that."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.base import clone

from retention.core.hashing import dealt
from retention.explanation.shap_values import Attributions
from retention.models.estimators import RiskModel

_NOISE_COLUMNS = 3
"""Columns of noise that are added."""
_QUANTILE = 0.95


def with_noise(features: pd.DataFrame, key: np.ndarray, *, seed: int) -> pd.DataFrame:
    """Return `features` beside copies of numeric ones dealt out anew among the customers.

    A copy has the distribution of a real feature and knows nothing of the customer.

    Parameters
    ----------
    features : DataFrame, shape (n_customers, n_features)
    key : ndarray of uint64, shape (n_customers,)
        Decides who gets whose value, not row order.
    seed : int
    """
    numbers = list(features.select_dtypes("number"))
    chosen = [numbers[place % len(numbers)] for place in range(0, 5 * _NOISE_COLUMNS, 5)]
    added = {
        f"noise_{place + 1}": features[name].to_numpy("float64")[
            dealt(key, seed=seed, purpose=f"noise {place}")
        ]
        for place, name in enumerate(chosen)
    }
    return features.assign(**added)


def noise_threshold(
    model: RiskModel,
    features: pd.DataFrame,
    label: np.ndarray,
    train: np.ndarray,
    key: np.ndarray,
    *,
    explained: Callable[[RiskModel, pd.DataFrame], Attributions],
    seed: int,
) -> float:
    """Return the 95th percentile of what pure noise contributes to a customer, in log-odds.

    The model is fitted again on the training customers with columns of noise added, and
    explained as the real one is.

    Parameters
    ----------
    model : RiskModel
        Gives pipeline and calibration; it is not changed.
    features : DataFrame, shape (n_customers, n_features)
    label : ndarray of 0 and 1, shape (n_train,)
        Outcomes of the training customers.
    train : ndarray of int, shape (n_train,)
        Their rows.
    key : ndarray of uint64, shape (n_customers,)
    explained : callable
        Gives the attributions of a model for rows of features.
    seed : int
        Seed of the noise.
    """
    wide = with_noise(features, key, seed=seed)
    added = [name for name in wide if name not in features]
    pipeline = clone(model.pipeline)
    prepare = pipeline.named_steps["prepare"]
    (first, scaled, numbers), *others = prepare.transformers
    prepare.set_params(transformers=[(first, scaled, [*numbers, *added]), *others])
    pipeline.fit(wide.iloc[train], label)
    refitted = RiskModel(**{**model.get_params(deep=False), "pipeline": pipeline})
    found = explained(refitted, wide)
    return float(np.quantile(found.values[added].abs().to_numpy(), _QUANTILE))
