"""Which customers are explained, against which typical ones, and which stand for all."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from retention.core.hashing import part_of, uniform
from retention.core.params import Explain
from retention.core.vocabulary import LABEL
from retention.explanation.shap_values import FAITHFUL, Attributions, attribute
from retention.models.estimators import RiskModel

Explained = Callable[..., Attributions]


def explainer(table: pd.DataFrame, options: Explain) -> Explained:
    """Return what attributes a model's risk to features of customers of `table`.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, n_columns)
        ``split``, ``scored``, ``twin_key`` and ``risk`` of every customer.
    options : Explain
        The params section.

    Returns
    -------
    callable
        Of a model, a table of its features (rows as in `table`), the rows to explain, and the
        fidelity from which a stand-in is taken.
    """
    train = np.flatnonzero((table["split"] == "train") & table["scored"])
    draw = uniform(table["twin_key"].to_numpy()[train], seed=options.seed, purpose="background")
    typical = train[np.argsort(draw, kind="stable")[: options.background]]

    def explained(
        model: RiskModel,
        features: pd.DataFrame,
        places: np.ndarray,
        *,
        faithful: float = FAITHFUL,
    ) -> Attributions:
        return attribute(
            model,
            features.iloc[places],
            features.iloc[typical],
            risk=table["risk"].to_numpy()[places],
            unseen=(table["split"] != "train").to_numpy()[places],
            key=table["twin_key"].to_numpy()[places],
            evaluations=options.evaluations,
            max_evaluations=options.max_evaluations,
            max_rows=options.max_rows,
            faithful=faithful,
            seed=options.seed,
        )

    return explained


def sample_of(table: pd.DataFrame, places: np.ndarray, *, most: int, seed: int) -> np.ndarray:
    """Return at most `most` of the `places`, by hash, as large a share of each side and class."""
    rows = table.iloc[places]
    kind = rows["split"].astype("str") + rows[LABEL].astype("str")
    key = rows["twin_key"].to_numpy()
    return places[part_of(key, kind.to_numpy(), most=most, seed=seed, purpose="explain")]
