"""Odd line ends are found wherever the pieces of a file begin."""

import itertools
import re
from pathlib import Path

import pytest

from retention.data.encodings import _survey, line_ends

ODD = re.compile(rb"\n\r?\n|\r(?!\n)")
TEXTS = [
    bytes(signs) for length in range(1, 8) for signs in itertools.product(b"a\n\r", repeat=length)
]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_a_text_in_pieces_is_told_as_it_is_as_a_whole(size):
    told = []
    for text in TEXTS:
        pieces = (text[start : start + size] for start in range(0, len(text), size))
        found = _survey(Path("a.csv"), pieces)
        lines = text.count(b"\n") + (not text.endswith(b"\n")) if text.strip() else 0
        assert (found.lines, found.odd_ends) == (lines, ODD.search(text) is not None), text
        told.append(found.odd_ends)
    assert 100 < sum(told) < len(TEXTS) - 100


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", (0, False)),
        (b"a\r\nb\r\n", (2, False)),
        (b"a\nb\r", (1, False)),  # the next piece may begin with LF
        (b"\na", (1, False)),
        (b"a\n\nb", (2, True)),
        (b"a\n\r\nb", (2, True)),
        (b"a\nb\n", (2, False)),
        (b"a\rb\r\n", (1, True)),
        (b"\na\r", (1, False)),
    ],
)
def test_line_ends(text, found):
    assert line_ends(text) == found


def test_quotes_are_counted_over_pieces():
    assert _survey(Path("a.csv"), iter([b'a"\n', b"b\n", b'"""\n'])).quotes == 4
