"""Whom a campaign is for: customers whose outcome is ahead; where nobody's is, a rehearsal."""

import numpy as np
import pandas as pd

from retention.core.vocabulary import LABEL


def is_ahead(customers: pd.DataFrame) -> np.ndarray:
    """Tell whose three months are still ahead: their ``drop`` is missing."""
    return customers[LABEL].isna().to_numpy()


def is_rehearsal(customers: pd.DataFrame) -> bool:
    """Tell whether nobody's outcome is ahead: then nothing is a forecast."""
    return not is_ahead(customers).any()


def audience_of(customers: pd.DataFrame) -> pd.DataFrame:
    """Return the customers whose outcome is ahead, and all of them in a rehearsal."""
    return customers if is_rehearsal(customers) else customers[is_ahead(customers)]
