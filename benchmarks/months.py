"""Does what is foretold of a month come true, and how often is there a false alarm in a year?

Simulated shops of several months are lived as a shop would: a model learns from the first months;
each month that follows is scored by it and its scores are foretold and kept; when the outcomes come
they are held against the forecast; the model is trained anew when `evaluate` says so. Each year is
another shop. Everything is done by the functions of the stages; only reading and cleaning files are
left out, and the model is a logistic regression with fixed hyperparameters.

Usage: python benchmarks/months.py [--years 200] [--others 20] [--customers 3000] [--seed 1]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student
from shops import of_project
from threadpoolctl import threadpool_limits

from retention.core.arms import assigned
from retention.core.files import write_json, write_parquet
from retention.core.kept_campaigns import KeptCampaign
from retention.core.months import shifted
from retention.core.params import Params
from retention.core.progress import progress
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY, LABEL, MINUTES, MONTH, PROFIT, REVENUE
from retention.data.customer_table import make_table
from retention.data.drift import find_month_drift
from retention.data.ledger import Ledger, history_of
from retention.data.ripening import outcomes_after, season_index
from retention.data.treated import read_campaigns
from retention.evaluation.alarms import drift_level, missed_level
from retention.evaluation.by_month import known
from retention.evaluation.forecast import FORESEEN
from retention.evaluation.foretold import beside_fact, read_forecasts
from retention.evaluation.month_study import study_months
from retention.models.estimators import RiskModel
from retention.models.scoring import predict_risk, score_customers
from retention.models.selection import row_weights, train_model
from retention.models.training_rows import training_rows
from retention.stats.intervals import exact_share
from simulation.answers import protected_by
from simulation.month_tables import customers_of_months
from simulation.months import ShopOfMonths, simulate_months, with_campaigns

FIRST_TAUGHT, FIRST_SCORED, LAST_SCORED, MONTHS = 8, 9, 15, 18
"""Number of the month in which the first model is trained; of the months whose forecasts are held
against the facts; and of the last month, after which no outcome is waited for."""
KNOBS = {"C": [0.03], "l1_ratio": [0.5]}
"""Hyperparameters of the logistic regression."""
OTHER_SHOPS = {
    "season 0.3": {"season": 0.3},
    "drift 0.02": {"drift": 0.02},
    "season 0.3, drift 0.02": {"season": 0.3, "drift": 0.02},
    "campaigns": {},
}
"""Shops in which something changes, by what `simulate` is told."""
SENT, LISTED, CONTROLS, EFFECT = (9, 12, 15), 0.3, 0.5, 0.3
"""Where there are campaigns: the months after which one starts; the part of the customers, the
riskiest, who are listed; the part of these who are controls; and the part of falls prevented."""


@dataclass
class Year:
    """What was seen in a simulated shop.

    Attributes
    ----------
    foretold : list of dict
        Forecast beside fact, a month each, as ``foretold.beside_fact`` gives them.
    missed, drifted : list of str
        Months in which `evaluate` called a forecast missed, or drift.
    trained : list of str
        Months in which a model was trained.
    seconds : bool
        Whether minutes told in seconds were called when they arrived.
    scores : dict of float
        ROC-AUC of the first model: of the test month, out of fold, of the month scored next.
    """

    foretold: list[dict[str, Any]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    drifted: list[str] = field(default_factory=list)
    trained: list[str] = field(default_factory=list)
    seconds: bool = False
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Taught:
    """A model, and what its card says.

    Attributes
    ----------
    model : RiskModel
    out_of_fold : DataFrame
        As train writes it.
    card : dict
    """

    model: RiskModel
    out_of_fold: pd.DataFrame
    card: dict[str, Any]

    def risk_by(self, short: str, rows: pd.DataFrame) -> np.ndarray | None:
        """Return what the model tells of rows, if it is the one that is meant."""
        own = self.card["sha256"].startswith(short)
        return predict_risk(self.model, rows, jobs=1) if own and len(rows) else None


project = cache(of_project)
"""The data dictionary and the params of the project, read once."""


@cache
def settings() -> Params:
    """Return the params of the study: the project's, with a logistic regression alone."""
    params = project()[1]
    models = params.models.model_dump() | {"logistic": KNOBS}
    return params.model_copy(
        update={
            "train": params.train.model_copy(update={"model": "logistic", "jobs": 1}),
            "models": type(params.models)(**models),
            "evaluate": params.evaluate.model_copy(update={"bootstrap": 100}),
        }
    )


