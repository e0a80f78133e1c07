"""Workbooks for people, read back by another program: all is there, and nothing runs."""

import datetime
import errno
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from retention.core import workbooks
from retention.core.atomic import clear_leftovers
from retention.core.errors import InputError
from retention.core.workbooks import SheetColumn, workbook_words, write_workbook

COLUMNS = (
    SheetColumn("customer_id", "text", 18),
    SheetColumn("text", "text", 20),
    SheetColumn("valid_until", "date", 12),
    SheetColumn("expected_gain", "money", 12),
    SheetColumn("risk", "share", 9),
    SheetColumn("drop", "count", 9),
)
IDS = ["007", "1E5", "12345678901234567890", "=1+1", "Ж-1", "301467", "300 370"]
LINK, TEXT = "https://example.org", "Скидка 5 %"
RISKY = ["=cmd|' /c calc'!A0", "+7 900", "-1", "@SUM(A1)", "\t=1", LINK, TEXT]
DAY = datetime.date(2026, 12, 31)


def table(**changes):
    usual = {
        "customer_id": pd.Series(IDS, dtype="str"),
        "text": RISKY,
        "valid_until": pd.Series(DAY, range(len(IDS)), dtype="date32[pyarrow]"),
        "expected_gain": [0.5, np.nan, 1234.5, -0.000001, 0, 3, np.inf],
        "risk": 0.25,
        "drop": pd.array([1, 0, None, 1, 0, 1, 0], dtype="Int8"),
    }
    return pd.DataFrame(usual | changes)


def write(path, *tables, language="ru", first_line=""):
    how = {"sheet": "message", "language": language, "first_line": first_line}
    write_workbook(lambda: tables or [table()], path, COLUMNS, **how)
    return openpyxl.load_workbook(path)


def rows_of(book, above=1):
    return [[cell.value for cell in row] for row in book.active.iter_rows(min_row=above + 1)]


def test_what_was_written_is_read_back(tmp_path):
    book = write(tmp_path / "a.xlsx")
    assert book.sheetnames == ["сообщение"]
    heads = workbook_words("ru")["headings"]
    assert [cell.value for cell in book.active[1]] == [heads[column.name] for column in COLUMNS]
    rows = rows_of(book)
    assert [row[0] for row in rows] == IDS
    assert [row[1] for row in rows] == RISKY
    assert {row[2] for row in rows} == {datetime.datetime(2026, 12, 31)}
    assert [row[3] for row in rows] == [0.5, None, 1234.5, -0.000001, 0, 3, None]
    assert [row[5] for row in rows] == [1, 0, None, 1, 0, 1, 0]
    for row in book.active.iter_rows(min_row=2):
        assert {cell.data_type for cell in row[:2]} <= {"s", "inlineStr"}
        assert row[2].is_date
        assert row[2].number_format == "dd.mm.yyyy"
        assert row[0].number_format == "@"
        assert row[4].number_format == "0.0%"
        assert [cell.hyperlink for cell in row] == [None] * len(row)


def test_no_cell_is_a_formula_and_no_file_of_the_workbook_has_one(tmp_path):
    book = write(tmp_path / "a.xlsx")
    assert [c for row in book.active.iter_rows() for c in row if c.data_type == "f"] == []
    with zipfile.ZipFile(tmp_path / "a.xlsx") as packed:
        content = b"".join(packed.read(name) for name in packed.namelist())
    assert b"<f>" not in content
    assert b"hyperlink" not in content
    assert TEXT.encode() in content


def test_header_stays_in_sight_and_filters(tmp_path):
    page = write(tmp_path / "a.xlsx").active
    assert page.freeze_panes == "A2"
    assert page.auto_filter.ref == f"A1:F{len(IDS) + 1}"
    assert [page.column_dimensions[letter].width for letter in "ABC"] == pytest.approx(
        [18.71, 20.71, 12.71], abs=0.1
    )
    page = write(tmp_path / "b.xlsx", language="en", first_line="SEND NOTHING").active
    assert page["A1"].value == "SEND NOTHING"
    assert page["A2"].value == "customer"
    assert page.freeze_panes == "A3"
    assert page.auto_filter.ref == f"A2:F{len(IDS) + 2}"
    assert page["C3"].number_format == "yyyy-mm-dd"


def test_a_row_is_as_high_as_its_longest_text(tmp_path):
    page = write(tmp_path / "a.xlsx", table(text=["слово " * 30, *RISKY[1:]])).active
    heights = [page.row_dimensions[number].height for number in (2, 3)]
    assert heights == [15 * 11, None]


@pytest.mark.parametrize("rows", [0, 1, len(IDS)])
def test_every_row_is_written_once_the_last_one_too(tmp_path, rows):
    """Excel mends a sheet that has a row twice, and says that the file is broken."""
    high = table(text="слово " * 30).iloc[:rows]
    write(tmp_path / "a.xlsx", high)
    with zipfile.ZipFile(tmp_path / "a.xlsx") as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml").decode()
    assert re.findall(r'<row r="(\d+)"', sheet) == [str(row + 1) for row in range(rows + 1)]


def test_of_very_many_high_rows_the_heights_are_left_to_who_opens_the_file(tmp_path, monkeypatch):
    pieces = [table(text="слово " * 30)] * 2
    for most, height in ((len(IDS) * 2, 15 * 11), (len(IDS) * 2 - 1, None)):
        monkeypatch.setattr(workbooks, "_MOST_HIGH", most)
        page = write(tmp_path / "a.xlsx", *pieces).active
        assert {page.row_dimensions[row].height for row in range(2, len(IDS) * 2 + 1)} == {height}


