"""Pictures of the segments: the grid, what tells each one apart, profit by favourite category."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.plotting import BLUE, GREY, ORANGE, picture
from retention.core.vocabulary import FAVOURITE, PROFIT
from retention.segments.membership import LEVELS, UNKNOWN
from retention.segments.segmentation import Segmentation

_BESIDE = 3
"""Panels beside each other at most."""
_MOST_DOTS = 5000
"""Customers drawn at most, with an offer and without."""
SIDES = (("inside", ORANGE, -0.15), ("outside", GREY, 0.15))


def draw_grid(table: pd.DataFrame, path: Path) -> None:
    """Draw the grid of risk and profit with what is in each cell.

    Parameters
    ----------
    table : DataFrame
        What ``membership.grid_table`` gave.
    path : Path
    """
    columns = [f"{level}_profit" for level in LEVELS]
    if table["cell"].str.endswith(UNKNOWN).any():
        columns.append(UNKNOWN)
    rows = [f"{level}_risk" for level in reversed(LEVELS)]
    cells = table.set_index("cell").reindex([f"{row}/{name}" for row in rows for name in columns])
    risks = cells["mean_risk"].to_numpy().reshape(len(rows), len(columns))
    with picture(path, width=2.2 + 1.9 * len(columns), height=4.6) as axis:
        drawn = axis.imshow(risks, cmap="cividis", vmin=0, vmax=1, aspect="auto")
        for place, (_, cell) in enumerate(cells.iterrows()):
            row, column = divmod(place, len(columns))
            light = not cell["mean_risk"] < 0.5
            axis.text(
                column,
                row,
                _in_cell(cell),
                ha="center",
                va="center",
                size=9,
                color="black" if light else "white",
            )
        axis.set_xticks(range(len(columns)), [_plain(name) for name in columns])
        axis.set_yticks(range(len(rows)), [_plain(name) for name in rows])
        axis.set_xlabel("mean monthly profit of three months (unit of the export)")
        axis.set_title("Who is at risk, and what is at stake")
        bar = axis.figure.colorbar(drawn, ax=axis, shrink=0.8, label="mean risk of a drop, 0 to 1")
        bar.outline.set_edgecolor(GREY)


def draw_portraits(
    table: pd.DataFrame, path: Path, *, columns: Columns, error_rate: float = 0.05
) -> None:
    """Draw for each segment how far every feature is from that of others, with intervals.

    Parameters
    ----------
    table : DataFrame
        What ``study.study`` gave.
    path : Path
    columns : Columns
        The data dictionary.
    error_rate : float
        A point is filled where the q-value is at most this.
    """
    lines = table[["feature", "value"]].drop_duplicates()
    names = [_meaning(columns, *line) for line in lines.to_numpy()]
    title = (
        "How each segment differs from those it is compared with: Cliff's delta of a number, "
        f"difference of shares of a word;\nfilled: q-value at most {error_rate:g}; "
        "diamond: the segment is picked by it, which is no finding"
    )
    size = (2.9, 0.9 + 0.23 * len(names))
    with _panels(table, path, title, size=size, margin=4.2, sharey=True) as panels:
        for axis, part in panels:
            whom = _plain(part["compared_with"].iloc[0])
            axis.set_title(f"{axis.get_title(loc='left')}\nbeside {whom}", fontsize=10)
            places = np.arange(len(part))
            surely = (part["q_value"] <= error_rate).to_numpy()
            colours = np.where(surely, np.where(part["effect"] > 0, ORANGE, BLUE), GREY)
            axis.axvline(0, color=GREY, linewidth=0.8)
            axis.hlines(places, part["effect_low"], part["effect_high"], color=colours)
            faces = np.where(surely, colours, "white")
            picked = part["by_rule"].to_numpy(dtype=bool)
            for rows, marker in ((~picked, "o"), (picked, "D")):
                axis.scatter(
                    part["effect"][rows],
                    places[rows],
                    s=22,
                    c=faces[rows],
                    edgecolors=colours[rows],
                    marker=marker,
                    zorder=3,
                )
            axis.set_xlim(-1.05, 1.05)
            axis.set_yticks(places, names, fontsize=9)
            axis.set_ylim(len(names) - 0.4, -0.6)
            axis.set_xlabel("← lower inside    higher inside →")


def draw_categories(table: pd.DataFrame, path: Path, *, columns: Columns, level: float) -> None:
    """Draw mean profit by favourite category inside each segment and outside, with intervals.

    Parameters
    ----------
    table : DataFrame
        What ``study.study`` gave, a ``segment`` named in each row.
    path : Path
    columns : Columns
        The data dictionary.
    level : float
        Coverage of each interval; categories with too few customers have none.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    most = int(table.groupby("segment").size().max())
    title = (
        "Mean profit by favourite category inside each segment and of everyone else, whatever "
        f"their risk; {100 * level:g} % intervals\n(in brackets: customers inside; hollow: too "
        "few to decide anything)"
    )
    size = (3.9, 0.8 + 0.4 * most)
    with _panels(table, path, title, size=size, margin=0.3) as panels:
        for axis, part in panels:
            enough = part["enough"].to_numpy(dtype=bool)
            if part["by_rule"].any():
                axis.set_title(f"{axis.get_title(loc='left')} (picked by profit)", fontsize=10)
            for side, colour, offset in SIDES:
                places, mean = np.arange(len(part)) + offset, part[f"profit_{side}"].to_numpy()
                reach = z * part[f"error_{side}"].to_numpy()
                axis.errorbar(
                    mean[enough],
                    places[enough],
                    xerr=reach[enough],
                    fmt="o",
                    color=colour,
                    markersize=5,
                    label=side,
                )
                axis.scatter(mean[~enough], places[~enough], s=22, c="white", edgecolors=colour)
            # A rare word that is no category may be a note about a person; the picture is in Git.
            known = part["category"].isin(columns.by_name[FAVOURITE].values)
            shown = part["category"].where(enough | known, "other")
            counts = zip(shown, part["customers_inside"], strict=True)
            names = [f"{_plain(name)} ({count:,})" for name, count in counts]
            axis.set_yticks(range(len(part)), names, fontsize=9)
            axis.set_ylim(most - 0.4, -0.6)
            axis.set_xlabel("profit a month (unit of the export)")
        first = panels[0][0]
        marks, sides = first.get_legend_handles_labels()
        first.figure.legend(marks, sides, loc="outside upper right", ncols=2, frameon=False)


