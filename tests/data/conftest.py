"""A clean export, prepared once; a fault is planted into a copy of it."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

import prepare
from dictionary import TABLES
from helpers import Rows, cells_of, clean_export, export_text
from project import lay_fixtures


class Outcome:
    """What prepare left behind in its folder."""

    def __init__(self, folder: Path):
        self.metrics = json.loads(
            (folder / "data/prepared/details.json").read_text(encoding="utf-8")
        )
        self.customers = pd.read_parquet(folder / "data/prepared/customers.parquet")
        self.quarantine = read_quarantine(folder)
        self.readiness = pd.read_parquet(folder / "data/prepared/readiness.parquet")
        kept, aside = self.metrics["customers_kept"], self.metrics["set_aside"]
        assert kept + sum(aside.values()) == self.metrics["customers_in"]
        assert kept == len(self.customers) == sum(self.metrics["kept"].values())
        assert self.metrics["quarantined_rows"] == len(self.quarantine)

    @property
    def report(self) -> list[tuple[str, str, str, str]]:
        """The report's rows: level, file, column and the sentence that the user reads."""
        keys = ("level", "file", "column", "text")
        return list(self.readiness[list(keys)].itertuples(index=False, name=None))

    @property
    def aside(self) -> dict[str, int]:
        """How many customers were set aside, by reason."""
        return {reason: n for reason, n in self.metrics["set_aside"].items() if n}

    @property
    def by_id(self) -> pd.DataFrame:
        return self.customers.set_index("customer_id").drop(columns="position")


def read_quarantine(folder: Path) -> list[tuple[str, ...]]:
    """The rows of quarantine.csv: file, line, customer_id, column, value and rule."""
    path = folder / "data/prepared/quarantine.csv"
    table = cells_of(path)
    assert list(table) == ["file", "line", "customer_id", "column", "value", "rule"]
    return list(table.itertuples(index=False, name=None))


class Export(dict):
    """The rows of each file."""

    def __init__(self, rows: dict[str, Rows]):
        super().__init__(rows)
        self.texts = {table: export_text(lines) for table, lines in rows.items()}

    def __repr__(self) -> str:
        return "the clean export"


class ShopFolder:
    """A folder with the fixtures and the four exports; `rows` may be edited before :meth:`run`."""

    def __init__(self, folder: Path, rows: Export):
        self.folder = folder
        self.clean = rows
        self.rows = {table: [row[:] for row in lines] for table, lines in rows.items()}
        self.sample = folder / "data/sample"
        self.sample.mkdir(parents=True)
        lay_fixtures(folder)
        self.done: set[str] = set()

    def param(self, old: str, new: str) -> None:
        path = self.folder / "params.yaml"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")

    def place(self, table: str, content: bytes, *, ending: str = ".csv") -> None:
        """Write a file as it is; :meth:`run` leaves it alone."""
        if ending == ".csv.gz":
            content = gzip.compress(content, mtime=0)
        (self.sample / f"{table}{ending}").write_bytes(content)
        self.done.add(table)

    def write(self, table: str, *, encoding: str = "utf-8", **dialect: str) -> None:
        if not dialect and self.rows[table] == self.clean[table]:
            text = self.clean.texts[table]
        else:
            text = export_text(self.rows[table], **dialect)
        self.place(table, text.encode(encoding))

    def prepare(self) -> None:
        for table in TABLES:
            if table not in self.done:
                self.write(table)
        prepare.main()

    def run(self) -> Outcome:
        self.prepare()
        return Outcome(self.folder)

    def refused(self, capsys: pytest.CaptureFixture) -> str:
        """Run prepare, which must stop with one line; return the line."""
        with pytest.raises(SystemExit) as stopped:
            self.prepare()
        assert stopped.value.code == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert not (self.folder / "data/prepared/customers.parquet").exists()
        return line

    def quarantine(self) -> list[tuple[str, ...]]:
        return read_quarantine(self.folder)

    def column(self, table: str, header: str) -> int:
        return self.rows[table][0].index(header)

    def cells(self, table: str, header: str) -> list[str]:
        place = self.column(table, header)
        return [row[place] for row in self.rows[table][1:]]

    def put(self, table: str, line: int, header: str, value: str) -> str:
        """Write one cell of a line (the header is line 1); return the customer's id."""
        row = self.rows[table][line - 1]
        row[self.column(table, header)] = value
        return row[0]

    def change(self, table: str, header: str, change) -> None:
        place = self.column(table, header)
        for row in self.rows[table][1:]:
            row[place] = change(row[place])


@pytest.fixture(scope="session")
def clean_rows() -> Export:
    return Export(clean_export(640, seed=1))


@pytest.fixture
def shop(tmp_path, monkeypatch, clean_rows) -> ShopFolder:
    monkeypatch.chdir(tmp_path)
    return ShopFolder(tmp_path, clean_rows)


@pytest.fixture(scope="session")
def clean(tmp_path_factory, clean_rows) -> Outcome:
    folder = tmp_path_factory.mktemp("clean")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return ShopFolder(folder, clean_rows).run()
