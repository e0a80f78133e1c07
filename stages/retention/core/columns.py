"""columns.yaml, the data dictionary: what every column of the exports is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from retention.core.cells import look_of_name
from retention.core.column_entries import (
    PERIOD,
    CategoryEntry,
    ColumnEntry,
    Export,
    NumberEntry,
    Parts,
    Value,
    read_entries,
    refuse,
)
from retention.core.errors import InputError, one_of, shown
from retention.core.paths import COLUMNS
from retention.core.vocabulary import (
    FAVOURITE,
    IDENTITY,
    LABEL,
    MARKET_FILE,
    MARKET_MONEY,
    MARKET_TIME,
    MINUTES,
    PROFIT,
    REVENUE,
)

NEEDED = {
    IDENTITY: "id",
    LABEL: "category",
    "consent": "category",
    "contacts_now": "integer",
    FAVOURITE: "category",
    PROFIT: "number",
    **dict.fromkeys((*REVENUE, *MINUTES), "number"),
}
"""Columns that the code relies on, and their kinds."""
NEEDED_WORDS = {LABEL: {"0", "1"}, "consent": {"yes", "no"}}
"""Words that the code relies on, by column."""
NEEDED_TABLES = {
    **dict.fromkeys((LABEL, "consent", "contacts_now", FAVOURITE), MARKET_FILE),
    **dict.fromkeys(REVENUE, MARKET_MONEY),
    **dict.fromkeys(MINUTES, MARKET_TIME),
}
"""Where columns stand that the code looks for in one table."""


@dataclass(frozen=True)
class Column:
    """One column of the canonical customer table.

    Attributes
    ----------
    name : str
        Canonical name.
    kind : str
        ``id``, ``number``, ``integer`` or ``category``.
    table : str
        The export it comes from.
    header : str
        Its header there; of a monthly column that of the amount.
    aliases : tuple of str
        Other headers that it may have; its canonical name is always one.
    low, high : float
        Smallest and largest valid value of a number.
    values : dict of Value
        What a category may hold, by the canonical word; empty where any text is valid.
    open : bool
        Whether a new word is data, not a fault.
    month : str
        Month of a monthly amount, a key of the table's months; else empty.
    optional : bool
        Whether an export may lack it.
    feature : bool
        Whether the model may know it.
    group : str
        The feature group; empty for the id and the label.
    form : str
        How people read the number: ``number`` (one digit after the point at most), ``whole``,
        ``percent`` (of a share) or ``money``.
    unit, names, meaning : dict of str
        By language; `names` is what the page calls the column.
    reason : dict
        By language, how a reason speaks of it: :class:`NumberReason` of a number, a text of a
        category.
    """

    name: str
    kind: str
    table: str = ""
    header: str = ""
    aliases: tuple[str, ...] = ()
    low: float = 0.0
    high: float = float("inf")
    values: Mapping[str, Value] = field(default_factory=dict)
    open: bool = False
    month: str = ""
    optional: bool = False
    feature: bool = False
    group: str = ""
    form: str = "number"
    unit: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    meaning: Mapping[str, str] = field(default_factory=dict)
    reason: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_category(self) -> bool:
        """Whether its values are words."""
        return self.kind == "category"

    @property
    def exported(self) -> dict[str, str]:
        """The canonical word for each of the export's."""
        return {value.export or word: word for word, value in self.values.items()}

    @property
    def spellings(self) -> dict[str, str]:
        """The canonical word for each way to write a value."""
        return {way: word for word, value in self.values.items() for way in value.ways(word)}

    def shown(self, word: str, language: str) -> str:
        """Return what people read for a value; a word that the dictionary lacks as it is."""
        return getattr(self.values[word], language) if word in self.values else word

    def said(self, word: str, language: str) -> str:
        """Return what a reason says for a value."""
        value = self.values.get(word)
        return getattr(value.reason or value, language) if value else word


