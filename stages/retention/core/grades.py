"""The grades of a model, and the one that evaluate gave."""

from pathlib import Path

from retention.core.errors import InputError, one_of, shown
from retention.core.files import read_json

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
