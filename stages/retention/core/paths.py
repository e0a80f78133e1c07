"""Where the simulated shop lives: its exports, and what no shop has."""

import os
from pathlib import Path

SAMPLE = Path("data/sample")
"""Folder of the simulated shop's exports."""
TRUTH = SAMPLE / "truth.parquet"
"""Each simulated customer's true probability of a drop."""
EMPTY_LIST = SAMPLE / "suppression.csv"
"""The simulated shop's suppression list, which names nobody."""


def is_sample(folder: Path | str) -> bool:
    """Tell whether a folder of exports is the simulated shop's, however its path is written."""
    return os.path.realpath(folder) == os.path.realpath(SAMPLE)
