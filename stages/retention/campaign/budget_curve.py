"""What if the budget were another one: people, drops reached, cost and expected gain."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import norm

INTERVAL_LEVEL = 0.95
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
    low, high = sum_interval(risk, np.ones(len(risk)))
    saved_low, saved_high = sum_interval(kept, at_stake)
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


def sum_interval(chance: np.ndarray, value: np.ndarray) -> tuple[float, float]:
    """Return where the sum of the values that come true lies at :data:`INTERVAL_LEVEL`.

    Each value comes true by its own chance, independent of the others. Normal with Cornish and
    Fisher's (1938) correction for skewness; it begins at nothing where that none comes true is
    likelier than the lower tail, and ends at everything likewise.

    Parameters
    ----------
    chance : ndarray
        0 to 1.
    value : ndarray
        From 0.
    """
    spread = chance * (1 - chance)
    variance = (spread * value**2).sum()
    mean, most = float((chance * value).sum()), float(value.sum())
    if variance <= 0:
        return mean, mean
    # Beyond a skewness of 2 the correction would turn the order of the quantiles round.
    skew = np.clip((spread * (1 - 2 * chance) * value**3).sum() / variance**1.5, -2, 2)
    z, tail = norm.ppf((1 + INTERVAL_LEVEL) / 2), (1 - INTERVAL_LEVEL) / 2
    low, high = (
        float(np.clip(mean + (side * z + (z**2 - 1) * skew / 6) * np.sqrt(variance), 0, most))
        for side in (-1, 1)
    )
    counts = chance[value > 0]
    return 0.0 if np.prod(1 - counts) >= tail else low, most if np.prod(counts) >= tail else high


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
