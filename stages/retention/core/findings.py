"""What the readiness report is made of: one finding a thing worth knowing of the export."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

import pandas as pd


class Level(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """Something was set aside because it breaks a rule."""
    WARNING = "warning"
    """The result can be trusted less, until somebody has looked."""
    ADVICE = "advice"
    """It was mended or left out; nothing needs to be done."""


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes
    ----------
    level : Level
    file, column : str
        Where; empty where the finding is about the whole.
    what : str
        The finding's name, the same in every run: ``decimal_comma``, ``twins``…
    count : int
        Cells, rows or customers concerned.
    example : str
        One of them, as it stands in the file.
    line : int
        Where in the file it stands, 0 where that does not matter.
    rule : str
        What it breaks, in English; empty where it breaks none.
    """

    level: Level
    file: str
    column: str
    what: str
    count: int
    example: str = ""
    line: int = 0
    rule: str = ""

    @property
    def sentence(self) -> str:
        """The finding in words."""
        return SENTENCES[self.what].format(**asdict(self))


SENTENCES = {
    # Reading
    "encoding": "read as {example}, not UTF-8",
    "scrambled_text": "UTF-8 text that had been read as CP1251 was put right, such as {example!r}",
    "excel_separator_line": "the line {example!r} that Excel puts first was passed over",
    "separator": "cells are separated by {example}",
    "header": "header {example!r} was taken for it",
    "odd_header": "header {example!r} was taken for it: letters of two alphabets look alike",
    "cut_header": "header {example!r}, cut short by a database, was taken for it",
    "index_column": "{count} leftover index columns were left out: {example}",
    "extra_column": "{count} columns that are not part of the export were left out: {example}",
    "absent_column": "the column is optional and this export lacks it; the run goes without it",
    "absent_in_month": "the column is optional and this month lacks it; its cells are empty",
    "no_label_column": "the export has no column of outcomes; they are told later, or by the rule",
    "ragged_row": "{count} rows have too many or too few cells: line {line} has {example}",
    "stray_quote": "{count} rows have a quote that opens or closes amid a cell: line {line} has "
    "{example}",
    # Cells
    "stray_spaces": "{count} cells had spaces around or inside, such as {example!r}",
    "decomposed": "{count} cells have letters of two parts, as macOS writes, such as {example!r}",
    "text_formula": "{count} cells are formulas that hold text, such as {example!r}",
    "minus_sign": "{count} numbers have another sign for minus, such as {example!r}",
    "brackets": "{count} numbers are negative by brackets, such as {example!r}",
    "currency": "{count} numbers name a currency, such as {example!r}",
    "percent": "{count} shares are written in percent, such as {example!r}",
    "decimal_comma": "{count} numbers have a decimal comma, such as {example!r}",
    "thousands": "{count} numbers have separated thousands, such as {example!r}",
    "missing_mark": "{count} cells say that they are missing, such as {example!r}",
    "other_case": "{count} words differ from the valid one by case or spaces, such as {example!r}",
    "look_alike": "{count} words have look-alike letters of another alphabet, such as {example!r}",
    "other_name": "{count} words are another name of a valid one, such as {example!r}",
    "misspelling": "{count} known misspellings were mended, such as {example!r}",
    "whole_id": "{count} customer ids are written in another form, such as {example!r}",
    "missing": "{count} cells are empty; the model fills them and knows that it did",
    "broken": "{count} cells break a rule, such as line {line}: {example!r} {rule}",
    "new_category": "{count} customers have a category that is new, such as {example!r}",
    # Rows and customers
    "duplicate": "{count} rows stand twice and were dropped once, such as customer {example}",
    "conflict": "{count} rows contradict another row of the same customer, such as {example}",
    "missing_customers": "{count} customers of the other files are missing, such as {example}",
    "missing_months": "{count} customers lack a month, such as {example}",
    "not_regular": "{count} customers had no revenue in some month, such as {example}: set aside",
    "entry_error": "{count} customers have a revenue that must be an entry error, such as "
    "{example}: set aside",
    "no_minutes": "{count} customers spent 0 minutes in some month, such as {example}",
    "twins": "{count} customers equal another one in all but id and profit, such as {example}; "
    "twins share side and fold and are scored once",
    "few_customers": "only {count} labelled customers; with fewer than {example} scores are rough",
    "few_of_class": "only {count} customers of a class; with fewer than {example} scores are rough",
    "no_outcome": "no month of {count} has a known outcome; only a kept model can score",
    "restated": "{count} amounts of {example} are others than in the export of the month before",
    "early_labels": "{count} outcomes are told before their months are over, on {example}; left "
    "out until data.as_of is that day or later",
    "other_unit": "{count} amounts are {example} times (the median) those in the export of the "
    "month before: is one of both in another unit?",
    "many_absent": "{count} customers of the month before are absent, {example} of them and far "
    "more than in other months; whoever is absent is taken for gone",
    "other_outcome": "{count} customers have another outcome than in the export, such as "
    "{example}; this file is the later one and counts",
    "strangers": "{count} customers are not in the month's export, such as {example}; left out",
    "leak": "ranks the label with ROC-AUC {example} by the way the export was made; no split or "
    "model may follow it, and none here does",
    "drift": "{count} score rows differ from labelled ones, beyond chance and by a distance of "
    "{example} of 1",
}
"""What each finding says."""


def as_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Return the findings as a table, errors first; columns as the attributes and ``text``."""
    order = {level: place for place, level in enumerate(Level)}
    rows = sorted(findings, key=lambda f: (order[f.level], f.what, f.file, f.column))
    table = [{**asdict(row), "level": str(row.level), "text": row.sentence} for row in rows]
    columns = ["level", "file", "column", "what", "count", "example", "line", "rule", "text"]
    # Without findings too: below those of another month counts would turn into text.
    return pd.DataFrame(table, columns=columns).astype({"count": "int64", "line": "int64"})
