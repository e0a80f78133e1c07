"""The order of customers: as numbers where every id of the shop is one, else as text."""

import pandas as pd
import pytest

from parted import divide
from retention.core.files import parquet_columns, write_parquet
from retention.core.id_order import are_numbers, in_id_order, plain_numbers

IDS = ["10", "9", "-3", "100", "2"]


def shop(ids):
    return pd.DataFrame({"customer_id": ids, "row": range(len(ids))}).astype({"customer_id": "str"})


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [(True, ["-3", "2", "9", "10", "100"]), (False, ["-3", "10", "100", "2", "9"])],
)
def test_rows_are_ordered_as_numbers_or_as_text(numbers, expected):
    found = in_id_order(shop(IDS), numbers=numbers)
    assert found["customer_id"].tolist() == expected
    assert found["row"].tolist() == [IDS.index(one) for one in expected]
    assert found.index.tolist() == list(range(5))


@pytest.mark.parametrize("other", ["x", "007", "1.0", "", "99999999999999999999"])
@pytest.mark.parametrize("parts", [1, 4])
def test_one_other_id_anywhere_makes_them_text(tmp_path, other, parts):
    tables = [tmp_path / "kept.parquet", tmp_path / "left.parquet"]
    for table, ids in zip(tables, (IDS, ["77", "78", "79"]), strict=True):
        write_parquet(shop(ids), table)
    assert are_numbers(tables)
    write_parquet(shop(["77", other, "79"]), tables[1])
    for table in tables:
        divide(table, parts)
    assert not are_numbers(tables)
    assert are_numbers(tables[:1])
    assert parquet_columns(tables[0]) == ["customer_id", "row"]


def test_tables_without_rows_say_nothing_of_ids(tmp_path):
    tables = [tmp_path / "one.parquet", tmp_path / "none.parquet"]
    for table, ids in zip(tables, (["3"], []), strict=True):
        write_parquet(shop(ids), table)
    assert are_numbers(tables)
    assert list(in_id_order(shop([]), numbers=True)) == ["customer_id", "row"]


@pytest.mark.parametrize(
    ("numbers", "expected"), [(True, ["9", "10", "2", "100"]), (False, ["10", "9", "100", "2"])]
)
def test_months_stand_by_month_and_then_by_id(numbers, expected):
    rows = shop(["2", "10", "100", "9"])
    rows["month"] = ["2026-02", "2026-01", "2026-02", "2026-01"]
    found = in_id_order(rows, numbers=numbers)
    assert found["customer_id"].tolist() == expected
    assert found["month"].tolist() == ["2026-01", "2026-01", "2026-02", "2026-02"]


@pytest.mark.parametrize(
    "words",
    [
        ["0", "9", "10", "99", "100", "300370", "999999999999999999", "9223372036854775807"],
        ["-1", "7", "-300370"],
    ],
)
def test_whole_numbers_as_they_are_written(words):
    found = plain_numbers(pd.Series(words, dtype="str"))
    assert found.dtype == "int64"
    assert found.tolist() == list(map(int, words))


@pytest.mark.parametrize(
    "word",
    [
        "",
        "007",
        "00",
        "-0",
        "-07",
        "+7",
        " 7",
        "7.0",
        "0xFFFFFFFF",
        "9223372036854775808",
        "٣",
        "a",
    ],
)
def test_other_ids_are_no_whole_numbers(word):
    assert plain_numbers(pd.Series(["1000", word, "5"], dtype="str")) is None


@pytest.mark.parametrize("words", [["7", None], []])
def test_a_missing_id_is_no_whole_number(words):
    assert plain_numbers(pd.Series(words, dtype="str")) is None
