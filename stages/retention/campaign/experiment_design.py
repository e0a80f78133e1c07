"""The smallest effect that a campaign can show, told before anything is sent."""

from collections.abc import Mapping

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from retention.core.arms import POWER, Arm, count_arms

SIGNIFICANCE = 0.05
"""Two-sided level of the test of the effect."""
LEAST_PER_ARM = 100
"""Customers in each arm from which an offer is told by itself."""


def power(risk: np.ndarray, effect: np.ndarray, treated: np.ndarray) -> dict[str, object]:
    """Return the smallest effect that these customers would show, beside the assumed one.

    An effect e is the share of the drops that is prevented, so a risk of p becomes p (1 - e). The
    test compares the arms' shares of drops, two-sided at :data:`SIGNIFICANCE`. Adjusted for the
    risk known before, what is left of a customer's variance is p (1 - p), unadjusted also the
    spread of the risks. The smallest detectable effect solves

        e mean(p) = (z(1 - SIGNIFICANCE / 2) + z(POWER)) sqrt(v(p (1 - e)) / n_t + v(p) / n_c)

    with n_t and n_c customers in treatment and control (Cohen 1988, ch. 6, with unequal variances).

    Parameters
    ----------
    risk : ndarray, shape (n_customers,)
        Risk of the customers on the list, both arms.
    effect : ndarray, shape (n_customers,)
        Assumed effect of each one's offer, 0 to 1.
    treated : ndarray of bool, shape (n_customers,)
        Who is in the treatment arm.

    Returns
    -------
    dict
        ``treatment``, ``control`` (customers), ``mean_risk``, ``assumed`` and ``assumed_points``
        (share of drops prevented, and by how much the share of drops falls, 0 to 1). Where both
        arms have customers and there is any risk: ``power_at_assumed``, ``enough`` (it is at
        least :data:`POWER`); ``detectable`` and ``detectable_points``, ``unadjusted`` and
        ``unadjusted_points`` where an effect below 1 can be detected; and ``customers_needed`` on
        both arms to detect the assumed effect, if one is assumed.
    """
    counts = count_arms(treated)
    mean = float(risk.mean()) if len(risk) else 0.0
    if mean <= 0:
        return dict(counts)
    assumed = float((risk * effect).sum() / risk.sum())
    told: dict[str, object] = {**counts} | {
        "mean_risk": mean,
        "assumed": assumed,
        "assumed_points": assumed * mean,
    }
    if not all(counts.values()):
        return told
    reached = assumed * mean / _error(risk, assumed, counts, adjusted=True)
    reach = norm.ppf(1 - SIGNIFICANCE / 2) + norm.ppf(POWER)
    chance = norm.cdf(reached - norm.ppf(1 - SIGNIFICANCE / 2)) + norm.cdf(
        -reached - norm.ppf(1 - SIGNIFICANCE / 2)
    )
    told |= {"power_at_assumed": float(chance), "enough": bool(chance >= POWER)}
    for name, adjusted in (("detectable", True), ("unadjusted", False)):
        smallest = _detectable(risk, counts, adjusted=adjusted)
        if smallest is not None:
            told |= {name: smallest, f"{name}_points": smallest * mean}
    if assumed > 0:
        told["customers_needed"] = int(np.ceil(len(risk) * (reach / reached) ** 2))
    return told


def _error(
    risk: np.ndarray, effect: float, customers: Mapping[Arm, int], *, adjusted: bool
) -> float:
    """Return the standard error of the difference in the share of drops."""
    told = {Arm.TREATMENT: risk * (1 - effect), Arm.CONTROL: risk}
    spread = 0.0
    for arm, chance in told.items():
        mean = chance.mean()
        variance = (chance * (1 - chance)).mean() if adjusted else mean * (1 - mean)
        spread += variance / customers[arm]
    return float(np.sqrt(max(spread, 1e-12)))


def _detectable(risk: np.ndarray, customers: Mapping[Arm, int], *, adjusted: bool) -> float | None:
    reach = norm.ppf(1 - SIGNIFICANCE / 2) + norm.ppf(POWER)
    mean = risk.mean()

    def beyond(effect: float) -> float:
        return effect * mean - reach * _error(risk, effect, customers, adjusted=adjusted)

    return float(brentq(beyond, 0, 1, xtol=1e-9)) if beyond(1) > 0 else None


def power_of_campaign(
    risk: np.ndarray, effect: np.ndarray, treated: np.ndarray, offer: np.ndarray
) -> dict[str, object]:
    """Return the power of all offers pooled, and of each with enough customers in both arms.

    Parameters
    ----------
    risk, effect, treated : ndarray
        As :func:`power` takes them.
    offer : ndarray of str, shape (n_customers,)
        Code of each customer's offer.
    """
    by_offer = {}
    for code in sorted(set(offer)):
        rows = offer == code
        if min(count_arms(treated[rows]).values()) >= LEAST_PER_ARM:
            by_offer[str(code)] = power(risk[rows], effect[rows], treated[rows])
    pooled = power(risk, effect, treated)
    return {"level": SIGNIFICANCE, "power": POWER, "pooled": pooled, "offers": by_offer}


def power_in_words(pooled: dict[str, object]) -> str:
    """Return what the campaign can show, in one sentence."""
    if not all(pooled[arm] for arm in Arm):
        return "an arm is empty, so the campaign's effect cannot be measured"
    if "enough" not in pooled:
        return "nobody on the list is at risk, so there is no effect to measure"
    found = pooled.get("detectable")
    able = (
        f"it shows an effect from {found:.1%} of the drops prevented on"
        if found
        else "it is too small to show any effect"
    )
    if pooled["enough"]:
        return f"{able}; {pooled['assumed']:.1%} is assumed"
    needed = pooled.get("customers_needed")
    size = f", which {needed:,} customers on the list would show" if needed else ""
    return f"{able}; that is more than the {pooled['assumed']:.1%} assumed{size}"
