"""A rule whose word or number no customer can have is refused with what is valid."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dictionary import COLUMNS as DICTIONARY
from retention.core.errors import InputError
from retention.core.rule_values import open_words
from retention.core.rules import check_rule, fits_nobody, matches

PLACE = "params.yaml: segment.rules.mine"
DATA = {"favourite_category": {"children", "cosmetics", "Бытовая химия"}}
CATEGORIES = "children, home_textiles, cosmetics, beauty_appliances, small_appliances, kitchenware"


def check(rule, words=DATA):
    check_rule(rule, columns=DICTIONARY, place=PLACE, words=words)


def told(rule, words=DATA):
    with pytest.raises(InputError) as mistake:
        check(rule, words)
    line = str(mistake.value)
    assert line.startswith(f"{PLACE}: ")
    assert line.isprintable()
    assert len(line) < 600
    return line


def after(rule, words=DATA):
    """What is said after the place and the rule."""
    return told(rule, words).removeprefix(f"{PLACE}: {rule!r}: ")


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("service == стандарт", "standard, premium; did you mean standard?"),
        ("service == Премиум", "standard, premium; did you mean premium?"),
        ("service == 'премиум '", "standard, premium; did you mean premium?"),
        ("service != стандартт", "standard, premium; did you mean standard?"),
        ("service == Standard", "standard, premium; did you mean standard?"),
        ("service == st\N{CYRILLIC SMALL LETTER A}ndard", "did you mean standard?"),
        ("consent == да", "yes, no; did you mean yes?"),
        ("consent == нет", "yes, no; did you mean no?"),
        ("consent == true", "valid: yes, no"),
        ("favourite_category == cosmetic", "did you mean cosmetics?"),
        ("favourite_category == 'Косметика и аксесуары'", "did you mean cosmetics?"),
        ("favourite_category == 'Косметика и аксессуары'", "did you mean cosmetics?"),
        ("favourite_category == 'cosmetics and accessories'", "did you mean cosmetics?"),
        ("favourite_category == 'home textiles'", "did you mean home_textiles?"),
        ("favourite_category == 'Кухонная  посуда'", "did you mean kitchenware?"),
        ("favourite_category == 'Бытовая хими'", "did you mean Бытовая химия?"),
        ("favourite_category == garden", f"valid: {CATEGORIES}, Бытовая химия"),
    ],
)
def test_word_that_the_column_can_never_hold_is_refused(rule, sentence):
    column, _, word = rule.split(" ", 2)
    line = after(rule)
    assert line.startswith(f"{column} can never be {word.strip(chr(39))}; valid: ")
    assert line.endswith(sentence)


@pytest.mark.parametrize(
    "rule",
    [
        "service == standard or service == 'premium'",
        "consent != no",
        "favourite_category == kitchenware",
        "favourite_category == 'Бытовая химия'",
    ],
)
def test_word_that_the_column_or_the_data_holds_is_taken(rule):
    check(rule)


def test_without_data_a_new_word_may_be_one_of_it_but_no_other_spelling():
    check("favourite_category == garden", None)
    assert after("favourite_category == 'Товары для детей'", None).endswith("mean children?")
    assert after("service == gold", None).endswith("valid: standard, premium")


def test_words_of_the_data_are_those_of_the_open_columns():
    shop = pd.DataFrame({"service": ["x"] * 3, "favourite_category": ["a", None, "a"]})
    assert open_words(shop, columns=DICTIONARY) == {"favourite_category": {"a"}}


def test_many_words_of_the_data_are_not_all_listed():
    line = told("favourite_category == x", {"favourite_category": map(str, range(100))})
    assert line.endswith("and 94 more")


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("risk >= 60", "risk can never be 60; valid: numbers from 0 to 1; did you mean 0.6?"),
        ("risk < 60", "risk can never be 60; valid: numbers from 0 to 1; did you mean 0.6?"),
        ("promo_share >= 50", "promo_share can never be 50; valid: numbers from 0 to 1; did you"),
        ("profit_rank <= 1.5", "profit_rank can never be 1.5; valid: numbers from 0 to 1; did"),
        ("risk >= -0.1", "risk can never be -0.1; valid: numbers from 0 to 1"),
        ("not risk >= 60", "risk can never be 60; valid"),
        ("risk > 1", "risk > 1 can never hold; valid: numbers from 0 to 1"),
        ("risk < 0", "risk < 0 can never hold; valid: numbers from 0 to 1"),
        ("unpaid_items < 0", "unpaid_items < 0 can never hold; valid: whole numbers from 0 to"),
        ("unpaid_items == 2.5", "unpaid_items can never be 2.5; valid: whole numbers from 0"),
        ("contacts_now != 0.5", "contacts_now can never be 0.5; valid: whole numbers from 0"),
        ("tenure_days >= 40000", "tenure_days can never be 40000; valid: whole numbers from 0"),
        ("revenue_m0 >= -1", "revenue_m0 can never be -1; valid: numbers from 0"),
        ("minutes_m1 > 44641", "minutes_m1 can never be 44641; valid: numbers from 0 to 44640"),
        ("profit > 1e400", "profit can never be so large a number; valid: numbers"),
        (f"profit > {'9' * 400}", "profit can never be so large a number; valid: numbers"),
        ("service > standard", "words such as those of service are compared by == or !="),
        ("risk >= '0.6'", "risk holds numbers, 0.6 is none; valid: numbers from 0 to 1"),
        ("risk == nan", "risk holds numbers, nan is none; valid: numbers from 0 to 1"),
        ("(risk >= 0,6)", "write numbers with a point, as in 0.7"),
    ],
)
def test_number_that_the_column_can_never_hold_is_refused(rule, sentence):
    assert sentence in told(rule)


@pytest.mark.parametrize(
    "rule",
    [
        "risk >= 0",
        "promo_share <= 1",
        "risk == 1",
        "risk <= 0",
        "unpaid_items > 2.5",
        "profit < -3.5",
        "profit >= 0",
        "contacts_6m >= 5.5",
        "tenure_days >= 36525",
        "revenue_m0 < 1e9",
        "tenure_days >= 1_000",
        "tenure_days > 1e3",
    ],
)
def test_number_within_the_range_is_taken_also_where_it_means_everyone(rule):
    check(rule)


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ("risk >= 0.8 and risk < 0.2", "risk >= 0.8 and risk < 0.2"),
        ("service == standard and service == premium", "service == standard and service == prem"),
        ("risk >= 0.6 and (risk < 0.6 and profit > 1)", "risk >= 0.6 and (risk < 0.6 and profit"),
        ("unpaid_items > 2 and unpaid_items < 3", "unpaid_items > 2 and unpaid_items < 3"),
        ("not risk >= 0", "not risk >= 0"),
        ("not (risk < 0.5 or risk >= 0.5)", "not (risk < 0.5 or risk >= 0.5)"),
        ("profit > 3 or (risk < 0.2 and risk > 0.3)", "risk < 0.2 and risk > 0.3"),
        (
            "(risk < 0.1 or risk > 0.9) and (risk > 0.2 and risk < 0.8)",
            "(risk < 0.1 or risk > 0.9) and (risk > 0.2 and risk < 0.8)",
        ),
        (
            "favourite_category == children and favourite_category == 'Бытовая химия'",
            "favourite_category == children and",
        ),
    ],
)
def test_rule_that_contradicts_itself_is_refused_with_its_part(rule, part):
    line = after(rule)
    assert line.startswith(part)
    assert line.endswith("contradicts itself and can never hold")


@pytest.mark.parametrize(
    "rule",
    [
        "risk >= 0.6 and risk <= 0.6",
        "unpaid_items > 2 and unpaid_items < 4",
        "not service == standard and not service == premium",  # those of unknown service
        "not profit >= 0 and not profit < 0",  # those of unknown profit
        "service != standard or service != premium",
        "profit > 2 and profit < 2.0001",
        "not (risk >= 0.6 and risk >= 0)",
    ],
)
def test_rule_that_can_hold_is_taken(rule):
    check(rule)


COLUMNS = {
    "risk": st.sampled_from([0.2, 0.5, 0.8]),
    "unpaid_items": st.sampled_from([1, 2, 3]),
    "service": st.sampled_from(["standard", "premium"]),
}


def comparisons():
    def one(name):
        signs = ["==", "!="] if name == "service" else ["<", "<=", ">", ">=", "==", "!="]
        return st.builds(
            lambda sign, value: f"{name} {sign} {value}", st.sampled_from(signs), COLUMNS[name]
        )

    return st.sampled_from(list(COLUMNS)).flatmap(one)


def joined(inner):
    return (
        inner.map(lambda rule: f"not ({rule})")
        | st.builds(lambda one, other: f"({one}) and ({other})", inner, inner)
        | st.builds(lambda one, other: f"not (({one}) or ({other}))", inner, inner)
    )


EVERY_KIND = pd.DataFrame(
    [
        (risk, items, service)
        for risk in (0, 0.1, 0.2, 0.3, 0.5, 0.6, 0.8, 0.9, 1)
        for items in (0, 1, 2, 3, 4, np.nan)
        for service in ("standard", "premium", None)
    ],
    columns=list(COLUMNS),
)


@settings(max_examples=200, deadline=None)
@given(rule=st.recursive(comparisons(), joined, max_leaves=6))
def test_exactly_the_rules_that_hold_for_no_customer_there_can_be_are_refused(rule):
    if matches(rule, EVERY_KIND, place=PLACE).any():
        check(rule)
    else:
        assert told(rule).endswith("contradicts itself and can never hold")


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("customer_id == 300001", "unknown column customer_id; valid: "),
        ("drop == 1", "unknown column drop; valid: "),
        ("position > 5", "unknown column position; valid: "),
        ("x" * 1000 + " > 1", "unknown column xxx"),
        ("risk > 0.1 and " * 200 + "risk > 0.2", "has 3,010 characters; valid: at most 2,000"),
        ("not " * 25 + "risk > 0.2", "is nested more than 20 deep"),
        ("risk > " + "-" * 900 + "1", "is nested more than 20 deep"),
        ("risk > " + "(" * 300 + "1" + ")" * 300, "is no rule"),
        (f"risk > {'9' * 1900}", "so large a number"),
        ("risk > 0100", "is no rule"),
        ("risk >= 0.6 #and promo_share > 0.5", "# would cut the rule off"),
        ("(risk >= 0.6 # or\nand risk < 0.9)", "# would cut the rule off"),
        ("favourite_category == Товары для детей", "a word with spaces goes in quotes"),
        ("risk > 0.5\x00", "is no rule"),
        ("\x1b[31mrisk > \u202e0.5", "is no rule"),
        ("service == '\x1b[31m\u202e'", "service can never be \\x1b[31m\\u202e"),
        ("risk == '\ud800'", "is no"),
    ],
)
def test_strange_rule_ends_in_one_line(rule, sentence):
    assert sentence in told(rule)


def test_rule_of_very_many_ways_is_read_in_time():
    pairs = [f"(unpaid_items != {n} or pages_per_visit > {n})" for n in range(35)]
    rule = " and ".join(pairs)
    assert len(rule) < 2000
    check(rule)


def test_rules_that_fit_nobody_are_named_in_their_order():
    shop = pd.DataFrame({"risk": [0.2, 0.6], "unpaid_items": [1.0, np.nan]})
    rules = {"a": "risk >= 0.9", "b": "risk >= 0.6", "c": "unpaid_items != 1"}
    assert fits_nobody(rules, shop) == ["a", "c"]
