"""What the columns say of the label and of each other, on training customers only; and drift."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from retention.core.findings import Finding, Level, as_table
from retention.core.params import Features
from retention.core.vocabulary import IDENTITY, LABEL, PROFIT
from retention.data.customer_table import sample
from retention.data.drift import find_drift
from retention.data.joining import POSITION
from retention.data.leakage import (
    duplicates,
    leaks,
    phik_between,
    refuse_leaking_features,
    variance_inflation,
)

ARTEFACTS = (IDENTITY, POSITION)
"""Columns that may rank the label by the way the export was made, and are never features."""


@dataclass(frozen=True)
class ColumnStudy:
    """What the columns say.

    Attributes
    ----------
    seen : DataFrame
        The training customers that were looked at.
    associations : DataFrame
        Phik of each pair of features, and of each with the drop.
    details : dict
    """

    seen: pd.DataFrame
    associations: pd.DataFrame
    details: dict[str, Any]

    @property
    def headline(self) -> dict[str, Any]:
        """The numbers that people compare."""
        sides = self.details["customers"]
        counts = {f"{side}_customers": sides.get(side, 0) for side in ("train", "test", "score")}
        return {
            "features": self.details["features"],
            **counts,
            "drop_share": self.details["drop_share"],
        }


def study_columns(
    table: pd.DataFrame,
    position: pd.Series,
    names: Sequence[str],
    params: Features,
    *,
    behaviour: Sequence[str],
) -> ColumnStudy:
    """Look for leaks, collinearity and associations, and for drift.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, …)
        As ``customer_table.make_table`` gives it.
    position : Series
        Each customer's row in the export, rows as in `table`.
    names : sequence of str
        The features.
    params : Features
        The params section.
    behaviour : sequence of str
        The columns that may drift, beside the profit.

    Raises
    ------
    InputError
        If a feature alone tells who dropped.
    """
    # No outcome is looked at here, so that the test customers may be.
    drift = find_drift(table, [*behaviour, PROFIT], least=params.least_drift)
    # Everything below looks at training customers only: the test is for evaluate.
    train = table[(table["split"] == "train") & table["scored"]]
    seen = sample(train, most=params.sample, seed=params.seed)
    placed = seen.assign(**{POSITION: position})
    found = leaks(placed[[*ARTEFACTS, *names]], seen[LABEL])
    refuse_leaking_features(found, names)
    numbers = seen[list(names)].select_dtypes("number")
    labelled = seen[list(names)].assign(drop=seen[LABEL].astype("int64").astype("str"))
    matrix = phik_between(labelled, jobs=1)
    told = matrix["drop"].drop("drop").sort_values(ascending=False, kind="stable")
    warnings = [
        Finding(Level.WARNING, "", name, "leak", 1, f"{area:.3f}") for name, area in found.items()
    ]
    details = {
        "features": len(names),
        "customers": table[table["scored"]].groupby("split").size().to_dict(),
        "twins": int((~table["scored"]).sum()),
        "drop_share": train[LABEL].mean(),
        "sample": len(seen),
        "phik_with_drop": told.to_dict(),
        "variance_inflation": variance_inflation(numbers),
        "duplicate_features": duplicates(numbers),
        "leaks": found,
        "drift": drift.details,
        "report": as_table([*warnings, *drift.findings]).to_dict("records"),
    }
    return ColumnStudy(seen, matrix, details)