def ledger_of(month: str, customers: pd.DataFrame) -> Ledger:
    """Return what the export of a month tells of revenue by calendar month."""
    calendar = {name: shifted(month, -back) for back, name in enumerate(reversed(REVENUE))}
    amounts = customers.set_index(IDENTITY)[list(REVENUE)].rename(columns=calendar)
    return Ledger(amounts, amounts.notna())


def table_of(
    exported: Mapping[str, pd.DataFrame], campaigns: Path, seasons: dict[str, pd.Series]
) -> pd.DataFrame:
    """Return the table of regular customers by month, with the outcomes known in the last one.

    `seasons` keeps the index by which each month is judged: that of the day of its outcome.
    """
    columns, params = project()[0], settings()
    told = {month: ledger_of(month, customers) for month, customers in exported.items()}
    history, last, horizon = history_of(told), max(exported), params.label.horizon_months
    ledger, names = history.latest, sorted(exported)
    parts = []
    for month, customers in exported.items():
        ripe = shifted(month, horizon)
        if ripe <= last and month not in seasons:
            seasons[month] = season_index(history.known_by(names.index(ripe)))
        index = seasons.get(month, pd.Series(dtype="float64"))
        rows = customers[(customers[list(REVENUE)] > 0).all(axis=1)]
        found = outcomes_after(ledger, index, rows[IDENTITY], month, rule=params.label, last=last)
        drop = pd.array(found.drop, dtype="Int8")
        source = pd.Series(np.where(drop.isna(), None, "rule"), rows.index, dtype="str")
        parts.append(rows.assign(**{MONTH: month, LABEL: drop, "label_source": source}))
    customers = pd.concat(parts, ignore_index=True)
    sent = read_campaigns(campaigns, ledger.amounts.index.to_series())
    return make_table(
        customers, params.features, columns=columns, horizon=horizon, campaigns=sent
    ).table


@cache
def features() -> tuple[list[str], list[str]]:
    """Return the names of all features, and of the categorical ones."""
    columns, params = project()
    known = columns.features(use_profit=params.features.use_profit)
    return [c.name for c in known], [c.name for c in known if c.is_category]


def taught_by(table: pd.DataFrame) -> Taught:
    """Return the model that train makes of a table."""
    params, (names, words) = settings(), features()
    rows = training_rows(table, train=params.train)
    found = train_model(
        rows[names],
        rows[LABEL].to_numpy("int64"),
        rows["twin_key"].to_numpy(),
        train=params.train,
        models=params.models,
        words=words,
        weight=row_weights(rows),
        repeated=True,
        quiet=True,
    )
    months = sorted(rows[MONTH].unique())
    out_of_fold = rows[[IDENTITY, MONTH, "behaviour_key"]].assign(risk=found.risk)
    card = {"sha256": f"{table[MONTH].max()} {months[-1]}", "months": months}
    return Taught(found.model, out_of_fold, card)


def scored(table: pd.DataFrame, taught: Taught) -> pd.DataFrame:
    """Return the table with everyone's risk."""
    risks = score_customers(table, taught.model, taught.out_of_fold, jobs=1, kept=True)
    return table.join(risks.drop(columns=[IDENTITY, MONTH]))


def drift_of(table: pd.DataFrame) -> dict[str, Any]:
    """Return the drift of the last month of a table with risks, as `evaluate` looks for it."""
    params = settings()
    names = [*project()[0].behaviour, PROFIT]
    level = drift_level(params.evaluate.alarm_level)
    return find_month_drift(table, names, least=params.features.least_drift, level=level)


