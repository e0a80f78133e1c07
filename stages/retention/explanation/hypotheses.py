"""The shop's questions, answered by data: a figure, an interval, and yes, no or "cannot tell".

Every question is put as a claim. Its figure is the difference that the claim speaks of, so a
positive figure supports it: the share of drops among the customers whom the claim calls riskier
minus that among those they are compared with, in percentage points. These are associations in
what was observed; none says what an offer or a change would cause.

Some twenty claims are put to one table, so one of them would come out by chance. The intervals
therefore hold together (Bonferroni: a claim's own level is 1 - (1 - level) / claims), and chance
alone makes any claim of a table "yes" in at most 1 - level of all tables.

References
----------
R. G. Newcombe (1998). Interval estimation for the difference between independent proportions.
Statistics in Medicine 17, 873-890 (method 10).
S. Greenland, J. M. Robins (1985). Estimation of a common effect parameter from sparse follow-up
data. Biometrics 41, 55-68 (the difference of shares over strata).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from retention.core.vocabulary import CATEGORY_PREFIX, FAVOURITE, LABEL, MINUTES, REVENUE
from retention.explanation.refits import jackknife_error, reach
from retention.stats.effects import share_difference

YES, NO, CANNOT_TELL = "yes", "no", "cannot_tell"

PERCENTAGE_POINTS = "percentage points"
LOG_ODDS = "log-odds"
MARGINS = {PERCENTAGE_POINTS: 2.0, LOG_ODDS: 0.0}
"""Differences up to this one, in their unit, are too small to act on: the claim is answered no."""

LEAST_ON_A_SIDE = 5
"""Customers that each side of a comparison needs."""
_LEAST_IN_CATEGORY = 30
"""Customers that a favourite category needs to be asked about."""
EXTREME = 0.01
"""Share of customers whose revenue lies furthest out, left out to see whether they decide."""

Sides = Callable[[pd.DataFrame], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Question:
    """One claim.

    Attributes
    ----------
    key : str
        Its name in files; the page's table of sentences words it.
    columns : tuple of str
        Features it needs; without them it is not asked.
    sides : callable or None
        Tells from the customers who is on the first side and who on the other; None for the
        claim about the model's contributions.
    unit : str
        Unit of the figure.
    both_ways : bool
        Whether a difference either way answers yes ("does it matter?").
    strata : callable or None
        Tells each customer's stratum; customers are then compared within strata only.
    """

    key: str
    columns: tuple[str, ...] = ()
    sides: Sides | None = None
    unit: str = PERCENTAGE_POINTS
    both_ways: bool = False
    strata: Callable[[pd.DataFrame], np.ndarray] | None = None


def outer_thirds(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tell who is in the lower and who in the upper third of `values`; missing ones in neither.

    Customers of one value stay together, so a third of few distinct values may hold more.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(len(values), bool), np.zeros(len(values), bool)
    low, high = np.quantile(known, [1 / 3, 2 / 3])
    if low == high:
        return values < low, values > high
    return values <= low, values >= high


def _column(customers: pd.DataFrame, *names: str) -> np.ndarray:
    """Return the mean of some numbers; missing where the shop's dictionary has words there."""
    if len(customers[list(names)].select_dtypes("number").columns) < len(names):
        return np.full(len(customers), np.nan)
    return customers[list(names)].to_numpy("float64", na_value=np.nan).mean(axis=1)


def _lower_third(*names: str) -> Sides:
    return lambda customers: outer_thirds(_column(customers, *names))


def _upper_third(*names: str) -> Sides:
    return lambda customers: outer_thirds(_column(customers, *names))[::-1]


