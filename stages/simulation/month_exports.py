"""The folders of a simulated shop of months: one a month, the four exports in each."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.errors import InputError
from retention.core.months import is_month
from retention.core.vocabulary import IDENTITY, LABEL, MONTH
from simulation.export import EXPORT_DIALECTS, as_export, write_export
from simulation.month_tables import customers_of_months
from simulation.months import ShopOfMonths
from simulation.shop import Shop

LABELS_FILE = "labels.csv"
"""The shop's own labels of a month, where it has any."""


def write_months(
    shop: ShopOfMonths,
    folder: Path,
    *,
    columns: Columns,
    seed: int,
    last: str | None = None,
    labels: pd.DataFrame | None = None,
) -> None:
    """Write the exports of each month into a folder of its own, without labels.

    Parameters
    ----------
    shop : ShopOfMonths
    folder : Path
        Gets the folders ``YYYY-MM``; what else is in it stays.
    columns : Columns
        The data dictionary.
    seed : int
        Draws the misspellings.
    last : str, optional
        The last month that is written.
    labels : DataFrame, optional
        ``customer_id``, ``month`` and ``drop``: where not missing, they are written to the month's
        :data:`LABELS_FILE` in the words of the export, as a shop's own labels.

    Raises
    ------
    InputError
        If `last` is none of the months.
    """
    if last is not None and last not in shop.months:
        valid = f"{shop.months[0]} to {shop.months[-1]}"
        raise InputError(f"month {last} is none of the simulated shop's; valid: {valid}")
    words = {int(word): export for export, word in columns.by_name[LABEL].exported.items()}
    for month, customers in customers_of_months(shop).items():
        if last is not None and month > last:
            break
        plain = Shop(customers, pd.DataFrame({"quirk": np.full(len(customers), "")}))
        drawn = np.random.SeedSequence([seed, shop.row(month)]).generate_state(1)
        for name, table in as_export(plain, columns=columns, seed=int(drawn[0])).items():
            path = folder / month / f"{name}.csv"
            write_export(table, path, **EXPORT_DIALECTS.get(name, {}))
        if labels is not None:
            known = labels[(labels[MONTH] == month) & labels[LABEL].notna()]
            told = {IDENTITY: known[IDENTITY], "label": known[LABEL].astype(int).map(words)}
            write_export(pd.DataFrame(told), folder / month / LABELS_FILE)


def clear_exports(folder: Path) -> None:
    """Remove the exports of an earlier run: a folder of months holds no others, nor a snapshot."""
    for path in sorted(folder.glob("*")):
        if path.is_dir() and is_month(path.name):
            shutil.rmtree(path)
        elif path.suffix == ".csv":
            path.unlink()
