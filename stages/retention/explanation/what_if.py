"""What if one behaviour were that of loyal customers? A statement about the model, no effect.

The predicted risk is told anew with one feature at the loyal customers' median and all others as
they are. That says how the model reads the feature beside the customer's others; whether a
customer led to that behaviour would stay, only a controlled campaign can tell.

Ask it of customers whom the model has not seen. Neighbours and deep trees remember the outcome of
a training customer, and any move at all takes that customer away from the remembered place: on
the simulated shop a column that tells nothing then seems to lower the risk.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from retention.core.hashing import uniform
from retention.models.estimators import RiskModel

MOVABLE = {
    "contacts_6m": "the shop decides how often it makes contact in the months to come",
    "contacts_now": "the shop decides how often it makes contact in a month",
    "promo_share": "a customer may buy at the full price",
    "categories_per_visit": "a customer may look at more categories, and a page may suggest them",
    "unpaid_items": "a customer may pay for a cart or empty it",
    "service_errors": "the shop may mend what fails",
    "pages_per_visit": "a customer may look at more pages",
    "minutes_m1": "a customer may spend another time on the site; here in the earlier month",
    "minutes_m0": "a customer may spend another time on the site",
}
"""Features that a customer, or the shop for a customer, could move, each with the reason.

The others stay: chosen by contract, a taste, a date of the past, what a drop is measured by, or
what may be sent.
"""


def rows_to_ask(
    risk: np.ndarray,
    key: np.ndarray,
    unseen: np.ndarray,
    *,
    threshold: float,
    most: int,
    seed: int,
) -> np.ndarray:
    """Return the positions of unseen customers at risk, at most `most` of them, in row order.

    Parameters
    ----------
    risk : ndarray of float, shape (n_customers,)
    key : ndarray of uint64, shape (n_customers,)
        Decides who is asked where there are too many, as ``hashing.behaviour_key`` gives it.
    unseen : ndarray of bool, shape (n_customers,)
        Whom the model was not fitted on: all but the training side.
    threshold : float
        Risk from which a customer is at risk, 0 to 1.
    most : int
        Every customer is scored once more for each feature; this bounds the work.
    seed : int
    """
    places = np.flatnonzero(unseen & (risk >= threshold))
    draw = uniform(key[places], seed=seed, purpose="what if")
    return np.sort(places[np.argsort(draw, kind="stable")[:most]])


def movable(features: pd.DataFrame) -> list[str]:
    """Return the numbers among :data:`MOVABLE` that the model knows, in its order."""
    return [name for name in features.select_dtypes("number") if name in MOVABLE]


def what_if(
    model: RiskModel,
    features: pd.DataFrame,
    typical: Mapping[str, object],
    names: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return how the predicted risk changes when one feature moves to its typical value.

    Parameters
    ----------
    model : RiskModel
    features : DataFrame, shape (n_customers, n_features)
        As the model was fitted on; not changed. Give it the rows of :func:`rows_to_ask` only:
        every name scores all of them once more.
    typical : mapping
        The loyal customers' median of each numeric feature.
    names : sequence of str, optional
        Features to move, each alone; by default :func:`movable`.

    Returns
    -------
    DataFrame, shape (n_customers, n_names)
        Predicted risk after minus before, -1 to 1; 0 where the value is the typical one already,
        missing where the value is unknown, or no loyal customer's is known.
    """
    chosen = movable(features) if names is None else list(names)
    before = model.risk(features)
    found = {}
    for name in chosen:
        usual = float(typical[name])
        moved = features.assign(**{name: usual})
        values = features[name].to_numpy("float64", na_value=np.nan)
        change = np.where(values == usual, 0.0, model.risk(moved) - before)
        found[name] = np.where(np.isnan(values) | np.isnan(usual), np.nan, change)
    return pd.DataFrame(found, features.index, columns=chosen)


def summary(
    changes: pd.DataFrame, risk: np.ndarray, *, threshold: float
) -> dict[str, dict[str, float]]:
    """Return, for those at risk whom a move concerns, the mean predicted risk before and after.

    Parameters
    ----------
    changes : DataFrame, shape (n_customers, n_names)
        As :func:`what_if` returns it.
    risk : ndarray of float, shape (n_customers,)
        Predicted risk before.
    threshold : float
        Risk from which a customer counts, 0 to 1.

    Returns
    -------
    dict
        For each feature: ``customers`` at risk whose value is known and not the typical one;
        ``risk_before`` and ``risk_after`` (means); ``lowered`` (share of them whose predicted
        risk falls); ``below_threshold`` (share of them no longer at risk). Without such
        customers only ``customers``. The largest fall comes first.
    """
    found = {}
    for name in changes:
        change = changes[name].to_numpy("float64")
        who = (risk >= threshold) & ~np.isnan(change) & (change != 0)
        if not who.any():
            found[name] = {"customers": 0}
            continue
        after = risk[who] + change[who]
        found[name] = {
            "customers": int(who.sum()),
            "risk_before": float(risk[who].mean()),
            "risk_after": float(after.mean()),
            "lowered": float((change[who] < 0).mean()),
            "below_threshold": float((after < threshold).mean()),
        }
    return dict(
        sorted(
            found.items(),
            key=lambda item: item[1].get("risk_after", 0) - item[1].get("risk_before", 0),
        )
    )
