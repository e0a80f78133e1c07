"""Sides and folds by a hash of the behaviour: nobody moves when others arrive, twins stay together.

The hash sees what a customer does, never the id, the label or the profit: the export's rows are
sorted by label with ids ascending, so a split that followed them would follow the answer.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_PARTS = np.uint64(0xA0761D6478BD642F)
"""Keeps the parts of the tables apart from every draw."""
_BLOCK = 2**20
"""Keys scrambled at a time: of millions the steps between would take several times their memory."""
_WHOLE = "^(0|[1-9][0-9]{0,17})$"
"""An id that is a whole number, and is written as such."""
_TOO_LONG = 10**18
"""The first number of more digits than such an id has."""


def behaviour_key(customers: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Return a 64-bit key of each row's values; equal rows, and only they, share one.

    Parameters
    ----------
    customers : DataFrame
        Row and column order do not matter.
    columns : sequence of str
        The columns that make two customers twins.

    Returns
    -------
    ndarray of uint64, shape (n_customers,)
    """
    key = np.zeros(len(customers), dtype=np.uint64)
    for name in sorted(columns):
        values = customers[name]
        if pd.api.types.is_numeric_dtype(values):
            # Adding zero makes -0.0 and 0.0 one value.
            plain = values.to_numpy(dtype="float64", na_value=np.nan).round(6) + 0.0
            hashed = pd.util.hash_array(plain)
        else:
            codes, words = pd.factorize(values)
            hashed = pd.util.hash_array(np.array([*words, ""], dtype=object))[codes]
        key = _mix(key * _ODD + hashed)
    return key


def uniform(key: np.ndarray, *, seed: int, purpose: str) -> np.ndarray:
    """Return a number in [0, 1) for each key, independent between seeds and purposes.

    Parameters
    ----------
    key : ndarray of uint64
        What decides, as :func:`behaviour_key` gives it.
    seed : int
        From params.
    purpose : str
        Keeps draws for different uses apart (``"split"``, ``"fold 2"``).
    """
    salt = pd.util.hash_array(np.array([f"{purpose}/{seed}"], dtype=object))[0]
    draw = np.empty(len(key))
    for first in range(0, len(key), _BLOCK):
        some = slice(first, first + _BLOCK)
        draw[some] = (_mix(key[some] ^ salt) >> np.uint64(11)) * 2.0**-53
    return draw


def dealt(key: np.ndarray, *, seed: int, purpose: str) -> np.ndarray:
    """Return the row whose value each row gets when values are dealt out anew.

    The draw follows the keys alone, not the order of the rows.
    """
    in_order = np.argsort(key, kind="stable")
    rows = np.empty(len(key), dtype="int64")
    draw = uniform(key[in_order], seed=seed, purpose=purpose)
    rows[in_order] = in_order[np.argsort(draw, kind="stable")]
    return rows


def dealt_together(key: np.ndarray, *, seed: int, purpose: str) -> np.ndarray:
    """Return the row whose value each row gets when rows of one key give and get theirs together.

    Keys of as many rows exchange, so that what their rows have in common stays in common
    (permutation of whole blocks; Winkler et al. 2015, doi:10.1016/j.neuroimage.2015.05.092).
    """
    _, group, sizes = np.unique(key, return_inverse=True, return_counts=True)
    rows, of_size = np.arange(len(key)), sizes[group]
    for size in np.unique(sizes):
        places = np.flatnonzero(of_size == size)
        rows[places] = places[dealt(key[places], seed=seed, purpose=purpose)]
    return rows


def folds(key: np.ndarray, *, count: int, seed: int, repeat: int = 0) -> np.ndarray:
    """Return each row's fold, 0 to ``count - 1``, by its key alone."""
    return (uniform(key, seed=seed, purpose=f"fold {repeat}") * count).astype("int64")


def part_of(
    key: np.ndarray, label: np.ndarray, *, most: int, seed: int, purpose: str
) -> np.ndarray:
    """Tell which rows are in a sample of at most `most`, as large a share of either class.

    Parameters
    ----------
    key : ndarray of uint64, shape (n_rows,)
        Decides who is in, by :func:`uniform`.
    label : ndarray, shape (n_rows,)
    most, seed, purpose
        Size of the sample, and what makes it.
    """
    draw, label = uniform(key, seed=seed, purpose=purpose), np.asarray(label)
    chosen, share = np.zeros(len(draw), dtype=bool), most / max(1, len(draw))
    for one in pd.unique(label[~pd.isna(label)]):
        places = np.flatnonzero(label == one)
        count = len(places)
        if share < 1:  # of many, those whose rank can be too high need none
            drawn = draw[places]
            last = np.partition(drawn, int(share * count))[int(share * count)]
            places = places[drawn <= last]
        ranks = pd.Series(draw[places]).rank()
        chosen[places[(ranks / count <= share).to_numpy()]] = True
    return chosen


def part_numbers(ids: pd.Series, *, count: int, numbers: np.ndarray | None = None) -> np.ndarray:
    """Return in which of `count` parts of every table each customer is, by the id alone.

    Parameters
    ----------
    ids : Series of str
        In canonical form.
    count : int
        Parts, from 1.
    numbers : ndarray of int64, shape (n_customers,), optional
        The ids as the whole numbers that they are (``id_order.plain_numbers``), where it is known
        that all are; it spares looking at the text.

    Returns
    -------
    ndarray of int, shape (n_customers,)
        From 0 to ``count - 1``; the same id is in the same part of every table and file.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if numbers is not None and len(numbers) and 0 <= numbers.min() <= numbers.max() < _TOO_LONG:
        return (_mix(numbers.astype(np.uint64) ^ _PARTS) % np.uint64(count)).astype("int64")
    text = pa.array(ids, type=pa.string())
    whole = pc.match_substring_regex(text, _WHOLE).to_numpy(zero_copy_only=False)
    key = np.zeros(len(ids), dtype=np.uint64)
    # Hashing numbers is many times faster than hashing text, and most ids are numbers.
    key[whole] = text.filter(pa.array(whole)).cast(pa.int64()).to_numpy().view(np.uint64)
    key[~whole] = pd.util.hash_array(ids.to_numpy(dtype=object)[~whole])
    return (_mix(key ^ _PARTS) % np.uint64(count)).astype("int64")


def one_of_each_twin(key: np.ndarray, label: pd.Series) -> np.ndarray:
    """Tell which rows are scored: the first of those equal in behaviour and label."""
    frame = pd.DataFrame({"key": key, "label": label.to_numpy()})
    return ~frame.duplicated().to_numpy()


def _mix(key: np.ndarray) -> np.ndarray:
    """Scramble 64-bit keys (the finaliser of SplitMix64; Steele, Lea & Flood 2014)."""
    key = (key ^ (key >> np.uint64(30))) * _MIX_1
    key = (key ^ (key >> np.uint64(27))) * _MIX_2
    return key ^ (key >> np.uint64(31))
