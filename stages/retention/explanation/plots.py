"""Pictures of why: every customer's contributions, what matters, and how it runs with the value."""

import warnings
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.plotting import BLUE, GREEN, GREY, ORANGE, picture

COLOURS = {"site": BLUE, "product": ORANGE, "communication": GREEN, "spending": "#CC79A7"}
SPARE = ("#56B4E9", "#F0E442", "#D55E00")
"""For groups that a shop adds."""


def draw_beeswarm(
    values: pd.DataFrame,
    features: pd.DataFrame,
    path: Path,
    *,
    unit: str,
    seed: int,
) -> None:
    """Draw customers' contributions of each feature, coloured by its value; words are grey.

    Parameters
    ----------
    values, features, path, unit
        As :func:`draw_dependence` takes them.
    seed : int
        Seed of the dots' places across.
    """
    import shap

    numbers = features.apply(
        lambda column: column if column.dtype.kind == "f" else pd.Series(np.nan, column.index)
    )
    names = list(values)
    # Ties (words of no use) as they stand.
    strongest = values.abs().mean().sort_values(ascending=False, kind="stable").index
    np.random.seed(seed)
    explanation = shap.Explanation(
        values.to_numpy(), data=numbers.to_numpy("float64"), feature_names=names
    )
    with picture(path, width=9, height=6.5) as axis, warnings.catch_warnings():
        # A column of words has no numbers to colour by, and is drawn grey.
        warnings.simplefilter("ignore", RuntimeWarning)
        shap.plots.beeswarm(
            explanation,
            max_display=len(names),
            show=False,
            plot_size=None,
            ax=axis,
            color_bar_label="value of the feature (words: grey)",
            order=values.columns.get_indexer(strongest),
        )
        axis.set_xlabel(f"contribution to a drop, {unit} (right: raises the risk)")


def colours_of(groups: Mapping[str, str]) -> dict[str, str]:
    """Return a colour for each feature group, those that every shop has first."""
    added = sorted(set(groups.values()) - set(COLOURS))
    return COLOURS | dict(zip(added, cycle(SPARE), strict=False))


def draw_importance(
    table: pd.DataFrame, groups: Mapping[str, str], path: Path, *, unit: str, level: float
) -> None:
    """Draw mean contribution and permutation importance of each feature, with intervals.

    A model that cannot be told from chance has no intervals, and no permutation importance.
    """
    rows = table.iloc[::-1]
    palette = colours_of(groups)
    colours = [palette[groups[name]] for name in rows.index]
    place = np.arange(len(rows))
    panels = (
        ("mean_abs", "low", "high", f"mean contribution, {unit}"),
        ("permutation", "permutation_low", "permutation_high", "ROC-AUC lost when shuffled"),
    )
    with picture(path, width=11, height=5.5, ncols=2, sharey=True) as axes:
        for axis, (name, low, high, label) in zip(axes, panels, strict=True):
            reach = [rows[name] - rows[low], rows[high] - rows[name]]
            axis.barh(place, rows[name], color=colours, alpha=0.75)
            axis.errorbar(
                rows[name],
                place,
                xerr=np.clip(reach, 0, None),
                fmt="none",
                ecolor="black",
                elinewidth=1,
            )
            axis.axvline(0, color=GREY, linewidth=0.8)
            axis.set(xlabel=f"{label}\n(line: {100 * level:g} % interval)")
        axes[0].set_yticks(place, rows.index)
        for group, colour in palette.items():
            axes[1].barh([0], [0], color=colour, alpha=0.75, label=group)
        axes[1].legend(frameon=False, loc="lower right", title="feature group")


def draw_dependence(
    values: pd.DataFrame,
    features: pd.DataFrame,
    path: Path,
    *,
    strongest: Sequence[str],
    dictionary: Sequence[Mapping[str, str]],
    unit: str,
) -> None:
    """Draw how a feature's contribution runs with its value, the six strongest numeric ones.

    Parameters
    ----------
    values, features : DataFrame, shape (n_customers, n_features)
        Contributions and the customers' own values, of those who are drawn.
    path : Path
    strongest : sequence of str
        The features by everyone's mean contribution.
    dictionary : sequence of mapping
        What each feature is, as ``features.dictionary`` gives it.
    unit : str
        Unit of the contributions.
    """
    about = {feature["name"]: feature for feature in dictionary}
    palette = colours_of({name: feature["group"] for name, feature in about.items()})
    known = features.select_dtypes("number").notna().any()
    numbers = [name for name in strongest if known.get(name, False)][:6]
    with picture(path, width=12, height=6.5, nrows=2, ncols=3) as axes:
        for axis, name in zip(axes.flat, numbers, strict=False):
            x, y = features[name].to_numpy("float64"), values[name].to_numpy()
            low, high = np.nanquantile(x, [0.005, 0.995])
            if low == high:  # one value: an axis needs some width
                low, high = low - 0.5, high + 0.5
            axis.scatter(x, y, s=6, alpha=0.35, color=palette[about[name]["group"]])
            axis.axhline(0, color=GREY, linewidth=0.8)
            density = axis.twinx()
            density.hist(x, bins=30, range=(low, high), color=GREY, alpha=0.25)
            density.set_ylim(0, 5 * max(1.0, density.get_ylim()[1]))
            density.set_yticks([])
            density.spines["right"].set_visible(False)
            axis.set(title=name, xlim=(low, high), xlabel=about[name]["unit"], ylabel=unit)
        for axis in axes.flat[len(numbers) :]:
            axis.set_visible(False)
