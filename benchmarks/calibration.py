"""Does the verdict on the probabilities say what is true?

First table: risks and outcomes are drawn whose truth is known (the outcome's log-odds are a line
of the risk's, with a slope and a shift), and the verdict is asked. A false "hold" is one where the
truth lies outside a band or at its edge.

Second table, simulated shops: a model of one family is trained as the train stage trains it, with
fixed hyperparameters, and judged as the evaluate stage judges it, by training customers out of
fold and test customers together. The truth is slope and shift of the final model among customers
whose probability is known; it differs from shop to shop. The risks are told as they are, and
stretched or shifted, as those of a model would be that is wrong in and out of fold alike; slope
and shift in the table are those of the distortion. A false "hold" is one in a shop whose final
model lies outside a band. The last rows are shops where nothing tells of a drop.

Usage: python benchmarks/calibration.py [--draws 1000] [--shops 100]
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit
from shops import CustomersOf, customers_of, of_project

from retention.core.params import Grade
from retention.core.progress import progress
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY
from retention.evaluation.calibration_verdict import (
    Verdict,
    judge_calibration,
    judge_together,
    judged_bins,
    shift_estimate,
    slope_estimate,
)
from retention.models.selection import train_model
from retention.stats.effects import wilson
from simulation.shop import simulate_customers

SIZES = (60, 250, 2000)
USUAL = (-0.6, 1.5)
"""Mean and spread of the risks' log-odds: some 40 % drop, and the true ROC-AUC is 0.81."""
OTHERS = {"weak": (-0.5, 0.8), "strong": (-1.0, 3.0), "few drops": (-3.8, 1.5)}
"""Other risks, for the largest size: true ROC-AUC of 0.70 and 0.92, and 5 % who drop."""
EDGES = ((1.0, 0.0), (0.8, 0.0), (1.25, 0.0), (1.0, 0.25), (1.0, -0.25))
LINES = (
    *((slope, shift) for slope in (0.5, 0.7, 1.0, 1.4) for shift in (0.0, 0.3, 0.7)),
    *EDGES[1:],
    (0.0, 0.0),
)
"""Slope and shift of the outcomes; the last are random labels."""
_POPULATION = 100_000

SHOPS = (
    ("logistic", 400),
    ("logistic", 1300),
    ("logistic", 4000),
    ("tree", 400),
    ("tree", 1300),
    ("tree", 4000),
    ("boosting", 1300),
    ("extra_trees", 1300),
)
"""Family, and labelled customers."""
RANDOM = (400, 1300)
"""Labelled customers of the shops where nothing tells of a drop."""
KNOBS = {
    "logistic": {"C": [0.3], "l1_ratio": [0.5]},
    "tree": {"max_depth": [5], "min_samples_leaf": [10]},
    "boosting": {"max_iter": [60], "max_leaf_nodes": [6]},
    "extra_trees": {"n_estimators": [60], "min_samples_leaf": [2], "max_features": [0.25]},
}
DISTORTIONS = (
    *((slope, 0.0) for slope in (0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4)),
    *((1.0, shift) for shift in (0.15, 0.25, 0.3, 0.7)),
)
_POOL, _KNOWN = 60_000, 8_000
"""Customers of the simulated shop, and those of them who tell the truth of a model."""


def line_of(slope: float, shift: float, score: np.ndarray) -> np.ndarray:
    """Return the outcome's log-odds: a line of `score` with a slope and a shift in the large."""
    drops = expit(score + shift).mean()
    start = brentq(lambda place: expit(place + slope * score).mean() - drops, -50, 50)
    return start + slope * score


def drawn_rows(draws: int, rules: Grade) -> Iterator[dict[str, object]]:
    """Yield how often each verdict is given, a row a size and truth."""
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
            "risks": name,
            "customers": size,
            "slope": slope,
            "shift": shift,
            **{verdict: said[verdict] / draws for verdict in Verdict},
            "slope covered": slopes / draws,
            "shift covered": shifts / draws,
            "a bin misses": bins / draws,
            "false": not (rules.slope_low < slope < rules.slope_high)
            or abs(shift) >= rules.shift_most,
        }


@dataclass(frozen=True)
class Shop:
    """What was told and what happened in one simulated shop.

    Attributes
    ----------
    label, score : ndarray, shape (n_customers,)
        Outcomes, and log-odds of the risks: test customers, then training customers out of fold.
    tested : ndarray of bool, shape (n_customers,)
    probability, known : ndarray, shape (n_others,)
        True probabilities of other customers, and what the final model tells of them, in log-odds.
    slope : float
        The final model's true one.
    """

    label: np.ndarray
    score: np.ndarray
    tested: np.ndarray
    probability: np.ndarray
    known: np.ndarray
    slope: float


def odds(risk: np.ndarray) -> np.ndarray:
    """Return log-odds of risks rounded as score writes them."""
    return logit(np.clip(risk.round(6), 1e-6, 1 - 1e-6))


def trained(
    family: str, count: int, pool: CustomersOf, chance: np.ndarray, rng: np.random.Generator
) -> Shop:
    """Draw a shop of `count` labelled customers, train on three quarters, and test on the rest."""
    _, params = of_project()
    features, key = pool.table[pool.features], pool.table["twin_key"].to_numpy()
    models = params.models.model_dump()
    models[family] |= KNOBS[family]
    who = rng.choice(len(chance) - _KNOWN, count, replace=False)
    label = (rng.random(count) < chance[who]).astype("int64")
    learnt = np.arange(count) < 3 * count // 4
    found = train_model(
        features.iloc[who[learnt]],
        label[learnt],
        key[who[learnt]],
        train=params.train.model_copy(update={"model": family, "jobs": 1}),
        models=type(params.models)(**models),
        words=pool.words,
        quiet=True,
    )
    test = found.model.risk(features.iloc[who[~learnt]])
    known = odds(found.model.risk(features.iloc[-_KNOWN:]))
    return Shop(
        label=np.concatenate([label[~learnt], label[learnt]]).astype("float64"),
        score=odds(np.concatenate([test, found.risk])),
        tested=np.arange(count) < (~learnt).sum(),
        probability=chance[-_KNOWN:],
        known=known,
        slope=slope_estimate(chance[-_KNOWN:], known, np.ones(_KNOWN)).value,
    )


