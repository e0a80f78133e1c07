import csv
import io

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retention.files import write_csv
from retention.spreadsheets import guard, guarded, unguard, unguarded

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


def test_numbers_stay_numbers_and_files_hold_what_went_in(tmp_path):
    ids = ["=1+1", "-300001", "300002", "'x"]
    table = pd.DataFrame({"customer_id": ids, "profit": [-1.5, 2, None, 0], "n": [-1, 0, 1, 2]})
    path = tmp_path / "list.csv"
    write_csv(guarded(table), path, bom=True)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    read = pd.read_csv(path, dtype={"customer_id": str})
    assert read["profit"].tolist()[:2] == [-1.5, 2]
    assert read["n"].tolist() == [-1, 0, 1, 2]
    assert read["customer_id"].tolist() == ["'=1+1", "'-300001", "300002", "'x"]
    assert unguarded(read["customer_id"]).tolist() == ids


def test_missing_words_stay_missing():
    table = guarded(pd.DataFrame({"a": pd.Series(["=x", None], dtype="str")}))
    assert table["a"].isna().tolist() == [False, True]
