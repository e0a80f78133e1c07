"""Rows of months: do controls tell what happens if nothing is done? Does a customer count once?

First table: a month of customers, some of whom a campaign treats; what everybody would have done
untreated is known. Second table: customers of whom several months teach; their scores need a line
and no more, and a bend is chosen by chance alone; beside it customers who do need a bend.

Usage: python benchmarks/month_rows.py [--runs 400] [--draws 150] [--seed 1]
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from retention.core.months import last_day
from retention.core.progress import progress
from retention.core.running import stage
from retention.data.treated import SentCampaign, Treatment, find_treated
from retention.models.calibration import BENT, choose_calibration
from retention.models.estimators import sigmoid
from retention.stats.effects import wilson
from retention.stats.metrics import brier, calibration_line, plain, roc_auc

CUSTOMERS = 3000
MONTH = "2026-08"
CONTACTED = 0.35
"""Risk from which customers who agreed are on the list."""
EFFECT = 0.3
"""Share of the drops of treated customers that the offer prevents."""
CONTROLS = (0.1, 0.2, 0.5)
MONTHS = (1, 4, 12)
WAYS = ("treated as they came", "treated left out", "controls weigh")


def sent(rng: np.random.Generator, risk: np.ndarray, *, control: float) -> Treatment:
    """Return what a campaign of the month did to its customers."""
    ids = np.arange(len(risk)).astype(str)
    listed = (risk > CONTACTED) & (rng.random(len(risk)) < 0.7)
    lot = rng.random(listed.sum()) >= control
    start = pd.Timestamp(last_day(MONTH)) + pd.Timedelta(days=1)
    content = {"treatment": lot, "start": start, "end": start + pd.DateOffset(months=3)}
    campaign = SentCampaign("autumn", pd.DataFrame(content, index=ids[listed]))
    rows = pd.DataFrame({"customer_id": ids, "month": MONTH})
    return find_treated(rows, [campaign], horizon=3)


def figures(label: np.ndarray, risk: np.ndarray, weight: np.ndarray) -> list[float]:
    """Return drop share, ROC-AUC, Brier score and shift of the calibration's line."""
    shift = calibration_line(label, risk, weight[None])[1][0]
    scores = (plain(score, label, risk, weight) for score in (roc_auc, brier))
    return [float(np.average(label, weights=weight)), *scores, float(shift)]


def errors_of_month(rng: np.random.Generator, *, control: float) -> np.ndarray:
    """Return what each of :data:`WAYS` tells minus what is true, a row a way."""
    known, hidden = rng.normal(0, 1, (2, CUSTOMERS))
    risk = sigmoid(-0.6 + 1.3 * known)
    untreated = (rng.random(CUSTOMERS) < sigmoid(-0.66 + 1.45 * known + 0.7 * hidden)).astype(float)
    found = sent(rng, risk, control=control)
    came = np.where(found.treated & (rng.random(CUSTOMERS) < EFFECT), 0, untreated)
    ones, left = np.ones(CUSTOMERS), ~found.treated
    told = [
        figures(came, risk, ones),
        figures(untreated[left], risk[left], ones[left]),
        figures(untreated[left], risk[left], found.weight[left]),
    ]
    return np.array(told) - figures(untreated, risk, ones)


def bends(rng: np.random.Generator, *, months: int, bent: bool) -> Iterator[bool]:
    """Tell whether a bend is chosen: of rows taken for independent, and of clustered ones."""
    customers = 1200 // months
    own = rng.normal(0, 1, customers)
    # Months of one customer are alike in the score and in what the score does not know.
    score = (own + rng.normal(0, 0.3, (months, customers))).ravel()
    hidden = np.tile(rng.normal(0, 1.5, customers), months)
    line = np.where(score > 0, 2.6, 0.5) * score if bent else 1.3 * score
    label = (rng.random(len(score)) < sigmoid(1.35 * line + hidden - 0.4)).astype("int64")
    groups = np.tile(np.arange(customers), months)
    for told in (None, groups):
        chosen = choose_calibration(score, label, groups % 5, groups=told)[0].kind
        yield chosen in BENT


@stage
def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--draws", type=int, default=150, help="of the second table")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    runs, draws = options.runs, options.draws
    print(
        f"{runs} draws of {CUSTOMERS:,} customers a row; mean error (95 %), root mean square error"
    )
    print("| control | way | drop share | ROC-AUC | Brier score | shift, log-odds |")
    print("|---:|---|---:|---:|---:|---:|")
    for control in CONTROLS:
        rng = np.random.default_rng([options.seed, int(100 * control)])
        found = np.array([errors_of_month(rng, control=control) for _ in range(runs)])
        for place, way in enumerate(WAYS):
            errors = found[:, place]
            half = 1.96 * errors.std(axis=0, ddof=1) / np.sqrt(runs)
            cells = [
                f"{mean:+.4f} ± {width:.4f}, {root:.4f}"
                for mean, width, root in zip(
                    errors.mean(axis=0), half, np.sqrt((errors**2).mean(axis=0)), strict=True
                )
            ]
            print(f"| {control:.0%} | {way} | {' | '.join(cells)} |", flush=True)
    print(f"\n{draws} draws of 1,200 rows a row; how often a bend is chosen (95 %)")
    print("| months a customer | needed | rows taken for independent | clustered |")
    print("|---:|---|---:|---:|")
    cases = [(months, bent) for bent in (False, True) for months in MONTHS]
    for months, bent in progress(cases, what="calibrations", unit="rows"):
        rng = np.random.default_rng([options.seed, months, bent])
        chosen = np.array([list(bends(rng, months=months, bent=bent)) for _ in range(draws)])
        cells = []
        for share in chosen.mean(axis=0):
            low, high = wilson(share, draws, level=0.95)
            cells.append(f"{share:.1%} ({low:.1%} to {high:.1%})")
        print(f"| {months} | {'a bend' if bent else 'a line'} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
