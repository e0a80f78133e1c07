"""Points of the curves that judge a risk, at most 200 of each: small files at any size."""

import numpy as np
import pandas as pd

from retention.stats.estimates import enough_of_each
from retention.stats.metrics import Ranks, lift, percentile_interval, ranked, spreads

MOST_POINTS = 200


def thinned(frame: pd.DataFrame, *, points: int = MOST_POINTS) -> pd.DataFrame:
    """Return at most `points` rows spread evenly over `frame`, first and last among them."""
    if len(frame) <= points:
        return frame
    return frame.iloc[np.unique(np.linspace(0, len(frame) - 1, points).round().astype(int))]


def ranking_curves(label: np.ndarray, risk: np.ndarray) -> dict[str, pd.DataFrame]:
    """Return the ROC and the precision–recall curve of a risk.

    Returns
    -------
    dict of DataFrame
        ``roc`` (false_positive_rate, true_positive_rate) and ``precision_recall`` (recall,
        precision).
    """
    drops, others = (part[0] for part in ranked(Ranks(label, risk), np.ones((1, len(label)))))
    hit, false = drops / drops[-1], others / others[-1]
    precision = drops[1:] / (drops + others)[1:]
    return {
        "roc": thinned(pd.DataFrame({"false_positive_rate": false, "true_positive_rate": hit})),
        "precision_recall": thinned(pd.DataFrame({"recall": hit[1:], "precision": precision})),
    }


def gains(
    label: np.ndarray, risk: np.ndarray, weights: np.ndarray, *, level: float
) -> pd.DataFrame:
    """Return the share of drops among the riskiest customers, with its bootstrap interval.

    The ends are NaN where either class has too few customers to tell them.

    Returns
    -------
    DataFrame
        ``contacted`` (share of customers, in steps of a twentieth), ``reached``, ``reached_low``
        and ``reached_high`` (shares of drops).
    """
    rows = [(0.0, 0.0, 0.0, 0.0)]
    lifts = {step / 20: lift(step / 20) for step in range(1, 21)}
    once = spreads(lifts, label, risk, np.ones((1, len(label))))
    for share, drawn in spreads(lifts, label, risk, weights).items():
        known = drawn if enough_of_each(label) else drawn[:0]
        found = float(once[share][0]), *percentile_interval(known, level=level)
        rows.append((share, *(share * one for one in found)))
    return pd.DataFrame(rows, columns=["contacted", "reached", "reached_low", "reached_high"])


def reliability(label: np.ndarray, risk: np.ndarray, *, bins: int = 10) -> pd.DataFrame:
    """Return, for bins of about as many customers, the risk told and the share that dropped.

    Returns
    -------
    DataFrame
        ``told``, ``dropped`` (shares) and ``customers``, from the lowest risk up.
    """
    # Customers of one risk share a bin: a tie broken by row order would follow the export's
    # order, which is the label's.
    place = pd.Series(risk).rank(method="average").to_numpy() - 0.5
    bin_of = np.minimum((place * bins / len(risk)).astype(int), bins - 1)
    frame = pd.DataFrame({"told": risk, "dropped": label, "customers": 1})
    table = frame.groupby(bin_of).agg({"told": "mean", "dropped": "mean", "customers": "sum"})
    return table.reset_index(drop=True)


def confusion(label: np.ndarray, risk: np.ndarray, *, threshold: float) -> pd.DataFrame:
    """Return how many customers fall in each cell of outcome and call at `threshold`.

    Returns
    -------
    DataFrame
        ``outcome`` (in words), ``dropped``, ``called`` (0 or 1) and ``customers``; four rows.
    """
    called = (risk >= threshold).astype(int)
    cells = [
        ("dropped, called", 1, 1),
        ("dropped, missed", 1, 0),
        ("stayed, called", 0, 1),
        ("stayed, left alone", 0, 0),
    ]
    table = pd.DataFrame(cells, columns=["outcome", "dropped", "called"])
    counts = [int(((label == d) & (called == c)).sum()) for _, d, c in cells]
    return table.assign(customers=counts)
