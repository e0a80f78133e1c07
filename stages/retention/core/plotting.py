"""One look for every picture: colours that the colour-blind tell apart, labels with units."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retention.core.atomic import atomic

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#6B7280"
"""From Okabe & Ito's palette (2008), which keeps its contrasts for colour-blind readers."""


@contextmanager
def picture(path: Path, *, width: float = 7, height: float = 4.5, **subplots: Any) -> Iterator[Any]:
    """Yield the axes of a new figure (inches) and save it as PNG once the block succeeded."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = {
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 11,
        "figure.dpi": 110,
        "svg.hashsalt": "retention",
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(width, height), layout="constrained")
        canvas = FigureCanvasAgg(figure)
        yield figure.subplots(**subplots)
        with atomic(path) as scratch:
            # Drawn once, where savefig draws twice. Without the software's name and version the
            # bytes depend on the picture alone.
            canvas.print_png(scratch, metadata={"Software": None})
