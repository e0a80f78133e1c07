"""The scores of each month whose outcomes are known, and what a split at random would have told."""

from typing import Any

import pandas as pd

from retention.core.months import known_months, split_in_time
from retention.core.row_weights import are_even, effective_size, weights_of
from retention.core.vocabulary import LABEL, MONTH
from retention.evaluation.evaluation import Judged, Resampled, told
from retention.stats.clustered import clustered_area
from retention.stats.effects import wilson
from retention.stats.estimates import ESTIMATES, enough_of_each
from retention.stats.metrics import SCORES, resamples, spreads

SCORED_BY = ("roc_auc", "brier", "log_loss")
"""The scores of a month."""
MONTH_COLUMNS = (
    "month",
    "customers",
    "drops",
    "taught",
    "weight",
    *(f"drop_share{end}" for end in ("", "_low", "_high")),
    "mean_risk",
    *(f"{name}{end}" for name in SCORED_BY for end in ("", "_low", "_high")),
)
"""What is told of a month."""
RESAMPLED = 50_000_000
"""Rows drawn by all resamples together, at most."""


def known(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that can be judged: of known outcome, untreated, one of each twin pair.

    Of a month whose outcome is not known (`months.known_months`) there are none.
    """
    rows = table[table["scored"] & (table["split"] != "treated")]
    told = rows[LABEL].notna()
    return rows[told & rows[MONTH].map(known_months(rows[MONTH], told)).astype("bool")]


def scores_of(
    rows: pd.DataFrame, names: tuple[str, ...], *, count: int, seed: int
) -> dict[str, Judged]:
    """Return scores of the risks of rows, one a customer.

    By formula where all rows count alike (`stats.estimates`), else by the bootstrap of customers,
    whose weights are multiplied by what each row counts.

    Parameters
    ----------
    rows : DataFrame
        ``drop``, ``risk``, ``twin_key`` and, where rows do not count alike, ``weight``. Both
        outcomes are there.
    names : tuple of str
        Of ``metrics.SCORES``.
    count, seed : int
        Of the resamples.
    """
    label, risk = rows[LABEL].to_numpy("int64"), rows["risk"].to_numpy("float64")
    weight, scores = weights_of(rows), {name: SCORES[name] for name in names}
    if are_even(weight):
        return {name: ESTIMATES[name](label, risk) for name in names}
    once = spreads(scores, label, risk, weight[None, :])
    drawn = resamples(rows["twin_key"].to_numpy(), count=resamples_of(rows, count), seed=seed)
    found = spreads(scores, label, risk, drawn * weight.astype("float32"))
    enough = enough_of_each(label)
    return {name: Resampled(float(once[name][0]), found[name], enough) for name in names}


def resamples_of(rows: pd.DataFrame, count: int) -> int:
    """Return how many resamples are drawn: fewer of many rows, whose intervals are narrow."""
    return min(count, max(100, RESAMPLED // max(1, len(rows))))


def month_scores(
    table: pd.DataFrame, *, count: int, seed: int, level: float
) -> list[dict[str, Any]]:
    """Return the scores of every month with known outcomes, the earliest first.

    Parameters
    ----------
    table : DataFrame
        Rows of months with ``risk`` and ``out_of_fold``.
    count, seed : int
        Of the resamples, where rows do not count alike.
    level : float
        Coverage of the intervals.

    Returns
    -------
    list of dict
        :data:`MONTH_COLUMNS`: ``taught`` tells whether the model learnt from this month (a row that
        taught has its out-of-fold risk), ``weight`` what the rows count together.
    """
    found = []
    for month, rows in known(table).groupby(MONTH, sort=True):
        label, weight = rows[LABEL].to_numpy("int64"), weights_of(rows)
        share = float(weight @ label / weight.sum())
        low, high = wilson(share, effective_size(weight), level=level)
        one: dict[str, Any] = {
            "month": month,
            "customers": len(rows),
            "drops": int(label.sum()),
            "taught": bool(rows["out_of_fold"].any()),
            "weight": float(weight.sum()),
            "drop_share": share,
            "drop_share_low": low,
            "drop_share_high": high,
            "mean_risk": float(weight @ rows["risk"].to_numpy() / weight.sum()),
        }
        if 0 < label.sum() < len(label):
            judged = scores_of(rows, SCORED_BY, count=count, seed=seed)
            for name in SCORED_BY:
                one |= told(judged[name], name, level=level)
        else:
            ends = (f"{name}{end}" for name in SCORED_BY for end in ("", "_low", "_high"))
            one |= dict.fromkeys(ends, float("nan"))
        found.append(one)
    return found


def random_split(rows: pd.DataFrame, *, level: float) -> dict[str, float] | None:
    """Return the ROC-AUC that a split at random tells: out of fold, of the rows that taught.

    Folds keep a customer's months together, and so does the interval (`stats.clustered`); but the
    months of the others are the same months. Beside the score of a later month one sees what time
    costs. None without rows of either outcome.

    Parameters
    ----------
    rows : DataFrame
        The rows that taught the model, with ``risk``.
    level : float
        Coverage of the interval.
    """
    label = rows[LABEL].to_numpy("float64")
    if not 0 < label.sum() < len(label):
        return None
    risk, key = rows["risk"].to_numpy("float64"), rows["twin_key"].to_numpy()
    area, low, high = clustered_area(label, risk, key, weights_of(rows), level=level)
    return {"roc_auc": area, "roc_auc_low": low, "roc_auc_high": high}


def split_of(table: pd.DataFrame) -> str:
    """Return how test rows were kept aside: ``time``, ``customers`` or, without any, ``none``."""
    if split_in_time(table):
        return "time"
    return "customers" if {"train", "test"} <= set(table["split"]) else "none"
