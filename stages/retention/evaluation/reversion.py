"""Regression to the mean: what a customer's latest revenue tells of a label made from revenue.

Where an outcome is "less than in the months before", a customer whose last month was high by chance
falls by chance. So the latest revenue over the mean of the base months ranks such a label, even in
a shop where nobody changes (Barnett, van der Pols & Dobson 2005, doi:10.1093/ije/dyh299). A model
must be better than that.
"""

import numpy as np
import pandas as pd

from retention.core.vocabulary import LABEL, REVENUE
from retention.models.calibration import fit_sigmoid
from retention.models.estimators import sigmoid
from retention.stats.metrics import best_threshold, plain, roc_auc

BY_RULE = "rule"
"""What ``label_source`` says of an outcome that follows from revenue."""


def by_rule(rows: pd.DataFrame) -> bool:
    """Tell whether any outcome of the rows follows from revenue, so that reversion ranks it."""
    made = "label_source" in rows and bool((rows["label_source"] == BY_RULE).any())
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
    months = rows[list(REVENUE[-base_months:])].astype("float64")
    latest, mean = months[REVENUE[-1]], months.mean(axis=1)
    ratio = (latest / mean.where(mean > 0)).clip(0, len(REVENUE))
    return ratio.fillna(1.0).to_numpy()


def reverting_risk(
    train: pd.DataFrame, test: pd.DataFrame, *, base_months: int
) -> tuple[np.ndarray, float]:
    """Return the risk that this one figure tells of `test`, and from where it calls a drop.

    Direction, sigmoid and threshold are those of the rows that taught the model.
    """
    label = train[LABEL].to_numpy("int64")
    seen, asked = (latest_over_mean(rows, base_months=base_months) for rows in (train, test))
    if plain(roc_auc, label, seen) < 0.5:
        seen, asked = -seen, -asked
    slope, intercept = fit_sigmoid(seen, label)
    return sigmoid(slope * asked + intercept), best_threshold(
        label, sigmoid(slope * seen + intercept)
    )
