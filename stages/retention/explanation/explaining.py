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
from retention.core.months import in_months
from retention.core.params import Explain
from retention.core.vocabulary import IDENTITY, LABEL, MONTH
from retention.explanation.advice import advise, drops_that_look_loyal
from retention.explanation.explainer import Again, explainer, refit_explainer, sample_of
from retention.explanation.hypotheses import (
    MARGINS,
    PERCENTAGE_POINTS,
    answer_questions,
    answered_when_kept,
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
from retention.explanation.roles import Roles, roles_of, row_key
from retention.explanation.sentences import sentences
from retention.explanation.shap_values import Attributions
from retention.explanation.what_if import rows_to_ask, summary, what_if
from retention.models.estimators import RiskModel
from retention.models.selection import row_weights

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
    learnt_from: int = 0,
    when_kept: Mapping[str, Any] | None = None,
    jobs: int = 1,
) -> Explanation:
    """Attribute every customer's risk to the features, and answer the shop's questions.

    Of a model that cannot be told from chance nothing is explained: nobody has a reason, no claim
    is answered, nothing has an interval. The contributions stay, for those who study the model.
    So it is where what taught the model has gone.

    The noise floor and what matters to the model are learnt by fitting it again and again. A model
    that was kept is the model that it was: both are then as they were told when it was kept.

    Parameters
    ----------
    table : DataFrame, shape (n_rows, …)
        Features, ``customer_id``, ``split``, ``scored``, ``twin_key``, ``drop``, ``risk`` and
        ``out_of_fold``; in months ``month``, ``behaviour_key`` and ``weight`` too.
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
    learnt_from : int
        Rows that the model learnt from, as its card says.
    when_kept : mapping, optional
        The details that were told when the model was kept.
    jobs : int
        Processor cores that sampling may use; no result depends on it.
    """
    told = grade != FAILED_GRADE
    features, groups = table[names], {name: columns.by_name[name].group for name in names}
    roles = roles_of(table, learnt_from=learnt_from)
    shown = table.iloc[roles.shown]
    fitted = sample_of(table, roles.taught, most=options.sample, seed=options.seed)
    label, key = table[LABEL].iloc[fitted].to_numpy("int64"), table["twin_key"].to_numpy()[fitted]
    taught = (features.iloc[fitted], label, key)
    found = explainer(table, options, roles, jobs=jobs)(model, features, roles.shown)
    if len(found.values) < len(shown):
        line = f"explain: no faithful stand-in for this model (fidelity {found.fidelity:.3f}), so"
        print(f"{line} only the {len(found.values)} riskiest have reasons", file=sys.stderr)
    again = refit_explainer(table, features, found, options, roles, jobs=jobs)
    floor, refits, parts = when_kept["noise_threshold"] if told and when_kept else None, [], []
    if told and len(fitted) and when_kept is None:
        looked = sample_of(table, roles.shown, most=options.sample, seed=options.seed)
        weight = row_weights(table.iloc[fitted])
        floor = noise_floor(
            permuted_peaks(
                model,
                *taught,
                explained=lambda refitted: again(refitted, looked),
                weight=weight,
                together=in_months(table),
                seed=options.seed,
            ),
            least=options.least_reason,
        )
        refits = refit_without_folds(model, *taught, weight=weight, seed=options.seed)
        parts = _without_folds(table, looked, refits, again, options)

    loyal = _loyal(table, features, roles)
    own = features.loc[found.values.index]
    reasons = find_reasons(
        found.values,
        own,
        typical_of_comparable(own, loyal),
        threshold=np.inf if floor is None else floor,
    )
    reasons = reasons.reindex(shown.index)
    asked = _asked(table, roles, threshold, options) if told else np.array([], dtype="int64")
    changes = what_if(model, features.iloc[asked], typical_values(loyal))
    learnt = {"learnt": len(fitted) / max(1, len(roles.taught))}
    importance, by_group = mean_contributions(
        found.values, parts, groups, level=options.level, **learnt
    )
    importance = importance.join(
        permutation_importances(refits, *taught, level=options.level, seed=options.seed)
    )
    importance.insert(0, "direction", directions(found.values, own))
    questions = _questions(table, roles, found, parts, groups, options, **learnt)
    if told and when_kept is not None:
        importance, by_group = (_table_of(when_kept[name]) for name in ("importance", "groups"))
        questions = answered_when_kept(questions, when_kept["questions"])
    if not told:
        questions = withheld(questions)
    mean_abs = importance["mean_abs"].to_dict()
    advice = advise(mean_abs, groups, questions, _evidence(table, roles, roc_auc, told=told))
    details = {
        **_method(shown, model, found),
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
        **_of_when(table, roles),
        **({} if when_kept is None else {"when_kept": True}),
    }
    return Explanation(
        found.values,
        own,
        reasons=_worded(shown, reasons, columns),
        what_if=pd.concat([table[[IDENTITY]].iloc[asked], changes], axis=1),
        importance=importance,
        questions=questions,
        details=details,
    )


