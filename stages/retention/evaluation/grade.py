"""A grade that a marketer understands, from the lower ends of the intervals."""

from collections.abc import Mapping

from retention.core.params import Grade


def grade(found: Mapping[str, float], rules: Grade) -> str:
    """Return the model's grade.

    F: the model cannot be told from chance (the lower end of ROC-AUC is at most 0.5 +
    ``chance_margin``). C: better than chance, and not surely better than the best one-column
    rule. B: surely better than that rule, and either by less than ``clear_margin`` at the lower
    end, or with a calibration slope whose interval misses the band. A: the rest.

    Parameters
    ----------
    found : mapping
        ``roc_auc_low``, ``over_rule_low``, ``calibration_slope_low``, ``calibration_slope_high``.
    rules : Grade
        The params section ``evaluate.grade``.
    """
    # An end that cannot be told is NaN, which compares as false: it must never count as good.
    if not found["roc_auc_low"] > 0.5 + rules.chance_margin:
        return "F"
    if not found["over_rule_low"] > 0:
        return "C"
    clear = found["over_rule_low"] >= rules.clear_margin
    true = (
        found["calibration_slope_high"] >= rules.slope_low
        and found["calibration_slope_low"] <= rules.slope_high
    )
    return "A" if clear and true else "B"
