"""When to call, by one chance of a false alarm in a year; and when to train anew.

A year has twelve months; in each the drift of the last month is looked at, and one month's outcomes
come in, held against the three scores foretold. The chance (params ``evaluate.alarm_level``) is
shared by halves and then evenly (Bonferroni's inequality, so that it holds however these depend on
each other). Drift has its half of each month for all columns together (Holm 1979).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from retention.core.months import months_between
from retention.evaluation.forecast import FORESEEN

MONTHS_A_YEAR = 12


def drift_level(alarm_level: float) -> float:
    """Return the chance of a false alarm that the drift of one month may have."""
    return alarm_level / 2 / MONTHS_A_YEAR


def missed_level(alarm_level: float) -> float:
    """Return the coverage of the interval outside of which one foretold score is missed."""
    return 1 - alarm_level / 2 / MONTHS_A_YEAR / len(FORESEEN)


def retraining(
    taught: Sequence[str],
    teachable: Sequence[str],
    *,
    last: str,
    missed: bool,
    drift: Mapping[str, Any],
    oldest: int,
) -> dict[str, Any]:
    """Return what speaks for training anew, and whether it is due.

    It is due where something speaks for it and there are months to learn from that the model in use
    has not seen: else the new model would be the old one.

    Parameters
    ----------
    taught : sequence of str
        Months that taught the model in use; empty if they are not known.
    teachable : sequence of str
        Months that may teach a model today.
    last : str
        The last month.
    missed : bool
        Whether the model in use missed a month that it foretold.
    drift : mapping
        As ``drift.find_month_drift`` gives it.
    oldest : int
        Params ``evaluate.oldest_model``.

    Returns
    -------
    dict
        ``missed``, ``drift`` and ``age``, the three reasons; ``months_old``, months since the last
        that taught (None if not known); ``fresh``, the months to learn from; ``due``.
    """
    old = months_between(max(taught), last) if taught else None
    fresh = len([month for month in teachable if not taught or month > max(taught)])
    reasons = {
        "missed": missed,
        "drift": bool(drift["columns"]) or bool((drift["risk"] or {}).get("drifted")),
        "age": old is not None and old >= oldest,
    }
    due = any(reasons.values()) and fresh > 0
    return reasons | {"months_old": old, "fresh": fresh, "due": due}
