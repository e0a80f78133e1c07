"""SHAP values of a risk model in calibrated log-odds, summed back to the columns a person knows.

Source of the values: Lundberg & Lee 2017, arXiv:1705.07874; of the sampling: Štrumbelj &
Kononenko 2014, doi:10.1007/s10115-013-0679-x.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.families import RiskModel, raw_score
from retention.progress import progress

EXACT = {"LogisticRegression": "linear", "HistGradientBoostingClassifier": "tree"}
_BATCH = 100_000


@dataclass(frozen=True)
class Attributions:
    """Why the model says what it says.

    Attributes
    ----------
    values : DataFrame, shape (n_customers, n_features)
        Contribution of each feature, in log-odds of a drop.
    base : float
        Mean log-odds of the background: base + sum of a row's values = the row's log-odds.
    method : str
        ``linear`` or ``tree`` (exact), or ``sampling``.
    """

    values: pd.DataFrame
    base: float
    method: str


def attribute(
    model: RiskModel,
    features: pd.DataFrame,
    background: pd.DataFrame,
    *,
    max_evaluations: int,
    seed: int,
) -> Attributions:
    """Return the contributions for each row of `features`.

    Parameters
    ----------
    model : RiskModel
    features : DataFrame, shape (n_customers, n_features)
    background : DataFrame
        Training customers a customer is compared with.
    max_evaluations : int
        Model evaluations that sampling may spend on all rows together; more background rows
        (each walked in an order of its own) are used as it allows, two at least.
    seed : int
        Seed of the orders.
    """
    prepare = model.pipeline.named_steps["prepare"]
    estimate = model.pipeline.named_steps["estimate"]
    owner = column_owners(prepare)
    rows, typical = prepare.transform(features), prepare.transform(background)
    method = EXACT.get(type(estimate).__name__, "sampling")
    if method == "sampling":
        walks = max_evaluations // max(1, len(rows) * features.shape[1])
        typical = typical[: int(np.clip(walks, 2, len(typical)))]
        by_feature, base = _sampled(estimate, rows, typical, owner, list(features), seed=seed)
    else:
        import shap

        explainer = shap.LinearExplainer if method == "linear" else shap.TreeExplainer
        masker = shap.maskers.Independent(typical, max_samples=len(typical))
        explained = explainer(estimate, masker)(rows)
        by_column = pd.DataFrame(explained.values.T, index=owner)
        by_feature = by_column.groupby(level=0).sum().T[list(features)].to_numpy()
        base = float(np.ravel(explained.base_values)[0])
    values = pd.DataFrame(model.slope * by_feature, features.index, list(features))
    return Attributions(values, model.slope * base + model.intercept, method)


def column_owners(prepare: object) -> list[str]:
    """Return, for each column that the preparation makes, the feature it is made of."""
    numbers, words = (list(columns) for _, _, columns in prepare.transformers_[:2])
    imputer = prepare.named_transformers_["numbers"][0]
    gaps = imputer.indicator_.features_ if imputer.indicator_ is not None else []
    owners = numbers + [numbers[place] for place in gaps]
    if words:
        encoder = prepare.named_transformers_["words"]
        for name, known in zip(words, encoder.categories_, strict=True):
            owners += [name] * len(known)
    return owners


def _sampled(
    estimate: object,
    rows: np.ndarray,
    typical: np.ndarray,
    owner: list[str],
    names: list[str],
    *,
    seed: int,
) -> tuple[np.ndarray, float]:
    """Walk from each background row to each customer, one feature after the other.

    The steps of a walk add up to the difference of its ends, so the mean over walks is additive
    whatever the orders. Each second walk goes the order before it backwards, which cancels most
    of the noise (antithetic sampling; Mitchell et al. 2022, JMLR 23(43)).
    """
    rng = np.random.default_rng(seed)
    columns = {name: [i for i, who in enumerate(owner) if who == name] for name in names}
    values = np.zeros((len(rows), len(names)))
    starts = raw_score(estimate, typical)
    order = np.arange(len(names))
    chunk = max(1, _BATCH // len(names))
    for walk, start in enumerate(progress(typical, what="explain", unit="walks")):
        order = order[::-1] if walk % 2 else rng.permutation(len(names))
        for first in range(0, len(rows), chunk):
            part = rows[first : first + chunk]
            state = np.tile(start, (len(part), 1))
            path = np.empty((len(names), *part.shape))
            for step, feature in enumerate(order):
                state[:, columns[names[feature]]] = part[:, columns[names[feature]]]
                path[step] = state
            scored = raw_score(estimate, path.reshape(-1, part.shape[1]))
            scored = scored.reshape(len(names), len(part))
            steps = np.diff(scored, axis=0, prepend=starts[walk])
            values[first : first + chunk, order] += steps.T
    return values / len(typical), float(starts.mean())
