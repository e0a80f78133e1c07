"""From a folder for each month to one row a customer and month, with the outcomes that are known.

Each month is read, cleaned, joined and sifted by itself, as a snapshot is: what is known of a
customer in July is what stands in July's folder. Only outcomes look at later folders. Where there
are many customers this is done part by part, and a part of the tables has all months of its
customers, by month and then by id.
"""

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from retention.core.columns import Columns
from retention.core.findings import Finding, Level, as_table
from retention.core.months import last_day, shifted
from retention.core.params import Label, Prepare
from retention.core.part_names import clear_table, part_paths
from retention.core.parts import map_parts
from retention.core.vocabulary import LABEL, MARKET_FILE, MARKET_MONEY, MONTH
from retention.data.ledger import History, other_unit, refuse_other_unit
from retention.data.month_comparison import MonthsCompared, compare_months
from retention.data.month_differences import (
    differences_by_month,
    refuse_copies,
    refuse_other_customers,
)
from retention.data.month_labels import refuse_odd_labels
from retention.data.month_reading import MonthExports, naming, with_month
from retention.data.month_ripening import Ripening, RipePart, SiftedPlace, put_sifted, ripen_part
from retention.data.preparation import Prepared, Sifted, report_of, sift, twins_of_parts
from retention.data.quality import classes_together, small_samples
from retention.data.ripening import REASONS_UNKNOWN, agreement, relative_season, season_index
from retention.data.staying import many_absent, refuse_cut_short


@dataclass(frozen=True)
class _Told:
    """What is known of all months before any outcome is."""

    months: dict[str, MonthExports]
    sifted: dict[str, Sifted]
    compared: MonthsCompared
    seasons: dict[str, pd.Series]

    @property
    def files(self) -> dict[str, dict[str, str]]:
        """The files of each month."""
        return {month: one.exports.files for month, one in self.months.items()}


def prepare_months(
    months: Mapping[str, MonthExports],
    options: Prepare,
    rule: Label,
    *,
    columns: Columns,
    as_of: datetime.date,
    scratch: Path,
    customers: Path,
    set_aside: Path,
    jobs: int = 1,
) -> Prepared:
    """Sift each month's customers, tell their outcomes, and write both tables.

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
    scratch : Path
        As ``month_reading.read_months`` had it.
    customers, set_aside : Path
        Where to write who can be trusted (``month``, canonical columns, ``position`` and
        ``label_source``; rows by month, then as a snapshot has them), and ``month``,
        ``customer_id`` and ``reason`` of all the others: as many parts as the months have.
    jobs : int
        Processes at most.

    Returns
    -------
    Prepared
        Its ``readiness`` has ``month`` first.

    Raises
    ------
    InputError
        As ``preparation.sift``, naming the month; if ids change their form between months, or a
        file of outcomes does not fit its month. No table is left then. That no outcome is known is
        no fault here: a stored model may score.
    """
    months = {month: months[month] for month in sorted(months)}
    tables = (customers.absolute(), set_aside.absolute())  # workers may stand in another folder
    try:
        for path in tables:
            clear_table(path)
        told = _look(months, options, rule, columns=columns, scratch=scratch, jobs=jobs)
        early = _early(told, rule, as_of)
        ripening = Ripening(
            rule,
            told.seasons,
            tuple(early),
            {month: tuple(one.exports.columns.behaviour) for month, one in months.items()},
            tuple(columns.by_name),
        )
        ripe = _ripen(told, ripening, tables, jobs=jobs)
    except BaseException:
        for path in tables:
            clear_table(path)
        raise
    return _prepared(told, ripe, early, rule, columns=columns)


def _look(
    months: dict[str, MonthExports],
    options: Prepare,
    rule: Label,
    *,
    columns: Columns,
    scratch: Path,
    jobs: int,
) -> _Told:
    """Hold the months against each other and sift each; raise if they are not to be trusted."""
    monthly = [table for table, export in columns.tables.items() if export.is_monthly]
    compared = compare_months(months, tables=monthly, scratch=scratch, jobs=jobs)
    refuse_copies(months, months[min(months)].folder.parent)
    refuse_other_customers(months, compared)
    how = {"numeric": _are_numeric(months), "scratch": scratch, "jobs": jobs}
    sifted = {month: _sift_month(one, options, **how) for month, one in months.items()}
    told = _Told(months, sifted, compared, _seasons(list(months), compared.revenue, rule))
    refuse_cut_short(compared.staying, told.files, least=options.least_staying)
    money = {month: files[MARKET_MONEY] for month, files in told.files.items()}
    refuse_other_unit(compared.restated, money)
    return told


