"""Everyone's risk, asked once: in chunks, on as many cores as params allow."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from retention.core.audience import is_ahead
from retention.core.errors import InputError
from retention.core.months import in_months, newest
from retention.core.paths import TRAINED
from retention.core.progress import progress
from retention.core.teaching import TAUGHT
from retention.core.vocabulary import IDENTITY, LABEL, MONTH
from retention.models.estimators import RiskModel

LEAST_FOUND = 0.5
"""Part of the rows that taught a kept model that are found again in the months that are there."""
ASKED_AT_ONCE = 20_000
"""Rows asked about at a time: few enough that all cores have some to do."""
_ALIKE = [MONTH, "behaviour_key"]
_DIGITS = 6
"""Decimal places of a risk: far above the noise of arithmetic, far below what anyone acts on."""


def score_customers(
    table: pd.DataFrame,
    model: RiskModel,
    out_of_fold: pd.DataFrame,
    *,
    jobs: int,
    kept: bool = False,
) -> pd.DataFrame:
    """Return each customer's risk by a model that has not seen the customer's label.

    Rows that were trained on take their out-of-fold risk, twins that of the row which trained
    for them; the model is asked about all others.

    Parameters
    ----------
    table : DataFrame, shape (n_rows, …)
        ``customer_id``, ``split``, ``twin_key``, ``drop`` and the model's features; of months
        ``month`` and ``behaviour_key``.
    model : RiskModel
    out_of_fold : DataFrame
        ``customer_id``, of months ``month``, and ``risk`` of the rows trained on.
    jobs : int
        Processor cores to use.
    kept : bool
        The model is one that was kept, perhaps of other customers, see :func:`recognised`.

    Returns
    -------
    DataFrame, shape (n_rows, …)
        As :func:`score_rows` returns them.

    Raises
    ------
    InputError
        As :func:`risk_of_twins` does, or :func:`recognised`.
    """
    known = known_rows(table, out_of_fold, kept=kept)
    twins = risk_of_twins(known, out_of_fold, kept=kept)
    return score_rows(table, model, twins, out_of_fold, jobs=jobs, kept=kept)


def known_rows(
    table: pd.DataFrame,
    out_of_fold: pd.DataFrame,
    *,
    kept: bool,
    teachers: "Teachers | None" = None,
) -> pd.DataFrame:
    """Return the rows that taught the model, with their out-of-fold risk.

    Parameters
    ----------
    table, out_of_fold, kept
        As :func:`score_customers` takes them; no features are needed. The table may be a part of
        one.
    teachers : Teachers, optional
        Of the whole table, where it is a part of a table of months and a model of months was kept.

    Returns
    -------
    DataFrame
        ``customer_id``, ``split``, what makes rows twins, and ``risk``; rows as in `table`.
    """
    if kept:
        known, _ = recognised(table, out_of_fold, teachers)
    else:
        alike = in_months(table) == in_months(out_of_fold)
        known = _matched(table, out_of_fold) if alike else pd.Series(np.nan, table.index)
    names = dict.fromkeys([IDENTITY, "split", *_twin(table)])
    return table[list(names)].assign(risk=known)[known.notna()]


def risk_of_twins(known: pd.DataFrame, out_of_fold: pd.DataFrame, *, kept: bool) -> pd.DataFrame:
    """Return the out-of-fold risk of what each row that taught the model has in common with twins.

    Parameters
    ----------
    known : DataFrame
        The rows of the whole table, as :func:`known_rows` returns them.
    out_of_fold, kept
        As :func:`score_customers` takes them.

    Returns
    -------
    DataFrame
        What makes rows twins, once each, and ``risk``.

    Raises
    ------
    InputError
        If the model is not one that was kept and was trained on somebody who is not on the
        training side: it would be asked about customers whose outcome it has seen.
    """
    if not kept and (len(known) != len(out_of_fold) or (known["split"] != "train").any()):
        raise InputError(
            "the model was trained on other customers than the training side of the features; "
            "run `dvc repro`, which trains it anew"
        )
    twin = _twin(known)
    return known[[*twin, "risk"]].drop_duplicates(twin)


def score_rows(
    table: pd.DataFrame,
    model: RiskModel,
    twins: pd.DataFrame,
    out_of_fold: pd.DataFrame,
    *,
    jobs: int,
    kept: bool,
    quiet: bool = False,
) -> pd.DataFrame:
    """Return the risk of each row of a table or a part of it, out of fold where one is known.

    Parameters
    ----------
    table, model, out_of_fold, jobs, kept
        As :func:`score_customers` takes them.
    twins : DataFrame
        What :func:`risk_of_twins` returns of the whole table.
    quiet : bool
        Say nothing of the progress.

    Returns
    -------
    DataFrame, shape (n_rows, …)
        ``customer_id``, ``month`` of months, ``risk`` (0 to 1) and ``out_of_fold`` (bool), rows as
        in `table`; of a model that was kept also ``taught`` (bool).
    """
    twin = _twin(table)
    risk = np.full(len(table), np.nan)
    # Few rows taught: those that cannot be their twins are not looked up.
    near = np.flatnonzero(table[twin[-2]].isin(twins[twin[-2]]))
    places = pd.MultiIndex.from_frame(table[twin].iloc[near])
    risk[near] = twins.set_index(twin)["risk"].reindex(places).to_numpy("float64")
    # Training customers beyond params train.max_rows were not trained on: the model is honest.
    seen = ~np.isnan(risk) & ((table["split"] == "train").to_numpy() | kept)
    both = in_months(table) and in_months(out_of_fold)  # then no row is in doubt
    certain = not kept or both
    doubtful = np.zeros(len(table), dtype=bool) if certain else recognised(table, out_of_fold)[1]
    asked = table.loc[~seen, list(model.pipeline.feature_names_in_)]
    risk[~seen] = predict_risk(model, asked, jobs=jobs, quiet=quiet)
    told = table[[IDENTITY, *([MONTH] if in_months(table) else [])]].assign(
        risk=risk.round(_DIGITS), out_of_fold=seen | doubtful
    )
    return told.assign(**{TAUGHT: seen}) if kept else told


def _twin(table: pd.DataFrame) -> list[str]:
    """Return the columns in which rows are alike that count as one, the key of behaviour amid."""
    return [MONTH, "behaviour_key", LABEL] if in_months(table) else ["twin_key", LABEL]


@dataclass(frozen=True)
class Ahead:
    """What the risks say of those whose outcome is ahead: counts, and sums of whole numbers.

    A risk has few digits, so that a sum of many does not depend on their order.

    Attributes
    ----------
    customers : int
        Those whose outcome is ahead, in months of the last month. Those whom a running campaign
        treats are among them: they can be on a list too.
    called : int
        Those of them whose risk is at the threshold or above.
    risk, risk_called : int
        The risks of both, added up, in millionths.
    """

    customers: int = 0
    called: int = 0
    risk: int = 0
    risk_called: int = 0

    def __add__(self, other: "Ahead") -> "Ahead":
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Ahead(*(ours + theirs for ours, theirs in pairs))

    @property
    def headline(self) -> dict[str, float]:
        """The numbers that people compare; a mean of nobody is NaN."""

        def mean(total: int, count: int) -> float:
            return total / count / 10**_DIGITS if count else float("nan")

        return {
            "ahead": self.customers,
            "mean_risk": mean(self.risk, self.customers),
            "called": self.called,
            "expected_precision": mean(self.risk_called, self.called),
        }


def look_ahead(
    table: pd.DataFrame, risk: pd.Series, *, threshold: float, last: str | None = None
) -> Ahead:
    """Return what the risks say of those whose outcome is ahead.

    Parameters
    ----------
    table : DataFrame, shape (n_rows, …)
        ``drop`` and, of months, ``month``; it may be a part of the table.
    risk : Series of float, shape (n_rows,)
        Indexed as `table`.
    threshold : float
        Risk from which a customer is called.
    last : str, optional
        The last month of the whole table, where it is a part of one.
    """
    today = newest(table, last)
    ahead = risk[today.index[is_ahead(today)]]
    called = ahead[ahead >= threshold]
    whole = [int((one * 10**_DIGITS).round().astype("int64").sum()) for one in (ahead, called)]
    return Ahead(len(ahead), len(called), *whole)


def recognised(
    table: pd.DataFrame, out_of_fold: pd.DataFrame, teachers: "Teachers | None" = None
) -> tuple[pd.Series, np.ndarray]:
    """Return the out-of-fold risk of rows that taught a kept model, and rows that may have.

    A row taught it if customer and month agree, or month and behaviour, where ids have changed form
    since it was kept. Where the model or the table knows no months, if
    customer and behaviour do; of a customer of whom no row is recognised so, any row with a known
    outcome may have.

    Parameters
    ----------
    table : DataFrame
        As :func:`score_customers` takes it.
    out_of_fold : DataFrame
        ``customer_id``, ``behaviour_key``, ``risk`` and, of a model of months, ``month``.
    teachers : Teachers, optional
        As :func:`known_rows` takes them.

    Returns
    -------
    Series of float
        Missing for all other rows.
    ndarray of bool, shape (n_rows,)

    Raises
    ------
    InputError
        If months that taught it are in the table, but most of its rows in them are not: the model
        would be asked about customers whose outcome it has seen.
    """
    if in_months(table) and in_months(out_of_fold):
        if teachers is None:
            teachers = find_teachers(out_of_fold, [seen_in(table, out_of_fold)])
            teachers.refuse_too_few([teachers.alike_in(table)])
        return teachers.risk_of(table), np.zeros(len(table), dtype=bool)
    own = table["behaviour_key" if in_months(table) else "twin_key"]
    rows = table[[IDENTITY]].assign(behaviour_key=own)
    # One customer may have behaved alike in two months: either risk is out of fold.
    alike = out_of_fold.drop_duplicates([IDENTITY, "behaviour_key"])
    known = _matched(rows, alike, [IDENTITY, "behaviour_key"])
    told = table.loc[known.notna(), IDENTITY]
    lost = out_of_fold.loc[~out_of_fold[IDENTITY].isin(told), IDENTITY]
    return known, (table[IDENTITY].isin(lost) & table[LABEL].notna()).to_numpy()


@dataclass(frozen=True)
class Teachers:
    """The rows that taught a model of months that was kept, of the months that are in a table.

    Attributes
    ----------
    here : DataFrame
        As ``out_of_fold`` has them.
    lost : DataFrame
        Those of them whose customer is not in the table in that month.
    """

    here: pd.DataFrame
    lost: pd.DataFrame

    def alike_in(self, table: pd.DataFrame) -> np.ndarray:
        """Tell which of the lost behaved as a customer of the table or its part did."""
        others = table[self._by_id(table).isna()]
        there = pd.MultiIndex.from_frame(others[_ALIKE])
        return np.asarray(pd.MultiIndex.from_frame(self.lost[_ALIKE]).isin(there))

    def refuse_too_few(self, alike: Sequence[np.ndarray]) -> None:
        """Raise an InputError if too few of the rows are found, by id or by what they did.

        `alike` is what :meth:`alike_in` tells of each part.
        """
        found = len(self.here) - int((~np.any(alike, axis=0)).sum())
        if found < LEAST_FOUND * len(self.here):
            months = self.here[MONTH]
            raise InputError(
                f"the model learnt from {len(self.here):,} rows of {months.min()} to "
                f"{months.max()}, of which {found:,} are in the exports; valid: the exports of "
                f"these months as they were, at least {LEAST_FOUND:.0%} of the rows, or a model of "
                f"the exports that are there (params score.model {TRAINED})"
            )

    def risk_of(self, table: pd.DataFrame) -> pd.Series:
        """Return each row's out-of-fold risk: by customer and month, else by month and behaviour.

        It is missing of all other rows.
        """
        known = self._by_id(table)
        others = table[known.isna()]
        return known.fillna(_matched(others, self.lost.drop_duplicates(_ALIKE), _ALIKE).dropna())

    def _by_id(self, table: pd.DataFrame) -> pd.Series:
        return _matched(table, self.here, [IDENTITY, MONTH])


def seen_in(table: pd.DataFrame, out_of_fold: pd.DataFrame) -> tuple[set[str], np.ndarray]:
    """Return the months of a table or its part, and which rows that taught are in it by id."""
    ids = [IDENTITY, MONTH]
    taught, rows = (pd.MultiIndex.from_frame(one[ids]) for one in (out_of_fold, table))
    return set(table[MONTH].unique()), np.asarray(taught.isin(rows))


def find_teachers(
    out_of_fold: pd.DataFrame, seen: Sequence[tuple[set[str], np.ndarray]]
) -> Teachers:
    """Return the rows that taught, of what :func:`seen_in` tells of every part of a table."""
    months = set().union(*(some for some, _ in seen))
    here = out_of_fold[MONTH].isin(months).to_numpy(dtype=bool)
    lost = here & ~np.any([found for _, found in seen], axis=0)
    return Teachers(out_of_fold[here], out_of_fold[lost])


def _matched(
    table: pd.DataFrame, out_of_fold: pd.DataFrame, keys: list[str] | None = None
) -> pd.Series:
    """Return each row's out-of-fold risk, missing where there is none."""
    both = in_months(table) and in_months(out_of_fold)
    keys = keys or [IDENTITY, *([MONTH] if both else [])]
    risks = out_of_fold.set_index(keys)["risk"]
    places = pd.MultiIndex.from_frame(table[keys]) if len(keys) > 1 else table[keys[0]]
    return pd.Series(risks.reindex(places).to_numpy("float64"), table.index)


def predict_risk(
    model: RiskModel, table: pd.DataFrame, *, jobs: int, quiet: bool = False
) -> np.ndarray:
    """Return the model's risk of each row of `table`, shape (n_customers,).

    The chunks are the same whatever `jobs` is, and so is the result; `quiet` shows no progress.
    """
    names = list(model.pipeline.feature_names_in_)
    features = table if list(table) == names else table[names]

    def one(first: int) -> np.ndarray:
        # A thread's own loops (OpenMP) would take all cores once more.
        with threadpool_limits(1):
            return model.risk(features.iloc[first : first + ASKED_AT_ONCE])

    starts = range(0, len(features), ASKED_AT_ONCE)
    if len(starts) < 2:
        with threadpool_limits(jobs):
            return model.risk(features)
    # Threads, not processes: the estimators leave Python's lock, and nothing is copied.
    parts = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(
        delayed(one)(first) for first in starts
    )
    shown = starts if quiet else progress(starts, what="score", unit="chunks")
    return np.concatenate([part for _, part in zip(shown, parts, strict=True)])