@contextmanager
def _panels(
    table: pd.DataFrame,
    path: Path,
    title: str,
    *,
    size: tuple[float, float],
    margin: float,
    **subplots: Any,
) -> Iterator[list]:
    """Yield a panel (width and height in inches) and the rows of `table` for each segment."""
    parts = list(table.groupby("segment", sort=False))
    columns = min(_BESIDE, max(1, len(parts)))
    rows = max(1, -(-len(parts) // columns))
    width, height = margin + size[0] * columns, 0.6 + size[1] * rows
    with picture(
        path, width=width, height=height, nrows=rows, ncols=columns, squeeze=False, **subplots
    ) as axes:
        for axis in axes.flat[len(parts) :]:
            axis.set_visible(False)
        found = []
        for axis, (name, part) in zip(axes.flat, parts, strict=False):
            axis.set_title(_plain(name), fontsize=10)
            found.append((axis, part))
        axes.flat[0].figure.suptitle(title, fontsize=11, x=0.01, ha="left")
        yield found


def _in_cell(cell: pd.Series) -> str:
    if not cell["customers"] > 0:
        return "nobody"
    lines = [f"{cell['customers']:,.0f} customers", f"{100 * cell['share']:.1f} % of all"]
    lines.append(f"mean risk {cell['mean_risk']:.2f}")
    if not np.isnan(cell["mean_profit"]):
        lines.append(f"mean profit {cell['mean_profit']:,.2f}")
    return "\n".join(lines)


def _meaning(columns: Columns, feature: str, value: str) -> str:
    """Return a feature in words, with its unit or the word that is compared."""
    known = columns.by_name.get(feature)
    meaning = known.meaning["en"] if known else _plain(feature)
    if value:
        return f"{meaning}: {_plain(value)}"
    unit = known.unit.get("en", "") if known else ""
    unit = "" if unit in {"share", "a month", "a visit"} else unit
    return f"{meaning} ({unit})" if unit else meaning


def _plain(name: str) -> str:
    return name.replace("_", " ")


def draw_segments(
    found: Segmentation, customers: pd.DataFrame, folder: Path, *, columns: Columns, level: float
) -> None:
    """Draw who is in the segments, what sets them apart, what they buy and whom an offer reaches.

    Parameters
    ----------
    found : Segmentation
    customers : DataFrame
        As :func:`draw_map` takes it.
    folder : Path
        Gets a picture each.
    columns : Columns
        The data dictionary.
    level : float
        Coverage of the intervals.
    """
    draw_grid(found.grid, folder / "grid.png")
    draw_portraits(found.portraits, folder / "portraits.png", columns=columns)
    draw_categories(found.categories, folder / "categories.png", columns=columns, level=level)
    draw_map(customers, folder / "risk_and_profit.png")


def draw_map(customers: pd.DataFrame, path: Path) -> None:
    """Draw customers' risk and profit, the listed ones marked; of many, as the hash chooses.

    Parameters
    ----------
    customers : DataFrame
        ``risk``, ``profit``, ``twin_key`` and ``listed`` of everyone.
    path : Path
    """
    with picture(path, width=8, height=5) as axis:
        for listed, colour, name in ((False, GREY, "no offer"), (True, ORANGE, "on the list")):
            rows = np.flatnonzero(customers["listed"] == listed)
            keys = customers["twin_key"].to_numpy()[rows]
            part = customers.iloc[rows[np.argsort(keys, kind="stable")[:_MOST_DOTS]]]
            axis.scatter(part[PROFIT], part["risk"], s=10, alpha=0.6, color=colour, label=name)
        axis.axvline(customers[PROFIT].median(), color=BLUE, linewidth=0.8, label="median profit")
        axis.set(xlabel="profit a month (unit of the export)", ylabel="risk of a drop, 0 to 1")
        axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