def _are_numeric(months: Mapping[str, MonthExports]) -> bool:
    """Tell whether every id of all months is a number: customers have one order in all of them."""
    return all(part.numeric for one in months.values() for part in one.exports.parts)


def _sift_month(
    one: MonthExports, options: Prepare, *, numeric: bool, scratch: Path, jobs: int
) -> Sifted:
    """Sift the customers of a month; rows that break a rule in its outcomes count with others."""
    folder = scratch.absolute() / one.folder.name if len(one.parts) > 1 else None
    with naming(one.folder):
        if one.labels is not None:
            refuse_odd_labels(
                one.labels,
                one.unknown,
                market_file=one.exports.files[MARKET_FILE],
                most=options.max_quarantined,
            )
        finish = partial(put_sifted, folder=folder)
        how = {"finish": finish, "numeric": numeric, "jobs": jobs}
        found = sift(one.exports, options, folder=one.folder, **how)
    if one.labels is None:
        return found
    broken = found.details["quarantined_rows"] + len(one.labels.cleaned.quarantine)
    return replace(found, details=found.details | {"quarantined_rows": broken})


def _seasons(months: Sequence[str], revenue: History, rule: Label) -> dict[str, pd.Series]:
    """Return the season by which each month is judged."""
    seasons, found = {}, {}
    for place, month in enumerate(months):
        # Months that were there when the outcome became known: no later one changes what came.
        ripe = min(place + rule.horizon_months, len(months) - 1)
        if ripe not in found:
            found[ripe] = season_index(revenue.known_by(ripe))
        seasons[month] = found[ripe]
    return seasons


def _early(told: _Told, rule: Label, as_of: datetime.date) -> dict[str, Finding]:
    """Return, by month, a finding of outcomes that were told before their months were over.

    Nobody knows them then: a default of the shop's system, or a guess, would teach and judge.
    """
    found = {}
    for month, one in told.sifted.items():
        places: list[SiftedPlace] = one.finished
        known = sum(place.labelled for place in places)
        ripe = last_day(shifted(month, rule.horizon_months))
        if as_of < ripe and known:
            where = (Level.WARNING, told.files[month][MARKET_FILE], LABEL)
            found[month] = Finding(*where, "early_labels", known, ripe.isoformat())
    return found


def _ripen(
    told: _Told, ripening: Ripening, tables: tuple[Path, Path], *, jobs: int
) -> list[RipePart]:
    """Write both tables, part by part."""
    count = len(told.compared.latest)
    written = zip(*(part_paths(path, count) for path in tables), strict=True)
    finished = zip(*(one.finished for one in told.sifted.values()), strict=True)
    tasks = [
        (dict(zip(told.sifted, places, strict=True)), *of_part)
        for places, *of_part in zip(finished, told.compared.latest, written, strict=True)
    ]
    how = {"jobs": jobs, "what": "outcomes", "light": True}
    return list(map_parts(partial(ripen_part, ripening=ripening), tasks, **how))


