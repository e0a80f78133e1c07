"""What drives the risk overall: mean contributions, their intervals, and a check beside them.

A mean contribution is that of one model, and another shop of the same kind gives another model: the
interval holds that noise of learning too, from models that lack a fold each (:mod:`refits`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.metrics import roc_auc_score

from retention.core.hashing import dealt
from retention.explanation.refits import Each, Refit, jackknife_error, reach
from retention.models.estimators import raw_score
from retention.models.search import corrected_se

SHUFFLES = 3
"""Shuffles of a feature in each fold."""
CLEAR = 0.3
"""Rank correlation of value and contribution from which a direction is named."""
_UNIT = 2.0**-32
"""Log-odds that sums are counted in: what is written has six digits after the point."""
_LARGE, _ROWS = 2**40, 2**20
"""Numbers below the first, as many as the second, have a sum that 64 bits hold."""


@dataclass(frozen=True)
class AbsoluteSums:
    """Sums of absolute contributions: those of parts add up to that of all, to the last digit.

    Attributes
    ----------
    customers : int
    features, groups : dict of int
        The sum of each feature, and of each group's sum, in units of :data:`_UNIT` log-odds.
    """

    customers: int
    features: Mapping[str, int]
    groups: Mapping[str, int]

    @classmethod
    def of(cls, values: pd.DataFrame, groups: Mapping[str, str]) -> Self:
        """Return the sums of contributions, shape (n_customers, n_features)."""
        sums = (
            {name: _exact_sum(table[name].to_numpy()) for name in table}
            for table in (values, _grouped(values, groups))
        )
        return cls(len(values), *sums)

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.customers + other.customers,
            {name: value + other.features[name] for name, value in self.features.items()},
            {name: value + other.groups[name] for name, value in self.groups.items()},
        )

    @property
    def means(self) -> tuple[pd.Series, pd.Series]:
        """Mean absolute contribution of each feature and of each group."""
        unit = _UNIT / self.customers if self.customers else np.nan
        features, groups = (
            pd.Series({name: value * unit for name, value in sums.items()}, dtype="float64")
            for sums in (self.features, self.groups)
        )
        return features, groups


def mean_contributions(
    sums: AbsoluteSums,
    refits: Sequence[pd.DataFrame],
    groups: Mapping[str, str],
    *,
    level: float,
    learnt: float = 1.0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the mean absolute contribution of each feature and group, with intervals.

    Parameters
    ----------
    sums : AbsoluteSums
        Of everyone's contributions in log-odds.
    refits : sequence of DataFrame, each of shape (n_some, n_features)
        Contributions by the models that lack a fold each, of some customers of other folds;
        without any there is no interval.
    groups : mapping
        The group of each feature; a customer's contributions are summed within it first.
    level : float
        Coverage, above 0 and below 1.
    learnt : float
        Share of the training customers that the refits had together; errors shrink with the
        square root of the customers learnt from.

    Returns
    -------
    features, groups : DataFrame
        ``mean_abs``, ``low``, ``high`` in log-odds, the ends missing where there are no refits;
        the strongest first.
    """
    tables = []
    parts = (lambda table: table, lambda table: _grouped(table, groups))
    for part, mean in zip(parts, sums.means, strict=True):
        table = pd.DataFrame({"mean_abs": mean, "low": np.nan, "high": np.nan})
        if refits:
            drawn = np.array([part(refit).abs().mean()[mean.index] for refit in refits])
            half = reach(len(drawn), level=level) * jackknife_error(drawn) * np.sqrt(learnt)
            table["low"], table["high"] = (mean - half).clip(lower=0), mean + half
        tables.append(table.sort_values("mean_abs", ascending=False, kind="stable"))
    return tables[0], tables[1]


def _grouped(values: pd.DataFrame, groups: Mapping[str, str]) -> pd.DataFrame:
    return values.T.groupby([groups[name] for name in values]).sum().T


def _exact_sum(values: np.ndarray) -> int:
    """Return the sum of absolute values in units of :data:`_UNIT`, each rounded to a whole one.

    Whole numbers add up to the same in any order. What is too large for 64 bits is added one by
    one: a price in a wrong unit may weigh as much.
    """
    scaled = np.rint(np.abs(values) / _UNIT)
    large = scaled >= _LARGE
    total = sum(int(value) for value in scaled[large])
    small = np.where(large, 0, scaled).astype("int64")
    return total + sum(int(part.sum()) for part in np.split(small, range(_ROWS, len(small), _ROWS)))


