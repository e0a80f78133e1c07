"""What a campaign did: effects of a randomised offer, adjusted for the risk told before it.

Nothing here reads files; a mask `treated` marks the treatment arm. Signs: a difference is
treatment minus control; a share of drops
prevented and money are positive when the offer did good.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import ndtri, stdtrit

from retention.core.arms import POWER, Arm, count_arms
from retention.core.errors import InputError

BROKEN_SPLIT = 0.001
"""The arms do not fit the control share when a split as far from it is rarer than this."""
MIN_POOLED = 30
"""Customers with an outcome that either arm needs for an effect of all offers together."""
MIN_GROUP = 100
"""Customers with an outcome that either arm needs for an effect of one offer or segment."""
FEW_OUTCOMES = 5
"""With fewer drops (or stays) than this in an arm, its variance is taken from Agresti & Coull."""


class UnmeasurableError(InputError):
    """Treatment and control of a campaign cannot be compared.

    Attributes
    ----------
    reason : str
        ``broken_split`` or ``one_arm``.
    """

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(why)
        self.reason = reason


@dataclass(frozen=True)
class ArmMean:
    """One arm's mean outcome.

    Attributes
    ----------
    mean : float
        Adjusted, in the outcome's unit.
    variance : float
        Of the mean, in the square of it.
    customers : int
    """

    mean: float
    variance: float
    customers: int


@dataclass(frozen=True)
class Means:
    """Both arms' mean outcome at the mean risk of all.

    Attributes
    ----------
    treatment, control : ArmMean
    """

    treatment: ArmMean
    control: ArmMean

    @property
    def difference(self) -> float:
        """Treatment minus control."""
        return self.treatment.mean - self.control.mean

    @property
    def standard_error(self) -> float:
        """Standard error of the difference."""
        return float(np.sqrt(self.control.variance + self.treatment.variance))

    @property
    def quantile(self) -> float:
        """Half the width of a 95 % interval in standard errors (t, Welch-Satterthwaite)."""
        arms = (self.control, self.treatment)
        parts = np.array([arm.variance for arm in arms])
        spare = np.array([arm.customers for arm in arms]) - 2
        if parts.sum() <= 0:
            return float(ndtri(0.975))
        return float(stdtrit(parts.sum() ** 2 / (parts**2 / spare).sum(), 0.975))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the difference."""
        half = self.quantile * self.standard_error
        return self.difference - half, self.difference + half


def adjusted_means(outcome: np.ndarray, treated: np.ndarray, covariate: np.ndarray) -> Means:
    """Return both arms' means, each moved along its own line to the covariate's common mean.

    The same as the regression of the outcome on arm, centred covariate and their product, which
    is unbiased (but for terms of order 1/n) and never less precise than the plain difference,
    however wrong the line is [1]_; variances are HC2 [2]_, with t quantiles.

    Parameters
    ----------
    outcome : ndarray of float, shape (n,)
    treated : ndarray of bool, shape (n,)
        At least 3 customers in either arm.
    covariate : ndarray of float, shape (n,)
        Known before the campaign.

    References
    ----------
    .. [1] W. Lin, "Agnostic notes on regression adjustments to experimental data", Annals of
       Applied Statistics 7(1), 2013, doi:10.1214/12-AOAS583.
    .. [2] J. MacKinnon, H. White, "Some heteroskedasticity-consistent covariance matrix
       estimators with improved finite sample properties", Journal of Econometrics 29, 1985.
    """
    centre = covariate.mean()

    def of(arm: np.ndarray) -> ArmMean:
        mean, errors = _mean_and_errors(outcome[arm], covariate[arm], centre)
        return ArmMean(mean, float(errors @ errors), len(errors))

    return Means(treatment=of(treated), control=of(~treated))


def error_parts(outcome: np.ndarray, treated: np.ndarray, covariate: np.ndarray) -> np.ndarray:
    """Return what each customer adds to the error of the mean of their arm.

    The sum of their squares in an arm is the variance that :func:`adjusted_means` gives; the sum of
    products over customers who are in two campaigns is what the two have in common.

    Parameters
    ----------
    outcome, treated, covariate : ndarray, shape (n,)
        As :func:`adjusted_means` takes them.
    """
    parts = np.empty(len(outcome))
    for arm in (treated, ~treated):
        parts[arm] = _mean_and_errors(outcome[arm], covariate[arm], covariate.mean())[1]
    return parts


