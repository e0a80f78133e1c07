import pytest

from retention.errors import InputError, one_of
from retention.running import stage


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