def directions(
    names: Sequence[str],
    contribution: Callable[[str], pd.Series],
    number: Callable[[str], pd.Series | None],
    *,
    jobs: int = 1,
) -> dict[str, str]:
    """Return, for each feature, whether a higher value raises or lowers the risk.

    Parameters
    ----------
    names : sequence of str
        The features.
    contribution, number : callable
        Give the customers' contributions of a feature and their own values of it, None for words:
        one feature after the other needs little memory.
    jobs : int
        Features ranked at a time, each by a core.

    Returns
    -------
    dict
        ``raises``, ``lowers``, ``mixed`` (neither clearly), or ``by_word`` for words.
    """

    def direction(name: str) -> str:
        own = number(name)
        if own is None:
            return "by_word"
        rho = own.rank().corr(contribution(name).rank())
        return "raises" if rho > CLEAR else "lowers" if rho < -CLEAR else "mixed"

    # Threads, not processes: ranking leaves Python's lock, and nothing is copied.
    found = Parallel(n_jobs=jobs, prefer="threads")(delayed(direction)(name) for name in names)
    return dict(zip(names, found, strict=True))


def permutation_importances(
    refits: Sequence[Refit],
    features: pd.DataFrame,
    label: np.ndarray,
    key: np.ndarray,
    *,
    level: float,
    seed: int,
    each: Each = map,
) -> pd.DataFrame:
    """Return how much ROC-AUC falls when a feature is shuffled among customers unseen.

    Each fold of training customers is scored by the model of the others, so that nothing is asked
    of the test customers, whom evaluate looks at once.

    Parameters
    ----------
    refits : sequence of Refit
        Models that lack a fold each.
    features : DataFrame, shape (n_customers, n_features)
    label : ndarray of 0 and 1, shape (n_customers,)
    key : ndarray of uint64, shape (n_customers,)
        Decides who gets whose value.
    level : float
        Coverage, above 0 and below 1.
    seed : int
    each : callable
        Asks the models.

    Returns
    -------
    DataFrame
        ``permutation``, ``permutation_low``, ``permutation_high`` for each feature: the mean over
        folds and its interval, corrected for the folds' overlap.

    References
    ----------
    Breiman (2001), Machine Learning 45, 5-32; Nadeau & Bengio (2003), Machine Learning 52, 239-281
    (the interval).
    """
    names = ["permutation", "permutation_low", "permutation_high"]
    if not refits:
        return pd.DataFrame(np.nan, features.columns, names)
    falls = np.array(list(each(partial(_falls, features, label, key, seed), refits)))
    mean = falls.mean(axis=0)
    splits = [(refit.train, refit.test) for refit in refits]
    error = np.array([corrected_se(falls[:, i], splits) for i in range(falls.shape[1])])
    half = reach(len(refits), level=level) * error
    return pd.DataFrame(
        dict(zip(names, (mean, mean - half, mean + half), strict=True)), features.columns
    )


def _falls(
    features: pd.DataFrame, label: np.ndarray, key: np.ndarray, seed: int, refit: Refit
) -> np.ndarray:
    """Return the mean fall of ROC-AUC for each feature, all shuffled tables scored in one go.

    A blend asks hundreds of trees whatever the number of rows, so one call a feature would cost
    far more than the work.
    """
    features, label, key = features.iloc[refit.test], label[refit.test], key[refit.test]
    count, width = len(features), SHUFFLES * features.shape[1]
    columns = {}
    for place, name in enumerate(features):
        rows = np.tile(np.arange(count), (width + 1, 1))
        for again in range(SHUFFLES):
            purpose = f"shuffle {name} {again}"
            rows[place * SHUFFLES + again] = dealt(key, seed=seed, purpose=purpose)
        columns[name] = features[name].array.take(rows.ravel())
    scores = raw_score(refit.model.pipeline, pd.DataFrame(columns)).reshape(-1, count)
    *shuffled, whole = (roc_auc_score(label, score) for score in scores)
    return whole - np.reshape(shuffled, (-1, SHUFFLES)).mean(axis=1)
