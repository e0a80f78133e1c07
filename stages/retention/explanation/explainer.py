"""Which customers are explained, against which typical ones, and which stand for all."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.hashing import part_of, uniform
from retention.core.months import in_months
from retention.core.params import Explain
from retention.core.vocabulary import LABEL
from retention.explanation.roles import Roles, row_key
from retention.explanation.shap_values import (
    FAITHFUL,
    SAMPLING,
    Attributions,
    Attributor,
    attribute,
    has_exact_path,
    learn_attributor,
    stand_in_order,
)
from retention.explanation.surrogate import StandInRows, draw_rows
from retention.models.estimators import RiskModel

Explained = Callable[..., Attributions]
Again = Callable[[RiskModel, np.ndarray], pd.DataFrame]

CHEAP = 4000
"""Model evaluations behind the stand-in of a refit at most: 15,000 give the same noise floor within
1 % on the simulated shop, and take twice the time."""
SAMPLED = 200
"""Customers of a refit that sampling explains, at most."""
FEWEST_LOOKED = 100
"""Customers below which a sample says too little: params ``explain.sample`` is no lower either."""
ALWAYS, NEVER = -np.inf, 2.0
"""Fidelity asked of a stand-in, so that it always or never answers for the model."""


def typical_places(table: pd.DataFrame, options: Explain, roles: Roles) -> np.ndarray:
    """Return the rows that customers are compared with.

    Parameters are those of :func:`explainer`.
    """
    draw = uniform(row_key(table)[roles.typical], seed=options.seed, purpose="background")
    return roles.typical[np.argsort(draw, kind="stable")[: options.background]]


def first_by_key(key: np.ndarray, *, most: int) -> np.ndarray:
    """Return at most `most` rows, those of the smallest keys, in their order."""
    if len(key) <= most:
        return np.arange(len(key))
    return np.sort(np.argsort(key, kind="stable")[:most])


def explainer(table: pd.DataFrame, options: Explain, roles: Roles, *, jobs: int = 1) -> Explained:
    """Return what attributes a model's risk to features of customers of `table`.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, n_columns)
        ``twin_key`` and ``risk`` of every customer, a range for index; in months ``month`` and
        ``behaviour_key`` too.
    options : Explain
        The params section.
    roles : Roles
        Whom the model has seen, and who stands for a typical customer.
    jobs : int
        Processor cores that sampling may use.

    Returns
    -------
    callable
        Of a model, a table of its features (by the index of `table`; of the rows to explain and
        the typical ones at least), the rows to explain, and, where they are others than usual, the
        fidelity from which a stand-in is taken and the model evaluations that it and sampling may
        spend.
    """
    key, typical = row_key(table), typical_places(table, options, roles)

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
            features.loc[places],
            features.loc[typical],
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


@dataclass(frozen=True)
class Wanted:
    """Which rows the model itself is learnt from to be explained, before any of them is read.

    Attributes
    ----------
    typical : ndarray of int
        Places of the rows that customers are compared with.
    order : ndarray of int
        Places of the rows that a stand-in may be fitted on.
    drawn : StandInRows or None
        Which of them it is fitted on; None where the model needs none.
    """

    typical: np.ndarray
    order: np.ndarray
    drawn: StandInRows | None

    @property
    def places(self) -> np.ndarray:
        """Places of all of them."""
        some = [] if self.drawn is None else [self.order[self.drawn.needed]]
        return np.concatenate([self.typical, *some])

    def learn(self, model: RiskModel, features: pd.DataFrame, *, seed: int) -> Attributor:
        """Return what gives the contributions of any customers.

        Parameters
        ----------
        model : RiskModel
        features : DataFrame, shape (n_rows, n_features)
            By place; of :attr:`places` at least.
        seed : int
        """
        return learn_attributor(
            model,
            features.loc[self.typical],
            drawn=self.drawn,
            take=lambda rows: features.loc[self.order[rows]],
            seed=seed,
        )


def wanted_rows(
    model: RiskModel, players: int, table: pd.DataFrame, options: Explain, roles: Roles
) -> Wanted:
    """Return which rows the model itself is learnt from to be explained.

    Parameters
    ----------
    model : RiskModel
    players : int
        Features that it has.
    table, options, roles
        As :func:`explainer` takes them.
    """
    typical = typical_places(table, options, roles)
    if has_exact_path(model):
        return Wanted(typical, np.array([], dtype="int64"), None)
    key, unseen = row_key(table)[roles.shown], ~roles.seen[roles.shown]
    order = roles.shown[stand_in_order(key, unseen)]
    drawn = draw_rows(
        len(order), len(typical), players, evaluations=options.evaluations, seed=options.seed
    )
    return Wanted(typical, order, drawn)


def refit_explainer(
    table: pd.DataFrame,
    features: pd.DataFrame,
    method: str,
    options: Explain,
    roles: Roles,
    *,
    explained: int,
    jobs: int = 1,
) -> Again:
    """Return what explains models of the same kind as the one explained, for less work.

    They are explained by the same method: a stand-in answers or does not, whatever its fidelity,
    and sampling takes as many walks a customer, of fewer customers.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, n_columns)
        As :func:`explainer` takes it.
    features : DataFrame, shape (n_rows, n_features)
        By the index of `table`; of the typical rows and of those that will be explained at least.
    method : str
        How the model itself was explained.
    options : Explain
        The params section.
    roles, jobs
        As :func:`explainer` takes them.
    explained : int
        Customers for whom the model itself was explained.

    Returns
    -------
    callable
        Of a model and the rows to explain; it gives the contributions.
    """
    attributed = explainer(table, options, roles, jobs=jobs)
    cheap = min(CHEAP, options.evaluations)

    def again(model: RiskModel, places: np.ndarray) -> pd.DataFrame:
        if method != SAMPLING:
            return attributed(model, features, places, faithful=ALWAYS, evaluations=cheap).values
        few = sample_of(table, places, most=SAMPLED, seed=options.seed)
        spent = options.max_evaluations * len(few) // explained
        how = {"faithful": NEVER, "evaluations": cheap, "max_evaluations": max(1, spent)}
        return attributed(model, features, few, **how).values

    return again


def narrowed(
    table: pd.DataFrame,
    features: pd.DataFrame,
    options: Explain,
    roles: Roles,
    places: np.ndarray,
) -> tuple[pd.DataFrame, pd.DataFrame, Roles, np.ndarray]:
    """Return what explaining some rows needs of the tables: little enough to send to a worker.

    Parameters
    ----------
    table, features, options, roles
        As :func:`refit_explainer` takes them.
    places : ndarray of int
        The rows that will be explained.

    Returns
    -------
    DataFrame, DataFrame, Roles
        Table, features and roles of these rows and of the typical ones, counted anew.
    ndarray of int
        The new numbers of `places`.
    """
    typical = typical_places(table, options, roles)
    kept = np.union1d(places, typical)
    nobody = np.array([], dtype="int64")
    few = Roles(np.searchsorted(kept, typical), nobody, nobody, roles.seen[kept])
    rows = table.iloc[kept].reset_index(drop=True), features.loc[kept].reset_index(drop=True)
    return *rows, few, np.searchsorted(kept, places)


def sample_of(table: pd.DataFrame, places: np.ndarray, *, most: int, seed: int) -> np.ndarray:
    """Return at most `most` of the `places`, by hash, as large a share of each side and class.

    Of a snapshot those whose outcome is ahead are in no class and are not drawn. Where they are so
    many that fewer than :data:`FEWEST_LOOKED` of the others would be, the share is taken of these.
    """
    if not len(places):
        return places
    # Of millions: numbers of few bytes.
    side = pd.factorize(table["split"].iloc[places])[0].astype("int8")
    label = (
        table[LABEL].iloc[places].to_numpy("float32", na_value=2 if in_months(table) else np.nan)
    )
    key, kind = row_key(table)[places], 3 * side + label
    chosen, classed = part_of(key, kind, most=most, seed=seed, purpose="explain"), ~np.isnan(kind)
    if not classed.all() and chosen.sum() < FEWEST_LOOKED:
        return sample_of(table, places[classed], most=most, seed=seed)
    return places[chosen]
