"""The simulated shop: customers whose probability of a drop is known exactly.

Each class (drop, stay) is a mixture of a few types of customers. Within a type the columns are
independent of each other (but for the three months of revenue, which follow one another), so
that the probability of any behaviour is a product, and Bayes' rule turns it into the
probability of a drop. The interactions come from mixing: few pages mean a drop when the minutes
are few too, and a reader who stays when they are many; no sum over columns can say so.

The figures (means, spreads, shares) were measured on one real export; no row of it is here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from retention.vocabulary import (
    BEHAVIOUR,
    BY_NAME,
    CATEGORIES,
    MINUTES,
    PREVIOUS_MONTH,
    REVENUE,
    headers,
)

DROP_SHARE = 0.3815
"""Share of customers whose purchasing activity drops."""

GROUP_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "communication": ("service", "consent", "contacts_6m", "contacts_now", "tenure_days"),
    "product": ("promo_share", "favourite_category", "categories_per_visit", "unpaid_items"),
    "spending": REVENUE,
    "site": ("service_errors", "pages_per_visit", *MINUTES),
}
"""Which columns the truth counts into which feature group."""

MISSPELT_SHARE = 0.008
"""Share of rows whose service has its last letter typed twice."""

ENTRY_ERROR_FACTOR = 20
"""The one mistyped revenue is this many times the true one."""

FIRST_ID = 300_001


@dataclass(frozen=True)
class Figures:
    """What was measured of one numeric column.

    Attributes
    ----------
    stay, drop : (float, float)
        Mean and standard deviation within the class, in the column's unit.
    low, high, step : float
        Smallest and largest value, and the distance between neighbours, in the same unit.
    """

    stay: tuple[float, float]
    drop: tuple[float, float]
    low: float
    high: float
    step: float = 1


# Three departures from what was measured, each under 7 %: contacts_now, tenure_days and consent
# hardly differ between the classes, so here they do not differ at all; the spreads of
# unpaid_items are a little closer, or a full cart's risk would not rise from its first item on.
FIGURES = {
    "contacts_6m": Figures((4.567, 0.856), (3.711, 1.081), 0.9, 6.6, 0.1),
    "contacts_now": Figures((4.024, 0.699), (4.024, 0.699), 3, 5),
    "tenure_days": Figures((603.0, 243.0), (603.0, 243.0), 121, 1076),
    "categories_per_visit": Figures((3.649, 1.306), (2.561, 1.189), 1, 6),
    "unpaid_items": Figures((2.278, 1.57), (3.668, 2.2), 0, 10),
    "service_errors": Figures((4.417, 1.997), (3.918, 1.871), 0, 9),
    "pages_per_visit": Figures((9.773, 3.422), (5.571, 3.406), 1, 20),
    "minutes_m1": Figures((15.110, 3.419), (11.024, 3.496), 5, 23),
    "minutes_m0": Figures((14.547, 4.084), (11.011, 3.397), 4, 23),
    "revenue_m2": Figures((4932.8, 316.6), (4676.3, 293.5), 4098, 5663),
    # Buyers who are not bargain hunters; these have a peak of their own near 0.94.
    "promo_share": Figures((0.208, 0.063), (0.272, 0.075), 0.11, 0.99, 0.01),
}
BARGAIN_PEAK = (0.97, 0.05)
PROFIT = Figures((3.988, 1.0), (3.988, 1.0), 0.86, 7.21, 0.01)

QUIET_SHARE = 0.125
"""Share of the dropping customers who behave like loyal ones in every column: nothing in an
export tells them apart, and they keep the best reachable score from being near 1."""

SHARES: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "consent": {"yes": (0.744, 0.744), "no": (0.256, 0.256)},
    "favourite_category": {
        "children": (0.235, 0.295),
        "small_appliances": (0.183, 0.055),
        "home_textiles": (0.180, 0.205),
        "cosmetics": (0.156, 0.203),
        "beauty_appliances": (0.153, 0.105),
        "kitchenware": (0.093, 0.137),
    },
}
"""Share of each value of a category among those who stay and among those who drop."""


@dataclass(frozen=True)
class Month:
    """How a month's revenue follows the month before it: a truncated normal around a line.

    Attributes
    ----------
    slope : float
        Money of this month per money of the month before.
    loyal, leaving : (float, float)
        Intercept and standard deviation of the rest, in money.
    low, high, step : float
        Limits and grain of the export, in money.
    """

    slope: float
    loyal: tuple[float, float]
    leaving: tuple[float, float]
    low: float
    high: float
    step: float


# The grain of the middle month is half a unit in the real export. The step from the previous to
# the current month hardly differs between the classes, there as here.
MONTHS = {
    "revenue_m1": Month(0.6, (1959.5, 610.0), (2181.4, 850.0), 2890, 6870, 0.5),
    "revenue_m0": Month(1.0, (265.0, 450.0), (325.0, 450.0), 2758.7, 7799.4, 0.1),
}


@dataclass(frozen=True)
class CustomerType:
    """One type of customer.

    Attributes
    ----------
    name : str
        What a shopkeeper would call them.
    leaving : bool
        Whether they behave as customers do who are about to buy less.
    weight : float
        Share among the leaving or among the loyal, in (0, 1).
    bargain : float
        Share of the type that buys nearly everything on promotion, in (0, 1).
    premium : float
        Share of the type with the premium service, in (0, 1).
    leanings : mapping of str to float
        Where the type stands among the leaving or the loyal, in their standard deviations.
        Only differences between types matter: the means are given by measured figures.
    """

    name: str
    leaving: bool
    weight: float
    bargain: float
    premium: float
    leanings: Mapping[str, float]


# Premium customers turn the usual signs round: whoever knows what to buy needs few pages and few
# minutes, and premium customers who are about to leave compare and search. One column, service,
# thus decides what the others mean, which a tree finds and a sum over columns cannot. Leanings
# and QUIET_SHARE were chosen by trial: best reachable ROC-AUC 0.93, a logistic model 0.02 short.
TYPES = (
    CustomerType("fading", leaving=True, weight=0.64, bargain=0.306, premium=0.005, leanings={}),
    CustomerType(
        "searching premium",
        leaving=True,
        weight=0.36,
        bargain=0.306,
        premium=0.98,
        leanings={
            "pages_per_visit": 1.6,
            "minutes_m1": 1.45,
            "minutes_m0": 1.45,
            "categories_per_visit": 0.45,
            "contacts_6m": 0.45,
            "revenue_m2": 0.45,
        },
    ),
    CustomerType("regular", leaving=False, weight=0.75, bargain=0.0455, premium=0.012, leanings={}),
    CustomerType(
        "decided premium",
        leaving=False,
        weight=0.25,
        bargain=0.0455,
        premium=0.98,
        leanings={
            "pages_per_visit": -1.4,
            "minutes_m1": -1.25,
            "minutes_m0": -1.25,
            "categories_per_visit": -0.45,
            "contacts_6m": -0.45,
            "revenue_m2": -0.45,
        },
    ),
)


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
        :func:`truth`); ``drop``, also where the export does not tell; ``quirk``: empty,
        ``twin``, ``zero_months`` or ``entry_error``.
    """

    customers: pd.DataFrame
    truth: pd.DataFrame


