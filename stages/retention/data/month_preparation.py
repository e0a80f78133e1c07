"""From a folder for each month to one row a customer and month, with the outcomes that are known.

Each month is read, cleaned, joined and sifted by itself, as a snapshot is: what is known of a
customer in July is what stands in July's folder. Only outcomes look at later folders.
"""

import contextlib
import datetime
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.errors import InputError
from retention.core.findings import Finding, Level, as_table
from retention.core.hashing import behaviour_key
from retention.core.months import last_day, shifted
from retention.core.params import Label, Prepare
from retention.core.progress import progress
from retention.core.vocabulary import (
    BY_RULE,
    BY_SHOP,
    IDENTITY,
    LABEL,
    LABEL_SOURCE,
    MARKET_FILE,
    MARKET_MONEY,
    MONTH,
    POSITION,
)
from retention.data.ledger import (
    Ledger,
    combined,
    known_by,
    ledgers_of,
    other_unit,
    refuse_other_unit,
    restated,
)
from retention.data.month_differences import (
    differences_by_month,
    refuse_copies,
    refuse_other_customers,
)
from retention.data.month_labels import Labels, read_labels, refuse_odd_labels, with_labels
from retention.data.part_preparation import join_part
from retention.data.preparation import (
    CleanExports,
    Exports,
    Prepared,
    outcome_counts,
    read_exports,
    report_of,
    sift,
    with_plain_ids,
)
from retention.data.quality import Classes, small_samples, twins
from retention.data.ripening import (
    REASONS_UNKNOWN,
    Outcomes,
    agreement,
    outcomes_after,
    relative_season,
    season_index,
)
from retention.data.staying import many_absent, refuse_cut_short, staying_of


@dataclass(frozen=True)
class MonthCustomers:
    """The customers of one month: who can be trusted, and who is set aside.

    Attributes
    ----------
    kept : DataFrame
        Canonical columns and ``position``, one row a customer who can be trusted.
    set_aside : DataFrame
        ``customer_id`` and ``reason`` of all the others.
    findings : list of Finding
    details : dict
        As ``preparation.Sifted`` has them.
    """

    kept: pd.DataFrame
    set_aside: pd.DataFrame
    findings: list[Finding]
    details: dict[str, Any]


@dataclass(frozen=True)
class PreparedMonths(Prepared):
    """The customers of all months, and what is told of them.

    Attributes
    ----------
    customers : DataFrame
        Canonical columns, one row a month of a customer who can be trusted.
    set_aside : DataFrame
        ``month``, ``customer_id`` and ``reason`` of all the others.
    """

    customers: pd.DataFrame
    set_aside: pd.DataFrame


_MANY = 12
"""Months from which reading says how far it is."""


@dataclass(frozen=True)
class MonthExports:
    """The exports of one month, read and cleaned.

    Attributes
    ----------
    folder : Path
    exports : Exports
        With the outcomes that ``labels.csv`` tells.
    labels : Labels or None
        That file, where there is one.
    """

    folder: Path
    exports: Exports
    labels: Labels | None


def read_months(
    folders: Mapping[str, Path], options: Prepare, *, columns: Columns
) -> dict[str, MonthExports]:
    """Read and clean the exports of every month; the outcome may be absent in any of them.

    Parameters
    ----------
    folders : mapping of str to Path
        The folder of each month.
    options : Prepare
        The params section.
    columns : Columns
        The data dictionary.
    """
    months = sorted(folders)
    steps = progress(months, what="read", unit="months") if len(months) >= _MANY else months
    return {month: _read_month(folders[month], options, columns) for month in steps}


def quarantine_of(months: Mapping[str, MonthExports]) -> pd.DataFrame:
    """Return every cell or row of any month that breaks a rule."""
    parts = []
    for one in months.values():
        broken = [one.exports.quarantine]
        broken += [one.labels.cleaned.quarantine] if one.labels else []
        parts.append(pd.concat(broken, ignore_index=True))
    return _by_month(dict(zip(months, parts, strict=True)))


