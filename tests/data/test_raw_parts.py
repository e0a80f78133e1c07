"""Divided exports are, put together again, what reading them whole gives."""

import csv
import gzip
import io
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dictionary import COLUMNS, TABLES
from helpers import clean_export, export_text
from retention.core.errors import InputError
from retention.core.hashing import part_numbers
from retention.core.scratch import scratch_folder
from retention.data.ids import clean_ids, plain_numbers
from retention.data.month_folders import month_folders
from retention.data.number_parsing import MarkSigns, read_numbers
from retention.data.raw_parts import divide_exports
from retention.data.reader import find_export, read_table

CALM = {"max_examples": 60, "deadline": None, "suppress_health_check": list(HealthCheck)}
PROFIT = "Прибыль"


@pytest.fixture(scope="session")
def rows():
    return clean_export(64, seed=3)


@pytest.fixture
def folder(tmp_path, rows):
    place = tmp_path / "exports"
    place.mkdir()
    for table in TABLES:
        (place / f"{table}.csv").write_text(export_text(rows[table]), encoding="utf-8")
    return place


def told(raw):
    """Every row of a table with its cells, by its line, and every row that cannot be read."""
    cells = {name: one.at(np.arange(len(one))) for name, one in raw.columns.items()}
    frame = pd.DataFrame({"id": list(raw.ids), **cells}, index=raw.lines)
    return frame.to_dict("index"), raw.ragged.set_index("line").to_dict("index")


def together(division, table):
    """The same of all parts, each row in the part of its id alone and in the order of the file."""
    rows, ragged = {}, {}
    for number in range(division.count):
        raw = division.raw(table, number)
        assert list(raw.lines) == sorted(raw.lines)
        assert raw.findings == []
        here, broken = told(raw)
        for ids in (raw.ids, raw.ragged["first"].astype("str")):
            own = part_numbers(clean_ids(ids)[0], count=division.count)
            assert set(own.tolist()) <= {number}
        assert not here.keys() & rows.keys()
        rows |= here
        ragged |= broken
    return rows, ragged


def divided(folder, scratch, *, part_rows, block=64, jobs=2):
    return divide_exports(
        folder, columns=COLUMNS, part_rows=part_rows, scratch=scratch, jobs=jobs, block=block
    )


def outcome(read):
    """What was read, or the line that refuses it."""
    try:
        return read()
    except InputError as refused:
        return str(refused)


def assert_as_whole(folder, scratch, table, **how):
    """Reading whole and dividing give the same rows and facts, or the same refusal."""
    whole = outcome(lambda: read_table(folder, table, columns=COLUMNS))
    division = outcome(lambda: divided(folder, scratch, **how))
    if isinstance(whole, str):
        assert division == whole
        return None
    assert together(division, table) == told(whole)
    facts = division.files[table]
    assert (facts.file, facts.header, facts.extra) == (whole.file, whole.header, whole.extra)
    assert (facts.rows, facts.spellings) == (whole.rows, whole.spellings)
    assert facts.findings == whole.findings
    numbers = plain_numbers(clean_ids(whole.ids)[0])
    assert facts.has_only_numbers is (numbers is not None)
    for name, words in facts.words.items():
        assert words == whole.columns[name].words
    return division


@pytest.mark.parametrize(("part_rows", "parts"), [(1000, 1), (22, 3), (9, 7)])
@pytest.mark.parametrize("table", TABLES)
def test_parts_together_are_the_whole(tmp_path, folder, table, part_rows, parts):
    division = assert_as_whole(folder, tmp_path / "raw", table, part_rows=part_rows)
    assert division.count == parts
    sizes = [len(division.raw("market_file", part).ids) for part in range(parts)]
    assert sum(sizes) == 60
    assert min(sizes) > 0
    assert (tmp_path / "raw").exists() is (parts > 1)
    again = pickle.loads(pickle.dumps(division))
    assert told(again.raw(table, parts - 1)) == told(division.raw(table, parts - 1))


cells = st.text(st.sampled_from(list("\",;\n\r a0я.'=\ufeff")), max_size=5)
ids = st.integers(1, 12).map(str) | st.sampled_from(["7.0", " 8", '="9"', "", "1 0", "№3", '4"'])
amounts = st.decimals(0, 999, places=1).map(str) | st.sampled_from(["", "1,5", "—", "2 ₽"])


