"""A made-up shop in months: customers who stay, come and leave; the exports of each month."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from dictionary import COLUMNS
from retention.core.months import shifted
from simulation.export import as_export
from simulation.shop import Shop, simulate_customers

FIRST = "2026-01"


@dataclass
class MonthShop:
    """What every customer spends in each calendar month, and the months in which they are there.

    `revenue` and `minutes` have a row a customer and a column a calendar month; `there` is of the
    same shape. Change them before :meth:`exports`.
    """

    months: list[str]
    customers: pd.DataFrame
    revenue: pd.DataFrame
    minutes: pd.DataFrame
    there: pd.DataFrame
    labels: dict[str, Mapping[str, int]] = field(default_factory=dict)
    """By month, outcomes that the shop's own export tells, by the customer's id."""

    def known(self, month: str) -> pd.Series:
        """Whom the export of a month has."""
        return self.there[month]

    def exports(self, month: str) -> dict[str, pd.DataFrame]:
        """Return the four exports of a month, as the shop writes them."""
        here = self.known(month).to_numpy(dtype=bool)
        customers = self.customers[here].reset_index(drop=True)
        ids = customers["customer_id"].astype(str)
        for name, table, by in (
            *((f"revenue_m{by}", self.revenue, by) for by in (2, 1, 0)),
            *((f"minutes_m{by}", self.minutes, by) for by in (1, 0)),
        ):
            customers[name] = table.loc[ids, shifted(month, -by)].to_numpy()
        rng = np.random.default_rng([int(month[:4]), int(month[5:])])
        customers["contacts_now"] = rng.integers(1, 7, len(customers)).astype(float)
        customers["pages_per_visit"] = rng.integers(2, 19, len(customers)).astype(float)
        told = ids.map(dict(self.labels.get(month, {})))
        customers["drop"] = pd.array(told.to_numpy("float64"), dtype="Int64")
        plain = pd.DataFrame({"quirk": [""] * len(customers)})
        return as_export(Shop(customers, plain), columns=COLUMNS, seed=1)

    def write(self, folder: Path) -> Path:
        """Write a folder for each month; return `folder`."""
        for month in self.months:
            (folder / month).mkdir(parents=True, exist_ok=True)
            for table, rows in self.exports(month).items():
                rows.to_csv(folder / month / f"{table}.csv", index=False)
        return folder


def month_shop(customers: int = 120, months: int = 8, *, seed: int = 1) -> MonthShop:
    """Return a shop in which every customer is there all the time, with noise of 20 % a month.

    Half of the customers have a calm trend of nothing, a quarter fall by 15 % a month from some
    month on.
    """
    rng = np.random.default_rng(seed)
    named = [shifted(FIRST, by) for by in range(months)]
    calendar = [shifted(FIRST, by) for by in range(-2, months)]
    base = simulate_customers(max(customers, 60), unlabelled=0.0, seed=seed).customers[:customers]
    base = base.reset_index(drop=True)
    ids = base["customer_id"].astype(str)
    size = (customers, len(calendar))
    level = rng.lognormal(8.5, 0.3, customers)[:, None]
    begins = np.where(rng.random(customers) < 0.25, rng.integers(2, len(calendar), customers), 999)
    steps = np.clip(np.arange(len(calendar))[None, :] - begins[:, None], 0, None)
    fall = 0.85**steps
    revenue = (level * fall * rng.lognormal(0, 0.2, size)).round(1)
    minutes = np.clip(rng.normal(13, 3, size) * fall, 1, None).round(0)
    frames = (pd.DataFrame(values, ids, calendar) for values in (revenue, minutes))
    there = pd.DataFrame(True, ids, calendar)
    return MonthShop(named, base, *frames, there)