@dataclass(frozen=True)
class _Table:
    """Values of a column, ascending, and the log of each one's share in each type."""

    values: np.ndarray
    log_shares: np.ndarray


def _log_bell(values: np.ndarray, at: np.ndarray, spread: np.ndarray | float) -> np.ndarray:
    """Return log shares, shape (types, values), of a normal density confined to `values`.

    The density and not the difference of two distribution functions: its logarithm has no
    underflow however far a value lies from the type, so the truth has none either.
    """
    bell = -0.5 * ((values - at[:, None]) / spread) ** 2
    return bell - np.logaddexp.reduce(bell, axis=1, keepdims=True)


def _fitted(
    values: np.ndarray, weights: np.ndarray, leanings: np.ndarray, mean: float, spread: float
) -> np.ndarray:
    """Return log shares of a class's types whose mixture has the measured mean and spread.

    A bell cut off by the column's limits has other moments than the whole one, so place and
    width are corrected until the mixture's are right (fixed point; converges in some 20 steps).
    """
    at = mean + leanings * spread
    width = spread
    for _ in range(80):
        shares = np.exp(_log_bell(values, at, width))
        mixture = weights @ shares
        found = mixture @ values
        width *= (spread / np.sqrt(mixture @ (values - found) ** 2)) ** 0.7
        at = at + mean - found
    return _log_bell(values, at, width)


