"""What several campaigns show together: the mean effect, where it may differ between them.

Each campaign is measured by itself, treatment against control of the same list, so that nothing
which differs between campaigns is taken for an effect; then the effects are put together. A
customer who was in two of them makes their errors alike, if both drew one lot, so that the same
customers were left untreated; what the errors have in common is added up customer by customer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from retention.core.vocabulary import IDENTITY, LABEL
from retention.measurement.ab_test import (
    Means,
    adjusted_means,
    arms_reach,
    drop_means,
    error_parts,
    prevented,
    steady_variance,
    untreated_share,
)
from retention.stats.random_effects import SCALE, MeanEffect, mean_effect

MIN_CELL = 15
"""Customers with an outcome that either arm of a campaign needs to count in what several show
together; fewer tell no variance."""
FEWER, MORE, UNTOLD = "fewer", "more", "unknown"
"""Verdicts on an outcome: less of it with the offer, more of it, or it cannot be told."""
NOT_TOLD = dict.fromkeys(
    [
        *("prevented", "low", "high"),
        *("difference", "difference_low", "difference_high", "tau"),
    ]
)
"""The figures of an effect on drops where there are too few customers."""
_REACH = float(ndtri(0.975))


@dataclass(frozen=True)
class Compared:
    """Both arms of one campaign, or of a group of its customers, with known outcomes.

    Attributes
    ----------
    means : Means
    treated : ndarray of bool, shape (n,)
    errors : ndarray of float, shape (n,)
        What each customer adds to the error of the mean of their arm.
    customers : ndarray of uint64, shape (n,) or (0,)
        A hash of each one's id; empty where it is not known, as if nobody were in two campaigns.
    """

    means: Means
    treated: np.ndarray
    errors: np.ndarray
    customers: np.ndarray

    @property
    def widened(self) -> float:
        """By what a standard error is multiplied so that a normal interval is the t interval."""
        return self.means.quantile / _REACH


def compare(
    outcome: np.ndarray,
    treated: np.ndarray,
    covariate: np.ndarray,
    customers: np.ndarray | None = None,
    *,
    shares: bool,
) -> Compared:
    """Compare the arms of one campaign.

    Parameters
    ----------
    outcome, treated, covariate : ndarray, shape (n,)
        As :func:`retention.measurement.ab_test.adjusted_means` takes them.
    customers : ndarray of uint64, shape (n,), optional
        A hash of each one's id.
    shares : bool
        Whether the outcome is 0 or 1.
    """
    means = (drop_means if shares else adjusted_means)(outcome, treated, covariate)
    who = np.array([], dtype="uint64") if customers is None else customers
    return Compared(means, treated, error_parts(outcome, treated, covariate), who)


def cells_of(
    tables: Sequence[pd.DataFrame], outcome: str, *, covariate: str = "risk"
) -> list[Compared]:
    """Return each campaign's comparison, of those that have enough customers in either arm.

    Parameters
    ----------
    tables : sequence of DataFrame
        One a campaign: ``customer_id``, ``treated`` (bool), the covariate and the outcome, missing
        where it is not known.
    outcome, covariate : str
        Names of columns.
    """
    found = []
    for table in tables:
        known = table[table[outcome].notna().to_numpy()]
        treated = known["treated"].to_numpy()
        if arms_reach(treated, MIN_CELL):
            columns = [known[name].to_numpy("float64") for name in (outcome, covariate)]
            who = pd.util.hash_array(known[IDENTITY].to_numpy(dtype=object))
            found.append(compare(columns[0], treated, columns[1], who, shares=outcome == LABEL))
    return found


def ratio_of(cells: Sequence[Compared]) -> float:
    """Return the drop share in treatment to that in control over all campaigns; from 0."""
    sizes = np.array([len(cell.treated) for cell in cells])
    treatment, control = (
        float(sizes @ np.array([getattr(cell.means, arm).mean for cell in cells]))
        for arm in ("treatment", "control")
    )
    return max(treatment / control, 0.0) if control > 0 else 1.0


def pooled_share(cells: Sequence[Compared], ratio: float | None = None) -> MeanEffect | None:
    """Return the share of drops prevented over campaigns, None where it cannot be told.

    Of one campaign it is that campaign's own, with Fieller's interval and no spread.

    Parameters
    ----------
    cells : sequence of Compared
        Drop shares, one a campaign.
    ratio : float, optional
        As :func:`retention.measurement.ab_test.steady_variance` takes it; that of these campaigns
        where it is not given.
    """
    ratio = ratio_of(cells) if ratio is None else ratio
    kept = []
    for cell in cells:
        share, variance = prevented(cell.means), steady_variance(cell.means, ratio)
        if share is not None and variance is not None:
            kept.append((cell, share, variance))
    if not kept:
        return None
    if len(kept) == 1:
        _, share, variance = kept[0]
        return MeanEffect(share.share, share.low, share.high, float(np.sqrt(variance)), np.nan)
    own = [
        np.where(cell.treated, 1.0, -ratio) * cell.errors / untreated_share(cell.means, ratio)
        for cell, *_ in kept
    ]
    compared = [cell for cell, *_ in kept]
    variances = [variance for *_, variance in kept]
    shares = np.array([share.share for _, share, _ in kept])
    return mean_effect(shares, covariance(compared, own, variances), scale=SCALE)


def pooled_difference(cells: Sequence[Compared], *, shares: bool) -> MeanEffect | None:
    """Return the difference between the arms over campaigns, None of no campaign.

    Parameters
    ----------
    cells : sequence of Compared
    shares : bool
        Whether it is a drop share. The prior of its spread is then :data:`SCALE` of that without an
        offer, as :func:`pooled_share` has it; of money :data:`SCALE` of the standard deviation
        between customers, as means of any unit are put on one scale.
    """
    if not cells:
        return None
    found = np.array([cell.means.difference for cell in cells])
    if len(cells) == 1:
        means = cells[0].means
        return MeanEffect(means.difference, *means.interval, means.standard_error, np.nan)
    own = [np.where(cell.treated, 1.0, -1.0) * cell.errors for cell in cells]
    variances = [cell.means.standard_error**2 for cell in cells]
    controls = [cell.means.control for cell in cells]
    unit = np.mean(
        [arm.mean if shares else (arm.variance * arm.customers) ** 0.5 for arm in controls]
    )
    scale = SCALE * max(float(unit), 1e-9)
    return mean_effect(found, covariance(cells, own, variances), scale=scale)


def covariance(
    cells: Sequence[Compared], own: Sequence[np.ndarray], variances: Sequence[float]
) -> np.ndarray:
    """Return the covariance of the campaigns' errors, by the customers whom two of them share.

    Cluster-robust: products of what a customer adds to the error of either (K.-Y. Liang, S. Zeger,
    "Longitudinal data analysis using generalized linear models", Biometrika 73, 1986). Each
    variance is widened to that of a normal distribution whose interval is the t interval.

    Parameters
    ----------
    cells : sequence of Compared
    own : sequence of ndarray
        What each customer of a campaign adds to the error of its effect.
    variances : sequence of float
        Of the effects.
    """
    wide = np.array([cell.widened for cell in cells])
    found = np.diag(np.asarray(variances) * wide**2)
    for one in range(len(cells)):
        for other in range(one):
            _, here, there = np.intersect1d(
                cells[one].customers,
                cells[other].customers,
                assume_unique=True,
                return_indices=True,
            )
            both = float(own[one][here] @ own[other][there]) * wide[one] * wide[other]
            found[one, other] = found[other, one] = both
    return found


def drop_effect(cells: Sequence[Compared], *, least: int) -> dict[str, Any]:
    """Return the effect on drops over campaigns, as figures to write.

    Parameters
    ----------
    cells : sequence of Compared
    least : int
        Customers that either arm needs over all campaigns.

    Returns
    -------
    dict
        ``campaigns``; ``prevented`` with ``low`` and ``high``, ``difference`` with
        ``difference_low`` and ``difference_high``; ``tau``, the spread of the share prevented
        between campaigns; None where they cannot be told; and the ``verdict``, which needs both
        intervals on one side of 0.
    """
    share, gap = None, None
    if _arms_reach(cells, least):
        share, gap = pooled_share(cells), pooled_difference(cells, shares=True)
    if share is None or gap is None:
        return {"campaigns": len(cells)} | NOT_TOLD | {"verdict": UNTOLD}
    limited = np.isfinite(share.low)
    reach = [share.low, share.high] if limited else [-gap.high, -gap.low]
    verdict = UNTOLD
    if reach[0] > 0 and gap.high < 0:
        verdict = FEWER
    elif reach[1] < 0 and gap.low > 0:
        verdict = MORE
    return {
        "campaigns": len(cells),
        "prevented": share.mean,
        "low": share.low if limited else None,
        "high": share.high if limited else None,
        "difference": gap.mean,
        "difference_low": gap.low,
        "difference_high": gap.high,
        "tau": None if np.isnan(share.spread) else share.spread,
        "verdict": verdict,
    }


def _arms_reach(cells: Sequence[Compared], least: int) -> bool:
    """Tell whether either arm has `least` customers over all campaigns; there has to be one."""
    treated = [cell.treated for cell in cells]
    return bool(treated) and arms_reach(np.concatenate(treated), least)


def share_so_far(cells: Sequence[Compared]) -> dict[str, Any] | None:
    """Return what share of the drops these very campaigns prevented, whatever the next will do.

    Of all the drops that there would have been on their lists; so it has no spread between
    campaigns and its interval is narrower than that of the mean effect (K. Rice, J. Higgins,
    T. Lumley, "A re-evaluation of fixed effect(s) meta-analysis", Journal of the Royal Statistical
    Society A 181, 2018, doi:10.1111/rssa.12275).

    Parameters
    ----------
    cells : sequence of Compared
        Drop shares, one a campaign.

    Returns
    -------
    dict or None
        ``prevented``, ``low``, ``high`` and ``verdict``; None where nobody untreated drops. Of one
        campaign they are its own.
    """
    sizes = np.array([len(cell.treated) for cell in cells], dtype=float)
    control = float(sizes @ np.array([cell.means.control.mean for cell in cells]))
    if not cells or control <= 0:
        return None
    if len(cells) == 1:
        alone = drop_effect(cells, least=1)
        return {key: alone[key] for key in ("prevented", "low", "high", "verdict")}
    ratio = ratio_of(cells)
    times = sizes / control
    own = [np.where(cell.treated, 1.0, -ratio) * cell.errors for cell in cells]
    variances = [
        cell.means.treatment.variance + ratio**2 * cell.means.control.variance for cell in cells
    ]
    half = _REACH * float(np.sqrt(max(times @ covariance(cells, own, variances) @ times, 0)))
    low, high = 1 - ratio - half, 1 - ratio + half
    return {
        "prevented": 1 - ratio,
        "low": low,
        "high": high,
        "verdict": FEWER if low > 0 else MORE if high < 0 else UNTOLD,
    }


def money_effect(cells: Sequence[Compared], *, least: int) -> dict[str, Any] | None:
    """Return the difference in revenue or profit over campaigns, None where it cannot be told.

    Parameters
    ----------
    cells : sequence of Compared
    least : int
        Customers that either arm needs over all campaigns.

    Returns
    -------
    dict or None
        ``campaigns``, ``difference``, ``low``, ``high``, ``tau`` (its spread between campaigns) and
        ``verdict``.
    """
    found = pooled_difference(cells, shares=False) if _arms_reach(cells, least) else None
    if found is None:
        return None
    return {
        "campaigns": len(cells),
        "difference": found.mean,
        "low": found.low,
        "high": found.high,
        "tau": None if np.isnan(found.spread) else found.spread,
        "verdict": MORE if found.low > 0 else FEWER if found.high < 0 else UNTOLD,
    }


def total_kept(
    cells: Sequence[Compared], receivers: Sequence[int]
) -> tuple[float, float, float] | None:
    """Return the profit that all campaigns kept, and its 95 % interval; None of no campaign.

    These campaigns did what they did: their sum has no spread between campaigns.

    Parameters
    ----------
    cells : sequence of Compared
        Profit lost, one a campaign.
    receivers : sequence of int
        Customers of each campaign who were sent the offer, with or without an outcome.
    """
    if not cells:
        return None
    times = np.array(receivers, dtype=float)
    kept = float(-times @ np.array([cell.means.difference for cell in cells]))
    own = [np.where(cell.treated, 1.0, -1.0) * cell.errors for cell in cells]
    errors = covariance(cells, own, [cell.means.standard_error**2 for cell in cells])
    half = _REACH * float(np.sqrt(max(times @ errors @ times, 0)))
    return kept, kept - half, kept + half
