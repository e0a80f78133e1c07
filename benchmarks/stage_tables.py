"""The tables and the picture of docs that `make bench` fills with what it measured."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from retention.core.files import write_text
from retention.core.plotting import BLUE, GREY, ORANGE, picture

NAME, STAGES, CAPACITY, DEFAULTS = "benchmarks.png", "stages", "capacity", "defaults"
FLOOR = "DuckDB"
APART = ("simulate", FLOOR)
"""Rows that are no stage that a shop runs."""
NEW_MONTH = ("prepare", "featurize", "score", "evaluate", "explain", "segment", "report")
"""Stages that run again when exports are new and the model is not."""
READ_EXPORTS = NEW_MONTH[:2]
"""Stages whose floor is the query."""
TOTAL = "all stages"
TIMES = ("seconds", "processor")
KINDS = {"seconds": "seconds", "processor": "processor", "peak": "memory", "written": "files"}
LEAST_COMPARED = 100_000
"""Customers from which growth is told: below it, imports take most of the time."""


def write_pages(found: dict[str, Any], folder: Path) -> None:
    """Fill the marked places of docs/benchmarks.md and docs/scale.md and draw the picture."""
    rows = with_totals(pd.DataFrame(found["rows"]))
    draw(rows, folder / NAME)
    shown = f"![Seconds and memory of all stages by customers]({NAME})"
    text = "\n\n".join([about(found["about"]), shown, tables(rows)])
    fill(folder / "benchmarks.md", STAGES, text)
    fill(folder / "scale.md", CAPACITY, capacity(rows, found["about"]))


def write_defaults(found: dict[str, Any], folder: Path) -> None:
    """Fill the place of docs/benchmarks.md that tells of params as they are."""
    rows = pd.DataFrame(found["rows"])
    shown = [of_size(with_totals(rows), size) for size in sizes(rows)]
    told = [ratios(rows, size, found.get("rounds", [])) for size in sizes(rows)]
    fill(folder / "benchmarks.md", DEFAULTS, "\n\n".join([about(found["about"]), *shown, *told]))


def ratios(rows: pd.DataFrame, size: int, rounds: Sequence[dict[str, Any]] = ()) -> str:
    """Return how the stages stand to those of before, and the first two to the query."""
    loop = rows[(rows["customers"] == size) & (rows["engine"] == "loop") & (rows["failed"] == "")]

    def took(version: str, stages: Sequence[str], key: str) -> float:
        found = loop[(loop["version"] == version) & loop["stage"].isin(stages)]
        return found[key].sum() if len(found) == len(stages) else math.nan

    head = [f"{size:,} customers", "seconds", "cpu"]
    cells = []
    for name, version, stages, other, beside in (
        ("all stages but train, times those of before", "now", NEW_MONTH, "before", NEW_MONTH),
        ("prepare and featurize, times the query", "now", READ_EXPORTS, "now", [FLOOR]),
        ("the same before, times the query", "before", READ_EXPORTS, "now", [FLOOR]),
    ):
        times = [took(version, stages, key) / took(other, beside, key) for key in TIMES]
        cells.append([name, *("" if math.isnan(one) else f"{one:.2f}" for one in times)])
    here = [one for one in rounds if one["customers"] == size]
    if here:
        name = f"prepare and featurize, times the query, median of {len(here)} rounds in turn"
        cells.append([name, *(spread(times_floor(here, key)) for key in TIMES)])
    return "\n".join([line(head), line(["---", "---:", "---:"]), *map(line, cells)])


def times_floor(rounds: Sequence[dict[str, Any]], key: str) -> list[float]:
    """Return of each round how often the query the stages that read exports took."""
    return [sum(one[key][name] for name in READ_EXPORTS) / one[key][FLOOR] for one in rounds]


def spread(values: Sequence[float]) -> str:
    """Return the median of some values and, in brackets, the least and the greatest."""
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def fill(page: Path, mark: str, text: str) -> None:
    """Put a text between the two marks of a page."""
    ends = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    content = page.read_text(encoding="utf-8")
    before, _, rest = content.partition(ends[0])
    _, found, after = rest.partition(ends[1])
    if not found:
        raise ValueError(f"{page} has no place between {ends[0]} and {ends[1]}")
    write_text(f"{before}{ends[0]}\n{text}\n{ends[1]}{after}", page)


def with_totals(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows and, of each run whose stages all ended well, what all stages took."""
    run = ["customers", "version", "engine"]
    stages = rows[~rows["stage"].isin(APART)]
    whole = stages.groupby(run)["failed"].transform(lambda said: (said == "").all())
    complete = stages[
        whole & stages.groupby(run)["stage"].transform(lambda one: "report" in set(one))
    ]
    added = complete.groupby(run, as_index=False).agg(
        seconds=("seconds", "sum"),
        processor=("processor", "sum"),
        peak=("peak", "max"),
        written=("written", "sum"),
        failed=("failed", "first"),
    )
    return pd.concat([rows, added.assign(stage=TOTAL)], ignore_index=True)


