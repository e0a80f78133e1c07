"""What scoring one customer costs, in steps, from a family's hyperparameters alone.

A step is one coordinate of one remembered customer, some half a nanosecond; one question of a
tree, which waits for memory, counts as ten. It is an order of magnitude, the same on every
machine: seconds would differ from run to run, and the choice of a model with them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

QUESTION = 10


def steps_per_customer(
    family: str, hyperparameters: Mapping[str, Any], *, rows: int, columns: int
) -> float:
    """Return the steps that scoring one customer takes.

    Parameters
    ----------
    family : str
        A key of ``estimators.FAMILIES``.
    hyperparameters : mapping
        Of the family; those of trees are looked at.
    rows, columns : int
        Customers trained on, and features.
    """
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
