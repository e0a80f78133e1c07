"""Which customers are explained, against which typical ones, and which stand for all."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from retention.core.hashing import part_of, uniform
from retention.core.months import in_months
from retention.core.params import Explain
from retention.core.vocabulary import LABEL
from retention.explanation.roles import Roles, row_key
from retention.explanation.shap_values import FAITHFUL, Attributions, attribute
from retention.models.estimators import RiskModel

Explained = Callable[..., Attributions]
Again = Callable[[RiskModel, np.ndarray], pd.DataFrame]

CHEAP = 4000
"""Model evaluations behind the stand-in of a refit at most: 15,000 give the same noise floor within
1 % on the simulated shop, and take twice the time."""
SAMPLED = 200
"""Customers of a refit that sampling explains, at most."""
ALWAYS, NEVER = -np.inf, 2.0
"""Fidelity asked of a stand-in, so that it always or never answers for the model."""


def explainer(table: pd.DataFrame, options: Explain, roles: Roles, *, jobs: int = 1) -> Explained:
    """Return what attributes a model's risk to features of customers of `table`.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, n_columns)
        ``twin_key`` and ``risk`` of every customer; in months ``month`` and ``behaviour_key`` too.
    options : Explain
        The params section.
    roles : Roles
        Whom the model has seen, and who stands for a typical customer.
    jobs : int
        Processor cores that sampling may use.

    Returns
    -------
    callable
        Of a model, a table of its features (rows as in `table`), the rows to explain, and, where
        they are others than usual, the fidelity from which a stand-in is taken and the model
        evaluations that it and sampling may spend.
    """
    key = row_key(table)
    draw = uniform(key[roles.typical], seed=options.seed, purpose="background")
    typical = roles.typical[np.argsort(draw, kind="stable")[: options.background]]

    def explained(
        model: RiskModel,
        features: pd.DataFrame,
        places: np.ndarray,
        *,
        faithful: float = FAITHFUL,
        evaluations: int = options.evaluations,
        max_evaluations: int = options.max_evaluations,
    ) -> Attributions:
        return attribute(
            model,
            features.iloc[places],
            features.iloc[typical],
            risk=table["risk"].to_numpy()[places],
            unseen=~roles.seen[places],
            key=key[places],
            evaluations=evaluations,
            max_evaluations=max_evaluations,
            max_rows=options.max_rows,
            faithful=faithful,
            seed=options.seed,
            jobs=jobs,
        )

    return explained


def refit_explainer(
    table: pd.DataFrame,
    features: pd.DataFrame,
    found: Attributions,
    options: Explain,
    roles: Roles,
    *,
    jobs: int = 1,
) -> Again:
    """Return what explains models of the same kind as the one behind `found`, for less work.

    They are explained by the same method: a stand-in answers or does not, whatever its fidelity,
    and sampling takes as many walks a customer, of fewer customers.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, n_columns)
        As :func:`explainer` takes it.
    features : DataFrame, shape (n_customers, n_features)
    found : Attributions
        Of the model itself.
    options : Explain
        The params section.
    roles, jobs
        As :func:`explainer` takes them.

    Returns
    -------
    callable
        Of a model and the rows to explain; it gives the contributions.
    """
    explained = explainer(table, options, roles, jobs=jobs)
    cheap = min(CHEAP, options.evaluations)

    def again(model: RiskModel, places: np.ndarray) -> pd.DataFrame:
        if found.method != "sampling":
            return explained(model, features, places, faithful=ALWAYS, evaluations=cheap).values
        few = sample_of(table, places, most=SAMPLED, seed=options.seed)
        spent = options.max_evaluations * len(few) // len(found.values)
        how = {"faithful": NEVER, "evaluations": cheap, "max_evaluations": max(1, spent)}
        return explained(model, features, few, **how).values

    return again


def sample_of(table: pd.DataFrame, places: np.ndarray, *, most: int, seed: int) -> np.ndarray:
    """Return at most `most` of the `places`, by hash, as large a share of each side and class.

    Of a snapshot those whose outcome is ahead are in no class and are not drawn.
    """
    if not len(places):
        return places
    rows = table.iloc[places]
    label = rows[LABEL].astype("str")
    kind = rows["split"].astype("str") + (label.fillna("") if in_months(table) else label)
    key, kind = row_key(rows), kind.to_numpy()
    return places[part_of(key, kind, most=most, seed=seed, purpose="explain")]
