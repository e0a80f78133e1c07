"""What tells a segment from other customers: behaviour, and profit by favourite category."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from retention.core.customer_parts import CustomerColumns
from retention.core.rule_values import RISK
from retention.core.vocabulary import FAVOURITE, PROFIT
from retention.stats.effects import (
    UNKNOWN_EFFECT,
    Effect,
    benjamini_hochberg,
    rank_effect,
    share_effect,
)
from retention.stats.stratified import NOWHERE, strata_of, stratified_effect

OTHERS, SAME_RISK = "others", "others_of_same_risk"
"""Whom a segment is compared with."""
_FIGURES = ("inside", "outside", "effect", "effect_low", "effect_high", "p_value")


def portraits(
    belongs: pd.DataFrame,
    customers: CustomerColumns,
    features: Sequence[str],
    words: Sequence[str],
    *,
    picked: Mapping[str, Collection[str]],
    strata: Mapping[str, np.ndarray],
    level: float,
    least: int = 1,
    counted: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return what tells each segment from other customers.

    Parameters
    ----------
    belongs : DataFrame of bool
        A column a segment; rows as in `customers`.
    customers : CustomerColumns
        `features` and `words`.
    features : sequence of str
        Columns to compare, in the order of the answer.
    words : sequence of str
        Those of them that hold words; any that `features` lacks come last.
    picked : mapping
        What each segment is picked by: a difference in that follows from the rule alone, so it
        is marked and is no test.
    strata : mapping
        As :func:`risk_strata` gives them; a segment without is compared with everyone else.
    level : float
        Coverage of each interval, above 0 and below 1.
    least : int
        Customers that a word needs to be compared: a rare one tells nothing, and may be a note
        about a person that came into the wrong column, while the picture is in Git. Also those
        that a segment, and the others of the same risk, need for the comparison at equal risk.
    counted : ndarray of bool, optional
        The rows that count, one of each twin pair; by default all.

    Returns
    -------
    DataFrame
        ``segment``, ``feature``, ``value`` (the word; empty for a number), ``compared_with``
        (:data:`OTHERS` or :data:`SAME_RISK`), ``inside`` and ``outside`` (mean of a number, share
        of a word; at the same risk of those who can be compared, the others weighed to the
        segment's risks), ``effect``, ``effect_low``, ``effect_high`` and ``p_value`` (see
        ``retention.stats.effects`` and ``stratified``), ``q_value``, ``by_rule``. The q-value is
        the larger of Benjamini-Hochberg's over all rows and over those of the segment: what is
        shown is right as a whole, and a segment without differences does not profit from others
        that have many. A word has a row for each value, but where there are two only one for the
        rarer. Missing values do not count; a segment that is empty or everyone, or has too few
        others of its risk, has NaN.
    """
    rows = _counted(customers, counted)
    inside = belongs.to_numpy(dtype=bool)[rows]
    at_risk = {
        place: _Near.of(strata[name][rows], inside[:, place])
        for place, name in enumerate(belongs)
        if name in strata
    }
    found = []
    for name in dict.fromkeys([*features, *words]):
        column = customers[name][rows]
        told = (
            _words(column, inside, at_risk, level=level, least=least)
            if name in words
            else _numbers(column, inside, at_risk, level=level, least=least)
        )
        for place, value, effect in told:
            segment = belongs.columns[place]
            figures = (effect.inside, effect.outside, effect.effect, effect.low, effect.high)
            whom = SAME_RISK if segment in strata else OTHERS
            by_rule = name in picked[segment]
            found.append((segment, name, value, whom, *figures, effect.p_value, by_rule, place))
    columns = ["segment", "feature", "value", "compared_with", *_FIGURES, "by_rule", "place"]
    table = pd.DataFrame(found, columns=columns).sort_values("place", kind="stable")
    tested = table["p_value"].mask(table["by_rule"])
    within = tested.groupby(table["place"]).transform(_q_values)
    table.insert(10, "q_value", np.maximum(_q_values(tested), within))
    return table.drop(columns="place").reset_index(drop=True)


