import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.errors import LONGEST, one_line, one_of


def test_values_are_listed_in_their_order_and_as_text():
    assert one_of(["b", 2, "a"]) == "b, 2, a"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("a.csv, line 2: 'Акция' is «no» number", "a.csv, line 2: 'Акция' is «no» number"),
        ("first\nsecond\r\n\r\nthird\n", "first second third"),
        ("a\u2028b\u00a0c\td", "a b c d"),
        ("\x1b[2J\x1b[31mred\x07", r"\x1b[2J\x1b[31mred\x07"),
        ("300\u200b370 and \u202e073", r"300\u200b370 and \u202e073"),
        ("half \ud800", r"half \ud800"),
    ],
)
def test_message_is_one_line_that_does_nothing_to_a_terminal(message, shown):
    assert one_line(message) == shown


@given(st.text(st.characters(), max_size=3000))
def test_no_message_can_do_more_than_be_read(message):
    shown = one_line(message)
    assert len(shown) <= LONGEST
    assert {unicodedata.category(one)[0] for one in shown.replace(" ", "")} <= set("LMNPS")


def test_long_message_keeps_its_place_and_what_is_valid():
    shown = one_line("a.csv: category is " + "Ы" * 20_000_000 + "; valid: children, cosmetics")
    assert len(shown) == LONGEST
    assert shown.startswith("a.csv: category is ЫЫЫ")
    assert " … " in shown
    assert shown.endswith("ЫЫЫ; valid: children, cosmetics")
