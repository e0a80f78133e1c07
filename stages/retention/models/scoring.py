"""Everyone's risk, asked once: in chunks, on as many cores as params allow."""

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from retention.core.errors import InputError
from retention.core.progress import progress
from retention.core.vocabulary import IDENTITY, LABEL
from retention.models.estimators import CHUNK, RiskModel

_DIGITS = 6
"""Decimal places of a risk: far above the noise of arithmetic, far below what anyone acts on."""


def score_customers(
    table: pd.DataFrame, model: RiskModel, out_of_fold: pd.DataFrame, *, jobs: int
) -> pd.DataFrame:
    """Return each customer's risk by a model that has not seen the customer's label.

    Customers who were trained on take their out-of-fold risk, twins that of the row which trained
    for them; the model is asked about everyone else.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, …)
        ``customer_id``, ``split``, ``twin_key``, ``drop`` and the model's features.
    model : RiskModel
    out_of_fold : DataFrame
        ``customer_id`` and ``risk`` of the customers trained on.
    jobs : int
        Processor cores to use.

    Returns
    -------
    DataFrame, shape (n_customers, 3)
        ``customer_id``, ``risk`` (0 to 1) and ``out_of_fold`` (bool), rows as in `table`.

    Raises
    ------
    InputError
        If the model was trained on somebody who is not on the training side of `table`: it would
        be asked about customers whose outcome it has seen.
    """
    training = table.loc[table["split"] == "train", IDENTITY]
    if not out_of_fold[IDENTITY].isin(training).all():
        raise InputError(
            "the model was trained on other customers than the training side of the features; "
            "run `dvc repro`, which trains it anew"
        )
    known = table[[IDENTITY, "twin_key", LABEL]].merge(out_of_fold, on=IDENTITY)
    by_key = known.drop_duplicates(["twin_key", LABEL]).set_index(["twin_key", LABEL])["risk"]
    places = pd.MultiIndex.from_frame(table[["twin_key", LABEL]])
    risk = by_key.reindex(places).to_numpy("float64", copy=True)
    # Training customers beyond params train.max_rows were not trained on: the model is honest.
    seen = (table["split"] == "train").to_numpy() & ~np.isnan(risk)
    risk[~seen] = predict_risk(model, table[~seen], jobs=jobs)
    return pd.DataFrame(
        {IDENTITY: table[IDENTITY], "risk": risk.round(_DIGITS), "out_of_fold": seen}, table.index
    )


def predict_risk(model: RiskModel, table: pd.DataFrame, *, jobs: int) -> np.ndarray:
    """Return the model's risk of each row of `table`, shape (n_customers,).

    The chunks are the same whatever `jobs` is, and so is the result.
    """
    names = list(model.pipeline.feature_names_in_)

    def one(first: int) -> np.ndarray:
        # A thread's own loops (OpenMP) would take all cores once more.
        with threadpool_limits(1):
            return model.risk(table[names].iloc[first : first + CHUNK])

    starts = range(0, len(table), CHUNK)
    if len(starts) < 2:
        with threadpool_limits(jobs):
            return model.risk(table[names])
    # Threads, not processes: the estimators leave Python's lock, and nothing is copied.
    parts = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(
        delayed(one)(first) for first in starts
    )
    shown = progress(starts, what="score", unit="chunks")
    return np.concatenate([part for _, part in zip(shown, parts, strict=True)])