@settings(**CALM)
@given(
    body=st.lists(st.tuples(ids, cells, amounts), max_size=14),
    odd=st.lists(st.tuples(st.integers(0, 13), st.sampled_from(["", ";;", '"', "x", '7;"']))),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1251", "koi8-r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    packed=st.booleans(),
    part_rows=st.sampled_from([1000, 20, 9]),
    block=st.sampled_from([1, 30, 200, 2**20]),
)
def test_any_file_is_divided_as_it_is_read(
    tmp_path_factory, rows, body, odd, end, encoding, quoting, packed, part_rows, block
):
    folder = tmp_path_factory.mktemp("any")
    for table in TABLES:
        (folder / f"{table}.csv").write_text(export_text(rows[table]), encoding="utf-8")
    buffer = io.StringIO(newline="")
    to = csv.writer(buffer, delimiter=";", lineterminator="\n", quoting=quoting)
    to.writerows([["id", "Заметка", PROFIT], *body])
    lines = buffer.getvalue().split("\n")
    for place, line in odd:
        lines.insert(1 + place % len(lines), line)
    content = end.join(lines).encode(encoding, errors="replace")
    (folder / "money.csv").unlink()
    path = folder / ("money.csv.gz" if packed else "money.csv")
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    with scratch_folder(folder / "raw") as scratch:
        assert_as_whole(folder, scratch, "money", part_rows=part_rows, block=block)


def test_block_ends_within_quotes_join_no_rows(tmp_path, folder):
    """An open quote at the end of a block is seen, wherever the blocks end."""
    text = f'id,Заметка,{PROFIT}\n1,я,1.5\n2,a"b,"3\n4,c"d,5"\n6,я,7.5\n'
    (folder / "money.csv").write_text(text, encoding="utf-8")
    for block in range(1, len(text.encode()) + 1):
        with scratch_folder(tmp_path / "raw") as scratch:
            assert_as_whole(folder, scratch, "money", part_rows=20, block=block)


def test_rows_of_several_lines_count_once(tmp_path, folder, rows):
    """Lines alone would make six parts of these customers."""
    note = ["one\ntwo\nthree"]
    head, *body = rows["market_file"]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([[*head, "note"], *([*row, *note] for row in body)])
    (folder / "market_file.csv").write_text(buffer.getvalue(), encoding="utf-8", newline="")
    division = assert_as_whole(folder, tmp_path / "raw", "market_file", part_rows=31)
    assert division.count == 2
    division = assert_as_whole(folder, tmp_path / "raw", "market_file", part_rows=62)
    assert division.count == 1
    assert not (tmp_path / "raw" / "raw").exists()


