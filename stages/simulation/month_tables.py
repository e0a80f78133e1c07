"""What a simulated shop of months exports, a table a month, and what is true of it."""

from functools import cache

import numpy as np
import pandas as pd
from scipy.special import ndtri

from retention.core.params import Label
from retention.core.vocabulary import IDENTITY, LABEL, MINUTES, MONTH, PROFIT, REVENUE
from simulation.life import State, drop_probability
from simulation.months import HISTORY, ShopOfMonths, revenue_of
from simulation.parameters import BEHAVIOUR, FIGURES, PROFIT_STATISTICS, TYPES, is_leaving
from simulation.truth import tables

RESTATED_BY = 1.06
"""How many times an amount of revenue is greater in the later export, where it is restated."""
_DRIFTING = ("pages_per_visit", "minutes_m0")
_SEASONAL = ("minutes_m0",)
_DAYS_A_MONTH = 30.44
_STATES = np.array(["loyal", "warning", "warning", "warning", "low", "gone"], dtype=object)


def customers_of_months(shop: ShopOfMonths) -> dict[str, pd.DataFrame]:
    """Return the customers of each month, as exported: canonical columns without a label."""
    revenue = np.round(revenue_of(shop) * shop.level * shop.season[:, None], 1)
    told = np.where(shop.restated, np.round(revenue / RESTATED_BY, 1), revenue)
    behaviour = _behaviour(shop)
    found = {}
    for row, month in enumerate(shop.months, start=HISTORY):
        who = np.flatnonzero(shop.is_there(row))
        cells = {name: amounts[row, who] for name, amounts in behaviour.items()}
        age = row - shop.arrived[who]
        cells["tenure_days"] = np.rint(age * _DAYS_A_MONTH + shop.day[who]).astype("int64")
        for back, name in enumerate(reversed(REVENUE)):
            cells[name] = (revenue if back else told)[row - back, who]
        for back, name in enumerate(reversed(MINUTES)):
            there = shop.arrived[who] <= row - back
            cells[name] = np.where(there, behaviour["minutes_m0"][row - back, who], 0)
        frame = pd.DataFrame({name: cells[name] for name in (*BEHAVIOUR, PROFIT)})
        frame.insert(0, IDENTITY, shop.ids[who])
        found[month] = frame
    return found


def truth_of_months(shop: ShopOfMonths, label: Label) -> pd.DataFrame:
    """Return what is true of each customer in each month.

    Parameters
    ----------
    shop : ShopOfMonths
    label : Label
        What a drop is.

    Returns
    -------
    DataFrame
        ``customer_id``, ``month``; ``probability`` of a drop, given the state, the level and the
        revenue so far (missing where fewer months than `label` asks for are behind); ``state``;
        ``drop``, by the revenue that came, without the season (missing where that is ahead, or the
        customer has none by ``label.absent``).
    """
    revenue, parts = revenue_of(shop), []
    for row, month in enumerate(shop.months, start=HISTORY):
        who = np.flatnonzero(shop.is_there(row))
        first, last = row - label.base_months + 1, row + label.horizon_months
        state = shop.state[row, who]
        chance, drop = np.full(len(who), np.nan), np.full(len(who), np.nan)
        if first >= 0:
            base = revenue[first : row + 1, who].mean(axis=0)
            chance = drop_probability(
                state,
                base,
                horizon=label.horizon_months,
                drop_below=label.drop_below,
                absent=label.absent,
            )
            if last < len(revenue):
                after = revenue[row + 1 : last + 1, who].mean(axis=0)
                drop = (after < label.drop_below * base).astype("float64")
                if label.absent == "unknown":
                    drop[(shop.state[row + 1 : last + 1, who] == State.GONE).any(axis=0)] = np.nan
        parts.append(
            pd.DataFrame(
                {
                    IDENTITY: shop.ids[who],
                    MONTH: month,
                    "probability": chance.round(6),
                    "state": _STATES[state],
                    LABEL: pd.array(drop, dtype="Int64"),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _behaviour(shop: ShopOfMonths) -> dict[str, np.ndarray]:
    """Return what everyone does in every month, shape (n_months, n_customers), by column."""
    warning = (shop.state >= State.WARNING_1) & (shop.state <= State.WARNING_3)
    kind = np.where(
        warning, np.where(shop.premium, *_WARNING_TYPES), np.where(shop.premium, *_LOYAL_TYPES)
    )
    found: dict[str, np.ndarray] = {}
    for name, places in shop.places.items():
        if name == PROFIT:
            mean, spread = PROFIT_STATISTICS.stay
            low, high = PROFIT_STATISTICS.low, PROFIT_STATISTICS.high
            found[name] = np.round(np.clip(mean + spread * places, low, high), 2)
            continue
        values, ladders = _ladders(name)
        code = np.empty(places.shape, dtype="int64")
        for number, ladder in enumerate(ladders):
            rows = kind == number
            code[rows] = np.searchsorted(ladder, places[rows], side="right")
        cells = values[code]
        if name in _DRIFTING or name in _SEASONAL:
            factor = np.ones(len(cells))
            factor = factor * (shop.trend if name in _DRIFTING else 1.0)
            factor = factor * (shop.season if name in _SEASONAL else 1.0)
            cells = np.rint(cells * factor[:, None])
        whole = name in FIGURES and FIGURES[name].step == 1
        found[name] = cells.astype("int64") if whole else cells
    return found


def _pair(*, leaving: bool) -> tuple[int, int]:
    """Return the premium and the plain type of those who are about to leave, or are not."""
    alike = np.flatnonzero(is_leaving() == leaving)
    premium = [TYPES[number].premium for number in alike]
    return int(alike[np.argmax(premium)]), int(alike[np.argmin(premium)])


_WARNING_TYPES, _LOYAL_TYPES = _pair(leaving=True), _pair(leaving=False)


@cache
def _ladders(name: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the values of a column, and for each type the normal numbers that part them."""
    table = tables()[name]
    ends = np.cumsum(np.exp(table.log_shares), axis=1)
    ends = np.clip(ends / ends[:, -1:], 0.0, 1.0)
    # A number as great as the last end belongs to the last value all the same.
    return table.values, [ndtri(row[:-1]) for row in ends]
