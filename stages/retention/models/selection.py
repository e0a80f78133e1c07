"""Train one model: search the families, blend, choose, calibrate; all on training customers."""

import itertools
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from retention.core.errors import InputError, one_of
from retention.core.fits import fits_by_engine
from retention.core.hashing import part_of
from retention.core.months import in_months
from retention.core.params import Models, Train
from retention.core.progress import progress
from retention.models.calibration import Calibration, choose_calibration, fit_sigmoid
from retention.models.estimators import (
    FAMILIES,
    STEADY,
    Blend,
    RiskModel,
    fitted_on,
    make_model,
    sigmoid,
    steady,
    steady_model,
)
from retention.models.scoring_cost import steps_per_customer
from retention.models.search import (
    SearchResult,
    Splits,
    best_of,
    both_classes,
    check_learnable,
    corrected_se,
    make_splits,
    out_of_fold,
    search,
)
from retention.stats.metrics import log_loss, plain, roc_auc
from retention.stats.paired import roc_auc_difference

BLEND = "blend"
LEGIBILITY_MARGIN = 0.002
"""ROC-AUC that auto gives up for a preferred model at most."""
_ENOUGH_ROWS = 10_000
"""Customers scored over all rounds of the comparison: with that many, one round will do."""
LEGIBLE = tuple(name for name, family in FAMILIES.items() if family.legible)
"""What auto takes first among equals: what a person can follow."""
AFFORDABLE = 2e10
"""Steps (see ``scoring_cost``) that scoring every customer may take without being a cost: some ten
seconds of one core."""
EQUAL = 0.05
"""How strongly the weights of a blend are drawn towards equal ones, in nats of log-loss."""


@dataclass(frozen=True)
class Candidate:
    """A family with its best knobs, and what it says of training customers unseen.

    Attributes
    ----------
    result : SearchResult
    pipeline : Pipeline
        Unfitted.
    scores : ndarray of float, shape (n_rounds, n_customers)
        Out-of-fold scores of each round of the comparison.
    steps : float
        What scoring one customer costs, see ``scoring_cost``.
    """

    result: SearchResult
    pipeline: Pipeline
    scores: np.ndarray
    steps: float = 0.0

    @property
    def score(self) -> np.ndarray:
        """Each customer's out-of-fold score, averaged over rounds, shape (n_customers,)."""
        return self.scores.mean(axis=0)


@dataclass(frozen=True)
class Trained:
    """What training found.

    Attributes
    ----------
    model : RiskModel
        Fitted on all the training customers.
    best : Candidate
    candidates : list of Candidate
        Every family tried, from the simplest to the most complex.
    calibration : Calibration
    risk : ndarray of float, shape (n_customers,)
        Out-of-fold risk: score and calibration by models that have not seen the customer.
    losses : dict
        Cross-fitted log-loss of each kind of calibration.
    """

    model: RiskModel
    best: Candidate
    candidates: list[Candidate]
    calibration: Calibration
    risk: np.ndarray
    losses: dict[str, float]


