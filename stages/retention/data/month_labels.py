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
from retention.core.paths import QUARANTINE
from retention.core.vocabulary import IDENTITY, LABEL, MARKET_FILE
from retention.data.cleaning import Cleaned, clean_table
from retention.data.id_forms import shown_id
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


def with_labels(market: Cleaned, labels: Labels) -> tuple[Cleaned, list[Finding]]:
    """Return the behaviour file with the outcomes that `labels` tells, and what was found.

    An outcome that the file leaves empty stays as the export has it.
    """
    told = labels.cleaned.rows.set_index(IDENTITY)[LABEL].dropna()
    before = market.rows[LABEL]
    after = market.rows[IDENTITY].map(told).astype("Int8")
    findings = list(labels.cleaned.findings)
    differ = (after != before).fillna(False).to_numpy(dtype=bool)
    if differ.any():
        example = market.rows.loc[differ, IDENTITY].iloc[0]
        where = (Level.WARNING, labels.file, LABEL)
        findings.append(Finding(*where, "other_outcome", int(differ.sum()), example))
    unknown = strangers(labels, market)
    if len(unknown):
        where = (Level.WARNING, labels.file, IDENTITY)
        findings.append(Finding(*where, "strangers", len(unknown), unknown.iloc[0]))
    rows = market.rows.assign(**{LABEL: after.fillna(before)})
    return replace(market, rows=rows), findings


def strangers(labels: Labels, market: Cleaned) -> pd.Series:
    """Return the ids of `labels` that the behaviour file lacks, broken rows of either included."""
    known = pd.concat([market.rows[IDENTITY], market.quarantine[IDENTITY]])
    told = pd.concat([labels.cleaned.rows[IDENTITY], labels.cleaned.quarantine[IDENTITY]])
    told = told[told != ""].drop_duplicates()
    return told[~told.isin(known)]


def refuse_odd_labels(labels: Labels, market: Cleaned, *, market_file: str, most: float) -> None:
    """Raise an InputError if more of the file than params allow is broken or of strangers."""
    broken = labels.cleaned.quarantine
    if broken["line"].nunique() > most * labels.rows:
        first = broken.iloc[0]
        raise InputError(
            f"{broken['line'].nunique()} of {labels.rows} rows of {labels.file} break a rule, more "
            f"than params prepare.max_quarantined ({most:.0%}); the first: line {first['line']}, "
            f"{first['column'] or 'row'}: {shown(first['value'])} {first['rule']}; {QUARANTINE} "
            "lists them all"
        )
    unknown = strangers(labels, market)
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
