"""What offers gain, without a table of customers x offers: rows of it are made when asked for.

Whatever reads gains asks for some rows at a time, ``gain[rows]``, and gets a table: a row a
customer, a column an offer, -inf where an offer is closed. A plain ndarray does the same.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from retention.campaign.offers import Offer

GAINS_AT_ONCE = 50_000
"""Customers whose rows are made at once."""

RowChoice = slice | np.ndarray


class GainTable(Protocol):
    """Gains, a row a customer, a column an offer, -inf where an offer is closed."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: RowChoice) -> np.ndarray: ...


class Gains:
    """Expected gains, told by two numbers of a customer and by which offers are open.

    Parameters
    ----------
    risk, at_stake : ndarray, shape (n_customers,)
        Risk, and profit that a drop would cost.
    open_bits : ndarray of uint8, shape (n_customers, …)
        Which offers are open, as ``numpy.packbits`` packs them.
    offers : sequence of Offer
    """

    def __init__(
        self,
        risk: np.ndarray,
        at_stake: np.ndarray,
        open_bits: np.ndarray,
        offers: Sequence[Offer],
    ) -> None:
        self._customers = (risk, at_stake, open_bits)
        self._effect, self._cost = (
            np.array([getattr(offer, key) for offer in offers], dtype="float64")
            for key in ("effect", "cost")
        )

    def __len__(self) -> int:
        return len(self._customers[0])

    def __getitem__(self, rows: RowChoice) -> np.ndarray:
        risk, at_stake, open_bits = (column[rows] for column in self._customers)
        gain = risk[:, None] * self._effect * at_stake[:, None] - self._cost
        gain[np.unpackbits(open_bits, axis=1, count=len(self._cost)) == 0] = -np.inf
        return gain


class Reordered:
    """Gains of some customers, in another order.

    Parameters
    ----------
    gain : GainTable
    rows : ndarray of int
        The customer of each row.
    """

    def __init__(self, gain: GainTable, rows: np.ndarray) -> None:
        self._gain, self._rows = gain, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: RowChoice) -> np.ndarray:
        return self._gain[self._rows[rows]]


class HandedOut:
    """Gains with each scarce offer closed to everyone but those it was handed out to.

    Parameters
    ----------
    gain : GainTable
    scarce : ndarray of int
        Places of the scarce offers.
    holds : ndarray of int, shape (n_customers,)
        The scarce offer that a customer holds, ``NO_OFFER`` where none.
    """

    def __init__(self, gain: GainTable, scarce: np.ndarray, holds: np.ndarray) -> None:
        self._gain, self._scarce, self._holds = gain, scarce, holds

    def __len__(self) -> int:
        return len(self._gain)

    def __getitem__(self, rows: RowChoice) -> np.ndarray:
        gain, holds = self._gain[rows].copy(), self._holds[rows]
        for place in self._scarce:
            gain[holds != place, place] = -np.inf
        return gain


def chunks(length: int) -> Iterator[slice]:
    """Yield the rows of a table, :data:`GAINS_AT_ONCE` at a time."""
    for start in range(0, length, GAINS_AT_ONCE):
        yield slice(start, min(start + GAINS_AT_ONCE, length))


def is_open(gain: GainTable) -> np.ndarray:
    """Tell which customers have an open offer."""
    found = [np.isfinite(gain[rows]).any(axis=1) for rows in chunks(len(gain))]
    return np.concatenate(found) if found else np.zeros(0, dtype=bool)


def open_to(gain: GainTable, customers: np.ndarray, offers: int) -> np.ndarray:
    """Return to how many of some customers (a bool each) each of the offers is open."""
    count = np.zeros(offers, dtype="int64")
    for rows in chunks(len(gain)):
        count += (np.isfinite(gain[rows]) & customers[rows, None]).sum(axis=0)
    return count
