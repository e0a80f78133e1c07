"""From a folder of exports to one row a customer, with everything that was found on the way."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.errors import InputError, shown
from retention.core.files import write_parquet
from retention.core.findings import Finding, Level, as_table
from retention.core.hashing import behaviour_key
from retention.core.params import Prepare
from retention.core.part_names import clear_table, part_paths
from retention.core.parts import map_parts
from retention.core.paths import QUARANTINE
from retention.core.vocabulary import IDENTITY, LABEL
from retention.data.cleaning import Cleaned, clean_table
from retention.data.joining import SET_ASIDE_REASONS
from retention.data.matching import Match, check_ids
from retention.data.merging import put_together
from retention.data.part_preparation import CleanPart, join_part, rules_of, sift_part
from retention.data.quality import (
    Classes,
    classes_together,
    refuse_too_few,
    small_samples,
    sum_of,
    twins,
)
from retention.data.quarantine import Quarantine
from retention.data.raw_parts import Division, divide_exports

COUNTED = ["month", "level", "file", "column", "what", "count"]
"""What the details tell of a finding; an example may be a customer's id."""


@dataclass(frozen=True)
class CleanExports:
    """The four exports of one folder, cleaned and joined, in parts.

    Attributes
    ----------
    files : dict of str to str
        Each table's file name.
    rows : dict of str to int
        Its rows as they stand in the file.
    findings : list of Finding
        Of reading.
    parts : list of CleanPart
    columns : Columns
        The data dictionary, without optional columns that the exports lack.
    """

    files: dict[str, str]
    rows: dict[str, int]
    findings: list[Finding]
    parts: list[CleanPart]
    columns: Columns

    @property
    def quarantine(self) -> Quarantine:
        """Every cell or row that breaks a rule."""
        return Quarantine([part.quarantine for part in self.parts])


@dataclass(frozen=True)
class Sifted:
    """The customers of one folder of exports: who can be trusted, and who is set aside.

    Attributes
    ----------
    finished : list
        What became of each part.
    findings : list of Finding
    details : dict
        ``rows``, ``matched``, ``customers_in``, ``customers_kept``, ``set_aside``,
        ``quarantined_rows``.
    """

    finished: list[Any]
    findings: list[Finding]
    details: dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """What is told of the customers of the exports.

    Attributes
    ----------
    readiness : DataFrame
        What was found, see ``findings.as_table``.
    details : dict
        The counts.
    said : list of str
        What to tell whoever waits for the stage.
    """

    readiness: pd.DataFrame
    details: dict[str, Any]
    said: list[str]

    @property
    def headline(self) -> dict[str, int]:
        """The numbers that people compare."""
        kept, found = self.details["kept"], self.details["findings"]
        return {
            "customers": self.details["customers_kept"],
            "set_aside": sum(self.details["set_aside"].values()),
            "quarantined_rows": self.details["quarantined_rows"],
            "drops": kept["drop"],
            "warnings": found[Level.WARNING],
        }


def clean_exports(
    folder: Path, options: Prepare, *, columns: Columns, scratch: Path, jobs: int
) -> CleanExports:
    """Read, clean and join the exports that the data dictionary names, part by part.

    Parameters
    ----------
    folder : Path
    options : Prepare
        The params section.
    columns : Columns
        The data dictionary.
    scratch : Path
        A folder for what does not fit into memory: of one part nothing.
    jobs : int
        Processes at most.
    """
    scratch = scratch.absolute()  # workers may stand in another folder
    division = divide_exports(
        folder, columns=columns, part_rows=options.part_rows, scratch=scratch, jobs=jobs
    )
    return clean_division(division, options, columns=columns, scratch=scratch, jobs=jobs)


def clean_division(
    division: Division, options: Prepare, *, columns: Columns, scratch: Path, jobs: int
) -> CleanExports:
    """Clean and join exports that lie in parts; parameters as :func:`clean_exports` has them."""
    misspellings = options.misspellings
    work = partial(clean_part, division=division, columns=columns, misspellings=misspellings)
    if division.count > 1:
        work = partial(work, folder=scratch)
    if division.count == 1:  # and the machine has nothing else to do
        work = partial(work, threads=len(columns.tables))
    parts = list(map_parts(work, range(division.count), jobs=jobs, what="clean", light=True))
    facts = division.files
    return CleanExports(
        {table: one.file for table, one in facts.items()},
        {table: one.rows for table, one in facts.items()},
        [finding for one in facts.values() for finding in one.findings],
        parts,
        columns.without(parts[0].lacking),
    )


def clean_part(
    number: int,
    *,
    division: Division,
    columns: Columns,
    misspellings: Mapping[str, Mapping[str, str]],
    folder: Path | None = None,
    threads: int = 1,
) -> CleanPart:
    """Clean and join part `number` of the exports.

    Parameters
    ----------
    number : int
    division : Division
    columns : Columns
        The data dictionary.
    misspellings : mapping
        As ``cleaning.clean_table`` takes them.
    folder : Path, optional
        Where the part is kept; else it stays in memory.
    threads : int
        Exports that are cleaned side by side.
    """
    how = {"columns": columns, "misspellings": misspellings, "threads": threads}
    cleaned = clean_tables(number, division=division, **how)
    files = {table: facts.file for table, facts in division.files.items()}
    return join_part(cleaned, files, columns=columns, folder=folder, number=number)


