"""Where a value lies on a chart, and which round numbers stand along its axis."""

import math
from collections.abc import Callable


def scale(low: float, high: float, start: float, end: float) -> Callable[..., str]:
    """Return the function from a value to its place on an axis, with two digits.

    Parameters
    ----------
    low, high : float
        Values at both ends of the axis.
    start, end : float
        Places of these ends in the picture's units; `end` may be the smaller.
    """
    span = high - low if high > low else 1.0

    def place(value: float, shift: float = 0) -> str:
        return f"{start + (end - start) * (value - low) / span + shift:.2f}"

    return place


def ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Return round numbers from `low` to `high`, steps of 1, 2 or 5 times a power of ten.

    Parameters
    ----------
    low, high : float
    about : int
        How many are wanted at most, but for one.
    """
    if high <= low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]
