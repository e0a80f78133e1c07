"""SHAP values of a risk model in log-odds, summed back to the columns a person knows.

What is explained is the model's line (`RiskModel.line`): the risk's log-odds, or what a beta or
isotonic calibration bends into them.

Exact for linear models and boosted trees. Any other model has a stand-in of small trees fitted to
its score (never to the label) on customers whom the model has not seen. Where the stand-in is
faithful, its exact values are the answer: neighbours and deep trees remember the training
customers, and the stand-in does not. Where it is not, the model is sampled: walks from typical
customers to the customer, one feature after the other, score it on the way; what the stand-in
explains is taken off before and put back after, so that the walks estimate a small rest (a control
variate) and the sum is the model's score whatever the stand-in misses.

Source of the values: Lundberg & Lee 2017, arXiv:1705.07874; of the sampling: Štrumbelj &
Kononenko 2014, doi:10.1007/s10115-013-0679-x.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from retention.core.progress import progress
from retention.explanation.surrogate import Surrogate, fit_surrogate
from retention.explanation.tree_shap import small_trees, tree_values
from retention.models.estimators import RiskModel, raw_score

LINEAR, BOOSTED = "LogisticRegression", "HistGradientBoostingClassifier"
FEW_UNSEEN = 100
"""Unseen customers below which the stand-in is fitted on the others too."""
TREES = 200
FAITHFUL = 0.95
"""Fidelity (R², out-of-fold) from which the stand-in's reasons pass for the model's."""
_BATCH = 100_000


@dataclass(frozen=True)
class Attributions:
    """Why the model says what it says.

    Attributes
    ----------
    values : DataFrame, shape (n_customers, n_features)
        Contribution of each feature, in log-odds of a drop.
    base : float
        Mean log-odds of the background: base + sum of a row's values = the row's explained score.
    explained : ndarray, shape (n_customers,)
        That score: the model's line, or its stand-in's.
    method : str
        ``linear`` or ``tree`` (exact), ``surrogate`` (exact for a faithful stand-in) or
        ``sampling``.
    fidelity : float or None
        Share of the score's variance that the stand-in repeats, out-of-fold.
    """

    values: pd.DataFrame
    base: float
    explained: np.ndarray
    method: str
    fidelity: float | None = None


def attribute(
    model: RiskModel,
    features: pd.DataFrame,
    background: pd.DataFrame,
    *,
    risk: np.ndarray,
    unseen: np.ndarray,
    key: np.ndarray,
    evaluations: int,
    max_evaluations: int,
    max_rows: int,
    seed: int,
    faithful: float = FAITHFUL,
    jobs: int = 1,
) -> Attributions:
    """Return the contributions for each row of `features`, or of the riskiest.

    Parameters
    ----------
    model : RiskModel
    features : DataFrame, shape (n_customers, n_features)
    background : DataFrame
        Training customers a customer is compared with.
    risk : ndarray of float, shape (n_customers,)
        Tells the riskiest, 0 to 1.
    unseen : ndarray of bool, shape (n_customers,)
        Whom the model was not fitted on; the stand-in is fitted on them, or on all where they
        are too few.
    key : ndarray of uint64, shape (n_customers,)
        The behaviour's hash: what is drawn, and who goes first among equals, follows it and not
        the order of the rows, which in an export may be that of the label.
    evaluations : int
        Model evaluations that fitting the stand-in may spend.
    max_evaluations : int
        Model evaluations that sampling may spend on all rows together; more background rows
        (each walked in an order of its own) are used as it allows, two at least.
    max_rows : int
        Rows that sampling explains at most: the riskiest of the unseen where there are more.
    seed : int
        Seed of the orders and of the stand-in.
    faithful : float
        Fidelity from which the stand-in answers for the model; at -inf it answers unmeasured.
    jobs : int
        Processor cores that sampling may use; the result does not depend on it.
    """
    prepare = model.pipeline.named_steps["prepare"]
    estimate = model.pipeline.named_steps["estimate"]
    names = list(features)
    owner = np.array([names.index(name) for name in column_owners(prepare)])
    rows, typical = prepare.transform(features), prepare.transform(background)
    trees = small_trees(estimate, owner) if type(estimate).__name__ == BOOSTED else None
    fidelity = None
    if trees is not None:
        method, values = "tree", tree_values(trees, rows, typical, len(names))
        base = float(raw_score(estimate, typical).mean())
    elif type(estimate).__name__ in (LINEAR, BOOSTED):
        method = "linear" if type(estimate).__name__ == LINEAR else "tree"
        values, base = _by_shap(estimate, rows, typical, owner, method)
    else:
        drawn_from = np.argsort(key, kind="stable")
        if unseen.sum() >= FEW_UNSEEN:
            drawn_from = drawn_from[unseen[drawn_from]]
        stand_in = fit_surrogate(
            lambda points: raw_score(estimate, points),
            rows[drawn_from],
            typical,
            owner,
            evaluations=evaluations,
            trees=TREES,
            seed=seed,
            judged=np.isfinite(faithful),
        )
        fidelity = stand_in.fidelity
        method = "sampling" if fidelity is not None and fidelity < faithful else "surrogate"
        if method == "sampling":
            if len(rows) > max_rows:
                told = np.where(unseen, risk, -np.inf)
                first = np.sort(np.lexsort((key, -told))[:max_rows])
                rows, features = rows[first], features.iloc[first]
            walks = max_evaluations // max(1, len(rows) * len(names))
            typical = typical[: int(np.clip(walks, 2, len(typical)))]
        values, base = stand_in.values(rows, typical)
        if method == "sampling":
            values += _sampled(
                _rest(estimate, stand_in), rows, typical, owner, seed=seed, jobs=jobs
            )
            base = float(raw_score(estimate, typical).mean())
    base = model.slope * base + model.intercept
    table = pd.DataFrame(model.slope * values, features.index, names)
    explained = base + table.sum(axis=1) if method == "surrogate" else model.line(features)
    return Attributions(table, base, np.asarray(explained), method, fidelity)


def column_owners(prepare: object) -> list[str]:
    """Return, for each column that the preparation makes, the feature it is made of."""
    numbers, words = (list(columns) for _, _, columns in prepare.transformers_[:2])
    imputer = prepare.named_transformers_["numbers"][0]
    gaps = imputer.indicator_.features_ if imputer.indicator_ is not None else []
    owners = numbers + [numbers[place] for place in gaps]
    if words:
        encoder = prepare.named_transformers_["words"]
        for name, known in zip(words, encoder.categories_, strict=True):
            owners += [name] * len(known)
    return owners


def _by_shap(
    estimate: object, rows: np.ndarray, typical: np.ndarray, owner: np.ndarray, method: str
) -> tuple[np.ndarray, float]:
    import shap

    explainer = shap.LinearExplainer if method == "linear" else shap.TreeExplainer
    masker = shap.maskers.Independent(typical, max_samples=len(typical))
    explained = explainer(estimate, masker)(rows)
    values = np.zeros((len(rows), owner.max() + 1))
    np.add.at(values.T, owner, explained.values.T)
    return values, float(np.ravel(explained.base_values)[0])


def _rest(estimate: object, stand_in: Surrogate) -> Callable[[np.ndarray], np.ndarray]:
    """Return what the stand-in misses of the model's score."""
    return lambda points: raw_score(estimate, points) - stand_in.score(points)


