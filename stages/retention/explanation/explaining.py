"""Everything that explains a model: reasons of each customer, what matters overall, advice.

What is learnt once looks at single columns of everyone and at whole rows of some; the reasons are
then made part by part (:mod:`part_reasons`).
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from retention.core.columns import Columns
from retention.core.grades import FAILED_GRADE
from retention.core.hashing import uniform
from retention.core.months import in_months
from retention.core.params import Explain
from retention.core.part_names import clear_table, part_paths
from retention.core.parted_rows import PartedRows
from retention.core.parts import map_parts, works_alone
from retention.core.vocabulary import IDENTITY, LABEL, MONTH
from retention.explanation.advice import advise, drops_that_look_loyal
from retention.explanation.explainer import (
    Again,
    first_by_key,
    narrowed,
    refit_explainer,
    sample_of,
    wanted_rows,
)
from retention.explanation.hypotheses import (
    MARGINS,
    PERCENTAGE_POINTS,
    answer_questions,
    answered_when_kept,
    by_key,
    withheld,
)
from retention.explanation.importance import (
    AbsoluteSums,
    directions,
    mean_contributions,
    permutation_importances,
)
from retention.explanation.noise_floor import noise_floor, permuted_peaks
from retention.explanation.part_reasons import (
    Learnt,
    PartTask,
    PartTold,
    explain_part,
    gap_of,
)
from retention.explanation.reasons import TypicalValues, first_reasons, typical_among
from retention.explanation.refits import Each, Refit, fold_of, refit_without_folds
from retention.explanation.roles import Roles, roles_of, row_key
from retention.explanation.shap_values import SAMPLING, riskiest
from retention.explanation.what_if import rows_to_ask, summary, what_if
from retention.models.estimators import RiskModel
from retention.models.selection import row_weights

_HEADLINE = ("fidelity", "noise_threshold", "with_reasons")
_MOST_DOTS = 3000
"""Customers drawn at most."""
_MOST_RANKED = 500_000
"""Customers at most whose ranks tell the directions: of so many a rank correlation has a standard
error of 0.0015, and to rank ten million of each feature takes as long as all the reasons."""


@dataclass(frozen=True)
class Explanation:
    """Why the model says what it says; the reasons of each customer are written already.

    Attributes
    ----------
    drawn : DataFrame, shape (n_drawn, n_features)
        Contributions of the customers who are drawn, to the log-odds of each.
    values : DataFrame, shape (n_drawn, n_features)
        Their own values.
    strongest : list of str
        The features by their mean contribution.
    what_if : DataFrame
        ``customer_id`` and how the risk would change, of the customers asked.
    importance : DataFrame
        A row a feature.
    questions : DataFrame
        A row a claim, as ``hypotheses.answer_questions`` gives them.
    details : dict
        All of it in numbers, and what the page tells beside them.
    """

    drawn: pd.DataFrame
    values: pd.DataFrame
    strongest: list[str]
    what_if: pd.DataFrame
    importance: pd.DataFrame
    questions: pd.DataFrame
    details: dict[str, Any]

    @property
    def headline(self) -> dict[str, Any]:
        """The numbers that people compare."""
        return {name: self.details[name] for name in _HEADLINE}


@dataclass(frozen=True)
class _Looks:
    """Places of the rows that are looked at whole, chosen before any is read.

    Attributes
    ----------
    fitted : ndarray of int
        What refits learn from.
    looked : ndarray of int
        Whom refits explain.
    asked : ndarray of int
        Whose risk is asked again with one feature moved.
    answering : ndarray of int
        Who answers the shop's questions.
    beside : ndarray of int
        Whom pictures draw, and of whom the model itself is asked, where everyone is explained.
    """

    fitted: np.ndarray
    looked: np.ndarray
    asked: np.ndarray
    answering: np.ndarray
    beside: np.ndarray

    @property
    def places(self) -> np.ndarray:
        """Places of all of them."""
        return np.concatenate([self.fitted, self.looked, self.asked, self.answering, self.beside])


@dataclass(frozen=True)
class _Told:
    """What is told of all parts, their frames by place: they are never laid together whole."""

    parts: list[PartTold]

    @property
    def sums(self) -> AbsoluteSums:
        """Sums of everyone's contributions."""
        return reduce(add, (part.sums for part in self.parts))

    @property
    def gap(self) -> float:
        """Log-odds by which a customer's contributions miss the explained score at most."""
        return max(part.gap for part in self.parts)

    @property
    def first(self) -> Counter[str]:
        """Customers by the feature of their first reason."""
        return sum((Counter(part.first) for part in self.parts), Counter())

    def contributions(self, places: np.ndarray) -> pd.DataFrame:
        """Return the contributions of some of the picked, in the order of `places`."""
        some = [part.values[part.values.index.isin(places)] for part in self.parts]
        return pd.concat(some).loc[places]

    def columns(
        self, places: np.ndarray
    ) -> tuple[Callable[[str], pd.Series], Callable[[str], pd.Series | None]]:
        """Return what gives one feature's contributions and numbers of some of the picked."""
        # Looked up once for all features: of so many rows it takes as long as to rank them.
        index = pd.Index(np.concatenate([part.values.index for part in self.parts]))
        rows, own = index.get_indexer(places), pd.Index(places)
        if (rows < 0).any():
            raise KeyError("contributions are kept of those who were picked only")

        def contribution(name: str) -> pd.Series:
            values = np.concatenate([part.values[name] for part in self.parts])
            return pd.Series(values[rows], own)

        def number(name: str) -> pd.Series | None:
            if name not in self.parts[0].numbers:
                return None
            values = np.concatenate([part.numbers[name] for part in self.parts])
            return pd.Series(values[rows], own)

        return contribution, number


