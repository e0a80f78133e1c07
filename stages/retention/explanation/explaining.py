"""Everything that explains a model: reasons of each customer, what matters overall, advice."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.formats import LANGUAGES
from retention.core.params import Explain
from retention.core.vocabulary import IDENTITY, LABEL
from retention.explanation.advice import advise, drops_that_look_loyal
from retention.explanation.explainer import Explained, explainer, sample_of
from retention.explanation.hypotheses import answer_questions, by_key
from retention.explanation.importance import (
    directions,
    mean_contributions,
    permutation_importances,
)
from retention.explanation.noise_floor import noise_threshold
from retention.explanation.reasons import (
    find_reasons,
    first_reasons,
    typical_of_comparable,
    typical_values,
)
from retention.explanation.sentences import sentences
from retention.explanation.shap_values import FAITHFUL, Attributions
from retention.explanation.what_if import rows_to_ask, summary, what_if
from retention.models.estimators import RiskModel

_HEADLINE = ("fidelity", "noise_threshold", "with_reasons")


@dataclass(frozen=True)
class Explanation:
    """Why the model says what it says.

    Attributes
    ----------
    contributions : DataFrame, shape (n_explained, n_features)
        Of each feature to each explained customer's log-odds.
    values : DataFrame, shape (n_explained, n_features)
        The customers' own values.
    reasons : DataFrame, shape (n_customers, …)
        ``customer_id``, the reasons as ``reasons.find_reasons`` gives them, and a sentence in
        each language.
    what_if : DataFrame
        ``customer_id`` and how the risk would change, of the customers asked.
    importance : DataFrame
        A row a feature.
    questions : DataFrame
        A row a claim, as ``hypotheses.answer_questions`` gives them.
    details : dict
        All of it in numbers, and what the page tells beside them.
    """

    contributions: pd.DataFrame
    values: pd.DataFrame
    reasons: pd.DataFrame
    what_if: pd.DataFrame
    importance: pd.DataFrame
    questions: pd.DataFrame
    details: dict[str, Any]

    @property
    def headline(self) -> dict[str, Any]:
        """The numbers that people compare."""
        return {name: self.details[name] for name in _HEADLINE}


def explain_customers(
    table: pd.DataFrame,
    model: RiskModel,
    names: list[str],
    *,
    columns: Columns,
    threshold: float,
    roc_auc: float,
    options: Explain,
) -> Explanation:
    """Attribute every customer's risk to the features, and answer the shop's questions.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, …)
        Features, ``customer_id``, ``split``, ``scored``, ``twin_key``, ``drop``, ``risk`` and
        ``out_of_fold``.
    model : RiskModel
    names : list of str
        The model's features.
    columns : Columns
        The data dictionary.
    threshold : float
        Risk from which a customer is at risk, 0 to 1.
    roc_auc : float
        Of the test customers; advice names it.
    options : Explain
        The params section.
    """
    features, groups = table[names], {name: columns.by_name[name].group for name in names}
    train = np.flatnonzero((table["split"] == "train") & table["scored"])
    fitted = sample_of(table, train, most=options.sample, seed=options.seed)
    explained = explainer(table, options)
    found = explained(model, features, np.arange(len(table)))
    if len(found.values) < len(table):
        line = f"explain: no faithful stand-in for this model (fidelity {found.fidelity:.3f}), so"
        print(f"{line} only the {len(found.values)} riskiest have reasons", file=sys.stderr)
    floor = _noise(table, model, features, fitted, explained, found, options)

    loyal = features.iloc[train][(table[LABEL].iloc[train] == 0).to_numpy()]
    own = features.loc[found.values.index]
    reasons = find_reasons(found.values, own, typical_of_comparable(own, loyal), threshold=floor)
    reasons = reasons.reindex(table.index)
    asked = _asked(table, threshold, options)
    changes = what_if(model, features.iloc[asked], typical_values(loyal))
    questions = _questions(table, found, groups, options)
    importance, by_group = _importance(table, model, features, fitted, found, groups, options)
    mean_abs = importance["mean_abs"].to_dict()
    advice = advise(mean_abs, groups, questions, _evidence(table, roc_auc))
    details = {
        **_method(table, model, found),
        "noise_threshold": floor,
        "with_reasons": float(reasons["reason_1"].notna().mean()),
        "first_reason_by_group": first_reasons(reasons, groups),
        "importance": importance.to_dict("index"),
        "groups": by_group.to_dict("index"),
        "questions": by_key(questions),
        "what_if": summary(changes, table["risk"].to_numpy()[asked], threshold=threshold),
        "advice": {one.pop("key"): one for one in advice},
    }
    return Explanation(
        found.values,
        own,
        reasons=_worded(table, reasons, columns),
        what_if=pd.concat([table[[IDENTITY]].iloc[asked], changes], axis=1),
        importance=importance,
        questions=questions,
        details=details,
    )


def _noise(
    table: pd.DataFrame,
    model: RiskModel,
    features: pd.DataFrame,
    fitted: np.ndarray,
    explained: Explained,
    found: Attributions,
    options: Explain,
) -> float:
    """Return what a column that tells nothing contributes, told as the model was explained."""
    everyone = np.arange(len(table))
    looked = sample_of(table, everyone, most=options.sample, seed=options.seed)
    faithful = -np.inf if found.method == "surrogate" else FAITHFUL
    return noise_threshold(
        model,
        features,
        table[LABEL].iloc[fitted].to_numpy("int64"),
        fitted,
        table["twin_key"].to_numpy(),
        seed=options.seed,
        explained=lambda refitted, wide: explained(refitted, wide, looked, faithful=faithful),
    )


def _asked(table: pd.DataFrame, threshold: float, options: Explain) -> np.ndarray:
    """Return the rows whose risk is asked again with one feature moved."""
    return rows_to_ask(
        table["risk"].to_numpy(),
        table["twin_key"].to_numpy(),
        (table["split"] != "train").to_numpy(),
        threshold=threshold,
        most=options.sample,
        seed=options.seed,
    )


def _importance(
    table: pd.DataFrame,
    model: RiskModel,
    features: pd.DataFrame,
    fitted: np.ndarray,
    found: Attributions,
    groups: Mapping[str, str],
    options: Explain,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return how much each feature and each group matters, by contribution and by permutation."""
    how = {"count": options.bootstrap, "level": options.level, "seed": options.seed}
    importance, by_group = mean_contributions(found.values, groups, **how)
    shuffled = permutation_importances(
        model.pipeline,
        features.iloc[fitted],
        table[LABEL].iloc[fitted].to_numpy("int64"),
        table["twin_key"].to_numpy()[fitted],
        folds=5,
        seed=options.seed,
    )
    importance = importance.join(shuffled)
    own = features.loc[found.values.index]
    importance.insert(0, "direction", directions(found.values, own))
    return importance, by_group


