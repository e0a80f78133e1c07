"""What scoring one customer costs, in steps, from a family's hyperparameters alone.

A step is one coordinate of one remembered customer, some half a nanosecond; one question of a
tree, which waits for memory, counts as ten, and making a column ready (gaps, scale, words) as many
as :data:`READY`. It is an order of magnitude, the same on every machine: seconds would differ from
run to run, and the choice of a model with them. ``make bench-score`` sets steps beside seconds.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

QUESTION = 10
"""Steps of one question of a tree."""
READY = 150
"""Steps of making one column of a customer ready for a model, whatever its family."""


def steps_per_customer(
    family: str, hyperparameters: Mapping[str, Any], *, rows: int, columns: int
) -> float:
    """Return the steps that scoring one customer takes, its columns made ready.

    Parameters
    ----------
    family : str
        A key of ``estimators.FAMILIES``.
    hyperparameters : mapping
        Of the family; those of trees are looked at.
    rows, columns : int
        Customers trained on, and features.
    """
    return READY * columns + _estimate(family, hyperparameters, rows=rows, columns=columns)


def _estimate(family: str, hyperparameters: Mapping[str, Any], *, rows: int, columns: int) -> float:
    """Return the steps of the estimator alone."""
    deep = np.log2(max(2, rows))
    if family == "boosting":
        levels = np.log2(max(2, hyperparameters["max_leaf_nodes"]))
        return QUESTION * hyperparameters["max_iter"] * levels
    if family in ("forest", "extra_trees"):
        return QUESTION * hyperparameters["n_estimators"] * deep
    if family == "tree":
        return QUESTION * min(hyperparameters["max_depth"] or deep, deep)
    if family == "logistic":
        return float(columns)
    # Neighbours ask every customer; of a support vector machine it is at most all of them.
    return float(rows * columns)
