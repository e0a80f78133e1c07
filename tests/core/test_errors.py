import datetime
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.core.errors import LONGEST_MESSAGE, clipped, one_line, one_of, shown


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
    assert len(shown) <= LONGEST_MESSAGE
    assert {unicodedata.category(one)[0] for one in shown.replace(" ", "")} <= set("LMNPS")


def test_long_message_keeps_its_place_and_what_is_valid():
    shown = one_line("a.csv: category is " + "Ы" * 20_000_000 + "; valid: children, cosmetics")
    assert len(shown) == LONGEST_MESSAGE
    assert shown.startswith("a.csv: category is ЫЫЫ")
    assert " … " in shown
    assert shown.endswith("ЫЫЫ; valid: children, cosmetics")


@pytest.mark.parametrize(
    ("value", "quoted", "plain"),
    [
        ("стандарт", "'стандарт'", "стандарт"),
        ("a\n\x1b[31m\u202eb", "'a\\n\\x1b[31m\\u202eb'", "a\\n\\x1b[31m\\u202eb"),
        ("x" * 60, f"'{'x' * 60}'", "x" * 60),
        ("x" * 61, f"'{'x' * 60}…'", f"{'x' * 60}…"),
        (2.5, "2.5", "2.5"),
        (datetime.date(2026, 12, 1), "2026-12-01", "2026-12-01"),
        ([0.6, True, "a"], "[0.6, True, 'a']", "[0.6, True, 'a']"),
    ],
)
def test_value_of_the_user_is_shown_clipped_and_printable(value, quoted, plain):
    assert (shown(value), clipped(value)) == (quoted, plain)


@pytest.mark.parametrize(
    "value",
    ["\x1b" * 10**6, 10**4000, 10**9000, list(range(10**6)), {"a": "x" * 10**6}, [[[[[]]]]]],
    ids=range(6),
)
def test_endless_value_is_shown_in_one_short_line(value):
    text = shown(value, 50)
    assert 3 <= len(text) <= 53
    assert text.isprintable()
