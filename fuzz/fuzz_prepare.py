"""Fuzz: whatever befalls the four files on their way, does prepare end well or in one line?

Each run takes a clean export, applies random corruptions to its files and prepares it. Prepare
must end with every customer kept or set aside, and with every row that came through unharmed
either in the table with its values or in quarantine; or in one line that starts with ``error:``
and exit status 1. Anything else is a failure, printed with the seed that repeats it.
"""

import contextlib
import gzip
import io
import json
import random
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pandas as pd
from fuzzing import FuzzError, fuzz

import prepare
from dictionary import COLUMNS, TABLES
from helpers import cells_of, clean_export, export_text, scrambled
from project import lay_fixtures
from retention.core import paths
from retention.core.vocabulary import IDENTITY
from retention.data import part_preparation

CUSTOMERS = 320
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251", "scrambled")
ODD = (
    "\u202e\u05d0\u0627\u200f\u200b\u2028\u2029\x00\x01\x07\x08\x0b\x0c\x1b\x1c\x1e\x7f\x85\xa0"
    "\ufeff\ufffd\U0001f600e\u0301\r\n\"'`=@\\{}%"
)
NUMBERS = ("1e308", "-1e308", "1e999", "9" * 400, "0." + "0" * 400 + "1", "1,234", "1.234.567",
           "nan", "inf", "-0", "0x10", "١٢٣", "1 000", "1\u202f000,5", "+", "-", ".", ",", "1e5",
           "NULL", "н/д", "=1+1", "'5", "½", "²", "1_000")  # fmt: skip


@dataclass
class File:
    """A file on its way: its lines (the header first) and how they will be written."""

    table: str
    lines: list[str]
    separator: str = ","
    end: str = "\n"
    encoding: str = "utf-8"
    ending: str = ".csv"
    on_bytes: list[Callable[[bytearray, random.Random], bytearray]] = field(default_factory=list)

    def places(self, rng: random.Random, *, header: bool = False) -> list[int]:
        """Return the places of a few random lines."""
        first = 0 if header else 1
        if len(self.lines) <= first:
            return []
        return [rng.randrange(first, len(self.lines)) for _ in range(rng.choice((1, 1, 2, 5, 30)))]

    def change_cell(self, place: int, rng: random.Random, change: Callable[[str], str]) -> None:
        """Change a random cell of the line at `place`."""
        cells = self.lines[place].split(self.separator)
        column = rng.randrange(len(cells))
        cells[column] = change(cells[column])
        self.lines[place] = self.separator.join(cells)

    def content(self, rng: random.Random) -> bytes:
        """Return the file's bytes."""
        text = self.end.join(self.lines) + self.end
        if self.encoding == "scrambled":
            raw = scrambled(text).encode("utf-8", errors="replace")
        else:
            raw = text.encode(self.encoding, errors="replace")
        if self.ending == ".csv.gz" and rng.random() < 0.5:
            raw = gzip.compress(raw, mtime=0)  # what comes now harms the packed bytes
        elif self.ending == ".parquet":
            rows = [line.split(self.separator) for line in self.lines]
            width = len(rows[0])
            table = pd.DataFrame([(row + [""] * width)[:width] for row in rows[1:]])
            table.columns = [f"{name}{place}" if name in rows[0][:place] else name
                             for place, name in enumerate(rows[0])]  # fmt: skip
            buffer = io.BytesIO()
            table.to_parquet(buffer, compression=rng.choice((None, "snappy")))
            raw = buffer.getvalue()
        for change in self.on_bytes:
            raw = bytes(change(bytearray(raw), rng))
        if self.ending == ".csv.gz" and not raw.startswith(b"\x1f\x8b"):
            raw = gzip.compress(raw, mtime=0) if rng.random() < 0.9 else raw
        return raw


# Corruptions of lines


def delete_lines(file: File, rng: random.Random) -> None:
    """Lose some lines."""
    for place in sorted(set(file.places(rng)), reverse=True):
        del file.lines[place]


def duplicate_lines(file: File, rng: random.Random) -> None:
    """Write some lines, the header too, a second time elsewhere."""
    for place in file.places(rng, header=True):
        file.lines.insert(rng.randrange(1, len(file.lines) + 1), file.lines[place])


def swap_lines(file: File, rng: random.Random) -> None:
    """Exchange some lines."""
    for place in file.places(rng, header=rng.random() < 0.1):
        other = rng.randrange(1, len(file.lines))
        file.lines[place], file.lines[other] = file.lines[other], file.lines[place]


