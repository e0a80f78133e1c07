"""Does the rule of outcomes tell what came, whatever the season does, and what does noise cost?

Amounts of made-up customers, of whom every month is known: an own level, a noise a month, and what
each case adds. The truth of an outcome is that of the amounts before season, growth and errors.
Three indexes are tried: none, the median of a month's positive amounts, and the one of
``data.ripening``. Behind them: what the rule calls a drop where nobody ever changes, and how well
two columns rank that by themselves: the last month over the mean of the base, and that mean.

Usage: python benchmarks/ripening.py [--runs 200] [--customers 3000] [--seed 1]
"""

import argparse
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from retention.core.months import shifted
from retention.core.params import Label
from retention.core.progress import progress
from retention.core.running import stage
from retention.data.ledger import Ledger
from retention.data.ripening import outcomes_after, season_index
from retention.stats.estimates import roc_auc_of

MONTHS = [shifted("2026-01", by) for by in range(12)]
JUDGED = MONTHS[2:-3]
RULE = Label(horizon_months=3, base_months=3, drop_below=0.8, absent="zero")


@dataclass(frozen=True)
class Case:
    """What is added to levels and noise."""

    season: float = 0.0
    """Share by which everyone's amounts swing over the year."""
    growth: float = 0.0
    """Share by which everyone's amounts grow a month."""
    newcomers: float = 0.0
    """Share of customers who come within the year and spend half as much; as many others leave."""
    halving: float = 0.0
    """Share of customers whose amounts halve for good at some time."""
    errors: float = 0.0
    """Share of amounts that are twenty times what they should be."""
    noise: float = 0.3
    """Coefficient of variation of an amount."""
    spread: float = 0.6
    """Standard deviation of the logarithm of customers' levels."""


CASES = {
    "nothing": Case(),
    "season 30 %": Case(season=0.3),
    "growth 3 % a month": Case(growth=0.03),
    "a quarter new, a quarter leaves": Case(newcomers=0.25),
    "the same and season 30 %": Case(newcomers=0.25, season=0.3),
    "entry errors in 1 %": Case(errors=0.01),
    "a tenth halve for good": Case(halving=0.1),
    "three tenths halve for good": Case(halving=0.3),
}


def amounts_of(
    case: Case, customers: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return true amounts, and those of the exports, a row a customer and a column a month."""
    size, time = (customers, len(MONTHS)), np.arange(len(MONTHS))
    level = rng.lognormal(8.5, case.spread, (customers, 1))
    kind = rng.random(customers)
    comes = np.where(kind < case.newcomers, rng.integers(1, len(MONTHS), customers), 0)
    leaving = (kind >= case.newcomers) & (kind < 2 * case.newcomers)
    leaves = np.where(leaving, rng.integers(1, len(MONTHS), customers), len(MONTHS))
    level[comes > 0] /= 2
    halved = np.where(rng.random(customers) < case.halving, rng.integers(3, 9, customers), 99)
    width = np.sqrt(np.log1p(case.noise**2))
    true = level * rng.lognormal(-(width**2) / 2, width, size)
    true *= np.where(time >= halved[:, None], 0.5, 1.0)
    true *= (time >= comes[:, None]) & (time < leaves[:, None])
    season = (1 + case.season * np.sin(2 * np.pi * time / 12)) * (1 + case.growth) ** time
    return true, true * season * np.where(rng.random(size) < case.errors, 20, 1)


def told(amounts: np.ndarray, index: pd.Series | None, regular: np.ndarray) -> np.ndarray:
    """Return the outcomes of all judged months of the customers who bought in all base months."""
    table = pd.DataFrame(amounts, columns=MONTHS)
    ledger = Ledger(table, table.notna())
    index = pd.Series(1.0, MONTHS) if index is None else index
    found = []
    for place, month in enumerate(JUDGED):
        ids = pd.Series(np.flatnonzero(regular[:, place]))
        found.append(outcomes_after(ledger, index, ids, month, rule=RULE, last=MONTHS[-1]).drop)
    return np.concatenate(found)


def medians(amounts: np.ndarray) -> pd.Series:
    """Return the median of each month's positive amounts."""
    return pd.DataFrame(amounts, columns=MONTHS).where(amounts > 0).median()


def fitted(amounts: np.ndarray) -> pd.Series:
    """Return the index of ``data.ripening``."""
    return season_index(pd.DataFrame(amounts, columns=MONTHS))


def bought(amounts: np.ndarray) -> np.ndarray:
    """Tell who bought in all base months of each judged month."""
    return np.column_stack([(amounts[:, at : at + 3] > 0).all(axis=1) for at in range(len(JUDGED))])


def print_cases(runs: int, customers: int, seed: int) -> None:
    """Print how many outcomes each index tells wrongly."""
    print(f"{runs} shops of {customers:,} customers a row, {len(JUDGED)} months judged in each")
    print("| | drops in truth | told wrongly: no index | median | fit | drops told by the fit |")
    print("|---|---:|---:|---:|---:|---:|")
    for place, (name, case) in enumerate(progress(CASES.items(), what="cases", unit="cases")):
        rows = []
        for run in range(runs):
            true, seen = amounts_of(case, customers, np.random.default_rng([seed, place, run]))
            regular = bought(true)
            truth = told(true, None, regular)
            ways = [told(seen, of, regular) for of in (None, medians(seen), fitted(seen))]
            wrong = [(way != truth).mean() for way in ways]
            rows.append([truth.mean(), *wrong, ways[-1].mean()])
        print(f"| {name} | " + " | ".join(f"{value:.1%}" for value in np.mean(rows, axis=0)) + " |")


def print_noise(runs: int, customers: int, seed: int) -> None:
    """Print what is called a drop where nobody changes, and what ranks it."""
    print(f"\nNobody changes: {runs} shops of {customers:,} customers a row")
    print("| levels, noise, cut | called a drop | ROC-AUC of last month / base | of the base |")
    print("|---|---:|---:|---:|")
    for place, (spread, noise) in enumerate(product((0.6, 0.1), (0.2, 0.4))):
        for cut in (0.8, 0.9):
            found = []
            for run in range(runs):
                rng = np.random.default_rng([seed, 100 + place, run])
                case = Case(noise=noise, spread=spread)
                amounts, _ = amounts_of(case, customers, rng)
                base, after = amounts[:, :3].mean(axis=1), amounts[:, 3:6].mean(axis=1)
                drop = (after < cut * base).astype(int)
                ways = (roc_auc_of(drop, way).value for way in (amounts[:, 2] / base, base))
                found.append([drop.mean(), *ways])
            share, ratio, level = np.mean(found, axis=0)
            name = f"{spread:.0%}, {noise:.0%}, below {cut}"
            print(f"| {name} | {share:.1%} | {ratio:.2f} | {level:.2f} |")


@stage
def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--customers", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print_cases(options.runs, options.customers, options.seed)
    print_noise(options.runs, options.customers, options.seed)


if __name__ == "__main__":
    main()
