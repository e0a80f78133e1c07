"""Quoted line breaks are read by the standard (RFC 4180); a stray quote swallows no other row."""

import csv
import gzip
import io
import uuid

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retention.core.errors import InputError
from retention.data import records
from retention.data.reader import read_export

pytestmark = pytest.mark.slow
LABEL, PROFIT = "Покупательская активность", "Прибыль"
NOTES = [
    "Звонок:\nперезвонить",
    'сказал "нет",\r\nпотом да',
    "один",
    "",
    "a;b,c\td",
    "\n\n",
    '"',
    "два\nтри\nчетыре",
    "не звонить, потом, да\nещё",
    "1,2\n3,4",
    "\N{RIGHT-TO-LEFT OVERRIDE}م\n🙂",
]


def written(rows, *, separator=",", end="\n", quoting=csv.QUOTE_MINIMAL):
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=separator, lineterminator=end, quoting=quoting).writerows(rows)
    return buffer.getvalue()


def read(folder, text):
    path = folder / "money.csv"
    path.write_bytes(text.encode())
    return read_export(path, [PROFIT], identity="id")


def values(raw):
    column = raw.columns[PROFIT]
    return list(zip(raw.ids, column.at(range(len(column))), strict=True))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_notes_of_several_lines(tmp_path, separator, end, place):
    rows = [["id", PROFIT], *([str(300_001 + n), f"{n}.5"] for n in range(4 * len(NOTES)))]
    for n, row in enumerate(rows):
        row.insert(place, NOTES[(n - 1) % len(NOTES)] if n else "Комментарий")
    raw = read(tmp_path, written(rows, separator=separator, end=end))
    plain = [row[:place] + row[place + 1 :] for row in rows[1:]]
    assert values(raw) == [tuple(row) for row in plain]
    assert raw.ragged.empty
    assert [*raw.lines[:3]] == [2, 4, 6]


