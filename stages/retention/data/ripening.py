"""Outcomes that ripen: what a drop is, once the months after are there, if the shop is silent.

The rule compares a customer's mean revenue of the ``label.horizon_months`` after a month with that
of the ``label.base_months`` up to it; below ``label.drop_below`` of it is a drop. Each amount is
first divided by the index of its calendar month, so that a quiet season, or the growth of the whole
shop, is nobody's drop.

The index of a calendar month is what is common to all customers in it: each positive amount is
taken as the customer's own level times the month's index times noise, and both are fitted to the
logarithms. So a customer counts against the own level alone: newcomers who spend little, or large
customers who leave, move no index, as they would move a median of all amounts of the month (`make
study-ripening` has the figures). An amount counts the less the further it lies from what the fit
expects, and not at all beyond some five standard deviations (Tukey's biweight): entry errors take
no part, nor do the months in which a customer buys much less. Were these heard, as in a fit by
least squares, the falls of some would be a season of all. The index scales with the amounts: if all
of a month are multiplied by a number, it is, and no outcome changes. Amounts of zero take no part
either: whoever left is a drop and no bad season.
What cannot be told apart is a season and a fall of the shop as a whole: a drop is one beside the
others.

References
----------
A. E. Beaton and J. W. Tukey (1974). The fitting of power series, meaning polynomials, illustrated
on band-spectroscopic data. Technometrics 16, 147-185 (the biweight).
F. R. Hampel, E. M. Ronchetti, P. J. Rousseeuw and W. A. Stahel (1986). Robust Statistics, chapter
6. Wiley (fits by iterated weights).
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.months import shifted
from retention.core.params import Label
from retention.data.ledger import Ledger
from retention.stats.intervals import exact_share

_AHEAD, _NO_BASE, _ABSENT, _UNCLEAR = "ahead", "no_base", "absent", "unclear"
REASONS_UNKNOWN = (_AHEAD, _NO_BASE, _ABSENT, _UNCLEAR)
"""Why an outcome is unknown: its months are not there yet; earlier revenue is 0 or not known; a
later export lacks the customer (``label.absent: unknown``); a later cell is empty or broken."""
_TURNS, _SETTLED = 200, 1e-7
"""Turns of the fit at most, and the change of an index that ends them."""
_FAR = 4.685
"""Robust standard deviations from which an amount takes no part (Beaton & Tukey 1974)."""
_HEARD = 1e-6
"""Weight from which the amounts of a customer, or of a month, are heard."""
_DIGITS = 9
"""Digits of the ratio that is held against the cut: beyond them is the noise of summing."""


@dataclass(frozen=True)
class Outcomes:
    """What came of some customers after a month.

    Attributes
    ----------
    drop : ndarray of float, shape (n_customers,)
        1 a drop, 0 none, missing where it is unknown.
    unknown : ndarray of str
        One of :data:`REASONS_UNKNOWN`, empty text where the outcome is known.
    absent : ndarray of bool
        Whom some export of the months after lacks.
    """

    drop: np.ndarray
    unknown: np.ndarray
    absent: np.ndarray


def season_index(told: pd.DataFrame) -> pd.Series:
    """Return each calendar month's index, missing where nobody spent anything in it.

    It begins with the median of the month's positive amounts, so that it scales with them exactly;
    then levels and indices are fitted in turn, and the weights follow the residuals.

    Parameters
    ----------
    told : DataFrame
        The amounts of a row a customer, a column a calendar month, as ``ledger.Ledger`` has them.
    """
    start = told.where(told > 0).median()
    amounts = told.to_numpy("float64")
    known = amounts > 0
    if not known.any():
        return start
    logs = np.where(known, np.log(np.where(known, amounts, 1.0) / start.to_numpy()), 0.0)
    level = _middles(np.where(known, logs, np.nan))
    shift = np.zeros(logs.shape[1])
    for _ in range(_TURNS):
        rest = logs - level[:, None] - shift
        scale = 1.4826 * np.median(np.abs(rest[known])) + 10.0**-_DIGITS
        weight = np.where(known, np.clip(1 - (rest / (_FAR * scale)) ** 2, 0, None) ** 2, 0.0)
        heard = weight.sum(axis=1)
        fitted = (weight * (logs - shift)).sum(axis=1)
        level = np.divide(fitted, heard, out=level.copy(), where=heard > _HEARD)
        of_month = weight.sum(axis=0)
        total = (weight * (logs - level[:, None])).sum(axis=0)
        moved = np.divide(total, of_month, out=shift.copy(), where=of_month > _HEARD)
        moved -= moved.mean()
        step, shift = np.abs(moved - shift).max(), moved
        if step < _SETTLED:
            break
    return start * np.exp(shift)


def _middles(logs: np.ndarray) -> np.ndarray:
    """Return the median of each row, 0 where it is empty."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nan_to_num(np.nanmedian(logs, axis=1))