def test_texts_that_no_workbook_holds_are_refused_before_it_is_begun(tmp_path, monkeypatch):
    cells = len(IDS) * len(COLUMNS) * 60 + len("".join(IDS).encode())
    size = cells + len("ж".encode()) * len(IDS)
    for most in (size, size - 1):
        monkeypatch.setattr(workbooks, "_SHEET_BYTES", most)
        if most == size:
            write(tmp_path / "a.xlsx", table(text="ж"))
            continue
        with pytest.raises(InputError, match=r"b\.xlsx: its texts together are more than"):
            write(tmp_path / "b.xlsx", table(text="ж"))
    assert [one.name for one in tmp_path.iterdir()] == ["a.xlsx"]


def test_dates_that_are_all_missing_are_empty_cells(tmp_path):
    assert {row[2] for row in rows_of(write(tmp_path / "a.xlsx", table(valid_until=np.nan)))} == {
        None
    }


def test_pieces_follow_each_other_and_give_the_same_bytes(tmp_path):
    whole = tmp_path / "whole.xlsx"
    write(whole)
    pieces = [table().iloc[:3], table().iloc[3:3], table().iloc[3:]]
    write(tmp_path / "pieces.xlsx", *pieces)
    assert (tmp_path / "pieces.xlsx").read_bytes() == whole.read_bytes()


def in_another_process(code, path, **more):
    """Run `code` with this module's names and the path `path`; return what it printed."""
    folders = [str(Path(__file__).parent), *filter(None, sys.path)]
    start = "import resource, sys, time; sys.path[:0] = sys.argv[2:]; from test_workbooks import *"
    run = [sys.executable, "-c", f"{start}; path = Path(sys.argv[1]); {code}", str(path), *folders]
    told = subprocess.run(run, check=True, env=os.environ | more, capture_output=True, text=True)
    return told.stdout


def test_the_same_bytes_at_another_time_in_another_zone(tmp_path):
    """No clock and no zone of this machine gets into the file."""
    paths = [tmp_path / f"{name}.xlsx" for name in "ab"]
    for path, zone in zip(paths, ("Asia/Vladivostok", "America/New_York"), strict=True):
        in_another_process("time.sleep(1.1); write(path)", path, TZ=zone)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_text_too_long_for_a_cell_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(InputError, match=r"a\.xlsx row 3: text does not fit into a cell"):
        write(tmp_path / "a.xlsx", table(text=[RISKY[0], "я" * 32_768, *RISKY[2:]]))
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_put_aside_goes_with_it(tmp_path):
    """Rows name customers: they lie beside the file, not in a folder of all, and have no name."""
    common = tmp_path / "common"
    common.mkdir()
    code = (
        "calls = [];"
        "last = lambda: os.kill(os.getpid(), 9) if len(calls) > 1 else table();"
        "pieces = lambda: calls.append(1) or (last() if piece else table() for piece in range(2));"
        "write_workbook(pieces, path, COLUMNS, sheet='message', language='ru')"
    )
    with pytest.raises(subprocess.CalledProcessError, match="SIGKILL"):
        in_another_process(code, tmp_path / "house" / "a.xlsx", TMPDIR=str(common))
    assert list(common.iterdir()) == []
    (scratch,) = (tmp_path / "house").iterdir()
    assert scratch.stat().st_size == 0
    clear_leftovers(tmp_path / "house")
    assert list((tmp_path / "house").iterdir()) == []
    common.rmdir()
    code = "before = dict(os.environ); write(path); print(dict(os.environ) == before)"
    found = in_another_process(code, tmp_path / "house" / "a.xlsx", TMPDIR=str(common))
    assert found == "True\n"


def test_a_fault_of_reading_is_told_as_it_is_and_nothing_is_left(tmp_path):
    calls = []

    def pieces():
        calls.append(1)
        yield table()
        if len(calls) > 1:
            raise InputError("the table has changed")

    with pytest.raises(InputError, match="the table has changed"):
        write_workbook(pieces, tmp_path / "a.xlsx", COLUMNS, sheet="message", language="ru")
    assert len(calls) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("most", [2_000, 200_000])
def test_a_full_disk_is_told_with_the_file(tmp_path, most):
    """Full while rows are put aside, or while the file is made of them."""
    code = (
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}));"
        "path.write_text('before');"
        "rows = pd.concat([table(text='Скидка')] * 1000)\n"
        "try: write(path, rows)\n"
        "except OSError as fault: print(fault.errno, fault.filename, path.read_text())"
    )
    path = tmp_path / "a.xlsx"
    assert in_another_process(code, path).split() == [str(errno.EFBIG), str(path), "before"]
    assert [one.name for one in tmp_path.iterdir()] == ["a.xlsx"]


def test_every_language_has_the_same_words():
    def keys(words):
        return {name: keys(one) if isinstance(one, dict) else None for name, one in words.items()}

    assert keys(workbook_words("ru")) == keys(workbook_words("en"))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system tells no memory")
def test_a_hundred_thousand_rows_take_little_time_and_memory(tmp_path):
    path = tmp_path / "a.xlsx"
    code = (
        "one = pd.concat([table(text='Скидка на всё ' * 8)] * 1000);"
        "pieces = lambda: (one.copy() for _ in range(15));"
        "write_workbook(pieces, path, COLUMNS, sheet='message', language='ru');"
        # What the system tells as ru_maxrss is that of the process that began this one, too.
        "most = Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0];"
        "print(most, resource.getrusage(resource.RUSAGE_SELF).ru_utime)"
    )
    memory, seconds = map(float, in_another_process(code, path).split())
    assert memory / 1024 < 300
    assert seconds < 60
    page = openpyxl.load_workbook(path, read_only=True).active
    assert page.max_row == 105_001