def _mean_and_errors(y: np.ndarray, x: np.ndarray, centre: float) -> tuple[float, np.ndarray]:
    """Return one arm's mean, moved along its line to `centre`, and each one's part of its error."""
    n = len(y)
    offset = x - x.mean()
    square = float(offset @ offset)
    if square <= 1e-12 * n * max(1.0, centre**2):
        square = np.inf  # a covariate without spread adjusts nothing
    rest = y - y.mean() - offset * (offset @ y) / square
    weight = 1 / n + (centre - x.mean()) * offset / square
    spare = np.maximum(1 - 1 / n - offset**2 / square, 1e-9)
    return float(weight @ y), weight * rest / np.sqrt(spare)


def drop_means(drop: np.ndarray, treated: np.ndarray, risk: np.ndarray) -> Means:
    """Return both arms' drop share, adjusted for risk.

    Where an arm has fewer than :data:`FEW_OUTCOMES` drops or stays, residuals say too little about
    its variance, which is then at least that of a share with two drops and two stays added
    (A. Agresti, B. Coull, "Approximate is better than 'exact'…", American Statistician 52, 1998).
    """
    means = adjusted_means(drop, treated, risk)

    def at_least(found: ArmMean, arm: np.ndarray) -> ArmMean:
        drops, n = drop[arm].sum(), arm.sum()
        if min(drops, n - drops) >= FEW_OUTCOMES:
            return found
        share = (drops + 2) / (n + 4)
        return replace(found, variance=max(found.variance, float(share * (1 - share) / (n + 4))))

    return Means(
        treatment=at_least(means.treatment, treated), control=at_least(means.control, ~treated)
    )


@dataclass(frozen=True)
class Prevented:
    """Share of the drops that the offer prevents: 1 - treatment / control.

    Attributes
    ----------
    share : float
        Best guess; below 0 the offer drives customers away.
    low, high : float
        95 % interval; infinite where hardly anybody of the control arm drops.
    variance : float
        Of the share.
    """

    share: float
    low: float
    high: float
    variance: float


def prevented(means: Means) -> Prevented | None:
    """Return the share of drops prevented, or None where nobody of the control arm drops.

    The ratio is freed from its bias of order 1/n [1]_. The interval is Fieller's [2]_: the ratios
    that the two means do not contradict; it holds 0 exactly when the difference's does.

    References
    ----------
    .. [1] M. Tin, "Comparison of some ratio estimators", Journal of the American Statistical
       Association 60, 1965 (Beale's estimator, here with independent means).
    .. [2] E. Fieller, "Some problems in interval estimation", Journal of the Royal Statistical
       Society B 16(2), 1954.
    """
    m0, m1 = means.control.mean, means.treatment.mean
    v0, v1 = means.control.variance, means.treatment.variance
    if m0 <= 0:
        return None
    ratio = m1 / m0 / (1 + v0 / m0**2)
    variance = (v1 + ratio**2 * v0) / m0**2
    t2 = means.quantile**2
    square, middle, rest = m0**2 - t2 * v0, m0 * m1, m1**2 - t2 * v1
    if square <= 0:
        return Prevented(1 - ratio, -np.inf, np.inf, variance)
    root = np.sqrt(max(middle**2 - square * rest, 0))
    return Prevented(
        1 - ratio, 1 - (middle + root) / square, 1 - (middle - root) / square, variance
    )


def steady_variance(means: Means, ratio: float) -> float | None:
    """Return the variance of the share prevented, as it is to be weighed among other groups.

    That of :func:`prevented` follows the luck of its own share: where few of the control arm happen
    to drop, the share is low and its variance high, so that a mean weighed by it is too high. Here
    the drop share without an offer is told from both arms, as if the offer did what all groups do
    together, which leaves it uncorrelated with the share (the same is reached by taking logarithms
    of the ratio, which a group without drops has none of).

    Parameters
    ----------
    means : Means
        Of one group.
    ratio : float
        Drop share in treatment to that in control, over all groups; from 0.

    Returns
    -------
    float or None
        None where nobody drops.
    """
    base = untreated_share(means, ratio)
    if base <= 0:
        return None
    return (means.treatment.variance + ratio**2 * means.control.variance) / base**2


def untreated_share(means: Means, ratio: float) -> float:
    """Return the drop share without an offer, told from both arms as :func:`steady_variance` does.

    Parameters
    ----------
    means : Means
    ratio : float
        Drop share in treatment to that in control, over all groups; from 0.
    """
    treatment, control = means.treatment, means.control
    drops = treatment.customers * treatment.mean + control.customers * control.mean
    return drops / (control.customers + ratio * treatment.customers)


