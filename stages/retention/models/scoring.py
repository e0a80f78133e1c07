"""Everyone's risk, asked once: in chunks, on as many cores as params allow."""

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
        ``customer_id``, ``month`` of months, ``risk`` (0 to 1) and ``out_of_fold`` (bool), rows as
        in `table`; of a model that was kept also ``taught`` (bool).

    Raises
    ------
    InputError
        If the model is not one that was kept and was trained on somebody who is not on the
        training side of `table`: it would be asked about customers whose outcome it has seen.
    """
    own = ["behaviour_key" if in_months(table) else "twin_key"]
    twin = [*([MONTH] if in_months(table) else []), *own, LABEL]
    training = (table["split"] == "train").to_numpy()
    doubtful = np.zeros(len(table), dtype=bool)
    if kept:
        known, doubtful = recognised(table, out_of_fold)
    else:
        alike = in_months(table) == in_months(out_of_fold)
        known = _matched(table, out_of_fold) if alike else pd.Series(np.nan, table.index)
        if known.notna().sum() != len(out_of_fold) or known[~training].notna().any():
            raise InputError(
                "the model was trained on other customers than the training side of the features; "
                "run `dvc repro`, which trains it anew"
            )
    by_twin = table[twin].assign(risk=known)[known.notna()].drop_duplicates(twin)
    places = pd.MultiIndex.from_frame(table[twin])
    risk = by_twin.set_index(twin)["risk"].reindex(places).to_numpy("float64", copy=True)
    # Training customers beyond params train.max_rows were not trained on: the model is honest.
    seen = ~np.isnan(risk) & (training | kept)
    risk[~seen] = predict_risk(model, table[~seen], jobs=jobs)
    told = table[[IDENTITY, *([MONTH] if in_months(table) else [])]].assign(
        risk=risk.round(_DIGITS), out_of_fold=seen | doubtful
    )
    return told.assign(**{TAUGHT: seen}) if kept else told


def headline(table: pd.DataFrame, risk: pd.Series, *, threshold: float) -> dict[str, float]:
    """Return what the risks say of those whose outcome is ahead, in months of the last month.

    Those whom a running campaign treats are among them: they can be on a list too.

    Parameters
    ----------
    table : DataFrame, shape (n_rows, …)
        ``drop`` and, of months, ``month``.
    risk : Series of float, shape (n_rows,)
        Indexed as `table`.
    threshold : float
        Risk from which a customer is called.
    """
    today = newest(table)
    ahead = risk[today.index[is_ahead(today)]]
    called = ahead[ahead >= threshold]
    return {
        "ahead": len(ahead),
        "mean_risk": ahead.mean(),
        "called": len(called),
        "expected_precision": called.mean(),  # null where none
    }


def recognised(table: pd.DataFrame, out_of_fold: pd.DataFrame) -> tuple[pd.Series, np.ndarray]:
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
        return _matched_by_month(table, out_of_fold), np.zeros(len(table), dtype=bool)
    own = table["behaviour_key" if in_months(table) else "twin_key"]
    rows = table[[IDENTITY]].assign(behaviour_key=own)
    # One customer may have behaved alike in two months: either risk is out of fold.
    alike = out_of_fold.drop_duplicates([IDENTITY, "behaviour_key"])
    known = _matched(rows, alike, [IDENTITY, "behaviour_key"])
    told = table.loc[known.notna(), IDENTITY]
    lost = out_of_fold.loc[~out_of_fold[IDENTITY].isin(told), IDENTITY]
    return known, (table[IDENTITY].isin(lost) & table[LABEL].notna()).to_numpy()


def _matched_by_month(table: pd.DataFrame, out_of_fold: pd.DataFrame) -> pd.Series:
    """Return each row's out-of-fold risk: by customer and month, else by month and behaviour."""
    here = out_of_fold[out_of_fold[MONTH].isin(table[MONTH])]
    ids, alike = [IDENTITY, MONTH], [MONTH, "behaviour_key"]
    known = _matched(table, here, ids)
    places, rows = (pd.MultiIndex.from_frame(one[ids]) for one in (here, table))
    lost, others = here[~places.isin(rows)], table[known.isna()]
    renamed = _matched(others, lost.drop_duplicates(alike), alike).dropna()
    there = pd.MultiIndex.from_frame(others[alike])
    found = len(here) - int((~pd.MultiIndex.from_frame(lost[alike]).isin(there)).sum())
    if found < LEAST_FOUND * len(here):
        raise InputError(
            f"the model learnt from {len(here):,} rows of {here[MONTH].min()} to "
            f"{here[MONTH].max()}, of which {found:,} are in the exports; valid: the exports of "
            f"these months as they were, at least {LEAST_FOUND:.0%} of the rows, or a model of the "
            f"exports that are there (params score.model {TRAINED})"
        )
    return known.fillna(renamed)


def _matched(
    table: pd.DataFrame, out_of_fold: pd.DataFrame, keys: list[str] | None = None
) -> pd.Series:
    """Return each row's out-of-fold risk, missing where there is none."""
    both = in_months(table) and in_months(out_of_fold)
    keys = keys or [IDENTITY, *([MONTH] if both else [])]
    risks = out_of_fold.set_index(keys)["risk"]
    places = pd.MultiIndex.from_frame(table[keys]) if len(keys) > 1 else table[keys[0]]
    return pd.Series(risks.reindex(places).to_numpy("float64"), table.index)


def predict_risk(model: RiskModel, table: pd.DataFrame, *, jobs: int) -> np.ndarray:
    """Return the model's risk of each row of `table`, shape (n_customers,).

    The chunks are the same whatever `jobs` is, and so is the result.
    """
    names = list(model.pipeline.feature_names_in_)

    def one(first: int) -> np.ndarray:
        # A thread's own loops (OpenMP) would take all cores once more.
        with threadpool_limits(1):
            return model.risk(table[names].iloc[first : first + ASKED_AT_ONCE])

    starts = range(0, len(table), ASKED_AT_ONCE)
    if len(starts) < 2:
        with threadpool_limits(jobs):
            return model.risk(table[names])
    # Threads, not processes: the estimators leave Python's lock, and nothing is copied.
    parts = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(
        delayed(one)(first) for first in starts
    )
    shown = progress(starts, what="score", unit="chunks")
    return np.concatenate([part for _, part in zip(shown, parts, strict=True)])
