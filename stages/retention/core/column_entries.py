"""What stands in columns.yaml, entry by entry, as a person writes it."""

import keyword
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, Field

from retention.core.cells import folded_name
from retention.core.errors import InputError, one_of, shown
from retention.core.validation import TABLE_WORDS, Section, validated
from retention.core.vocabulary import IDENTITY, LABEL, PROFIT, REST
from retention.core.yaml_files import read_yaml

PERIOD = "period"
"""What the month of a row is called where a column's name is due."""
RESERVED = frozenset(
    f"{REST} {PERIOD} risk profit_rank any amount month line key position split twin_key scored "
    "out_of_fold segment segments grid cell reasons reason_1 reason_2 reason_3 lowers arm treated "
    "offer channel cost assumed_effect expected_gain gate tenure_quarter noise_1 noise_2 "
    "noise_3 label_source behaviour_key weight taught".split()
)
"""Names that rules, offers and tables use for something else."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_WORD = re.compile(r"[a-z0-9][a-z0-9_]{0,59}")


def _written(text: str) -> str:
    if not text.strip() or "\n" in text:
        raise ValueError("input should be a line of text that is not blank")
    return text


Line = Annotated[str, Field(max_length=200), AfterValidator(_written)]


class Texts(Section):
    """A text in the languages of the page."""

    ru: Line
    en: Line


class NumberReason(Section):
    """How a reason speaks of a number: below the usual value, above it, and by itself."""

    low: Line
    high: Line
    plain: Line


class NumberReasons(Section):
    """The same in the languages of the page."""

    ru: NumberReason
    en: NumberReason


class Spelled(Section):
    """What the export has in a cell, and other spellings."""

    export: Line
    aliases: tuple[Line, ...] = ()


class Value(Section):
    """One word of a category: what the export has, other spellings, and what people read."""

    export: Line | None = None
    aliases: tuple[Line, ...] = ()
    ru: Line
    en: Line
    reason: Texts | None = None

    def ways(self, word: str) -> list[str]:
        """Return every way to write the value whose canonical word is `word`."""
        return list(dict.fromkeys((self.export or word, word, *self.aliases, self.ru, self.en)))


class Header(Section):
    """What stands above a column of the export, and what may stand there instead."""

    header: Line
    aliases: tuple[Line, ...] = ()


class Export(Section):
    """One export; one of amounts by month has ``period``, ``amount`` and ``months`` too."""

    name: Texts
    id: Header
    period: Header | None = None
    amount: Header | None = None
    months: dict[str, Spelled] = Field(default_factory=dict)

    @property
    def is_monthly(self) -> bool:
        """Whether it has a row a customer and month."""
        return self.period is not None


class ColumnEntry(Section):
    """What every column has."""

    name: Texts
    meaning: Texts


class IdEntry(ColumnEntry):
    """The customer's id."""

    kind: Literal["id"]


class CellsEntry(ColumnEntry):
    """What every other column has."""

    table: str
    header: Line | None = None
    aliases: tuple[Line, ...] = ()
    optional: bool = False
    feature: bool = True
    group: str | None = None


class CategoryEntry(CellsEntry):
    """A column of words."""

    kind: Literal["category"]
    values: dict[str, Value] = Field(default_factory=dict)
    open: bool = False
    reason: Texts | None = None


class NumberEntry(CellsEntry):
    """A column of numbers."""

    kind: Literal["number", "integer"]
    month: str | None = None
    low: float
    high: float
    form: Literal["number", "whole", "percent", "money"] = "number"
    unit: Texts | None = None
    reason: NumberReasons | None = None


COLUMN_KINDS = {
    "id": IdEntry,
    "number": NumberEntry,
    "integer": NumberEntry,
    "category": CategoryEntry,
}


class Parts(Section):
    """The whole file; an entry of ``columns`` is one of :data:`COLUMN_KINDS`."""

    groups: Annotated[dict[str, Texts], Field(min_length=1)]
    tables: Annotated[dict[str, Export], Field(min_length=1)]
    columns: Annotated[dict[str, Any], Field(min_length=1)]


def read_entries(path: Path | str) -> Parts:
    """Read the file and check each entry by itself.

    Raises
    ------
    InputError
        One line that names the file, the column, the key, what was found and what is valid.
    """
    parts = validated(read_yaml(path), Parts, place=str(path), whole="the file")
    _check_names(path, parts)
    for name, table in parts.tables.items():
        _check_table(f"{path}: tables.{name}", table)
    entries = {
        name: _entry(f"{path}: columns.{name}", name, content, parts)
        for name, content in parts.columns.items()
    }
    return parts.model_copy(update={"columns": entries})


def refuse(place: str, found: str, valid: str) -> NoReturn:
    """Raise an InputError: what was found at a place, and what would do."""
    raise InputError(f"{place} is {found}; {valid}")