def about(run: dict[str, Any]) -> str:
    """Return what was measured, and on what."""
    revisions = run["revisions"]
    before = f"; before: {revisions['before']}" if "before" in revisions else ""
    return (
        f"Measured on {revisions['now']} of {run['date']}{before}. {run['cores']} cores, "
        f"{run['system']}; model: {run['model']}. s: seconds; cpu: processor seconds of all "
        "processes; MB: memory at most of all processes together (proportional set size, looked at "
        "every 0.1 s)."
    )


def tables(rows: pd.DataFrame) -> str:
    """Return a table for each size, and how cost and memory grow from size to size."""
    return "\n\n".join([*(of_size(rows, size) for size in sizes(rows)), growth(rows)])


def sizes(rows: pd.DataFrame) -> list[int]:
    """Return the numbers of customers, ascending."""
    return sorted(rows["customers"].unique().tolist())


def runs(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the runs that there are, each as version and engine."""
    known = set(zip(rows["version"], rows["engine"], strict=True))
    return [one for one in (("before", "loop"), ("now", "loop"), ("now", "dask")) if one in known]


def said(run: tuple[str, str]) -> str:
    """Return how a table names a run."""
    version, engine = run
    return version if engine == "loop" else "Dask"


def of_size(rows: pd.DataFrame, size: int) -> str:
    """Return the table of one number of customers."""
    here = rows[rows["customers"] == size]
    shown = runs(here)
    head = [f"{size:,} customers"]
    for run in shown:
        head += [f"{said(run)}, s", "cpu", "MB"]
    lines = [line([*head, "written, MB"]), line(["---", *["---:"] * (3 * len(shown) + 1)])]
    for stage in here["stage"].unique():
        cells, written = [stage], ""
        for version, engine in shown:
            one = here[(here["stage"] == stage) & (here["version"] == version)]
            one = one[one["engine"] == engine]
            if one.empty:
                cells += ["", "", ""]
            elif one["failed"].iloc[0]:
                cells += ["failed", "", f"{one['peak'].iloc[0]:,.0f}"]
            else:
                cells += [f"{one[key].iloc[0]:,.1f}" for key in ("seconds", "processor")]
                cells += [f"{one['peak'].iloc[0]:,.0f}"]
                written = f"{one['written'].iloc[0] / 1e6:,.1f}"
        lines.append(line([*cells, written]))
    return "\n".join(lines)


def short(customers: float) -> str:
    """Return a number of customers in few letters."""
    return f"{customers / 1e6:g}M" if customers >= 1e6 else f"{customers / 1e3:g}k"


def line(cells: list[str]) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


def slope(rows: pd.DataFrame, key: str, first: int, second: int) -> float:
    """Return the power of the customers with which something grows from one size to another."""
    found = rows.set_index("customers")[key]
    if not {first, second} <= set(found.index):
        return math.nan
    return math.log(found[second] / found[first]) / math.log(second / first)


def growth(rows: pd.DataFrame) -> str:
    """Return the table of powers: processor seconds and memory now, from size to size."""
    steps = list(zip(sizes(rows), sizes(rows)[1:], strict=False))
    fine = rows[(rows["failed"] == "") & (rows["version"] == "now") & (rows["engine"] == "loop")]
    told = [f"{short(first)} to {short(second)}" for first, second in steps]
    head = ["grows as customers to the power of"]
    head += [f"{what}, {step}" for step in told for what in ("cpu", "MB")]
    lines = [line(head), line(["---", *["---:"] * (len(head) - 1)])]
    for stage in fine["stage"].unique():
        cells, of = [stage], fine[fine["stage"] == stage]
        for first, second in steps:
            powers = [slope(of, key, first, second) for key in ("processor", "peak")]
            cells += ["" if math.isnan(power) else f"{power:.2f}" for power in powers]
        lines.append(line(cells))
    return "\n".join(lines)


def capacity(rows: pd.DataFrame, run: dict[str, Any]) -> str:
    """Return what 10^6 to 10^8 customers take: what was measured, else what can be reckoned."""
    fine = rows[(rows["stage"] == TOTAL) & (rows["version"] == "now") & (rows["engine"] == "loop")]
    known = [size for size in sizes(fine) if size >= LEAST_COMPARED]
    told = f"From {run['revisions']['now']} of {run['date']}, {run['cores']} cores"
    if len(known) < 2:
        return f"{told}: too few sizes were measured to tell."
    powers = {key: slope(fine, key, *known[-2:]) for key in KINDS}
    grown = ", ".join(f"{KINDS[key]} {power:.2f}" for key, power in powers.items())
    lines = [
        f"{told}. From {known[-2]:,} to {known[-1]:,} customers the powers were: {grown}.",
        "",
        line(["customers", "hours", "processor hours", "memory, GB", "files, GB", ""]),
        line(["---:", "---:", "---:", "---:", "---:", "---"]),
    ]
    table = fine.set_index("customers")
    for size in (10**6, 10**7, 10**8):
        found = {key: reckoned(table[key], size, known[-2:]) for key in KINDS}
        cells = [
            f"{size:,}",
            f"{found['seconds'] / 3600:.2f}",
            f"{found['processor'] / 3600:.2f}",
            f"{found['peak'] / 1000:.1f}",
            f"{found['written'] / 1e9:.1f}",
            "measured" if size in table.index else "reckoned",
        ]
        lines.append(line(cells))
    return "\n".join(lines)


def reckoned(found: pd.Series, size: int, last: list[int]) -> float:
    """Return what was measured of a size, or the larger of what a line and a power make of it.

    A power alone would promise too much: what does not grow, as loading libraries, hides what does.
    """
    if size in found.index:
        return float(found[size])
    (first, low), (second, high) = ((one, float(found[one])) for one in last)
    straight = high + (high - low) / (second - first) * (size - second)
    return max(
        straight, high * (size / second) ** (math.log(high / low) / math.log(second / first))
    )


def draw(rows: pd.DataFrame, path: Path) -> None:
    """Draw seconds and memory of all stages by customers, both axes as powers of ten."""
    looks = {
        ("before", "loop"): (GREY, "--", "s"),
        ("now", "loop"): (BLUE, "-", "o"),
        ("now", "dask"): (ORANGE, ":", "^"),
    }
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    whole = rows[rows["stage"] == TOTAL]
    with picture(path, width=9, height=3.8, ncols=2) as axes:
        for ax, key, label in zip(
            axes, ("seconds", "peak"), ("Seconds of all stages", "Memory at most, MB"), strict=True
        ):
            for run in runs(whole):
                of = whole[(whole["version"] == run[0]) & (whole["engine"] == run[1])]
                of = of.sort_values("customers", kind="stable")
                colour, dashes, mark = looks[run]
                ax.plot(
                    of["customers"], of[key], dashes, color=colour, marker=mark, label=said(run)
                )
            ax.set(xscale="log", yscale="log", xlabel="Customers", ylabel=label)
            ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.xaxis.set_major_formatter(FuncFormatter(lambda number, _: short(number)))
            ax.yaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.0f}"))
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_minor_formatter(NullFormatter())
            ax.grid(visible=True, alpha=0.3)
        axes[1].axhline(3000, color=GREY, linewidth=0.8)
        axes[1].annotate(
            "3 GB", (1, 3000), xycoords=("axes fraction", "data"), va="bottom", ha="right"
        )
        axes[0].legend(frameon=False)
