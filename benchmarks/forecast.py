"""Does what came lie in what was foretold, and is a shop that changed called?

A shop's customers live for 15 months: five columns of behaviour, which hold on from month to month
(0.7), something that no column shows, and luck that holds on too make the log-odds of a drop. A
logistic regression, calibrated out of fold, is taught by the first two months; months 9 to 15 are
foretold as the evaluate stage does, and held against what came. Counted are the months whose fact
lies in the 95 % interval, and the years (seven months) in which any of the three scores is missed
at the level of params ``evaluate.alarm_level``: false alarms where the shop stays as it was, right
calls where it changes from month 9 on.

Usage: python benchmarks/forecast.py [--years 200]
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit
from scipy.stats import logistic, norm
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from retention.core.progress import progress
from retention.core.row_weights import effective_size
from retention.core.running import stage
from retention.evaluation.alarms import missed_level
from retention.evaluation.forecast import FORESEEN, came, foresee
from retention.models.calibration import fit_sigmoid
from retention.stats.clustered import line_doubt
from retention.stats.effects import wilson

LEVEL, ALARM_LEVEL = 0.95, 0.05
TAUGHT, FORETOLD = (0, 1), range(8, 15)
EFFECTS = np.array([1.2, -0.8, 0.5, 0.3, 0.0])
"""Of the columns on the log-odds; the last tells nothing."""
FOLDS = 5
LISTED = 0.3
"""Share of the customers, the riskiest, who are listed where a campaign runs."""


@dataclass(frozen=True)
class Kind:
    """A kind of shop.

    Attributes
    ----------
    customers : int
    noise : int
        Columns that tell nothing, beside the others.
    others : bool
        Whether the months foretold are of other customers than those that taught.
    bent : bool
        Whether the truth is no line.
    control : float
        Share of those listed who are left untouched; 1 without a campaign. The treated never drop.
    months_differ : float
        Standard deviation of what each month adds to all log-odds.
    shift, part : float
        From month 9 on: what is added to all log-odds, and what behaviour still tells of a drop.
    """

    customers: int = 3000
    noise: int = 0
    others: bool = False
    bent: bool = False
    control: float = 1.0
    months_differ: float = 0.0
    shift: float = 0.0
    part: float = 1.0


AS_IT_WAS = {
    "3,000 customers": Kind(),
    "1,000 customers": Kind(customers=1000),
    "300 customers, 10 columns of noise": Kind(customers=300, noise=10),
    "other customers than those who taught": Kind(others=True),
    "the truth is no line, 20 columns of noise": Kind(bent=True, noise=20),
    "half of the riskiest 30 % treated": Kind(control=0.5),
    "months differ by 0.05": Kind(months_differ=0.05),
    "months differ by 0.1": Kind(months_differ=0.1),
}
CHANGED = {
    "all log-odds 0.1 higher": Kind(shift=0.1),
    "all log-odds 0.2 higher": Kind(shift=0.2),
    "all log-odds 0.4 higher": Kind(shift=0.4),
    "behaviour tells three quarters": Kind(part=0.75),
    "behaviour tells half": Kind(part=0.5),
}

Life = tuple[np.ndarray, np.ndarray]
"""Columns and outcomes, each shape (n_months, n_customers, …)."""


def lived(kind: Kind, rng: np.random.Generator) -> Life:
    """Return a shop's life."""
    count, width = kind.customers, len(EFFECTS) + kind.noise
    columns, luck = rng.normal(size=(count, width)), rng.normal(size=count)
    unseen = 0.5 * rng.normal(size=count)
    every, outcomes = [], []
    for month in range(FORETOLD.stop):
        columns = 0.7 * columns + np.sqrt(0.51) * rng.normal(size=columns.shape)
        luck = 0.6 * luck + 0.8 * rng.normal(size=count)
        first = columns[:, : len(EFFECTS)]
        told = first @ EFFECTS + 0.5 * kind.bent * np.abs(first[:, 0]) * first[:, 0]
        changed = month >= FORETOLD.start
        line = -0.7 + told * (kind.part if changed else 1) + unseen + changed * kind.shift
        line += kind.months_differ * rng.normal()
        every.append(columns)
        outcomes.append(line + logistic.ppf(np.clip(norm.cdf(luck), 1e-9, 1 - 1e-9)) > 0)
    return np.array(every), np.array(outcomes, dtype="float64")


def year(kind: Kind, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each month's facts lie in the interval, and are missed; by month and score."""
    taught = lived(kind, rng)
    later = lived(kind, rng) if kind.others else taught
    X, y = (np.concatenate([part[month] for month in TAUGHT]) for part in taught)
    key = np.tile(np.arange(kind.customers), len(TAUGHT))
    fold = rng.integers(0, FOLDS, kind.customers)[key]
    score = np.zeros(len(y))
    for one in range(FOLDS):
        fitted = LogisticRegression().fit(X[fold != one], y[fold != one])
        score[fold == one] = fitted.decision_function(X[fold == one])
    slope, shift = fit_sigmoid(score, y)
    doubt = line_doubt(y, expit(slope * score + shift), key, np.ones(len(y)))
    model = LogisticRegression().fit(X, y)
    inside, missed = [], []
    for month in FORETOLD:
        risk = expit(slope * model.decision_function(later[0][month]) + shift)
        label, weight = later[1][month], np.ones(kind.customers)
        expected = foresee(risk, weight, doubt)  # before anybody is treated
        listed = risk >= np.quantile(risk, 1 - LISTED)
        treated = listed & (rng.random(len(risk)) >= kind.control)
        weight[listed] = listed.sum() / max(1, (listed & ~treated).sum())
        facts = came(label[~treated], risk[~treated], weight[~treated])
        fewer = kind.customers / effective_size(weight[~treated])
        asked = {"rows": fewer}
        named = [(expected[name], facts[name]) for name in FORESEEN]
        inside.append([not one.contradicts(fact, level=LEVEL, **asked) for one, fact in named])
        strict = missed_level(ALARM_LEVEL)
        missed.append([one.contradicts(fact, level=strict, **asked) for one, fact in named])
    return np.array(inside), np.array(missed)


@stage
def main() -> None:
    """Live the years of every kind of shop and print what was counted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--years", type=int, default=200, help="of each kind of shop")
    years = parser.parse_args().years
    print(f"{years} years of {len(FORETOLD)} months each; facts in the 95 % interval, in percent\n")
    print("| shop | share of drops | ROC-AUC | Brier score | all three | years with an alarm |")
    print("|---|---|---|---|---|---|")
    kinds = AS_IT_WAS | CHANGED
    for name in progress(list(kinds), what="forecast", unit="shops"):
        found = [year(kinds[name], np.random.default_rng([7, one])) for one in range(years)]
        inside, missed = (np.array(part) for part in zip(*found, strict=True))
        called = missed.any(axis=(1, 2)).mean()
        low, high = wilson(called, years, level=0.95)
        shares = [*inside.mean(axis=(0, 1)), inside.all(axis=2).mean()]
        cells = " | ".join(f"{100 * share:.1f}" for share in shares)
        span = f"{100 * called:.1f} ({100 * low:.1f} to {100 * high:.1f})"
        print(f"| {name} | {cells} | {span} |", flush=True)


if __name__ == "__main__":
    main()
