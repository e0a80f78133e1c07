"""Samples of customers by the hash of their behaviour, the same in one table and in its parts.

A sample is of the rows with the lowest draws. The draw up to which they reach is found from the
keys of all rows; then each part tells by itself which of its rows are among them.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.hashing import uniform


@dataclass(frozen=True)
class Sampling:
    """How a sample is drawn.

    Attributes
    ----------
    most : int
        Rows of the sample, where there are so many.
    seed : int
    purpose : str
        As :func:`retention.core.hashing.uniform` takes them.
    """

    most: int
    seed: int
    purpose: str

    def cut(self, key: np.ndarray) -> float:
        """Return the draw up to which the sample of all rows reaches, 1 where it is all of them.

        Parameters
        ----------
        key : ndarray of uint64, shape (n_rows,)
            As :func:`retention.core.hashing.behaviour_key` gives it.
        """
        if len(key) <= self.most:
            return 1.0
        return float(np.partition(self._draw(key), self.most - 1)[self.most - 1])

    def reached(self, key: np.ndarray, cut: float) -> np.ndarray:
        """Tell which rows have a draw of `cut` or less: the sample, and who ties with its last."""
        return self._draw(key) <= cut

    def lowest(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the sample of rows with their ``twin_key``; of equal draws the first rows."""
        if len(rows) <= self.most:
            return rows
        draw = self._draw(rows["twin_key"].to_numpy())
        return rows.iloc[np.sort(np.argsort(draw, kind="stable")[: self.most])]

    def _draw(self, key: np.ndarray) -> np.ndarray:
        return uniform(key, seed=self.seed, purpose=self.purpose)
