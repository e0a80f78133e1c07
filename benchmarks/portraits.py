"""Do portraits show the segment, or only the cut by risk?

Simulated shops of three sizes, each with the risk that a logistic regression tells; segments that
depend on risk and on lots alone, so that no difference from others is true:

- half: a random half of those with a risk of 0.6 or more;
- risk: everyone with the risk as the chance to be in, so that the segment's risks are others than
  those of the rest, at every risk.

A portrait is right where it shows nothing, by the rule of the page. Beside it stands the
comparison with everyone else. Then two true differences are planted in the random half, once its
risk is told: two pages a visit more, and premium service for a fifth of those without. A portrait
is right where it shows them.

Usage: python benchmarks/portraits.py [--shops 20] [--draws 20]
"""

import argparse

import numpy as np
import pandas as pd
from scipy.special import expit
from shops import CustomersOf, of_project, simulated

from retention.core.progress import progress
from retention.core.running import stage
from retention.core.vocabulary import LABEL, PROFIT
from retention.models.estimators import FAMILIES, make_model, raw_score
from retention.report.building import rows_of
from retention.report.views import differences
from retention.segments.profiles import portraits, risk_strata
from retention.stats.effects import wilson
from retention.stats.stratified import strata_of

SETTINGS = of_project()[1].segment
SIZES = (1_000, 5_000, 20_000)
HIGH = 0.6
PLANTED = {"pages_per_visit": "", "service": "premium"}
"""Features that are made to differ, and the word of those that hold words."""
SEGMENT, WITH = "one", {"everyone else": (), "others of the same risk": ("risk",)}


def shop_of(count: int, *, seed: int) -> CustomersOf:
    """Return a simulated shop, one of each twin pair, with a risk told by logistic regression."""
    made = simulated(count, unlabelled=0, seed=seed)
    table = made.table[made.table["scored"]].reset_index(drop=True)
    features, train = table[made.features], (table["split"] == "train").to_numpy()
    numbers = [name for name in made.features if name not in made.words]
    model = make_model(FAMILIES["logistic"], numbers=numbers, words=made.words, seed=1)
    model.fit(features[train], table.loc[train, LABEL].to_numpy("int64"))
    risk = expit(raw_score(model, features)).round(6)
    return CustomersOf(table.assign(risk=risk), made.features, made.words)


def portrait(shop: CustomersOf, inside: np.ndarray, *, picked: tuple[str, ...]) -> pd.DataFrame:
    """Return the portrait of one segment, as the stage segment makes it."""
    belongs = pd.DataFrame({SEGMENT: inside})
    by = {SEGMENT: set(picked)}
    strata = risk_strata(belongs, shop.table, picked=by)
    names = [*shop.features, PROFIT]
    how = {"picked": by, "strata": strata, "level": SETTINGS.level, "least": SETTINGS.least}
    return portraits(belongs, shop.table, names, shop.words, **how)


def planted(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the customers as they would be inside a segment that differs."""
    lucky = rng.random(len(table)) < 0.2
    return table.assign(
        pages_per_visit=table["pages_per_visit"] + 2,
        service=table["service"].mask(lucky & table["service"].notna().to_numpy(), "premium"),
    )


def truths(plain: pd.DataFrame, other: pd.DataFrame) -> dict[str, float]:
    """Return the true effect of each planted difference: over all pairs of one stratum."""
    near = (plain["risk"] >= HIGH).to_numpy()
    everyone = np.ones(near.sum(), dtype=bool)
    half = everyone & (np.arange(near.sum()) % 2 == 0)
    strata = strata_of(plain.loc[near, "risk"].to_numpy(), half)
    found = {}
    for name, word in PLANTED.items():
        one, two = (
            (part == word).where(part.notna()).to_numpy("float64", na_value=np.nan)
            if word
            else part.to_numpy("float64", na_value=np.nan)
            for part in (other.loc[near, name], plain.loc[near, name])
        )
        known, effect = ~np.isnan(two), 0.0
        for stratum in np.unique(strata):
            rows = np.flatnonzero((strata == stratum) & known)
            pairs = np.sign(one[rows][:, None] - two[rows])
            np.fill_diagonal(pairs, 0)
            effect += pairs.sum() / max(1, len(rows) - 1)
        found[name] = effect / known.sum()
    return found


def counted(shown: list[bool]) -> str:
    """Return a share with its 95 % interval."""
    share = float(np.mean(shown))
    low, high = wilson(share, len(shown), level=0.95)
    return f"{share:.1%} ({low:.1%} to {high:.1%})"


@stage
def main() -> None:
    """Print both tables, a row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shops", type=int, default=20)
    parser.add_argument("--draws", type=int, default=20)
    options = parser.parse_args()
    silent: dict[tuple, list[bool]] = {}
    found: dict[tuple, list[bool]] = {}
    covered: dict[tuple, list[bool]] = {}
    each = [(size, seed) for size in SIZES for seed in range(options.shops)]
    for size, seed in progress(each, what="portraits", unit="shops"):
        shop, rng = shop_of(size, seed=seed), np.random.default_rng(seed)
        risk = shop.table["risk"].to_numpy()
        inside_as = planted(shop.table, rng)
        truth = truths(shop.table, inside_as)
        for _ in range(options.draws):
            half = (risk >= HIGH) & (rng.random(len(risk)) < 0.5)
            for kind, inside in (("half", half), ("risk", rng.random(len(risk)) < risk)):
                for whom, picked in WITH.items():
                    table = rows_of(portrait(shop, inside, picked=picked))
                    shown = differences(table, SEGMENT)
                    silent.setdefault((size, kind, whom), []).append(not shown)
            changed = {name: shop.table[name].mask(half, inside_as[name]) for name in PLANTED}
            mixed = CustomersOf(shop.table.assign(**changed), shop.features, shop.words)
            table = portrait(mixed, half, picked=("risk",))
            shown = table.loc[differences(rows_of(table), SEGMENT), "feature"].tolist()
            for name, word in PLANTED.items():
                row = table[(table["feature"] == name) & (table["value"] == word)].iloc[0]
                found.setdefault((size, name), []).append(name in shown)
                held = row["effect_low"] <= truth[name] <= row["effect_high"]
                covered.setdefault((size, name), []).append(bool(held))
    print(f"{options.shops * options.draws} segments a cell; portraits that show no difference")
    print("| customers | segment | compared with everyone else | with others of the same risk |")
    print("|---|---|---|---|")
    for size in SIZES:
        for kind in ("half", "risk"):
            cells = " | ".join(counted(silent[size, kind, whom]) for whom in WITH)
            print(f"| {size:,} | {kind} | {cells} |")
    print("\nportraits that show what was planted, and intervals that hold it")
    print("| customers | planted | shown | interval holds |")
    print("|---|---|---|---|")
    for (size, name), shown in found.items():
        cells = f"{counted(shown)} | {counted(covered[size, name])}"
        print(f"| {size:,} | {name} | {cells} |")


if __name__ == "__main__":
    main()
