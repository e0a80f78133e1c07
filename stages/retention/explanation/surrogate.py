"""A small stand-in for a model: boosted trees that repeat its score and can be explained exactly.

Fitted on what the model itself says, of customers and of mixtures of a customer and a typical
one (the points that Shapley values ask about), never on the label.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from retention.core.hashing import folds
from retention.explanation.tree_shap import SmallTree, small_trees, tree_scores, tree_values

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
        values = tree_values(self.trees, rows, background, self.players)
        return values, float(self.score(background).mean())


def mixtures(
    rows: np.ndarray, background: np.ndarray, owner: np.ndarray, count: int, *, seed: int
) -> np.ndarray:
    """Return `count` customers with a random set of features taken from a background row.

    The size of the set is uniform, as it is along a walk from one row to another.
    """
    rng = np.random.default_rng(seed)
    players = owner.max() + 1
    order = rng.random((count, players)).argsort(axis=1, kind="stable")
    own = order < rng.integers(0, players + 1, size=(count, 1))
    some = rows[rng.integers(0, len(rows), count)]
    others = background[rng.integers(0, len(background), count)]
    return np.where(own[:, owner], some, others)


def fit_surrogate(
    score: Scorer,
    rows: np.ndarray,
    background: np.ndarray,
    owner: np.ndarray,
    *,
    evaluations: int,
    trees: int,
    seed: int,
    judged: bool = True,
) -> Surrogate:
    """Fit small trees to a model's score and measure how well they repeat it.

    Parameters
    ----------
    score : callable
        Prepared rows in, the model's score out.
    rows, background : ndarray, shape (n, n_columns)
        Prepared customers, and the typical ones they are compared with.
    owner : ndarray of int, shape (n_columns,)
        The feature that each column is made of.
    evaluations : int
        Rows that the model may be asked about, half of them mixtures.
    trees : int
        Trees to fit.
    seed : int
        Seed of the choice of rows.
    judged : bool
        Whether to measure the fidelity, which takes most of the time.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    rng = np.random.default_rng(seed)
    some = rows
    if len(rows) > evaluations // 2:
        some = rows[np.sort(rng.choice(len(rows), evaluations // 2, replace=False))]
    mixed = mixtures(rows, background, owner, max(50, evaluations - len(some)), seed=seed)
    points = np.vstack([some, mixed])
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
        split = [slice(0, len(some)), slice(len(some), None)]
        fidelity = min(_r2(told[part], repeated[part]) for part in split)
    fitted = model.fit(points, told)
    start = float(np.ravel(fitted._baseline_prediction)[0])
    players = int(owner.max()) + 1
    return Surrogate(small_trees(fitted, owner), start, players, fidelity)


def _r2(told: np.ndarray, repeated: np.ndarray) -> float:
    spread = ((told - told.mean()) ** 2).mean()
    missed = ((told - repeated) ** 2).mean()
    return 1.0 if missed == 0 else float(1 - missed / max(spread, 1e-12))
