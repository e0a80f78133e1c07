"""Divide the exports into parts of the same customers, before anything in them is interpreted.

Each export is read block by block, and its rows are put aside as text by the part of their id.
What only a whole file can tell is decided on the way, so that it does not depend on the part in
which a row is: see :class:`FileFacts`. A shop of one part is not put aside, its tables are kept as
they are read.
"""

import shutil
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.findings import Finding
from retention.core.hashing import part_numbers
from retention.core.vocabulary import MARKET_FILE
from retention.data.coded import Coded
from retention.data.encodings import BLOCK
from retention.data.ids import clean_ids, plain_numbers
from retention.data.number_parsing import MarkSigns
from retention.data.put_aside import fetch, put_aside
from retention.data.reader import OpenExport, RawTable, Rows, open_table, read_whole
from retention.data.records import RAGGED

_ROWS, _RAGGED = "rows", "ragged"


@dataclass(frozen=True)
class FileFacts:
    """What holds of one export as a whole, decided once, in whichever part its rows are.

    Attributes
    ----------
    file, header, spellings, extra
        As :class:`RawTable` has them.
    rows : int
        Rows in the file, the ragged ones included.
    findings : list of Finding
        Of reading: the encoding, the separator, headers.
    has_only_numbers : bool
        Whether every id is a whole number: what joins is then the numbers.
    decimal : dict of str
        For each column of numbers its decimal mark: ``,``, ``.`` or ``both``.
    words : dict of list of str
        For the period and each category its distinct words, as they stand, the first found first.
    """

    file: str
    header: list[str]
    spellings: dict[str, str]
    extra: tuple[str, ...]
    rows: int
    findings: list[Finding]
    has_only_numbers: bool
    decimal: dict[str, str]
    words: dict[str, list[str]]


@dataclass(frozen=True)
class Division:
    """Exports that are divided into parts; where there are several it is small.

    Attributes
    ----------
    count : int
        Parts.
    files : dict of FileFacts
        By the name of the table.
    aside : Path
        Where the rows of several parts are.
    held : dict of RawTable
        The rows, where there is one part.
    """

    count: int
    files: dict[str, FileFacts]
    aside: Path
    held: Mapping[str, RawTable] = field(default_factory=dict)

    def raw(self, table: str, number: int) -> RawTable:
        """Return the rows of one part, in their order, each with its line in the file.

        What was found while reading stands in `files` alone, not in each part.
        """
        if table in self.held:
            return self.held[table]
        facts = self.files[table]
        ids, lines, *columns = fetch(self.aside / table / _ROWS, number).columns
        ragged = fetch(self.aside / table / _RAGGED, number).to_pandas()
        names = list(facts.spellings)[1:]
        return RawTable(
            file=facts.file,
            header=facts.header,
            ids=ids.to_pandas(),
            columns={name: Coded.of(one) for name, one in zip(names, columns, strict=True)},
            lines=lines.to_numpy(),
            spellings=facts.spellings,
            ragged=ragged if len(ragged) else pd.DataFrame(columns=RAGGED),
            findings=[],
            extra=facts.extra,
        )


def divide_exports(
    folder: Path,
    *,
    columns: Columns,
    part_rows: int,
    scratch: Path,
    jobs: int,
    may_lack: Collection[str] = (),
    block: int = BLOCK,
) -> Division:
    """Read the exports that the data dictionary names and divide their rows by customer.

    Parameters
    ----------
    folder : Path
    columns : Columns
        The data dictionary.
    part_rows : int
        There is a part for each so many rows of the table of customers.
    scratch : Path
        Where rows are put aside; it has to stay as long as the division is used.
    jobs : int
        Files that are divided at once.
    may_lack : collection of str
        Canonical names of columns that their export may lack, beside optional ones.
    block : int
        Bytes that are read of a file at once.

    Raises
    ------
    InputError
        As :func:`reader.read_table`, and if a number may be read in two ways.
    """
    opened = open_exports(folder, columns=columns, jobs=jobs, may_lack=may_lack)
    how = {"columns": columns, "scratch": scratch, "jobs": jobs, "block": block}
    right = parts_of(opened[MARKET_FILE].most_rows, part_rows)
    while True:
        division = divide_opened(opened, right, **how)
        # Rows of several lines and blank ones are known only now: there may be fewer parts.
        right = parts_of(division.files[MARKET_FILE].rows, part_rows)
        if division.count in (1, right):
            return division


def open_exports(
    folder: Path, *, columns: Columns, jobs: int, may_lack: Collection[str] = ()
) -> dict[str, OpenExport]:
    """Open the exports of a folder; parameters as :func:`divide_exports` has them."""
    return _side_by_side(
        lambda table, _: open_table(folder, table, columns=columns, may_lack=may_lack),
        list(columns.tables),
        jobs,
    )


def divide_opened(
    opened: Mapping[str, OpenExport],
    count: int,
    *,
    columns: Columns,
    scratch: Path,
    jobs: int,
    block: int = BLOCK,
) -> Division:
    """Divide the rows of open exports into `count` parts; else as :func:`divide_exports`."""
    tables, aside = list(opened), scratch / "raw"
    kinds = {table: _Kinds.of(table, columns, opened[table]) for table in tables}
    shutil.rmtree(aside, ignore_errors=True)
    if count > 1:
        found = _side_by_side(
            lambda table, stop: _divided(
                opened[table], kinds[table], aside / table, count=count, block=block, stop=stop
            ),
            tables,
            jobs,
        )
        files = {table: found[table].facts(opened[table]) for table in tables}
        return Division(count, files, aside)
    held = _side_by_side(lambda table, _: read_whole(opened[table]), tables, len(tables))
    found = {table: _of_whole(held[table], kinds[table]) for table in tables}
    files = {table: found[table].facts(opened[table]) for table in tables}
    return Division(
        1, files, aside, {name: replace(raw, findings=[]) for name, raw in held.items()}
    )


