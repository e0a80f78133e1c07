"""Pictures of how good a risk is."""

from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.plotting import BLUE, GREY, ORANGE, picture
from retention.core.vocabulary import MONTH
from retention.evaluation.curves import ranking_curves
from retention.evaluation.forecast import FORESEEN
from retention.evaluation.held_out import Evaluation

_NAMES = {"drop_share": "share that drops", "roc_auc": "ROC-AUC", "brier": "Brier score"}
_LABELLED = 12
"""Months that an axis names, at most."""


def draw_scores(found: Evaluation, path: Path, *, level: float) -> None:
    """Draw ROC, calibration and gains beside each other.

    Intervals have coverage `level`, those of the bins all together. Without any outcome the picture
    says so.
    """
    label, scores, bins, reached = found.label, found.scores, found.reliability, found.gains
    if not len(label):
        with picture(path, width=13, height=4.3) as axes:
            axes.set(title="No outcome is known")
            axes.set_axis_off()
        return
    curves = ranking_curves(label, found.risk)
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
            reached["contacted"],
            reached["reached_low"],
            reached["reached_high"],
            color=BLUE,
            alpha=0.2,
            linewidth=0,
            label="interval",
        )
        gains.plot(reached["contacted"], reached["reached"], color=BLUE, label="model")
        gains.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="chance")
        gains.set(title="Who is reached", xlabel="share contacted", ylabel="share of drops reached")
        gains.legend(frameon=False)


def draw_months(table: pd.DataFrame, path: Path, *, level: float) -> None:
    """Draw each month's scores beside what was foretold of them.

    Parameters
    ----------
    table : DataFrame
        As ``month_study.MonthStudy.table`` has it.
    path : Path
    level : float
        Coverage of the intervals foretold.
    """
    months, place = table[MONTH].tolist(), np.arange(len(table))
    missed, taught = (
        table[name].eq(True).fillna(False).to_numpy(dtype=bool) for name in ("missed", "taught")
    )
    kinds = {
        "came": (~missed & ~taught, ORANGE, "o"),
        "came, forecast missed": (missed, ORANGE, "X"),
        "taught the model (out of fold)": (~missed & taught, GREY, "o"),
    }
    with picture(path, width=13, height=4.6, ncols=len(FORESEEN)) as panels:
        for axes, name in zip(panels, FORESEEN, strict=True):
            told, low, high = (
                table[f"foretold_{name}{end}"].to_numpy("float64") for end in ("", "_low", "_high")
            )
            axes.vlines(place, low, high, color=BLUE, alpha=0.4, linewidth=6)
            axes.plot(
                place, told, "_", color=BLUE, markersize=10, label=f"foretold, {100 * level:g} %"
            )
            fact = table[name].to_numpy("float64")
            for word, (which, colour, mark) in kinds.items():
                if which.any() and not np.isnan(fact[which]).all():
                    axes.plot(place[which], fact[which], mark, color=colour, label=word)
            shown = place[:: -max(1, -(-len(months) // _LABELLED))][::-1]
            axes.set_xticks(shown, [months[one] for one in shown], rotation=60, ha="right")
            axes.set(title=_NAMES[name], xlabel="month")
        drawn = dict(zip(*panels[0].get_legend_handles_labels()[::-1], strict=True))
        panels[0].figure.legend(
            drawn.values(), drawn, loc="outside lower center", ncols=len(drawn), frameon=False
        )
