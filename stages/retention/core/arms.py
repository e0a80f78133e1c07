"""The two arms of a campaign, and who is in which: one name each, in code and in every file."""

from enum import StrEnum

import numpy as np
import pandas as pd

from retention.core.hashing import uniform

GLOBAL_CONTROL = "global_control"
"""The word for whom no campaign contacts; no arm, as they are on no list."""
POWER = 0.8
"""Chance to find an effect, by which the smallest that a campaign can show is told."""


class Arm(StrEnum):
    """What happens to a customer of the list."""

    TREATMENT = "treatment"
    """The offer is made."""
    CONTROL = "control"
    """Nothing is sent; without these customers nobody can tell what the offers did."""


_EARLIER_WORDS = {"treated": Arm.TREATMENT, "untouched": Arm.CONTROL}
"""How lists of earlier versions call the arms."""


def arm_of(word: str) -> Arm | None:
    """Return the arm that a word of a list names, case aside, or None where it names none."""
    plain = word.strip().casefold()
    if plain in _EARLIER_WORDS:
        return _EARLIER_WORDS[plain]
    return Arm(plain) if plain in set(Arm) else None


def draw(ids: pd.Series, *, seed: int, purpose: str) -> np.ndarray:
    """Return a number in [0, 1) for each customer that depends on id, seed and purpose alone."""
    return uniform(pd.util.hash_array(ids.to_numpy(dtype=object)), seed=seed, purpose=purpose)


def assigned(ids: pd.Series, *, seed: int, share: float) -> np.ndarray:
    """Return the arm of each customer, a word of :class:`Arm`.

    By id and seed alone: no customer moves to the other arm when others come or go, or when a
    segment's limits move. Each segment is thus split in the same proportion, but for chance.

    Parameters
    ----------
    ids : Series of str, shape (n_customers,)
    seed : int
    share : float
        Share in the control arm, in [0, 1).
    """
    treated = draw(ids, seed=seed, purpose="arm") >= share
    words = {arm: np.array(arm.value, dtype=object) for arm in Arm}
    return np.where(treated, words[Arm.TREATMENT], words[Arm.CONTROL])


def in_global_control(ids: pd.Series, *, seed: int, share: float) -> np.ndarray:
    """Tell which customers are contacted by no campaign, by id and seed alone.

    Independent of the arms. A larger share keeps all whom a smaller one holds.

    Parameters
    ----------
    ids : Series of str, shape (n_customers,)
        In canonical form.
    seed : int
        One for all campaigns.
    share : float
        Share in the global control group, in [0, 1).
    """
    return draw(ids, seed=seed, purpose="global control") < share


def count_arms(treated: np.ndarray) -> dict[Arm, int]:
    """Return how many customers are in each arm; `treated` marks those of the treatment arm."""
    count = int(treated.sum())
    return {Arm.TREATMENT: count, Arm.CONTROL: len(treated) - count}
