"""Everything that explains a model: reasons of each customer, what matters overall, advice."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from retention.core.columns import Columns
from retention.core.formats import LANGUAGES
from retention.core.grades import FAILED_GRADE
from retention.core.params import Explain
from retention.core.vocabulary import IDENTITY, LABEL
from retention.explanation.advice import advise, drops_that_look_loyal
from retention.explanation.explainer import Again, explainer, refit_explainer, sample_of
from retention.explanation.hypotheses import (
    MARGINS,
    PERCENTAGE_POINTS,
    answer_questions,
    by_key,
    withheld,
)
from retention.explanation.importance import (
    directions,
    mean_contributions,
    permutation_importances,
)
from retention.explanation.noise_floor import noise_floor, permuted_peaks
from retention.explanation.reasons import (
    find_reasons,
    first_reasons,
    typical_of_comparable,
    typical_values,
)
from retention.explanation.refits import Refit, fold_of, refit_without_folds
from retention.explanation.sentences import sentences
from retention.explanation.shap_values import Attributions
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


# Many small fits and products: several threads (OpenMP, BLAS) would wait for each other, and for
# whatever else the machine does, two or three times as long as one of them works.
@threadpool_limits.wrap(limits=1)
def explain_customers(
    table: pd.DataFrame,
    model: RiskModel,
    names: list[str],
    *,
    columns: Columns,
    threshold: float,
    roc_auc: float,
    grade: str,
    options: Explain,
) -> Explanation:
    """Attribute every customer's risk to the features, and answer the shop's questions.

    Of a model that cannot be told from chance nothing is explained: nobody has a reason, no claim
    is answered, nothing has an interval. The contributions stay, for those who study the model.

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
    grade : str
        Of the model, as evaluate gave it.
    options : Explain
        The params section.
    """
    told = grade != FAILED_GRADE
    features, groups = table[names], {name: columns.by_name[name].group for name in names}
    train = np.flatnonzero((table["split"] == "train") & table["scored"])
    fitted = sample_of(table, train, most=options.sample, seed=options.seed)
    label, key = table[LABEL].iloc[fitted].to_numpy("int64"), table["twin_key"].to_numpy()[fitted]
    taught = (features.iloc[fitted], label, key)
    found = explainer(table, options)(model, features, np.arange(len(table)))
    if len(found.values) < len(table):
        line = f"explain: no faithful stand-in for this model (fidelity {found.fidelity:.3f}), so"
        print(f"{line} only the {len(found.values)} riskiest have reasons", file=sys.stderr)
    again = refit_explainer(table, features, found, options)
    floor, refits, parts = None, [], []
    if told:
        floor = _floor(table, model, taught, again, options)
        refits = refit_without_folds(model, *taught, seed=options.seed)
        parts = _without_folds(table, refits, again, options)

    loyal = features.iloc[train][(table[LABEL].iloc[train] == 0).to_numpy()]
    own = features.loc[found.values.index]
    reasons = find_reasons(
        found.values,
        own,
        typical_of_comparable(own, loyal),
        threshold=np.inf if floor is None else floor,
    )
    reasons = reasons.reindex(table.index)
    asked = _asked(table, threshold, options) if told else np.array([], dtype="int64")
    changes = what_if(model, features.iloc[asked], typical_values(loyal))
    learnt = {"learnt": len(fitted) / len(train)}
    importance, by_group = mean_contributions(
        found.values, parts, groups, level=options.level, **learnt
    )
    importance = importance.join(
        permutation_importances(refits, *taught, level=options.level, seed=options.seed)
    )
    importance.insert(0, "direction", directions(found.values, own))
    questions = _questions(table, found, parts, groups, options, **learnt)
    if not told:
        questions = withheld(questions)
    mean_abs = importance["mean_abs"].to_dict()
    advice = advise(mean_abs, groups, questions, _evidence(table, roc_auc, told=told))
    details = {
        **_method(table, model, found),
        "level": options.level,
        "noise_threshold": floor,
        "with_reasons": float(reasons["reason_1"].notna().mean()),
        "first_reason_by_group": first_reasons(reasons, groups),
        "importance": importance.to_dict("index"),
        "groups": by_group.to_dict("index"),
        "questions": by_key(questions),
        "least_difference": MARGINS[PERCENTAGE_POINTS],
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


def _floor(
    table: pd.DataFrame,
    model: RiskModel,
    taught: tuple[pd.DataFrame, np.ndarray, np.ndarray],
    again: Again,
    options: Explain,
) -> float:
    """Return the contribution that a reason must exceed; `taught`: features, label and key."""
    looked = sample_of(table, np.arange(len(table)), most=options.sample, seed=options.seed)
    peaks = permuted_peaks(
        model,
        *taught,
        explained=lambda refitted: again(refitted, looked),
        seed=options.seed,
    )
    return noise_floor(peaks, least=options.least_reason)


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


def _without_folds(
    table: pd.DataFrame, refits: Sequence[Refit], again: Again, options: Explain
) -> list[pd.DataFrame]:
    """Return the contributions by each of the `refits`, of customers of the other folds."""
    looked = sample_of(table, np.arange(len(table)), most=options.sample, seed=options.seed)
    fold = fold_of(table["twin_key"].to_numpy()[looked], seed=options.seed)
    return [again(refit.model, looked[fold != refit.fold]) for refit in refits]


def _evidence(table: pd.DataFrame, roc_auc: float, *, told: bool) -> dict[str, float]:
    """Return the figures of the data, and of the model where it tells, that advice may rest on."""
    found = {"roc_auc": roc_auc, "share_without_consent": float((table["consent"] == "no").mean())}
    if told:
        past = table[table["out_of_fold"] & table["scored"]]
        label, risk = past[LABEL].to_numpy("int64"), past["risk"].to_numpy()
        found["drops_that_look_loyal"] = drops_that_look_loyal(label, risk)
    return found


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
    table: pd.DataFrame,
    found: Attributions,
    refits: Sequence[pd.DataFrame],
    groups: Mapping[str, str],
    options: Explain,
    *,
    learnt: float,
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
        refits=refits,
        learnt=learnt,
    )
