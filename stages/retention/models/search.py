"""Choose a family's knobs, and a family, by cross-validation on training customers."""

import functools
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from retention.core.errors import InputError, one_of
from retention.core.hashing import folds
from retention.models.estimators import (
    Family,
    fitted_on,
    make_model,
    raw_score,
    takes_weights,
)
from retention.stats.metrics import plain, roc_auc

Splits = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class SearchResult:
    """What the search of one family found.

    Attributes
    ----------
    family : str
    knobs : dict
        The values chosen.
    mean : float
        Mean ROC-AUC over the folds, 0 to 1.
    se : float
        Its standard error, corrected for the overlap of the training parts.
    """

    family: str
    knobs: dict[str, Any]
    mean: float
    se: float


def make_splits(key: np.ndarray, *, count: int, repeats: int, seed: int, first: int = 0) -> Splits:
    """Return (train, test) row numbers of every fold of every repeat, by the behaviour's hash.

    Parameters
    ----------
    key : ndarray of uint64, shape (n_customers,)
    count, repeats, seed : int
    first : int
        Number of the first repeat: two calls that share no number share no folds.
    """
    splits = []
    for repeat in range(first, first + repeats):
        fold = folds(key, count=count, seed=seed, repeat=repeat)
        splits += [
            (np.flatnonzero(fold != k), np.flatnonzero(fold == k))
            for k in range(count)
            if (fold == k).any()
        ]
    return splits


def both_classes(splits: Splits, label: np.ndarray) -> Splits:
    """Return the folds that hold both classes on both sides: only they can be scored.

    Raises
    ------
    InputError
        If fewer than two are left.
    """
    usable = [
        (train, test)
        for train, test in splits
        if 0 < label[train].mean() < 1 and 0 < label[test].mean() < 1
    ]
    if len(usable) < 2:
        raise InputError(
            f"{label.sum()} training customers dropped and {(1 - label).sum()} stayed; that is too "
            f"few for {len(splits)} folds (params train.folds)"
        )
    return usable


def learnable(splits: Splits, label: np.ndarray) -> bool:
    """Tell whether every fold leaves customers of both classes to learn from."""
    return bool(splits) and all(len(train) and 0 < label[train].mean() < 1 for train, _ in splits)


def check_learnable(splits: Splits, label: np.ndarray) -> None:
    """Raise an InputError unless every fold leaves customers of both classes to learn from."""
    if not learnable(splits, label):
        raise InputError(
            f"{label.sum()} training customers dropped and {(1 - label).sum()} stayed; a fold "
            "leaves one class only to learn from: too few for params train.folds, or chance, "
            "which another train.seed changes"
        )


def corrected_se(values: np.ndarray, splits: Splits) -> float:
    """Return the standard error of a mean over folds that share training customers.

    Source: Nadeau & Bengio 2003, doi:10.1023/A:1024068626366.
    """
    ratio = np.mean([len(test) / len(train) for train, test in splits])
    return float(np.std(values, ddof=1) * np.sqrt(1 / len(values) + ratio))


