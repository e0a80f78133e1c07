"""What would the model say of customers if their behaviour told nothing? A reason must exceed that.

The outcomes of the training customers are dealt out anew among them, so that behaviour tells
nothing of the outcome, and the model is fitted again with the hyperparameters and the calibration
it has. Whatever it then says of a customer is noise. A customer has as many chances of a reason as
there are features, so the strongest contribution of each customer is taken; what only one customer
in twenty exceeds is the noise floor. It holds the error where all features are noise, and is on the
safe side where some are not, since the others then leave less for noise to fit.

References
----------
P. H. Westfall, S. S. Young (1993). Resampling-Based Multiple Testing. Wiley (the distribution of
the maximum under permutation).
A. Altmann, L. Tolosi, O. Sander, T. Lengauer (2010). Permutation importance: a corrected feature
importance measure. Bioinformatics 26, 1340-1347 (refits on permuted outcomes).
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from retention.core.files import rounded
from retention.core.hashing import dealt, dealt_together
from retention.explanation.reasons import reason_features
from retention.explanation.refits import Each, learnt_again, unfitted
from retention.models.estimators import RiskModel

DRAWS = 8
"""Refits on permuted outcomes: the floor of one differs by a fifth from the next one's."""
ERROR = 0.05
"""Share of customers of whom a model that knows nothing may say something."""


def permuted_peaks(
    model: RiskModel,
    features: pd.DataFrame,
    label: np.ndarray,
    key: np.ndarray,
    *,
    explained: Callable[[RiskModel], pd.DataFrame],
    weight: np.ndarray | None = None,
    together: bool = False,
    draws: int = DRAWS,
    seed: int,
    each: Each = map,
) -> np.ndarray:
    """Return the strongest contribution to each customer where behaviour tells nothing.

    Parameters
    ----------
    model : RiskModel
        Gives pipeline and calibration; it is not changed.
    features : DataFrame, shape (n_train, n_features)
        Of the training customers.
    label : ndarray of 0 and 1, shape (n_train,)
    key : ndarray of uint64, shape (n_train,)
        Decides who gets whose outcome, not row order.
    explained : callable
        Gives the contributions of a model for some customers, rows as many for each.
    weight : ndarray of float, shape (n_train,), optional
        How many customers each row stands for.
    together : bool
        Rows of one key are months of one customer, whose outcomes resemble each other: they are
        dealt out together. One by one they would make less noise than there is.
    draws, seed : int
        Permutations, and what makes them.
    each : callable
        Does the draws, as ``map`` does; they do not depend on each other.

    Returns
    -------
    ndarray, shape (draws, n_customers)
        In log-odds, from 0; features that are never a reason are left out.
    """
    deal = dealt_together if together else dealt
    outcomes = (label[deal(key, seed=seed, purpose=f"outcomes {draw}")] for draw in range(draws))
    return np.array(
        list(each(partial(_peaks, unfitted(model), features, weight, explained), outcomes))
    )


def _peaks(
    model: RiskModel,
    features: pd.DataFrame,
    weight: np.ndarray | None,
    explained: Callable[[RiskModel], pd.DataFrame],
    permuted: np.ndarray,
) -> np.ndarray:
    values = explained(learnt_again(model, features, permuted, weight))
    return values[reason_features(values)].abs().max(axis=1).to_numpy()


def noise_floor(peaks: np.ndarray, *, least: float, error: float = ERROR) -> float:
    """Return the log-odds that a reason must exceed, settled as it is written.

    Parameters
    ----------
    peaks : ndarray, shape (draws, n_customers)
        As :func:`permuted_peaks` returns them.
    least : float
        Log-odds that matter at all: the floor is never lower.
    error : float
        Share of the peaks that may exceed it, 0 to 1.
    """
    return float(rounded(max(least, float(np.quantile(peaks, 1 - error)))))
