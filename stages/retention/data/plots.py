"""Pictures of the columns: their distributions by label, and how they go together.

A process of its own may draw them. So nothing here needs tables, which take long to import.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retention.core.plotting import BLUE, GREY, ORANGE, picture

STAYED, DROPPED, EVERYBODY = "stayed", "dropped", "all"
"""The classes; where nobody's outcome is known all customers are one."""
_COLOURS = {STAYED: BLUE, DROPPED: ORANGE, EVERYBODY: GREY}
_BESIDE = 4
"""Pictures beside each other."""


@dataclass(frozen=True)
class Distribution:
    """How one column is distributed, in per cent of each class.

    Attributes
    ----------
    name, unit : str
        The column's; the unit in English, empty where it has none.
    shares : mapping of str to ndarray
        By class: of each word, or of each bin.
    words : list of str
        Of a category; empty for a number.
    edges : ndarray, shape (n_bins + 1,)
        Of a number; empty for a category.
    """

    name: str
    unit: str
    shares: Mapping[str, np.ndarray]
    words: Sequence[str]
    edges: np.ndarray


def draw_distributions(found: Sequence[Distribution], path: Path) -> None:
    """Draw each feature's distribution for customers who dropped and who stayed."""
    rows = -(-len(found) // _BESIDE)
    with picture(path, width=13, height=2.5 * rows, nrows=rows, ncols=_BESIDE) as axes:
        for axis in axes.flat[len(found) :]:
            axis.set_visible(False)
        for axis, one in zip(axes.flat, found, strict=False):
            draw_one(axis, one)
            axis.set_title(one.name)
        axes.flat[0].legend(frameon=False, fontsize=8)


def draw_one(axis: Any, found: Distribution) -> None:
    """Draw one feature: bars of a category, or a histogram."""
    if len(found.edges):
        for name, shares in found.shares.items():
            how = {"fill": True, "alpha": 0.55, "label": name, "color": _COLOURS[name]}
            axis.stairs(shares, found.edges, **how)
        axis.set_ylabel("% of class")
        axis.set_xlabel(found.unit)
        return
    offsets = (-0.2, 0.2) if len(found.shares) > 1 else (0,)
    for offset, (name, shares) in zip(offsets, found.shares.items(), strict=True):
        places = np.arange(len(found.words)) + offset
        axis.barh(places, shares, height=0.4, label=name, color=_COLOURS[name])
    axis.set_yticks(range(len(found.words)), found.words, fontsize=8)
    axis.set_xlabel("% of class")


def draw_correlations(names: Sequence[str], matrix: np.ndarray, path: Path) -> None:
    """Draw the phik matrix as a heat map with its values.

    Parameters
    ----------
    names : sequence of str
    matrix : ndarray, shape (n_names, n_names)
        Missing where no customer has both columns: such a cell stays blank.
    path : Path
    """
    with picture(path, width=10, height=8.5) as axis:
        drawn = axis.imshow(matrix, cmap="cividis", vmin=0, vmax=1)
        axis.set_xticks(range(len(names)), names, rotation=60, ha="right")
        axis.set_yticks(range(len(names)), names)
        for row, column in np.argwhere(~np.isnan(matrix)):
            value = matrix[row, column]
            colour = "white" if value < 0.5 else "black"
            how = {"ha": "center", "va": "center", "size": 7, "color": colour}
            axis.text(column, row, f"{value:.1f}", **how).set_in_layout(False)  # it lies inside
        axis.set_title("How much one column tells of another (phik, 0 to 1)")
        axis.figure.colorbar(drawn, ax=axis, shrink=0.7).outline.set_edgecolor(GREY)
