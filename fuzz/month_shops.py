"""Months of an odd but valid shop, for the fuzzer: exports a month, campaigns, a kept model."""

import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import promote
from dictionary import COLUMNS
from retention.core import paths
from retention.core.files import read_parquet
from retention.core.months import shifted
from retention.core.vocabulary import IDENTITY, LABEL, MARKET_FILE, MINUTES, REVENUE
from retention.models.keeping import keep_model
from simulation.export import as_export
from simulation.shop import Shop

FIRST = "2025-11"
CATEGORY = "favourite_category"


def draw_months(shop: pd.DataFrame, rng: random.Random) -> dict[str, pd.DataFrame]:
    """Return the customers of each month: of the shop's columns, with what changes over time."""
    count = rng.choice((1, 3, 5, 7, 8, 9, 10))
    noise = np.random.default_rng(rng.randrange(2**32))
    labels = rng.choice((0.0, 0.0, 0.3, 1.0))  # chance that a month has the shop's own
    moving = rng.choice((0.0, 0.1, 1.0))  # share of customers who behave anew in a month
    away = rng.choice((0.0, 0.05, 0.4))
    calendar = {
        names: {
            shifted(FIRST, by): _moved(shop[names[by % len(names)]], names[-1], noise)
            for by in range(1 - len(names), count)
        }
        for names in (REVENUE, MINUTES)
    }
    found = {}
    for place in range(count):
        month = shifted(FIRST, place)
        rows = shop.copy()
        donors = np.where(
            noise.random(len(rows)) < moving, noise.permutation(len(rows)), rows.index
        )
        others = [name for name in rows if name not in (IDENTITY, LABEL)]
        rows[others] = shop[others].iloc[donors].set_index(rows.index)
        for names, of_month in calendar.items():
            for back, name in enumerate(reversed(names)):
                rows[name] = of_month[shifted(month, -back)]
        if rng.random() >= labels:
            rows[LABEL] = pd.array([pd.NA] * len(rows), dtype="Int64")
        here = noise.random(len(rows)) >= away
        found[month] = rows[here if here.any() else here | True].reset_index(drop=True)
    return found


def _moved(column: pd.Series, name: str, noise: np.random.Generator) -> pd.Series:
    """Return a column's values in another month, within what the column can hold."""
    known = COLUMNS.by_name[name]
    moved = column.astype("float64") * noise.choice([1, 0.3, 1.5], len(column), p=[0.6, 0.2, 0.2])
    digits = 0 if known.kind == "integer" else 1
    return moved.round(digits).clip(known.low, known.high)


def draw_month_params(params: dict[str, Any], rng: random.Random) -> None:
    """Change params to those of months, some drawn."""
    params["data"] |= {"dir": "data/raw", "as_of": rng.choice((None, None, "2026-12-31"))}
    params["campaign"]["date"] = rng.choice((None, "2026-12-31"))
    params["label"] |= {
        "horizon_months": rng.choice((3, 3, 1, 6)),
        "base_months": rng.choice((3, 1, 12)),
        "drop_below": rng.choice((0.8, 0.8, 0.3, 0.99)),
        "absent": rng.choice(("zero", "unknown")),
    }
    params["evaluate"] |= {"alarm_level": rng.choice((0.05, 0.5)), "oldest_model": 2}


def write_months(folder: Path, months: Mapping[str, pd.DataFrame], rng: random.Random) -> None:
    """Write the exports of each month into a folder of its own."""
    column = COLUMNS.by_name[CATEGORY]
    exported = {word: export for export, word in column.exported.items()}
    label = COLUMNS.by_name[LABEL].header
    for month, customers in months.items():
        (folder / month).mkdir(parents=True)
        shop = Shop(customers, pd.DataFrame({"quirk": [""] * len(customers)}))
        for name, table in as_export(shop, columns=COLUMNS, seed=1).items():
            if name == MARKET_FILE:
                table[column.header] = customers[CATEGORY].map(exported).fillna(customers[CATEGORY])
                if customers[LABEL].isna().all() and rng.random() < 0.7:
                    del table[label]
            table.to_csv(folder / month / f"{name}.csv", index=False)


def write_campaign(months: Mapping[str, pd.DataFrame], rng: random.Random) -> None:
    """Say that some customers of a month were in a campaign, now and then without a control."""
    month = rng.choice(list(months))
    ids = sorted(months[month][IDENTITY].astype(str))
    some = rng.sample(ids, max(1, len(ids) // rng.choice((3, 20))))
    arms = rng.choice((("treatment", "control"), ("treatment",), ("control",)))
    listed = pd.DataFrame({IDENTITY: some, "offer": "any", "risk": 0.5, "horizon": 3})
    listed["arm"] = [rng.choice(arms) for _ in some]
    folder = paths.CAMPAIGNS / "some"
    folder.mkdir(parents=True)
    listed.assign(date=f"{shifted(month, 1)}-01").to_parquet(folder / "list.parquet")


def keep_and_forget(params: dict[str, Any], rng: random.Random) -> None:
    """Keep the model that was trained and use it; now and then the months that taught it go."""
    keep_model("some", promote.BESIDE, read_parquet(paths.FEATURES))
    shutil.rmtree(paths.TRAINED.folder)
    params["score"]["model"] = str(paths.MODELS / "some")
    raw = Path(params["data"]["dir"])
    months = sorted(path.name for path in raw.iterdir())
    for month in months[: rng.choice((0, 0, 1, len(months) // 2, len(months) - 1))]:
        shutil.rmtree(raw / month)
