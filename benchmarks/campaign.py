"""Does the measurement of a campaign tell the truth? A study of simulated campaigns.

Each campaign draws customers at risk from a simulated shop whose true probabilities are known,
leaves half as control by chance, lets everybody drop or stay by chance with effects planted, and
measures by the very functions of stages/measure.py. The risk told beforehand is that of a logistic
regression fitted on another, smaller shop; in the miscalibrated variant its log-odds are doubled
and raised by one.

Usage: python benchmarks/campaign.py [--campaigns 2000] [--seed 1]
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "stages"))

from retention.core.arms import Arm
from retention.core.progress import progress
from retention.measurement.ab_test import (
    BROKEN_SPLIT,
    adjusted_means,
    drop_means,
    money,
    prevented,
    smallest_effect,
    split_p,
)
from retention.measurement.catalogue_update import effects_to_use
from simulation.shop import simulate_customers

LEAST_RISK = 0.3
"""Only customers of at least this risk get an offer."""
STAKE, COST = 3 * 0.5, 0.1
"""Months x share lost, as in params.yaml; cost of an offer, in the unit of profit."""
NUMBERS = [
    "contacts_6m", "promo_share", "categories_per_visit", "unpaid_items", "service_errors",
    "pages_per_visit", "revenue_m2", "minutes_m1", "minutes_m0",
]  # fmt: skip
ASSUMED = {"a": 0.05, "b": 0.10, "c": 0.05, "d": 0.10}
"""What the study's catalogue assumes of its offers."""


@dataclass(frozen=True)
class Scenario:
    """A kind of campaign.

    Attributes
    ----------
    customers : int
        On the list, both arms.
    effects : tuple of float
        Share of drops that each offer prevents.
    miscalibrated : bool
        Whether the risk told is wrong.
    drawn : bool
        Whether each campaign's effects are drawn anew, from 0 to twice `effects`.
    """

    name: str
    customers: int
    effects: tuple[float, ...]
    miscalibrated: bool = False
    drawn: bool = False


SCENARIOS = (
    Scenario("no effect", 600, (0.0,)),
    Scenario("no effect, risk miscalibrated", 600, (0.0,), True),
    Scenario("no effect, few customers", 200, (0.0,)),
    Scenario("no effect, very few customers", 60, (0.0,)),
    Scenario("10 % of drops prevented", 600, (0.1,)),
    Scenario("10 % prevented, risk miscalibrated", 600, (0.1,), True),
    Scenario("30 % prevented, few customers", 200, (0.3,)),
    Scenario("four offers: 0, 5, 10, 20 %", 1600, (0.0, 0.05, 0.1, 0.2)),
    Scenario("four offers, risk miscalibrated", 1600, (0.0, 0.05, 0.1, 0.2), True),
    Scenario("four offers: 0 to twice the assumed", 1600, tuple(ASSUMED.values()), drawn=True),
)


def customers_at_risk(*, seed: int) -> pd.DataFrame:
    """Return customers of a large shop: true probability, risk told, monthly profit."""
    small = simulate_customers(1300, unlabelled=0, seed=seed)
    large = simulate_customers(40_000, unlabelled=0, seed=seed + 1)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3))
    model.fit(small.customers[NUMBERS], small.customers["drop"].astype(int))
    risk = model.predict_proba(large.customers[NUMBERS])[:, 1]
    profit = large.customers["profit"].to_numpy(dtype=float)
    shop = pd.DataFrame({"probability": large.truth["probability"], "risk": risk, "profit": profit})
    return shop[shop["risk"] >= LEAST_RISK].reset_index(drop=True)