def add_blank_lines(file: File, rng: random.Random) -> None:
    """Write lines of nothing, of white space or of separators."""
    for place in file.places(rng):
        file.lines.insert(place, rng.choice(("", " ", "\t", file.separator * 2, "\ufeff")))


def change_separators(file: File, rng: random.Random) -> None:
    """Separate some lines' cells in another way."""
    for place in file.places(rng, header=rng.random() < 0.1):
        other = rng.choice((",", ";", "\t", "|", " "))
        file.lines[place] = file.lines[place].replace(file.separator, other, rng.choice((1, -1)))


def insert_quotes(file: File, rng: random.Random) -> None:
    """Write stray quotes."""
    for place in file.places(rng, header=rng.random() < 0.1):
        line = file.lines[place]
        at = rng.randrange(len(line) + 1)
        if rng.random() < 0.5:  # at a cell's start, where a quote counts
            at = line.find(file.separator, at) + 1
        file.lines[place] = line[:at] + rng.choice(('"', '""', '"""', "'")) + line[at:]


def insert_letters(file: File, rng: random.Random) -> None:
    """Write letters that turn the text, are not seen, or end a line for some programs."""
    for place in file.places(rng, header=rng.random() < 0.1):
        line = file.lines[place]
        at = rng.randrange(len(line) + 1)
        odd = "".join(rng.choice(ODD) for _ in range(rng.choice((1, 1, 3))))
        file.lines[place] = line[:at] + odd + line[at:]


def cut_lines(file: File, rng: random.Random) -> None:
    """Cut some lines short."""
    for place in file.places(rng, header=rng.random() < 0.1):
        file.lines[place] = file.lines[place][: rng.randrange(len(file.lines[place]) + 1)]


def join_lines(file: File, rng: random.Random) -> None:
    """Lose the line ends of some lines."""
    for place in sorted(set(file.places(rng)), reverse=True):
        if place + 1 < len(file.lines):
            file.lines[place] += file.lines.pop(place + 1)


def swap_columns(file: File, rng: random.Random) -> None:
    """In the whole file, in its header only, or in some lines."""
    width = file.lines[0].count(file.separator) + 1
    one, two = rng.randrange(width), rng.randrange(width)
    every = range(len(file.lines))
    for place in rng.choice((every, every, [0], every[1:], file.places(rng))):
        cells = file.lines[place].split(file.separator)
        if max(one, two) < len(cells):
            cells[one], cells[two] = cells[two], cells[one]
            file.lines[place] = file.separator.join(cells)


def rename_header(file: File, rng: random.Random) -> None:
    """Write another name, or the name otherwise, into the header."""
    names = ("", "id", "Unnamed: 0", "Период", "Прибыль", "drop", "\u202eдоход", "x" * 5000)
    file.change_cell(0, rng, lambda name: rng.choice((*names, name.upper(), name[1:], f" {name}")))


def drop_header(file: File, rng: random.Random) -> None:
    """Lose the header, and perhaps the first row."""
    del file.lines[: rng.choice((1, 1, 2))]
    file.lines = file.lines or [""]


def add_columns(file: File, rng: random.Random) -> None:
    """Write a column before the first."""
    names = (rng.choice(("", "Unnamed: 0", "Город", "id", "Прибыль")), rng.choice(("7", "", "а б")))
    for place, line in enumerate(file.lines):
        cell = names[min(place, 1)]
        file.lines[place] = f"{cell}{file.separator}{line}"


def odd_numbers(file: File, rng: random.Random) -> None:
    """Write into some cells what may or may not be a number."""
    for place in file.places(rng):
        file.change_cell(place, rng, lambda _: rng.choice(NUMBERS))


def empty_cells(file: File, rng: random.Random) -> None:
    """Empty some cells, in one of many ways."""
    for place in file.places(rng):
        file.change_cell(place, rng, lambda _: rng.choice(("", " ", "\xa0", '""', "-")))


def misspell(file: File, rng: random.Random) -> None:
    """Write some cells otherwise."""
    for place in file.places(rng):
        file.change_cell(place, rng, lambda cell: rng.choice((cell[1:], cell + cell[-1:],
                         cell.upper(), f" {cell} ", cell[::-1])))  # fmt: skip


def change_ids(file: File, rng: random.Random) -> None:
    """To another customer's, to none's, or to another way of writing it."""
    for place in file.places(rng):
        cells = file.lines[place].split(file.separator)
        other = rng.choice(file.lines).split(file.separator)[0]
        cells[0] = rng.choice((other, f"{cells[0]}.0", f" {cells[0]}", f"0{cells[0]}", "-1",
                               f"{cells[0][:3]} {cells[0][3:]}", "3.00002E+05", "н/д"))  # fmt: skip
        file.lines[place] = file.separator.join(cells)