@dataclass(frozen=True)
class Columns:
    """The data dictionary.

    Attributes
    ----------
    all : tuple of Column
        Every column that the exports have, in the order of the canonical customer table.
    tables : dict of Export
        The exports by the name of their file, without its ending.
    groups : dict of dict
        The feature groups: what the page calls each, by language.
    lacking : tuple of str
        Optional columns that these exports lack.
    """

    all: tuple[Column, ...]
    tables: Mapping[str, Export]
    groups: Mapping[str, Mapping[str, str]]
    lacking: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Every column by its canonical name."""
        return {column.name: column for column in self.all}

    @cached_property
    def behaviour(self) -> tuple[str, ...]:
        """All but id, label and profit: what makes two customers twins."""
        return tuple(name for name in self.by_name if name not in {IDENTITY, LABEL, PROFIT})

    @cached_property
    def open(self) -> tuple[str, ...]:
        """Categories in which a new word is data, not a fault: a shop opens new ones."""
        return tuple(column.name for column in self.all if column.open)

    @cached_property
    def exported(self) -> dict[str, list[str]]:
        """The export's words of each category, and of ``period``."""
        words = {one.name: list(one.exported) for one in self.all if one.values}
        months = [m.export for table in self.tables.values() for m in table.months.values()]
        return words | {PERIOD: list(dict.fromkeys(months))}

    def other_words(self, name: str, *, table: str = "") -> dict[str, str]:
        """Return the ways to write a value that are not the export's, each with the export's.

        Parameters
        ----------
        name : str
            A category, or ``period``.
        table : str
            The export whose months are meant; by default those of all.
        """
        if name == PERIOD:
            exports = [self.tables[table]] if table else self.tables.values()
            months = [month for export in exports for month in export.months.values()]
            return {alias: month.export for month in months for alias in month.aliases}
        column = self.by_name[name]
        exported = {word: export for export, word in column.exported.items()}
        ways = column.spellings.items()
        return {way: exported[word] for way, word in ways if way not in column.exported}

    def features(self, *, use_profit: bool) -> tuple[Column, ...]:
        """Return what the model may know, group by group, profit last."""
        known = [self.by_name[name] for name in self.behaviour if self.by_name[name].feature]
        order = list(self.groups)
        known.sort(key=lambda column: order.index(column.group))
        return (*known, self.by_name[PROFIT]) if use_profit else tuple(known)

    def of(self, table: str) -> tuple[Column, ...]:
        """Return the columns of an export, the id left out."""
        return tuple(one for one in self.all if one.table == table and one.kind != "id")

    def headers(self, table: str) -> list[str]:
        """Return the headers of an export, the id's first."""
        return [header for header, *_ in self.wanted(table)]

    def wanted(self, table: str) -> list[tuple[str, ...]]:
        """Return what may stand above each column of an export, the id's first: header, aliases."""
        export = self.tables[table]
        wanted = [(export.id.header, *export.id.aliases, IDENTITY)]
        if export.period and export.amount:
            wanted += [(one.header, *one.aliases) for one in (export.period, export.amount)]
        else:
            wanted += [(one.header, *one.aliases, one.name) for one in self.of(table)]
        return [tuple(dict.fromkeys(headers)) for headers in wanted]

    def without(self, names: Collection[str]) -> "Columns":
        """Return the dictionary of exports that lack the optional columns `names`."""
        return replace(
            self,
            all=tuple(column for column in self.all if column.name not in names),
            lacking=tuple(column.name for column in self.all if column.name in names),
        )

    def held_by(self, names: Collection[str]) -> "Columns":
        """Return the dictionary of a customer table that has the columns `names`.

        Raises
        ------
        InputError
            If it lacks a column that is not optional.
        """
        lacking = [column for column in self.all if column.name not in names]
        for column in lacking:
            if not column.optional:
                raise InputError(
                    f"the customers' table lacks the column {column.name} of {COLUMNS}; "
                    "run prepare anew"
                )
        return self.without([column.name for column in lacking])


def load_columns(path: Path | str = COLUMNS) -> Columns:
    """Read and validate the data dictionary.

    Raises
    ------
    InputError
        One line that names the file, the column, the key, what was found and what is valid.
    """
    parts = read_entries(path)
    if MARKET_FILE not in parts.tables:
        raise InputError(f"{path}: table {MARKET_FILE} is missing under tables; the code needs it")
    columns = Columns(
        tuple(_column(name, entry, parts) for name, entry in parts.columns.items()),
        parts.tables,
        {name: texts.model_dump() for name, texts in parts.groups.items()},
    )
    _check_needed(path, columns)
    for table in columns.tables:
        if not columns.of(table):
            raise InputError(f"{path}: tables.{table}: no column is of it; add one or leave it out")
        _check_months(path, table, columns)
        _check_headers(path, table, columns)
    return columns


