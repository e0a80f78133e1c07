"""A grade that a marketer understands, from intervals."""

from collections.abc import Mapping
from typing import Any

from retention.core.params import Grade
from retention.evaluation.calibration_verdict import Verdict

ONLY_JUST = "only_just"
"""What keeps a model from A that is better than the best one-column rule, and not by much."""
CUSTOMERS_SPLIT = "customers_split"
"""What keeps it from A where it was tested on other customers of the months that taught it."""


def grade(found: Mapping[str, Any], rules: Grade) -> str:
    """Return the model's grade.

    F: the model cannot be told from chance (the lower end of ROC-AUC is at most 0.5 +
    ``chance_margin``). C: better than chance, and not surely better than the best one-column
    rule, or than regression to the mean where that ranks the label. B: surely better than these,
    with :func:`reservations`. A: without.

    Parameters
    ----------
    found : mapping
        ``roc_auc_low``, ``over_rule_low`` and ``calibration``, the verdict on the probabilities;
        of months also ``split`` (``time`` or ``customers``) and, where outcomes follow from
        revenue, ``over_reversion_low`` and ``over_base_low``.
    rules : Grade
        The params section ``evaluate.grade``.
    """
    # An end that cannot be told is NaN, which compares as false: it must never count as good.
    if not found["roc_auc_low"] > 0.5 + rules.chance_margin:
        return "F"
    baselines = ("over_rule_low", "over_reversion_low", "over_base_low")
    if not all(found[name] > 0 for name in baselines if name in found):
        return "C"
    return "B" if reservations(found, rules) else "A"


def reservations(found: Mapping[str, Any], rules: Grade) -> list[str]:
    """Return what keeps a model from grade A that is better than the best one-column rule.

    ``only_just`` where the lower end of its gain is below ``clear_margin``; ``customers_split``
    where the test is not later than what taught the model; ``do_not_hold`` or ``cannot_be_told``,
    what is said of its probabilities where they are not shown to hold.
    """
    verdict = Verdict(found["calibration"])
    said = {
        ONLY_JUST: not found["over_rule_low"] >= rules.clear_margin,
        CUSTOMERS_SPLIT: found.get("split") == "customers",
        str(verdict): verdict != Verdict.HOLD,
    }
    return [word for word, applies in said.items() if applies]