def _prepared(
    told: _Told,
    ripe: Sequence[RipePart],
    early: Mapping[str, Finding],
    rule: Label,
    *,
    columns: Columns,
) -> Prepared:
    """Return what is to be told of the months."""
    months, twice = told.months, told.compared.restated
    absent = many_absent(told.compared.staying, told.files)
    beside = {
        month: [
            *_restated_in(month, twice, told.files[month]),
            *absent.get(month, []),
            *([early[month]] if month in early else []),
        ]
        for month in months
    }
    by_month = {month: _of_month(month, one, ripe) for month, one in told.sifted.items()}
    for month, differ in differences_by_month(months).items():
        by_month[month] |= {"differs": differ, "season": relative_season(told.seasons[month])}
    kept: Counter[str] = Counter()
    for one in by_month.values():
        kept.update(one["kept"])
    kept_all = {name: kept[name] for name in ("drop", "loyal", "score")}
    known = kept_all["drop"] + kept_all["loyal"]
    readiness = _readiness(told, ripe, beside, is_known=known > 0, columns=columns)
    details = _summed(told.sifted) | {"kept": kept_all} | report_of(readiness)
    last = max(months)
    details["months"] = {
        "months": list(months),
        "last": last,
        "by_month": by_month,
        "restated": twice,
        "label": rule.model_dump()
        | _of_outcomes(by_month, ripe)
        | {"season": relative_season(told.seasons[last])},
    }
    return Prepared(readiness, details, [_said(month, one) for month, one in by_month.items()])


def _readiness(
    told: _Told,
    ripe: Sequence[RipePart],
    beside: Mapping[str, list[Finding]],
    *,
    is_known: bool,
    columns: Columns,
) -> pd.DataFrame:
    """Return what was found, a row a finding and month; what concerns all months has none.

    `beside` is what months tell of each other, `is_known` whether any outcome is.
    """
    months = told.months
    nowhere = set.intersection(*(set(one.exports.parts[0].lacking) for one in months.values()))
    headers = {columns.by_name[name].header for name in nowhere}
    numeric, parts = _are_numeric(months), []
    for month, one in told.sifted.items():
        findings = [*one.findings, *_twins(month, ripe, numeric=numeric), *beside[month]]
        parts.append((month, [_absent_in_month(finding, headers) for finding in findings]))
    whole = small_samples(classes_together(part.classes for part in ripe))
    if not is_known:
        whole = [Finding(Level.WARNING, "", LABEL, "no_outcome", len(months))]
    tables = [with_month(as_table(found), month) for month, found in [("", whole), *parts]]
    every = pd.concat(tables, ignore_index=True)
    place = every["level"].map({str(level): place for place, level in enumerate(Level)})
    keys = every.assign(place=place).sort_values(
        ["place", "what", "file", "column", MONTH], kind="stable"
    )
    return every.loc[keys.index].reset_index(drop=True)


def _twins(month: str, ripe: Sequence[RipePart], *, numeric: bool) -> list[Finding]:
    """Return the finding of customers who equal another one in a month."""
    rows = [part.months[month] for part in ripe]
    ids = [part.ids.iloc[one.rows] for part, one in zip(ripe, rows, strict=True)]
    return twins_of_parts(
        ids, [one.label for one in rows], [one.key for one in rows], numeric=numeric
    )


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


def _of_month(month: str, one: Sifted, ripe: Sequence[RipePart]) -> dict[str, Any]:
    of_parts = [part.months[month] for part in ripe]
    keys = ("customers_in", "customers_kept", "set_aside", "quarantined_rows", "matched")
    return {
        **{key: one.details[key] for key in keys},
        "kept": _sums([part.kept for part in of_parts]),
        "labels": _sums([part.labels for part in of_parts]),
        "absent": sum(part.absent for part in of_parts),
    }


def _sums(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {name: sum(one[name] for one in counts) for name in counts[0]}


def _summed(sifted: Mapping[str, Sifted]) -> dict[str, Any]:
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


def _of_outcomes(by_month: Mapping[str, Any], ripe: Sequence[RipePart]) -> dict[str, Any]:
    """Return what is to be said of outcomes: why they are unknown, and whether both sides agree."""
    return {
        "absent_customers": sum(one["absent"] for one in by_month.values()),
        "unknown": {why: sum(part.unknown[why] for part in ripe) for why in REASONS_UNKNOWN},
        "agreement": agreement(sum(part.told_by_both for part in ripe)),
    }


def _said(month: str, told: Mapping[str, Any]) -> str:
    labels = told["labels"]
    return (
        f"{month}: {told['customers_kept']:,} of {told['customers_in']:,} customers kept; outcome "
        f"told by the shop for {labels['shop']:,}, by the rule for {labels['rule']:,}, unknown of "
        f"{labels['unknown']:,}"
    )
