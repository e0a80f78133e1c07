import operator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dictionary import COLUMNS, RULED
from retention.core.errors import InputError, shown
from retention.core.rules import check_rule, columns_of, matches

TABLE = pd.DataFrame(
    {
        "risk": [0.1, 0.5, 0.9, np.nan],
        "profit": [-2.0, 0.0, 3.0, 1.0],
        "service": ["premium", "standard", None, "premium"],
    }
)
PLACE = "params.yaml: segment.rules.mine"
COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def mask(rule, table=TABLE):
    return matches(rule, table, place=PLACE).tolist()


def check_and_use(rule):
    check_rule(rule, columns=COLUMNS, place=PLACE)
    return matches(rule, TABLE, place=PLACE)


def test_columns_are_those_compared_and_no_words():
    rule = "risk >= 0.5 and (service == premium or not profit < -1) and risk < 0.9"
    assert columns_of(rule) == {"risk", "service", "profit"}


def told(rule):
    with pytest.raises(InputError) as mistake:
        check_and_use(rule)
    return str(mistake.value)


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ("risk < 0.5", [1, 0, 0, 0]),
        ("risk <= 0.5", [1, 1, 0, 0]),
        ("risk > 0.5", [0, 0, 1, 0]),
        ("risk >= 0.5", [0, 1, 1, 0]),
        ("risk == 0.5", [0, 1, 0, 0]),
        ("risk != 0.5", [1, 0, 1, 0]),
        ("profit >= -2", [1, 1, 1, 1]),
        ("profit > -2", [0, 1, 1, 1]),
        ("profit < -1.5", [1, 0, 0, 0]),
        ("service == premium", [1, 0, 0, 1]),
        ("service == 'premium'", [1, 0, 0, 1]),
        ("service != premium", [0, 1, 0, 0]),
        ("service == gold", [0, 0, 0, 0]),
        ("not service == premium", [0, 1, 1, 0]),
        ("not risk >= 0.5", [1, 0, 0, 1]),
        ("risk >= 0.5 and profit > 0", [0, 0, 1, 0]),
        ("risk >= 0.5 or profit > 0", [0, 1, 1, 1]),
        ("profit < 0 or risk > 0.4 and service == standard", [1, 1, 0, 0]),
        ("(profit < 0 or risk > 0.4) and service == standard", [0, 1, 0, 0]),
        ("profit > -3 and profit < 2 and risk < 1", [1, 1, 0, 0]),
        ("  risk < 0.5\n", [1, 0, 0, 0]),
    ],
)
def test_rule_holds_for_these_rows(rule, rows):
    assert mask(rule) == [bool(row) for row in rows]


def test_result_is_plain_bool_and_follows_the_rows_not_the_index():
    found = matches("risk < 0.5", TABLE.set_axis([9, 9, 1, 0]), place=PLACE)
    assert found.dtype == bool
    assert found.tolist() == [True, False, False, False]


@pytest.mark.parametrize("sign", COMPARE)
def test_missing_value_fulfils_no_comparison(sign):
    table = pd.DataFrame(
        {
            "float": [np.nan],
            "integer": pd.array([None], dtype="Int8"),
            "word": pd.array([None], dtype="str"),
        }
    )
    assert mask(f"float {sign} 1", table) == [False]
    assert mask(f"integer {sign} 1", table) == [False]
    assert mask(f"word {sign} 'a'", table) == [False]


def comparisons():
    def one(column, sign, value):
        known = TABLE[column].notna().to_numpy()
        return f"{column} {sign} {value}", COMPARE[sign](TABLE[column], value).to_numpy() & known

    return st.builds(
        one,
        st.sampled_from(["risk", "profit"]),
        st.sampled_from(list(COMPARE)),
        st.sampled_from([-2, -0.5, 0, 0.1, 0.5, 3]),
    )


def joined(inner):
    return (
        st.builds(lambda a: (f"not ({a[0]})", ~a[1]), inner)
        | st.builds(lambda a, b: (f"({a[0]}) and ({b[0]})", a[1] & b[1]), inner, inner)
        | st.builds(lambda a, b: (f"({a[0]}) or ({b[0]})", a[1] | b[1]), inner, inner)
    )


