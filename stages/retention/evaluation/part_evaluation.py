"""The evaluation of a table in parts: only rows that judge or taught are gathered, in few columns.

Each part is looked at twice: for these rows and their predictions, and, once baselines have learnt
from the training customers of all parts, for what they tell of the test customers.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from retention.core import paths
from retention.core.errors import InputError
from retention.core.files import joined, parquet_columns, read_parquet, write_parquet
from retention.core.hashing import part_of
from retention.core.id_order import ids_are_numbers, in_id_order
from retention.core.params import Evaluate
from retention.core.part_names import clear_table, part_files, part_paths
from retention.core.parts import map_parts
from retention.core.paths import ModelFolder
from retention.core.teaching import judging
from retention.core.vocabulary import IDENTITY, LABEL, MONTH
from retention.evaluation.baselines import Baselines
from retention.evaluation.by_month import split_of
from retention.evaluation.held_out import (
    Beside,
    Evaluation,
    HeldOut,
    baselines_of,
    evaluate_rows,
    evaluation_of,
    held_out,
    predictions,
)
from retention.evaluation.scored_months import ScoredMonths
from retention.evaluation.when_kept import judged_or_kept

MOST_FITTED = 500_000
"""Training customers at most whom baselines learn from where none is left who taught the model."""
_JUDGED = [LABEL, "risk", "twin_key"]
_SIDES = [IDENTITY, "split", "scored", LABEL, "twin_key"]
_TENURE = "tenure_days"
_AT_ONCE = 1_000_000
"""Rows of the truth that are looked up at a time."""
_WHAT = "evaluate"


class PartPlace(NamedTuple):
    """Where a part lies of each table."""

    features: Path
    risks: Path
    predictions: Path


def evaluate_parts(
    card: dict[str, Any],
    model: ModelFolder,
    *,
    options: Evaluate,
    sample: bool,
    jobs: int,
) -> Evaluation:
    """Return the evaluation of a snapshot's risks that score wrote, and write the predictions.

    Parameters
    ----------
    card : dict
        The model's ``features`` and ``threshold``.
    model : ModelFolder
        Where it lies.
    options : Evaluate
        The params section.
    sample : bool
        Whether the shop is the simulated one, whose true probabilities are known.
    jobs : int
        Processes at most.

    Raises
    ------
    InputError
        As ``held_out.evaluate_risk`` and ``when_kept.judged_or_kept`` do.
    """
    names, held = list(card["features"]), parquet_columns(paths.FEATURES)
    how = {"threshold": card["threshold"], "options": options}
    clear_table(paths.PREDICTIONS)
    places = _places()
    look = partial(_look, names=names, others=list({_TENURE} & set(held)), named=sample)
    found = list(map_parts(look, places, jobs=jobs, what=_WHAT, light=True))
    test = _stacked([one.test for one in found])
    fitted = pd.concat([one.fitted for one in found], ignore_index=True)
    if fitted.empty:
        fitted = _who_may_teach(places, names, jobs=jobs)
    if len(places) > 1:
        fitted = in_id_order(fitted, numbers=ids_are_numbers(paths.FEATURES, paths.LEFT_OUT))
    # In an order of its own, so that no sum depends on the parts.
    order = _by_key(test)
    train = pd.concat([one.train for one in found], ignore_index=True)
    rows = HeldOut(test.iloc[order], train.iloc[_by_key(train)], fitted)

    def judge_rows() -> Evaluation:
        rows.refuse_too_few()
        baselines = baselines_of(rows, names, options)
        told = map_parts(
            partial(_told, names, baselines), places, jobs=jobs, what=_WHAT, light=True
        )
        risks = {name: np.concatenate(parts)[order] for name, parts in _by_name(told).items()}
        others = Beside(baselines.rule.column, risks, baselines.thresholds)
        how["reachable"] = true_probabilities(rows.test[IDENTITY]) if sample else None
        words = list(rows.test.select_dtypes("category"))
        return evaluation_of(rows, others, words=words, **how)

    return judged_or_kept(rows, model, judge_rows)


def evaluate_months(
    months: ScoredMonths,
    card: dict[str, Any],
    model: ModelFolder,
    *,
    options: Evaluate,
    sample: bool,
    base_months: int,
    jobs: int,
) -> Evaluation:
    """Return the evaluation of the risks of months, and write the predictions.

    Parameters as :func:`evaluate_parts` has them; `base_months` is params ``label.base_months``.
    """
    months.write_predictions(jobs=jobs)
    rows = months.held_out()
    judge_rows = partial(
        evaluate_rows,
        rows,
        list(card["features"]),
        by=split_of(months.table),
        threshold=card["threshold"],
        options=options,
        truth=read_parquet(paths.TRUTH, [IDENTITY, MONTH, "probability"]) if sample else None,
        base_months=base_months,
    )
    return judged_or_kept(rows, model, judge_rows)


def true_probabilities(ids: pd.Series) -> np.ndarray:
    """Return the true probability of a drop of customers of the simulated shop, shape (n,)."""
    truth, known = read_parquet(paths.TRUTH, [IDENTITY, "probability"]), pd.Index(ids)
    found = np.full(len(known), np.nan)
    for first in range(0, len(truth), _AT_ONCE):
        some = truth.iloc[first : first + _AT_ONCE]
        place = known.get_indexer(some[IDENTITY].astype("str"))
        found[place[place >= 0]] = some["probability"].to_numpy()[place >= 0]
    return found


def _places() -> list[PartPlace]:
    """Return where the parts lie that belong together."""
    features, risks = part_files(paths.FEATURES), part_files(paths.RISKS)
    if len(features) != len(risks):
        raise InputError(
            f"{paths.RISKS} is of other customers; run `dvc repro`, which makes it anew"
        )
    written = part_paths(paths.PREDICTIONS, len(features))
    return [PartPlace(*place) for place in zip(features, risks, written, strict=True)]


def _look(place: PartPlace, *, names: list[str], others: list[str], named: bool) -> HeldOut:
    """Write the predictions of a part, and return its rows that judge or taught."""
    columns = list(dict.fromkeys([*_SIDES, *names, *others]))
    table = joined(read_parquet(place.features, columns), place.risks)
    write_parquet(predictions(table), place.predictions)
    rows = held_out(table)
    words = list(table[names].select_dtypes(exclude="number"))
    shown = dict.fromkeys([*_JUDGED, *words, *others, *([IDENTITY] if named else [])])
    test = rows.test[list(shown)].astype(dict.fromkeys(words, "category"))
    # Who may teach where nobody taught is known when all parts were looked at.
    fitted = rows.train[[IDENTITY, LABEL, "twin_key", *names]]
    return HeldOut(test, rows.train[_JUDGED], fitted)


def _told(names: list[str], baselines: Baselines, place: PartPlace) -> dict[str, np.ndarray]:
    """Return what baselines tell of the test customers of a part."""
    columns = list(dict.fromkeys([IDENTITY, "split", "scored", *names]))
    table = joined(read_parquet(place.features, columns), place.risks)
    return baselines.risks(table.loc[judging(table), names])


def _by_name(told: Iterable[dict[str, np.ndarray]]) -> dict[str, list[np.ndarray]]:
    """Return the risks of every part by baseline."""
    found: dict[str, list[np.ndarray]] = {}
    for part in told:
        for name, risk in part.items():
            found.setdefault(name, []).append(risk)
    return found


def _who_may_teach(places: list[PartPlace], names: list[str], *, jobs: int) -> pd.DataFrame:
    """Return training customers, :data:`MOST_FITTED` at most, chosen by hash within each class."""
    sides = list(map_parts(_teachers, places, jobs=jobs, what=_WHAT, light=True))
    key, label = (np.concatenate([side[name] for side in sides]) for name in ("twin_key", LABEL))
    chosen = part_of(key, label, most=MOST_FITTED, seed=0, purpose="baselines")
    ends = np.cumsum([len(side) for side in sides])[:-1]
    picked = list(zip(places, np.split(chosen, ends), strict=True))
    rows = map_parts(partial(_picked, names), picked, jobs=jobs, what=_WHAT, light=True)
    return pd.concat(list(rows), ignore_index=True)


def _teachers(place: PartPlace, columns: list[str] | None = None) -> pd.DataFrame:
    """Return the training customers of a part, one of each twin pair."""
    needed = dict.fromkeys(["split", "scored", "twin_key", LABEL, *(columns or [])])
    table = read_parquet(place.features, list(needed))
    return table[(table["split"] == "train") & table["scored"]]


def _picked(names: list[str], picked: tuple[PartPlace, np.ndarray]) -> pd.DataFrame:
    place, chosen = picked
    columns = [IDENTITY, LABEL, "twin_key", *names]
    return _teachers(place, columns).loc[chosen, columns]


def _stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return parts of a table as one; words, which stand as codes, in their order."""
    found = {}
    for name, column in parts[0].items():
        columns = [part[name] for part in parts]
        if isinstance(column.dtype, pd.CategoricalDtype):
            found[name] = union_categoricals(columns, sort_categories=True)
        else:
            found[name] = pd.concat(columns, ignore_index=True)
    return pd.DataFrame(found)


def _by_key(rows: pd.DataFrame) -> np.ndarray:
    """Return the order of rows by their behaviour; twins are of another outcome."""
    label = rows[LABEL].to_numpy("float64", na_value=np.nan)
    return np.lexsort((label, rows["twin_key"].to_numpy()))