def risk_strata(
    belongs: pd.DataFrame,
    customers: CustomerColumns,
    *,
    picked: Mapping[str, Collection[str]],
    counted: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Return the strata of risk within which each segment that is picked by risk is compared.

    Whatever drives risk tells those at high risk from those at low risk, and would be said of
    every segment at high risk; what tells one of them is seen beside others of the same risk.

    Parameters
    ----------
    belongs : DataFrame of bool
        A column a segment; rows as in `customers`.
    customers : CustomerColumns
        With ``risk``.
    picked : mapping
        What each segment is picked by.
    counted : ndarray of bool, optional
        The rows that count, one of each twin pair; by default all.

    Returns
    -------
    dict
        By segment the stratum of each customer, as ``stratified.strata_of`` gives it, and
        ``stratified.NOWHERE`` where a customer does not count. A segment whose rule does not
        speak of risk is left out.
    """
    rows, risk = _counted(customers, counted), customers[RISK].to_numpy("float64")
    found = {}
    for name in belongs:
        if RISK in picked[name]:
            # A column a segment, of everyone: short numbers.
            found[name] = np.full(len(customers), NOWHERE, dtype="int32")
            found[name][rows] = strata_of(risk[rows], belongs[name].to_numpy(dtype=bool)[rows])
    return found


def comparable(
    belongs: pd.DataFrame,
    strata: Mapping[str, np.ndarray],
    *,
    least: int,
    counted: np.ndarray,
) -> dict[str, dict[str, object]]:
    """Return whom each segment's portrait is compared with, and for how many that can be done.

    Parameters
    ----------
    belongs, strata, least, counted
        As :func:`portraits` takes them.

    Returns
    -------
    dict
        By segment ``compared_with``; ``compared`` and ``not_compared``, customers of the segment
        (one of each twin pair) with and without others to compare them with; ``enough``, whether
        there are enough of either.
    """
    told = {}
    for name in belongs:
        inside = belongs[name].to_numpy(dtype=bool)
        near = strata[name] != NOWHERE if name in strata else counted
        sides = int((inside & near).sum()), int((~inside & near).sum())
        told[name] = {
            "compared_with": SAME_RISK if name in strata else OTHERS,
            "compared": sides[0],
            "not_compared": int((inside & counted).sum()) - sides[0],
            "enough": min(sides) >= (least if name in strata else 1),
        }
    return told


def _counted(customers: CustomerColumns, counted: np.ndarray | None) -> np.ndarray:
    return np.ones(len(customers), dtype=bool) if counted is None else np.asarray(counted, bool)


def _q_values(p_values: pd.Series) -> np.ndarray:
    return benjamini_hochberg(p_values.to_numpy("float64"))


class _Near(NamedTuple):
    """Those who are compared at equal risk: some of many, whom every feature asks for."""

    rows: np.ndarray
    inside: np.ndarray
    strata: np.ndarray

    @classmethod
    def of(cls, strata: np.ndarray, inside: np.ndarray) -> "_Near":
        """Return them by the stratum of everyone who counts."""
        rows = np.flatnonzero(strata != NOWHERE)
        return cls(rows, inside[rows], strata[rows])

    def effect(self, values: np.ndarray, *, ranks: np.ndarray | None = None, **how: Any) -> Effect:
        """Compare the values of everyone who counts, as ``stratified_effect`` does."""
        if ranks is not None:
            how["ranks"] = ranks[self.rows]
        return stratified_effect(values[self.rows], self.inside, self.strata, **how)


def _numbers(
    column: pd.Series,
    inside: np.ndarray,
    at_risk: Mapping[int, _Near],
    *,
    level: float,
    least: int,
) -> list:
    """Compare a number in each segment, a column of `inside`: (place, "", effect)."""
    values = column.to_numpy("float64", na_value=np.nan)
    known = ~np.isnan(values)
    distinct, place = np.unique(values[known], return_inverse=True)
    total = np.bincount(place, minlength=len(distinct)).astype("float64")
    ranks = _short(place, known, most=len(distinct))
    found: list[tuple[int, str, Effect]] = []
    for segment in range(inside.shape[1]):
        if segment in at_risk:
            effect = at_risk[segment].effect(values, level=level, least=least, ranks=ranks)
        else:
            within = np.bincount(place[inside[known, segment]], minlength=len(distinct))
            effect = rank_effect(distinct, within.astype("float64"), total - within, level=level)
        found.append((segment, "", effect))
    return found


def _short(place: np.ndarray, known: np.ndarray, *, most: int) -> np.ndarray | None:
    """Return the codes of those who are known among all, where they are below `most` and short."""
    if most > 2**16:
        return None
    ranks = np.zeros(len(known), dtype="uint16")
    ranks[known] = place
    return ranks


def _words(
    column: pd.Series,
    inside: np.ndarray,
    at_risk: Mapping[int, _Near],
    *,
    level: float,
    least: int,
) -> list:
    """Compare each word's share in each segment, a column of `inside`: (place, word, effect)."""
    place, names = pd.factorize(column, sort=True)
    known = place >= 0
    total = np.bincount(place[known], minlength=len(names))
    shown = [word for word in range(len(names)) if total[word] >= least]
    if len(names) == 2:  # the second says what the first has said
        shown = sorted(shown, key=lambda word: (total[word], -word))[:1]
    found: list[tuple[int, str, Effect]] = []
    for segment in range(inside.shape[1]):
        within = np.bincount(place[known & inside[:, segment]], minlength=len(names))
        m, n = int(within.sum()), int((total - within).sum())
        for word in shown:
            a, b = int(within[word]), int(total[word] - within[word])
            effect = UNKNOWN_EFFECT
            if segment in at_risk:
                holds = np.where(known, place == word, np.nan)
                effect = at_risk[segment].effect(holds, level=level, least=least, word=True)
            elif m and n:
                effect = share_effect(a, m, b, n, level=level)
            found.append((segment, str(names[word]), effect))
    return found


def categories(
    inside: np.ndarray,
    customers: CustomerColumns,
    *,
    level: float,
    least: int,
    counted: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return profit by favourite category inside a segment and outside it.

    Parameters
    ----------
    inside : ndarray of bool, shape (n_customers,)
    customers : CustomerColumns
        ``favourite_category`` and ``profit`` (a month); unknown profits do not count in means.
    level : float
        Coverage, above 0 and below 1, of all the intervals of one kind together.
    least : int
        Customers of known profit that a category needs inside, and outside, to decide anything.
    counted : ndarray of bool, optional
        The rows that count, one of each twin pair; by default all.

    Returns
    -------
    DataFrame
        A row a ``category``, by name:

        - ``customers_inside``, ``customers_outside``, and ``share_inside``, ``share_outside``
          (of the customers of known category);
        - ``profit_inside``, ``profit_outside``: mean monthly profit, and ``error_inside``,
          ``error_outside``, its standard errors;
        - ``difference`` of the two means with ``low`` and ``high``, an interval that holds for
          all categories with enough customers at once (Welch, Bonferroni);
        - ``shrunk_profit_inside`` and ``shrunk_difference``: drawn towards the segment's mean,
          the more, the less is known of the category (:func:`shrunk`);
        - ``enough``: whether the category has `least` customers on both sides;
        - ``told_apart``: whether there are enough and the interval does not include 0;
        - ``may_be_best``: whether, among categories with enough, it cannot be told apart from
          the one that earns most in the segment (Gupta 1965, doi:10.1080/00401706.1965.10490251:
          the best is among them with probability `level`).
    """
    rows = customers[FAVOURITE].notna().to_numpy()
    if counted is not None:
        rows = rows & np.asarray(counted, dtype=bool)
    place, names = pd.factorize(customers[FAVOURITE][rows], sort=True)
    profit = customers[PROFIT][rows].to_numpy("float64", na_value=np.nan)
    within = np.asarray(inside, dtype=bool)[rows]
    here = _by_category(place[within], profit[within], len(names), least=least)
    there = _by_category(place[~within], profit[~within], len(names), least=least)
    enough = (here["known"] >= least) & (there["known"] >= least)
    difference = here["mean"] - there["mean"]
    deciding = max(1, int(enough.sum()))
    reach = _reach(here, there, tail=(1 - level) / 2 / deciding)
    table = pd.DataFrame(
        {
            "category": np.asarray(names, dtype=object).astype("str"),
            "customers_inside": here["customers"].astype("int64"),
            "customers_outside": there["customers"].astype("int64"),
            "share_inside": here["customers"] / max(1, within.sum()),
            "share_outside": there["customers"] / max(1, (~within).sum()),
            "profit_inside": here["mean"],
            "profit_outside": there["mean"],
            "error_inside": np.sqrt(here["error"]),
            "error_outside": np.sqrt(there["error"]),
            "difference": difference,
            "low": difference - reach,
            "high": difference + reach,
            "shrunk_profit_inside": shrunk(here["mean"], here["error"]),
            "shrunk_difference": shrunk(difference, here["error"] + there["error"]),
            "enough": enough,
        }
    )
    table["told_apart"] = enough & ((table["low"] > 0) | (table["high"] < 0))
    table["may_be_best"] = _may_be_best(here, enough, tail=1 - level)
    return table


def categories_of(
    belongs: pd.DataFrame,
    customers: CustomerColumns,
    *,
    level: float,
    least: int,
    counted: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return :func:`categories` of every segment (a column of `belongs`), ``segment`` before it."""
    tables = {
        name: categories(
            belongs[name].to_numpy(), customers, level=level, least=least, counted=counted
        )
        for name in belongs
    }
    return pd.concat(tables, names=["segment"]).reset_index("segment").reset_index(drop=True)


def shrunk(means: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Draw estimates towards their common mean, the more, the less each one is known.

    The empirical-Bayes estimate of a normal model with normal errors; how much the true values
    vary is told by the moments (DerSimonian & Laird 1986, doi:10.1016/0197-2456(86)90046-2). Where
    the estimates differ no more than their errors make them, all become the common mean.

    Parameters
    ----------
    means : ndarray of float
        NaN stays.
    errors : ndarray of float
        Squared standard errors, above 0.
    """
    known = ~np.isnan(means)
    if known.sum() < 2:
        return means.copy()
    weight = 1 / errors[known]
    total = weight.sum()
    middle = weight @ means[known] / total
    excess = weight @ (means[known] - middle) ** 2 - (known.sum() - 1)
    varied = max(0.0, excess / (total - weight @ weight / total))
    weight = 1 / (errors[known] + varied)
    middle = weight @ means[known] / weight.sum()
    drawn = means.copy()
    own = varied / (varied + errors[known])
    drawn[known] = middle + own * (means[known] - middle)
    return drawn


def recommendations(table: pd.DataFrame, *, by_rule: bool = False) -> dict[str, object]:
    """Return the two categories that the shop wants to know of a segment.

    Parameters
    ----------
    table : DataFrame
        What :func:`categories` gave.
    by_rule : bool
        Whether the segment is picked by profit, so that it earns more than everyone else by its
        rule and no category can be named for it.

    Returns
    -------
    dict
        ``earns_most``: the category with the highest (shrunk) mean profit in the segment, with
        ``earns_most_told_apart`` (whether there are others with enough customers, and none of
        them may be the best), ``_rivals`` (those that may), ``_customers``, ``_profit`` and
        ``_shrunk_profit``. ``over_earns``: the one where the segment earns more than everyone
        else by the largest (shrunk) difference, with ``_told_apart`` (whether the interval is
        above 0), ``_by_rule`` (`by_rule`: then none is named), ``_customers``,
        ``_difference``, ``_low``, ``_high`` and ``_shrunk_difference``. Only categories with
        enough customers are named; None, without the figures, where there is no such category.
    """
    enough = table[table["enough"]]
    most = _top(enough, "profit_inside", "shrunk_profit_inside")
    more = _top(enough[enough["difference"] > 0], "difference", "shrunk_difference")
    found: dict[str, object] = {"earns_most": None, "earns_most_told_apart": False}
    if most is not None:
        best = enough.loc[enough["may_be_best"], "category"]
        rivals = [name for name in best if name != most["category"]]
        found |= {
            "earns_most": most["category"],
            "earns_most_told_apart": not rivals and len(enough) > 1,
            "earns_most_rivals": rivals,
            "earns_most_customers": int(most["customers_inside"]),
            "earns_most_profit": float(most["profit_inside"]),
            "earns_most_shrunk_profit": float(most["shrunk_profit_inside"]),
        }
    found |= {"over_earns": None, "over_earns_told_apart": False, "over_earns_by_rule": by_rule}
    if more is not None and not by_rule:
        found |= {
            "over_earns": more["category"],
            "over_earns_told_apart": bool(more["low"] > 0),
            "over_earns_customers": int(more["customers_inside"]),
            "over_earns_difference": float(more["difference"]),
            "over_earns_low": float(more["low"]),
            "over_earns_high": float(more["high"]),
            "over_earns_shrunk_difference": float(more["shrunk_difference"]),
        }
    return found


def _by_category(
    place: np.ndarray, profit: np.ndarray, count: int, *, least: int
) -> dict[str, np.ndarray]:
    """Return for each category all customers, those of known profit, their mean and its error.

    The squared error takes the category's own variance where `least` customers tell it, that of
    all categories pooled where fewer do.
    """
    customers = np.bincount(place, minlength=count).astype("float64")
    told = ~np.isnan(profit)
    place, profit = place[told], profit[told]
    known = np.bincount(place, minlength=count).astype("float64")
    absent = np.where(known > 0, known, np.nan)
    mean = np.bincount(place, profit, minlength=count) / absent
    squares = np.bincount(place, (profit - mean[place]) ** 2, minlength=count)
    free = np.maximum(known - 1, 0)
    pooled = squares.sum() / free.sum() if free.sum() else np.nan
    own = squares / np.maximum(free, 1)
    # Where all profits are equal the error is as small as a file's last digit, not nothing.
    error = np.maximum(np.where(known >= least, own, pooled), 1e-12) / absent
    return {"customers": customers, "known": known, "mean": mean, "error": error}


def _reach(here: dict, there: dict, *, tail: float) -> np.ndarray:
    """Return half the width of Welch's interval of each difference; `tail` lies beyond each end."""
    a, b = here["error"], there["error"]
    free = [np.maximum(side["known"] - 1, 1) for side in (here, there)]
    freedom = (a + b) ** 2 / (a**2 / free[0] + b**2 / free[1])
    return stats.t.isf(tail, freedom) * np.sqrt(a + b)


def _may_be_best(side: dict, enough: np.ndarray, *, tail: float) -> np.ndarray:
    """Tell which categories cannot be told apart from the best of those with enough customers."""
    best = np.zeros(len(enough), dtype=bool)
    rivals = np.flatnonzero(enough)
    each = {name: values[rivals] for name, values in side.items()}
    for one in rivals:
        alone = {name: values[[one]] for name, values in side.items()}
        reach = _reach(alone, each, tail=tail / max(1, len(rivals) - 1))
        best[one] = (each["mean"] - alone["mean"] <= reach).all()
    return best


def _top(table: pd.DataFrame, plain: str, drawn: str) -> pd.Series | None:
    """Return the row with the largest shrunk figure.

    Where all are shrunk to one value, the largest surplus over it, times its customers, decides:
    that is who leads when the shrinkage is just not complete.
    """
    if table.empty:
        return None
    surplus = (table[plain] - table[drawn]) * table["customers_inside"]
    order = np.lexsort([-surplus, -table[drawn].round(9)])
    return table.iloc[order[0]]