def _sampled(
    score: Callable[[np.ndarray], np.ndarray],
    rows: np.ndarray,
    typical: np.ndarray,
    owner: np.ndarray,
    *,
    seed: int,
    jobs: int,
) -> np.ndarray:
    """Walk from each background row to each customer, one feature after the other.

    The steps of a walk add up to the difference of its ends, so the mean over walks is additive
    whatever the orders. Each second walk goes the order before it backwards, which cancels most
    of the noise (antithetic sampling; Mitchell et al. 2022, JMLR 23(43)).
    """
    rng = np.random.default_rng(seed)
    count = int(owner.max()) + 1
    columns = [np.flatnonzero(owner == feature) for feature in range(count)]
    starts = score(typical)
    chunk = max(1, _BATCH // count)
    orders: list[np.ndarray] = []
    for walk in range(len(typical)):
        orders.append(orders[-1][::-1] if walk % 2 else rng.permutation(count))

    def walked(walk: int) -> np.ndarray:
        values, order = np.empty((len(rows), count)), orders[walk]
        for first in range(0, len(rows), chunk):
            part = rows[first : first + chunk]
            state = np.tile(typical[walk], (len(part), 1))
            path = np.empty((count, *part.shape))
            for step, feature in enumerate(order):
                state[:, columns[feature]] = part[:, columns[feature]]
                path[step] = state
            scored = score(path.reshape(-1, part.shape[1])).reshape(count, len(part))
            steps = np.diff(scored, axis=0, prepend=starts[walk])
            values[first : first + chunk, order] = steps.T
        return values

    shown = progress(range(len(typical)), what="explain", unit="walks")
    # Threads, not processes: the estimators leave Python's lock, and nothing is copied.
    found = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(
        delayed(walked)(walk) for walk in range(len(typical))
    )
    values = np.zeros((len(rows), count))
    for _, part in zip(shown, found, strict=True):
        values += part
    return values / len(typical)
