"""The simulated shop: customers whose probability of a drop is known exactly."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from retention.core.vocabulary import REVENUE
from simulation.parameters import (
    BEHAVIOUR,
    DROP_SHARE,
    FIGURES,
    MONTHS,
    PROFIT_STATISTICS,
    QUIET_SHARE,
    TYPES,
    Month,
    NumberStatistics,
    is_leaving,
    of_types,
    type_weights,
)
from simulation.truth import tables, truth

ENTRY_ERROR_FACTOR = 20
"""The one mistyped revenue is this many times the true one."""

FIRST_ID = 300_001


@dataclass(frozen=True)
class Shop:
    """Simulated customers and what is true of them, row by row, in the order of the export.

    Attributes
    ----------
    customers : pandas.DataFrame, shape (customers, 20)
        The canonical columns as exported, with their faults; ``drop`` is missing where the
        three months are still ahead.
    truth : pandas.DataFrame, shape (customers, 8)
        ``customer_id``; ``probability`` of a drop and its parts ``weight_GROUP`` (see
        :func:`simulation.truth.truth`); ``drop``, also where the export does not tell;
        ``quirk``: empty, ``twin``, ``zero_months`` or ``entry_error``.
    """

    customers: pd.DataFrame
    truth: pd.DataFrame


def _counts(shares: np.ndarray, total: int) -> np.ndarray:
    """Split `total` by `shares`, which sum to 1, into whole numbers (largest remainder)."""
    exact = shares * total
    whole = np.floor(exact).astype(int)
    most_cut = np.argsort(-(exact - whole), kind="stable")[: total - whole.sum()]
    whole[most_cut] += 1
    return whole


def _balanced(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return uniform numbers that fill (0, 1) evenly within each run of `counts` rows.

    A Latin hypercube (McKay, Beckman and Conover 1979): each number is uniform, and a shop of
    1,300 already has the class shape that plain draws would reach only at many thousands.
    """
    return np.concatenate([(rng.permutation(n) + rng.random(n)) / max(n, 1) for n in counts])


def _confined(
    uniform: np.ndarray,
    at: np.ndarray | float,
    spread: np.ndarray | float,
    limits: Month | NumberStatistics,
) -> np.ndarray:
    """Return truncated normal numbers for `uniform` ones, on the grain of `limits`."""
    below, above = ndtr((limits.low - at) / spread), ndtr((limits.high - at) / spread)
    money = at + spread * ndtri(below + uniform * (above - below))
    return np.round(np.clip(np.rint(money / limits.step) * limits.step, limits.low, limits.high), 2)


