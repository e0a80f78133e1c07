"""What is said of the model in use: its grade, its threshold, what drifted since it was taught."""

from collections.abc import Container
from pathlib import Path
from typing import Any

from retention.core.errors import InputError, one_of, shown
from retention.core.files import read_json
from retention.core.months import in_months
from retention.core.paths import ModelFolder

GRADES = ("A", "B", "C", "F")
"""From the best to the one with which nobody is contacted."""
FAILED_GRADE = GRADES[-1]


def read_grade(path: Path) -> str:
    """Return the grade in the details of evaluate.

    Raises
    ------
    InputError
        If there is none: a file of another version must not pass for a good model.
    """
    found = read_json(path, needs=("grade",))["grade"]
    if found not in GRADES:
        raise InputError(f"{path}: grade is {shown(found)}; valid: {one_of(GRADES)}")
    return found


def read_threshold(model: str) -> float:
    """Return the risk from which the model calls a drop, as its card tells.

    Parameters
    ----------
    model : str
        Params ``score.model``: its folder.
    """
    return read_json(ModelFolder(Path(model)).card, needs=("threshold",))["threshold"]


def read_drift(table: Container[str], features: Path, evaluation: Path) -> dict[str, Any]:
    """Return what drifted of a table: ``drifted``, the columns, and ``risk_drift``.

    Of months also ``drift_told``: False where nothing could be compared, as where the months that
    taught a model that was kept are not in the table any more.

    Of a snapshot featurize has told the columns, and the risk's drift is that of its customers
    (None here). Of months the customers of known outcome are of other months than those ahead, and
    evaluate has compared both. The names of the table's columns may stand for it.
    """
    if in_months(table):
        found = read_json(evaluation, needs=("months",))["months"]["drift"]
        told = {"drift_told": bool(found["comparisons"])}
    else:
        found, told = read_json(features, needs=("drift",))["drift"], {}
    return {"drifted": found["columns"], "risk_drift": found.get("risk")} | told
