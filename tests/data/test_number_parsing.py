"""Words that are read without a closer look are read as a closer look reads them."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.data import number_parsing
from retention.data.coded import Coded
from retention.data.number_parsing import read_numbers

WORDS = st.one_of(
    st.from_regex(r"-?[0-9]{1,17}([.,][0-9]{0,17})?", fullmatch=True),
    st.from_regex(r"[0-9]{1,3}([., ][0-9]{3}){1,2}( ?%| руб)?", fullmatch=True),
    st.sampled_from(["", "x", "1e5", "٣", "1.5\n", "9" * 400, "(5)", "5-", ".5", "5,"]),
)


def column(words):
    """Return a column that holds the first word twice, and none of the last."""
    return Coded(np.array([0, *range(len(words) - 1)]), words)


@pytest.mark.parametrize(
    ("decimal", "values", "commas"),
    [
        (",", [1.0, 1.5, 0.5, 1.234, 12.25], (3, "0,5")),
        ("both", [1.0, 1.5, 0.5, 1.234, 12.25], (3, "0,5")),
        (".", [1.0, 1.5, 0.5, 1234.0, 12.25], (2, "0,5")),
    ],
)
def test_the_mark_of_the_column_decides_what_three_digits_behind_a_comma_are(
    decimal, values, commas
):
    words = ["1", "1.5", "0,5", "1,234", "12,25", "7,77"]
    read = read_numbers(Coded(np.arange(5), words), place="x", decimal=decimal)
    assert read.values.tolist() == values
    assert not read.bad.any()
    assert read.mended["decimal_comma"] == commas
    assert read.mended.get("thousands") == ((1, "1,234") if decimal == "." else None)


@given(st.lists(WORDS, min_size=1, unique=True), st.sampled_from([",", ".", "both"]), st.booleans())
def test_at_once_or_word_by_word_is_the_same(words, decimal, share):
    how = {"place": "x", "share": share, "decimal": decimal}
    at_once = read_numbers(column(words), **how)
    with mock.patch.multiple(number_parsing, _DIGITS="$.^", _DIGITS_COMMA="$.^"):
        one_by_one = read_numbers(column(words), **how)
    np.testing.assert_array_equal(at_once.values, one_by_one.values)
    np.testing.assert_array_equal(at_once.bad, one_by_one.bad)
    assert at_once.mended == one_by_one.mended


def test_every_word_gets_its_closer_look_where_none_is_read_at_once():
    with mock.patch.object(number_parsing, "_one", wraps=number_parsing._one) as looked:
        read_numbers(column(["1", "2.5", "x", "3"]), place="x", decimal=".")
        assert [call.args[0] for call in looked.call_args_list] == ["x"]
        with mock.patch.multiple(number_parsing, _DIGITS="$.^", _DIGITS_COMMA="$.^"):
            read_numbers(column(["1", "2.5", "x", "3"]), place="x", decimal=".")
    assert [call.args[0] for call in looked.call_args_list[1:]] == ["1", "2.5", "x", "3"]
