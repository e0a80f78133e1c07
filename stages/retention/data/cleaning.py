"""Turn the text of one export into typed canonical columns; name every cell that will not turn."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.cells import bare, folded_name, is_missing, look_of_name, odd_letters
from retention.core.column_entries import PERIOD
from retention.core.columns import Column, Columns
from retention.core.errors import InputError, one_of
from retention.core.findings import Finding, Level
from retention.core.id_order import plain_numbers
from retention.core.vocabulary import IDENTITY, LABEL
from retention.data.coded import Coded
from retention.data.ids import clean_ids
from retention.data.merging import Located
from retention.data.number_parsing import read_numbers
from retention.data.reader import RawTable
from retention.data.schema import faults, rule_of

LINE = "line"
JOIN_KEY = "key"
QUARANTINE_COLUMNS = ["file", LINE, IDENTITY, "column", "value", "rule"]
SECTION, GROUP, STEP = ORDER = ["section", "group", "step"]
"""Where a row of the quarantine stands: cells, then rows that cannot be read, then rows that stand
twice; of cells by column, those that cannot be read before those that break the rule."""
CELLS, UNREADABLE, TWICE = range(3)
_BARE = r"^[0-9]+([.,][0-9]+)?$"
"""Digits, around which nothing stands: most words of an export, which are not looked at one by
one."""


@dataclass(frozen=True)
class Cleaned:
    """One export, cleaned.

    Attributes
    ----------
    rows : DataFrame
        Good rows: ``customer_id``, its ``key`` within this file, ``line`` and the canonical
        columns; of a monthly table ``period`` (the canonical column) and ``amount``.
    quarantine : DataFrame
        One row a broken cell or row, with the columns :data:`QUARANTINE_COLUMNS`.
    order : DataFrame
        Beside each row of the quarantine where it stands, with the columns :data:`ORDER`.
    findings : list of Finding
        What was mended, and what was found.
    """

    rows: pd.DataFrame
    quarantine: pd.DataFrame
    order: pd.DataFrame
    findings: list[Finding]
    plain: bool
    """Whether every id is a whole number, and the keys are these numbers."""
    lacking: tuple[str, ...] = ()
    """Optional columns that the export lacks, by their canonical names."""


def clean_table(
    raw: RawTable,
    table: str,
    *,
    columns: Columns,
    misspellings: Mapping[str, Mapping[str, str]],
    decimal: Mapping[str, str] | None = None,
    words: Mapping[str, Sequence[str]] | None = None,
) -> Cleaned:
    """Clean one export, or a part of its rows.

    Parameters
    ----------
    raw : RawTable
        The file as text.
    table : str
        Which export it is, a key of ``columns.tables``.
    columns : Columns
        The data dictionary.
    misspellings : mapping
        Per canonical column (or ``period``): written word to valid word.
    decimal, words : mapping, optional
        Of a part of a file: the decimal mark of each column of numbers in the file as a whole, and
        the words of its periods as they stand, by their headers.

    Raises
    ------
    InputError
        If a number may be read in two ways, or a month has no rows at all.
    """
    report = _Report(raw, table, columns, misspellings, decimal or {}, words or {})
    export = columns.tables[table]
    wanted = report.held(columns.of(table))
    text = {name: report.trimmed(column, name) for name, column in raw.columns.items()}
    ids, numbers = raw.ids, plain_numbers(raw.ids)
    if numbers is None:
        ids = report.ids(raw.ids)
        numbers = plain_numbers(ids)
    plain = numbers is not None
    rows = {LINE: raw.lines, IDENTITY: ids, JOIN_KEY: numbers if plain else customer_keys(ids)}
    unread = {}
    if export.is_monthly:
        period, amount = export.period.header, export.amount.header
        rows[PERIOD] = report.months(text[period], wanted)
        rows["amount"], unread["amount"] = report.numbers(text[amount], wanted[0])
        sources = {"amount": wanted[0]}
        headers = {PERIOD: period, "amount": amount}
    else:
        for column in wanted:
            if column.kind == "category":
                rows[column.name] = report.words(text[column.header], column)
            else:
                rows[column.name], unread[column.name] = report.numbers(text[column.header], column)
        sources = {column.name: column for column in wanted}
        headers = {column.name: column.header for column in wanted}
    frame = pd.DataFrame(rows, copy=False)
    broken = [
        pd.DataFrame({"index": np.flatnonzero(bad), "column": name, "rule": rule_of(sources[name])})
        for name, bad in unread.items()
        if bad.any()
    ]
    found = faults(frame, table, columns=columns.without(report.lacking))
    broken = pd.concat([*(one.assign(**{STEP: 0}) for one in broken), found], ignore_index=True)
    quarantine = report.quarantined(frame, broken, headers, text)
    frame = frame.drop(index=broken["index"].unique()) if len(broken) else frame
    frame, conflicts = report.once_each(frame)
    if len(conflicts):
        quarantine = pd.concat([quarantine, conflicts], ignore_index=True)
    if LABEL in frame:
        frame[LABEL] = frame[LABEL].map({"0": 0.0, "1": 1.0}).astype("float64").astype("Int8")
    for name, header in headers.items():
        if name != LABEL and frame[name].isna().any():
            report.add(Level.ADVICE, header, "missing", int(frame[name].isna().sum()))
    findings = raw.findings + report.findings
    kept = (quarantine[QUARANTINE_COLUMNS], quarantine[ORDER].astype("int64"))
    return Cleaned(frame, *kept, findings, plain, tuple(report.lacking))


class _Report:
    """Cleans the columns of one file and keeps what it finds on the way."""

    def __init__(
        self,
        raw: RawTable,
        table: str,
        columns: Columns,
        misspellings: Mapping[str, Mapping[str, str]],
        decimal: Mapping[str, str],
        words: Mapping[str, Sequence[str]],
    ):
        self.raw = raw
        self.decimal, self.all_words = decimal, words
        self.name, self.table = table, columns.tables[table]
        self.identity = self.table.id.header
        self.columns = columns
        self.misspellings = misspellings
        self.findings: list[Finding] = []
        self.lacking: list[str] = []
        self.valid: dict[str, list[str]] = {}

    def add(
        self,
        level: Level,
        column: str,
        what: str,
        count: int,
        example: str = "",
        *,
        line: int = 0,
        rule: str = "",
        at: tuple[int, int] = (0, 0),
    ) -> None:
        """Note a finding, and where it begins; the column is named as the file has it."""
        place = (self.raw.file, self.named(column))
        self.findings.append(Located(level, *place, what, count, example, line, rule, at))

    def named(self, header: str) -> str:
        """Return a header as the file has it: the dictionary's own, or one of its aliases."""
        return self.raw.spellings.get(header, header)

    def held(self, columns: Sequence[Column]) -> list[Column]:
        """Return the columns that the file has (of months, all), and note those that it lacks."""
        if self.table.is_monthly:
            return list(columns)
        found = [column for column in columns if column.header in self.raw.columns]
        for column in columns:
            if column not in found:
                self.lacks(column, column.header)
        return found

    def lacks(self, column: Column, what: str) -> None:
        """Note an optional column that the export lacks."""
        self.lacking.append(column.name)
        self.add(Level.ADVICE, what, "absent_column", 1)

    def trimmed(self, text: Coded, column: str) -> Coded:
        """Return the text without what stands around its values, missing marks emptied."""
        words = list(text.words)
        hows, marks = [""] * len(words), [False] * len(words)
        for place in text.unlike(_BARE).tolist():
            words[place], hows[place] = bare(words[place])
            marks[place] = is_missing(words[place])
        for what in dict.fromkeys(filter(None, hows)):
            self.counted(text, [how == what for how in hows], column, what)
        self.counted(text.renamed(words), marks, column, "missing_mark")
        return text.renamed(["" if mark else word for word, mark in zip(words, marks, strict=True)])

    def counted(self, text: Coded, chosen: Sequence[bool], column: str, what: str) -> None:
        """Note how many rows hold a chosen word, if any does."""
        if any(chosen) and text.count(chosen):
            first = (text.first(chosen), self.begins(text, chosen))
            self.add(Level.ADVICE, column, what, text.count(chosen), first[0], at=first[1])

    def begins(self, text: Coded, chosen: Sequence[bool]) -> tuple[int, int]:
        """Return where the first row stands that holds a chosen word."""
        return (0, int(self.raw.lines[text.place(chosen)]))

    def ids(self, ids: pd.Series) -> pd.Series:
        """Return customer ids in their canonical form."""
        clean, mended = clean_ids(ids)
        for what, (count, example) in mended.items():
            at = (0, int(self.raw.lines[int(np.argmax((ids == example).to_numpy(dtype=bool)))]))
            self.add(Level.ADVICE, self.identity, what, count, example, at=at)
        return clean

    def numbers(self, text: Coded, column: Column) -> tuple[np.ndarray, np.ndarray]:
        """Return a column's numbers and where its text is none."""
        place = f"{self.raw.file}, {self.named(column.header)}"
        decimal = self.decimal.get(column.header)
        read = read_numbers(text, place=place, share=column.high == 1, decimal=decimal)
        for what, (count, example) in read.mended.items():
            at = self.begins(text, [word == example for word in text.words])
            self.add(Level.ADVICE, column.header, what, count, example, at=at)
        return read.values, read.bad

    def spelled(self, text: Coded, header: str, name: str, valid: Sequence[str]) -> Coded:
        """Return the text as valid words, where a word can mean one of them only."""
        self.valid[name] = list(valid)
        told = self.spelling(name, valid)
        meant = [told.meant(word) for word in text.words]
        for what in dict.fromkeys(how for _, how in meant if how):
            self.counted(text, [how == what for _, how in meant], header, what)
        return text.renamed([word for word, _ in meant])

    def spelling(self, name: str, valid: Sequence[str]) -> "_Spelling":
        """Return what the words of a column may mean."""
        others = self.columns.other_words(name, table=self.name)
        return _Spelling(valid, others, self.misspellings.get(name, {}))

    def months(self, text: Coded, columns: Sequence[Column]) -> pd.Categorical:
        """Return the canonical column of each row's month, empty where it is unknown.

        Raises
        ------
        InputError
            If a month has no rows, unless its column is optional.
        """
        months = {self.table.months[one.month].export: one for one in columns}
        header = self.table.period.header
        spelled = self.spelled(text, header, PERIOD, list(months))
        every = set(map(_trimmed, self.all_words.get(header, text.words)))
        told = self.spelling(PERIOD, list(months))
        held = {told.meant(word)[0] for word in every}
        absent = {word: one for word, one in months.items() if word not in held}
        if len(absent) < len(months):
            for word in [word for word, one in absent.items() if one.optional]:
                self.lacks(absent.pop(word), word)
        if absent:
            found = one_of(sorted(filter(None, every))[:10])
            raise InputError(
                f"{self.raw.file} has no rows of month {one_of(absent)}; found: {found}"
            )
        names = {word: one.name for word, one in months.items()}
        return _categories(spelled, [names.get(word, "") for word in spelled.words])

    def words(self, text: Coded, column: Column) -> pd.Categorical:
        """Return a column's canonical words; missing where empty, as written where unknown."""
        valid = column.exported
        spelled = self.spelled(text, column.header, column.name, list(valid))
        if column.open:
            for place, word in enumerate(spelled.words):
                if not word or word in valid:
                    continue
                here = [other == place for other in range(len(spelled.words))]
                if spelled.count(here):  # a word of other parts of the file has no rows here
                    close = _close(word, list(valid), 0.8)
                    example = f"{word} (≈ {close})" if close else word
                    count, at = spelled.count(here), self.begins(spelled, here)
                    self.add(Level.WARNING, column.header, "new_category", count, example, at=at)
        return _categories(spelled, [valid.get(word, word) or None for word in spelled.words])

    def quarantined(
        self,
        rows: pd.DataFrame,
        broken: pd.DataFrame,
        headers: Mapping[str, str],
        text: Mapping[str, Coded],
    ) -> pd.DataFrame:
        """Return the quarantine of broken cells and ragged rows, and note their counts."""
        fields = [IDENTITY, *headers]
        parts = []
        for (name, rule), cells in broken.groupby(["column", "rule"], sort=False):
            places = cells["index"].to_numpy(dtype="int64")
            header = headers.get(name, self.identity)
            ids = rows[IDENTITY].iloc[places].to_numpy()
            own = header == self.identity
            values = list(self.raw.ids.iloc[places]) if own else text[header].at(places)
            known = self.valid.get(name, [])
            rules = [_proposed(value, rule, known) for value in values]
            lines = rows[LINE].iloc[places].to_numpy()
            told = {"column": self.named(header), "value": values, "rule": rules}
            steps = cells[STEP].to_numpy(dtype="int64")
            order = {SECTION: CELLS, GROUP: fields.index(name), STEP: steps}
            parts.append(pd.DataFrame({LINE: lines, IDENTITY: ids, **told, **order}))
            first = {"example": str(values[0]), "line": int(lines[0]), "rule": rules[0]}
            at = (int(steps[0]), first["line"])
            self.add(Level.ERROR, header, "broken", len(cells), **first, at=at)
        parts += self.unreadable()
        if not parts:
            return pd.DataFrame(columns=[*QUARANTINE_COLUMNS, *ORDER])
        return pd.concat(parts, ignore_index=True).assign(file=self.raw.file)

    def unreadable(self) -> list[pd.DataFrame]:
        """Return the quarantine of rows that cannot be read, and note their counts."""
        parts = []
        for rule, rows in self.raw.ragged.groupby("rule", sort=False):
            what = "ragged_row" if rows["found"].iloc[0].endswith(" cells") else "stray_quote"
            part = {
                LINE: rows["line"],
                IDENTITY: clean_ids(rows["first"].astype("str"))[0],
                "column": "",
                "value": rows["found"],
                "rule": rule,
                SECTION: UNREADABLE,
                GROUP: int(what == "stray_quote"),
                STEP: 0,
            }
            parts.append(pd.DataFrame(part))
            first = {"example": rows["found"].iloc[0], "line": int(rows["line"].iloc[0])}
            self.add(Level.ERROR, "", what, len(rows), **first, at=(0, first["line"]))
        return parts

    def once_each(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Drop exact duplicates, set aside rows that give one customer two different values."""
        key = [name for name in (JOIN_KEY, "period") if name in rows]
        nothing = pd.DataFrame(columns=[*QUARANTINE_COLUMNS, *ORDER])
        if not rows.duplicated(key).any():
            return rows, nothing
        again = rows.duplicated([name for name in rows if name != LINE])
        if again.any():
            self.about(Level.ADVICE, "duplicate", rows[again])
        once = rows[~again]
        twice = once.duplicated(key, keep=False)
        bad = once[twice]
        if bad.empty:
            return once, nothing
        self.about(Level.ERROR, "conflict", bad)
        part = {
            "file": self.raw.file,
            LINE: bad[LINE],
            IDENTITY: bad[IDENTITY],
            "column": self.named(self.identity),
            "value": bad[IDENTITY],
            "rule": "must stand once" + (" a month" if "period" in key else ""),
            SECTION: TWICE,
            GROUP: 0,
            STEP: 0,
        }
        return once[~twice], pd.DataFrame(part)

    def about(self, level: Level, what: str, rows: pd.DataFrame) -> None:
        """Note a finding of some rows; the customer of the first is its example."""
        first = rows.iloc[0]
        self.add(level, "", what, len(rows), first[IDENTITY], at=(0, int(first[LINE])))


def _trimmed(word: str) -> str:
    """Return a word without what stands around its value, empty if it says that it is missing."""
    value = bare(word)[0]
    return "" if is_missing(value) else value


def canonical_words(
    words: Sequence[str],
    column: Column,
    *,
    columns: Columns,
    misspellings: Mapping[str, Mapping[str, str]],
) -> list[str]:
    """Return what each word of a category's cells means, empty where it means none of its values.

    Parameters
    ----------
    words : sequence of str
        As they stand in the export.
    column : Column
    columns : Columns
        The data dictionary.
    misspellings : mapping
        As :func:`clean_table` takes them.
    """
    valid = column.exported
    others = columns.other_words(column.name)
    told = _Spelling(list(valid), others, misspellings.get(column.name, {}))
    return [valid.get(told.meant(_trimmed(word))[0], "") for word in words]


def customer_keys(ids: pd.Series) -> np.ndarray:
    """Return an integer for each id, equal and ordered as the ids are.

    Comparing numbers is many times faster than comparing text.
    """
    numbers = plain_numbers(ids)
    return pd.factorize(ids, sort=True)[0] if numbers is None else numbers


def _categories(text: Coded, words: list[str | None]) -> pd.Categorical:
    """Return the rows of `text` with `words` as their categories, each word once."""
    known = list(dict.fromkeys(word for word in words if word is not None))
    place = {word: number for number, word in enumerate(known)}
    codes = np.array([place.get(word, -1) for word in words], dtype="int32")
    return pd.Categorical.from_codes(codes[text.codes], categories=pd.Index(known, dtype="str"))


class _Spelling:
    """The words that a column may hold, and all that can mean one of them only."""

    def __init__(
        self, valid: Sequence[str], names: Mapping[str, str], misspellings: Mapping[str, str]
    ):
        self.valid = set(valid)
        self.misspellings = dict(misspellings)
        self.folded = {folded_name(word): word for word in valid}
        known = dict(zip(valid, valid, strict=True))
        self.steps = (
            (
                "misspelling",
                folded_name,
                {folded_name(word): right for word, right in misspellings.items()},
            ),
            (
                "other_name",
                folded_name,
                {folded_name(word): right for word, right in names.items()},
            ),
            ("look_alike", look_of_name, _unambiguous({**misspellings, **names, **known})),
        )

    def meant(self, word: str) -> tuple[str, str]:
        """Return the valid word that is meant and how it was found; else the word as it is."""
        if word in self.misspellings:
            return self.misspellings[word], "misspelling"
        if not word or word in self.valid:
            return word, ""
        if folded_name(word) in self.folded:
            return self.folded[folded_name(word)], "other_case"
        for what, form, known in self.steps:
            if form(word) in known:
                return known[form(word)], what
        return word, ""


def _unambiguous(names: Mapping[str, str]) -> dict[str, str]:
    """Return the words by their look, without those whose look means two of them."""
    found: dict[str, set[str]] = {}
    for name, right in names.items():
        found.setdefault(look_of_name(name), set()).add(right)
    return {look: next(iter(words)) for look, words in found.items() if len(words) == 1}


def _close(word: str, known: list[str], cutoff: float) -> str:
    found = difflib.get_close_matches(word[:200], known, n=1, cutoff=cutoff)
    return found[0] if found else ""


def _proposed(value: str, rule: str, known: list[str]) -> str:
    """Return the rule with the valid word that `value` resembles, where there is one."""
    close = _close(str(value), known, 0.7) if known else ""
    letters = odd_letters(str(value)[:200])
    mixed = f" (it has the {letters} among its letters)" if letters and known else ""
    return f"{rule}{mixed}; did you mean {close}?" if close else f"{rule}{mixed}"