def prepare_months(
    months: Mapping[str, MonthExports],
    options: Prepare,
    rule: Label,
    *,
    columns: Columns,
    as_of: datetime.date,
) -> PreparedMonths:
    """Sift each month's customers and tell their outcomes.

    Parameters
    ----------
    months : mapping of str to MonthExports
    options : Prepare
        The params section.
    rule : Label
        The params section: what a drop is where the shop does not tell.
    columns : Columns
        The data dictionary.
    as_of : date
        Day of the data. An outcome that the shop tells before its months are over is left out.

    Returns
    -------
    PreparedMonths
        ``customers`` has ``month`` first, and ``label_source``; rows by month, then as a snapshot
        has them. ``set_aside`` and ``readiness`` have ``month`` first.

    Raises
    ------
    InputError
        As ``preparation.sift``, naming the month; if ids change their form between months, or a
        file of outcomes does not fit its month. That no outcome is known is no fault here: a
        stored model may score.
    """
    exports = {month: one.exports for month, one in months.items()}
    refuse_copies(exports, months[min(months)].folder.parent)
    refuse_other_customers(exports, {month: one.labels for month, one in months.items()})
    sifted = {month: _sift_month(months[month], options) for month in sorted(months)}
    monthly = [table for table, export in columns.tables.items() if export.is_monthly]
    parts = {table: ledgers_of(exports, table) for table in monthly}
    staying = staying_of(exports, parts[MARKET_MONEY])
    refuse_cut_short(staying, exports, least=options.least_staying)
    last = max(months)
    twice = [one for table in monthly for one in restated(parts[table], table)]
    refuse_other_unit(twice, {month: one.files[MARKET_MONEY] for month, one in exports.items()})
    seasons, outcomes = _ripened(parts[MARKET_MONEY], sifted, rule)
    kept, early = {}, {}
    for month, one in sifted.items():
        ripe = last_day(shifted(month, rule.horizon_months))
        rows, early[month] = _without_early(one.kept, exports[month].files, ripe, as_of)
        kept[month] = _labelled(rows, outcomes[month])
    customers = _by_month(kept)
    held = [name for name in columns.by_name if name in customers]  # a month may lack some
    customers = customers[[MONTH, *held, POSITION, LABEL_SOURCE]]
    absent = many_absent(staying, exports)
    found = {
        month: [
            *_restated_in(month, twice, exports[month].files),
            *absent.get(month, []),
            *early[month],
        ]
        for month in sifted
    }
    readiness = _readiness(months, sifted, kept, customers, found, columns=columns)
    by_month = {
        month: _of_month(one, kept[month], outcomes[month]) for month, one in sifted.items()
    }
    for month, differ in differences_by_month(exports).items():
        by_month[month] |= {"differs": differ, "season": relative_season(seasons[month])}
    details = _summed(sifted) | {"kept": outcome_counts(customers)} | report_of(readiness)
    details["months"] = {
        "months": sorted(months),
        "last": last,
        "by_month": by_month,
        "restated": twice,
        "label": rule.model_dump()
        | _of_outcomes(sifted, customers, outcomes)
        | {"season": relative_season(seasons[last])},
    }
    aside = _by_month({month: one.set_aside for month, one in sifted.items()})
    said = [_said(month, told) for month, told in by_month.items()]
    return PreparedMonths(readiness, details, said, customers, aside)


def _read_month(folder: Path, options: Prepare, columns: Columns) -> MonthExports:
    with _naming(folder):
        exports = read_exports(folder, options, columns=columns, may_lack=[LABEL])
        labels = read_labels(folder, columns=columns, misspellings=options.misspellings)
    if labels is None:
        return MonthExports(folder, exports, None)
    market, findings = with_labels(exports.cleaned[MARKET_FILE], labels)
    market = replace(market, findings=market.findings + findings)
    told = replace(exports, cleaned=exports.cleaned | {MARKET_FILE: market})
    return MonthExports(folder, told, labels)


def _sift_month(one: MonthExports, options: Prepare) -> MonthCustomers:
    """Return the customers of a month; rows that break a rule in its outcomes count with others."""
    with _naming(one.folder):
        if one.labels is None:
            return _sift_exports(one, options)
        refuse_odd_labels(
            one.labels,
            one.exports.cleaned[MARKET_FILE],
            market_file=one.exports.files[MARKET_FILE],
            most=options.max_quarantined,
        )
        found = _sift_exports(one, options)
    broken = found.details["quarantined_rows"] + len(one.labels.cleaned.quarantine)
    return replace(found, details=found.details | {"quarantined_rows": broken})


