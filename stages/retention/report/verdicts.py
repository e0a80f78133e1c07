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
