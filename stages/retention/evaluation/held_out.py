"""The test customers, looked at once: scores with intervals, baselines, curves, grade.

Whether the probabilities hold, training customers tell too, by the risks of models that have not
seen them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from retention.core.errors import InputError
from retention.core.months import in_months
from retention.core.params import Evaluate
from retention.core.row_weights import are_even, effective_size, one_each, represented, weights_of
from retention.core.teaching import judging, taught
from retention.core.vocabulary import IDENTITY, LABEL, MONTH, REVENUE
from retention.evaluation.baselines import Baselines, fit_baselines
from retention.evaluation.by_month import resamples_of, split_of
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
from retention.evaluation.reversion import PAST_REVENUE, by_rule, reverting_risk
from retention.stats.metrics import plain, resamples, roc_auc

_LEAST_SCORED = 2
"""Test customers of each class from which anything is scored."""
HEADLINE = (
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
        Every score with its interval, the baselines', the grade, and ``slices``; of months also
        ``months`` (`month_study`).
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
        found = {name: self.scores[name] for name in HEADLINE}
        months = self.scores.get("months")
        if months is not None:
            found["expected_roc_auc"] = months["forecast"]["roc_auc"]
            found["forecasts_missed"] = months["missed"]
        return found

    def with_months(self, study: Mapping[str, Any]) -> "Evaluation":
        """Return this evaluation with what the months say, and beside it regression to the mean."""
        reversion: dict[str, float] | None = None
        if "over_reversion" in self.scores:
            named = {"reversion_roc_auc": "roc_auc", "over_reversion": "over"}
            named |= {name: name for name in ("base_roc_auc", "over_base")}
            reversion = {
                f"{key}{end}": self.scores[f"{name}{end}"]
                for name, key in named.items()
                for end in ("", "_low", "_high")
            }
        return replace(self, scores=self.scores | {"months": {**study, "reversion": reversion}})

    @property
    def plots(self) -> dict[str, pd.DataFrame]:
        """The tables of every curve, by name."""
        own = {"calibration": self.reliability, "gains": self.gains, "baselines": self.baselines}
        return self.curves | own


@dataclass(frozen=True)
class HeldOut:
    """The rows that say how good a risk is.

    Attributes
    ----------
    test : DataFrame
        Those that judge it, with ``drop``, ``risk``, ``twin_key`` and the columns of slices; of
        months also ``customer_id``, ``month``, ``weight`` and ``label_source``.
    train : DataFrame
        Those that taught the model, with the risk of models that have not seen them: they judge the
        probabilities too. Training customers beyond params ``train.max_rows`` do not.
    fitted : DataFrame
        Those that baselines learn from: features, ``drop`` and ``twin_key``.
    """

    test: pd.DataFrame
    train: pd.DataFrame
    fitted: pd.DataFrame

    @property
    def can_be_judged(self) -> bool:
        """Whether there are two test customers of each class, and some whom baselines learn from.

        Without them nothing is scored.
        """
        sides = (self.test[LABEL], self.fitted[LABEL])
        return all(min((side == 0).sum(), (side == 1).sum()) >= _LEAST_SCORED for side in sides)

    def refuse_too_few(self) -> None:
        """Raise an InputError if nothing can be scored."""
        if not self.can_be_judged:
            monthly, drops = in_months(self.test), self.test[LABEL].astype("int64").sum()
            raise InputError(
                f"of {len(self.test)} test customers {drops} dropped; two of each class are needed "
                "to score anything"
                + ("" if monthly else " (params features.test_share sets how many are kept)")
            )


@dataclass(frozen=True)
class Beside:
    """What baselines tell of the test rows.

    Attributes
    ----------
    column : str
        The column of the one-column rule.
    risks : dict of ndarray of float, shape (n_test,)
        By baseline.
    thresholds : dict of float
        From which risk on each calls a drop.
    """

    column: str
    risks: dict[str, np.ndarray]
    thresholds: dict[str, float]


def held_out(table: pd.DataFrame) -> HeldOut:
    """Return the rows of a table that say how good its risk is.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, …)
        Features, ``split``, ``scored`` (one of each twin pair), ``twin_key``, ``drop``, ``risk``
        and ``out_of_fold``; of months also ``month``, ``weight`` and ``label_source``.
    """
    train = table[taught(table) & table["out_of_fold"]]
    # What taught a model that was kept may be gone: then baselines learn from what may teach today.
    fitted = table[(table["split"] == "train") & table["scored"]] if train.empty else train
    return HeldOut(table[judging(table)], train, fitted)


def baselines_of(rows: HeldOut, names: list[str], options: Evaluate) -> Baselines:
    """Return the baselines, which may use the features `names`."""
    label, key = rows.fitted[LABEL].to_numpy("int64"), rows.fitted["twin_key"].to_numpy()
    return fit_baselines(rows.fitted[names], label, key=key, seed=options.seed)


def evaluate_risk(
    table: pd.DataFrame,
    names: list[str],
    *,
    threshold: float,
    options: Evaluate,
    truth: pd.DataFrame | None = None,
    base_months: int = len(REVENUE),
) -> Evaluation:
    """Score the risk of the test customers of a table, beside baselines.

    In months the test customers are those of the test month, whom the model did not learn from.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, …)
        As :func:`held_out` takes it.
    names : list of str
        The features, which baselines may use.
    threshold : float
        Risk from which a customer is called.
    options : Evaluate
        The params section.
    truth : DataFrame, optional
        ``customer_id``, of months ``month``, and the true ``probability``: of the simulated shop.
    base_months : int
        Params ``label.base_months``, where outcomes of months follow from revenue.

    Raises
    ------
    InputError
        If there are not two test customers of each class.
    """
    by = split_of(table) if in_months(table) else ""
    how = {"threshold": threshold, "options": options, "truth": truth, "base_months": base_months}
    return evaluate_rows(held_out(table), names, by=by, **how)


def evaluate_rows(
    rows: HeldOut,
    names: list[str],
    *,
    by: str,
    threshold: float,
    options: Evaluate,
    truth: pd.DataFrame | None,
    base_months: int,
) -> Evaluation:
    """Score the risk of test customers, beside baselines.

    Parameters as :func:`evaluate_risk` has them; `by` is what was split of months, as
    `by_month.split_of` tells it, empty of a snapshot.
    """
    rows.refuse_too_few()
    test, baselines = rows.test, baselines_of(rows, names, options)
    risks, thresholds = baselines.risks(test[names]), dict(baselines.thresholds)
    if in_months(test) and by_rule(test):
        for name in PAST_REVENUE:
            risks[name], thresholds[name] = reverting_risk(
                rows.fitted, test, name, base_months=base_months
            )
    reachable = None
    if truth is not None:
        keys = keys_of(test)
        known = test[keys].merge(truth.astype({IDENTITY: "str"}), on=keys, how="left")
        reachable = known["probability"].to_numpy()
    return evaluation_of(
        rows,
        Beside(baselines.rule.column, risks, thresholds),
        words=list(test[names].select_dtypes(exclude="number")),
        threshold=threshold,
        options=options,
        by=by,
        reachable=reachable,
    )


def evaluation_of(
    rows: HeldOut,
    others: Beside,
    *,
    words: list[str],
    threshold: float,
    options: Evaluate,
    by: str = "",
    reachable: np.ndarray | None = None,
) -> Evaluation:
    """Return what the test rows say of their risk, beside what baselines tell of them.

    The verdict on the probabilities is that of test and training customers together. Where test
    customers do not count alike (`row_weights`) scores and verdict weigh them, and curves, bins and
    slices are of rows that stand for them.

    Parameters
    ----------
    rows : HeldOut
    others : Beside
    words : list of str
        Columns of words: customers of one word are a slice.
    threshold : float
        Risk from which a customer is called.
    options : Evaluate
        The params section.
    by : str
        Of months what was split, as `by_month.split_of` tells it.
    reachable : ndarray of float, shape (n_test,), optional
        The true probability of a drop: of the simulated shop.
    """
    test, train, column = rows.test, rows.train, others.column
    label, risk = test[LABEL].to_numpy("int64"), test["risk"].to_numpy()
    weight = weights_of(test)
    # Rows of one customer, or of unlike weight, have no formula.
    counts = None if by != "customers" and are_even(weight) else weight
    weights = _draws(test, options)
    ours = judge(label, risk, weights, threshold=threshold, counts=counts)
    theirs = {
        name: judge(label, other, weights, threshold=others.thresholds[name], counts=counts)
        for name, other in others.risks.items()
    }
    level = options.level
    drops = int(label.sum())
    scores = {"test_customers": len(test), "test_drops": drops, "test_stayed": len(test) - drops}
    scores["rule"] = column
    scores |= score_all(ours, level=level) | beside(ours, theirs, level=level)
    # Of whom curves are drawn: everyone, where each row is a customer and all count alike.
    shown = represented(one_each(test) if by == "customers" else test)
    scores |= ({"split": by} if by else {}) | _verdict(test, train, options)
    # Months of one customer are alike: what takes rows for independent looks at the test alone.
    binned = shown if by else _both(test, train)
    bins = judged_bins(binned[LABEL].to_numpy("float64"), binned["risk"].to_numpy(), level=level)
    scores |= {"bins": len(bins), "bins_missed": int(bins["misses"].sum())}
    scores["grade"] = grade(scores, options.grade)
    scores["reservations"] = reservations(scores, options.grade)
    scores["suspected_leak"] = suspected_leak(scores, column)
    if reachable is not None:
        scores["best_reachable_roc_auc"] = plain(roc_auc, label, reachable)
    scores["slices"] = slices(shown, words=words, minimum=options.min_slice, level=level)
    if len(shown) < len(test):
        label, risk = shown[LABEL].to_numpy("int64"), shown["risk"].to_numpy()
        weights = _draws(shown, options)
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


def keys_of(table: pd.DataFrame) -> list[str]:
    """Return the columns that tell rows apart: the id, and of months the month."""
    return [IDENTITY, *([MONTH] if in_months(table) else [])]


def predictions(table: pd.DataFrame, given: Collection[str] | None = None) -> pd.DataFrame:
    """Return id, month, split, drop and risk of the labelled rows whom no model had seen.

    Parameters
    ----------
    table : DataFrame
        As :func:`evaluate_risk` takes it; it may be a part of a table.
    given : collection of str, optional
        As ``teaching.taught`` takes it.
    """
    told = table[taught(table, given) & table["out_of_fold"]].assign(split="train")
    keys = keys_of(table)
    kept = pd.concat([table[judging(table)], told])[[*keys, "split", LABEL, "risk"]]
    # What taught a model that was kept may stand here without its outcome.
    kept = kept[kept[LABEL].notna()]
    return kept.astype({LABEL: "int64"}).sort_values(keys, kind="stable")


def _both(test: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """Return label and risk of test and training customers."""
    return pd.concat([side[[LABEL, "risk"]] for side in (test, train)])


def _draws(rows: pd.DataFrame, options: Evaluate) -> np.ndarray:
    """Return resamples of customers, with all their rows."""
    count = resamples_of(rows, options.bootstrap)
    return resamples(rows["twin_key"].to_numpy(), count=count, seed=options.seed)


def _verdict(test: pd.DataFrame, train: pd.DataFrame, options: Evaluate) -> dict[str, object]:
    """Return the verdict on the probabilities; all rows of a customer count like one.

    Weights are made to add up to as many rows as tell as much, or intervals would be too narrow.
    """
    judged = _both(test, train)
    label, risk = judged[LABEL].to_numpy("float64"), judged["risk"].to_numpy()
    tested = np.arange(len(judged)) < len(test)
    if not in_months(test):
        return judge_together(label, risk, tested, options.grade)
    judged = pd.concat([test, train])
    alike = judged.groupby([judged["twin_key"], tested])["risk"].transform("size").to_numpy()
    weight, scale = weights_of(judged), np.ones(len(judged))
    for side in (tested, ~tested):
        if side.any():
            scale[side] = effective_size(weight[side]) / weight[side].sum()
    counts = weight * scale / alike
    found = judge_together(label, risk, tested, options.grade, counts=counts)
    rows = counts[tested].sum() / max(1, len(test))
    drops = ("expected_drops", *(f"observed_drops{end}" for end in ("", "_low", "_high")))
    customers = int(judged[IDENTITY].nunique())
    return (
        found | {name: found[name] / rows for name in drops} | {"calibration_customers": customers}
    )