def write_otherwise(file: File, rng: random.Random) -> None:
    """Change encoding, line ends, separator and container."""
    file.encoding = rng.choice(ENCODINGS)
    file.end = rng.choice(("\n", "\r\n", "\r\n", "\r", "\n\n"))
    file.ending = rng.choice((".csv", ".csv", ".csv.gz", ".parquet"))
    other = rng.choice((",", ";", "\t"))
    file.lines = [line.replace(file.separator, other) for line in file.lines]
    file.separator = other


# Corruptions of bytes


def flip_bytes(raw: bytearray, rng: random.Random) -> bytearray:
    """Turn some bits round."""
    for _ in range(rng.choice((1, 3, 20))):
        if raw:
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return raw


def cut_bytes(raw: bytearray, rng: random.Random) -> bytearray:
    """Lose the file's end."""
    return raw[: rng.randrange(len(raw) + 1)]


def drop_bytes(raw: bytearray, rng: random.Random) -> bytearray:
    """Lose some bytes in the middle."""
    at = rng.randrange(len(raw) + 1)
    del raw[at : at + rng.choice((1, 2, 500))]
    return raw


def insert_zero_bytes(raw: bytearray, rng: random.Random) -> bytearray:
    """Write zero bytes somewhere."""
    at = rng.randrange(len(raw) + 1)
    raw[at:at] = bytes(rng.choice((1, 2, 4096)))
    return raw


def change_encoding_half_way(raw: bytearray, rng: random.Random) -> bytearray:
    """Write the rest of the file in another encoding."""
    at = rng.randrange(len(raw) + 1)
    tail = raw[at:].decode("utf-8", errors="replace")
    return raw[:at] + tail.encode(rng.choice(("cp1251", "utf-16-le", "koi8-r")), errors="replace")


ON_LINES = (
    delete_lines, duplicate_lines, swap_lines, add_blank_lines, change_separators, insert_quotes,
    insert_letters, cut_lines, join_lines, swap_columns, rename_header, drop_header, add_columns,
    odd_numbers, empty_cells, misspell, change_ids, write_otherwise, write_otherwise,
)  # fmt: skip
ON_BYTES = (flip_bytes, cut_bytes, drop_bytes, insert_zero_bytes, change_encoding_half_way)


# One run


@cache
def clean_files() -> dict[str, list[str]]:
    """Return the lines of the clean export."""
    tables = clean_export(CUSTOMERS, seed=1)
    return {name: export_text(rows).splitlines() for name, rows in tables.items()}


@cache
def clean_customers() -> pd.DataFrame:
    """Return the customers of the clean export as prepare reads them."""
    with tempfile.TemporaryDirectory() as folder:
        sample = furnished(Path(folder))
        for table, lines in clean_files().items():
            (sample / f"{table}.csv").write_text("\n".join(lines), encoding="utf-8")
        with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
            prepare.main()
            return pd.read_parquet(paths.PREPARED)


def furnished(folder: Path) -> Path:
    """Put the params of the tests into the folder; return its folder of exports."""
    lay_fixtures(folder)
    sample = folder / "data/sample"
    sample.mkdir(parents=True)
    return sample


def corrupt(sample: Path, seed: int) -> tuple[dict[str, list[str]], list[str]]:
    """Write four corrupted files; return each one's lines that came through, and what was done."""
    rng = random.Random(seed)
    files = {table: File(table, list(lines)) for table, lines in clean_files().items()}
    done = []
    for _ in range(rng.choice((1, 1, 2, 3, 4))):
        file = files[rng.choice(list(files))]
        change = rng.choice((*ON_LINES, *ON_BYTES))
        done.append(f"{change.__name__} {file.table}")
        if change in ON_BYTES:
            file.on_bytes.append(change)
            if rng.random() < 0.5:
                write_otherwise(file, rng)
        else:
            change(file, rng)
            file.lines = file.lines or [""]
    through = {}
    for table, file in files.items():
        raw = file.content(rng)
        (sample / f"{table}{file.ending}").write_bytes(raw)
        through[table] = unharmed(file, raw)
    return through, done


