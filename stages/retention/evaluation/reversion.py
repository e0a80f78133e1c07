"""Regression to the mean: what past revenue alone tells of a label made from revenue.

Where an outcome is "less than in the months before", a customer whose months before were high by
chance falls by chance (Barnett, van der Pols & Dobson 2005, doi:10.1093/ije/dyh299). So past
revenue ranks such a label even in a shop where nobody changes, and a model must be better than
that. Two figures are asked: the latest revenue over the mean of the base months (``reversion``) and
that mean itself (``base``). Where nobody changes the months before are exchangeable, so that the
first knows next to nothing; the second ranks at 0.57 to 0.83, the better the more alike the
customers' usual revenues are (`tests/evaluation/test_reversion.py`).
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from retention.core.vocabulary import BY_RULE, LABEL, LABEL_SOURCE, REVENUE
from retention.models.calibration import fit_sigmoid
from retention.models.estimators import sigmoid
from retention.stats.estimates import share_below
from retention.stats.metrics import best_threshold, plain, roc_auc


def by_rule(rows: pd.DataFrame) -> bool:
    """Tell whether any outcome of the rows follows from revenue, so that past revenue ranks it."""
    made = LABEL_SOURCE in rows and bool((rows[LABEL_SOURCE] == BY_RULE).any())
    return made and set(REVENUE) <= set(rows)


def latest_over_mean(rows: pd.DataFrame, *, base_months: int) -> np.ndarray:
    """Return the latest revenue over the mean of the base months; 1 where there is no mean.

    Parameters
    ----------
    rows : DataFrame
        The months of revenue.
    base_months : int
        As params ``label.base_months``; of more than a row has, those that it has.
    """
    latest = rows[REVENUE[-1]].astype("float64")
    mean = pd.Series(mean_of_base(rows, base_months=base_months), rows.index)
    ratio = (latest / mean.where(mean > 0)).clip(0, len(REVENUE))
    return ratio.fillna(1.0).to_numpy()


def mean_of_base(rows: pd.DataFrame, *, base_months: int) -> np.ndarray:
    """Return the mean revenue of the base months, 0 where none is known.

    Parameters as :func:`latest_over_mean`.
    """
    months = rows[list(REVENUE[-base_months:])].astype("float64")
    return months.mean(axis=1).fillna(0.0).to_numpy()


PAST_REVENUE: Mapping[str, Callable[..., np.ndarray]] = {
    "reversion": latest_over_mean,
    "base": mean_of_base,
}
"""The figures that are asked, by the name of the baseline."""


def reverting_risk(
    train: pd.DataFrame, test: pd.DataFrame, name: str, *, base_months: int
) -> tuple[np.ndarray, float]:
    """Return the risk that one figure tells of `test`, and from where it calls a drop.

    It ranks customers by their place among the rows that taught the model; direction, sigmoid and
    threshold are those of these rows.

    Parameters
    ----------
    train, test : DataFrame
        The months of revenue; of `train` also ``drop``.
    name : str
        Of :data:`PAST_REVENUE`.
    base_months : int
        As params ``label.base_months``.
    """
    label = train[LABEL].to_numpy("int64")
    known, new = (PAST_REVENUE[name](rows, base_months=base_months) for rows in (train, test))
    seen, asked = share_below(known, known), share_below(new, known)
    if plain(roc_auc, label, seen) < 0.5:
        seen, asked = 1 - seen, 1 - asked
    slope, intercept = fit_sigmoid(seen, label)
    threshold = best_threshold(label, sigmoid(slope * seen + intercept))
    return sigmoid(slope * asked + intercept), threshold
