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
    drops or not by the risk p (the number of drops is Poisson-binomial, variance p (1 - p)), and
    is kept by the offer with the chance p e, which saves the profit at stake. They hold neither
    the model's error nor that of the assumptions.

    Parameters
    ----------
    risk, effect, at_stake, cost : ndarray, shape (n_treated,)
        Risk, assumed effect of the offer, profit that a drop costs, and cost of the offer (both
        in the unit of profit).

    Returns
    -------
    dict
        ``contacted``, ``drops_reached`` (of the contacted would drop without an offer),
        ``false_targets`` (would not), ``drops_prevented``, ``cost``, ``expected_gain``; the
        second and the last with ``_low`` and ``_high`` (normal approximation).
    """
    z = norm.ppf((1 + LEVEL) / 2)
    kept = risk * effect
    reached, gain = risk.sum(), (kept * at_stake - cost).sum()
    spread = z * np.sqrt((risk * (1 - risk)).sum())
    spread_gain = z * np.sqrt((kept * (1 - kept) * at_stake**2).sum())
    return {
        "contacted": len(risk),
        "drops_reached": reached,
        "drops_reached_low": max(reached - spread, 0.0),
        "drops_reached_high": min(reached + spread, float(len(risk))),
        "false_targets": len(risk) - reached,
        "drops_prevented": kept.sum(),
        "cost": cost.sum(),
        "expected_gain": gain,
        "expected_gain_low": gain - spread_gain,
        "expected_gain_high": gain + spread_gain,
    }


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