def relative_season(index: pd.Series) -> dict[str, float]:
    """Return the index for people: 1 is the mean of all calendar months that have one."""
    known = index.dropna()
    return {str(month): float(value) for month, value in (known / known.mean()).items()}


def outcomes_after(
    ledger: Ledger, index: pd.Series, ids: pd.Series, month: str, *, rule: Label, last: str
) -> Outcomes:
    """Return what came of customers after a month by the rule.

    Parameters
    ----------
    ledger : Ledger
        Revenue by calendar month.
    index : Series
        As :func:`season_index` gives it.
    ids : Series of str
        The customers.
    month : str
        The month up to which the base reaches.
    rule : Label
        The params section.
    last : str
        The last month that has exports.
    """
    count = len(ids)
    after = [shifted(month, by) for by in range(1, rule.horizon_months + 1)]
    if after[-1] > last:
        nothing = np.full(count, np.nan)
        return Outcomes(nothing, np.full(count, _AHEAD, dtype=object), np.zeros(count, dtype=bool))
    base = [shifted(month, -by) for by in range(rule.base_months)]
    before = _indexed(ledger, index, ids, base).mean(axis=1)  # unknown if any of them is
    absent = ~ledger.has_row.reindex(index=ids, columns=after, fill_value=False).to_numpy(bool)
    later = _indexed(ledger, index, ids, after)
    later[absent] = 0.0 if rule.absent == "zero" else np.nan
    ratio = np.divide(
        later.mean(axis=1), before, out=np.full(count, np.nan), where=np.nan_to_num(before) > 0
    )
    is_absent = absent.any(axis=1)
    lacking = np.isnan(later) & ~absent
    unknown = np.select(
        [
            ~(np.nan_to_num(before) > 0),
            is_absent if rule.absent == "unknown" else np.zeros(count, dtype=bool),
            lacking.any(axis=1),
        ],
        [_NO_BASE, _ABSENT, _UNCLEAR],
        default="",
    )
    drop = (np.round(ratio, _DIGITS) < rule.drop_below).astype("float64")
    drop[unknown != ""] = np.nan
    return Outcomes(drop, unknown.astype(object), is_absent)


def told_by_both(shop: np.ndarray, rule: np.ndarray) -> np.ndarray:
    """Count where both the shop and the rule tell an outcome, shape (2, 2): by shop, by rule.

    Parameters
    ----------
    shop, rule : ndarray of float
        1 a drop, 0 none, missing where it is not told.
    """
    both = ~(np.isnan(shop) | np.isnan(rule))
    pairs = 2 * shop[both].astype("int64") + rule[both].astype("int64")
    return np.bincount(pairs, minlength=4).reshape(2, 2)


def agreement(counts: np.ndarray) -> dict[str, float | int | None] | None:
    """Return how often the shop's label and the rule agree; None where never both tell.

    The share has the exact 95 % interval of a binomial (Clopper & Pearson 1934,
    doi:10.1093/biomet/26.4.404); ``kappa`` is that of Cohen (1960, doi:10.1177/001316446002000104):
    the agreement beyond chance, 1 at most, null where both say the same of everyone.

    Parameters
    ----------
    counts : ndarray of int, shape (2, 2)
        As :func:`told_by_both` returns them, of all customers.
    """
    count, agree = int(counts.sum()), int(np.trace(counts))
    if not count:
        return None
    low, high = exact_share(agree, count)
    one, other = counts[1].sum() / count, counts[:, 1].sum() / count
    by_chance = one * other + (1 - one) * (1 - other)
    share = agree / count
    return {
        "both": count,
        "agree": agree,
        "share": share,
        "share_low": low,
        "share_high": high,
        "kappa": None if by_chance == 1 else float((share - by_chance) / (1 - by_chance)),
    }


def _indexed(ledger: Ledger, index: pd.Series, ids: pd.Series, months: list[str]) -> np.ndarray:
    """Return amounts of customers in some calendar months, each divided by its month's index."""
    amounts = ledger.amounts.reindex(index=ids, columns=months).to_numpy("float64", copy=True)
    return amounts / index.reindex(months).to_numpy("float64")
