"""A small stand-in for a model: boosted trees that repeat its score and can be explained exactly.

Fitted on what the model itself says, of customers and of mixtures of a customer and a typical
one (the points that Shapley values ask about), never on the label.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from retention.core.hashing import folds
from retention.explanation.tree_shap import SmallTree, small_trees, solved, tree_scores

Scorer = Callable[[np.ndarray], np.ndarray]

FOLDS = 3
KNOBS = {"max_leaf_nodes": 8, "learning_rate": 0.1, "min_samples_leaf": 20, "l2_regularization": 1}


@dataclass(frozen=True)
class Surrogate:
    """Small trees that repeat a model's score.

    Attributes
    ----------
    trees : list of SmallTree
    start : float
        What the trees add to.
    players : int
        Number of features.
    fidelity : float or None
        Share of the model's variance that trees fitted on other rows repeat (R², at most 1), the
        lower of that on customers and that on mixtures; None where it was not asked for.
    """

    trees: Sequence[SmallTree]
    start: float
    players: int
    fidelity: float | None

    def score(self, rows: np.ndarray) -> np.ndarray:
        """Return the surrogate's score of prepared rows."""
        return self.start + tree_scores(self.trees, rows)

    def values(self, rows: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, float]:
        """Return each row's exact Shapley values, and the background's mean score."""
        values = solved(self.trees, background, self.players).values(rows)
        return values, float(self.score(background).mean())


@dataclass(frozen=True)
class StandInRows:
    """Which rows a stand-in is fitted on, by their numbers: the rows themselves may lie elsewhere.

    Attributes
    ----------
    some : ndarray of int
        Rows that are asked about as they are.
    mixed, others : ndarray of int, shape (n_mixtures,)
        The row and the background row that each mixture is made of.
    own : ndarray of bool, shape (n_mixtures, n_features)
        Features that a mixture has from its row.
    """

    some: np.ndarray
    mixed: np.ndarray
    others: np.ndarray
    own: np.ndarray

    @property
    def needed(self) -> np.ndarray:
        """Numbers of all rows that are looked at, ascending."""
        return np.union1d(self.some, self.mixed)

    def mixtures(
        self, take: Callable[[np.ndarray], np.ndarray], background: np.ndarray, owner: np.ndarray
    ) -> np.ndarray:
        """Return customers with a random set of features taken from a background row.

        Parameters
        ----------
        take : callable
            Gives the prepared rows of some numbers.
        background : ndarray, shape (n_background, n_columns)
        owner : ndarray of int, shape (n_columns,)
            The feature that each column is made of.
        """
        return np.where(self.own[:, owner], take(self.mixed), background[self.others])

    def points(
        self, take: Callable[[np.ndarray], np.ndarray], background: np.ndarray, owner: np.ndarray
    ) -> np.ndarray:
        """Return the rows as they are, then the mixtures; parameters as :meth:`mixtures`."""
        return np.vstack([take(self.some), self.mixtures(take, background, owner)])


def draw_rows(
    count: int, background: int, players: int, *, evaluations: int, seed: int
) -> StandInRows:
    """Return which of `count` rows a stand-in is fitted on.

    The size of the set of features that a mixture has from its row is uniform, as it is along a
    walk from one row to another.

    Parameters
    ----------
    count, background, players : int
        Rows, background rows and features that there are.
    evaluations : int
        Rows that the model may be asked about, half of them mixtures.
    seed : int
    """
    some = np.arange(count)
    if count > evaluations // 2:
        chosen = np.random.default_rng(seed).choice(count, evaluations // 2, replace=False)
        some = np.sort(chosen)
    mixed = max(50, evaluations - len(some))
    rng = np.random.default_rng(seed)
    order = rng.random((mixed, players)).argsort(axis=1, kind="stable")
    own = order < rng.integers(0, players + 1, size=(mixed, 1))
    rows, others = rng.integers(0, count, mixed), rng.integers(0, background, mixed)
    return StandInRows(some, rows, others, own)


def fit_surrogate(
    score: Scorer,
    points: np.ndarray,
    owner: np.ndarray,
    *,
    unmixed: int,
    trees: int,
    seed: int,
    judged: bool = True,
) -> Surrogate:
    """Fit small trees to a model's score and measure how well they repeat it.

    Parameters
    ----------
    score : callable
        Prepared rows in, the model's score out.
    points : ndarray, shape (n_points, n_columns)
        What it is asked about, as :meth:`StandInRows.points` gives it.
    owner : ndarray of int, shape (n_columns,)
        The feature that each column is made of.
    unmixed : int
        Number of the first points that are customers as they are.
    trees : int
        Trees to fit.
    seed : int
    judged : bool
        Whether to measure the fidelity, which takes most of the time.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    told = score(points)
    model = HistGradientBoostingRegressor(
        max_iter=trees, early_stopping=False, random_state=seed, **KNOBS
    )
    fidelity = None
    if judged:
        fold = folds(np.arange(len(points), dtype="uint64"), count=FOLDS, seed=seed)
        repeated = np.zeros(len(points))
        for part in range(FOLDS):
            test = fold == part
            repeated[test] = model.fit(points[~test], told[~test]).predict(points[test])
        split = [slice(0, unmixed), slice(unmixed, None)]
        fidelity = min(_r2(told[part], repeated[part]) for part in split)
    fitted = model.fit(points, told)
    start = float(np.ravel(fitted._baseline_prediction)[0])
    players = int(owner.max()) + 1
    return Surrogate(small_trees(fitted, owner), start, players, fidelity)


def _r2(told: np.ndarray, repeated: np.ndarray) -> float:
    spread = ((told - told.mean()) ** 2).mean()
    missed = ((told - repeated) ** 2).mean()
    return 1.0 if missed == 0 else float(1 - missed / max(spread, 1e-12))