def campaign_of(
    shop: pd.DataFrame, scenario: Scenario, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return the customers with what they did, and the effect planted on each and by offer."""
    table = shop.iloc[rng.choice(len(shop), scenario.customers, replace=False)].reset_index()
    offer = rng.integers(len(scenario.effects), size=len(table))
    effects = np.array(scenario.effects)
    if scenario.drawn:
        effects = effects * rng.uniform(0, 2, size=len(effects))
    planted = effects[offer]
    table["offer"] = np.array(list(ASSUMED))[offer]
    table["treated"] = rng.random(len(table)) < 0.5
    chance = table["probability"] * (1 - planted * table["treated"])
    table["drop"] = (rng.random(len(table)) < chance).astype(float)
    if scenario.miscalibrated:
        table["risk"] = expit(2 * logit(table["risk"].clip(1e-6, 1 - 1e-6)) + 1)
    return table, planted, effects


def measured(table: pd.DataFrame, planted: np.ndarray) -> dict[str, float]:
    """Return how one campaign's figures for everyone compare with what was planted."""
    drop, treated, risk = (table[name].to_numpy() for name in ("drop", "treated", "risk"))
    probability, stake = table["probability"].to_numpy(), table["profit"].to_numpy() * STAKE
    means = drop_means(drop, treated, risk)
    low, high = means.interval
    share = prevented(means)
    receivers = int(treated.sum())
    kept = money(drop, treated, risk, stake, receivers=receivers, cost=COST * receivers)
    true = (probability * planted).mean()
    true_share = true / probability.mean()
    true_kept = (probability * planted * stake).mean() * receivers
    plain = adjusted_means(drop, treated, np.zeros(len(drop)))
    return {
        "called": not low <= 0 <= high,
        "difference_covered": low <= -true <= high,
        "difference_error": means.difference + true,
        "share_covered": share.low <= true_share <= share.high,
        "share_error": share.share - true_share,
        "money_covered": kept.low <= true_kept <= kept.high,
        "money_error": (kept.saved - true_kept) / receivers,
        "money_true": true_kept / receivers,
        "width": means.standard_error / plain.standard_error,
        "smallest": smallest_effect(means),
    }


def offers_measured(table: pd.DataFrame, effects: np.ndarray) -> list[dict[str, float]]:
    """Return how one campaign's figures for each offer compare with what was planted."""
    used = effects_to_use([table], ASSUMED)
    rows = []
    for code, effect in zip(ASSUMED, effects, strict=True):
        of = table[table["offer"] == code]
        own = prevented(drop_means(*(of[name].to_numpy() for name in ("drop", "treated", "risk"))))
        found = used[code]
        shrunk = (found["low"] + found["high"]) / 2  # before it is cut off at 0 and 1
        rows.append(
            {
                "offer": code,
                "own_error": own.share - effect,
                "own_covered": own.low <= effect <= own.high,
                "shrunk_error": shrunk - effect,
                "shrunk_covered": found["low"] <= effect <= found["high"],
            }
        )
    return rows


def with_error(values: pd.Series, digits: int = 2) -> str:
    """Return a mean and its standard error as text, both times 100."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    return f"{100 * values.mean():+.{digits}f} ± {100 * error:.{digits}f}"


def splits_refused(rng: np.random.Generator, campaigns: int) -> str:
    """Return how many of the campaigns the sample-ratio check refuses, by share lost."""
    lines = [
        "| customers | share of control lost, % | campaigns refused, % |",
        "|---:|---:|---:|",
    ]
    for customers in (600, 1600):
        for lost in (0.0, 0.1, 0.3):
            arm = rng.binomial(customers, 0.5, size=campaigns)
            left = rng.binomial(arm, 1 - lost)
            refused = [
                split_p({Arm.CONTROL: int(stay), Arm.TREATMENT: int(customers - all_of)}, 0.5)
                < BROKEN_SPLIT
                for stay, all_of in zip(left, arm, strict=True)
            ]
            lines.append(f"| {customers} | {100 * lost:.0f} | {100 * np.mean(refused):.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Print what became of the planted effects."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    shop = customers_at_risk(seed=options.seed)
    pooled, by_offer = {}, {}
    for scenario in SCENARIOS:
        rows, offers = [], []
        for _ in progress(range(options.campaigns), what=scenario.name, unit="campaigns"):
            table, planted, effects = campaign_of(shop, scenario, rng)
            rows.append(measured(table, planted))
            if len(scenario.effects) > 1:
                offers += offers_measured(table, effects)
        pooled[scenario.name] = pd.DataFrame(rows)
        if offers:
            by_offer[scenario.name] = pd.DataFrame(offers)
    print(
        f"{options.campaigns} campaigns a row; {len(shop)} customers at risk to draw from, "
        f"mean true probability {shop['probability'].mean():.3f}, "
        f"mean risk told {shop['risk'].mean():.3f}"
    )
    print(
        "\n| everyone | customers | called an effect, % | covered: difference, % | share "
        "prevented, % | money, % | bias of difference, points | bias of share prevented, points "
        "| bias of money, % of a unit a customer (true) | standard error to the plain one's "
        "| smallest difference, points |\n" + "|---|" + "---:|" * 10
    )
    for scenario in SCENARIOS:
        found = pooled[scenario.name]
        shares = ["called", "difference_covered", "share_covered", "money_covered"]
        print(
            f"| {scenario.name} | {scenario.customers} | "
            + " | ".join(f"{100 * found[name].mean():.1f}" for name in shares)
            + f" | {with_error(found['difference_error'])} | {with_error(found['share_error'])} "
            f"| {with_error(found['money_error'])} ({100 * found['money_true'].mean():.1f}) "
            f"| {found['width'].mean():.2f} | {100 * found['smallest'].mean():.1f} |"
        )
    calls = [100 * pooled[one.name]["called"].mean() for one in SCENARIOS if not any(one.effects)]
    names = ["difference_covered", "share_covered", "money_covered"]
    covered = [100 * found[name].mean() for found in pooled.values() for name in names]
    print(
        f"\nWithout effect {min(calls):.1f} to {max(calls):.1f} % are called one (due: 3.5 to "
        f"6.5); intervals cover in {min(covered):.1f} to {max(covered):.1f} % (due: 93.5 to 96.5)."
    )
    for scenario in (one for one in SCENARIOS if one.name in by_offer):
        print(
            f"\n| {scenario.name} | planted, % | assumed, % | own: bias | own: error "
            "| own: covered, % | shrunk: bias | shrunk: error | shrunk: covered, % |\n|---|"
            + "---:|"
            * 8
        )
        told = by_offer[scenario.name]
        parts = [(f"offer {code}", found) for code, found in told.groupby("offer")]
        planted_of = dict(zip(ASSUMED, scenario.effects, strict=True))
        for name, found in [*parts, ("all four", told)]:
            code = name.removeprefix("offer ")
            cells = [f"{100 * of[code]:.0f}" if code in of else "" for of in (planted_of, ASSUMED)]
            for kind in ("own", "shrunk"):
                error = found[f"{kind}_error"]
                cells += [with_error(error), f"{100 * np.sqrt((error**2).mean()):.2f}"]
                cells.append(f"{100 * found[f'{kind}_covered'].mean():.1f}")
            print(f"| {name} | {' | '.join(cells)} |")
    print("\n" + splits_refused(rng, options.campaigns))


if __name__ == "__main__":
    main()
