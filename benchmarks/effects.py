"""Do the effects for the next campaign cover what offers really do? A study of drawn effects.

Each campaign draws customers at risk from a simulated shop (those of benchmarks/campaign.py), as
many an arm for every offer, lets everybody drop or stay by chance with effects planted, and takes
the effects to use by the very function of stages/measure.py. Effects are drawn for each campaign
and offer, uniformly from 0 to 0.3 or from 0 to twice the assumed one; or all are the same. The
catalogue assumes 0.05 and 0.10 in turn, whatever is planted.

Covered: of all offers of all campaigns, ± 1.96 standard errors over campaigns. Called: the whole
interval is above 0.

Usage: python benchmarks/effects.py [--campaigns 1000] [--seed 1]
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "stages"), str(ROOT / "benchmarks")]

from campaign import customers_at_risk
from retention.core.progress import progress
from retention.measurement.catalogue_update import effects_to_use

OFFERS, ARMS = (2, 5, 10, 20), (20, 50, 100, 300)
MOST = 0.3
"""The largest effect that is drawn, and the one that should be called one."""
_KEYS = ("low", "high", "use")
Drawn = Callable[[np.random.Generator, np.ndarray], np.ndarray]


SCENARIOS: dict[str, Drawn] = {
    f"drawn, 0 to {MOST}": lambda rng, assumed: rng.uniform(0, MOST, len(assumed)),
    "drawn, 0 to twice the assumed": lambda rng, assumed: rng.uniform(0, 2 * assumed),
    "all 0": lambda _, assumed: np.zeros(len(assumed)),
    f"all {MOST}": lambda _, assumed: np.full(len(assumed), MOST),
}


def campaign_of(
    shop: pd.DataFrame, effects: np.ndarray, arm: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the customers of a campaign of `arm` customers an arm and offer, with outcomes."""
    rows = rng.choice(len(shop), 2 * arm * len(effects), replace=False)
    offer = np.repeat(np.arange(len(effects)), 2 * arm)
    treated = np.tile(np.arange(2 * arm) < arm, len(effects))
    chance = shop["probability"].to_numpy()[rows] * (1 - effects[offer] * treated)
    drop = (rng.random(len(rows)) < chance).astype(float)
    risk = shop["risk"].to_numpy()[rows]
    return pd.DataFrame({"offer": offer, "treated": treated, "drop": drop, "risk": risk})


def studied(
    shop: pd.DataFrame, offers: int, arm: int, drawn: Drawn, rng: np.random.Generator
) -> dict[str, float]:
    """Return, of the offers of one campaign, how many intervals cover, call, and how wide."""
    assumed = np.resize([0.05, 0.10], offers)
    effects = drawn(rng, assumed)
    used = effects_to_use([campaign_of(shop, effects, arm, rng)], dict(enumerate(assumed)))
    low, high, use = (np.array([used[j][key] for j in range(offers)]) for key in _KEYS)
    return {
        "covered": ((low <= effects) & (effects <= high)).mean(),
        "called": (low > 0).mean(),
        "width": (high - low).mean(),
        "error": ((use - effects) ** 2).mean(),
    }


def shown(found: pd.Series) -> str:
    """Return a rate and 1.96 of its standard errors, both in %."""
    error = 1.96 * found.std(ddof=1) / np.sqrt(len(found))
    return f"{100 * found.mean():.1f} ± {100 * error:.1f}"


def main() -> None:
    """Print what intervals cover, by how effects are drawn, offers and customers an arm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    shop = customers_at_risk(seed=options.seed)
    print(
        f"{options.campaigns} campaigns a row\n\n| effects | offers | an arm | covered, % "
        "| called above 0, % | mean width | error of the effect to use |\n|---|" + "---:|" * 6
    )
    for name, drawn in SCENARIOS.items():
        for offers in OFFERS:
            for arm in ARMS:
                what = f"{name}, {offers} x {arm}"
                found = pd.DataFrame(
                    [
                        studied(shop, offers, arm, drawn, rng)
                        for _ in progress(range(options.campaigns), what=what, unit="campaigns")
                    ]
                )
                print(
                    f"| {name} | {offers} | {arm} | {shown(found['covered'])} "
                    f"| {100 * found['called'].mean():.1f} | {found['width'].mean():.3f} "
                    f"| {np.sqrt(found['error'].mean()):.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
