"""From a folder of exports to one row a customer, with everything that was found on the way."""

from collections import Counter
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.errors import InputError, shown
from retention.core.findings import Finding, Level, as_table
from retention.core.hashing import behaviour_key
from retention.core.params import Prepare
from retention.core.paths import QUARANTINE
from retention.core.vocabulary import IDENTITY, LABEL, MINUTES
from retention.data.cleaning import Cleaned, clean_table
from retention.data.joining import SET_ASIDE_REASONS, check_ids, join, set_aside, zero_in_minutes
from retention.data.matching import Match
from retention.data.quality import coverage, refuse_too_few, small_samples, twins
from retention.data.reader import read_table

COUNTED = ["month", "level", "file", "column", "what", "count"]
"""What the details tell of a finding; an example may be a customer's id."""


@dataclass(frozen=True)
class Exports:
    """The four exports, read and cleaned.

    Attributes
    ----------
    files : dict of str to str
        Each table's file name.
    rows : dict of str to int
        Its rows as they stand in the file.
    extra : dict of str to tuple of str
        Headers of its columns that are not part of the export.
    cleaned : dict of str to Cleaned
    quarantine : DataFrame
        Every cell or row that breaks a rule.
    columns : Columns
        The data dictionary, without optional columns that the exports lack.
    """

    files: dict[str, str]
    rows: dict[str, int]
    extra: dict[str, tuple[str, ...]]
    cleaned: dict[str, Cleaned]
    quarantine: pd.DataFrame
    columns: Columns


@dataclass(frozen=True)
class Sifted:
    """The customers of one folder of exports: who can be trusted, and who is set aside.

    Attributes
    ----------
    kept : DataFrame
        Canonical columns and ``position``, one row a customer who can be trusted.
    set_aside : DataFrame
        ``customer_id`` and ``reason`` of all the others.
    findings : list of Finding
    details : dict
        ``rows``, ``matched``, ``customers_in``, ``customers_kept``, ``set_aside``,
        ``quarantined_rows``.
    """

    kept: pd.DataFrame
    set_aside: pd.DataFrame
    findings: list[Finding]
    details: dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """The customers of the exports.

    Attributes
    ----------
    customers : DataFrame
        Canonical columns, one row a customer who can be trusted; of months one a customer's month.
    set_aside : DataFrame
        ``customer_id`` and ``reason`` of all the others.
    readiness : DataFrame
        What was found, see ``findings.as_table``.
    details : dict
        The counts.
    said : list of str
        What to tell whoever waits for the stage.
    """

    customers: pd.DataFrame
    set_aside: pd.DataFrame
    readiness: pd.DataFrame
    details: dict[str, Any]
    said: list[str]

    @property
    def headline(self) -> dict[str, int]:
        """The numbers that people compare."""
        kept, found = self.details["kept"], self.details["findings"]
        return {
            "customers": len(self.customers),
            "set_aside": len(self.set_aside),
            "quarantined_rows": self.details["quarantined_rows"],
            "drops": kept["drop"],
            "warnings": found[Level.WARNING],
        }


def read_exports(
    folder: Path, options: Prepare, *, columns: Columns, may_lack: Collection[str] = ()
) -> Exports:
    """Read and clean the exports that the data dictionary names, side by side.

    Parameters
    ----------
    folder : Path
    options : Prepare
        The params section.
    columns : Columns
        The data dictionary.
    may_lack : collection of str
        Canonical names of columns that are empty where their export lacks them.
    """

    def read(table: str) -> tuple[str, int, tuple[str, ...], Cleaned]:
        raw = read_table(folder, table, columns=columns, may_lack=may_lack)
        absent = [
            one.header
            for one in columns.of(table)
            if one.name in may_lack and one.header not in raw.columns
        ]
        raw.findings.extend(
            Finding(Level.ADVICE, raw.file, header, "no_label_column", 1) for header in absent
        )
        raw = raw.with_empty(absent)
        cleaned = clean_table(raw, table, columns=columns, misspellings=options.misspellings)
        return raw.file, raw.rows, raw.extra, cleaned

    tables = list(columns.tables)

    with ThreadPoolExecutor() as pool:  # reading leaves Python's lock free most of the time
        parts = list(pool.map(read, tables))
    files, rows, extra, cleaned = (
        dict(zip(tables, part, strict=True)) for part in zip(*parts, strict=True)
    )
    quarantine = pd.concat([part.quarantine for part in cleaned.values()], ignore_index=True)
    columns = columns.without([name for part in cleaned.values() for name in part.lacking])
    return Exports(files, rows, extra, cleaned, quarantine, columns)


