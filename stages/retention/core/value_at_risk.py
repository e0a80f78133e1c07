"""What a drop in activity would cost: one rule for offers, the page and the measurement."""

import numpy as np
import pandas as pd

from retention.core.vocabulary import PROFIT


def profit_at_stake(customers: pd.DataFrame, *, months: float, lost: float) -> np.ndarray:
    """Return the profit that a drop would cost, in the unit of profit; 0 where it is unknown."""
    return customers[PROFIT].fillna(0).clip(lower=0).to_numpy() * months * lost
