"""How a month's exports differ from those of the month before: columns, spellings, words, ids."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retention.core.errors import InputError
from retention.core.vocabulary import IDENTITY, LABEL, MARKET_FILE
from retention.data.id_forms import refuse_spellings, shown_id
from retention.data.month_comparison import MonthsCompared
from retention.data.month_reading import MonthExports

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


def differences_by_month(months: Mapping[str, MonthExports]) -> dict[str, dict[str, Any]]:
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
        one = months[month]
        now = (_held(one), _spelled(one), _words(one))
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


def refuse_other_customers(months: Mapping[str, MonthExports], compared: MonthsCompared) -> None:
    """Raise an InputError if ids change their form from month to month.

    Parameters
    ----------
    months : mapping of str to MonthExports
    compared : MonthsCompared
        Of the same months.

    Raises
    ------
    InputError
        If one id seems to be spelled in two ways, or two months in a row share no customer.
    """
    files = {month: f"{month}/{one.exports.files[MARKET_FILE]}" for month, one in months.items()}
    every = []
    for month in sorted(months):
        labels = months[month].labels
        every += [files[month], *([f"{month}/{labels.file}"] if labels else [])]
    refuse_spellings(every, compared.spellings)
    for earlier, later in itertools.pairwise(sorted(months)):
        if not compared.shared[earlier]:
            one, other = (shown_id(compared.first[month]) for month in (earlier, later))
            raise InputError(
                f"{files[earlier]} and {files[later]} have no customer in common; they write ids "
                f"as {one} and {other}: are both of one shop?"
            )


def refuse_copies(months: Mapping[str, MonthExports], folder: Path) -> None:
    """Raise an InputError if two months hold the same exports: one month under two names.

    What they say is compared, not how they are written: a month that was saved again with other
    separators, words or order of rows is the same month. Outcomes may have come in between.

    Parameters
    ----------
    months : mapping of str to MonthExports
    folder : Path
        Holds the months, for the message.
    """
    seen: dict[tuple[bytes, ...], str] = {}
    for month in sorted(months):
        # Equal customers are in equal parts, so that equal exports have equal parts.
        content = tuple(digest for part in months[month].parts for digest in part.content)
        other = seen.setdefault(content, month)
        if other != month:
            raise InputError(
                f"{folder}: {other} and {month} hold the same exports; each month needs its own"
            )


def _held(month: MonthExports) -> set[str]:
    """Return the columns of all files: canonical names, and headers that are not of the export."""
    columns, findings = month.exports.columns, month.exports.findings
    lacking = [LABEL] if any(one.what == "no_label_column" for one in findings) else []
    known = {
        f"{column.table}: {column.name}"
        for column in columns.all
        if column.name not in {IDENTITY, *lacking}
    }
    return known | {f"{table}: {name}" for table, names in month.extra.items() for name in names}


def _spelled(month: MonthExports) -> set[tuple[str, str, str]]:
    """Return how the files are written, without examples: one may be a customer's id."""
    of_parts = (finding for part in month.exports.parts for finding in part.findings)
    return {
        (finding.file, finding.column, finding.what)
        for finding in itertools.chain(month.exports.findings, of_parts)
        if finding.what in _SPELLINGS
    }


def _words(month: MonthExports) -> dict[str, set[str]]:
    """Return the words that each category has in the month."""
    return {
        name: set().union(*(part.words[name] for part in month.parts))
        for name in month.parts[0].words
    }
