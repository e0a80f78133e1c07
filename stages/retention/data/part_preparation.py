"""Customers part by part: clean and join a part; then, with what holds of all, sift it.

Between both stands what only all parts together can tell: whether files speak of the same
customers, what a usual amount is, how many rows break a rule. So a part tells the others what it
found in counts and single columns, and lies in a file until it is sifted.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.findings import Finding
from retention.core.params import Prepare
from retention.core.vocabulary import IDENTITY, MINUTES, REVENUE
from retention.data.cleaning import Cleaned
from retention.data.joining import (
    IN_QUARANTINE,
    Usual,
    bookkeeping,
    join,
    set_aside,
    usual_amounts,
    zero_in_minutes,
)
from retention.data.matching import SeenIds, see_ids
from retention.data.quality import Some, coverage
from retention.data.quarantine import QuarantinePart, quarantine_part
from retention.data.scratch_tables import put_down, taken_up


@dataclass(frozen=True)
class CleanPart:
    """The customers of one part, cleaned and joined.

    Attributes
    ----------
    customers : DataFrame or Path
        As ``joining.Joined`` has them, or the file that holds them.
    size : int
        How many they are.
    numeric : bool
        Whether every id is a whole number, and they are sorted as such.
    seen : SeenIds
    findings : list of Finding
        Of its rows; those of a file as a whole are told by every part.
    quarantine : QuarantinePart
    quarantined : int
        Customers in quarantine.
    lacking : tuple of str
        Optional columns that the exports lack, the same in every part.
    """

    customers: pd.DataFrame | Path
    size: int
    numeric: bool
    seen: SeenIds
    findings: list[Finding]
    quarantine: QuarantinePart
    quarantined: int
    lacking: tuple[str, ...]


def join_part(
    cleaned: Mapping[str, Cleaned],
    files: Mapping[str, str],
    *,
    columns: Columns,
    folder: Path | None = None,
    number: int = 0,
) -> CleanPart:
    """Join the cleaned exports of one part.

    Parameters
    ----------
    cleaned : mapping of str to Cleaned
        By export.
    files : mapping of str to str
        The name of each export's file.
    columns : Columns
        The data dictionary.
    folder : Path, optional
        Where the customers and the quarantine are kept; else they stay in memory.
    number : int
        Of the part, for the names of these files.
    """
    lacking = tuple(name for part in cleaned.values() for name in part.lacking)
    quarantine = quarantine_part(cleaned)
    joined = join(cleaned, quarantine.rows, files, columns=columns.without(lacking))
    customers = joined.customers
    seen = see_ids(joined.ids, joined.places, files)
    quarantined = int(customers[IN_QUARANTINE].sum())
    size = len(customers)
    if folder is not None:
        place = put_down(customers, folder / f"customers-{number:05d}.arrow")
        rows = folder / f"quarantine-{number:05d}.parquet"
        quarantine.rows.to_parquet(rows, index=False, compression="lz4")
        quarantine = QuarantinePart(rows, quarantine.groups, quarantine.lines)
        customers = place
    findings = [finding for part in cleaned.values() for finding in part.findings]
    told = (findings, quarantine, quarantined, lacking)
    numeric = joined.numeric or not size  # a part of a month may have nobody
    return CleanPart(customers, size, numeric, seen, *told)


@dataclass(frozen=True)
class Rules:
    """By which the customers of every part are sifted.

    Attributes
    ----------
    options : Prepare
        The params section.
    columns : Columns
        The data dictionary of what the exports have.
    numeric : bool
        Whether every id of the shop is a whole number.
    usual : dict of str to Usual
        The amounts of each month of revenue.
    """

    options: Prepare
    columns: Columns
    numeric: bool
    usual: dict[str, Usual]


def rules_of(
    parts: Sequence[CleanPart], options: Prepare, *, columns: Columns, numeric: bool
) -> Rules:
    """Return the rules by which all parts are sifted; of all of them a column is in memory."""
    distance = options.entry_error_distance
    usual = {}
    for month in REVENUE:
        amounts = (taken_up(part.customers, [month])[month].to_numpy("float64") for part in parts)
        usual[month] = usual_amounts(amounts, distance=distance)
    return Rules(options, columns, numeric, usual)


@dataclass(frozen=True)
class SiftedPart:
    """What came of the customers of one part.

    Attributes
    ----------
    reasons : Counter
        How many were set aside, by reason.
    kept : int
        How many were not.
    absent : dict
        As ``quality.coverage`` returns it.
    business : dict of str to Some
        Whom the rules of the business concern: ``not_regular``, ``entry_error``, ``no_minutes``.
    finished : object
        What the part was finished with.
    """

    reasons: Counter
    kept: int
    absent: dict[tuple[str, str], Some]
    business: dict[str, Some]
    finished: Any


def sift_part(
    place: tuple[int, pd.DataFrame | Path],
    *,
    rules: Rules,
    finish: Callable[[int, pd.DataFrame, pd.DataFrame], Any],
) -> SiftedPart:
    """Sift the customers of one part.

    Parameters
    ----------
    place : tuple of int and (DataFrame or Path)
        The number of the part, and its customers as :class:`CleanPart` has them.
    rules : Rules
    finish : callable
        Takes the number of the part, who is kept (canonical columns and ``position``) and who is
        set aside (``customer_id`` and ``reason``).
    """
    number, customers = place
    options, everyone = rules.options, taken_up(customers)
    if not rules.numeric:  # the part alone may have taken its ids for numbers
        everyone = everyone.sort_values(IDENTITY, kind="stable", ignore_index=True)
    absent = coverage(everyone, columns=rules.columns)
    idle = zero_in_minutes(everyone)
    if options.zero_minutes == "missing":
        everyone[list(MINUTES)] = everyone[list(MINUTES)].replace(0, float("nan"))
    reasons = set_aside(
        everyone,
        rules.usual,
        regular_only=options.regular_only,
        zero_minutes=options.zero_minutes,
        incomplete=options.incomplete,
    )
    business = {what: Some.of(everyone, reasons == what) for what in ("not_regular", "entry_error")}
    business["no_minutes"] = Some.of(everyone, idle)
    stays = reasons == ""
    kept = everyone[stays].drop(columns=bookkeeping(rules.columns.tables))
    aside = everyone.loc[~stays, [IDENTITY]].assign(reason=reasons[~stays])
    counted = Counter(reasons[~stays].tolist())
    finished = finish(number, kept, aside)
    return SiftedPart(counted, int(np.count_nonzero(stays)), absent, business, finished)