# Many small fits and products: several threads (OpenMP, BLAS) would wait for each other, and for
# whatever else the machine does, two or three times as long as one of them works.
@threadpool_limits.wrap(limits=1)
def explain_customers(
    rows: PartedRows,
    model: RiskModel,
    names: list[str],
    *,
    reasons: Path,
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
    rows : PartedRows
        Features, ``customer_id``, ``split``, ``scored``, ``twin_key``, ``drop``, ``risk`` and
        ``out_of_fold``; in months ``month``, ``behaviour_key`` and ``weight`` too.
    model : RiskModel
    names : list of str
        The model's features.
    reasons : Path
        The table that each customer's reasons are written to, in the parts of `rows`:
        ``customer_id``, the reasons as ``reasons.find_reasons`` gives them, and a sentence in
        each language.
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
        Processor cores that parts and sampling may use; no result depends on it.
    """
    told, groups = grade != FAILED_GRADE, {name: columns.by_name[name].group for name in names}
    keys, roles = rows.keys, roles_of(rows.keys, learnt_from=learnt_from)
    wanted = wanted_rows(model, len(names), keys, options, roles)
    looks = _looks(keys, roles, threshold, options, told=told)
    some = rows.take(np.concatenate([wanted.places, looks.places]))
    attributor = wanted.learn(model, some[names], seed=options.seed)
    sampled, own = None, some
    if attributor.method == SAMPLING:
        own = rows.take(_riskiest(keys, roles, options))
        how = {"max_evaluations": options.max_evaluations, "seed": options.seed, "jobs": jobs}
        sampled = attributor.sampled(own[names], **how)
    places = roles.shown if sampled is None else own.index.to_numpy()
    if len(places) < len(roles.shown):
        line = f"explain: no faithful stand-in for this model (fidelity {sampled.fidelity:.3f}), so"
        print(f"{line} only the {len(places)} riskiest have reasons", file=sys.stderr)

    label = some.loc[looks.fitted, LABEL].to_numpy("int64")
    taught = (some.loc[looks.fitted, names], label, keys["twin_key"].to_numpy()[looks.fitted])
    each = _each(len(rows.sources), jobs)
    floor, refits, parts = when_kept["noise_threshold"] if told and when_kept else None, [], []
    if told and len(label) and when_kept is None:
        few_keys, few_rows, few_roles, looked = narrowed(
            keys, some[names], options, roles, looks.looked
        )
        how = {"explained": len(places), "jobs": jobs if each is map else 1}
        again = refit_explainer(few_keys, few_rows, attributor.method, options, few_roles, **how)
        floor, refits = _learnt_again(
            model, keys, looks, taught, partial(_asked_again, again, looked), options, each
        )
        fold = fold_of(keys["twin_key"].to_numpy()[looks.looked], seed=options.seed)
        parts = list(each(partial(_without_fold, again, looked, fold), refits))

    typical = _typical(rows, names, roles)
    drawn = _drawn(keys, places)
    ranked = places[first_by_key(_spread(keys, places, options), most=_MOST_RANKED)]
    known = looks.answering[_among(len(keys), places)[looks.answering]]
    # In months the claim about the model is asked of all who are explained: no outcome is needed.
    claimed = places if in_months(keys) else known
    one = _explain_parts(
        rows,
        Learnt(
            attributor,
            typical,
            np.inf if floor is None else floor,
            groups,
            columns,
            alike=len(rows.sources) > 1,
        ),
        roles.shown,
        picked=np.concatenate([drawn, ranked, claimed]),
        ready=None if sampled is None else sampled.values,
        target=reasons,
        jobs=jobs,
    )
    changes = what_if(model, some.loc[looks.asked, names], typical.overall)
    learnt = {"learnt": len(looks.fitted) / max(1, len(roles.taught))}
    importance, by_group = mean_contributions(
        one.sums, parts, groups, level=options.level, **learnt
    )
    strongest = importance.index.tolist()
    importance = importance.join(
        permutation_importances(refits, *taught, level=options.level, seed=options.seed, each=each)
    )
    importance.insert(0, "direction", directions(names, *one.columns(ranked), jobs=jobs))
    questions = answer_questions(
        _asked_of(some, looks.answering if in_months(keys) else known).astype({LABEL: "int64"}),
        one.contributions(claimed),
        groups,
        level=options.level,
        explained=_asked_of(own, claimed),
        refits=parts,
        **learnt,
    )
    if told and when_kept is not None:
        importance, by_group = (_table_of(when_kept[name]) for name in ("importance", "groups"))
        questions = answered_when_kept(questions, when_kept["questions"])
    if not told:
        questions = withheld(questions)
    mean_abs = importance["mean_abs"].to_dict()
    advice = advise(mean_abs, groups, questions, _evidence(keys, roles, roc_auc, told=told))
    base = attributor.attributed(some.loc[wanted.typical, names]) if sampled is None else sampled
    details = {
        "space": model.space,
        "method": attributor.method,
        "fidelity": attributor.fidelity,
        "base": base.base,
        "additivity_gap": one.gap if sampled is None else gap_of(sampled),
        "customers": len(roles.shown),
        "explained_customers": len(places),
        "level": options.level,
        "noise_threshold": floor,
        "with_reasons": sum(one.first.values()) / len(roles.shown),
        "first_reason_by_group": first_reasons(one.first, groups),
        "importance": importance.to_dict("index"),
        "groups": by_group.to_dict("index"),
        "questions": by_key(questions),
        "least_difference": MARGINS[PERCENTAGE_POINTS],
        "what_if": summary(changes, keys["risk"].to_numpy()[looks.asked], threshold=threshold),
        "advice": {one.pop("key"): one for one in advice},
        **_of_when(keys, roles),
        **({} if when_kept is None else {"when_kept": True}),
    }
    return Explanation(
        one.contributions(drawn),
        own.loc[drawn, names],
        strongest,
        what_if=pd.concat([some.loc[looks.asked, [IDENTITY]], changes], axis=1),
        importance=importance,
        questions=questions,
        details=details,
    )


def _looks(
    keys: pd.DataFrame, roles: Roles, threshold: float, options: Explain, *, told: bool
) -> _Looks:
    """Return the rows that are looked at whole, chosen by what is known of everyone."""
    how = {"most": options.sample, "seed": options.seed}
    nobody = np.array([], dtype="int64")
    return _Looks(
        fitted=sample_of(keys, roles.taught, **how),
        looked=sample_of(keys, roles.shown, **how) if told else nobody,
        asked=_asked(keys, roles, threshold, options) if told else nobody,
        answering=sample_of(keys, roles.answering, most=options.answered, seed=options.seed),
        # Whom sampling explains is known later; of all others everyone is.
        beside=roles.shown if in_months(keys) else _drawn(keys, roles.shown),
    )


def _riskiest(keys: pd.DataFrame, roles: Roles, options: Explain) -> np.ndarray:
    """Return the rows that are explained where each of them costs much."""
    risk, key = (values[roles.shown] for values in (keys["risk"].to_numpy(), row_key(keys)))
    return roles.shown[riskiest(risk, ~roles.seen[roles.shown], key, most=options.max_rows)]


def _drawn(keys: pd.DataFrame, places: np.ndarray) -> np.ndarray:
    """Return those of the `places` that pictures draw, chosen by the hash of their behaviour."""
    return places[first_by_key(keys["twin_key"].to_numpy()[places], most=_MOST_DOTS)]


def _spread(keys: pd.DataFrame, places: np.ndarray, options: Explain) -> np.ndarray:
    return uniform(row_key(keys)[places], seed=options.seed, purpose="directions")


def _typical(rows: PartedRows, names: list[str], roles: Roles) -> TypicalValues:
    """Return the typical values of those who stayed: of who taught, else of the others."""
    known = roles.taught if len(roles.taught) else roles.answering
    loyal = np.zeros(len(rows.keys), dtype=bool)
    loyal[known] = (rows.keys[LABEL].iloc[known] == 0).to_numpy(dtype=bool)
    return typical_among(names, lambda name: rows.column(name, loyal))


def _explain_parts(
    rows: PartedRows,
    learnt: Learnt,
    shown: np.ndarray,
    *,
    picked: np.ndarray,
    ready: pd.DataFrame | None,
    target: Path,
    jobs: int,
) -> _Told:
    """Write the reasons, part by part, and return what is told of all.

    Parameters
    ----------
    rows, learnt
        The customers, and what their reasons are made of.
    shown, picked : ndarray of int
        Places of those who have reasons, and of those whose contributions are returned.
    ready : DataFrame, optional
        Contributions by place, where only these are explained.
    target : Path
    jobs : int
    """
    is_shown, is_picked = (_among(len(rows.keys), places) for places in (shown, picked))
    tasks, shown_places = [], []
    clear_table(target)
    paths = part_paths(target, len(rows.sources))
    for source, places, path in zip(rows.sources, rows.places, paths, strict=True):
        own = is_shown[places]
        everyone = bool(own.all())
        here = places if everyone else places[own]
        shown_places.append(here)
        one = PartTask(
            source,
            None if everyone else np.flatnonzero(own),
            np.flatnonzero(is_picked[here]),
            path,
            None if ready is None else _of_part(ready, here),
        )
        tasks.append(one)
    found = []
    work = map_parts(partial(explain_part, learnt), tasks, jobs=jobs, what="explain")
    for one, here in zip(work, shown_places, strict=True):
        for frame in (one.values, one.numbers):
            frame.index = here[frame.index]
        found.append(one)
    return _Told(found)


def _among(count: int, places: np.ndarray) -> np.ndarray:
    """Tell of each of `count` rows whether it is one of the `places`."""
    found = np.zeros(count, dtype=bool)
    found[places] = True
    return found


def _of_part(ready: pd.DataFrame, here: np.ndarray) -> pd.DataFrame:
    """Return the rows of `ready` of the places `here`, by their number among these."""
    numbers = np.flatnonzero(np.isin(here, ready.index))
    return ready.loc[here[numbers]].set_axis(numbers)


def _table_of(rows: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return a table as details have it; what is not known is NaN there."""
    found = pd.DataFrame.from_dict(rows, orient="index")
    numbers = found.columns.difference(["direction"])
    return found.astype(dict.fromkeys(numbers, "float64"))


def _asked(keys: pd.DataFrame, roles: Roles, threshold: float, options: Explain) -> np.ndarray:
    """Return the rows whose risk is asked again with one feature moved."""
    shown = _among(len(keys), roles.shown)
    return rows_to_ask(
        keys["risk"].to_numpy(),
        row_key(keys),
        shown & ~roles.seen,
        threshold=threshold,
        most=options.sample,
        seed=options.seed,
    )


def _learnt_again(
    model: RiskModel,
    keys: pd.DataFrame,
    looks: _Looks,
    taught: tuple[pd.DataFrame, np.ndarray, np.ndarray],
    explained: Callable[[RiskModel], pd.DataFrame],
    options: Explain,
    each: Each,
) -> tuple[float, list[Refit]]:
    """Return the noise floor, and the models that lack a fold each."""
    weight = row_weights(keys.iloc[looks.fitted])
    peaks = permuted_peaks(
        model,
        *taught,
        explained=explained,
        weight=weight,
        together=in_months(keys),
        seed=options.seed,
        each=each,
    )
    floor = noise_floor(peaks, least=options.least_reason)
    how = {"weight": weight, "seed": options.seed, "each": each}
    return floor, refit_without_folds(model, *taught, **how)


def _asked_again(again: Again, looked: np.ndarray, refitted: RiskModel) -> pd.DataFrame:
    """Return the contributions by a model that was learnt again, of those who are looked at."""
    return again(refitted, looked)


def _without_fold(again: Again, looked: np.ndarray, fold: np.ndarray, refit: Refit) -> pd.DataFrame:
    """Return the contributions by one of the refits, of customers of the other folds."""
    return again(refit.model, looked[fold != refit.fold])


def _each(parts: int, jobs: int) -> Each:
    """Return what does the refits: the processes that several parts need anyway, else this one.

    To start processes for the refits alone takes a core as long as it spares another.
    """
    return map if works_alone(parts, jobs=jobs) else partial(_in_workers, jobs=jobs)


def _in_workers(
    function: Callable[[Any], Any], tasks: Iterable[Any], *, jobs: int
) -> Iterable[Any]:
    how = {"jobs": jobs, "what": "learn again"}
    return map_parts(partial(_by_one_core, function), list(tasks), **how)


@threadpool_limits.wrap(limits=1)
def _by_one_core(function: Callable[[Any], Any], task: Any) -> Any:
    return function(task)


def _evidence(keys: pd.DataFrame, roles: Roles, roc_auc: float, *, told: bool) -> dict[str, float]:
    """Return the figures of the data, and of the model where it tells, that advice may rest on."""
    silent = float((keys["consent"].iloc[roles.shown] == "no").mean())
    found = {"roc_auc": roc_auc, "share_without_consent": silent}
    past = roles.taught[keys["out_of_fold"].to_numpy(dtype=bool)[roles.taught]]
    if told and len(past):
        label, risk = keys[LABEL].iloc[past].to_numpy("int64"), keys["risk"].to_numpy()[past]
        found["drops_that_look_loyal"] = drops_that_look_loyal(label, risk)
    return found


def _asked_of(table: pd.DataFrame, places: np.ndarray) -> pd.DataFrame:
    """Return rows as questions are asked of them: in months one is a twin by its own behaviour."""
    chosen = table.loc[places]
    return chosen.assign(twin_key=row_key(chosen))


def _of_when(keys: pd.DataFrame, roles: Roles) -> dict[str, Any]:
    """Return which months are explained and answer, and how many rows taught the model."""
    if not in_months(keys):
        return {}
    answering = keys[MONTH].iloc[roles.answering]
    months = {
        "explained": keys[MONTH].max(),
        "answered": answering.max() if len(answering) else None,
        "taught": len(roles.taught),
    }
    return {"months": months}
