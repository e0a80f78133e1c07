"""What the columns say of the label and of each other, on training customers only; and drift."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from retention.core.findings import Finding, Level, as_table
from retention.core.params import Features
from retention.core.vocabulary import IDENTITY, LABEL, POSITION, PROFIT
from retention.data.drift import find_drift
from retention.data.leakage import (
    duplicates,
    leaks,
    phik_between,
    refuse_leaking_features,
    variance_inflation,
)
from retention.data.study_rows import StudyRows

ARTEFACTS = (IDENTITY, POSITION)
"""Columns that may rank the label by the way the export was made, and are never features."""

_DROP = "drop"
"""What the outcome is called among the associations."""


@dataclass(frozen=True)
class ColumnStudy:
    """What the columns say.

    Attributes
    ----------
    details : dict
        What details.json tells.
    """

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


def associate(rows: StudyRows, params: Features) -> pd.DataFrame:
    """Return phik of each pair of features and, where outcomes are known, of each with the drop.

    Training customers only: the test is for evaluate. Parameters as :func:`study_columns` has them.
    """
    seen = rows.sample(params)
    outcome = {_DROP: seen[LABEL].astype("int64").astype("str")} if rows.teaches else {}
    return phik_between(seen[list(rows.features)].assign(**outcome), jobs=1)


def study_columns(rows: StudyRows, params: Features, *, associations: pd.DataFrame) -> ColumnStudy:
    """Look for leaks, collinearity and drift, and tell what goes with the drop.

    Where nobody's outcome is known the columns are told without the drop.

    Parameters
    ----------
    rows : StudyRows
        Of the table of n customers (or of their months).
    params : Features
        The params section.
    associations : DataFrame
        As :func:`associate` finds them.

    Raises
    ------
    InputError
        If a feature alone tells who dropped.
    """
    names = list(rows.features)
    # No outcome is looked at here, so that the test customers may be.
    drift = find_drift(rows.compared, [*rows.behaviour, PROFIT], least=params.least_drift)
    # Everything below looks at training customers only: the test is for evaluate.
    seen = rows.sample(params)
    found = leaks(seen[[*ARTEFACTS, *names]], seen[LABEL]) if rows.teaches else {}
    refuse_leaking_features(found, names)
    numbers = seen[names].select_dtypes("number")
    # Months that teach may hold one outcome only: nothing goes with that, and train says so.
    told = pd.Series(dtype="float64")
    if _DROP in associations:
        told = associations[_DROP].drop(_DROP)
    warnings = [
        Finding(Level.WARNING, "", name, "leak", 1, f"{area:.3f}") for name, area in found.items()
    ]
    details = {
        "features": len(names),
        "customers": rows.customers,
        "twins": rows.twins,
        "drop_share": rows.drop_share,
        "sample": len(seen),
        "phik_with_drop": told.sort_values(ascending=False, kind="stable").to_dict(),
        "variance_inflation": variance_inflation(numbers),
        "duplicate_features": duplicates(numbers),
        "leaks": found,
        "drift": drift.details,
        "report": as_table([*warnings, *drift.findings]).to_dict("records"),
    }
    return ColumnStudy(details | ({"months": rows.months} if rows.months else {}))