def search(
    features: pd.DataFrame,
    label: np.ndarray,
    family: Family,
    knobs: Mapping[str, Sequence[Any]],
    *,
    splits: Splits,
    candidates: int,
    words: Sequence[str],
    seed: int,
    jobs: int,
    weight: np.ndarray | None = None,
) -> SearchResult:
    """Try combinations of a family's knobs on the same folds and return the best.

    Parameters
    ----------
    features : DataFrame, shape (n_customers, n_features)
    label : ndarray of 0 and 1, shape (n_customers,)
    family : Family
    knobs : mapping
        Values to try for each knob; one value fixes it.
    splits : list of (train, test) row numbers
    candidates : int
        Combinations tried at most; beyond it a seeded sample of them.
    words : sequence of str
        Names of the categorical features.
    seed, jobs : int
        Random state, and processes to use.
    weight : ndarray of float, shape (n_customers,), optional
        How many customers each row stands for, in fitting (where the family takes it) and scoring.

    Raises
    ------
    InputError
        If no combination can be fitted, or none gives a score that ranks.
    """
    from sklearn.exceptions import FitFailedWarning
    from sklearn.model_selection import GridSearchCV, ParameterGrid, RandomizedSearchCV

    splits = both_classes(splits, label)
    grid = {f"estimate__{name}": list(values) for name, values in knobs.items()}
    numbers = [name for name in features if name not in words]
    model = make_model(family, numbers=numbers, words=words, seed=seed)
    how = {"scoring": "roc_auc", "cv": splits, "n_jobs": jobs, "refit": False}
    fitting = {}
    if weight is not None:
        how["scoring"] = functools.partial(_weighted_roc_auc, weight=weight, names=features.index)
        if takes_weights(model.named_steps["estimate"]):
            fitting["estimate__sample_weight"] = weight
    if len(ParameterGrid(grid)) > candidates:
        tried = RandomizedSearchCV(model, grid, n_iter=candidates, random_state=seed, **how)
    else:
        tried = GridSearchCV(model, grid, **how)
    reason = "its scores are no numbers"
    with warnings.catch_warnings():
        # What could not be fitted is said below, in one line instead of a traceback.
        warnings.simplefilter("ignore", FitFailedWarning)
        warnings.filterwarnings("ignore", "One or more of the test scores", UserWarning)
        try:
            tried.fit(features, label, **fitting)
        except ValueError as error:  # scikit-learn's word for "all fits failed"
            reason = str(error).strip().splitlines()[-1]
    best = getattr(tried, "best_index_", None)
    if best is None or not np.isfinite(tried.cv_results_["mean_test_score"][best]):
        asked = one_of(f"{knob} = {one_of(values)}" for knob, values in knobs.items())
        raise InputError(
            f"params models.{family.name}: nothing could be learnt with {asked} ({reason}); less "
            "extreme values are needed"
        )
    results = tried.cv_results_
    lost = int((~np.isfinite(results["mean_test_score"])).sum())
    if lost:
        whom = f"{lost} of {len(results['params'])} combinations of models.{family.name}"
        print(f"train: {whom} could not be fitted and are left out", file=sys.stderr)
    by_fold = np.array([results[f"split{i}_test_score"][best] for i in range(len(splits))])
    chosen = {name.removeprefix("estimate__"): v for name, v in results["params"][best].items()}
    return SearchResult(family.name, chosen, float(by_fold.mean()), corrected_se(by_fold, splits))


def best_of(
    results: Sequence[SearchResult], *, margins: Mapping[str, float], preferred: Sequence[str]
) -> SearchResult:
    """Return the first preferred result within its margin of the best mean, else the best.

    Parameters
    ----------
    results : sequence of SearchResult
    margins : mapping of float
        ROC-AUC that each family may lose to the best when it is preferred.
    preferred : sequence of str
        Families in the order of preference; the others must be the best to be taken.
    """
    best = max(results, key=lambda result: result.mean)
    close = {r.family: r for r in results if r.mean >= best.mean - margins[r.family]}
    return next((close[name] for name in preferred if name in close), best)


def _weighted_roc_auc(
    model: Any, features: pd.DataFrame, label: np.ndarray, *, weight: np.ndarray, names: pd.Index
) -> float:
    """Return a fitted model's ROC-AUC, its rows found again by their names."""
    told = raw_score(model, features)
    return plain(roc_auc, np.asarray(label), told, weight[names.get_indexer(features.index)])


def out_of_fold(
    model: Any,
    features: pd.DataFrame,
    label: np.ndarray,
    *,
    splits: Splits,
    jobs: int,
    weight: np.ndarray | None = None,
) -> np.ndarray:
    """Return each customer's score by models that have not seen it, averaged over repeats.

    `weight` tells how many customers each row stands for in fitting, see ``fitted_on``.
    """
    from joblib import Parallel, delayed
    from sklearn.base import clone

    def one(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        stands = None if weight is None else weight[train]
        fitted = fitted_on(clone(model), features.iloc[train], label[train], stands)
        return raw_score(fitted, features.iloc[test])

    parts = Parallel(n_jobs=jobs)(delayed(one)(train, test) for train, test in splits)
    total, times = np.zeros(len(label)), np.zeros(len(label))
    for (_, test), part in zip(splits, parts, strict=True):
        total[test] += part
        times[test] += 1
    return total / times
