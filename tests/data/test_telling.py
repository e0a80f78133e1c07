"""Which known ids decide what is said of a list: beside them it is refused as beside all."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.core.errors import InputError
from retention.core.hashing import part_numbers
from retention.data.id_forms import refuse_other_spellings, strange_form, telling
from retention.data.matching import match

KNOWN = {
    "numbers": [str(number) for number in range(1000, 1400)],
    "phones": [str(79_161_000_000 + 7 * number) for number in range(400)],
    "padded": [f"{number:06d}" for number in range(400)],
    "codes": [f"AB-{number}" for number in range(400)],
    "wide": [str(12_345_678_901_230_000 + 17 * number) for number in range(400)],
    "floats": [str(12_345_678_901_230_000 + 1000 * number) for number in range(400)],
}


def words(*ids):
    return pd.Series(ids, dtype="str")


def said(known, ids):
    """Return everything that is said of a list beside known ids; of examples the list's own."""
    found = match("list", ids, known)
    try:
        refuse_other_spellings({"list": ids, "the export": known})
        refused = ""
    except InputError as error:
        refused = str(error).split(", the export has")[0]
    return found.ids, found.matched, strange_form(ids, known), refused


written = st.sampled_from(
    [
        lambda word: word,
        lambda word: f"00{word}",
        lambda word: word.lower(),
        lambda word: word.replace("-", ""),
        lambda word: word.lstrip("0") or "0",
        lambda word: "8" + word[1:],
        lambda word: word[:15] + "0" * len(word[15:]),
        lambda word: word + "1",
        lambda _: "stranger",
        lambda _: "9" * 20,
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(sorted(KNOWN)),
    places=st.lists(st.tuples(st.integers(0, 399), written), min_size=1, max_size=4),
    parts=st.sampled_from([1, 3, 7]),
)
def test_a_list_is_judged_beside_few_as_beside_all(kind, places, parts):
    known = words(*KNOWN[kind])
    ids = words(*dict.fromkeys(write(KNOWN[kind][place]) for place, write in places))
    number = part_numbers(known, count=parts)
    few = pd.concat([telling(known[number == part], ids) for part in range(parts)])
    assert said(few.reset_index(drop=True), ids) == said(known, ids)
    assert len(few) < 60
    assert set(few) <= set(known)


@pytest.mark.parametrize("kind", sorted(KNOWN))
def test_an_empty_list_needs_no_more_than_the_first_and_the_ends(kind):
    known = words(*KNOWN[kind])
    few = telling(known.iloc[::-1], words())
    assert few.iloc[0] == known.iloc[-1]
    assert len(few) <= 3
    assert telling(words(), known).empty


def test_whoever_is_named_is_told():
    known = words(*KNOWN["codes"])
    named = known[np.arange(len(known)) % 3 == 0]
    assert set(named) <= set(telling(known, named))