def parts_of(rows: int, part_rows: int) -> int:
    """Return in how many parts so many rows lie."""
    return max(1, -(-rows // part_rows))


def _side_by_side(
    do: Callable[[str, threading.Event], Any], tables: list[str], jobs: int
) -> dict[str, Any]:
    """Return what `do` makes of each table; the first error, in their order, ends the others."""
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:  # reading leaves Python's lock free most of the time
        try:
            return dict(zip(tables, pool.map(lambda table: do(table, stop), tables), strict=True))
        finally:
            stop.set()


@dataclass(frozen=True)
class _Kinds:
    """Which columns of an export hold what, by their headers in the data dictionary.

    Attributes
    ----------
    numbers : dict of bool
        Those of numbers, and whether they are shares.
    words : list of str
        The period and the categories.
    """

    numbers: dict[str, bool]
    words: list[str]

    @classmethod
    def of(cls, table: str, columns: Columns, opened: OpenExport) -> "_Kinds":
        export, every = columns.tables[table], columns.of(table)
        if export.period and export.amount:
            return cls({export.amount.header: every[0].high == 1}, [export.period.header])
        held = [one for one in every if one.header in opened.places]
        return cls(
            {one.header: one.high == 1 for one in held if not one.is_category},
            [one.header for one in held if one.is_category],
        )


class _Found:
    """What is learnt of a file from its rows, block by block."""

    def __init__(self, kinds: _Kinds):
        self.rows = 0
        self._ids = 0
        self._all_numbers = True
        self._kinds = kinds
        self._signs = dict.fromkeys(kinds.numbers, MarkSigns())
        self._words: dict[str, dict[str, None]] = {name: {} for name in kinds.words}

    def see_words(self, name: str, words: Any) -> None:
        """Learn from the distinct words of a column."""
        if name in self._words:
            self._words[name].update(dict.fromkeys(words.to_pylist()))
        else:
            signs = MarkSigns.of_raw(words, share=self._kinds.numbers[name])
            self._signs[name] = self._signs[name].then(signs)

    def clean(self, ids: pd.Series) -> tuple[pd.Series, np.ndarray | None]:
        """Return ids in their canonical form, and as whole numbers where all are; learn it too."""
        self._ids += len(ids)
        numbers = plain_numbers(ids)
        if len(ids) and numbers is None:
            ids = clean_ids(ids)[0]
            numbers = plain_numbers(ids)
            self._all_numbers &= numbers is not None
        return ids, numbers

    def facts(self, opened: OpenExport) -> FileFacts:
        """Return all that holds of the file.

        Raises
        ------
        InputError
            If a comma (or a point) may be decimal or thousands and no other cell tells which.
        """
        return FileFacts(
            opened.path.name,
            opened.header,
            opened.spellings,
            opened.extra,
            self.rows,
            opened.findings,
            self._all_numbers and self._ids > 0,
            {
                name: signs.mark(f"{opened.path.name}, {opened.spellings.get(name, name)}")
                for name, signs in self._signs.items()
            },
            {name: list(words) for name, words in self._words.items()},
        )


def _of_whole(raw: RawTable, kinds: _Kinds) -> _Found:
    """Return what the rows of a file tell that was read whole."""
    import pyarrow as pa

    found = _Found(kinds)
    found.rows = raw.rows
    found.clean(raw.ids)
    for name, column in raw.columns.items():
        found.see_words(name, pa.array(column.words, pa.string()))
    return found


def _divided(
    opened: OpenExport,
    kinds: _Kinds,
    folder: Path,
    *,
    count: int,
    block: int,
    stop: threading.Event,
) -> _Found:
    """Put the rows of a file aside by part; return what they tell."""

    def take(blocks: Iterator[Rows]) -> _Found:
        shutil.rmtree(folder, ignore_errors=True)
        for name in (_ROWS, _RAGGED):
            (folder / name).mkdir(parents=True)
        found = _Found(kinds)
        for number, rows in enumerate(blocks):
            if stop.is_set():
                break
            _put_block_aside(rows, found, folder, name=f"{number:06d}.arrow", count=count)
        return found

    return opened.through(take, coded=kinds.words, size=block)


def _distinct_words(column: Any) -> Any:
    """Return the distinct words of a column, the first found first; of coded text also others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return pc.unique(column)
    return column.unify_dictionaries().chunk(0).dictionary if column.num_chunks else pa.array([])


def _put_block_aside(rows: Rows, found: _Found, folder: Path, *, name: str, count: int) -> None:
    import pyarrow as pa

    # Words of rows that are left out tell of the file too.
    for header, column in rows.columns.items():
        found.see_words(header, _distinct_words(column))
    table = pa.table(
        {
            "id": rows.ids,
            "line": rows.lines,
            **{f"column {n}": column for n, column in enumerate(rows.columns.values())},
        }
    )
    table = table if rows.kept.all() else table.filter(pa.array(rows.kept))
    ids, numbers = found.clean(table["id"].to_pandas())
    parts = part_numbers(ids, count=count, numbers=numbers)
    put_aside(table.unify_dictionaries(), parts, count=count, path=folder / _ROWS / name)
    found.rows += len(table) + len(rows.ragged)
    ids = clean_ids(rows.ragged["first"].astype("str"))[0]
    kinds = [pa.int64(), *[pa.string()] * (len(RAGGED) - 1)]
    ragged = pa.Table.from_pandas(
        rows.ragged, pa.schema(list(zip(RAGGED, kinds, strict=True))), preserve_index=False
    )
    put_aside(ragged, part_numbers(ids, count=count), count=count, path=folder / _RAGGED / name)