def shop_rows(shops: list[Shop], rules: Grade) -> Iterator[dict[str, object]]:
    """Yield how often each verdict is given, a row a distortion of the risks of `shops`."""
    for slope, shift in DISTORTIONS:
        said, outside, false, in_full = Counter(), 0, 0, 0
        for shop in shops:
            told, known = ((score - shift) / slope for score in (shop.score, shop.known))
            # A probability stands for its outcome: the same estimate, without chance.
            true_shift = shift_estimate(shop.probability, known, np.ones(len(known))).value
            right = rules.slope_low < slope * shop.slope < rules.slope_high
            right &= abs(true_shift) < rules.shift_most
            risk = expit(told)
            found = judge_together(shop.label, risk, shop.tested, rules)["calibration"]
            said[found] += 1
            outside += not right
            false += found == Verdict.HOLD and not right
            full = judge_calibration(shop.label, risk, rules).verdict
            in_full += full == Verdict.HOLD and not right
        yield {
            "slope": slope,
            "shift": shift,
            **{v: said[v] / len(shops) for v in Verdict},
            "truth outside": outside / len(shops),
            "false hold": false / len(shops),
            "false in full": in_full / len(shops),
        }


def spread_of(shops: list[Shop]) -> str:
    """Return how the slope out of fold and that of the final model vary from shop to shop."""
    told = [
        slope_estimate(
            shop.label[~shop.tested], shop.score[~shop.tested], np.ones((~shop.tested).sum())
        ).value
        for shop in shops
    ]
    true = [shop.slope for shop in shops]
    # Where nothing tells of a drop every final model has the same slope, and a ranking may be
    # perfect by chance: neither has a correlation.
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = np.corrcoef(told, true)[0, 1]
        return (
            f"slope out of fold {np.mean(told):.3f} ± {np.std(told):.3f}, of the final model "
            f"{np.mean(true):.3f} ± {np.std(true):.3f}, correlation {alike:.2f}"
        )


def simulated_shops(shops: int) -> Iterator[tuple[str, int, list[Shop]]]:
    """Yield family, customers and shops of each kind; last those where nothing tells of a drop."""
    made = simulate_customers(_POOL, unlabelled=0.0, seed=5)
    pool = customers_of(made.customers)
    rng = np.random.default_rng(1)
    table = pool.table[pool.table["scored"]]
    table = table.iloc[rng.permutation(len(table))].reset_index(drop=True)
    truth = made.truth.set_index(IDENTITY)["probability"]
    chance = truth[table[IDENTITY]].to_numpy()
    pool = CustomersOf(table, pool.features, pool.words)
    nothing = np.full(len(chance), chance.mean())
    kinds = [(family, family, count, chance) for family, count in SHOPS]
    kinds += [("random labels", "logistic", count, nothing) for count in RANDOM]
    for name, family, count, known in kinds:
        drawn = progress(range(shops), what=f"{name} {count}", unit="shops")
        yield name, count, [trained(family, count, pool, known, rng) for _ in drawn]


def show(table: pd.DataFrame) -> None:
    """Print a table in Markdown, shares in percent."""
    print("| " + " | ".join(str(name).replace("_", " ") for name in table) + " |")
    print("|---" * len(table.columns) + "|")
    shares = [name for name in table if name not in ("slope", "shift")]
    for row in table.to_dict("records"):
        cells = [
            f"{value:.1%}" if isinstance(value, float) and name in shares else str(value)
            for name, value in row.items()
        ]
        print("| " + " | ".join(cells) + " |", flush=True)


def worst(shares: pd.Series, count: int) -> str:
    """Return the greatest of `shares`, each of `count` draws, with its interval."""
    low, high = wilson(shares.max(), count, level=0.95)
    return f"{shares.max():.1%} ({low:.1%} to {high:.1%} for {count} draws)"


@stage
def main() -> None:
    """Print both tables and the worst rates of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--shops", type=int, default=100)
    options = parser.parse_args()
    rules = of_project()[1].evaluate.grade
    if options.draws:
        table = pd.DataFrame(drawn_rows(options.draws, rules))
        wrong = table.pop("false")
        show(table)
        print(f"\nfalse hold, at most: {worst(table[wrong][Verdict.HOLD], options.draws)}")
        said = table[~wrong & (table["customers"] == SIZES[-1]) & (table["risks"] == "usual")]
        print(f"hold where slope is 1 and shift 0: {worst(said[Verdict.HOLD], options.draws)}\n")
    if options.shops:
        rows, lines = [], []
        for name, count, found in simulated_shops(options.shops):
            lines.append(f"{name}, {count} customers: {spread_of(found)}")
            rows += [{"family": name, "customers": count, **row} for row in shop_rows(found, rules)]
        table = pd.DataFrame(rows)
        show(table)
        print("", *lines, sep="\n")
        print(f"\nfalse hold, at most: {worst(table['false hold'], options.shops)}")
        print(f"training customers counted in full: {worst(table['false in full'], options.shops)}")
        all_false, all_outside = table["false hold"].sum(), table["truth outside"].sum()
        print(f"of all shops whose final model lies outside: {all_false / all_outside:.1%}")


if __name__ == "__main__":
    main()
