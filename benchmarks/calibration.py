"""Does the verdict on the probabilities say what is true?

First part: risks and outcomes are drawn whose truth is known (the outcome's log-odds are a line of
the risk's, with a slope and a shift), and the verdict is asked. A false "hold" is one where slope
or shift lies outside its band or at its edge.

Second part, simulated shops: models are trained on some customers as the train stage does, and
judged on these (out of fold) and on their test customers together, as the evaluate stage does.
The truth is the slope and the shift of the final model among customers whose probability is known.
Each shop is judged as it is, and with its log-odds stretched or shifted, as models would be that
are wrong in and out of fold alike.

Usage: python benchmarks/calibration.py [--draws 1000] [--shops 60]
"""

import argparse
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit
from shops import of_project

from retention.core.progress import progress
from retention.core.running import stage
from retention.evaluation.calibration_verdict import Verdict, judge_calibration, judged_bins
from retention.stats.effects import wilson

SIZES = (60, 250, 2000)
USUAL = (-0.6, 1.5)
"""Mean and spread of the risks' log-odds: some 38 % drop, and the true ROC-AUC is 0.83."""
OTHERS = {"weak": (-0.5, 0.8), "strong": (-1.0, 3.0), "few drops": (-3.8, 1.5)}
"""Other risks, for the largest size: true ROC-AUC of 0.71 and 0.95, and 5 % who drop."""
EDGES = ((1.0, 0.0), (0.8, 0.0), (1.25, 0.0), (1.0, 0.25), (1.0, -0.25))
LINES = (
    *((slope, shift) for slope in (0.5, 0.7, 1.0, 1.4) for shift in (0.0, 0.3, 0.7)),
    *EDGES[1:],
    (0.0, 0.0),
)
"""Slope and shift of the outcomes; the last are random labels."""
_POPULATION = 100_000


def line_of(slope: float, shift: float, score: np.ndarray) -> np.ndarray:
    """Return the outcome's log-odds: a line of `score` with a slope and a shift in the large."""
    drops = expit(score + shift).mean()
    start = brentq(lambda place: expit(place + slope * score).mean() - drops, -50, 50)
    return start + slope * score


def drawn(draws: int) -> Iterator[dict[str, object]]:
    """Yield how often each verdict is given, a row a size and truth."""
    rules = of_project()[1].evaluate.grade
    cells = [("usual", USUAL, size, line) for size in SIZES for line in LINES]
    cells += [(name, risks, SIZES[-1], line) for name, risks in OTHERS.items() for line in EDGES]
    rng = np.random.default_rng(1)
    for name, (middle, spread), size, (slope, shift) in progress(cells, what="draw", unit="cells"):
        score = middle + spread * rng.standard_normal(_POPULATION)
        line = line_of(slope, shift, score)
        said, slopes, shifts, bins = Counter(), 0, 0, 0
        for _ in range(draws):
            who = rng.integers(0, _POPULATION, size)
            label = (rng.random(size) < expit(line[who])).astype("float64")
            risk = expit(score[who]).round(6)
            found = judge_calibration(label, risk, rules)
            said[found.verdict] += 1
            slopes += found.slope.low <= slope <= found.slope.high
            shifts += found.shift.low <= shift <= found.shift.high
            bins += bool(judged_bins(label, risk, level=0.95)["misses"].any())
        yield {
            "risks": name, "customers": size, "slope": slope, "shift": shift,
            **{verdict: said[verdict] / draws for verdict in Verdict},
            "slope covered": slopes / draws, "shift covered": shifts / draws,
            "a bin misses": bins / draws,
            "false": not (rules.slope_low < slope < rules.slope_high)
            or abs(shift) >= rules.shift_most,
        }  # fmt: skip
