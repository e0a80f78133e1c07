"""The test customers, looked at once: scores with intervals, baselines, curves, grade.

Whether the probabilities hold, training customers tell too, by the risks of models that have not
seen them.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.errors import InputError
from retention.core.params import Evaluate
from retention.core.vocabulary import IDENTITY, LABEL
from retention.evaluation.baselines import told_risks
from retention.evaluation.calibration_verdict import judge_together, judged_bins
from retention.evaluation.curves import confusion, gains, ranking_curves
from retention.evaluation.evaluation import (
    beside,
    judge,
    score_all,
    score_beside,
    slices,
    suspected_leak,
)
from retention.evaluation.grade import grade, reservations
from retention.stats.metrics import plain, resamples, roc_auc

RESAMPLED = 50_000_000
"""Customers drawn by all resamples together, at most."""
_HEADLINE = (
    "grade",
    "roc_auc",
    "roc_auc_low",
    "roc_auc_high",
    "over_rule",
    "over_rule_low",
    "over_rule_high",
    "average_precision",
    "brier",
    "log_loss",
    "calibration",
    "calibration_slope",
    "calibration_slope_low",
    "calibration_slope_high",
    "calibration_shift",
    "test_customers",
)
"""What people compare between versions; the rest is in the details."""


@dataclass(frozen=True)
class Evaluation:
    """What the test customers say of a risk.

    Attributes
    ----------
    label : ndarray of 0 and 1, shape (n_customers,)
    risk : ndarray of float, shape (n_customers,)
    scores : dict
        Every score with its interval, the baselines', the grade, and ``slices``.
    baselines : DataFrame
        Every score beside each baseline's, see ``evaluation.score_beside``.
    reliability, gains : DataFrame
        Risk told against share that dropped, see ``calibration_verdict.judged_bins``; drops
        reached by share contacted; both with intervals.
    curves : dict of DataFrame
        ``roc``, ``precision_recall`` and ``confusion``.
    """

    label: np.ndarray
    risk: np.ndarray
    scores: dict[str, object]
    baselines: pd.DataFrame
    reliability: pd.DataFrame
    gains: pd.DataFrame
    curves: dict[str, pd.DataFrame]

    @property
    def headline(self) -> dict[str, object]:
        """The numbers that people compare."""
        return {name: self.scores[name] for name in _HEADLINE}


def evaluate_risk(
    table: pd.DataFrame,
    names: list[str],
    *,
    threshold: float,
    options: Evaluate,
    truth: pd.Series | None = None,
) -> Evaluation:
    """Score the risk of the test customers, beside baselines fitted on whom the model learnt from.

    The verdict on the probabilities is that of test and training customers together.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, …)
        Features, ``split``, ``scored`` (one of each twin pair), ``twin_key``, ``drop``, ``risk``
        and ``out_of_fold``.
    names : list of str
        The features, which baselines may use.
    threshold : float
        Risk from which a customer is called.
    options : Evaluate
        The params section.
    truth : Series, optional
        True probability by ``customer_id``: of the simulated shop.

    Raises
    ------
    InputError
        If there are not two test customers of each class.
    """
    test = table[(table["split"] == "test") & table["scored"]]
    # Of the training customers those beyond params train.max_rows taught the model nothing either.
    train = table[(table["split"] == "train") & table["scored"] & table["out_of_fold"]]
    label, risk = test[LABEL].to_numpy("int64"), test["risk"].to_numpy()
    if min(label.sum(), (1 - label).sum()) < 2:
        raise InputError(
            f"of {len(test)} test customers {label.sum()} dropped; two of each class are needed "
            "to score anything (params features.test_share sets how many are kept)"
        )
    known = train[LABEL].to_numpy("int64")
    key = train["twin_key"].to_numpy()
    column, others, thresholds = told_risks(
        train[names], known, test[names], key=key, seed=options.seed
    )
    # Fewer resamples of a large test: its intervals are narrow, and memory is not endless.
    count = min(options.bootstrap, max(100, RESAMPLED // len(test)))
    weights = resamples(test["twin_key"].to_numpy(), count=count, seed=options.seed)
    ours = judge(label, risk, weights, threshold=threshold)
    theirs = {
        name: judge(label, other, weights, threshold=thresholds[name])
        for name, other in others.items()
    }
    level = options.level
    drops = int(label.sum())
    scores = {"test_customers": len(test), "test_drops": drops, "test_stayed": len(test) - drops}
    scores["rule"] = column
    scores |= score_all(ours, level=level) | beside(ours, theirs, level=level)
    judged = pd.concat([test, train])
    outcome, told = judged[LABEL].to_numpy("float64"), judged["risk"].to_numpy()
    tested = np.arange(len(judged)) < len(test)
    scores |= judge_together(outcome, told, tested, options.grade)
    bins = judged_bins(outcome, told, level=level)
    scores |= {"bins": len(bins), "bins_missed": int(bins["misses"].sum())}
    scores["grade"] = grade(scores, options.grade)
    scores["reservations"] = reservations(scores, options.grade)
    scores["suspected_leak"] = suspected_leak(scores, column)
    if truth is not None:
        reachable = truth[test[IDENTITY]].to_numpy()
        scores["best_reachable_roc_auc"] = plain(roc_auc, label, reachable)
    words = list(test[names].select_dtypes(exclude="number"))
    scores["slices"] = slices(test, words=words, minimum=options.min_slice, level=level)
    called = confusion(label, risk, threshold=threshold)
    return Evaluation(
        label,
        risk,
        scores,
        baselines=score_beside(ours, theirs, level=level),
        reliability=bins,
        gains=gains(label, risk, weights, level=level),
        curves=ranking_curves(label, risk) | {"confusion": called},
    )


def predictions(table: pd.DataFrame) -> pd.DataFrame:
    """Return id, split, drop and risk of the labelled customers whom no model had seen.

    Parameters
    ----------
    table : DataFrame
        As :func:`evaluate_risk` takes it.
    """
    test = (table["split"] == "test") & table["scored"]
    told = (table["split"] == "train") & table["scored"] & table["out_of_fold"]
    kept = table.loc[test | told, [IDENTITY, "split", LABEL, "risk"]]
    return kept.astype({LABEL: "int64"}).sort_values(IDENTITY, kind="stable")
