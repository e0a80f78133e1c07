"""A shorter run of fuzz/fuzz_prepare.py, with seeds of its own; `make fuzz` is the long one."""

import sys

import fuzz_prepare as fuzz
import fuzzing
import pytest

pytestmark = pytest.mark.slow
BATCHES, RUNS = 6, 10


@pytest.mark.parametrize("batch", range(BATCHES))
def test_corrupted_files_end_well_or_in_one_line(batch):
    first = 100_000 + batch * RUNS
    failures = []
    for seed in range(first, first + RUNS):
        try:
            assert fuzz.run(seed) in {"kept", "refused"}
        except fuzz.FuzzError as failure:
            failures.append(f"python fuzz/fuzz_prepare.py --runs 1 --seed {seed}: {failure}")
    assert failures == []


def everyone():
    """The customers that prepare joins from the clean export."""
    table = fuzz.clean_customers().assign(**{f"in_{t}": True for t in fuzz.TABLES})
    return fuzz.by_customer(table)


def test_a_row_that_is_lost_is_noticed():
    lines, clean = fuzz.clean_files()["money"][1:], everyone()
    fuzz.check_rows("money", lines, clean, set(), clean)
    for lost in ({}, {"in_money": False}):
        found = everyone()
        customer = list(found)[5]
        found[customer] = lost and found[customer] | lost
        with pytest.raises(fuzz.FuzzError, match="is lost"):
            fuzz.check_rows("money", lines, found, set(), clean)
        fuzz.check_rows("money", lines, found, {customer}, clean)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("market_file", "consent", "maybe"),
        ("market_file", "drop", None),
        ("market_money", "revenue_m1", 1.0),
        ("market_time", "minutes_m0", None),
        ("money", "profit", 1e9),
    ],
)
def test_a_value_that_is_changed_is_noticed(table, column, value):
    found = everyone()
    found[list(found)[7]][column] = value
    with pytest.raises(fuzz.FuzzError, match=f"has {column}"):
        fuzz.check_rows(table, fuzz.clean_files()[table][1:], found, set(), everyone())


@pytest.mark.parametrize(
    ("said", "code"),
    [("", 1), ("error: a\n", 0), ("warning\nerror: a\n", 1), ("error: a\nb\n", 1)],
)
def test_a_refusal_of_other_form_is_noticed(said, code):
    with pytest.raises(fuzz.FuzzError, match="exit status"):
        fuzz.check_refusal(said, code, [])


def of_many(run, capsys, monkeypatch):
    """The exit status and the lines of a fuzzer whose seeds are 3 to 6."""
    monkeypatch.setattr(fuzzing.faulthandler, "enable", lambda: None)  # pytest has its own
    monkeypatch.setattr(sys, "argv", ["fuzz", "--runs", "4", "--seed", "3"])
    status = fuzzing.fuzz(run, script="fuzz/fuzz_it.py", usual=9, unit="shops")
    return status, capsys.readouterr().out.splitlines()


def test_ends_are_counted_and_numbers_make_no_difference(capsys, monkeypatch):
    def run(seed):
        return f"error: line {seed}" if seed < 6 else "kept"

    status, lines = of_many(run, capsys, monkeypatch)
    assert status == 0
    assert lines == ["4 shops: 0 failed; 3 x error: line N; 1 x kept"]


def test_a_failure_is_told_with_the_seed_that_repeats_it(capsys, monkeypatch):
    def run(seed):
        if seed == 5:
            raise fuzzing.FuzzError("lost")
        return "kept"

    status, lines = of_many(run, capsys, monkeypatch)
    assert status == 1
    assert lines == [
        "seed 5: lost",
        "  repeat it with: python fuzz/fuzz_it.py --runs 1 --seed 5",
        "4 shops: 1 failed; 3 x kept",
    ]