def clean_tables(
    number: int,
    *,
    division: Division,
    columns: Columns,
    misspellings: Mapping[str, Mapping[str, str]],
    threads: int = 1,
    may_lack: Collection[str] = (),
) -> dict[str, Cleaned]:
    """Clean part `number` of each export; parameters as :func:`clean_part` has them.

    Columns of `may_lack`, by their canonical names, are empty where their export lacks them.
    """

    def clean(table: str) -> Cleaned:
        facts = division.files[table]
        how = {"decimal": facts.decimal, "words": facts.words}
        raw = division.raw(table, number)
        mays = (one.header for one in columns.of(table) if one.name in may_lack)
        raw = raw.with_empty([header for header in mays if header not in raw.columns])
        return clean_table(raw, table, columns=columns, misspellings=misspellings, **how)

    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(columns.tables, pool.map(clean, columns.tables), strict=True))


@dataclass(frozen=True)
class _Kept:
    """What the customers of one part who are kept tell the others."""

    outcomes: dict[str, int]
    classes: Classes
    ids: pd.Series
    label: np.ndarray
    key: np.ndarray


def prepare_customers(
    exports: CleanExports,
    options: Prepare,
    *,
    folder: Path,
    customers: Path,
    set_aside: Path,
    jobs: int = 1,
) -> Prepared:
    """Set aside who cannot be trusted, write both tables, and look at the rest.

    Parameters
    ----------
    exports : CleanExports
    options : Prepare
        The params section.
    folder : Path
        Where the exports lie, for messages.
    customers, set_aside : Path
        Where to write who can be trusted (canonical columns and ``position``, a row a customer),
        and ``customer_id`` and ``reason`` of all the others: as many parts as the exports have.
    jobs : int
        Processes at most.

    Raises
    ------
    InputError
        As :func:`sift`, and if too few customers are labelled to learn anything. No table is left
        then.
    """
    count = len(exports.parts)
    tables = (customers, set_aside)
    if count > 1:  # workers may stand in another folder
        tables = (customers.absolute(), set_aside.absolute())
    try:
        for path in tables:
            clear_table(path)
        paths = list(zip(*(part_paths(path, count) for path in tables), strict=True))
        finish = partial(_finish, paths=paths, behaviour=exports.columns.behaviour)
        sifted = sift(exports, options, folder=folder, finish=finish, jobs=jobs)
        kept: list[_Kept] = sifted.finished
        classes = classes_together(part.classes for part in kept)
        refuse_too_few(classes, place=str(folder))
    except BaseException:
        for path in tables:
            clear_table(path)
        raise
    numeric = all(part.numeric for part in exports.parts)
    ids, label, key = ([getattr(part, name) for part in kept] for name in ("ids", "label", "key"))
    same = twins_of_parts(ids, label, key, numeric=numeric)
    readiness = as_table([*sifted.findings, *small_samples(classes), *same])
    outcomes: Counter[str] = Counter()
    for part in kept:
        outcomes.update(part.outcomes)
    told = {name: outcomes[name] for name in kept[0].outcomes}
    details = sifted.details | {"kept": told} | report_of(readiness)
    said = [str(Match(**one)) for one in sifted.details["matched"].values()]
    return Prepared(readiness, details, said)


def _finish(
    number: int,
    kept: pd.DataFrame,
    aside: pd.DataFrame,
    *,
    paths: list[tuple[Path, Path]],
    behaviour: Collection[str],
) -> _Kept:
    """Write both tables of one part; return what the others have to know of it."""
    for table, path in zip((kept, aside), paths[number], strict=True):
        write_parquet(table if len(paths) > 1 else with_plain_ids(table), path)
    key = behaviour_key(kept, list(behaviour))
    label = kept[LABEL].to_numpy("int8", na_value=-1)
    ids = kept[IDENTITY].reset_index(drop=True)
    return _Kept(outcome_counts(kept), Classes.of(kept), ids, label, key)


def with_plain_ids(customers: pd.DataFrame) -> pd.DataFrame:
    """Return customers with their ids as Python's text: the type that one file has told ever since.

    An empty part of several would have no type at all.
    """
    return customers.astype({IDENTITY: object})


