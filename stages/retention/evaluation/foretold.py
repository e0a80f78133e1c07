"""What was foretold of a month, kept before its outcomes were known, beside what came."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.errors import InputError, shown
from retention.core.files import read_json
from retention.core.months import is_month
from retention.core.row_weights import effective_size, weights_of
from retention.core.vocabulary import LABEL, MONTH
from retention.evaluation.by_month import known
from retention.evaluation.forecast import FORESEEN, Correction, Expected, by_lot, came, foresee

SHORT = 12
"""Hex digits by which a model is called."""
LEAST_COVERED = 0.9
"""Part of the customers foretold whom the outcomes must stand for, and the other way round."""


@dataclass(frozen=True)
class Forecast:
    """What is expected of a month.

    Attributes
    ----------
    month : str
    horizon_months : int
        Months after it that decide.
    model : str
        First digits of the sha256 of the model that told the risks.
    customers : float
        Whom it is of; controls count for those whom they stand for.
    effective : float
        As how many customers who count alike they tell (Kish 1965).
    scores : dict of Expected
        By the names of ``forecast.FORESEEN``.
    """

    month: str
    horizon_months: int
    model: str
    customers: float
    effective: float
    scores: dict[str, Expected]

    def told(self, *, level: float) -> dict[str, Any]:
        """Return what the details say of it: the scores with their ends."""
        found: dict[str, Any] = {"month": self.month, "customers": round(self.customers)}
        for name, one in self.scores.items():
            found |= one.told(name, level=level)
        return found

    def to_keep(self, *, level: float) -> dict[str, Any]:
        """Return what ``forecasts/YYYY-MM.json`` holds: figures of all customers together."""
        own = {"horizon_months": self.horizon_months, "model": self.model}
        spread = {
            f"{name}_{part}": getattr(one, part)
            for name, one in self.scores.items()
            for part in ("luck", "doubt")
        }
        size = {"effective_customers": self.effective, "level": level}
        return self.told(level=level) | own | size | spread


def forecast_of(
    rows: pd.DataFrame,
    doubt: np.ndarray,
    *,
    month: str,
    horizon: int,
    model: str,
    corrected: Mapping[str, Correction] | None = None,
) -> Forecast:
    """Return what is expected of the rows of a month.

    Parameters
    ----------
    rows : DataFrame
        One of each twin pair of the untreated, with ``risk``.
    doubt, corrected
        As ``forecast.foresee`` takes them.
    month, horizon, model
        As :class:`Forecast` has them.
    """
    weight = weights_of(rows)
    scores = foresee(rows["risk"].to_numpy("float64"), weight, doubt, corrected)
    return Forecast(month, horizon, model, float(weight.sum()), effective_size(weight), scores)


def read_forecasts(folder: Path) -> dict[str, Forecast]:
    """Return the forecasts that were kept, by month; other files than .json are no forecasts.

    Raises
    ------
    InputError
        If a file is not named by its month, is damaged, or is of another month than its name says.
    """
    return {path.stem: _read(path) for path in sorted(folder.glob("*.json"))}


def _read(path: Path) -> Forecast:
    if not is_month(path.stem):
        raise InputError(f"{path}: a forecast is named by its month, as 2026-10.json")
    parts = [f"{name}{part}" for name in FORESEEN for part in ("", "_luck", "_doubt")]
    needs = ("month", "horizon_months", "model", "customers", "effective_customers", *parts)
    try:
        found = read_json(path, needs=needs)
    except InputError as fault:  # no stage makes this file anew
        why = str(fault).partition("; run ")[0]
        raise InputError(f"{why}; valid: a copy of data/evaluation/forecast.json") from None
    if found["month"] != path.stem:
        raise InputError(f"{path} is of {shown(found['month'])}, not of the month in its name")
    sizes = ("horizon_months", "customers", "effective_customers")
    for key in (*sizes, *parts):
        value = found[key]
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        if key in sizes or value is not None:
            most = math.inf if key in sizes or key not in FORESEEN else 1
            if not (plain and math.isfinite(value) and 0 <= value <= most):
                valid = "a number from 0 to 1" if most == 1 else "a number from 0"
                raise InputError(f"{path}: {key} is {shown(value)}; valid: {valid}")
    if found["horizon_months"] != int(found["horizon_months"]) or found["horizon_months"] < 1:
        months = shown(found["horizon_months"])
        raise InputError(f"{path}: horizon_months is {months}; valid: a whole number of months")
    numbers = {key: float("nan") if found[key] is None else float(found[key]) for key in parts}
    scores = {
        name: Expected(
            numbers[name], numbers[f"{name}_luck"], numbers[f"{name}_doubt"], name != "brier"
        )
        for name in FORESEEN
    }
    size = float(found["customers"]), float(found["effective_customers"])
    return Forecast(path.stem, int(found["horizon_months"]), str(found["model"]), *size, scores)


def beside_fact(
    forecast: Forecast,
    rows: pd.DataFrame,
    *,
    horizon: int,
    level: float,
    missed_level: float,
    own: bool,
) -> dict[str, Any]:
    """Return a forecast beside what came.

    Parameters
    ----------
    forecast : Forecast
    rows : DataFrame
        The month's rows of known outcome (`by_month.known`), with ``risk``.
    horizon : int
        Months after it that decided. What was foretold of another horizon has no fact here.
    level : float
        Coverage of the intervals told.
    missed_level : float
        Coverage of the interval outside of which a score is missed.
    own : bool
        Whether ``risk`` is that of the model that foretold: else ROC-AUC and Brier score of that
        model are not known, and only the share of drops is.

    Returns
    -------
    dict
        ``month``, ``customers`` (whom the outcomes stand for), ``model``, ``comparable`` (whether
        it can be told if it came true: the outcomes are of its horizon and stand for about as many
        as were foretold, and of some score interval and fact are known); for each score its
        name, ``_low``, ``_high`` and ``_fact``; ``missed_scores``, and whether there are any
        (``missed``).
    """
    label, risk = rows[LABEL].to_numpy("float64"), rows["risk"].to_numpy("float64")
    weight = weights_of(rows)
    facts = came(label, risk, weight)
    if not own:
        facts |= {"roc_auc": float("nan"), "brier": float("nan")}
    if forecast.horizon_months != horizon:
        facts = dict.fromkeys(facts, float("nan"))
    covered = float(weight.sum()) / forecast.customers if forecast.customers else 0.0
    fewer = forecast.effective / max(effective_size(weight), 1.0)
    lots = by_lot(risk, weight)
    known_of = [
        name
        for name, one in forecast.scores.items()
        if not np.isnan([facts[name], *one.interval(level, rows=fewer, lot=lots[name])]).any()
    ]
    comparable = bool(known_of) and LEAST_COVERED <= covered <= 1 / LEAST_COVERED
    found: dict[str, Any] = {
        "month": forecast.month,
        "customers": round(float(weight.sum())),
        "model": forecast.model,
        "comparable": comparable,
    }
    missed = []
    for name, one in forecast.scores.items():
        how = {"rows": fewer, "lot": lots[name]}
        found |= one.told(name, level=level, **how) | {f"{name}_fact": facts[name]}
        if comparable and one.contradicts(facts[name], level=missed_level, **how):
            missed.append(name)
    return found | {"missed_scores": missed, "missed": bool(missed)}


RiskBy = Callable[[str, pd.DataFrame], np.ndarray | None]


def nothing_kept(_: str, __: pd.DataFrame) -> None:
    """Tell nothing: no earlier model is there to be asked."""


@dataclass(frozen=True)
class Judge:
    """How forecasts are made and held against what came.

    Attributes
    ----------
    doubt : ndarray, shape (2, 2)
        Of the model in use, as ``forecast.foresee`` takes it.
    model : str
        First digits of its sha256.
    horizon : int
        Months after that decide.
    since : str or None
        The first month whose outcomes it cannot have learnt from; None if that is not known.
    level, missed_level : float
        As :func:`beside_fact` takes them.
    corrected : mapping of Correction
        Of the model in use, as ``forecast.corrections`` gives it.
    risk_by : callable
        What an earlier model, by the first digits of its sha256, tells of rows; None if it is not
        kept.
    """

    doubt: np.ndarray
    model: str
    horizon: int
    since: str | None
    level: float
    missed_level: float
    corrected: Mapping[str, Correction] = field(default_factory=dict)
    risk_by: RiskBy = nothing_kept

    def foretell(self, rows: pd.DataFrame, month: str) -> Forecast:
        """Return what the model in use expects of rows of a month (`forecast_of`)."""
        how = {"horizon": self.horizon, "model": self.model, "corrected": self.corrected}
        return forecast_of(rows, self.doubt, month=month, **how)

    def could_foretell(self, rows: pd.DataFrame, month: str) -> bool:
        """Tell whether the model in use cannot have learnt from what came of the month."""
        return self.since is not None and month >= self.since and not rows["out_of_fold"].any()

    def beside(self, forecast: Forecast, rows: pd.DataFrame) -> dict[str, Any]:
        """Return a forecast beside what came (`beside_fact`)."""
        own = forecast.model == self.model and not rows["out_of_fold"].any()
        then = None if own else self.risk_by(forecast.model, rows)
        if then is not None:
            own, rows = True, rows.assign(risk=then)
        how = {"horizon": self.horizon, "level": self.level, "missed_level": self.missed_level}
        return beside_fact(forecast, rows, own=own, **how)


def foretold_and_came(
    table: pd.DataFrame, kept: Mapping[str, Forecast], judge: Judge
) -> tuple[list[dict[str, Any]], bool]:
    """Return forecast beside fact for every past month, and whether the model in use missed one.

    A forecast that was kept is that of its day, and stays it where it cannot be held against what
    came: what is calculated afterwards takes no kept one's place. Of a month without one the model
    in use tells what it would have foretold, where it cannot have learnt from what came.

    Parameters
    ----------
    table : DataFrame
        Rows of months with ``risk`` and ``out_of_fold``.
    kept : mapping of Forecast
        By month.
    judge : Judge
    """
    found, missed = [], False
    for month, rows in known(table).groupby(MONTH, sort=True):
        told = []
        if month in kept:
            told.append(judge.beside(kept[month], rows) | {"kept": True})
        if judge.could_foretell(rows, month):
            told.append(judge.beside(judge.foretell(rows, month), rows) | {"kept": False})
        missed |= any(one["missed"] and one["model"] == judge.model for one in told)
        found += told[:1]
    return found, missed


def foretold_and_waiting(
    table: pd.DataFrame, kept: Mapping[str, Forecast], judge: Judge
) -> list[dict[str, Any]]:
    """Return the forecast of every month before the last of which no outcome is known yet.

    Parameters
    ----------
    table, kept, judge
        As :func:`foretold_and_came` takes them.
    """
    past = table[table["scored"] & (table[MONTH] < table[MONTH].max())]
    ahead = past[~past[MONTH].isin(known(past)[MONTH].unique()) & (past["split"] != "treated")]
    found = []
    for month, rows in ahead.groupby(MONTH, sort=True):
        own = judge.could_foretell(rows, month)
        if month in kept or own:
            told = kept[month] if month in kept else judge.foretell(rows, month)
            row = told.told(level=judge.level) | {"model": told.model, "kept": month in kept}
            found.append(row)
    return found
