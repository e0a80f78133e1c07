"""Builders that more than one test file needs."""

import csv
import io
import itertools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline

from dictionary import COLUMNS
from project import FIXTURES
from retention.campaign.eligibility import KEPT_OUT
from retention.campaign.offers import Offer
from retention.core.spreadsheets import unguard
from retention.models.estimators import FAMILIES, Family, make_model
from simulation.export import as_export
from simulation.shop import Shop, simulate_customers

NUMBERS = ["promo_share", "pages_per_visit", "minutes_m0"]
WORDS = ["service"]
SMALL = {
    "tree": {"min_samples_leaf": 20},
    "forest": {"n_estimators": 10, "min_samples_leaf": 10},
    "extra_trees": {"n_estimators": 10, "min_samples_leaf": 10},
    "boosting": {"max_iter": 15},
}
CATEGORIES = ["children", "cosmetics", "kitchenware"]


def random_shop(customers: int, *, seed: int) -> pd.DataFrame:
    """Return a canonical customer table of random customers, half of whom dropped."""
    rng = np.random.default_rng(seed)
    n = customers
    return pd.DataFrame(
        {
            "customer_id": [str(100_000 + place) for place in range(n)],
            "drop": pd.array(np.arange(n) % 2, dtype="Int8"),
            "service": rng.choice(["standard", "premium"], n),
            "consent": rng.choice(["yes", "no"], n),
            "contacts_6m": rng.uniform(1, 6, n).round(1),
            "contacts_now": rng.integers(1, 7, n).astype(float),
            "tenure_days": rng.integers(30, 1500, n).astype(float),
            "promo_share": rng.uniform(0, 1, n).round(2),
            "favourite_category": rng.choice(CATEGORIES, n),
            "categories_per_visit": rng.integers(1, 7, n).astype(float),
            "unpaid_items": rng.integers(0, 11, n).astype(float),
            "service_errors": rng.integers(0, 10, n).astype(float),
            "pages_per_visit": rng.integers(1, 20, n).astype(float),
            "revenue_m2": rng.normal(5000, 500, n).round(1),
            "revenue_m1": rng.normal(5000, 500, n).round(1),
            "revenue_m0": rng.normal(5000, 500, n).round(1),
            "minutes_m1": rng.integers(4, 25, n).astype(float),
            "minutes_m0": rng.integers(4, 25, n).astype(float),
            "profit": rng.normal(4, 2, n).round(2),
        }
    )