@settings(max_examples=50, deadline=None)
@given(rule=st.recursive(comparisons(), joined, max_leaves=6))
def test_any_nesting_of_comparisons_is_evaluated(rule):
    text, expected = rule
    np.testing.assert_array_equal(matches(text, TABLE, place=PLACE), expected)


@pytest.mark.parametrize(
    "rule", ["", "risk >", "risk = 1", "risk > 1 then 2", "(risk > 1", "import os", "risk => 1"]
)
def test_what_cannot_be_read_is_answered_with_an_example(rule):
    valid = "write for example: risk >= 0.7 and promo_share >= 0.5"
    assert told(rule) == f"{PLACE}: {rule!r} is no rule; {valid}"


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("riks > 1", f"unknown column riks; valid: {RULED}"),
        ("risk > 1 or Risk > 1", f"unknown column Risk; valid: {RULED}"),
        ("0.5 < risk", "a comparison begins with a column"),
        ("risk + profit > 1", "a comparison begins with a column"),
        ("risk.real > 1", "a comparison begins with a column"),
        ("risk['a'] > 1", "a comparison begins with a column"),
        ("0.2 < risk < 0.5", "compare one column with one value by < <= > >= == !="),
        ("risk is 1", "compare one column with one value by < <= > >= == !="),
        ("risk in (1, 2)", "compare one column with one value by < <= > >= == !="),
        ("risk", "risk is no comparison"),
        ("risk > 0.5 and 1", "1 is no comparison"),
        ("risk > 10 ** 9", "10 ** 9 is no number and no word"),
        ("risk == None", "None is no number and no word"),
        ("risk > 2j", "2j is no number and no word"),
        ("risk > profit.max", "profit.max is no number and no word"),
        ("risk > float('1')", "float('1') is no number and no word"),
        ("service == f'{risk}'", "f'{risk}' is no number and no word"),
    ],
)
def test_malformed_rule_is_told_with_place_rule_and_what_is_valid(rule, sentence):
    assert told(rule) == f"{PLACE}: {rule!r}: {sentence}"


@pytest.mark.parametrize("rule", ["risk >= -high", "service == -'premium'"])
def test_minus_before_a_word_is_refused(rule):
    assert told(rule).startswith(f"{PLACE}: {rule!r}: ")


def test_number_compared_with_a_word_is_refused():
    sentence = "risk holds numbers, high is none; valid: numbers from 0 to 1"
    assert told("risk > high") == f"{PLACE}: 'risk > high': {sentence}"


def test_kind_of_a_column_that_nobody_knows_is_told_by_the_data():
    table = pd.DataFrame({"size": [1.0], "colour": ["red"]})
    for rule in ("size == red", "colour > 1"):
        with pytest.raises(InputError, match=r"mine: column \w+ holds \w+, .* is none"):
            matches(rule, table, place=PLACE)


def test_word_compared_with_a_number_is_refused():
    sentence = "service holds words, 1 is none; valid: standard, premium"
    assert told("service == 1") == f"{PLACE}: 'service == 1': {sentence}"


@pytest.mark.parametrize("rule", ["not " * 100_000 + "risk > 1", "(" * 5000 + "risk > 1"])
def test_rule_nested_too_deep_is_refused(rule):
    assert told(rule).startswith(f"{PLACE}: ")


@pytest.mark.parametrize(
    "code",
    [
        "__import__('os').system('touch {}')",
        "__import__('os').system('touch {}') == 0",
        "risk > __import__('os').system('touch {}')",
        "risk > 0 or open('{}', 'w')",
        "not open('{}', 'w')",
        "(lambda: open('{}', 'w'))()",
        "[open('{}', 'w') for _ in 'a']",
        "risk > (x := open('{}', 'w'))",
        "risk.map(lambda _: open('{}', 'w')) == 1",
        "service == f\"{{open('{}', 'w')}}\"",
    ],
)
def test_code_is_refused_and_never_run(tmp_path, code):
    trace = tmp_path / "ran"
    rule = code.format(trace)
    assert told(rule).startswith(f"{PLACE}: {shown(rule, 80)}: ")
    assert not trace.exists()


@pytest.mark.parametrize("rule", ["risk.real", "risk.__class__ == 1", "().__class__", "risk[0]"])
def test_attributes_and_items_are_refused(rule):
    assert told(rule).startswith(f"{PLACE}: {rule!r}: ")
