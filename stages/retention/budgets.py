"""What if the budget were another one: people, drops reached, cost and expected gain."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import norm

LEVEL = 0.95
"""Coverage of the intervals."""
STEPS = 10


def outcome(
    risk: np.ndarray, effect: np.ndarray, at_stake: np.ndarray, cost: np.ndarray
) -> dict[str, float]:
    """Return what contacting these customers is expected to bring, with intervals.

    The intervals hold what chance does when risks and assumed effects are right: each customer
    drops or not by the risk p (the number of drops is Poisson-binomial), and is kept by the offer
    with the chance p e, which saves the profit at stake. They hold neither the model's error nor
    that of the assumptions.

    Parameters
    ----------
    risk, effect, at_stake, cost : ndarray, shape (n_treated,)
        Risk, assumed effect of the offer, profit that a drop costs, and cost of the offer (both
        in the unit of profit).

    Returns
    -------
    dict
        ``contacted``, ``drops_reached`` (of the contacted would drop without an offer),
        ``false_targets`` (would not), ``drops_prevented``, ``cost``, ``expected_gain``; drops
        reached and gain with ``_low`` and ``_high``.
    """
    kept, reached, spent = risk * effect, risk.sum(), cost.sum()
    low, high = interval(risk, np.ones(len(risk)))
    saved_low, saved_high = interval(kept, at_stake)
    return {
        "contacted": len(risk),
        "drops_reached": reached,
        "drops_reached_low": low,
        "drops_reached_high": high,
        "false_targets": len(risk) - reached,
        "drops_prevented": kept.sum(),
        "cost": spent,
        "expected_gain": (kept * at_stake).sum() - spent,
        "expected_gain_low": saved_low - spent,
        "expected_gain_high": saved_high - spent,
    }


def interval(chance: np.ndarray, value: np.ndarray) -> tuple[float, float]:
    """Return where the sum of the values that come true lies with probability :data:`LEVEL`.

    Each value comes true by its own chance, independent of the others. Normal with Cornish and
    Fisher's (1938) correction for skewness, which few successes have; within what is possible.

    Parameters
    ----------
    chance : ndarray
        0 to 1.
    value : ndarray
        From 0.
    """
    spread = chance * (1 - chance)
    variance = (spread * value**2).sum()
    mean, most = (chance * value).sum(), value.sum()
    if variance <= 0:
        return float(mean), float(mean)
    skew = (spread * (1 - 2 * chance) * value**3).sum() / variance**1.5
    z = norm.ppf((1 + LEVEL) / 2)
    ends = [mean + (side * z + (z**2 - 1) * skew / 6) * np.sqrt(variance) for side in (-1, 1)]
    low, high = (float(min(max(end, 0.0), most)) for end in ends)
    return low, high


def by_budget(full_cost: float, at_budget: Callable[[float], dict[str, float]]) -> pd.DataFrame:
    """Return the outcome at ten budgets, up to the one that pays every offer worth its cost.

    Parameters
    ----------
    full_cost : float
        Cost of the treated when there is no limit, in the unit of profit.
    at_budget : callable
        Gives the :func:`outcome` of the campaign with a budget.
    """
    budgets = [round(full_cost * step / STEPS, 6) for step in range(1, STEPS + 1)]
    return pd.DataFrame([{"budget": budget, **at_budget(budget)} for budget in budgets])