def prepare_customers(exports: Exports, options: Prepare, *, folder: Path) -> Prepared:
    """Join the exports of one folder, set aside who cannot be trusted, and look at the rest.

    Parameters as :func:`sift` takes them.

    Raises
    ------
    InputError
        As :func:`sift`, and if too few customers are labelled to learn anything.
    """
    sifted = sift(exports, options, folder=folder)
    kept = sifted.kept
    refuse_too_few(kept, place=str(folder))
    key = behaviour_key(kept, exports.columns.behaviour)
    readiness = as_table([*sifted.findings, *small_samples(kept), *twins(kept, key)])
    details = sifted.details | {"kept": outcome_counts(kept)} | report_of(readiness)
    said = [str(Match(**one)) for one in sifted.details["matched"].values()]
    return Prepared(kept, sifted.set_aside, readiness, details, said)


def report_of(readiness: pd.DataFrame) -> dict[str, Any]:
    """Return what the details tell of the findings: ``findings`` by level, and ``report``."""
    columns = [name for name in readiness if name in COUNTED]
    return {
        "findings": {str(level): int((readiness["level"] == level).sum()) for level in Level},
        "report": readiness[columns].to_dict("records"),
    }


def sift(exports: Exports, options: Prepare, *, folder: Path) -> Sifted:
    """Join the exports of one folder and set aside who cannot be trusted.

    Parameters
    ----------
    exports : Exports
    options : Prepare
        The params section.
    folder : Path
        Where the exports lie, for messages.

    Raises
    ------
    InputError
        If the files do not speak of the same customers, more customers or rows break a rule than
        params allow, or nobody is left.
    """
    cleaned, quarantine, columns = exports.cleaned, exports.quarantine, exports.columns
    matched = check_ids(cleaned, quarantine, exports.files, least=options.least_matched)
    ids = quarantine["customer_id"]
    everyone = join(cleaned, ids, columns=columns)
    sane = ~everyone[IDENTITY].isin(ids).to_numpy()
    findings = [finding for part in cleaned.values() for finding in part.findings]
    findings += coverage(everyone, exports.files, sane, columns=columns)
    idle = zero_in_minutes(everyone)
    if options.zero_minutes == "missing":
        everyone[list(MINUTES)] = everyone[list(MINUTES)].replace(0, float("nan"))
    reasons = set_aside(
        everyone,
        ids,
        regular_only=options.regular_only,
        distance=options.entry_error_distance,
        zero_minutes=options.zero_minutes,
        incomplete=options.incomplete,
    )
    findings += _of_business(everyone, reasons, idle)
    _check_share(exports, reasons, options)
    kept = everyone[reasons == ""].drop(columns=[f"in_{table}" for table in exports.files])
    if kept.empty:
        raise InputError(
            f"{folder}: no customer is left; set aside: {dict(Counter(reasons.tolist()))}"
        )
    details = {
        "rows": exports.rows,
        "matched": matched,
        "customers_in": len(everyone),
        "customers_kept": len(kept),
        "set_aside": {reason: int((reasons == reason).sum()) for reason in SET_ASIDE_REASONS},
        "quarantined_rows": len(quarantine),
    }
    aside = everyone[[IDENTITY]].assign(reason=reasons)[reasons != ""]
    return Sifted(kept, aside, findings, details)


def _of_business(everyone: pd.DataFrame, reasons: np.ndarray, idle: np.ndarray) -> list[Finding]:
    """Return what the rules of the business set aside, and the months of no minute."""
    findings = []
    for reason in ("not_regular", "entry_error"):
        example = everyone.loc[reasons == reason, IDENTITY]
        if len(example):
            findings.append(Finding(Level.ADVICE, "", "", reason, len(example), example.iloc[0]))
    if idle.any():
        example = everyone.loc[idle, IDENTITY].iloc[0]
        findings.append(Finding(Level.ADVICE, "", "", "no_minutes", int(idle.sum()), example))
    return findings


def _check_share(exports: Exports, reasons: np.ndarray, options: Prepare) -> None:
    """Raise an InputError if more customers, or rows of a file, break a rule than params allow."""
    quarantine = exports.quarantine
    rows = {exports.files[table]: exports.rows[table] for table in exports.files}
    shares = [("customers", int((reasons == "quarantined").sum()), len(reasons))]
    for file, part in quarantine.groupby("file"):
        shares.append((f"rows of {file}", part["line"].nunique(), rows[file]))
    for what, broken, total in shares:
        if broken <= options.max_quarantined * total:
            continue
        first = quarantine.iloc[0]
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
