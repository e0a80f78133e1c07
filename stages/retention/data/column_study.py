"""What the columns say of the label and of each other, on training customers only; and drift."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from retention.core.findings import Finding, Level, as_table
from retention.core.months import in_months, newest
from retention.core.params import Features
from retention.core.vocabulary import IDENTITY, LABEL, MONTH, PROFIT
from retention.data.customer_table import CustomerTable, sample
from retention.data.drift import Drift, find_drift
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


def study_columns(made: CustomerTable, position: pd.Series, params: Features) -> ColumnStudy:
    """Look for leaks, collinearity and associations, and for drift.

    Where nobody's outcome is known the columns are told without the drop. Drift of months is
    evaluate's: it is against the months that taught the model in use.

    Parameters
    ----------
    made : CustomerTable
        The table of n customers (or of their months).
    position : Series
        Each customer's row in the export, rows as in the table.
    params : Features
        The params section.

    Raises
    ------
    InputError
        If a feature alone tells who dropped.
    """
    table, names = made.table, list(made.features)
    monthly = in_months(table)
    if monthly:
        # A month's file may be longer than another's: the place in it is told as a share.
        position = position.groupby(table[MONTH]).rank(pct=True)
        drift = Drift(0, 0, 0, ())
    else:
        # No outcome is looked at here, so that the test customers may be.
        drift = find_drift(table, [*made.behaviour, PROFIT], least=params.least_drift)
    # Everything below looks at training customers only: the test is for evaluate.
    train = table[(table["split"] == "train") & table["scored"]]
    learns = not (monthly and train.empty)
    rows = train if learns else newest(table[table["scored"]])
    seen = sample(rows, most=params.sample, seed=params.seed)
    placed = seen.assign(**{POSITION: position})
    found = leaks(placed[[*ARTEFACTS, *names]], seen[LABEL]) if learns else {}
    refuse_leaking_features(found, names)
    numbers = seen[names].select_dtypes("number")
    outcome = {"drop": seen[LABEL].astype("int64").astype("str")} if learns else {}
    matrix = phik_between(seen[names].assign(**outcome), jobs=1)
    # Months that teach may hold one outcome only: nothing goes with that, and train says so.
    told = matrix["drop"].drop("drop") if "drop" in matrix else pd.Series(dtype="float64")
    warnings = [
        Finding(Level.WARNING, "", name, "leak", 1, f"{area:.3f}") for name, area in found.items()
    ]
    details = {
        "features": len(names),
        "customers": table[table["scored"]].groupby("split").size().to_dict(),
        "twins": int((~table["scored"]).sum()),
        "drop_share": _drop_share(train),
        "sample": len(seen),
        "phik_with_drop": told.sort_values(ascending=False, kind="stable").to_dict(),
        "variance_inflation": variance_inflation(numbers),
        "duplicate_features": duplicates(numbers),
        "leaks": found,
        "drift": drift.details,
        "report": as_table([*warnings, *drift.findings]).to_dict("records"),
    }
    return ColumnStudy(seen, matrix, details | ({"months": made.months} if monthly else {}))


def _drop_share(train: pd.DataFrame) -> float | None:
    """Return the share of training customers who dropped, None without any.

    Of months the controls of a campaign count for those whom it treated.
    """
    if train.empty:
        return None
    weight = train["weight"] if in_months(train) else None
    return float(np.average(train[LABEL].astype("float64"), weights=weight))