texts = st.text(
    st.sampled_from(list("\",;\t\n\r ab0я'=🙂\u202e\u2028")) | st.characters(codec="utf-8"),
    max_size=12,
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    notes=st.lists(texts, min_size=1, max_size=8),
    separator=st.sampled_from([",", ";", "\t"]),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
def test_what_is_written_by_the_standard_is_read_back(tmp_path, notes, separator, end, quoting):
    """Whatever stands in a column beside: no row is lost, none is altered."""
    rows = [[note.replace("\r", "\n"), str(300_001 + n), f"{n}.25"] for n, note in enumerate(notes)]
    text = written(
        [["Заметка", "id", PROFIT], *rows], separator=separator, end=end, quoting=quoting
    )
    raw = read(tmp_path, text)
    assert values(raw) == [(one, amount) for _, one, amount in rows]
    assert raw.ragged.empty


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    places=st.lists(st.integers(0, 11), min_size=1, max_size=3, unique=True),
    where=st.integers(0, 2),
    side=st.sampled_from(["front", "back"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_stray_quotes_swallow_no_other_row(tmp_path, places, where, side, end):
    """Every other row is read with its own value; those hit are read or named, never lost."""
    rows = [["слово", str(300_001 + n), f"{n}.25"] for n in range(12)]
    lines = [["Заметка", "id", PROFIT], *rows]
    hit = {rows[place][1] for place in places}
    for place in places:
        cell = rows[place][where]
        lines[place + 1] = [*rows[place]]
        lines[place + 1][where] = f'"{cell}' if side == "front" else f'{cell}"'
    raw = read(tmp_path, end.join(",".join(row) for row in lines) + end)
    found = dict(values(raw))
    right = {one: amount for _, one, amount in rows}
    assert {one: found.get(one) for one in right if one not in hit} == {
        one: amount for one, amount in right.items() if one not in hit
    }
    assert len(raw.ids) + len(raw.ragged) == 12
    assert set(raw.ragged["line"]) <= {place + 2 for place in places}
    assert all(one in hit or one in right for one in found)


def test_two_stray_quotes_that_would_close_a_cell_of_two_rows(tmp_path):
    """Rectangular by the standard, and yet two customers."""
    raw = read(tmp_path, f'id,Заметка,{PROFIT}\n1,а,1.5\n2,"б,2.5\n3,в",3.5\n4,г,4.5\n')
    assert values(raw) == [("1", "1.5"), ("3", "3.5"), ("4", "4.5")]
    assert raw.ragged.to_dict("records") == [
        {"line": 3, "first": "2", "found": "a stray quote",
         "rule": "must close each quote before a separator or the line's end"}
    ]  # fmt: skip


def test_list_of_one_column_swallowed_by_a_stray_quote(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text('id\n300001\n"300002\n300003"\n300004\n')
    raw = read_export(path, [], identity="id")
    assert raw.ids.tolist() == ["300001", "300004"]
    assert raw.ragged[["line", "first"]].to_numpy().tolist() == [[3, "300002"], [4, "300003"]]


def test_line_break_in_a_needed_cell_is_no_row(tmp_path):
    raw = read(tmp_path, f'id,{PROFIT}\n1,"2\n3"\n4,5\n')
    assert values(raw) == [("4", "5")]
    assert raw.ragged["line"].tolist() == [2, 3]


def test_header_of_two_lines(tmp_path):
    raw = read(tmp_path, f'"id\nклиента","При\nбыль",id,{PROFIT}\nx,y,7,1.5\n')
    assert values(raw) == [("7", "1.5")]
    assert raw.lines.tolist() == [4]
    raw = read(tmp_path, 'id,"Средний просмотр\nкатегорий",Прибыль\n7,x,1.5\n')
    assert values(raw) == [("7", "1.5")]


def test_stray_quote_in_the_header_swallows_no_row(tmp_path):
    rows = [f"{300_001 + n};дом" for n in range(20)]
    path = tmp_path / "list.csv"
    path.write_text("\n".join(['customer_id;"comment', *rows, '300021;телевизор 42"', ""]))
    raw = read_export(path, [], identity="customer_id")
    assert raw.ids.tolist() == [str(300_001 + n) for n in range(21)]


def codes(count):
    return [f"{uuid.UUID(int=(n * 7919) ** 9 % 2**128)}" for n in range(1, count + 1)]


@pytest.mark.parametrize(
    "ids",
    [
        codes(60),
        [str(n) for n in range(1, 61)],
        [str(999_970 + n) for n in range(60)],
        [f"vip-{n}" if n == 31 else str(300_001 + n) for n in range(60)],
    ],
    ids=["uuid", "short", "growing", "mixed"],
)
@pytest.mark.parametrize("far", [1, 2, 20])
def test_two_stray_quotes_swallow_no_row_whatever_the_ids(tmp_path, ids, far):
    lines = [f"{one};не звонить" for one in ids]
    lines[30] = f'{ids[30]};"просил не писать'
    lines[30 + far] = f'{ids[30 + far]};отказ"'
    path = tmp_path / "list.csv"
    path.write_text("\n".join(["customer_id;why", *lines, ""]))
    raw = read_export(path, [], identity="customer_id")
    named = {*raw.ids, *raw.ragged["first"]}
    assert named == set(ids)
    assert raw.ragged["line"].tolist() == [32]


def test_file_of_stray_quotes_alone_is_refused(tmp_path):
    with pytest.raises(InputError, match="no row can be read; line 2 has a stray quote"):
        read(tmp_path, f'id,{PROFIT}\n1,"2\n')


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
@pytest.mark.parametrize("content", [b"id;" + b"x" * 3_000_000, b"id\n1\n" + b"\0" * 3_000_000])
def test_line_without_end_is_told_in_one_short_line(tmp_path, ending, content):
    path = tmp_path / f"money{ending}"
    path.write_bytes(content if ending == ".csv" else gzip.compress(content))
    with pytest.raises(InputError) as refused:
        read_export(path, [PROFIT], identity="id")
    line = content.count(b"\n") + 1
    assert str(refused.value) == (
        f"{path} line {line} has more than 1,048,576 bytes, so many are no row; "
        "a line ends with LF or CRLF"
    )


def test_long_cells_of_many_lines_are_no_line_without_end(tmp_path):
    note = ("x" * 900_000 + "\n") * 3
    raw = read(tmp_path, written([["id", "Заметка", PROFIT], ["1", note, "2.5"]]))
    assert values(raw) == [("1", "2.5")]


def test_file_of_nothing_but_broken_rows_ends_early(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MOST_RAGGED", 20)
    with pytest.raises(InputError) as refused:
        read(tmp_path, f'id,{PROFIT}\n"' + "a\n" * 1000)
    assert "has more than 20 rows that cannot be read; the first, line 2, has a stray quote" in str(
        refused.value
    )


def test_exports_with_comments_lose_nobody(shop, clean):
    for table, rows in shop.rows.items():
        for n, row in enumerate(rows):
            row.insert(1, NOTES[n % len(NOTES)] if n else "Комментарий")
        shop.place(table, written(rows).encode())
    outcome = shop.run()
    assert outcome.aside == {}
    assert outcome.quarantine == []
    pd.testing.assert_frame_equal(outcome.by_id, clean.by_id)
    assert outcome.metrics["customers_in"] == 620


def test_a_broken_row_among_comments_harms_no_other(shop, clean):
    rows = shop.rows["market_file"]
    for n, row in enumerate(rows):
        row.insert(1, NOTES[n % len(NOTES)] if n else "Комментарий")
    broken = rows[40][0]
    rows[40].append("лишняя")
    shop.place("market_file", written(rows).encode())
    outcome = shop.run()
    assert [row[2:] for row in outcome.quarantine] == [
        (broken, "", "15 cells", "must have 14 cells")
    ]
    pd.testing.assert_frame_equal(outcome.by_id, clean.by_id.drop(index=broken))