def small_features(rows: int, *, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return three numbers and a word, some missing, and a label that depends on all of them."""
    shop = random_shop(rows, seed=seed)
    rng = np.random.default_rng(seed + 1)
    features = shop[NUMBERS + WORDS].copy()
    push = (
        2 * (shop["promo_share"] - 0.5)
        - 0.1 * (shop["pages_per_visit"] - 10) * (shop["service"] == "premium")
        + 0.05 * (shop["minutes_m0"] - 14)
    )
    label = (rng.random(rows) < 1 / (1 + np.exp(-push))).astype(int)
    features.loc[rng.random(rows) < 0.1, "pages_per_visit"] = np.nan
    return features, label.to_numpy()


def small_model(name: str, features: pd.DataFrame, label: np.ndarray, **knobs: Any) -> Pipeline:
    """Return a family's pipeline fitted on `features`, of few trees unless `knobs` say more."""
    numbers = [column for column in features if column not in WORDS]
    words = [column for column in features if column in WORDS]
    pipeline = make_model(FAMILIES[name], numbers=numbers, words=words, seed=1)
    chosen = SMALL.get(name, {}) | knobs
    pipeline.set_params(**{f"estimate__{knob}": value for knob, value in chosen.items()})
    return pipeline.fit(features, label)


class Formula(ClassifierMixin, BaseEstimator):
    """An estimator whose margin is a formula of the prepared columns; nothing is learnt."""

    def __init__(self, formula: Callable[[np.ndarray], np.ndarray]):
        self.formula = formula

    def fit(self, X: Any, y: Any) -> "Formula":
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        return self.formula(np.asarray(X))


def formula_pipeline(formula: Callable[[np.ndarray], np.ndarray], table: pd.DataFrame) -> Pipeline:
    """Return a pipeline of numbers only, fitted on `table`, whose margin is `formula`."""
    family = Family("formula", lambda _: Formula(formula))
    label = np.arange(len(table)) % 2
    return make_model(family, numbers=list(table), words=[], seed=0).fit(table, label)


def shapley(
    margin: Callable[[np.ndarray], np.ndarray],
    row: np.ndarray,
    background: np.ndarray,
    groups: list[list[int]],
) -> np.ndarray:
    """Return the Shapley value of each group of columns by going through every coalition."""

    def worth(coalition: tuple[int, ...]) -> float:
        mixed = background.copy()
        taken = [column for member in coalition for column in groups[member]]
        mixed[:, taken] = row[taken]
        return float(margin(mixed).mean())

    count = len(groups)
    values = np.zeros(count)
    for player in range(count):
        others = [other for other in range(count) if other != player]
        for size in range(count):
            share = 1 / (count * math.comb(count - 1, size))
            for coalition in itertools.combinations(others, size):
                values[player] += share * (worth((*coalition, player)) - worth(coalition))
    return values


def an_offer(code: str, **changes: Any) -> Offer:
    """Return an offer for everybody, free of charge, with the keys of `changes` changed."""
    plain = {
        "code": code,
        "title": {"ru": "Название", "en": "Title"},
        "text": {"ru": "Текст", "en": "Text"},
        "when": "risk >= 0",
        "reason": "any",
        "channel": "on_site",
        "cost": 0,
        "effect": 0.1,
    }
    return Offer(**(plain | changes))


def kept_out(suppressed: np.ndarray | None = None, **more: np.ndarray) -> dict[str, np.ndarray]:
    """Return whom each of ``eligibility.KEPT_OUT`` stops: nobody but whom the arguments name."""
    given = more if suppressed is None else {"suppressed": suppressed} | more
    nobody = np.zeros(len(next(iter(given.values()))), dtype=bool)
    return {gate: given.get(gate, nobody) for gate in KEPT_OUT}


ABSENT = object()
"""Stands for a key that is taken away."""


def write_changed(path: Path, content: dict[str, Any], changes: dict[str, Any]) -> Path:
    """Write `content` as YAML with keys (by dots) changed or taken away; return the path."""
    for key, value in changes.items():
        *outer, last = key.split(".")
        part = content
        for step in outer:
            part = part[step]
        if value is ABSENT:
            del part[last]
        else:
            part[last] = value
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def project_params() -> dict[str, Any]:
    """Return the content of the params that tests stand on."""
    return yaml.safe_load((FIXTURES / "params.yaml").read_text(encoding="utf-8"))


Rows = list[list[str]]
"""An export as lists of text cells, the header first."""

_DECIMAL = re.compile(r"[+-]?\d+\.\d+")


def clean_export(customers: int, *, seed: int) -> dict[str, Rows]:
    """Return the four exports of a simulated shop without any of its quirks."""
    shop = simulate_customers(customers, unlabelled=0.15, seed=seed)
    plain = shop.truth["quirk"] == ""
    parts = (frame[plain].reset_index(drop=True) for frame in (shop.customers, shop.truth))
    right = {"стандартт": "стандарт", "предыдцщий_месяц": "предыдущий_месяц"}
    tables = as_export(Shop(*parts), columns=COLUMNS, seed=seed)
    return {
        name: [list(table), *table.replace(right).astype(str).to_numpy().tolist()]
        for name, table in tables.items()
    }


def export_text(
    rows: Rows,
    *,
    separator: str = ",",
    decimal: str = ".",
    quoted: bool = False,
    end: str = "\n",
) -> str:
    """Return the rows as the text of a CSV file in a dialect."""

    def cell(text: str) -> str:
        if decimal != "." and _DECIMAL.fullmatch(text):
            text = text.replace(".", decimal)
        inner = text.replace('"', '""')
        return f'"{inner}"' if quoted or separator in text or inner != text else text

    return "".join(separator.join(map(cell, row)) + end for row in rows)


def cells_of(path: Path) -> pd.DataFrame:
    """Return the cells of a table made for people as text, without their guards."""
    text = path.read_bytes().decode("utf-8-sig")
    separator = ";" if ";" in text.partition("\n")[0] else ","
    header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    table = pd.DataFrame(rows, columns=header, dtype="str")
    return table.map(unguard) if rows else table


def scrambled(text: str) -> str:
    """Return UTF-8 text as a program shows it that takes it for CP1251."""
    return "".join(
        bytes([byte]).decode("cp1251") if byte != 0x98 else chr(byte)
        for byte in text.encode("utf-8")
    )