def _leaving_part(
    stay: tuple[float, float], drop: tuple[float, float], quiet: float
) -> tuple[float, float]:
    """Return mean and spread of the leaving, so that with the quiet the drops have `drop`."""
    mean = (drop[0] - quiet * stay[0]) / (1 - quiet)
    squares = (drop[0] ** 2 + drop[1] ** 2 - quiet * (stay[0] ** 2 + stay[1] ** 2)) / (1 - quiet)
    return mean, float(np.sqrt(squares - mean**2))


def _of_types(loyal: float, leaving: float) -> np.ndarray:
    return np.array([leaving if kind.leaving else loyal for kind in TYPES])


def _is_leaving() -> np.ndarray:
    return np.array([kind.leaving for kind in TYPES])


def _weights() -> np.ndarray:
    return np.array([kind.weight for kind in TYPES])


@cache
def _tables() -> dict[str, _Table]:
    """Return the table of every column but the two months that follow another."""
    tables = {}
    for name, figures in FIGURES.items():
        count = round((figures.high - figures.low) / figures.step) + 1
        values = np.round(figures.low + figures.step * np.arange(count, dtype=float), 2)
        leanings = np.array([kind.leanings.get(name, 0.0) for kind in TYPES])
        log_shares = np.empty((len(TYPES), count))
        leaving = _leaving_part(figures.stay, figures.drop, QUIET_SHARE)
        for part, (mean, spread) in ((_is_leaving(), leaving), (~_is_leaving(), figures.stay)):
            log_shares[part] = _fitted(values, _weights()[part], leanings[part], mean, spread)
        tables[name] = _Table(values, log_shares)

    bargain = np.array([kind.bargain for kind in TYPES])[:, None]
    plain = tables["promo_share"]
    peak, width = BARGAIN_PEAK
    hunters = _log_bell(plain.values, np.full(len(TYPES), peak), width)
    tables["promo_share"] = _Table(
        plain.values,
        np.logaddexp(np.log1p(-bargain) + plain.log_shares, np.log(bargain) + hunters),
    )
    premium = np.array([kind.premium for kind in TYPES])
    tables["service"] = _Table(
        np.array(["standard", "premium"], dtype=object),
        np.log(np.column_stack([1 - premium, premium])),
    )
    for name, shares in SHARES.items():
        by_type = np.column_stack(
            [
                _of_types(stay, (drop - QUIET_SHARE * stay) / (1 - QUIET_SHARE))
                for stay, drop in shares.values()
            ]
        )
        tables[name] = _Table(np.array(list(shares), dtype=object), np.log(by_type))
    return tables


def _log_likelihoods(behaviour: Mapping[str, np.ndarray], columns: Sequence[str]) -> np.ndarray:
    """Return the log-likelihood of some columns of each customer in each type.

    Parameters
    ----------
    behaviour : mapping of str to numpy.ndarray, shape (customers,)
        Canonical columns; numbers within the limits of :data:`FIGURES` and :data:`MONTHS`.
    columns : sequence of str
        The columns to count; a month of revenue needs the month before it in `behaviour`.

    Returns
    -------
    numpy.ndarray, shape (customers, types)
        Up to one constant per customer, the same in every type.
    """
    total = np.zeros((len(behaviour[columns[0]]), len(TYPES)))
    for name in columns:
        if name in MONTHS:
            month = MONTHS[name]
            before = behaviour[REVENUE[REVENUE.index(name) - 1]]
            here = behaviour[name]
            # Loyal types share one density and leaving ones another: two, not one for each type.
            density = np.column_stack(
                [
                    -0.5 * ((here - at) / spread) ** 2
                    - np.log(spread)
                    - np.log(ndtr((month.high - at) / spread) - ndtr((month.low - at) / spread))
                    for intercept, spread in (month.loyal, month.leaving)
                    for at in [intercept + month.slope * before]
                ]
            )
            total += density[:, _is_leaving().astype(int)]
            continue
        table = _tables()[name]
        if name not in FIGURES:
            code = pd.Index(table.values).get_indexer(behaviour[name])
        else:
            step = FIGURES[name].step
            code = np.rint((behaviour[name] - table.values[0]) / step).astype(int)
        total += np.ascontiguousarray(table.log_shares.T)[code]
    return total


