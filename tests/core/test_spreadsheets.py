import csv
import datetime
import io
from typing import get_args

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers import cells_of
from retention.core.files import read_parquet, settle
from retention.core.params import Campaign
from retention.core.spreadsheets import (
    DIALECTS,
    guard,
    guarded,
    join_rows,
    number_text,
    number_texts,
    unguard,
    write_both,
    write_for_people,
    write_part_of_both,
)
from retention.data.coded import Coded
from retention.data.number_parsing import read_numbers

cells = st.text(alphabet="=+-@\t\r\n';,\" aЯ1＝", max_size=12)


@given(cells)
@example("''=x")
@example("\t=1;-2")
def test_guard_comes_off_exactly(text):
    assert unguard(guard(text)) == text


@settings(deadline=None)
@given(st.lists(cells, min_size=1, max_size=4))
def test_no_cell_begins_as_a_formula_whatever_separator_the_program_expects(texts):
    table = guarded(pd.DataFrame({"a": texts, "b": texts}))
    written = table.to_csv(index=False, lineterminator="\n")
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
            assert not any(cell[:1] in set("=+-@\t\r＝") - {""} for cell in row), (separator, row)


@pytest.mark.parametrize(
    "text", ["=1+1", "+7 900", "-5", "@SUM(A1)", "\tx", "\rx", "=cmd|'/c calc'!A0", "＝1"]
)
def test_formula_is_told_by_its_first_character(text):
    assert guard(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Скидка 5 %, а также -10 %", "a=b", "a-b@c.ru", "'quoted'"])
def test_plain_text_stays_as_it_is(text):
    assert guard(text) == text


def test_semicolon_within_a_cell_opens_no_new_one():
    assert guard("x;=HYPERLINK(1)") == "x;'=HYPERLINK(1)"


FORMULA = set("=+-@\t\r＝＋－＠")
anything = st.text(
    alphabet=st.one_of(
        st.sampled_from("=+-@\t\r\n';,\" \u00a0|0aЯ＝\u200f\u202e😀"), st.characters(codec="utf-8")
    ),
    max_size=15,
)


@settings(deadline=None, max_examples=150)
@given(texts=st.lists(anything, min_size=1, max_size=5), dialect=st.sampled_from(["ru", "en"]))
@example(texts=['"=1";-2', "'=x", "a\r=1", "\n", "007", "мир\u202e,🙂"], dialect="ru")
def test_what_is_written_for_people_is_read_back_exactly(texts, dialect, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / f"{dialect}.csv"
    table = pd.DataFrame({"customer_id": texts, "text": texts[::-1]}, dtype="str")
    write_for_people(table, path, dialect=dialect)
    pd.testing.assert_frame_equal(cells_of(path), table)
    written = path.read_bytes().decode("utf-8-sig")
    for separator in ",;\t":  # whichever the program takes
        for row in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
            # A quote that the wrong separator leaves open takes in the end of its line.
            began = [cell.removeprefix("\r\n")[:1] for cell in row]
            assert FORMULA.isdisjoint(began), (separator, row)


@pytest.mark.parametrize(("dialect", "separator", "mark"), [("ru", ";", ","), ("en", ",", ".")])
def test_numbers_stay_numbers_of_the_dialect(tmp_path, dialect, separator, mark):
    ids = ["=1+1", "-300001", "300002", "'x"]
    table = pd.DataFrame({"customer_id": ids, "profit": [-1.5, 2, None, -0.0], "n": [-1, 0, 1, 2]})
    table["drop"] = pd.array([1, 0, None, 1], dtype="Int8")
    table["on"] = pd.array([datetime.date(2026, 12, 31)] * 4, dtype="date32[pyarrow]")
    path = tmp_path / "list.csv"
    write_for_people(table, path, dialect=dialect)
    lines = path.read_bytes().decode("utf-8").split("\r\n")
    assert lines[0] == "\ufeff" + separator.join(["customer_id", "profit", "n", "drop", "on"])
    assert [line.split(separator) for line in lines[1:-1]] == [
        ["'=1+1", f"-1{mark}5", "-1", "1", "2026-12-31"],
        ["'-300001", f"2{mark}0", "0", "0", "2026-12-31"],
        ["300002", "", "1", "", "2026-12-31"],
        ["'x", f"0{mark}0", "2", "1", "2026-12-31"],
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0,1"),
        (-4.21, "-4,21"),
        (1.125, "1,1250"),  # 1,125 could be a thousand
        (0.000012, "0,000012"),
        (1e-9, "0,0"),
        (1e17, "100000000000000000,0"),
        (float("nan"), ""),
        (float("-inf"), ""),
    ],
)
def test_text_of_a_number_cannot_be_taken_for_another(value, text):
    assert number_text(value, ",") == text
    assert number_text(value, ".") == text.replace(",", ".")


@given(st.floats(-1e12, 1e12), st.sampled_from(",."))
def test_text_of_a_number_is_read_by_the_product(value, mark):
    read = read_numbers(Coded(np.zeros(1, dtype=int), [number_text(value, mark)]), place="x")
    assert read.values.tolist() == [round(value, 6)]


def test_file_for_programs_holds_raw_values(tmp_path):
    table = pd.DataFrame({"customer_id": ["=1+1"], "gain": [0.12345678], "none": [None]})
    table["until"] = pd.array([datetime.date(2026, 12, 31)], dtype="date32[pyarrow]")
    write_both(table, tmp_path / "list", dialect="ru")
    read = pd.read_parquet(tmp_path / "list.parquet").to_dict("records")[0]
    assert (read["customer_id"], read["gain"]) == ("=1+1", 0.123457)
    assert read["until"] == datetime.date(2026, 12, 31)
    assert cells_of(tmp_path / "list.csv").to_dict("records") == [
        {"customer_id": "=1+1", "gain": "0,123457", "none": "", "until": "2026-12-31"}
    ]
    kinds = {field.name: str(field.type) for field in pq.read_schema(tmp_path / "list.parquet")}
    assert kinds["none"] in {"string", "large_string"}
    assert kinds["until"] == "date32[day]"


def test_numbers_among_words_are_left_alone():
    table = guarded(pd.DataFrame({"a": pd.Series([-5, "=x", 1.5], dtype=object)}))
    assert table["a"].tolist() == [-5, "'=x", 1.5]


def test_dialects_are_those_of_the_params():
    assert set(DIALECTS) == set(get_args(Campaign.model_fields["spreadsheet"].annotation))


def test_missing_words_stay_missing():
    table = guarded(pd.DataFrame({"a": pd.Series(["=x", None], dtype="str")}))
    assert table["a"].isna().tolist() == [False, True]


@pytest.mark.parametrize("count", [1, 3])
def test_rows_of_parts_make_one_file(tmp_path, count):
    tables = [pd.DataFrame({"customer_id": [f"={n}"], "gain": [n + 0.5]}) for n in range(count)]
    for number, table in reversed(list(enumerate(tables))):
        write_part_of_both(table, tmp_path / "list", number=number, count=count, dialect="ru")
    join_rows(tmp_path / "list", count=count)
    write_both(pd.concat(tables), tmp_path / "whole", dialect="ru")
    whole = (tmp_path / "whole.csv").read_bytes()
    assert (tmp_path / "list.csv").read_bytes() == whole
    assert whole.count(b"\r\n") == count + 1
    assert read_parquet(tmp_path / "list.parquet")["customer_id"].tolist() == [
        f"={n}" for n in range(count)
    ]
    left = [one.suffix for one in tmp_path.rglob("*") if one.is_file()]
    assert sorted(left) == [".csv", ".csv", *[".parquet"] * (count + 1)]


def numbers_of_every_size():
    """200,000 numbers: of all magnitudes, as they are and rounded, halves, and the odd ones."""
    rng = np.random.default_rng(0)
    digits = rng.integers(-(10**9), 10**9, 40_000).astype(float)
    spread = rng.standard_normal(40_000) * 10.0 ** rng.integers(-9, 22, 40_000)
    with np.errstate(over="ignore"):
        bits = rng.integers(0, 2**64, 20_000, dtype="uint64").view("float64")
    thousandths = rng.integers(-(10**7), 10**7, 20_000) / 1000
    near = 1e9 + rng.integers(-(10**7), 10**7, 19_990) / 1e6
    places = rng.integers(0, 8, 40_000)
    halves = rng.integers(-(10**9), 10**9, 20_000) / 1e6 + 5e-7
    odd = [-0.0, 0.0, np.nan, np.inf, -np.inf, 1e-6, -1e-6, 4.9e-7, 1e16, 0.9999999]
    return np.concatenate(
        [digits / 10.0**places, spread, bits, thousandths, near, halves, settle(spread), odd]
    )


@pytest.mark.parametrize("mark", [",", "."])
def test_a_column_has_the_texts_of_its_numbers(mark):
    values = numbers_of_every_size()
    assert len(values) == 200_000
    assert number_texts(values, mark).tolist() == [
        number_text(one, mark) for one in values.tolist()
    ]
    assert number_texts(np.array([]), mark).tolist() == []


def test_texts_of_a_column_are_those_that_are_read_back():
    values = np.array([-0.5, 1.125, 2.5e-5, 12.0, -0.0, np.nan, 999_999_999.125, 1e9, 1e20])
    assert number_texts(values, ",").tolist() == [
        *("-0,5", "1,1250", "0,000025", "12,0", "0,0", ""),
        *("999999999,1250", "1000000000,0", "100000000000000000000,0"),
    ]


@given(st.lists(st.floats(), max_size=20), st.sampled_from([",", "."]))
def test_a_column_of_any_numbers_has_their_texts(values, mark):
    expected = [number_text(value, mark) for value in values]
    assert number_texts(np.array(values, dtype="float64"), mark).tolist() == expected