def _sift_exports(one: MonthExports, options: Prepare) -> MonthCustomers:
    exports = one.exports
    part = join_part(exports.cleaned, exports.files, columns=exports.columns)
    clean = CleanExports(exports.files, exports.rows, [], [part], exports.columns)
    found = sift(clean, options, folder=one.folder, finish=_both)
    return MonthCustomers(*found.finished[0], found.findings, found.details)


def _both(_: int, kept: pd.DataFrame, aside: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep both tables of the one part that a month has."""
    return with_plain_ids(kept), with_plain_ids(aside)


def _ripened(
    revenue: Mapping[str, Ledger], sifted: Mapping[str, MonthCustomers], rule: Label
) -> tuple[dict[str, pd.Series], dict[str, Outcomes]]:
    """Return the season by which each month is judged, and what came of its customers by the rule.

    `revenue` is what the exports of each month tell.
    """
    seasons, outcomes = {}, {}
    latest, last = combined(revenue), max(sifted)
    for month, one in sifted.items():
        # Months that were there when the outcome became known: no later one changes what came.
        ripe = shifted(month, rule.horizon_months)
        seasons[month] = season_index(known_by(revenue, latest, ripe))
        outcomes[month] = outcomes_after(
            latest, seasons[month], one.kept[IDENTITY], month, rule=rule, last=last
        )
    return seasons, outcomes


@contextlib.contextmanager
def _naming(folder: Path) -> Iterator[None]:
    """Put the month's folder before a message that does not name it."""
    try:
        yield
    except InputError as mistake:
        text = str(mistake)
        raise InputError(text if str(folder) in text else f"{folder}: {text}") from None


def _without_early(
    kept: pd.DataFrame, files: Mapping[str, str], ripe: datetime.date, as_of: datetime.date
) -> tuple[pd.DataFrame, list[Finding]]:
    """Return the customers without outcomes told before `ripe`, when their months are over.

    Nobody knows them then: a default of the shop's system, or a guess, would teach and judge.
    """
    told = int(kept[LABEL].notna().sum())
    if as_of >= ripe or not told:
        return kept, []
    where = (Level.WARNING, files[MARKET_FILE], LABEL)
    finding = Finding(*where, "early_labels", told, ripe.isoformat())
    return kept.assign(**{LABEL: pd.array([pd.NA] * len(kept), dtype="Int8")}), [finding]


def _labelled(kept: pd.DataFrame, outcomes: Outcomes) -> pd.DataFrame:
    """Return the customers with the shop's outcome, else the rule's, and who tells it."""
    shop = kept[LABEL].notna().to_numpy()
    rule = ~shop & ~np.isnan(outcomes.drop)
    ripe = pd.Series(pd.array(outcomes.drop, dtype="Float64"), kept.index).astype("Int8")
    source = pd.Series(np.select([shop, rule], [BY_SHOP, BY_RULE], default=""), kept.index)
    return kept.assign(
        **{LABEL: kept[LABEL].fillna(ripe), LABEL_SOURCE: source.astype("str").where(shop | rule)}
    )


def _by_month(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the tables of all months below each other, the month in a first column."""
    told = []
    for month in sorted(parts):
        table = parts[month].reset_index(drop=True)
        table.insert(0, MONTH, pd.Series([month] * len(table), dtype="str"))
        told.append(table)
    return pd.concat(told, ignore_index=True)


def _readiness(
    months: Mapping[str, MonthExports],
    sifted: Mapping[str, MonthCustomers],
    kept: Mapping[str, pd.DataFrame],
    customers: pd.DataFrame,
    beside: Mapping[str, list[Finding]],
    *,
    columns: Columns,
) -> pd.DataFrame:
    """Return what was found, a row a finding and month; what concerns all months has none.

    `beside` is what months tell of each other.
    """
    held = {month: one.exports.columns for month, one in months.items()}
    nowhere = set.intersection(*(set(one.lacking) for one in held.values()))
    headers = {columns.by_name[name].header for name in nowhere}
    parts = []
    for month, one in sifted.items():
        key = behaviour_key(kept[month], held[month].behaviour)
        same = twins(kept[month][IDENTITY], kept[month][LABEL], key)
        findings = [*one.findings, *same, *beside[month]]
        findings = [_absent_in_month(finding, headers) for finding in findings]
        parts.append((month, findings))
    whole = small_samples(Classes.of(customers))
    if customers[LABEL].isna().all():
        whole = [Finding(Level.WARNING, "", LABEL, "no_outcome", len(months))]
    tables = [as_table(findings) for _, findings in [("", whole), *parts]]
    for month, table in zip(["", *sifted], tables, strict=True):
        table.insert(0, MONTH, pd.Series([month] * len(table), dtype="str"))
    every = pd.concat(tables, ignore_index=True)
    place = every["level"].map({str(level): place for place, level in enumerate(Level)})
    keys = every.assign(place=place).sort_values(
        ["place", "what", "file", "column", MONTH], kind="stable"
    )
    return every.loc[keys.index].reset_index(drop=True)


def _absent_in_month(finding: Finding, nowhere: set[str]) -> Finding:
    """Return the finding of an absent column, worded so where other months have it."""
    if finding.what != "absent_column" or finding.column in nowhere:
        return finding
    return replace(finding, what="absent_in_month")


def _restated_in(
    month: str, twice: list[dict[str, Any]], files: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield a finding for each calendar month whose amounts this month's export tells anew."""
    for one in twice:
        if one["later"] == month and one["differ"]:
            where = (Level.WARNING, files[one["table"]], "")
            yield Finding(*where, "restated", one["differ"], one["calendar_month"])
            if other_unit(one):
                yield Finding(*where, "other_unit", one["differ"], f"{one['ratio']:.3g}")


def _of_month(one: MonthCustomers, kept: pd.DataFrame, outcomes: Outcomes) -> dict[str, Any]:
    source = kept[LABEL_SOURCE]
    labels = {word: int((source == word).sum()) for word in (BY_SHOP, BY_RULE)}
    keys = ("customers_in", "customers_kept", "set_aside", "quarantined_rows", "matched")
    return {
        **{key: one.details[key] for key in keys},
        "kept": outcome_counts(kept),
        "labels": labels | {"unknown": int(source.isna().sum())},
        "absent": int(outcomes.absent.sum()),
    }


def _summed(sifted: Mapping[str, MonthCustomers]) -> dict[str, Any]:
    """Return a snapshot's counts: rows and customers of all months, matches of the last one."""
    details = [one.details for one in sifted.values()]

    def total(key: str) -> dict[str, int]:
        counted: Counter[str] = Counter()
        for one in details:
            counted.update(one[key])
        return {name: counted[name] for name in details[-1][key]}

    return {
        "rows": total("rows"),
        "matched": details[-1]["matched"],
        "customers_in": sum(one["customers_in"] for one in details),
        "customers_kept": sum(one["customers_kept"] for one in details),
        "set_aside": total("set_aside"),
        "quarantined_rows": sum(one["quarantined_rows"] for one in details),
    }


def _of_outcomes(
    sifted: Mapping[str, MonthCustomers], customers: pd.DataFrame, outcomes: Mapping[str, Outcomes]
) -> dict[str, Any]:
    """Return what is to be said of outcomes: why they are unknown, and whether both sides agree."""
    shop = np.concatenate(
        [one.kept[LABEL].to_numpy("float64", na_value=np.nan) for one in sifted.values()]
    )
    every = list(outcomes.values())
    why = np.concatenate([one.unknown for one in every])[customers[LABEL].isna().to_numpy()]
    return {
        "absent_customers": int(sum(one.absent.sum() for one in every)),
        "unknown": {reason: int((why == reason).sum()) for reason in REASONS_UNKNOWN},
        "agreement": agreement(shop, np.concatenate([one.drop for one in every])),
    }


def _said(month: str, told: Mapping[str, Any]) -> str:
    labels = told["labels"]
    return (
        f"{month}: {told['customers_kept']:,} of {told['customers_in']:,} customers kept; outcome "
        f"told by the shop for {labels['shop']:,}, by the rule for {labels['rule']:,}, unknown of "
        f"{labels['unknown']:,}"
    )