def _column(name: str, entry: ColumnEntry, parts: Parts) -> Column:
    """Return a column as its entry, valid by itself, describes it."""
    texts = {"names": entry.name.model_dump(), "meaning": entry.meaning.model_dump()}
    if not isinstance(entry, CategoryEntry | NumberEntry):
        above = parts.tables[MARKET_FILE].id
        return Column(name, entry.kind, MARKET_FILE, above.header, above.aliases, **texts)
    table = parts.tables[entry.table]
    above = table.amount or entry
    common = texts | {
        "name": name,
        "kind": entry.kind,
        "table": entry.table,
        "header": above.header,
        "aliases": above.aliases,
        "optional": entry.optional,
        "feature": entry.feature and name != LABEL,
        "group": entry.group or "",
    }
    if isinstance(entry, CategoryEntry):
        spoken = (entry.reason or entry.name).model_dump()
        return Column(**common, values=entry.values, open=entry.open, reason=spoken)
    return Column(
        **common,
        low=entry.low,
        high=entry.high,
        month=entry.month or "",
        form=entry.form,
        unit=entry.unit.model_dump() if entry.unit else {},
        reason={"ru": entry.reason.ru, "en": entry.reason.en} if entry.reason else {},
    )


def _check_needed(path: Path | str, columns: Columns) -> None:
    """Refuse a dictionary without a column, a table or a word that the code relies on."""
    for name, kind in NEEDED.items():
        place = f"{path}: columns.{name}"
        column = columns.by_name.get(name)
        if column is None:
            raise InputError(
                f"{path}: column {name} is missing under columns; the code relies on it"
            )
        kinds = ("number", "integer") if kind in {"number", "integer"} else (kind,)
        if column.kind not in kinds:
            refuse(f"{place}.kind", column.kind, f"the code relies on it as {' or '.join(kinds)}")
        table = NEEDED_TABLES.get(name)
        if table and column.table != table:
            refuse(f"{place}.table", column.table, f"the code looks for it in {table}")
        if column.optional:
            refuse(f"{place}.optional", "true", "the code relies on the column; leave it out")
        lacking = NEEDED_WORDS.get(name, set()) - set(column.values)
        if lacking:
            raise InputError(
                f"{place}.values: the word {min(lacking)} is missing; the code relies on "
                f"{one_of(sorted(NEEDED_WORDS[name]))}"
            )
    label = columns.by_name[LABEL]
    if set(label.values) != NEEDED_WORDS[LABEL] or label.open:
        raise InputError(f"{path}: columns.{LABEL}.values: valid: 0 and 1 alone, and not open")


def _check_months(path: Path | str, table: str, columns: Columns) -> None:
    """Refuse two columns of one month, and amounts of one table that differ in what is valid."""
    months = columns.tables[table].months
    every = columns.of(table)
    owner: dict[str, str] = {}
    for column in every if months else ():
        place = f"{path}: columns.{column.name}"
        if owner.setdefault(column.month, column.name) != column.name:
            refuse(
                f"{place}.month", column.month, f"{owner[column.month]} has it; each needs its own"
            )
        first = every[0]
        if (column.kind, column.low, column.high) != (first.kind, first.low, first.high):
            raise InputError(
                f"{place}: kind, low and high should be those of {first.name}: one column of "
                f"{table} holds them all"
            )
    order = list(months)
    for names in (REVENUE, MINUTES):
        for earlier, later in pairwise(columns.by_name[name] for name in names):
            if earlier.table == table and order.index(earlier.month) > order.index(later.month):
                refuse(
                    f"{path}: columns.{later.name}.month",
                    later.month,
                    f"it should come after that of {earlier.name} in tables.{table}.months",
                )


def _check_headers(path: Path | str, table: str, columns: Columns) -> None:
    """Refuse a header or alias that two columns of an export have; they are compared by look."""
    own = (PERIOD, "amount") if columns.tables[table].is_monthly else ()
    names = (IDENTITY, *(own or (column.name for column in columns.of(table))))
    owner: dict[str, str] = {}
    for name, spellings in zip(names, columns.wanted(table), strict=True):
        for spelling in spellings:
            other = owner.setdefault(look_of_name(spelling.replace("-", " ")), name)
            if other != name:
                raise InputError(
                    f"{path}: tables.{table}: the header or alias {shown(spelling)} of {name} is "
                    f"one of {other} too; each needs its own"
                )
