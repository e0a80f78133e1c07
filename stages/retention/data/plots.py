"""Pictures of the columns: their distributions by label, and how they go together."""

from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.columns import Column, Columns
from retention.core.plotting import BLUE, GREY, ORANGE, picture


def draw_distributions(
    features: pd.DataFrame, label: pd.Series, path: Path, *, columns: Columns
) -> None:
    """Draw each feature's distribution for customers who dropped and who stayed."""
    rows = -(-features.shape[1] // _BESIDE)
    with picture(path, width=13, height=2.5 * rows, nrows=rows, ncols=_BESIDE) as axes:
        for axis in axes.flat[features.shape[1] :]:
            axis.set_visible(False)
        for axis, name in zip(axes.flat, features, strict=False):
            draw_one(axis, features[name], label, columns.by_name[name])
            axis.set_title(name)
        axes.flat[0].legend(frameon=False, fontsize=8)


_BESIDE = 4
"""Pictures beside each other."""
_LEAST = 30
"""Customers that a word needs to stand in a picture, which lives in Git: a rare one may be a note
about a person that came into the wrong column."""
_MOST_WORDS = 8
OTHER = "other"


def draw_one(axis: object, values: pd.Series, label: pd.Series, column: Column) -> None:
    """Draw one feature: shares of a category, or a histogram, in per cent of each class.

    Where nobody's outcome is known all customers are one class.
    """
    classes = ((0, "stayed", BLUE), (1, "dropped", ORANGE))
    if label.isna().all():
        label, classes = label.isna(), ((True, "all", GREY),)
    if column.is_category:
        counts = values.value_counts().sort_index().sort_values(ascending=False, kind="stable")
        order = counts.index[counts >= _LEAST][:_MOST_WORDS]
        values = values.where(values.isin(order) | values.isna(), OTHER)
        order = [*order, OTHER] if (values == OTHER).any() else order
        offsets = (-0.2, 0.2) if len(classes) > 1 else (0,)
        for offset, (which, name, colour) in zip(offsets, classes, strict=True):
            shares = values[label == which].value_counts(normalize=True).reindex(order).fillna(0)
            places = np.arange(len(order)) + offset
            axis.barh(places, 100 * shares.to_numpy(), height=0.4, label=name, color=colour)
        axis.set_yticks(range(len(order)), order, fontsize=8)
        axis.set_xlabel("% of class")
    else:
        known = values.dropna()
        edges = bin_edges(known)
        for which, name, colour in classes:
            part = values[label == which].dropna()
            weight = np.full(len(part), 100 / max(1, len(part)))
            axis.hist(part, edges, weights=weight, alpha=0.55, label=name, color=colour)
        axis.set_ylabel("% of class")
        axis.set_xlabel(column.unit.get("en", ""))


def bin_edges(values: pd.Series) -> np.ndarray:
    """Return the edges of a histogram: one bin a whole number where there are few of them."""
    low, high = values.min(), values.quantile(0.999)
    if high - low <= 30 and (values == values.round()).all():
        return np.arange(low - 0.5, high + 1)
    return np.linspace(low, high + 1e-9, 21)


def draw_correlations(matrix: pd.DataFrame, path: Path) -> None:
    """Draw the phik matrix as a heat map with its values."""
    with picture(path, width=10, height=8.5) as axis:
        drawn = axis.imshow(matrix.to_numpy(), cmap="cividis", vmin=0, vmax=1)
        axis.set_xticks(range(len(matrix)), matrix.columns, rotation=60, ha="right")
        axis.set_yticks(range(len(matrix)), matrix.columns)
        for row, column in np.ndindex(matrix.shape):
            value = matrix.iat[row, column]
            if np.isnan(value):  # no customer has both columns: the cell stays blank
                continue
            colour = "white" if value < 0.5 else "black"
            axis.text(column, row, f"{value:.1f}", ha="center", va="center", size=7, color=colour)
        axis.set_title("How much one column tells of another (phik, 0 to 1)")
        axis.figure.colorbar(drawn, ax=axis, shrink=0.7).outline.set_edgecolor(GREY)
