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
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from retention.core.progress import progress
from retention.explanation.surrogate import StandInRows, Surrogate, draw_rows, fit_surrogate
from retention.explanation.tree_shap import SolvedTrees, small_trees, solved
from retention.models.estimators import RiskModel, raw_score

LINEAR, BOOSTED = "LogisticRegression", "HistGradientBoostingClassifier"
SURROGATE, SAMPLING = "surrogate", "sampling"
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


@dataclass(frozen=True)
class Attributor:
    """What gives the contributions of any customers: everything that is learnt of a model once.

    Attributes
    ----------
    model : RiskModel
    names : list of str
        Its features.
    owner : ndarray of int, shape (n_columns,)
        The feature that each prepared column is made of.
    typical : ndarray, shape (n_background, n_columns)
        Prepared customers that a customer is compared with.
    method : str
        As :class:`Attributions` tells it.
    fidelity : float or None
        As :class:`Attributions` tells it.
    trees : SolvedTrees or None
        Small trees with the shares of every code: of the model itself, or of its stand-in.
    stand_in : Surrogate or None
        The stand-in of a model that has no exact path.
    """

    model: RiskModel
    names: list[str]
    owner: np.ndarray
    typical: np.ndarray
    method: str
    fidelity: float | None = None
    trees: SolvedTrees | None = None
    stand_in: Surrogate | None = None

    @property
    def prepare(self) -> Any:
        """What makes prepared columns of features."""
        return self.model.pipeline.named_steps["prepare"]

    def attributed(self, features: pd.DataFrame) -> Attributions:
        """Return the contributions of customers, by an exact path or a faithful stand-in."""
        rows, estimate = self.prepare.transform(features), self._estimate
        if self.trees is None:
            exact = _linear if self.method == "linear" else _by_shap
            values, base = exact(estimate, rows, self.typical, self.owner)
        else:
            values = self.trees.values(rows)
            base = self._stand_in_base if self.stand_in else self._base
        return self._told(features, values, base)

    def sampled(
        self, features: pd.DataFrame, *, max_evaluations: int, seed: int, jobs: int
    ) -> Attributions:
        """Return the contributions of customers by walks that score the model itself.

        Parameters
        ----------
        features : DataFrame, shape (n_customers, n_features)
        max_evaluations : int
            Model evaluations that all walks together may spend.
        seed, jobs : int
            As :func:`attribute` takes them.
        """
        rows, estimate = self.prepare.transform(features), self._estimate
        walks = max_evaluations // max(1, len(rows) * len(self.names))
        typical = self.typical[: int(np.clip(walks, 2, len(self.typical)))]
        values, _ = self.stand_in.values(rows, typical)
        values += _sampled(
            _rest(estimate, self.stand_in), rows, typical, self.owner, seed=seed, jobs=jobs
        )
        return self._told(features, values, float(raw_score(estimate, typical).mean()))

    @property
    def _estimate(self) -> Any:
        return self.model.pipeline.named_steps["estimate"]

    @cached_property
    def _base(self) -> float:
        return float(raw_score(self._estimate, self.typical).mean())

    @cached_property
    def _stand_in_base(self) -> float:
        return float(self.stand_in.score(self.typical).mean())

    def _told(self, features: pd.DataFrame, values: np.ndarray, base: float) -> Attributions:
        base = self.model.slope * base + self.model.intercept
        table = pd.DataFrame(self.model.slope * values, features.index, self.names)
        is_own = self.method != SURROGATE
        explained = self.model.line(features) if is_own else base + table.sum(axis=1)
        return Attributions(table, base, np.asarray(explained), self.method, self.fidelity)


def has_exact_path(model: RiskModel) -> bool:
    """Tell whether a model's values are exact without a stand-in."""
    return type(model.pipeline.named_steps["estimate"]).__name__ in (LINEAR, BOOSTED)