def is_called(drift: Mapping[str, Any]) -> bool:
    """Tell whether drift is called, of a column or of the risk."""
    return bool(drift["columns"]) or bool((drift["risk"] or {}).get("drifted"))


def in_seconds(customers: pd.DataFrame) -> pd.DataFrame:
    """Return an export whose minutes are told in seconds."""
    return customers.assign(**{name: customers[name] * 60 for name in MINUTES})


def exports_of(shop: ShopOfMonths) -> dict[str, pd.DataFrame]:
    """Return what the shop exports each month, read."""
    found = customers_of_months(shop)
    return {month: rows.astype({IDENTITY: "str"}) for month, rows in found.items()}


def list_of(rows: pd.DataFrame, *, seed: int, horizon: int) -> pd.DataFrame:
    """Return a campaign's list of the riskiest customers of the last month."""
    month = rows[MONTH].max()
    chosen = rows[rows["risk"] >= rows["risk"].quantile(1 - LISTED)]
    return pd.DataFrame(
        {
            IDENTITY: chosen[IDENTITY],
            "arm": assigned(chosen[IDENTITY] + month, seed=seed, share=CONTROLS),
            "offer": "mail",
            "risk": chosen["risk"],
            "date": f"{shifted(month, 1)}-01",
            "horizon": horizon,
        }
    )


def lived(seed: int, customers: int, changes: Mapping[str, float], campaigns: bool) -> Year:
    """Return what is seen in the life of a shop."""
    params = settings()
    plain = {"months": MONTHS, "season": 0.0, "drift": 0.0, "customers": customers, "seed": seed}
    made = simulate_months(params.simulate.model_copy(update=plain | dict(changes)))
    shop, lists = exports_of(made), {}
    months, year = list(shop), Year()
    horizon, options = params.label.horizon_months, params.evaluate
    strict, taught = missed_level(options.alarm_level), None
    seasons: dict[str, pd.Series] = {}
    then: dict[str, pd.DataFrame] = {}  # risks of the day on which each month was foretold
    with threadpool_limits(1), tempfile.TemporaryDirectory() as scratch:
        sent, kept = Path(scratch) / "campaigns", Path(scratch) / "forecasts"
        for number in range(FIRST_TAUGHT, MONTHS + 1):
            seen = {month: shop[month] for month in months[:number]}
            table, last = table_of(seen, sent, seasons), months[number - 1]
            if taught is None:
                taught = taught_by(table)
                year.trained.append(last)
            judged = scored(table, taught)
            if number == FIRST_SCORED:
                wrong = seen | {last: in_seconds(seen[last])}
                year.seconds = is_called(drift_of(scored(table_of(wrong, sent, seasons), taught)))
            forecasts, drift = read_forecasts(kept), drift_of(judged)
            how = {"horizon": horizon, "options": options, "risk_by": taught.risk_by}
            found = study_months(judged, taught.card, forecasts, drift, **how)
            said = found.details["retrain"]
            year.missed += [last] * said["missed"]
            year.drifted += [last] * said["drift"]
            ripe = months[number - horizon - 1]
            if ripe in then:
                came = known(judged).drop(columns="risk").merge(then[ripe], on=[IDENTITY, MONTH])
                levels = {"level": options.level, "missed_level": strict}
                told = beside_fact(forecasts[ripe], came, horizon=horizon, own=True, **levels)
                year.foretold.append(told)
            if number == FIRST_TAUGHT:
                rows = {one[MONTH]: one["roc_auc"] for one in found.details["rows"]}
                year.scores |= {"in time": rows[ripe]}
                year.scores |= {"at random": found.details["random_split"]["roc_auc"]}
            if number == FIRST_SCORED + horizon:
                year.scores |= {"next month": told["roc_auc_fact"]}
            if FIRST_SCORED <= number <= LAST_SCORED:
                write_json(found.forecast, kept / f"{last}.json")
                then[last] = judged.loc[judged[MONTH] == last, [IDENTITY, MONTH, "risk"]]
            if said["due"] and number < LAST_SCORED:
                taught = taught_by(table)
                year.trained.append(last)
            if campaigns and number in SENT:
                lists[last] = list_of(judged[judged[MONTH] == last], seed=seed, horizon=horizon)
                write_parquet(lists[last], KeptCampaign(sent / last).listed)
                kept_from = protected_by(made, lists, {"mail": EFFECT}, seed=seed)
                shop = exports_of(with_campaigns(made, kept_from))
    return year