def _behaviour(
    kinds: np.ndarray, counts: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw the behaviour of runs of customers: `counts` customers of the types `kinds`."""
    kind = np.repeat(kinds, counts)
    drawn: dict[str, np.ndarray] = {}
    for name, table in tables().items():
        ends = np.cumsum(np.exp(table.log_shares), axis=1)
        ends /= ends[:, -1:]
        # One search for all types: type k owns the numbers from k to k + 1.
        ladder = (ends + np.arange(len(TYPES))[:, None]).ravel()
        code = np.searchsorted(ladder, kind + _balanced(counts, rng), side="right")
        cells = table.values[np.minimum(code - kind * ends.shape[1], ends.shape[1] - 1)]
        whole = name in FIGURES and FIGURES[name].step == 1
        drawn[name] = cells.astype(np.int64) if whole and name not in REVENUE else cells
    for name, month in MONTHS.items():
        before = drawn[REVENUE[REVENUE.index(name) - 1]]
        intercept = of_types(month.loyal[0], month.leaving[0])[kind]
        spread = of_types(month.loyal[1], month.leaving[1])[kind]
        at = intercept + month.slope * before
        drawn[name] = _confined(_balanced(counts, rng), at, spread, month)
    return {name: drawn[name] for name in BEHAVIOUR}


def _add_twins(
    behaviour: Mapping[str, np.ndarray],
    quirk: np.ndarray,
    drop: np.ndarray,
    quiet: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Copy some quiet customers' behaviour onto others who drop, in place."""
    pairs = min(8, max(1, len(quirk) * 8 // 300))
    # A small shop has fewer quiet customers than twins; then the copies replace others.
    alike = np.concatenate([rng.permutation(np.flatnonzero(drop & (quiet == q))) for q in (1, 0)])
    originals, copies = alike[:pairs], alike[pairs : 2 * pairs]
    for cells in behaviour.values():
        cells[copies] = cells[originals]
    quirk[alike[: 2 * pairs]] = "twin"


def _add_faults(
    behaviour: Mapping[str, np.ndarray],
    quirk: np.ndarray,
    candidates: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Add new customers without earlier revenue and one mistyped revenue, in place."""
    new_count = min(3, max(1, len(quirk) * 3 // 300))
    *new, mistyped = rng.permutation(np.flatnonzero(candidates & (quirk == "")))[: new_count + 1]
    quirk[new], quirk[mistyped] = "zero_months", "entry_error"
    for column in ("revenue_m2", "revenue_m1", "promo_share"):
        behaviour[column][new] = 0.0
    behaviour["tenure_days"][new] = rng.integers(110, 160, size=len(new))
    true = behaviour["revenue_m0"][mistyped]
    behaviour["revenue_m0"][mistyped] = np.round(true * ENTRY_ERROR_FACTOR, 1)


def simulate_customers(customers: int, *, unlabelled: float, seed: int) -> Shop:
    """Simulate a shop with the quirks of a real export, and keep the truth.

    Quirks, all among customers who drop, as in the real export: pairs of twins, equal in every
    column but id and profit, that behave like loyal customers (8 pairs from 300 customers on);
    new customers without revenue in both earlier months (3); one mistyped revenue. The truth
    of a quirk is that of the behaviour before it: the mistyped revenue's true value, the new
    customer's months as if there had been any. A twin's is that of the behaviour it shares;
    as both of a pair drop, the twins (16 of 1,300) drop more often than their probability says.

    Parameters
    ----------
    customers : int
        How many; at least 60.
    unlabelled : float
        Share of customers, in [0, 0.9], whose three months are still ahead; chosen at random,
        independent of everything, but never a quirk.
    seed : int
        The same arguments give the same shop.

    Returns
    -------
    Shop
        Labelled drops, labelled stays, then the unlabelled; at random within each.

    Raises
    ------
    ValueError
        If there are too few customers to hold the quirks.
    """
    if customers < 60:
        raise ValueError(f"customers is {customers}; a shop needs at least 60 to hold its quirks")
    rng = np.random.default_rng(seed)
    drops = round(customers * DROP_SHARE)
    quiet_count = round(drops * QUIET_SHARE)
    leaving = is_leaving()
    # Rows are in runs of one type and label, so that each run can be drawn balanced.
    runs = [
        (np.flatnonzero(part), _counts(type_weights()[part], count), is_drop, is_quiet)
        for part, count, is_drop, is_quiet in (
            (leaving, drops - quiet_count, True, False),
            (~leaving, quiet_count, True, True),
            (~leaving, customers - drops, False, False),
        )
    ]
    kinds = np.concatenate([kinds for kinds, *_ in runs])
    counts = np.concatenate([counts for _, counts, *_ in runs])
    behaviour = _behaviour(kinds, counts, rng)
    drop = np.repeat([is_drop for *_, is_drop, _ in runs], [run[1].sum() for run in runs])
    quiet = np.repeat([is_quiet for *_, is_quiet in runs], [run[1].sum() for run in runs])

    quirk = np.full(customers, "", dtype=object)
    _add_twins(behaviour, quirk, drop, quiet, rng)
    known = truth(behaviour)
    _add_faults(behaviour, quirk, drop & ~quiet, rng)

    plain = rng.permutation(np.flatnonzero(quirk == ""))
    ahead = np.zeros(customers, dtype=bool)
    ahead[plain[: min(round(unlabelled * customers), len(plain))]] = True

    frame = pd.DataFrame(behaviour)
    frame.insert(0, "drop", pd.array(drop, dtype="Int64"))
    frame.loc[ahead, "drop"] = pd.NA
    frame["profit"] = _confined(
        _balanced(np.array([customers]), rng), *PROFIT_STATISTICS.stay, PROFIT_STATISTICS
    )
    known["drop"] = drop.astype(np.int64)
    known["quirk"] = quirk

    by_label = np.where(ahead, 2, np.where(drop, 0, 1))
    order = np.lexsort((rng.random(customers), by_label))
    ids = FIRST_ID - 1 + np.cumsum(1 + (rng.random(customers) < 0.25))
    frame, known = (table.iloc[order].reset_index(drop=True) for table in (frame, known))
    frame.insert(0, "customer_id", ids)
    known.insert(0, "customer_id", ids)
    return Shop(customers=frame, truth=known)