def _evidence(table: pd.DataFrame, roc_auc: float) -> dict[str, float]:
    """Return the figures of the model and of the data that advice may rest on."""
    past = table[table["out_of_fold"] & table["scored"]]
    return {
        "roc_auc": roc_auc,
        "drops_that_look_loyal": drops_that_look_loyal(
            past[LABEL].to_numpy("int64"), past["risk"].to_numpy()
        ),
        "share_without_consent": float((table["consent"] == "no").mean()),
    }


def _method(table: pd.DataFrame, model: RiskModel, found: Attributions) -> dict[str, Any]:
    """Return how the model was explained, and how exactly."""
    return {
        "space": model.space,
        "method": found.method,
        "fidelity": found.fidelity,
        "base": found.base,
        "additivity_gap": np.abs(found.base + found.values.sum(axis=1) - found.explained).max(),
        "customers": len(table),
        "explained_customers": len(found.values),
    }


def _worded(table: pd.DataFrame, reasons: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Return each customer's reasons, and as a sentence in each language."""
    said = {
        f"sentence_{language}": sentences(reasons, language, columns=columns)
        for language in LANGUAGES
    }
    return pd.concat([table[[IDENTITY]], reasons, pd.DataFrame(said, table.index)], axis=1)


def _questions(
    table: pd.DataFrame, found: Attributions, groups: Mapping[str, str], options: Explain
) -> pd.DataFrame:
    """Return the answers that labelled customers give to the shop's questions."""
    labelled = np.flatnonzero(table[LABEL].notna())
    known = sample_of(table, labelled, most=options.answered, seed=options.seed)
    known = known[table.index[known].isin(found.values.index)]
    return answer_questions(
        table.iloc[known].astype({LABEL: "int64"}),
        found.values.loc[table.index[known]],
        groups,
        level=options.level,
        resamples=options.bootstrap,
        seed=options.seed,
    )
