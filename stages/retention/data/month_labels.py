"""The shop's own outcomes that arrive later: ``labels.csv`` in a month's folder.

It is read as an export is, in any dialect: the customer's id, and the outcome in the shop's words
or as 0 and 1. It is later knowledge, so it stands above the column of the month's export.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from retention.core.column_entries import Header
from retention.core.columns import Columns
from retention.core.errors import InputError, one_of, shown
from retention.core.findings import Finding, Level
from retention.core.hashing import part_numbers
from retention.core.paths import QUARANTINE
from retention.core.vocabulary import IDENTITY, LABEL, MARKET_FILE
from retention.data.cleaning import LINE, Cleaned, clean_table
from retention.data.id_forms import shown_id
from retention.data.merging import Located
from retention.data.reader import ENDINGS, export_forms, find_export, read_export

LABELS = "labels"
"""The file's name, without its ending."""


@dataclass(frozen=True)
class Labels:
    """What a file of outcomes says.

    Attributes
    ----------
    file : str
    rows : int
        Rows as they stand in the file.
    cleaned : Cleaned
        ``customer_id`` and ``drop``.
    """

    file: str
    rows: int
    cleaned: Cleaned


def read_labels(
    folder: Path, *, columns: Columns, misspellings: Mapping[str, Mapping[str, str]]
) -> Labels | None:
    """Read and clean the file of outcomes in a month's folder, None where there is none.

    Raises
    ------
    InputError
        If there are two, one has a name that is not read, or it cannot be read for certain.
    """
    _refuse_other_names(folder)
    if not export_forms(folder, LABELS):
        return None
    known = _dictionary(columns)
    identity, (label, *aliases) = known.wanted(LABELS)
    raw = read_export(
        find_export(folder, LABELS),
        [label],
        identity=identity[0],
        aliases={identity[0]: identity[1:], label: aliases},
        may_be_empty=True,
    )
    cleaned = clean_table(raw, LABELS, columns=known, misspellings=misspellings)
    return Labels(raw.file, raw.rows, cleaned)


def _refuse_other_names(folder: Path) -> None:
    """Refuse outcomes in a file of another ending or case, which would be passed over."""
    valid = [f"{LABELS}{end}" for end in ENDINGS]
    found = [path.name for path in export_forms(folder, LABELS)]
    meant = (LABELS, LABELS.removesuffix("s"))
    for path in sorted(folder.iterdir()):
        name = path.name
        if name not in {*valid, *found} and name.split(".")[0].strip().casefold() in meant:
            raise InputError(
                f"{folder} has {shown(name)}, which is not read; valid names of a file of "
                f"outcomes: {one_of(valid)}"
            )


@dataclass(frozen=True)
class LabelRows:
    """What a file of outcomes says of the customers of one part.

    Attributes
    ----------
    file : str
    told : DataFrame
        Rows that can be read: ``customer_id``, ``line`` and ``drop``.
    broken : Series of str
        Ids of those that break a rule.
    """

    file: str
    told: pd.DataFrame
    broken: pd.Series


def label_rows(labels: Labels, count: int) -> list[LabelRows]:
    """Return what a file of outcomes says of each of `count` parts of the customers."""
    told = labels.cleaned.rows[[IDENTITY, LINE, LABEL]]
    broken = labels.cleaned.quarantine[IDENTITY]
    places = [part_numbers(ids, count=count) for ids in (told[IDENTITY], broken)]
    return [
        LabelRows(labels.file, told[places[0] == number], broken[places[1] == number])
        for number in range(count)
    ]


def with_labels(market: Cleaned, labels: LabelRows) -> tuple[Cleaned, pd.Series]:
    """Return the behaviour file with the outcomes that `labels` tells, and whom it lacks.

    An outcome that the file leaves empty stays as the export has it.
    """
    told = labels.told.set_index(IDENTITY)[LABEL].dropna()
    before = market.rows[LABEL]
    after = market.rows[IDENTITY].map(told).astype("Int8")
    findings = []
    differ = (after != before).fillna(False).to_numpy(dtype=bool)
    if differ.any():
        example, line = market.rows.loc[differ, [IDENTITY, LINE]].iloc[0]
        found = (Level.WARNING, labels.file, LABEL, "other_outcome", int(differ.sum()), example)
        findings.append(Located(*found, at=(0, int(line))))
    known = pd.concat([market.rows[IDENTITY], market.quarantine[IDENTITY]])
    named = pd.concat([labels.told[IDENTITY], labels.broken])
    rows = market.rows.assign(**{LABEL: after.fillna(before)})
    market = replace(market, rows=rows, findings=market.findings + findings)
    return market, named[(named != "") & ~named.isin(known)].drop_duplicates()


def strangers(labels: Labels, found: pd.Series) -> pd.Series:
    """Return whom the behaviour file lacks, in the order of `labels`.

    Parameters
    ----------
    labels : Labels
    found : Series of str
        What :func:`with_labels` found of all parts.
    """
    named = pd.concat([labels.cleaned.rows[IDENTITY], labels.cleaned.quarantine[IDENTITY]])
    return named[named.isin(found)].drop_duplicates()


def findings_of_labels(labels: Labels, unknown: pd.Series) -> list[Finding]:
    """Return what is to be said of a file of outcomes, of which some are of strangers."""
    findings = list(labels.cleaned.findings)
    if len(unknown):
        where = (Level.WARNING, labels.file, IDENTITY)
        findings.append(Finding(*where, "strangers", len(unknown), unknown.iloc[0]))
    return findings


def refuse_odd_labels(labels: Labels, unknown: pd.Series, *, market_file: str, most: float) -> None:
    """Raise an InputError if more of the file than params allow is broken or of strangers.

    Parameters
    ----------
    labels : Labels
    unknown : Series of str
        As :func:`strangers` returns them.
    market_file : str
        The behaviour file.
    most : float
        Params ``prepare.max_quarantined``.
    """
    broken = labels.cleaned.quarantine
    if broken[LINE].nunique() > most * labels.rows:
        first = broken.iloc[0]
        raise InputError(
            f"{broken[LINE].nunique()} of {labels.rows} rows of {labels.file} break a rule, more "
            f"than params prepare.max_quarantined ({most:.0%}); the first: line {first[LINE]}, "
            f"{first['column'] or 'row'}: {shown(first['value'])} {first['rule']}; {QUARANTINE} "
            "lists them all"
        )
    if len(unknown) > most * labels.rows:
        raise InputError(
            f"{len(unknown)} of {labels.rows} customers of {labels.file} are not in {market_file}, "
            f"more than params prepare.max_quarantined ({most:.0%}), such as "
            f"{shown_id(unknown.iloc[0])}: is it of this month?"
        )


def _dictionary(columns: Columns) -> Columns:
    """Return the data dictionary of the file: the id and the outcome, by any of their headers."""
    market, label = columns.tables[MARKET_FILE], columns.by_name[LABEL]
    above = Header(header=IDENTITY, aliases=(market.id.header, *market.id.aliases))
    outcome = replace(
        label, table=LABELS, header="label", aliases=(label.header, *label.aliases), optional=False
    )
    return Columns(
        (columns.by_name[IDENTITY], outcome),
        {LABELS: market.model_copy(update={"id": above})},
        columns.groups,
    )