def share(count: int, of: int) -> str:
    """Return a share with its exact 95 % interval."""
    low, high = exact_share(count, of)
    return f"{count / of:.1%} ({low:.1%} to {high:.1%}) of {of:,}"


def inside(one: Mapping[str, Any], name: str) -> bool:
    """Tell whether a fact lies in the forecast's interval."""
    return bool(one[f"{name}_low"] <= one[f"{name}_fact"] <= one[f"{name}_high"])


def mean_of(values: Iterable[float]) -> str:
    """Return a mean with its 95 % interval (Student's t)."""
    found = np.array(list(values))
    reach = student.ppf(0.975, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found))
    return f"{found.mean():+.4f} ({found.mean() - reach:+.4f} to {found.mean() + reach:+.4f})"


def gap_of(years: Sequence[Year], name: str) -> str:
    """Return the mean of facts less forecasts; a year's months are not independent, years are."""
    return mean_of(
        float(np.mean([one[f"{name}_fact"] - one[name] for one in year.foretold])) for year in years
    )


def report(what: str, years: Sequence[Year], *, level: float) -> None:
    """Print what was seen in years of one kind."""
    told = [one for year in years for one in year.foretold]
    print(f"\n{what}: {len(years)} years, {len(told):,} months foretold\n\n| | |\n|---|---|")
    for name in FORESEEN:
        within = sum(inside(one, name) for one in told)
        print(f"| {name}: fact in the {level:.0%} interval | {share(within, len(told))} |")
    within = sum(all(inside(one, name) for name in FORESEEN) for one in told)
    print(f"| all three at once | {share(within, len(told))} |")
    for name in FORESEEN:
        print(f"| {name}: fact less forecast, mean | {gap_of(years, name)} |")
    alarms = {
        "a forecast missed": [year for year in years if year.missed],
        "drift": [year for year in years if year.drifted],
        "any": [year for year in years if year.missed or year.drifted],
    }
    for name, found in alarms.items():
        print(f"| alarm in a year: {name} | {share(len(found), len(years))} |")
    called = sum(year.seconds for year in years)
    print(f"| minutes in seconds, called on arrival | {share(called, len(years))} |")
    trained = np.mean([len(year.trained) for year in years])
    print(f"| models trained a year, mean | {trained:.2f} |")
    for name in ("in time", "at random"):
        bias = mean_of(year.scores[name] - year.scores["next month"] for year in years)
        print(f"| ROC-AUC of a split {name} less that of the next month | {bias} |", flush=True)


@stage
def main() -> None:
    """Live the years and print what was foretold, what came, and what was called."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=200)
    parser.add_argument("--others", type=int, default=20, help="years of each shop that changes")
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    level, began = settings().evaluate.level, time.perf_counter()
    kinds: dict[str, tuple[Mapping[str, float], int]] = {"nothing changes": ({}, options.years)}
    kinds |= {what: (changes, options.others) for what, changes in OTHER_SHOPS.items()}
    for what, (changes, count) in kinds.items():
        seeds = range(options.seed, options.seed + count)
        sent = what == "campaigns"
        live = partial(lived, customers=options.customers, changes=changes, campaigns=sent)
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            shown = progress(seeds, what=what, unit="years")
            years = [year for _, year in zip(shown, pool.map(live, seeds), strict=True)]
        if years:
            report(what, years, level=level)
    print(f"\n{(time.perf_counter() - began) / 60:.0f} minutes", file=sys.stderr)


if __name__ == "__main__":
    main()
