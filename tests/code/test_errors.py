import datetime

import pytest

from retention.errors import InputError, clipped, one_of, shown, stage


def test_values_are_listed_in_their_order_and_as_text():
    assert one_of(["b", 2, "a"]) == "b, 2, a"


def test_mistake_of_the_user_ends_in_one_line_and_exit_1(capsys):
    @stage
    def main():
        raise InputError("params.yaml: train.folds is 1; valid: 2 to 20")

    with pytest.raises(SystemExit) as end:
        main()
    shown = capsys.readouterr()
    assert end.value.code == 1
    assert shown.err == "error: params.yaml: train.folds is 1; valid: 2 to 20\n"
    assert shown.out == ""


def test_mistake_of_the_program_is_not_hidden():
    @stage
    def main():
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        main()


def test_stage_without_mistake_runs_once_and_keeps_its_name():
    runs = []

    @stage
    def evaluate():
        """Say how good it is."""
        runs.append("ran")

    evaluate()
    assert runs == ["ran"]
    assert (evaluate.__name__, evaluate.__doc__) == ("evaluate", "Say how good it is.")


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