def train_model(
    features: pd.DataFrame,
    label: np.ndarray,
    key: np.ndarray,
    *,
    train: Train,
    models: Models,
    words: Sequence[str],
    customers: int = 0,
    quiet: bool = False,
    weight: np.ndarray | None = None,
    repeated: bool = False,
) -> Trained:
    """Return the best calibrated model of the families that `train` names.

    Parameters
    ----------
    features : DataFrame, shape (n_customers, n_features)
        Training customers, one of each twin pair.
    label : ndarray of 0 and 1, shape (n_customers,)
    key : ndarray of uint64, shape (n_customers,)
        Behaviour keys: the folds follow them.
    train, models : Train, Models
        The params sections of these names.
    words : sequence of str
        Names of the categorical features.
    customers : int
        Customers who will be scored: the more they are, the more a model's cost counts.
    quiet : bool
        Show no progress.
    weight : ndarray of float, shape (n_customers,), optional
        How many customers each row stands for: in scores and calibrations, and in fitting where
        the family takes weights.
    repeated : bool
        Rows of one key are the months of a customer and not independent.

    Raises
    ------
    InputError
        If the classes are too small for the folds, a blend has fewer than two families, or a
        family cannot be fitted with its knobs.
    """
    looked = np.flatnonzero(
        part_of(key, label, most=train.search_rows, seed=train.seed, purpose="search")
    )
    splits = make_splits(key[looked], count=train.folds, repeats=train.repeats, seed=train.seed)
    # Families are compared on folds that no search has seen: the best of many candidates looks
    # better than it is on the folds that chose it.
    rounds = [
        make_splits(key, count=train.folds, repeats=1, seed=train.seed, first=train.repeats + r)
        for r in range(min(train.comparisons, 1 + _ENOUGH_ROWS // len(label)))
    ]
    wanted = train.families if train.model in ("auto", BLEND) else [train.model]
    order = [name for name in FAMILIES if name in wanted]
    if len(order) < 2 and (train.model == BLEND or not order):
        raise InputError(
            f"params train.families is {one_of(train.families)}; a blend is of two families or "
            f"more: {one_of(FAMILIES)}"
        )
    check_learnable(splits, label[looked])
    check_learnable([pair for part in rounds for pair in part], label)
    fewest = min(len(known) for part in (splits, *rounds) for known, _ in part)
    if "knn" in order and max(models.knn.n_neighbors) > fewest:
        most = max(models.knn.n_neighbors)
        line = f"models.knn.n_neighbors {most} is more than the {fewest} customers of a fold"
        print(f"train: {line}; where there are fewer, all are asked", file=sys.stderr)
    shown = (name for name in order) if quiet else progress(order, what="train", unit="families")
    candidates = []
    seen, outcome, counts = features.iloc[looked], label[looked], _of(weight, looked)
    folds = [rows for part in (splits, *rounds) for pair in part for rows in pair]
    data = [features, label, weight, seen, seen.index, outcome, counts, *folds]
    # The line of an error must not stand behind half a bar.
    with closing(shown), fits_by_engine(data, jobs=train.jobs):
        for name in shown:
            knobs = getattr(models, name).model_dump()
            result = search(
                seen,
                outcome,
                FAMILIES[name],
                knobs,
                splits=splits,
                candidates=train.candidates,
                words=words,
                seed=train.seed,
                jobs=train.jobs,
                weight=counts,
            )
            pipeline = make_model(
                FAMILIES[name],
                numbers=[n for n in features if n not in words],
                words=words,
                seed=train.seed,
            )
            pipeline.set_params(
                **{f"estimate__{knob}": value for knob, value in result.knobs.items()}
            )
            scores = [
                out_of_fold(pipeline, features, label, splits=part, jobs=train.jobs, weight=weight)
                for part in rounds
            ]
            result = compared(name, result.knobs, np.array(scores), label, rounds, weight)
            steps = steps_per_customer(
                name, result.knobs, rows=len(label), columns=len(features.columns)
            )
            candidates.append(Candidate(result, pipeline, np.array(scores), steps))
    if BLEND in (*train.families, train.model) and len(candidates) > 1:
        members = models.blend.members
        candidates.append(blend(candidates, label, rounds, members=members, weight=weight))
    if train.model == BLEND:
        best = candidates[-1]
    else:
        results = [candidate.result for candidate in candidates]
        taken = best_of(
            results, margins=margins(candidates, label), preferred=preference(candidates, customers)
        )
        best = next(candidate for candidate in candidates if candidate.result is taken)
    fold = np.zeros(len(label), dtype=int)
    for number, (_, test) in enumerate(rounds[0]):
        fold[test] = number
    calibration, risk, losses = choose_calibration(
        best.score, label, fold, weight=weight, groups=key if repeated else None
    )
    fitted = steady_model(fitted_on(best.pipeline, features, label, weight))
    model = RiskModel(
        fitted, calibration.slope, calibration.intercept, calibration.bend, calibration.steps
    )
    return Trained(model, best, candidates, calibration, risk, losses)


def row_weights(rows: pd.DataFrame) -> np.ndarray | None:
    """Return how many customers each training row stands for, on average one; None if all do."""
    if not in_months(rows) or (rows["weight"] == 1).all():
        return None
    return (rows["weight"] / rows["weight"].mean()).to_numpy("float64")


def _of(weight: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if weight is None else weight[rows]


def compared(
    family: str,
    knobs: dict[str, Any],
    scores: np.ndarray,
    label: np.ndarray,
    rounds: Sequence[Splits],
    weight: np.ndarray | None = None,
) -> SearchResult:
    """Return the mean ROC-AUC over the folds of every round, and its standard error."""
    usable = [both_classes(splits, label) for splits in rounds]
    areas = [
        plain(roc_auc, label[test], score[test], _of(weight, test))
        for score, splits in zip(scores, usable, strict=True)
        for _, test in splits
    ]
    every = [pair for splits in usable for pair in splits]
    return SearchResult(family, knobs, float(np.mean(areas)), corrected_se(np.array(areas), every))


def preference(candidates: Sequence[Candidate], customers: int) -> list[str]:
    """Return the families in the order in which auto takes them among equals.

    First what a person can follow. Then the mean of several, which is safer than the one of them
    that chance put ahead; but where scoring everyone by it costs more than :data:`AFFORDABLE`
    steps, whatever is cheaper to score goes before it.
    """
    cheapest = sorted(candidates, key=lambda candidate: candidate.steps)
    dear = any(c.result.family == BLEND and c.steps * customers > AFFORDABLE for c in candidates)
    return [*LEGIBLE, *([c.result.family for c in cheapest] if dear else [BLEND])]


def margins(candidates: Sequence[Candidate], label: np.ndarray) -> dict[str, float]:
    """Return the ROC-AUC that each family may lose to the best: what chance could have made.

    One standard error of the paired difference (the rule of Breiman et al. 1984, on the same
    customers), and never more than :data:`LEGIBILITY_MARGIN`: where many customers tell families
    apart, the better one is taken.
    """
    best = max(candidates, key=lambda candidate: candidate.result.mean)
    return {
        c.result.family: min(
            LEGIBILITY_MARGIN, roc_auc_difference(label, best.score, c.score).error
        )
        for c in candidates
    }


def blend(
    candidates: Sequence[Candidate],
    label: np.ndarray,
    rounds: Sequence[Splits],
    *,
    members: int,
    weight: np.ndarray | None = None,
) -> Candidate:
    """Return the weighted mean of the best candidates' calibrated log-odds.

    Each member is calibrated by a line on its out-of-fold scores; the weights, in steps of a
    tenth, have the lowest out-of-fold log-loss, drawn towards equal ones.

    What the blend is compared and calibrated by is not what it was fitted to: the scores of a
    fold's customers are blended by lines and weights of all others (as stacking is judged: D.
    Wolpert, "Stacked generalization", Neural Networks 5, 1992). Those of the blend itself are
    of all customers.
    """
    chosen = sorted(candidates, key=lambda c: -c.result.mean)[:members]
    raw = np.array([candidate.scores for candidate in chosen])
    scores = np.empty(raw.shape[1:])
    for number, splits in enumerate(rounds):
        for others, fold in splits:
            lines, weights = fit_blend(raw[:, :, others], label[others], _of(weight, others))
            scores[number, fold] = weights @ _on_lines(raw[:, number, fold], lines)
    lines, weights = fit_blend(raw, label, weight)
    estimate = Blend(
        members=[candidate.pipeline.named_steps["estimate"] for candidate in chosen],
        slopes=[a for a, _ in lines],
        intercepts=[b for _, b in lines],
        weights=weights,
    )
    prepare = chosen[0].pipeline.named_steps["prepare"]
    scores = scores.round(STEADY)
    families = [candidate.result.family for candidate in chosen]
    chosen_weights = dict(zip(families, weights, strict=True))
    result = compared(BLEND, chosen_weights, scores, label, rounds, weight)
    steps = sum(c.steps for c, weight in zip(chosen, weights, strict=True) if weight)
    pipeline = Pipeline([("prepare", prepare), ("estimate", estimate)])
    return Candidate(result, pipeline, scores, steps)


def fit_blend(
    raw: np.ndarray, label: np.ndarray, weight: np.ndarray | None = None
) -> tuple[list[tuple[float, float]], list[float]]:
    """Return each member's line (slope and intercept), and their weights.

    Parameters
    ----------
    raw : ndarray, shape (n_members, n_rounds, n_customers)
        Out-of-fold scores of each round of the comparison.
    label : ndarray of 0 and 1, shape (n_customers,)
    weight : ndarray of float, shape (n_customers,), optional
        How many customers each stands for.
    """
    means = raw.mean(axis=1)
    lines = [fit_sigmoid(score, label, weight) for score in means]
    return lines, blend_weights(_on_lines(means, lines), label, weight)


def _on_lines(scores: np.ndarray, lines: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return each member's scores, a row each, as calibrated log-odds."""
    return np.array([a * score + b for score, (a, b) in zip(scores, lines, strict=True)])


def blend_weights(
    parts: np.ndarray, label: np.ndarray, weight: np.ndarray | None = None
) -> list[float]:
    """Return the weights, in tenths and together 1, that blend log-odds best.

    Parameters
    ----------
    parts : ndarray, shape (n_members, n_customers)
        Each member's calibrated log-odds.
    label : ndarray of 0 and 1, shape (n_customers,)
    weight : ndarray of float, shape (n_customers,), optional
        How many customers each stands for.
    """
    count = len(parts)
    best, lowest = [1 / count] * count, np.inf
    for tenths in itertools.product(range(11), repeat=count - 1):
        if sum(tenths) > 10:
            continue
        weights = np.array([*tenths, 10 - sum(tenths)]) / 10
        loss = plain(log_loss, label, sigmoid(weights @ parts), weight)
        loss = steady(loss + EQUAL * ((weights - 1 / count) ** 2).sum())
        if loss < lowest:
            best, lowest = [float(weight) for weight in weights], loss
    return best