def _table_of(rows: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return a table as details have it; what is not known is NaN there."""
    found = pd.DataFrame.from_dict(rows, orient="index")
    numbers = found.columns.difference(["direction"])
    return found.astype(dict.fromkeys(numbers, "float64"))


def _loyal(table: pd.DataFrame, features: pd.DataFrame, roles: Roles) -> pd.DataFrame:
    """Return the features of customers who stayed: of those that taught, else of the others."""
    known = roles.taught if len(roles.taught) else roles.answering
    return features.iloc[known[(table[LABEL].iloc[known] == 0).to_numpy(dtype=bool)]]


def _asked(table: pd.DataFrame, roles: Roles, threshold: float, options: Explain) -> np.ndarray:
    """Return the rows whose risk is asked again with one feature moved."""
    shown = np.zeros(len(table), dtype=bool)
    shown[roles.shown] = True
    return rows_to_ask(
        table["risk"].to_numpy(),
        row_key(table),
        shown & ~roles.seen,
        threshold=threshold,
        most=options.sample,
        seed=options.seed,
    )


def _without_folds(
    table: pd.DataFrame,
    looked: np.ndarray,
    refits: Sequence[Refit],
    again: Again,
    options: Explain,
) -> list[pd.DataFrame]:
    """Return the contributions by each of the `refits`, of customers of the other folds."""
    fold = fold_of(table["twin_key"].to_numpy()[looked], seed=options.seed)
    return [again(refit.model, looked[fold != refit.fold]) for refit in refits]


def _evidence(table: pd.DataFrame, roles: Roles, roc_auc: float, *, told: bool) -> dict[str, float]:
    """Return the figures of the data, and of the model where it tells, that advice may rest on."""
    silent = float((table["consent"].iloc[roles.shown] == "no").mean())
    found = {"roc_auc": roc_auc, "share_without_consent": silent}
    past = table.iloc[roles.taught]
    past = past[past["out_of_fold"]]
    if told and len(past):
        label, risk = past[LABEL].to_numpy("int64"), past["risk"].to_numpy()
        found["drops_that_look_loyal"] = drops_that_look_loyal(label, risk)
    return found


def _of_when(table: pd.DataFrame, roles: Roles) -> dict[str, Any]:
    """Return which months are explained and answer, and how many rows taught the model."""
    if not in_months(table):
        return {}
    answering = table[MONTH].iloc[roles.answering]
    months = {
        "explained": table[MONTH].max(),
        "answered": answering.max() if len(answering) else None,
        "taught": len(roles.taught),
    }
    return {"months": months}


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
    roles: Roles,
    found: Attributions,
    refits: Sequence[pd.DataFrame],
    groups: Mapping[str, str],
    options: Explain,
    *,
    learnt: float,
) -> pd.DataFrame:
    """Return the answers that labelled customers give to the shop's questions."""
    table = table.assign(twin_key=row_key(table))
    known = sample_of(table, roles.answering, most=options.answered, seed=options.seed)
    explained = table.loc[found.values.index]
    if not in_months(table):
        known = known[table.index[known].isin(found.values.index)]
        explained = table.iloc[known]
    return answer_questions(
        table.iloc[known].astype({LABEL: "int64"}),
        found.values.loc[explained.index],
        groups,
        level=options.level,
        explained=explained,
        refits=refits,
        learnt=learnt,
    )
