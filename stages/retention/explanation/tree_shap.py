"""Exact Shapley values of small boosted trees, fast enough for a million customers.

A tree of at most eight leaves asks at most seven questions, so all it ever sees of a customer is
which of them are answered with yes: one of 128 codes. The Shapley values of every code are worked
out once a tree; a customer's are then looked up. Interventional values against a background
(Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9), with columns of one feature as one player.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import factorial
from typing import Any

import numpy as np

MOST_QUESTIONS = 7
"""Questions of one tree at most: 128 codes."""
_CHUNK = 50_000


@dataclass(frozen=True)
class SmallTree:
    """One tree as a table.

    Attributes
    ----------
    columns, thresholds : ndarray, shape (n_questions,)
        Question k: is ``row[columns[k]] <= thresholds[k]``? Its answer is bit k of the code.
    players : ndarray of int, shape (n_players,)
        The features that the tree asks for.
    masks : ndarray of int, shape (n_players,)
        The bits of each player's questions.
    leaves : ndarray, shape (2 ** n_questions,)
        The tree's value for each code.
    """

    columns: np.ndarray
    thresholds: np.ndarray
    players: np.ndarray
    masks: np.ndarray
    leaves: np.ndarray

    def codes(self, turned: np.ndarray) -> np.ndarray:
        """Return each row's code; `turned` has a row a column."""
        code = np.zeros(turned.shape[1], dtype="uint8")
        for bit, (column, threshold) in enumerate(zip(self.columns, self.thresholds, strict=True)):
            code |= (turned[column] <= threshold).view("uint8") << np.uint8(bit)
        return code

    def worth(self, background: np.ndarray) -> np.ndarray:
        """Return what each coalition of players is worth to each code.

        Returns
        -------
        ndarray, shape (2 ** n_players, 2 ** n_questions)
            The tree's mean value over the `background` codes where the coalition's questions
            are answered by the row and the others by the background.
        """
        others, counts = np.unique(background, return_counts=True)
        coalition = np.arange(2 ** len(self.masks))
        taken = np.zeros(len(coalition), dtype="int64")
        for player, mask in enumerate(self.masks):
            taken |= np.where(coalition >> player & 1, mask, 0)
        own = np.arange(len(self.leaves))
        mixed = (own[:, None] & taken[:, None, None]) | (others & ~taken[:, None, None])
        return self.leaves[mixed] @ (counts / counts.sum())


def small_trees(model: Any, owner: Sequence[int]) -> list[SmallTree] | None:
    """Return the trees of a histogram gradient boosting model, or None if one is too big.

    Parameters
    ----------
    model : HistGradientBoostingClassifier or HistGradientBoostingRegressor
        Fitted with one score a row, on numbers without gaps.
    owner : sequence of int, shape (n_columns,)
        The player that each column belongs to.
    """
    trees = [_small(step[0].nodes, np.asarray(owner)) for step in model._predictors]
    return None if any(tree is None for tree in trees) else trees


def _small(nodes: np.ndarray, owner: np.ndarray) -> SmallTree | None:
    asks = np.flatnonzero(nodes["is_leaf"] == 0)
    if len(asks) > MOST_QUESTIONS:
        return None
    bit = np.zeros(len(nodes), dtype="int64")
    bit[asks] = np.arange(len(asks))
    codes = np.arange(2 ** len(asks))
    place = np.zeros(len(codes), dtype="int64")
    for _ in asks:
        here = nodes[place]
        below = np.where(codes >> bit[place] & 1, here["left"], here["right"])
        place = np.where(here["is_leaf"] == 1, place, below)
    columns = nodes["feature_idx"][asks].astype("int64")
    players, which = np.unique(owner[columns], return_inverse=True)
    masks = np.zeros(len(players), dtype="int64")
    np.bitwise_or.at(masks, which, 1 << np.arange(len(asks)))
    return SmallTree(columns, nodes["num_threshold"][asks], players, masks, nodes["value"][place])


@dataclass(frozen=True)
class SolvedTrees:
    """Trees with the Shapley values of every code, against one background.

    Attributes
    ----------
    trees : sequence of SmallTree
    tables : sequence of ndarray, each of shape (n_players_of_the_tree, n_codes)
    players : int
        Features that there are.
    """

    trees: Sequence[SmallTree]
    tables: Sequence[np.ndarray]
    players: int

    def values(self, rows: np.ndarray) -> np.ndarray:
        """Return the Shapley value of each player for each row, shape (n_rows, players).

        A row's values add up to the sum of its trees minus the background's mean sum.
        """
        values = np.zeros((len(rows), self.players))
        for first, part in _parts(rows):
            found = np.zeros((self.players, part.shape[1]))
            for tree, table in zip(self.trees, self.tables, strict=True):
                code = tree.codes(part).astype("intp")  # else anew for each player
                for player, shares in zip(tree.players, table, strict=True):
                    found[player] += shares[code]
            values[first : first + part.shape[1]] = found.T
        return values


def solved(trees: Sequence[SmallTree], background: np.ndarray, players: int) -> SolvedTrees:
    """Return the trees with the Shapley values of every code worked out.

    Parameters
    ----------
    trees : sequence of SmallTree
    background : ndarray, shape (n_background, n_columns)
        Rows that a row is compared with.
    players : int
        Features that there are.
    """
    turned = np.ascontiguousarray(background.T)
    tables = []
    for tree in trees:
        shares = _shares(len(tree.players)) @ tree.worth(tree.codes(turned))
        tables.append(np.ascontiguousarray(shares))
    return SolvedTrees(trees, tables, players)


def tree_scores(trees: Sequence[SmallTree], rows: np.ndarray) -> np.ndarray:
    """Return the sum of the trees' values for each row."""
    total = np.zeros(len(rows))
    for first, part in _parts(rows):
        for tree in trees:
            total[first : first + part.shape[1]] += tree.leaves[tree.codes(part)]
    return total


def _parts(rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for first in range(0, len(rows), _CHUNK):
        yield first, np.ascontiguousarray(rows[first : first + _CHUNK].T)


@cache
def _shares(count: int) -> np.ndarray:
    """Return the matrix that turns the worth of each coalition into Shapley values."""
    matrix = np.zeros((count, 2**count))
    for coalition in range(2**count):
        size = coalition.bit_count()
        for player in range(count):
            inside = coalition >> player & 1
            before = size - inside
            share = factorial(before) * factorial(count - before - 1) / factorial(count)
            matrix[player, coalition] = share if inside else -share
    return matrix
