"""Do campaigns together tell the truth? A study of simulated years of six campaigns of 500.

Each year draws six lists from a simulated shop (customers at risk, of benchmarks/campaign.py), half
of each treated by lot, and beside each list as many of the global control group as its share makes.
All drop or stay by chance, with a share of the drops of the treated prevented: the same in all six
campaigns, or spread around a mean. Measured by the very functions of stages/measure.py, for one
campaign alone and for the first two to six together.

Covered: the 95 % interval holds the planted (mean) share. Called: verdict "fewer" or "more". In
brackets stands the 95 % interval of a rate; a rate that is asked for is met where it reaches it.

Usage: python benchmarks/ledger.py [--years 1000] [--seed 1]
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtri, stdtrit

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "stages"), str(ROOT / "benchmarks")]

from campaign import STAKE, customers_at_risk
from retention.core.progress import progress
from retention.measurement.pooling import (
    UNTOLD,
    Compared,
    compare,
    drop_effect,
    pooled_difference,
    pooled_share,
    share_so_far,
    total_kept,
)
from retention.stats.effects import wilson
from retention.stats.random_effects import SCALE, mean_effect

CAMPAIGNS, LISTED = 6, 500
COVERS, CALLS = 0.93, 0.06
"""What is asked: coverage at least, and years without effect in which one is called at most."""
ERROR = 0.045
"""Standard error of the share of drops that one campaign of the study prevents."""
LASTING = 2.0
"""Standard deviation of what a customer does each time alike, in log-odds, beside the risk told."""


@dataclass(frozen=True)
class Year:
    """A kind of year.

    Attributes
    ----------
    effect, spread : float
        Mean share of drops prevented, and its standard deviation between campaigns.
    control : float
        Share of the global control group.
    same : str
        Empty where each campaign has other customers; ``one lot`` or ``six lots`` where all have
        the same ones, whose outcomes last, left untreated by one lot or by another each time.
    listed : int
        Customers of a list.
    """

    effect: float
    spread: float = 0.0
    control: float = 0.05
    same: str = ""
    listed: int = LISTED


def lived(shop: pd.DataFrame, year: Year, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return the customers of six campaigns: those listed, then those of the global control."""
    members = round(year.listed * year.control / (1 - year.control))
    each = year.listed + members
    drawn = 1 if year.same else CAMPAIGNS
    rows = rng.choice(len(shop), (drawn, each), replace=False)
    luck = rng.normal(0, LASTING if year.same else 0, (drawn, each))
    lots = rng.random((CAMPAIGNS, each)) < 0.5
    campaigns = []
    for number in range(CAMPAIGNS):
        place = 0 if year.same else number
        treated = lots[0 if year.same == "one lot" else number] & (np.arange(each) < year.listed)
        told = shop.iloc[rows[place]]
        share = year.effect + year.spread * rng.normal()
        chance = told["probability"].to_numpy()
        if year.same:
            chance = expit(logit(chance.clip(1e-6, 1 - 1e-6)) + luck[place])
        touched = np.minimum(chance * (1 - share), 1)
        drop = rng.random(each) < np.where(treated, touched, chance)
        campaigns.append(
            {
                "drop": drop.astype(float),
                "treated": treated,
                "risk": told["risk"].to_numpy(),
                "stake": told["profit"].to_numpy() * STAKE,
                "touched": touched,
                "who": rows[place].astype("uint64"),
                "chance": chance,
                "listed": np.arange(each) < year.listed,
            }
        )
    return campaigns


def mean_share(shop: pd.DataFrame, year: Year) -> float:
    """Return the mean share prevented: no chance is above 1, so a harmful campaign's is cut off."""
    if not year.spread:
        return year.effect
    chance = shop["probability"].to_numpy()
    shares = year.effect + year.spread * ndtri((np.arange(201) + 0.5) / 201)
    return float(
        np.mean([1 - np.minimum(chance * (1 - share), 1).sum() / chance.sum() for share in shares])
    )


