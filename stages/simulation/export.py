"""The simulated shop's four exports: its words, its months, its misspellings."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from retention.core.vocabulary import BY_NAME, CATEGORIES, MINUTES, PREVIOUS_MONTH, REVENUE, headers
from simulation.shop import Shop

MISSPELT_SHARE = 0.008
"""Share of rows whose service has its last letter typed twice."""


def as_export(shop: Shop, *, seed: int) -> dict[str, pd.DataFrame]:
    """Return the four tables as the shop exports them: its words, its months, its misspellings.

    Parameters
    ----------
    shop : Shop
        The simulated shop.
    seed : int
        Draws the order of months within a customer and the rows with a misspelt service.

    Returns
    -------
    dict of str to pandas.DataFrame
        By the name of the file, without its ending.
    """
    rng = np.random.default_rng([seed, 1])
    customers = shop.customers
    words = {
        name: {canonical: word for word, canonical in BY_NAME[name].values}
        for name in ("drop", "service", "consent")
    }
    words["favourite_category"] = {canonical: word for word, canonical in CATEGORIES.items()}

    behaviour = {}
    for column in (c for c in BY_NAME.values() if c.table == "market_file"):
        cells = customers[column.name]
        if column.name in words:
            cells = (cells.astype("string") if column.name == "drop" else cells).map(
                words[column.name], na_action="ignore"
            )
            cells = cells.astype(object).where(cells.notna(), "")
        behaviour[column.header] = cells
    market_file = pd.DataFrame(behaviour)
    # A twin must stay equal to its pair, spelling included.
    standard = np.flatnonzero(
        (customers["service"] == "standard") & (shop.truth["quirk"] != "twin")
    )
    misspelt = rng.permutation(standard)[: max(1, round(MISSPELT_SHARE * len(customers)))]
    service = market_file.columns.get_loc(BY_NAME["service"].header)
    word = words["service"]["standard"]
    market_file.iloc[misspelt, service] = word + word[-1]

    # The export of minutes types its earlier month with a key beside the right one.
    slip = {PREVIOUS_MONTH: PREVIOUS_MONTH.replace("у", "ц")}
    money = _by_month(customers, REVENUE, {}, rng)
    time = _by_month(customers, MINUTES, slip, rng)
    profit = customers[["customer_id", "profit"]].set_axis(headers("money"), axis=1)
    return {"market_file": market_file, "market_money": money, "market_time": time, "money": profit}


def _by_month(
    customers: pd.DataFrame,
    names: Sequence[str],
    slips: Mapping[str, str],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return one row a customer and month, the months of each customer in a random order."""
    order = rng.random((len(customers), len(names))).argsort(axis=1, kind="stable")
    periods = np.array([BY_NAME[name].period for name in names], dtype=object)
    periods = np.array([slips.get(period, period) for period in periods], dtype=object)
    amounts = np.take_along_axis(customers[list(names)].to_numpy(), order, axis=1)
    cells = (
        np.repeat(customers["customer_id"], len(names)),
        periods[order.ravel()],
        amounts.ravel(),
    )
    table = BY_NAME[names[0]].table
    return pd.DataFrame(dict(zip(headers(table), map(np.asarray, cells), strict=True)))
