"""Pictures of how good a risk is."""

from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.plotting import BLUE, GREY, ORANGE, picture
from retention.evaluation.curves import ranking_curves


def draw_scores(
    label: np.ndarray,
    risk: np.ndarray,
    scores: dict[str, float],
    bins: pd.DataFrame,
    found: pd.DataFrame,
    path: Path,
    *,
    level: float,
) -> None:
    """Draw ROC, calibration and gains beside each other.

    Bins are those of `calibration_verdict.judged_bins`, gains are found as `curves.gains` gives
    them; intervals have coverage `level`, those of the bins all together.
    """
    curves = ranking_curves(label, risk)
    with picture(path, width=13, height=4.3, ncols=3) as (roc, calibration, gains):
        roc.plot(*curves["roc"].to_numpy().T, color=BLUE)
        roc.plot([0, 1], [0, 1], color=GREY, linestyle=":")
        text = "ROC-AUC {roc_auc:.3f} ({roc_auc_low:.3f} to {roc_auc_high:.3f})".format(**scores)
        if np.isnan(scores["roc_auc_low"]):
            text = "ROC-AUC cannot be told: too few of a class"
        roc.set(title=text, xlabel="share of loyal customers called", ylabel="share of drops found")
        calibration.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="ideal")
        reach = np.abs(bins[["low", "high"]].to_numpy().T - bins["dropped"].to_numpy())
        calibration.errorbar(
            bins["told"],
            bins["dropped"],
            yerr=reach,
            fmt="o-",
            color=ORANGE,
            linewidth=1.5,
            elinewidth=0.8,
            label=f"tenths, {100 * level:g} % for all together",
        )
        calibration.set(title="Is the risk true?", xlabel="risk told", ylabel="share that dropped")
        calibration.legend(frameon=False)
        gains.fill_between(
            found["contacted"],
            found["reached_low"],
            found["reached_high"],
            color=BLUE,
            alpha=0.2,
            linewidth=0,
            label="interval",
        )
        gains.plot(found["contacted"], found["reached"], color=BLUE, label="model")
        gains.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="chance")
        gains.set(title="Who is reached", xlabel="share contacted", ylabel="share of drops reached")
        gains.legend(frameon=False)
