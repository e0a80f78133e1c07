"""The model learnt again: of other outcomes, or without some of its training customers.

The training customers are parted into folds, and the model is learnt again without each fold in
turn. How far a figure moves between these models tells how far it would move in another shop of the
same kind (the delete-a-group jackknife).

References
----------
J. W. Tukey (1958). Bias and confidence in not-quite large samples. Annals of Mathematical
Statistics 29, 614 (the jackknife).
P. S. Kott (2001). The delete-a-group jackknife. Journal of Official Statistics 17, 521-526.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit
from sklearn.base import clone

from retention.core import hashing
from retention.models.estimators import RiskModel, fitted_on, steady_model
from retention.models.search import both_classes

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""Calls a function for each of some things that do not depend on each other, as ``map`` does."""
REFITS = 5
"""Parts of the training customers, and models that lack one each."""
_REPEAT = 100
"""Number of these folds: those of the search and of the choice have lower ones."""


def learnt_again(
    model: RiskModel, features: pd.DataFrame, label: np.ndarray, weight: np.ndarray | None = None
) -> RiskModel:
    """Return the model fitted on other customers or outcomes, its calibration as it is.

    `weight` tells how many customers each row stands for, one where it is None.
    """
    pipeline = steady_model(fitted_on(clone(model.pipeline), features, label, weight))
    return RiskModel(**{**model.get_params(deep=False), "pipeline": pipeline})


def unfitted(model: RiskModel) -> RiskModel:
    """Return what :func:`learnt_again` needs of a model: all but what it has learnt.

    A forest of many customers is a hundred megabytes, too much to send to a worker for each fit.
    """
    return RiskModel(**{**model.get_params(deep=False), "pipeline": clone(model.pipeline)})


@dataclass(frozen=True)
class Refit:
    """A model that has not seen some of the training customers.

    Attributes
    ----------
    model : RiskModel
    fold : int
        Number of the fold that it lacks.
    train, test : ndarray of int
        Rows it was fitted on, and those it has not seen.
    """

    model: RiskModel
    fold: int
    train: np.ndarray
    test: np.ndarray


def fold_of(key: np.ndarray, *, folds: int = REFITS, seed: int) -> np.ndarray:
    """Return the fold that each customer is in, 0 to ``folds - 1``, by the behaviour alone."""
    return hashing.folds(key, count=folds, seed=seed, repeat=_REPEAT)


def refit_without_folds(
    model: RiskModel,
    features: pd.DataFrame,
    label: np.ndarray,
    key: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    folds: int = REFITS,
    seed: int,
    each: Each = map,
) -> list[Refit]:
    """Return the model learnt again without each fold of its training customers in turn.

    Parameters
    ----------
    model : RiskModel
        Gives pipeline and calibration; it is not changed.
    features : DataFrame, shape (n_customers, n_features)
    label : ndarray of 0 and 1, shape (n_customers,)
    key : ndarray of uint64, shape (n_customers,)
        Decides the folds.
    weight : ndarray of float, shape (n_customers,), optional
        How many customers each row stands for.
    folds, seed : int
    each : callable
        Does the fits.
    """
    of = fold_of(key, folds=folds, seed=seed)
    splits = [(np.flatnonzero(of != one), np.flatnonzero(of == one)) for one in np.unique(of)]
    return list(
        each(
            partial(_refit, unfitted(model), features, label, weight, of),
            both_classes(splits, label),
        )
    )


def _refit(
    model: RiskModel,
    features: pd.DataFrame,
    label: np.ndarray,
    weight: np.ndarray | None,
    fold: np.ndarray,
    split: tuple[np.ndarray, np.ndarray],
) -> Refit:
    train, test = split
    some = None if weight is None else weight[train]
    refitted = learnt_again(model, features.iloc[train], label[train], some)
    return Refit(refitted, int(fold[test[0]]), train, test)


def jackknife_error(replicates: np.ndarray) -> np.ndarray:
    """Return the standard error of a figure from its values without each fold in turn.

    Parameters
    ----------
    replicates : ndarray, shape (n_folds, …)

    Returns
    -------
    ndarray, shape (…)
        The delete-a-group jackknife (Kott 2001), with ``n_folds - 1`` degrees of freedom.
    """
    count = len(replicates)
    away = np.asarray(replicates) - np.mean(replicates, axis=0)
    return np.sqrt((count - 1) / count * (away**2).sum(axis=0))


def reach(folds: int, *, level: float) -> float:
    """Return how many standard errors of `folds` folds an interval reaches to each side.

    The quantile of Student's t with ``folds - 1`` degrees of freedom.
    """
    return float(stdtrit(folds - 1, (1 + level) / 2))