def _from(name: str, cut: float) -> Sides:
    def sides(customers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        values = _column(customers, name)
        return values >= cut, values < cut

    return sides


def _words(name: str, first: str, other: str) -> Sides:
    def sides(customers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        words = customers[name].to_numpy(dtype=object, na_value="")
        return words == first, words == other

    return sides


def _risers(customers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    oldest, current = (_column(customers, name) for name in (REVENUE[0], REVENUE[-1]))
    return current > oldest, current <= oldest


def _fifths(name: str) -> Callable[[pd.DataFrame], np.ndarray]:
    def strata(customers: pd.DataFrame) -> np.ndarray:
        ranks = customers[name].rank(pct=True).fillna(1).to_numpy("float64")
        return np.minimum((ranks * 5).astype("int64"), 4)

    return strata


QUESTIONS = {
    question.key: question
    for question in (
        Question(
            "communication_matters_less",
            unit=LOG_ODDS,
        ),
        Question(
            "rising_revenue",
            (REVENUE[0], REVENUE[-1]),
            _risers,
        ),
        Question(
            "rising_revenue_same_start",
            (REVENUE[0], REVENUE[-1]),
            _risers,
            strata=_fifths(REVENUE[0]),
        ),
        Question(
            "few_contacts",
            ("contacts_6m",),
            _lower_third("contacts_6m"),
        ),
        Question(
            "promotion_buyers",
            ("promo_share",),
            _from("promo_share", 0.5),
        ),
        Question(
            "full_carts",
            ("unpaid_items",),
            _upper_third("unpaid_items"),
        ),
        Question(
            "few_pages",
            ("pages_per_visit",),
            _lower_third("pages_per_visit"),
        ),
        Question(
            "few_minutes",
            MINUTES,
            _lower_third(*MINUTES),
        ),
        Question(
            "few_categories",
            ("categories_per_visit",),
            _lower_third("categories_per_visit"),
        ),
        Question(
            "service_errors",
            ("service_errors",),
            _upper_third("service_errors"),
        ),
        Question(
            "service_level",
            ("service",),
            _words("service", "premium", "standard"),
            both_ways=True,
        ),
        Question(
            "consent",
            ("consent",),
            _words("consent", "no", "yes"),
            both_ways=True,
        ),
    )
}
"""Every claim that is always asked; :func:`category_question` makes one for each category."""

COMPARED = ("site", "communication")
"""The feature groups that the claim about the model compares."""
MODEL_QUESTION = "communication_matters_less"


def category_question(category: str) -> Question:
    """Return the claim that a favourite category is over-represented among the drops."""
    return Question(f"{CATEGORY_PREFIX}{category}", (FAVOURITE,))


def compared_shares(
    event: np.ndarray, first: np.ndarray, other: np.ndarray, *, level: float
) -> tuple[float, float, float]:
    """Return the difference of two shares and its interval (Newcombe's score method).

    Parameters
    ----------
    event : ndarray of bool, shape (n_customers,)
        Whose share is taken.
    first, other : ndarray of bool, shape (n_customers,)
        The two sides; they share no customer.
    level : float
        Coverage of the interval, above 0 and below 1.

    Returns
    -------
    tuple of float
        Share among the first minus share among the other, lower and upper end, -1 to 1; missing
        where a side has fewer than :data:`LEAST_ON_A_SIDE` customers.
    """
    sizes = [int(side.sum()) for side in (first, other)]
    if min(sizes) < LEAST_ON_A_SIDE:
        return float("nan"), float("nan"), float("nan")
    hits, other_hits = (int(event[side].sum()) for side in (first, other))
    return share_difference(hits, sizes[0], other_hits, sizes[1], level=level)


def stratified_difference(
    event: np.ndarray, first: np.ndarray, other: np.ndarray, strata: np.ndarray, *, level: float
) -> tuple[float, float, float]:
    """Return the difference of two shares within strata (Mantel-Haenszel) and its interval.

    Parameters are those of :func:`compared_shares`, and each customer's stratum; strata without a
    customer of either side tell nothing.
    """
    weights, gaps, variances = [], [], []
    for stratum in np.unique(strata):
        here = strata == stratum
        n1, n2 = int((first & here).sum()), int((other & here).sum())
        if min(n1, n2) < LEAST_ON_A_SIDE:
            continue
        p1, p2 = float(event[first & here].mean()), float(event[other & here].mean())
        weights.append(n1 * n2 / (n1 + n2))
        gaps.append(p1 - p2)
        # A customer more of each kind: a stratum without a drop must not look certain.
        q1, q2 = (n1 * p1 + 1) / (n1 + 2), (n2 * p2 + 1) / (n2 + 2)
        variances.append(q1 * (1 - q1) / n1 + q2 * (1 - q2) / n2)
    if not weights:
        return float("nan"), float("nan"), float("nan")
    share = np.array(weights) / np.sum(weights)
    gap, error = float(share @ gaps), float(np.sqrt(share**2 @ variances))
    reach = NormalDist().inv_cdf((1 + level) / 2) * error
    return gap, gap - reach, gap + reach


def group_gap(contributions: pd.DataFrame, groups: Mapping[str, str]) -> np.ndarray | None:
    """Return by how much the site weighs more than communication for each customer.

    Parameters
    ----------
    contributions : DataFrame, shape (n_customers, n_features)
    groups : mapping
        The group of each feature.

    Returns
    -------
    ndarray, shape (n_customers,), or None
        Absolute contribution of the first of :data:`COMPARED` minus that of the second, each
        summed within the group first; None where a group has no feature.
    """
    if not {groups[name] for name in contributions} >= set(COMPARED):
        return None
    first, second = (
        contributions[[name for name in contributions if groups[name] == group]].sum(axis=1).abs()
        for group in COMPARED
    )
    return (first - second).to_numpy("float64")


def model_interval(
    gap: np.ndarray, replicates: np.ndarray, *, level: float, learnt: float
) -> tuple[float, float, float]:
    """Return the mean of `gap` and its interval over shops, each with a model of its own.

    Parameters
    ----------
    gap : ndarray of float, shape (n_customers,)
    replicates : ndarray of float, shape (n_folds,)
        The mean by models that lack a fold each; without two there is no interval.
    level : float
        Coverage, above 0 and below 1.
    learnt : float
        Share of the training customers that these models had together.
    """
    if len(gap) < LEAST_ON_A_SIDE:
        return float("nan"), float("nan"), float("nan")
    mean = float(gap.mean())
    if len(replicates) < 2:
        return mean, float("nan"), float("nan")
    error = float(jackknife_error(replicates)) * np.sqrt(learnt)
    half = reach(len(replicates), level=level) * error
    return mean, mean - half, mean + half


def claim_answer(low: float, high: float, *, margin: float, both_ways: bool) -> str:
    """Return what an interval says of a claim: yes, no or cannot_tell.

    Parameters
    ----------
    low, high : float
        The interval; missing where there were too few customers.
    margin : float
        Differences up to it, in the unit of the interval, are too small to act on.
    both_ways : bool
        Whether a difference either way answers yes.
    """
    if np.isnan(low) or np.isnan(high):
        return CANNOT_TELL
    if high <= margin and (low >= -margin or not both_ways):
        return NO
    return YES if low > 0 or (both_ways and high < 0) else CANNOT_TELL


def extremes(customers: pd.DataFrame) -> np.ndarray:
    """Tell who is among the 1 % whose revenue of some month lies furthest from its median.

    Distances are counted in the month's median absolute deviations.
    """
    months = customers[[name for name in REVENUE if name in customers]].astype("float64")
    if months.empty:
        return np.zeros(len(customers), dtype=bool)
    away = (months - months.median()).abs()
    spread = away.median().replace(0, 1)
    return ((away / spread).max(axis=1).rank(pct=True) > 1 - EXTREME).to_numpy()


def variants(customers: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return who is asked: as a rule, with twins apart, without twins, without extreme revenues."""
    scored = customers["scored"].to_numpy(dtype=bool)
    return {
        "": scored,
        "twins_apart": np.ones(len(customers), dtype=bool),
        "no_twins": scored & ~customers["twin_key"].duplicated(keep=False).to_numpy(),
        "no_extremes": scored & ~extremes(customers),
    }


def asked(customers: pd.DataFrame, *, of_model: bool) -> list[Question]:
    """Return the claims that these customers' columns can answer."""
    always = [
        question
        for question in QUESTIONS.values()
        if set(question.columns) <= set(customers) and (question.sides is not None or of_model)
    ]
    if FAVOURITE not in customers:
        return always
    sizes = customers.loc[customers["scored"].astype(bool), FAVOURITE].value_counts()
    return always + [
        category_question(word) for word in sorted(sizes.index[sizes >= _LEAST_IN_CATEGORY])
    ]


def _measure(
    question: Question,
    customers: pd.DataFrame,
    gap: np.ndarray | None,
    replicates: np.ndarray,
    *,
    level: float,
    learnt: float,
) -> tuple[float, float, float, int]:
    """Return figure, low, high and the number of customers of one claim."""
    if question.key == MODEL_QUESTION:
        return *model_interval(gap, replicates, level=level, learnt=learnt), len(gap)
    drop = customers[LABEL].to_numpy("int64") == 1
    if question.sides is None:
        words = customers[FAVOURITE].to_numpy(dtype=object, na_value="")
        first, other = drop, ~drop
        event = words == question.key.removeprefix(CATEGORY_PREFIX)
    else:
        first, other = question.sides(customers)
        event = drop
    if question.strata is None:
        found = compared_shares(event, first, other, level=level)
    else:
        strata = question.strata(customers)
        found = stratified_difference(event, first, other, strata, level=level)
    return *(100 * value for value in found), int(first.sum() + other.sum())


def answer_questions(
    customers: pd.DataFrame,
    contributions: pd.DataFrame | None,
    groups: Mapping[str, str],
    *,
    level: float,
    explained: pd.DataFrame | None = None,
    refits: Sequence[pd.DataFrame] = (),
    learnt: float = 1.0,
) -> pd.DataFrame:
    """Return the table of the shop's questions.

    Parameters
    ----------
    customers : DataFrame, shape (n_customers, n_columns)
        Labelled customers: the features, ``drop`` (0 or 1), ``twin_key`` and ``scored`` (False
        for a row's second twin).
    contributions : DataFrame, shape (n_explained, n_features), optional
        SHAP values in log-odds, rows as in `explained`; without them the claim about the model
        is not asked.
    groups : mapping
        The group of each feature.
    level : float
        Coverage of all intervals together, above 0 and below 1.
    explained : DataFrame, shape (n_explained, n_columns), optional
        Of whom the claim about the model is asked; it needs no outcome. By default `customers`.
    refits : sequence of DataFrame
        Contributions by models that lack a fold of the training customers each: they tell the
        interval of the claim about the model. Without two of them it has none.
    learnt : float
        Share of the training customers that these models had together.

    Returns
    -------
    DataFrame
        A row a claim: ``key``; ``figure``, ``low`` and ``high`` in ``unit``, missing where too
        few customers could be compared; ``answer`` (yes, no, cannot_tell); ``stable``: whether
        the answer is the same with twins apart, without twins, and without the 1 % of customers
        of the most extreme revenue; ``changes_in``: the names of those where it is not;
        ``unit``; ``customers`` compared.
    """
    gap = None if contributions is None else group_gap(contributions, groups)
    replicates = np.array([] if gap is None else [group_gap(one, groups).mean() for one in refits])
    claims = asked(customers, of_model=gap is not None)
    own_level = 1 - (1 - level) / max(1, len(claims))
    rows: list[dict[str, object]] = [{} for _ in claims]
    of_model = variants(customers if explained is None else explained)
    for variant, chosen in variants(customers).items():
        part, of_part = customers[chosen], None if gap is None else gap[of_model[variant]]
        for row, question in zip(rows, claims, strict=True):
            figure, low, high, count = _measure(
                question, part, of_part, replicates, level=own_level, learnt=learnt
            )
            margin = MARGINS[question.unit]
            said = claim_answer(low, high, margin=margin, both_ways=question.both_ways)
            if not variant:
                row |= {"key": question.key, "figure": figure, "low": low, "high": high}
                row |= {"answer": said, "stable": True, "changes_in": ""}
                row |= {"unit": question.unit, "customers": count}
            elif said != row["answer"]:
                row["stable"] = False
                row["changes_in"] = f"{row['changes_in']} {variant}".strip()
    return pd.DataFrame(rows)


def answered_when_kept(
    answers: pd.DataFrame, then: Mapping[str, Mapping[str, object]]
) -> pd.DataFrame:
    """Return the table with the claim about the model as it was answered when it was kept.

    Parameters
    ----------
    answers : DataFrame
        As :func:`answer_questions` gives it.
    then : mapping
        The rows of then by key, as :func:`by_key` gives them.
    """
    if MODEL_QUESTION not in then:
        return answers
    row = {"key": MODEL_QUESTION} | dict(then[MODEL_QUESTION])
    rows = answers.to_dict("records")
    found = [row if one["key"] == MODEL_QUESTION else one for one in rows]
    return pd.DataFrame(found, columns=answers.columns)


def withheld(answers: pd.DataFrame) -> pd.DataFrame:
    """Return the table with no claim answered, figures and intervals as they are.

    For a model that cannot be told from chance: where all of the behaviour together does not tell
    who drops, no single answer is given (a gatekeeper, as in closed testing; Marcus, Peritz &
    Gabriel 1976, doi:10.1093/biomet/63.3.655).
    """
    return answers.assign(answer=CANNOT_TELL, stable=True, changes_in="")


def by_key(answers: pd.DataFrame) -> dict[str, dict[str, object]]:
    """Return each claim's row by its key, ready for JSON: what is missing is None."""
    rows = answers.set_index("key").to_dict("index")
    return {
        key: {
            name: None if isinstance(value, float) and np.isnan(value) else value
            for name, value in row.items()
        }
        for key, row in rows.items()
    }
