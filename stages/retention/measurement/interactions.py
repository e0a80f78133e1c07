"""Who is moved by an offer: its effect within segments, and how many more it takes to tell.

Of one offer in one segment and one campaign there are a handful of customers; so campaigns are not
measured one by one here but together, each arm's mean with every campaign weighing alike in both
arms. Whether an effect differs between campaigns cannot be told from so few.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from retention.core.arms import POWER, Arm, count_arms
from retention.core.vocabulary import LABEL
from retention.measurement.ab_test import (
    FEW_OUTCOMES,
    MIN_POOLED,
    ArmMean,
    Means,
    Prevented,
    arms_reach,
    prevented,
    segments_of,
)
from retention.measurement.pooling import FEWER, MORE, UNTOLD
from retention.stats.effects import holm

INTERACTION = 0.1
"""Difference in the share of drops prevented, between customers inside a segment and outside, that
should be found: half as many again as an offer that prevents 20 % does on average."""
_REACH = float(ndtri(0.975))


def means_within(
    outcome: np.ndarray, treated: np.ndarray, covariate: np.ndarray, campaign: np.ndarray
) -> Means:
    """Return both arms' drop share over campaigns, adjusted within each.

    Campaigns weigh n1 n0 / (n1 + n0), in both arms alike (W. Cochran, "Some methods for
    strengthening the common chi-squared tests", Biometrics 10, 1954, doi:10.2307/3001616), so that
    what differs between campaigns cancels out. An arm's slope and residual variance are common to
    its campaigns; with few drops or stays the variance is at least that of Agresti & Coull, as
    :func:`retention.measurement.ab_test.drop_means` has it.

    Parameters
    ----------
    outcome, treated, covariate : ndarray, shape (n,)
    campaign : ndarray of int, shape (n,)
        From 0. One of them at least has customers in both arms.
    """
    count = int(campaign.max()) + 1
    sizes = [np.bincount(campaign[arm], minlength=count) for arm in (treated, ~treated)]
    together = np.maximum(sizes[0] + sizes[1], 1)
    weight = sizes[0] * sizes[1] / together
    weight = weight / weight.sum()
    centre = np.bincount(campaign, covariate, minlength=count) / together
    arms = []
    for arm, size in zip((treated, ~treated), sizes, strict=True):
        x, y, place = covariate[arm], outcome[arm], campaign[arm]
        each = np.maximum(size, 1)
        mean_x = np.bincount(place, x, minlength=count) / each
        mean_y = np.bincount(place, y, minlength=count) / each
        offset = x - mean_x[place]
        square = float(offset @ offset)
        slope = float(offset @ y) / square if square > 1e-12 * len(y) else 0.0
        rest = y - mean_y[place] - slope * offset
        left = max(len(y) - int((size > 0).sum()) - 1, 1)
        variance = float(rest @ rest) / left * float((weight**2 / each).sum())
        drops = float(y.sum())
        if min(drops, len(y) - drops) < FEW_OUTCOMES:
            share = (drops + 2) / (len(y) + 4)
            variance = max(variance, share * (1 - share) / (len(y) + 4))
        mean = float(weight @ (mean_y - slope * (mean_x - centre)))
        arms.append(ArmMean(mean, variance, len(y)))
    return Means(treatment=arms[0], control=arms[1])


def offers_by_segment(tables: Sequence[pd.DataFrame]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return each offer's effect within each segment, beside that on its other customers.

    Parameters
    ----------
    tables : sequence of DataFrame
        One a campaign: ``offer``, ``segment``, ``treated`` (bool), ``drop`` (missing where it is
        not known) and ``risk``.

    Returns
    -------
    dict
        By offer and segment, of those with :data:`retention.measurement.ab_test.MIN_POOLED`
        customers an arm both inside and outside: ``treatment`` and ``control`` (customers inside),
        ``prevented``, ``low``, ``high``; ``others``, the share prevented outside; ``difference``
        of the two with its interval and ``verdict`` (``more`` is prevented inside, ``fewer``, or
        ``unknown``; of all pairs together one in twenty tables at most calls a difference where
        there is none, Holm 1979); and ``more_treated``, how many more customers of the offer have
        to be treated until a difference of :data:`INTERACTION` is found with the chance
        :data:`retention.core.arms.POWER`, as the first of all pairs (the hardest step of Holm's).
    """
    if not tables:
        return {}
    numbered = [table.assign(campaign=number) for number, table in enumerate(tables)]
    every = pd.concat(numbered, ignore_index=True)
    every = every[every[LABEL].notna()]
    found = {}
    for code in sorted(every["offer"].unique()):
        rows = every[every["offer"] == code]
        cells = {
            name: cell
            for name, inside in segments_of(rows["segment"])
            if (cell := _cell(rows, inside)) is not None
        }
        if cells:
            found[str(code)] = cells
    pairs = [cell for cells in found.values() for cell in cells.values()]
    chances = holm(np.array([cell.pop("p") for cell in pairs]))
    for cell, chance in zip(pairs, chances, strict=True):
        cell["more_treated"] = _more_treated(*cell["more_treated"], pairs=len(pairs))
        side = MORE if cell["difference"] > 0 else FEWER
        cell["verdict"] = side if chance < 0.05 else UNTOLD
    return found


def _cell(rows: pd.DataFrame, inside: np.ndarray) -> dict[str, Any] | None:
    """Return what an offer does inside and outside a segment, None with too few of either."""
    treated = rows["treated"].to_numpy()
    sides = []
    for within in (inside, ~inside):
        share = _share(rows[within]) if arms_reach(treated[within], MIN_POOLED) else None
        if share is None:
            return None
        sides.append(share)
    here, others = sides
    error = float(np.sqrt(here.variance + others.variance))
    gap = here.share - others.share
    low, high = gap - _REACH * error, gap + _REACH * error
    limited = np.isfinite(here.low)
    return {
        **{str(arm): count for arm, count in count_arms(treated[inside]).items()},
        "prevented": here.share,
        "low": here.low if limited else None,
        "high": here.high if limited else None,
        "others": others.share,
        "difference": gap,
        "difference_low": low,
        "difference_high": high,
        "verdict": UNTOLD,
        "p": float(2 * ndtr(-abs(gap) / error)),
        "more_treated": (error, count_arms(treated)[Arm.TREATMENT]),
    }


def _more_treated(error: float, treated: int, *, pairs: int) -> int:
    """Return how many more have to be treated, given a difference's error with those who were."""
    reach = float(ndtri(1 - 0.025 / pairs) + ndtri(POWER))
    return int(np.ceil(max((error * reach / INTERACTION) ** 2 - 1, 0) * treated))


def _share(rows: pd.DataFrame) -> Prevented | None:
    columns = [rows[name].to_numpy("float64") for name in (LABEL, "risk")]
    place = rows["campaign"].to_numpy()
    treated = rows["treated"].to_numpy()
    return prevented(means_within(columns[0], treated, columns[1], place))
