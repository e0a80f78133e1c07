"""How a month's exports differ from those of the month before: columns, spellings, words, ids."""

import hashlib
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.column_entries import PERIOD
from retention.core.errors import InputError
from retention.core.vocabulary import IDENTITY, LABEL, MARKET_FILE
from retention.data.cleaning import JOIN_KEY, LINE
from retention.data.id_forms import refuse_other_spellings, shown_id
from retention.data.ids import distinct
from retention.data.month_labels import Labels
from retention.data.preparation import Exports

_SPELLINGS = frozenset(
    (
        *("encoding", "scrambled_text", "excel_separator_line", "separator"),
        *("header", "odd_header", "cut_header", "stray_spaces", "decomposed", "text_formula"),
        *("minus_sign", "brackets", "currency", "percent", "decimal_comma", "thousands"),
        *("missing_mark", "other_case", "look_alike", "other_name", "misspelling", "whole_id"),
    )
)
"""Findings that tell how a file is written."""
_MOST_WORDS = 10
"""New words of a column that are named at most."""


def differences_by_month(months: Mapping[str, Exports]) -> dict[str, dict[str, Any]]:
    """Return what each month lacks, adds and spells otherwise than the month before.

    Returns
    -------
    dict
        For each month ``lacks`` and ``adds`` (columns, as ``table: name``), ``spells`` (a row a
        ``file``, ``column`` and ``what``; ``now`` is false where it was so the month before), and
        ``words`` (new words of categories, by column). All are empty of the first month.
    """
    found, before = {}, None
    for month in sorted(months):
        exports = months[month]
        now = (_held(exports), _spelled(exports), _words(exports))
        had, spelled, words = before or now
        changed = sorted(now[1] ^ spelled)
        found[month] = {
            "lacks": sorted(had - now[0]),
            "adds": sorted(now[0] - had),
            "spells": [
                {
                    "file": file,
                    "column": column,
                    "what": what,
                    "now": (file, column, what) in now[1],
                }
                for file, column, what in changed
            ],
            "words": {
                column: sorted(new)[:_MOST_WORDS]
                for column, every in now[2].items()
                if (new := every - words.get(column, every))
            },
        }
        before = now
    return found


def refuse_other_customers(
    months: Mapping[str, Exports], labels: Mapping[str, Labels | None]
) -> None:
    """Raise an InputError if ids change their form from month to month.

    Raises
    ------
    InputError
        If one id seems to be spelled in two ways, or two months in a row share no customer.
    """
    ids: dict[str, pd.Series] = {}
    for month in sorted(months):
        exports = months[month]
        ids[f"{month}/{exports.files[MARKET_FILE]}"] = exports.cleaned[MARKET_FILE].rows[IDENTITY]
        told = labels.get(month)
        if told:
            ids[f"{month}/{told.file}"] = told.cleaned.rows[IDENTITY]
    refuse_other_spellings(ids)
    files = [f"{month}/{months[month].files[MARKET_FILE]}" for month in sorted(months)]
    for earlier, later in itertools.pairwise(files):
        one, other = (distinct(ids[file]).astype(str) for file in (earlier, later))
        if not one.isin(other).any():
            raise InputError(
                f"{earlier} and {later} have no customer in common; they write ids as "
                f"{shown_id(str(one[0]))} and {shown_id(str(other[0]))}: are both of one shop?"
            )


def refuse_copies(months: Mapping[str, Exports], folder: Path) -> None:
    """Raise an InputError if two months hold the same exports: one month under two names.

    What they say is compared, not how they are written: a month that was saved again with other
    separators, words or order of rows is the same month. Outcomes may have come in between.

    Parameters
    ----------
    months : mapping of str to Exports
    folder : Path
        Holds the months, for the message.
    """
    seen: dict[tuple[bytes, ...], str] = {}
    for month in sorted(months):
        cleaned = months[month].cleaned
        content = tuple(_content(cleaned[table].rows) for table in sorted(cleaned))
        other = seen.setdefault(content, month)
        if other != month:
            raise InputError(
                f"{folder}: {other} and {month} hold the same exports; each month needs its own"
            )


def _content(rows: pd.DataFrame) -> bytes:
    """Return a digest of what the rows of a table say, whatever their order, without outcomes."""
    said = rows.drop(columns=[name for name in (LINE, JOIN_KEY, LABEL) if name in rows])
    hashes = pd.util.hash_pandas_object(said[sorted(said)], index=False).to_numpy()
    return hashlib.sha256(np.sort(hashes).tobytes()).digest()


def _held(exports: Exports) -> set[str]:
    """Return the columns of all files: canonical names, and headers that are not of the export."""
    lacking = {
        finding.column
        for part in exports.cleaned.values()
        for finding in part.findings
        if finding.what == "no_label_column"
    }
    label = exports.columns.by_name[LABEL]
    known = {
        f"{column.table}: {column.name}"
        for column in exports.columns.all
        if column.name not in {IDENTITY, *([label.name] if lacking else [])}
    }
    return known | {f"{table}: {name}" for table, names in exports.extra.items() for name in names}


def _spelled(exports: Exports) -> set[tuple[str, str, str]]:
    """Return how the files are written, without examples: one may be a customer's id."""
    return {
        (finding.file, finding.column, finding.what)
        for part in exports.cleaned.values()
        for finding in part.findings
        if finding.what in _SPELLINGS
    }


def _words(exports: Exports) -> dict[str, set[str]]:
    """Return the words that each category has in the month."""
    found = {}
    for part in exports.cleaned.values():
        for name in part.rows.select_dtypes("category"):
            if name != PERIOD:
                codes = part.rows[name].cat.remove_unused_categories()
                found[name] = set(codes.cat.categories)
    return found