def twins_of_parts(
    ids: Sequence[pd.Series],
    labels: Sequence[np.ndarray],
    keys: Sequence[np.ndarray],
    *,
    numeric: bool,
) -> list[Finding]:
    """Return the finding of twins, of whom one may be in another part than the other.

    Parameters
    ----------
    ids : sequence of Series of str
        Of each part its customers.
    labels, keys : sequence of ndarray
        Their outcomes (-1 where one is not known), and what ``hashing.behaviour_key`` gives.
    numeric : bool
        Whether ids are in the order of numbers.
    """
    key = np.concatenate(keys)
    rows = np.flatnonzero(pd.Series(key).duplicated(keep=False).to_numpy())
    label = np.concatenate(labels)[rows]
    ends = np.cumsum([0, *map(len, keys)])
    bounds = np.searchsorted(rows, ends)
    places = zip(ids, ends[:-1], bounds[:-1], bounds[1:], strict=True)
    same = pd.concat(
        [part.iloc[rows[start:end] - first] for part, first, start, end in places],
        ignore_index=True,
    )
    order = (same.astype("int64") if numeric else same).sort_values(kind="stable").index
    return twins(same[order], pd.Series(label[order]), key[rows][order])


def report_of(readiness: pd.DataFrame) -> dict[str, Any]:
    """Return what the details tell of the findings: ``findings`` by level, and ``report``."""
    columns = [name for name in readiness if name in COUNTED]
    return {
        "findings": {str(level): int((readiness["level"] == level).sum()) for level in Level},
        "report": readiness[columns].to_dict("records"),
    }


def sift(
    exports: CleanExports,
    options: Prepare,
    *,
    folder: Path,
    finish: Callable[[int, pd.DataFrame, pd.DataFrame], Any],
    numeric: bool | None = None,
    jobs: int = 1,
) -> Sifted:
    """Set aside who cannot be trusted of the customers of one folder.

    Parameters
    ----------
    exports : CleanExports
    options : Prepare
        The params section.
    folder : Path
        Where the exports lie, for messages.
    finish : callable
        What is done with who is kept and who is set aside, see ``part_preparation.sift_part``.
    numeric : bool, optional
        Whether customers are in the order of numbers, where others than these decide it.
    jobs : int
        Processes at most.

    Raises
    ------
    InputError
        If the files do not speak of the same customers, more customers or rows break a rule than
        params allow, or nobody is left.
    """
    parts = exports.parts
    matched = check_ids([part.seen for part in parts], exports.files, least=options.least_matched)
    _check_share(exports, options)
    if numeric is None:
        numeric = all(part.numeric for part in parts)
    rules = rules_of(parts, options, columns=exports.columns, numeric=numeric)
    work = partial(sift_part, rules=rules, finish=finish)
    places = [(number, part.customers) for number, part in enumerate(parts)]
    sifted = list(map_parts(work, places, jobs=jobs, what="sift", light=True))
    reasons = {why: sum(one.reasons[why] for one in sifted) for why in SET_ASIDE_REASONS}
    kept = sum(one.kept for one in sifted)
    if not kept:
        why = {reason: count for reason, count in reasons.items() if count}
        raise InputError(f"{folder}: no customer is left; set aside: {why}")
    findings = [*exports.findings, *(one for part in parts for one in part.findings)]
    findings = put_together(findings)
    for table, what in sifted[0].absent:
        who = sum_of((one.absent[table, what] for one in sifted), numeric=rules.numeric)
        where = (Level.WARNING, exports.files[table], "", what)
        findings += [Finding(*where, who.count, who.first)] if who.count else []
    for what in sifted[0].business:
        who = sum_of((one.business[what] for one in sifted), numeric=rules.numeric)
        where = (Level.ADVICE, "", "", what)
        findings += [Finding(*where, who.count, who.first)] if who.count else []
    details = {
        "rows": exports.rows,
        "matched": matched,
        "customers_in": sum(part.size for part in parts),
        "customers_kept": kept,
        "set_aside": reasons,
        "quarantined_rows": len(exports.quarantine),
    }
    return Sifted([one.finished for one in sifted], findings, details)


def _check_share(exports: CleanExports, options: Prepare) -> None:
    """Raise an InputError if more customers, or rows of a file, break a rule than params allow."""
    quarantine = exports.quarantine
    rows = {exports.files[table]: exports.rows[table] for table in exports.files}
    broken = sum(part.quarantined for part in exports.parts)
    shares = [("customers", broken, sum(part.size for part in exports.parts))]
    shares += [(f"rows of {file}", lines, rows[file]) for file, lines in quarantine.lines.items()]
    for what, broken, total in shares:
        if broken <= options.max_quarantined * total:
            continue
        first = next(quarantine.pieces()).iloc[0]
        where = f"{first['file']} line {first['line']}, {first['column'] or 'row'}"
        raise InputError(
            f"{broken} of {total} {what} break a rule, more than params "
            f"prepare.max_quarantined ({options.max_quarantined:.0%}); the first: {where}: "
            f"{shown(first['value'])} {first['rule']}; {QUARANTINE} lists them all"
        )


def outcome_counts(customers: pd.DataFrame) -> dict[str, int]:
    """Return how many customers of each label there are."""
    return {
        "drop": int((customers[LABEL] == 1).sum()),
        "loyal": int((customers[LABEL] == 0).sum()),
        "score": int(customers[LABEL].isna().sum()),
    }