def _check_names(path: Path | str, parts: Parts) -> None:
    """Refuse names that a rule could not speak of or that mean something else already."""
    for part in ("tables", "groups", "columns"):
        for name in getattr(parts, part):
            if not _NAME.fullmatch(name):
                raise InputError(
                    f"{path}: {part}: the name {shown(name)} is none; valid: small Latin letters, "
                    "digits and _, a letter first, 40 at most"
                )
    for name in parts.columns:
        is_taken = name in RESERVED | TABLE_WORDS or keyword.iskeyword(name)
        if is_taken or name.startswith("in_"):
            raise InputError(
                f"{path}: columns: the name {name} is taken, it means something else in rules or "
                "tables; choose another"
            )


def _check_table(place: str, table: Export) -> None:
    given = {"period": table.period, "amount": table.amount, "months": table.months}
    lacking = [key for key, value in given.items() if not value]
    if 0 < len(lacking) < len(given):
        raise InputError(
            f"{place}: key {lacking[0]} is missing; a table of months has all of {one_of(given)}"
        )
    ways = {name: (month.export, *month.aliases) for name, month in table.months.items()}
    _refuse_twice(f"{place}.months", ways)


def _entry(place: str, name: str, content: Any, parts: Parts) -> ColumnEntry:
    """Return a column's entry, checked against its table and the groups."""
    if not isinstance(content, dict):
        refuse(place, shown(content), "input should be keys and values, see the top of the file")
    if "kind" not in content:
        raise InputError(f"{place}: key kind is missing; valid: {one_of(COLUMN_KINDS)}")
    kind = content["kind"]
    if not isinstance(kind, str) or kind not in COLUMN_KINDS:
        refuse(f"{place}.kind", shown(kind), f"valid: {one_of(COLUMN_KINDS)}")
    told = validated(content, COLUMN_KINDS[kind], place=place)
    if (kind == "id") != (name == IDENTITY):
        others = one_of(one for one in COLUMN_KINDS if one != "id")
        refuse(f"{place}.kind", kind, f"valid: {'id' if name == IDENTITY else others}")
    if isinstance(told, CellsEntry):
        _check_place(place, told, parts.tables)
        if name != LABEL:
            _check_group(place, told, parts.groups)
    if isinstance(told, CategoryEntry):
        _check_values(place, told)
    if isinstance(told, NumberEntry):
        _check_range(place, told)
        if told.reason is None and (told.feature or name == PROFIT):
            raise InputError(
                f"{place}: key reason is missing; it has low, high, plain in ru and en"
            )
    return told


def _check_place(place: str, told: CellsEntry, tables: Mapping[str, Export]) -> None:
    """Refuse a column that its table cannot have."""
    if told.table not in tables:
        refuse(f"{place}.table", shown(told.table), f"valid: {one_of(tables)}")
    table, month = tables[told.table], getattr(told, "month", None)
    if not table.is_monthly:
        if month is not None:
            refuse(f"{place}.month", shown(month), f"{told.table} has no months; leave it out")
        if told.header is None:
            raise InputError(f"{place}: key header is missing; it is what stands above the column")
        return
    if not isinstance(told, NumberEntry):
        refuse(f"{place}.kind", told.kind, f"{told.table} holds amounts; valid: number, integer")
    if month is None:
        raise InputError(f"{place}: key month is missing; valid: {one_of(table.months)}")
    if month not in table.months:
        refuse(f"{place}.month", shown(month), f"valid: {one_of(table.months)}")
    if told.header is not None or told.aliases:
        key = "header" if told.header is not None else "aliases"
        raise InputError(f"{place}.{key}: leave it out; tables.{told.table}.amount has it")


def _check_group(place: str, told: CellsEntry, groups: Iterable[str]) -> None:
    if told.group is None:
        raise InputError(f"{place}: key group is missing; valid: {one_of(groups)}")
    if told.group not in groups:
        refuse(f"{place}.group", shown(told.group), f"valid: {one_of(groups)}")


def _check_range(place: str, told: NumberEntry) -> None:
    if told.low > told.high:
        refuse(f"{place}.low", f"{told.low:g}", f"it should be at most high ({told.high:g})")
    if told.form == "percent" and not 0 <= told.low <= told.high <= 1:
        refuse(f"{place}.form", "percent", "a share reaches from 0 to 1; set low and high so")


def _check_values(place: str, told: CategoryEntry) -> None:
    if not told.values and not told.open:
        raise InputError(f"{place}: key values is missing; only an open category needs no words")
    for word in told.values:
        if not _WORD.fullmatch(word) or word in TABLE_WORDS:
            raise InputError(
                f"{place}.values: the word {shown(word)} is none; valid: small Latin letters, "
                f"digits and _, 60 at most, and none of {one_of(sorted(TABLE_WORDS))}"
            )
    _refuse_twice(f"{place}.values", {word: one.ways(word) for word, one in told.values.items()})


def _refuse_twice(place: str, ways: Mapping[str, Iterable[str]]) -> None:
    """Refuse a spelling that means two things; spellings are compared as those of cells are."""
    owner: dict[str, str] = {}
    for name, spelled in ways.items():
        for way in spelled:
            other = owner.setdefault(folded_name(way), name)
            if other != name:
                raise InputError(
                    f"{place}.{name}: {shown(way)} is a way to write {other} too; each needs its "
                    "own"
                )