def stand_in_order(key: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    """Return the rows that a stand-in may be fitted on, in the order of their keys.

    Parameters
    ----------
    key, unseen : ndarray, shape (n_customers,)
        As :func:`attribute` takes them.
    """
    order = np.argsort(key, kind="stable")
    return order[unseen[order]] if unseen.sum() >= FEW_UNSEEN else order


def riskiest(risk: np.ndarray, unseen: np.ndarray, key: np.ndarray, *, most: int) -> np.ndarray:
    """Return at most `most` rows, the riskiest of the unseen first taken, in their order.

    Parameters
    ----------
    risk, unseen, key : ndarray, shape (n_customers,)
        As :func:`attribute` takes them.
    most : int
    """
    if len(risk) <= most:
        return np.arange(len(risk))
    told = np.where(unseen, risk, -np.inf)
    return np.sort(np.lexsort((key, -told))[:most])


def learn_attributor(
    model: RiskModel,
    background: pd.DataFrame,
    *,
    drawn: StandInRows | None,
    take: Callable[[np.ndarray], pd.DataFrame],
    seed: int,
    faithful: float = FAITHFUL,
) -> Attributor:
    """Return what gives the contributions of any customers.

    Parameters
    ----------
    model : RiskModel
    background : DataFrame, shape (n_background, n_features)
        Customers a customer is compared with.
    drawn : StandInRows or None
        What a stand-in is fitted on; None where :func:`has_exact_path` says that none is needed.
    take : callable
        Gives the features of the rows of these numbers.
    seed : int
        Seed of the stand-in.
    faithful : float
        Fidelity from which the stand-in answers for the model; at -inf it answers unmeasured.
    """
    prepare = model.pipeline.named_steps["prepare"]
    estimate = model.pipeline.named_steps["estimate"]
    names = list(background)
    owner = np.array([names.index(name) for name in column_owners(prepare)])
    typical = prepare.transform(background)
    found = partial(Attributor, model, names, owner, typical)
    if drawn is None:
        small = small_trees(estimate, owner) if type(estimate).__name__ == BOOSTED else None
        if small is not None:
            return found("tree", trees=solved(small, typical, len(names)))
        return found("linear" if type(estimate).__name__ == LINEAR else "tree")
    stand_in = fit_surrogate(
        partial(raw_score, estimate),
        drawn.points(lambda rows: prepare.transform(take(rows)), typical, owner),
        owner,
        unmixed=len(drawn.some),
        trees=TREES,
        seed=seed,
        judged=np.isfinite(faithful),
    )
    fidelity = stand_in.fidelity
    if fidelity is not None and fidelity < faithful:
        return found(SAMPLING, fidelity, stand_in=stand_in)
    trees = solved(stand_in.trees, typical, stand_in.players)
    return found(SURROGATE, fidelity, trees=trees, stand_in=stand_in)


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
    order, drawn = stand_in_order(key, unseen), None
    if not has_exact_path(model):
        sizes = (len(order), len(background), features.shape[1])
        drawn = draw_rows(*sizes, evaluations=evaluations, seed=seed)
    found = learn_attributor(
        model,
        background,
        drawn=drawn,
        take=lambda rows: features.iloc[order[rows]],
        seed=seed,
        faithful=faithful,
    )
    if found.method != SAMPLING:
        return found.attributed(features)
    some = features.iloc[riskiest(risk, unseen, key, most=max_rows)]
    return found.sampled(some, max_evaluations=max_evaluations, seed=seed, jobs=jobs)


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


def _linear(
    estimate: Any, rows: np.ndarray, typical: np.ndarray, owner: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return what each feature of a linear score adds: its weight times its distance from the mean.

    Corollary 1 of Lundberg & Lee 2017. The package shap gives the same numbers, but row by row,
    and its imports take 100 MB of each process.
    """
    weight, mean = estimate.coef_[0], typical.mean(axis=0)
    base = float(weight @ mean + estimate.intercept_[0])
    return _of_features((rows - mean) * weight, owner), base


def _by_shap(
    estimate: object, rows: np.ndarray, typical: np.ndarray, owner: np.ndarray
) -> tuple[np.ndarray, float]:
    import shap

    masker = shap.maskers.Independent(typical, max_samples=len(typical))
    explained = shap.TreeExplainer(estimate, masker)(rows)
    return _of_features(explained.values, owner), float(np.ravel(explained.base_values)[0])


def _of_features(values: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Return the contributions of features from those of the columns that are made of them."""
    found = np.zeros((len(values), owner.max() + 1))
    for column, feature in enumerate(owner):
        found[:, feature] += values[:, column]
    return found


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
