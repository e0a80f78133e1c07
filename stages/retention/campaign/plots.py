"""Draw what each budget would bring."""

from pathlib import Path

import pandas as pd

from retention.core.plotting import BLUE, GREEN, GREY, ORANGE, picture


def draw_budgets(table: pd.DataFrame, path: Path, *, unit: str, budget: float | None) -> None:
    """Draw gain and people by budget, as ``budget_curve.by_budget`` gives them.

    Parameters
    ----------
    table : DataFrame
    path : Path
    unit : str
        Name of the unit of profit.
    budget : float or None
        The budget of params, marked where there is one.
    """
    at = table["budget"]
    with picture(path, width=11, height=4.5, ncols=2) as (money, people):
        low, high = table["expected_gain_low"], table["expected_gain_high"]
        money.fill_between(at, low, high, color=BLUE, alpha=0.2, label="95 % interval of chance")
        money.plot(at, table["expected_gain"], color=BLUE, marker="o", label="expected gain")
        money.axhline(0, color=GREY, linewidth=0.8)
        money.set(
            xlabel=f"budget, {unit}",
            ylabel=f"expected gain, {unit}",
            title="Gain, if the assumed effects hold",
        )
        people.plot(at, table["contacted"], color=GREY, marker="s", label="contacted")
        people.fill_between(
            at, table["drops_reached_low"], table["drops_reached_high"], color=GREEN, alpha=0.2
        )
        people.plot(
            at, table["drops_reached"], color=GREEN, marker="o", label="would drop without an offer"
        )
        people.plot(
            at,
            table["false_targets"],
            color=ORANGE,
            marker="^",
            label="would not drop (false targets)",
        )
        people.set(xlabel=f"budget, {unit}", ylabel="customers", title="Customers contacted")
        for axis in (money, people):
            if budget is not None and 0 < budget <= at.max():
                axis.axvline(budget, color=GREY, linestyle="--", label="budget of params.yaml")
            axis.legend(frameon=False)
