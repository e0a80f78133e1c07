"""Everyone's risk, part by part: what is known of all parts is found first, in few columns."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.files import parquet_columns, read_parquet, write_parquet
from retention.core.id_order import ids_are_numbers, in_id_order
from retention.core.month_tables import last_month
from retention.core.months import in_months
from retention.core.part_names import clear_table, part_files, part_paths
from retention.core.parts import in_turn, map_parts
from retention.core.vocabulary import IDENTITY, LABEL, MONTH
from retention.models.keeping import (
    InUse,
    known_words,
    refuse_columns,
    refuse_words,
    words_met,
)
from retention.models.scoring import (
    Ahead,
    Teachers,
    find_teachers,
    known_rows,
    look_ahead,
    risk_of_twins,
    score_rows,
    seen_in,
)

_WHAT = "score"


def refuse_misfit_of(features: Path, used: InUse, *, jobs: int) -> None:
    """Raise an InputError if a model cannot be asked about a table of customers or its parts.

    Parameters
    ----------
    features : Path
        The table.
    used : InUse
        The model.
    jobs : int
        Processes at most.
    """
    parts = part_files(features)
    refuse_columns(used, _empty(parts[0]))
    names = list(known_words(used))
    met: dict[str, Counter[str]] = {name: Counter() for name in names}
    if names:
        for part in map_parts(partial(_words, names), parts, jobs=jobs, what=_WHAT, light=True):
            for name in names:
                met[name] += part[name]
    refuse_words(used, met)


def score_parts(features: Path, left_out: Path, risks: Path, used: InUse, *, jobs: int) -> Ahead:
    """Write the risk of each customer, in as many parts as there are, each with the same customers.

    Twins of a row that taught the model may be in another part than that row.

    Parameters
    ----------
    features : Path
        The table of customers.
    left_out : Path
        The ids of all others, who share in the order of ids.
    risks : Path
        Where the risks are written.
    used : InUse
        The model.
    jobs : int
        Processor cores to use.

    Raises
    ------
    InputError
        As ``scoring.score_customers`` does.
    """
    parts = part_files(features)
    how = {"out_of_fold": used.out_of_fold, "kept": used.kept}
    know = partial(_known, teachers=_teachers(parts, used, jobs=jobs), **how)
    found = list(map_parts(know, parts, jobs=jobs, what=_WHAT, light=True))
    known = pd.concat(found, ignore_index=True)
    if len(parts) > 1:  # of twins that taught a kept model the first customer's risk is told
        known = in_id_order(known, numbers=ids_are_numbers(features, left_out))
    twins = risk_of_twins(known, **how)
    clear_table(risks)
    places = list(zip(parts, part_paths(risks, len(parts)), strict=True))
    # Of few parts each has all cores to itself, one after the other; of many each has a process.
    processes, threads = (1, jobs) if in_turn(len(parts)) else (jobs, 1)
    how |= {"model": used.model, "twins": twins, "jobs": threads}
    how |= {"threshold": used.card["threshold"], "last": last_month(features)}
    score = partial(_scored, quiet=len(parts) > 1, **how)
    return sum(map_parts(score, places, jobs=processes, what=_WHAT), start=Ahead())


def _empty(part: Path) -> pd.DataFrame:
    """Return a table without its rows."""
    from pyarrow.parquet import read_schema

    return read_schema(part).empty_table().to_pandas()


def _words(names: list[str], part: Path) -> dict[str, Counter[str]]:
    return words_met(read_parquet(part, names), names)


def _teachers(parts: list[Path], used: InUse, *, jobs: int) -> Teachers | None:
    """Return which rows of a kept model of months are in parts of months; None of all others."""
    of_months = in_months(parquet_columns(parts[0])) and in_months(used.out_of_fold)
    if len(parts) == 1 or not (used.kept and of_months):
        return None
    how = {"jobs": jobs, "what": _WHAT, "light": True}
    seen = list(map_parts(partial(_seen, used.out_of_fold), parts, **how))
    teachers = find_teachers(used.out_of_fold, seen)
    teachers.refuse_too_few(list(map_parts(partial(_alike, teachers), parts, **how)))
    return teachers


def _seen(out_of_fold: pd.DataFrame, part: Path) -> tuple[set[str], np.ndarray]:
    return seen_in(read_parquet(part, [IDENTITY, MONTH]), out_of_fold)


def _alike(teachers: Teachers, part: Path) -> np.ndarray:
    return teachers.alike_in(read_parquet(part, _needed(part)))


def _known(
    part: Path, *, out_of_fold: pd.DataFrame, kept: bool, teachers: Teachers | None
) -> pd.DataFrame:
    return known_rows(read_parquet(part, _needed(part)), out_of_fold, kept=kept, teachers=teachers)


def _needed(part: Path) -> list[str]:
    """Return the columns that tell which rows taught."""
    months = [MONTH, "behaviour_key"] if MONTH in parquet_columns(part) else []
    return [IDENTITY, "split", "twin_key", LABEL, *months]


def _scored(place: tuple[Path, Path], *, threshold: float, last: str | None, **how: Any) -> Ahead:
    part, written = place
    features = how["model"].pipeline.feature_names_in_
    table = read_parquet(part, list(dict.fromkeys([*_needed(part), *features])))
    risks = score_rows(table, **how)
    write_parquet(risks, written)
    return look_ahead(table, risks["risk"], threshold=threshold, last=last)
