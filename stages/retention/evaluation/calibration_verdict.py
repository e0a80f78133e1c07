"""Do the probabilities hold? Shown to, shown not to, or more customers are needed to tell.

That an interval contains the ideal shows nothing: few customers make it contain everything. So the
question is one of equivalence (two one-sided tests, Schuirmann 1987, doi:10.1007/BF01068419): the
probabilities hold where the whole intervals lie inside bands that are narrow enough to act on.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import betaincinv, expit, logit
from scipy.stats import chi2

from retention.core.params import Grade
from retention.evaluation.curves import reliability
from retention.stats.estimates import enough_of_each
from retention.stats.metrics import LOSS_CLIP

EQUIVALENCE_LEVEL = 0.9
"""Coverage of the intervals: two one-sided tests with an error of 5 % each."""
TRAINING_WEIGHT = 0.5
"""What a training customer counts beside a test customer: see :func:`judge_together`."""
_FARTHEST = 50.0
"""Slope in standard deviations of the log-odds beyond which there is no finite one."""


class Verdict(StrEnum):
    """What can be said of probabilities."""

    HOLD = "hold"
    DO_NOT_HOLD = "do_not_hold"
    CANNOT_BE_TOLD = "cannot_be_told"


class Place(StrEnum):
    """Where an interval lies of a band."""

    INSIDE = "inside"
    BELOW = "below"
    ABOVE = "above"
    ACROSS = "across"

    @property
    def verdict(self) -> Verdict:
        """What follows from it."""
        known = {Place.INSIDE: Verdict.HOLD, Place.ACROSS: Verdict.CANNOT_BE_TOLD}
        return known.get(self, Verdict.DO_NOT_HOLD)


@dataclass(frozen=True)
class IntervalEstimate:
    """A value with its interval, NaN where there is none."""

    value: float
    low: float
    high: float

    def place(self, low: float, high: float) -> Place:
        """Return where the interval lies of a band from `low` to `high`."""
        if low <= self.low and self.high <= high:
            return Place.INSIDE
        if self.high < low:
            return Place.BELOW
        # An end that cannot be told is NaN, which compares as false: nothing follows from it.
        return Place.ABOVE if self.low > high else Place.ACROSS

    def told(self, name: str) -> dict[str, float]:
        """Return ``name``, ``name_low`` and ``name_high``."""
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}


_UNTOLD = IntervalEstimate(*[float("nan")] * 3)
"""There is nothing to estimate from."""


@dataclass(frozen=True)
class JudgedCalibration:
    """How true probabilities are.

    Attributes
    ----------
    customers : int
        Who judged.
    slope : IntervalEstimate
        Of the outcome's log-odds as a line of the risk's (Cox 1958); 1 is ideal.
    shift : IntervalEstimate
        Calibration in the large: what all log-odds lack; 0 is ideal.
    expected : float
        Drops that the risks add up to.
    observed : IntervalEstimate
        Drops that happened, and how many of such customers the shift's interval leaves.
    slope_place, shift_place : Place
        Where the two lie of their bands.
    verdict : Verdict
        What follows from both.
    """

    customers: int
    slope: IntervalEstimate
    shift: IntervalEstimate
    expected: float
    observed: IntervalEstimate
    slope_place: Place
    shift_place: Place
    verdict: Verdict

    def told(self) -> dict[str, object]:
        """Return the figures by the names that files have for them."""
        return {
            "calibration": str(self.verdict),
            "calibration_customers": self.customers,
            "calibration_level": EQUIVALENCE_LEVEL,
            **self.slope.told("calibration_slope"),
            "calibration_slope_place": str(self.slope_place),
            **self.shift.told("calibration_shift"),
            "calibration_shift_place": str(self.shift_place),
        }


def judge_calibration(
    label: np.ndarray, risk: np.ndarray, rules: Grade, *, weight: np.ndarray | None = None
) -> JudgedCalibration:
    """Return whether risks hold: the slope and the shift both inside their bands.

    They do not hold where either is shown to lie outside. Fewer than ``estimates.LEAST_OF_CLASS``
    customers of either outcome tell nothing.

    Parameters
    ----------
    label : ndarray of 0 and 1, shape (n_customers,)
    risk : ndarray of float, shape (n_customers,)
    rules : Grade
        The bands: ``slope_low``, ``slope_high`` and ``shift_most``.
    weight : ndarray of float, shape (n_customers,), optional
        What each customer counts, 1 where nothing is said.
    """
    score = logit(np.clip(risk, LOSS_CLIP, 1 - LOSS_CLIP))
    weight = np.ones(len(label)) if weight is None else weight
    drops = float(weight @ label)
    slope = shift = _UNTOLD
    observed = IntervalEstimate(drops, np.nan, np.nan)
    if enough_of_each(label, weight):
        slope, shift = slope_estimate(label, score, weight), shift_estimate(label, score, weight)
        low, high = (float(weight @ expit(score + end)) for end in (shift.low, shift.high))
        observed = IntervalEstimate(drops, low, high)
    places = (
        slope.place(rules.slope_low, rules.slope_high),
        shift.place(-rules.shift_most, rules.shift_most),
    )
    verdict = together(*(place.verdict for place in places))
    expected = float(weight @ risk)
    return JudgedCalibration(len(label), slope, shift, expected, observed, *places, verdict)


def judge_together(
    label: np.ndarray,
    risk: np.ndarray,
    tested: np.ndarray,
    rules: Grade,
    *,
    counts: np.ndarray | None = None,
) -> dict[str, object]:
    """Return whether risks hold, by training customers out of fold and test customers together.

    Test customers speak of the final model. Training customers speak, out of fold, of models made
    the same way; the final one differs from these by about as much again as what chance leaves
    open of them, so each counts half (:data:`TRAINING_WEIGHT`). And what all of them show to hold
    does not where test customers alone show the contrary. benchmarks/calibration.py tells how
    often "hold" is false then.

    Parameters
    ----------
    label, risk : ndarray, shape (n_customers,)
        As :func:`judge_calibration` takes them.
    tested : ndarray of bool, shape (n_customers,)
        Who is a test customer.
    rules : Grade
        The bands.
    counts : ndarray of float, shape (n_customers,), optional
        What each row counts beside one of a customer who has no other, 1 where nothing is said.

    Returns
    -------
    dict
        As :meth:`JudgedCalibration.told`; of the test customers alone ``calibration_test``, their
        verdict, ``expected_drops`` and ``observed_drops`` with its interval.
    """
    counts = np.ones(len(label)) if counts is None else counts
    weight = np.where(tested, 1.0, TRAINING_WEIGHT) * counts
    found = judge_calibration(label, risk, rules, weight=weight)
    own = judge_calibration(label[tested], risk[tested], rules, weight=counts[tested])
    if own.verdict == Verdict.DO_NOT_HOLD:
        found = replace(found, verdict=own.verdict)
    return {
        **found.told(),
        "calibration_test": str(own.verdict),
        "expected_drops": own.expected,
        **own.observed.told("observed_drops"),
    }


def together(*parts: Verdict) -> Verdict:
    """Return the verdict of several: all must hold, and one that does not is enough."""
    if Verdict.DO_NOT_HOLD in parts:
        return Verdict.DO_NOT_HOLD
    return Verdict.CANNOT_BE_TOLD if Verdict.CANNOT_BE_TOLD in parts else Verdict.HOLD


def slope_estimate(
    label: np.ndarray, score: np.ndarray, weight: np.ndarray, *, level: float = EQUIVALENCE_LEVEL
) -> IntervalEstimate:
    """Return the slope of the log-odds of `label` as a line of `score`, with its interval.

    The interval is that of the profile likelihood (Venzon & Moolgavkar 1988,
    doi:10.2307/2347496): unlike one of standard errors it is as wide to the side where few
    customers leave much open. An end that the customers leave open is infinite.

    Parameters
    ----------
    label : ndarray of 0 and 1, shape (n_customers,)
        Both are there.
    score : ndarray of float, shape (n_customers,)
        Log-odds of the risk.
    weight : ndarray of float, shape (n_customers,)
        What each customer counts.
    level : float
        Coverage of the interval.
    """
    spread = float(score.std())
    if not spread > 1e-9:  # one risk for all has no slope
        return _UNTOLD
    x = (score - score.mean()) / spread
    near = [0.0]  # the last shift found is the best guess of the next

    def fitted(slope: float) -> np.ndarray:
        near[0] = _shift(label, slope * x, weight, start=near[0])
        return slope * x + near[0]

    def rise(slope: float) -> float:
        return float((weight * x) @ (label - expit(fitted(slope))))

    def likelihood(slope: float) -> float:
        return _log_likelihood(label, fitted(slope), weight)

    return _estimate(rise, likelihood, level=level, scale=spread)


def shift_estimate(
    label: np.ndarray, score: np.ndarray, weight: np.ndarray, *, level: float = EQUIVALENCE_LEVEL
) -> IntervalEstimate:
    """Return what all log-odds lack to be true on the whole, with its likelihood interval.

    The intercept of Cox's line with its slope held at 1. Where the true slope is another one,
    outcomes vary more than the risks say; the log-likelihood is then divided by how much more
    (quasi-likelihood, McCullagh 1983, doi:10.1214/aos/1176346056), or the interval would be too
    narrow. Parameters as :func:`slope_estimate`.
    """
    told = expit(score + _shift(label, score, weight, start=0.0))
    more = max(1.0, float(weight @ (label - told) ** 2 / (weight @ (told * (1 - told)))))

    def rise(shift: float) -> float:
        return float(weight @ (label - expit(score + shift)))

    def likelihood(shift: float) -> float:
        return _log_likelihood(label, score + shift, weight) / more

    return _estimate(rise, likelihood, level=level, scale=1.0)


def _log_likelihood(label: np.ndarray, line: np.ndarray, weight: np.ndarray) -> float:
    return float(weight @ (label * line - np.logaddexp(0, line)))


def _shift(label: np.ndarray, line: np.ndarray, weight: np.ndarray, *, start: float) -> float:
    """Return the shift that makes the risks of `line` add up to the drops (Newton's method)."""
    shift, drops = start, float(weight @ label)
    for _ in range(100):
        told = expit(line + shift)
        step = (drops - float(weight @ told)) / (float(weight @ (told * (1 - told))) + 1e-12)
        shift += min(max(step, -2.0), 2.0)
        if abs(step) < 1e-9:
            break
    return shift


def _estimate(
    rise: Callable[[float], float],
    likelihood: Callable[[float], float],
    *,
    level: float,
    scale: float,
) -> IntervalEstimate:
    """Return where the likelihood is highest, and where it has fallen by what chance allows.

    Parameters
    ----------
    rise : callable
        Derivative of the log-likelihood, falling.
    likelihood : callable
        The log-likelihood.
    level : float
        Coverage.
    scale : float
        What the values are divided by when they are told.
    """
    if rise(_FARTHEST) > 0:
        best = _FARTHEST
    elif rise(-_FARTHEST) < 0:
        best = -_FARTHEST
    else:
        best = brentq(rise, -_FARTHEST, _FARTHEST, xtol=1e-10)
    floor = likelihood(best) - chi2.ppf(level, 1) / 2

    def end(side: int) -> float:
        step = 0.05
        while likelihood(best + side * step) > floor:
            step *= 2
            if abs(best + side * step) > 2 * _FARTHEST:
                return side * np.inf
        near, far = best + side * step * (0.5 if step > 0.05 else 0), best + side * step
        return brentq(lambda value: likelihood(value) - floor, near, far, xtol=1e-10) / scale

    told = best / scale if abs(best) < _FARTHEST else float(np.sign(best) * np.inf)
    return IntervalEstimate(float(told), float(end(-1)), float(end(1)))


def judged_bins(label: np.ndarray, risk: np.ndarray, *, level: float) -> pd.DataFrame:
    """Return the bins of :func:`curves.reliability`, and which of them chance does not explain.

    Ten looks find something by chance in some; so the intervals hold for all bins together (each
    is an exact one, Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404, at a level that
    Bonferroni's inequality gives). Customers of different risks vary less than the binomial
    (Hoeffding 1956), so that the intervals err to the safe side.

    Parameters
    ----------
    label : ndarray of 0 and 1, shape (n_customers,)
    risk : ndarray of float, shape (n_customers,)
    level : float
        Coverage of all intervals together.

    Returns
    -------
    DataFrame
        ``told``, ``dropped``, ``customers``, ``low``, ``high``; ``misses``, where the risk told
        lies outside of them.
    """
    bins = reliability(label, risk)
    size = bins["customers"].to_numpy("float64")
    drops = (bins["dropped"].to_numpy() * size).round()
    tail = (1 - level) / 2 / len(bins)
    with np.errstate(invalid="ignore"):
        low = np.where(drops > 0, betaincinv(np.maximum(drops, 1), size - drops + 1, tail), 0.0)
        high = np.where(
            drops < size, betaincinv(drops + 1, np.maximum(size - drops, 1), 1 - tail), 1.0
        )
    told = bins["told"].to_numpy()
    return bins.assign(low=low, high=high, misses=(told < low) | (told > high))
