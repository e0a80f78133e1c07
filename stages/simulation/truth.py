"""The probability of a drop that is true in the simulated shop, from its types of customers.

Each class (drop, stay) is a mixture of a few types of customers. Within a type the columns are
independent of each other (but for the three months of revenue, which follow one another), so
that the probability of any behaviour is a product, and Bayes' rule turns it into the
probability of a drop. The interactions come from mixing: few pages mean a drop when the minutes
are few too, and a reader who stays when they are many; no sum over columns can say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
from scipy.special import ndtr

from retention.core.vocabulary import REVENUE
from simulation.parameters import (
    BARGAIN_PEAK,
    BEHAVIOUR,
    DROP_SHARE,
    FIGURES,
    GROUP_COLUMNS,
    MONTHS,
    QUIET_SHARE,
    SHARES,
    TYPES,
    is_leaving,
    of_types,
    type_weights,
)


@dataclass(frozen=True)
class Table:
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


@cache
def tables() -> dict[str, Table]:
    """Return the table of every column but the two months that follow another."""
    found = {}
    for name, figures in FIGURES.items():
        count = round((figures.high - figures.low) / figures.step) + 1
        values = np.round(figures.low + figures.step * np.arange(count, dtype=float), 2)
        leanings = np.array([kind.leanings.get(name, 0.0) for kind in TYPES])
        log_shares = np.empty((len(TYPES), count))
        leaving = _leaving_part(figures.stay, figures.drop, QUIET_SHARE)
        for part, (mean, spread) in ((is_leaving(), leaving), (~is_leaving(), figures.stay)):
            log_shares[part] = _fitted(values, type_weights()[part], leanings[part], mean, spread)
        found[name] = Table(values, log_shares)

    bargain = np.array([kind.bargain for kind in TYPES])[:, None]
    plain = found["promo_share"]
    peak, width = BARGAIN_PEAK
    hunters = _log_bell(plain.values, np.full(len(TYPES), peak), width)
    found["promo_share"] = Table(
        plain.values,
        np.logaddexp(np.log1p(-bargain) + plain.log_shares, np.log(bargain) + hunters),
    )
    premium = np.array([kind.premium for kind in TYPES])
    found["service"] = Table(
        np.array(["standard", "premium"], dtype=object),
        np.log(np.column_stack([1 - premium, premium])),
    )
    for name, shares in SHARES.items():
        by_type = np.column_stack(
            [
                of_types(stay, (drop - QUIET_SHARE * stay) / (1 - QUIET_SHARE))
                for stay, drop in shares.values()
            ]
        )
        found[name] = Table(np.array(list(shares), dtype=object), np.log(by_type))
    return found


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
            total += density[:, is_leaving().astype(int)]
            continue
        table = tables()[name]
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
    loyal = ~is_leaving()
    drops = np.log(DROP_SHARE * of_types(QUIET_SHARE, 1 - QUIET_SHARE) * type_weights())
    stays = np.log((1 - DROP_SHARE) * type_weights()[loyal])

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