def truth(behaviour: Mapping[str, np.ndarray] | pd.DataFrame) -> pd.DataFrame:
    """Return each customer's true probability of a drop, and what each feature group adds.

    With x the behaviour, k a type and q the quiet share, Bayes' rule gives::

        loyal(x) = sum of weight[k] p(x | k) over the loyal types; leaving(x) likewise
        p(x | stay) = loyal(x)
        p(x | drop) = (1 - q) leaving(x) + q loyal(x)
        p(drop | x) = s p(x | drop) / (s p(x | drop) + (1 - s) p(x | stay)), s = DROP_SHARE

    Leaving columns out of p(x | k) gives what the rest alone would tell. ``weight_GROUP`` is
    the group's Shapley value in the log-odds: what knowing its columns adds, averaged over the
    orders in which the four groups may become known. Exactly (to rounding)::

        log-odds of probability = log-odds of DROP_SHARE + sum of the four weights

    Parameters
    ----------
    behaviour : mapping or pandas.DataFrame, shape (customers, 16)
        The behaviour columns, as exported and before any fault: numbers within the limits of
        :data:`FIGURES` and :data:`MONTHS`, categories in the project's words.

    Returns
    -------
    pandas.DataFrame, shape (customers, 5)
        ``probability`` in [0, 1] and ``weight_communication``, ``weight_product``,
        ``weight_spending``, ``weight_site`` in log-odds, rounded to 6 digits.

    References
    ----------
    Shapley (1953), A value for n-person games; as conditional expectations of a prediction:
    Lundberg and Lee (2017), A unified approach to interpreting model predictions.
    """
    columns = {name: np.asarray(behaviour[name]) for name in BEHAVIOUR}
    customers = len(columns[BEHAVIOUR[0]])
    block = 50_000  # sixteen coalitions of all customers at once would not fit the cache
    parts = [
        _truth_of_block({name: cells[start : start + block] for name, cells in columns.items()})
        for start in range(0, max(customers, 1), block)
    ]
    return pd.concat(parts, ignore_index=True).round(6)


def _truth_of_block(behaviour: Mapping[str, np.ndarray]) -> pd.DataFrame:
    log_likelihoods = {
        group: _log_likelihoods(behaviour, columns) for group, columns in GROUP_COLUMNS.items()
    }
    loyal = ~_is_leaving()
    drops = np.log(DROP_SHARE * _of_types(QUIET_SHARE, 1 - QUIET_SHARE) * _weights())
    stays = np.log((1 - DROP_SHARE) * _weights()[loyal])

    def log_odds(known: frozenset[str]) -> np.ndarray:
        joint = np.zeros((len(behaviour[BEHAVIOUR[0]]), len(TYPES)))
        for group in sorted(known):
            joint += log_likelihoods[group]
        return np.logaddexp.reduce(joint + drops, axis=1) - np.logaddexp.reduce(
            joint[:, loyal] + stays, axis=1
        )

    groups = tuple(GROUP_COLUMNS)
    coalitions = {
        frozenset(known): log_odds(frozenset(known))
        for size in range(len(groups) + 1)
        for known in combinations(groups, size)
    }
    result = {"probability": 1 / (1 + np.exp(-coalitions[frozenset(groups)]))}
    for group in groups:
        result[f"weight_{group}"] = sum(
            factorial(len(known))
            * factorial(len(groups) - len(known) - 1)
            / factorial(len(groups))
            * (coalitions[known | {group}] - coalitions[known])
            for known in coalitions
            if group not in known
        )
    return pd.DataFrame(result)


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
    limits: Month | Figures,
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
    for name, table in _tables().items():
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
        intercept = _of_types(month.loyal[0], month.leaving[0])[kind]
        spread = _of_types(month.loyal[1], month.leaving[1])[kind]
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
    leaving = _is_leaving()
    # Rows are in runs of one type and label, so that each run can be drawn balanced.
    runs = [
        (np.flatnonzero(part), _counts(_weights()[part], count), is_drop, is_quiet)
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
    frame["profit"] = _confined(_balanced(np.array([customers]), rng), *PROFIT.stay, PROFIT)
    known["drop"] = drop.astype(np.int64)
    known["quirk"] = quirk

    by_label = np.where(ahead, 2, np.where(drop, 0, 1))
    order = np.lexsort((rng.random(customers), by_label))
    ids = FIRST_ID - 1 + np.cumsum(1 + (rng.random(customers) < 0.25))
    frame, known = (table.iloc[order].reset_index(drop=True) for table in (frame, known))
    frame.insert(0, "customer_id", ids)
    known.insert(0, "customer_id", ids)
    return Shop(customers=frame, truth=known)


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
    order = rng.random((len(customers), len(names))).argsort(axis=1)
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