@pytest.mark.parametrize("part_rows", [1000, 9])
def test_one_cell_decides_for_every_part(tmp_path, folder, part_rows):
    """Whether 1,234 is a number of thousands shows in another row alone."""
    body = "\n".join(f"{300_001 + n};1,234" for n in range(60))
    path = folder / "money.csv"
    path.write_text(f"id;{PROFIT}\n{body}\n300099;0,5\n", encoding="utf-8")
    division = divided(folder, tmp_path / "raw", part_rows=part_rows)
    assert division.files["money"].decimal == {PROFIT: ","}
    assert division.files["market_money"].decimal == {"Выручка": "."}
    for part in range(division.count):
        column = division.raw("money", part).columns[PROFIT]
        found = read_numbers(column, place="x", decimal=division.files["money"].decimal[PROFIT])
        assert set(found.values) <= {1.234, 0.5}
    path.write_text(f"id;{PROFIT}\n{body}\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        divided(folder, tmp_path / "other", part_rows=part_rows)
    assert str(refused.value) == (
        "money.csv, Прибыль: '1,234' may be a decimal comma or separated thousands and no other "
        "cell tells which; export the column with a decimal point"
    )


words = st.lists(
    st.sampled_from(["1", "-2", "", "1.5", ".5", "1,5", "1,234", "+1.234", "1.234.567", "1,234.5",
                     "1.234,5", "2 500,75 ₽", "(1,234)", "—", "руб.", "3,4 %", "x.y", "0.123"])
)  # fmt: skip


@settings(**CALM)
@given(words=words, cut=st.integers(0, 20), share=st.booleans())
def test_signs_of_blocks_are_those_of_the_whole(words, cut, share):
    """And what is told at sight is what looking at each word tells."""
    whole = MarkSigns.of_raw(pa.array(list(dict.fromkeys(words)), pa.string()), share=share)
    first, second = (
        MarkSigns.of_raw(pa.array(list(dict.fromkeys(part)), pa.string()), share=share)
        for part in (words[:cut], words[cut:])
    )
    assert first.then(second) == whole
    one_by_one = MarkSigns()
    for word in words:
        one_by_one = one_by_one.then(MarkSigns.of_raw(pa.array([word]), share=share))
    assert one_by_one == whole


def test_scratch_goes_after_an_error(tmp_path, folder):
    scratch = tmp_path / "prepared" / ".raw"
    scratch.mkdir(parents=True)
    (scratch / "left").touch()

    def divide():
        with scratch_folder(scratch) as place:
            assert list(place.iterdir()) == []
            division = divided(folder, place, part_rows=20)
            assert list(place.iterdir()) == [place / "raw"]
            division.raw("no such table", 0)

    with pytest.raises(KeyError):
        divide()
    assert list(scratch.parent.iterdir()) == []


# Parquet


def as_frame(rows):
    return pd.DataFrame(rows[1:], columns=rows[0])


def lay_parquet(folder, table, frames):
    """Replace an export by files of a folder, each under its path."""
    (folder / f"{table}.csv").unlink(missing_ok=True)
    for name, frame in frames.items():
        path = folder / table / name
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(path, index=False)


@pytest.mark.parametrize("part_rows", [1000, 9])
@pytest.mark.parametrize("end", ["", ".parquet"])
def test_flat_folder_is_read_as_one_file(tmp_path, folder, rows, part_rows, end):
    whole = told(read_table(folder, "market_file", columns=COLUMNS))
    frame = as_frame(rows["market_file"])
    lay_parquet(
        folder,
        "market_file",
        {"_SUCCESS/x.parquet": frame[:1], "b.parquet": frame[20:], "a.parquet": frame[:20]},
    )
    (folder / "market_file").rename(folder / f"market_file{end}")
    assert find_export(folder, "market_file") == folder / f"market_file{end}"
    assert month_folders(folder, tables=TABLES) is None
    division = assert_as_whole(folder, tmp_path / "raw", "market_file", part_rows=part_rows)
    assert together(division, "market_file") == whole
    assert division.files["market_file"].file == f"market_file{end}"


def test_names_of_folders_are_columns(tmp_path, folder, rows):
    """As Hive lays files out: the period stands in the path alone."""
    frame = as_frame(rows["market_time"])
    period = frame.columns[1]
    parts = {
        f"{period}={word}/one.parquet": part.drop(columns=period)
        for word, part in frame.groupby(period)
    }
    whole, _ = told(read_table(folder, "market_time", columns=COLUMNS))
    lay_parquet(folder, "market_time", parts)
    division = assert_as_whole(folder, tmp_path / "raw", "market_time", part_rows=9)
    found, _ = together(division, "market_time")
    assert sorted(map(str, found.values())) == sorted(map(str, whole.values()))
    assert len(found) == 120
    assert division.files["market_time"].words == {period: sorted(set(frame[period]))}


@pytest.mark.parametrize("part_rows", [1000, 9])
def test_floats_of_a_column_are_whole_in_all_files_or_in_none(tmp_path, folder, part_rows):
    numbers = np.arange(1.0, 31.0) + 10**11
    first = pd.DataFrame({"id": numbers, PROFIT: np.repeat(1e10, 30)})
    last = pd.DataFrame({"id": numbers + 30, PROFIT: np.repeat(2.5, 30)})
    lay_parquet(folder, "money", {"1.parquet": first, "2.parquet": last})
    division = assert_as_whole(folder, tmp_path / "raw", "money", part_rows=part_rows)
    found, _ = together(division, "money")
    assert found[2] == {"id": "100000000001", PROFIT: "1e+10"}
    assert found[61] == {"id": "100000000060", PROFIT: "2.5"}
    last["id"] = 2.0**60
    lay_parquet(folder, "money", {"2.parquet": last})
    with pytest.raises(InputError, match="keeps ids as numbers of type double, which drops digits"):
        divided(folder, tmp_path / "raw", part_rows=part_rows)


def test_files_with_other_columns_are_refused(tmp_path, folder, rows):
    frame = as_frame(rows["money"])
    place = folder / "money"
    others = {
        "absent in b.parquet": frame.drop(columns=PROFIT),
        "float in b.parquet": frame.assign(**{PROFIT: 1.5}),
    }
    for what, other in others.items():
        lay_parquet(folder, "money", {"a.parquet": frame, "b.parquet": other})
        with pytest.raises(InputError) as refused:
            divided(folder, tmp_path, part_rows=9)
        assert str(refused.value) == (
            f"{place}: its files differ in the column {PROFIT}: string in a.parquet, {what}; "
            "export them alike"
        )
    missing = frame.assign(**{PROFIT: None})
    assert pa.types.is_null(pa.Table.from_pandas(missing).schema.field(PROFIT).type)
    lay_parquet(folder, "money", {"b.parquet": missing})
    assert divided(folder, tmp_path, part_rows=9).files["money"].rows == 2 * len(frame)
    (place / "more.csv").touch()
    with pytest.raises(InputError, match=r"has more\.csv beside its parts; valid: files named"):
        divided(folder, tmp_path, part_rows=9)


def test_two_forms_of_one_table_are_refused(folder, rows):
    (folder / "money").mkdir()
    assert find_export(folder, "money") == folder / "money.csv"
    as_frame(rows["money"]).to_parquet(folder / "money" / "a.parquet")
    with pytest.raises(InputError, match=r"has money\.csv, money/; keep one of them"):
        find_export(folder, "money")


def test_small_row_groups_of_one_file(tmp_path, folder, rows):
    whole = told(read_table(folder, "market_money", columns=COLUMNS))
    table = pa.Table.from_pandas(as_frame(rows["market_money"]), preserve_index=False)
    (folder / "market_money.csv").unlink()
    pq.write_table(table, folder / "market_money.parquet", row_group_size=7)
    division = assert_as_whole(folder, tmp_path / "raw", "market_money", part_rows=9)
    assert together(division, "market_money") == whole