@dataclass(frozen=True)
class Money:
    """What the treatment arm of the campaign brought, in the unit of profit.

    Attributes
    ----------
    saved, low, high : float
        Profit kept, and its 95 % interval; the cost is not yet taken off.
    cost : float
        What the offers to the treated cost.
    """

    saved: float
    low: float
    high: float
    cost: float


def money(
    drop: np.ndarray,
    treated: np.ndarray,
    risk: np.ndarray,
    stake: np.ndarray,
    *,
    receivers: int,
    cost: float,
) -> Money:
    """Return the profit that the campaign kept, with interval.

    The outcome is the profit lost, drop x stake, adjusted for the loss expected beforehand, risk x
    stake: an offer that works on customers of high profit is worth more than its share of drops
    says. The mean over all customers, times those who received the offer.

    Parameters
    ----------
    drop, treated, risk : ndarray, shape (n,)
    stake : ndarray of float, shape (n,)
        Profit that a drop costs: monthly profit x months x share lost, from 0.
    receivers : int
        Treated customers on the list, with or without an outcome.
    cost : float
        Of all their offers.
    """
    means = adjusted_means(drop * stake, treated, risk * stake)
    low, high = means.interval
    return Money(-means.difference * receivers, -high * receivers, -low * receivers, cost)


def smallest_effect(means: Means) -> float:
    """Return the difference in drop share that such a campaign calls with 80 % chance."""
    return (means.quantile + float(ndtri(POWER))) * means.standard_error


def arms_reach(treated: np.ndarray, least: int) -> bool:
    """Tell whether either arm has `least` customers."""
    return min(count_arms(treated).values()) >= least


def split_p(customers: Mapping[Arm, int], control_share: float) -> float:
    """Return how rare a split as uneven as this is (exact binomial, two-sided)."""
    control, listed = customers[Arm.CONTROL], sum(customers.values())
    return float(stats.binomtest(control, listed, control_share).pvalue)


def missing_p(missing: Mapping[Arm, int], customers: Mapping[Arm, int]) -> float:
    """Return how rare it is that missing outcomes differ so between the arms (Fisher, exact)."""
    table = [[missing[arm], customers[arm] - missing[arm]] for arm in Arm]
    return float(stats.fisher_exact(table).pvalue)


def segments_of(listed: pd.Series) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each segment and who is in it; a customer may be in several, apart by spaces."""
    words = listed.fillna("")
    plain = re.compile(r"\w+([ ,;]+\w+)*")
    inside: dict[str, set[str]] = {}
    for cell in words.unique():
        for name in re.split(r"[ ,;]+", cell) if plain.fullmatch(cell) else [cell]:
            if name:
                inside.setdefault(name, set()).add(cell)
    for name in sorted(inside):
        yield name, words.isin(inside[name]).to_numpy()


def check_split(table: pd.DataFrame, control_share: float, *, who: str) -> dict[str, float]:
    """Return how well the arms fit the control share, overall and by segment.

    Sample-ratio check of A. Fabijan et al., "Diagnosing sample ratio mismatch in online
    controlled experiments", KDD 2019, doi:10.1145/3292500.3330722.

    Parameters
    ----------
    table : DataFrame
        ``treated`` (bool) and ``segment``.
    control_share : float
        Share of customers in the control arm that was planned.
    who : str
        Of whom the table speaks, for the message.

    Returns
    -------
    dict
        p of ``""`` (all) and of each segment.

    Raises
    ------
    UnmeasurableError
        If a p is below :data:`BROKEN_SPLIT`: arms that lost or gained customers by other ways
        than chance cannot be compared.
    """
    everybody = np.ones(len(table), dtype=bool)
    found = {}
    for name, rows in [("", everybody), *segments_of(table["segment"])]:
        customers = count_arms(table["treated"].to_numpy()[rows])
        found[name] = split_p(customers, control_share)
        if found[name] < BROKEN_SPLIT:
            place = f" in segment {name}" if name else ""
            raise UnmeasurableError(
                "broken_split",
                f"the split of {who}{place} is broken: {customers[Arm.CONTROL]} in control "
                f"and {customers[Arm.TREATMENT]} in treatment, where campaign.control_share is "
                f"{control_share:g} (p = {found[name]:.1g}, below {BROKEN_SPLIT}); find out who "
                "left one arm, no effect can be measured until then",
            )
    return found