def compared(one: dict[str, Any], rows: np.ndarray, first: np.ndarray) -> Compared:
    """Compare the customers that `rows` marks: those of `first` with the others."""
    return compare(one["drop"][rows], first[rows], one["risk"][rows], one["who"][rows], shares=True)


def told_of(cells: Sequence[Compared], truth: float, *, least: int = 30) -> dict[str, float]:
    """Return whether the interval holds the planted share, whether it calls, and half its width."""
    found = drop_effect(cells, least=least)
    low, high = found["low"], found["high"]
    if low is None:
        return {"covered": 1.0, "called": float(found["verdict"] != UNTOLD), "half": np.nan}
    called = float(found["verdict"] != UNTOLD)
    return {"covered": float(low <= truth <= high), "called": called, "half": (high - low) / 2}


def as_strangers(cells: Sequence[Compared]) -> list[Compared]:
    """Return comparisons as if no customer were in two of them."""
    return [replace(cell, customers=np.array([], dtype="uint64")) for cell in cells]


def studied(shop: pd.DataFrame, year: Year, years: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return, for each simulated year and number of campaigns, what was told; a row each."""
    rows = []
    mean = mean_share(shop, year)
    name = f"{year.effect:g} ± {year.spread:g} {year.same}"
    for _ in progress(range(years), what=name, unit="years"):
        campaigns = lived(shop, year, rng)
        cells = [compared(one, one["listed"], one["treated"]) for one in campaigns]
        drops = np.array([one["chance"][one["listed"]].sum() for one in campaigns])
        left = np.array([one["touched"][one["listed"]].sum() for one in campaigns])
        for count in range(1, CAMPAIGNS + 1):
            some = cells[:count]
            row = {"campaigns": count}
            row |= told_of(some, mean if count > 1 else 1 - left[0] / drops[0])
            so_far = share_so_far(some)
            true = 1 - left[:count].sum() / drops[:count].sum()
            row |= {
                "so_far_covered": float(so_far["low"] <= true <= so_far["high"]),
                "so_far_called": float(so_far["verdict"] != UNTOLD),
                "so_far_half": (so_far["high"] - so_far["low"]) / 2,
            }
            if year.same and count > 1:
                found = share_so_far(as_strangers(some))
                row["strangers_covered"] = float(found["low"] <= true <= found["high"])
                row["strangers_called"] = float(found["verdict"] != UNTOLD)
            if count == CAMPAIGNS:
                row |= programme_of(campaigns, mean) | kept_of(campaigns)
                gap = pooled_difference(some, shares=True)
                row["difference_covered"] = float(
                    gap.low <= -mean * drops.mean() / year.listed <= gap.high
                )
                row["error"] = pooled_share(some).mean - mean
            rows.append(row)
    return pd.DataFrame(rows)


def programme_of(campaigns: Sequence[dict[str, Any]], mean: float) -> dict[str, float]:
    """Return what six campaigns told against the global control: all listed, and those treated."""
    listed = [compared(one, np.full(len(one["listed"]), True), one["listed"]) for one in campaigns]
    arms = [compared(one, one["treated"] | ~one["listed"], one["treated"]) for one in campaigns]
    found = {"listed": told_of(listed, mean / 2), "treatment": told_of(arms, mean)}
    return {f"{who}_{key}": value for who, of in found.items() for key, value in of.items()}


def kept_of(campaigns: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return whether the money of six campaigns together is covered."""
    cells, receivers, true = [], [], 0.0
    for one in campaigns:
        rows, stake = one["listed"], one["stake"][one["listed"]]
        drop, risk = one["drop"][rows] * stake, one["risk"][rows] * stake
        cells.append(compare(drop, one["treated"][rows], risk, one["who"][rows], shares=False))
        receivers.append(int(one["treated"].sum()))
        true += ((one["chance"] - one["touched"])[rows] * stake).mean() * receivers[-1]
    _, low, high = total_kept(cells, receivers)
    return {"money_covered": float(low <= true <= high)}


def rate(values: pd.Series) -> str:
    """Return a rate in % with its 95 % interval."""
    share, count = float(values.mean()), len(values)
    low, high = wilson(share, count, level=0.95)
    return f"{100 * share:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def met(values: pd.Series, asked: float, *, at_least: bool) -> bool:
    """Tell whether the interval of a rate reaches what is asked."""
    low, high = wilson(float(values.mean()), len(values), level=0.95)
    return bool(high >= asked if at_least else low <= asked)


def print_years(shop: pd.DataFrame, kinds: Sequence[Year], years: int, seed: int) -> list[str]:
    """Print a row for each kind of year and number of campaigns; return what was not met."""
    failed, sixes = [], []
    print(
        "\n| prevented, % | spread | campaigns | mean effect: covered, % | called, % "
        "| half width, points | so far: covered, % | called, % | half width, points |\n"
        + "|---:" * 9
        + "|"
    )
    for number, kind in enumerate(kinds):
        found = studied(shop, kind, years, np.random.default_rng([seed, number]))
        for count, rows in found.groupby("campaigns"):
            what = f"{100 * kind.effect:.0f} | {100 * kind.spread:.0f} | {count}"
            cells = []
            for way in ("", "so_far_"):
                cells += [rate(rows[f"{way}{name}"]) for name in ("covered", "called")]
                cells.append(f"{100 * rows[f'{way}half'].mean():.1f}")
                if not met(rows[f"{way}covered"], COVERS, at_least=True):
                    failed.append(f"{way}covered: {what}")
                idle = not kind.effect and not kind.spread
                if idle and not met(rows[f"{way}called"], CALLS, at_least=False):
                    failed.append(f"{way}called: {what}")
            print(f"| {what} | {' | '.join(cells)} |", flush=True)
        sixes.append((kind, found[found["campaigns"] == CAMPAIGNS]))
    print(
        "\nSix campaigns together:\n\n| prevented, % | spread | bias, points "
        "| difference covered, % | money covered, % | listed against global control: covered, % "
        "| called, % | half width, points | treatment against it: covered, % | called, % "
        "| half width, points |\n"
        "|---:|---:|" + "---:|" * 9
    )
    for kind, rows in sixes:
        cells = [rate(rows[name]) for name in ("difference_covered", "money_covered")]
        for who in ("listed", "treatment"):
            cells += [rate(rows[f"{who}_{name}"]) for name in ("covered", "called")]
            cells.append(f"{100 * rows[f'{who}_half'].mean():.1f}")
            if not met(rows[f"{who}_covered"], COVERS, at_least=True):
                failed.append(f"{who} against the global control: {kind}")
        bias = f"{100 * rows['error'].mean():+.1f}"
        print(
            f"| {100 * kind.effect:.0f} | {100 * kind.spread:.0f} | {bias} | {' | '.join(cells)} |"
        )
    return failed


def print_same(shop: pd.DataFrame, years: int, seed: int) -> list[str]:
    """Print what becomes of campaigns to the same customers; return what was not met."""
    failed = []
    print(
        "\nThe same customers each time, whose outcomes last:\n\n| prevented, % | lots | campaigns "
        "| mean effect: covered, % | called, % | so far: covered, % | called, % "
        "| so far, taken for strangers: covered, % | called, % |\n"
        "|---:|---|---:|---:|---:|---:|---:|---:|---:|"
    )
    for number, (effect, lots) in enumerate(
        (effect, lots) for lots in ("one lot", "six lots") for effect in (0.0, 0.2)
    ):
        kind = Year(effect, same=lots)
        found = studied(shop, kind, years, np.random.default_rng([seed, 100 + number]))
        for count in (2, 3, CAMPAIGNS):
            rows = found[found["campaigns"] == count]
            ways = ("", "so_far_", "strangers_")
            names = [f"{way}{name}" for way in ways for name in ("covered", "called")]
            cells = " | ".join(rate(rows[name]) for name in names)
            print(f"| {100 * effect:.0f} | {lots} | {count} | {cells} |", flush=True)
            for way in ("", "so_far_"):
                if not met(rows[f"{way}covered"], COVERS, at_least=True):
                    failed.append(f"{way}covered: the same customers, {lots}, {count}, {effect:g}")
    return failed


def by_hartung_knapp(found: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals of mean effects by the usual small-sample correction, a row each.

    Spread by R. Paule and J. Mandel (1982), interval by Hartung & Knapp and Sidik & Jonkman, never
    narrower than without their factor (Röver, Knapp & Friede 2015).
    """
    count = found.shape[1]

    def misfit(spread: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        weight = 1 / (variances + spread[:, None])
        mean = (weight * found).sum(axis=1) / weight.sum(axis=1)
        return (weight * (found - mean[:, None]) ** 2).sum(axis=1), mean, weight.sum(axis=1)

    low, high = np.zeros(len(found)), np.full(len(found), 4.0)
    for _ in range(50):
        middle = (low + high) / 2
        large = misfit(middle)[0] > count - 1
        low, high = np.where(large, middle, low), np.where(large, high, middle)
    spread = np.where(misfit(np.zeros(len(found)))[0] <= count - 1, 0, (low + high) / 2)
    scatter, mean, precision = misfit(spread)
    factor = np.sqrt(np.maximum(scatter / (count - 1), 1) / precision)
    half = stdtrit(count - 1, 0.975) * factor
    return mean - half, mean + half


def print_methods(years: int, seed: int) -> None:
    """Print what two ways to an interval of the mean effect do, on errors that are normal."""
    print(
        f"\nEffects with a standard error of {ERROR:g}, {years} years a row:\n\n| spread "
        "| campaigns | half-normal prior: covered, % | 20 % called, % "
        "| Hartung & Knapp: covered, % | 20 % called, % |\n|---:|---:|---:|---:|---:|---:|"
    )
    for number, spread in enumerate((0.0, 0.05, 0.1, 0.2)):
        rng = np.random.default_rng([seed, 200 + number])
        for count in (2, 3, CAMPAIGNS):
            variances = ERROR**2 * rng.uniform(0.7, 1.5, (years, count))
            found = rng.normal(0, np.sqrt(variances + spread**2))
            told = [
                mean_effect(one, np.diag(variance), scale=SCALE)
                for one, variance in zip(found, variances, strict=True)
            ]
            ours = np.array([one.low for one in told]), np.array([one.high for one in told])
            cells = [
                rate(pd.Series(held, dtype=float))
                for low, high in (ours, by_hartung_knapp(found, variances))
                for held in ((low <= 0) & (high >= 0), low + 0.2 > 0)
            ]
            print(f"| {100 * spread:.0f} | {count} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print what six campaigns tell, by effect and number of campaigns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    shop = customers_at_risk(seed=options.seed)
    print(
        f"{options.years} years a row of {CAMPAIGNS} campaigns of {LISTED}; {len(shop)} customers "
        f"at risk to draw from, mean true probability {shop['probability'].mean():.3f}"
    )
    plain = [Year(effect) for effect in (0.0, 0.1, 0.2, 0.3)]
    spread = [Year(effect, 0.1) for effect in (0.0, 0.2)] + [Year(0.2, 0.05), Year(0.2, 0.2)]
    failed = print_years(shop, plain + spread, options.years, options.seed)
    print("\nLists of 120 customers, as one offer of four has, and a global control of 20 %:")
    small = [Year(effect, control=0.2, listed=120) for effect in (0.0, 0.2)]
    failed += print_years(shop, small, options.years, options.seed + 1000)
    failed += print_same(shop, options.years, options.seed)
    print_methods(options.years, options.seed)
    print(
        f"\nAsked: covered in at least {COVERS:.0%}, without effect one called in at most "
        f"{CALLS:.0%}: " + ("; ".join(failed) if failed else "met everywhere")
    )


if __name__ == "__main__":
    main()