def unharmed(file: File, raw: bytes) -> list[str]:
    """Return the clean lines that still stand in the file, if its header does."""
    if file.ending == ".parquet":
        return []
    if file.ending == ".csv.gz":
        try:
            raw = gzip.decompress(raw)
        except Exception:  # whatever prepare makes of it, nothing can be expected
            return []
    encoding = "utf-8" if file.encoding == "scrambled" else file.encoding
    text = raw.decode(encoding, errors="replace").removeprefix("\ufeff")
    lines = [line.rstrip("\r") for line in text.split("\n")]
    clean = {line.replace(",", file.separator) for line in clean_files()[file.table]}
    if lines[0] != clean_files()[file.table][0].replace(",", file.separator):
        return []
    return [line.replace(file.separator, ",") for line in lines[1:] if line in clean]


def run(seed: int) -> str:
    """Corrupt and prepare once; return ``kept`` or ``refused``.

    Raises
    ------
    FuzzError
        If prepare ended in any other way, or lost or changed a row.
    """
    clean = clean_customers()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        through, done = corrupt(furnished(folder), seed)
        said, joined = io.StringIO(), []
        real = part_preparation.join

        def join(*tables: object, **options: object) -> object:
            found = real(*tables, **options)
            joined.append(found.customers.copy())
            return found

        part_preparation.join = join
        try:
            with (
                contextlib.chdir(folder),
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(said),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("always")
                prepare.main()
        except SystemExit as stopped:
            check_refusal(said.getvalue(), stopped.code, done)
            return "refused"
        except Exception as error:
            raise FuzzError(f"{type(error).__name__}: {error} after {done}") from error
        finally:
            part_preparation.join = real
        try:
            check_outcome(folder, said.getvalue(), joined[0], through, clean)
        except FuzzError as failure:
            raise FuzzError(f"{failure} after {done}") from None
    return "kept"


def check_refusal(said: str, code: object, done: list[str]) -> None:
    """Raise a FuzzError unless the user reads one line of error."""
    if code != 1 or not said.startswith("error: ") or len(said.splitlines()) != 1:
        raise FuzzError(f"exit status {code} and {said[:500]!r} after {done}")


def check_outcome(
    folder: Path,
    said: str,
    everyone: pd.DataFrame,
    through: dict[str, list[str]],
    clean: pd.DataFrame,
) -> None:
    """Raise a FuzzError if the sum does not hold or a row that came through is lost or changed."""
    if said:
        raise FuzzError(f"unasked on stderr: {said[:500]!r}")
    metrics = json.loads((folder / "data/prepared/details.json").read_text(encoding="utf-8"))
    kept = pd.read_parquet(folder / paths.PREPARED).set_index(IDENTITY)
    quarantine = cells_of(folder / paths.QUARANTINE)
    total = metrics["customers_kept"] + sum(metrics["set_aside"].values())
    if not total == metrics["customers_in"] == len(everyone):
        raise FuzzError(f"kept and set aside are {total}, not {metrics['customers_in']}")
    if len(kept) != metrics["customers_kept"] or not kept.index.is_unique:
        raise FuzzError("customers.parquet holds other customers than the metrics say")
    found, true = (by_customer(table) for table in (everyone, clean))
    broken = set(quarantine[IDENTITY])
    for table, lines in through.items():
        check_rows(table, lines, found, broken, true)


def by_customer(table: pd.DataFrame) -> dict[str, dict[str, object]]:
    """Return each customer's row, None where a value is missing."""
    plain = table.astype("object").where(table.notna(), None)
    return plain.set_index(IDENTITY).to_dict("index")


def check_rows(
    table: str,
    lines: list[str],
    everyone: dict[str, dict[str, object]],
    broken: set[str],
    clean: dict[str, dict[str, object]],
) -> None:
    """Raise a FuzzError if a row of a file that came through is not there with its values."""
    header = clean_files()[table][0].split(",")
    columns, export = COLUMNS.of(table), COLUMNS.tables[table]
    for line in lines:
        cells = dict(zip(header, line.split(","), strict=True))
        customer = cells["id"]
        if customer in broken:
            continue
        row, right = everyone.get(customer, {}), clean[customer]
        if not row.get(f"in_{table}"):
            raise FuzzError(f"{table}: row {line!r} is lost")
        for column in columns:
            name = column.name
            if export.is_monthly:
                month = export.months[column.month].export
                if cells[export.period.header] != month:
                    continue
            if row[name] != right[name]:
                raise FuzzError(
                    f"{table}: row {line!r} has {name} {row[name]!r}, not {right[name]!r}"
                )


if __name__ == "__main__":
    assert set(TABLES) == set(clean_files())
    sys.exit(fuzz(run, script=__file__, usual=500, unit="runs"))
