"""Which sentence an interval allows: what it leaves open is never called a difference."""


def side(low: float | None, high: float | None, point: float = 0) -> str:
    """Return where an interval lies of a point: ``above``, ``below``, or ``unclear`` around it.

    An interval without ends, which cannot be told, leaves everything open.
    """
    if low is None or high is None:
        return "unclear"
    if low > point:
        return "above"
    return "below" if high < point else "unclear"


def inside(value: float, low: float, high: float) -> str:
    """Return whether what was told fits what happened: ``fits``, ``too_low`` or ``too_high``."""
    if value < low:
        return "too_low"
    return "too_high" if value > high else "fits"
