"""A shorter run of fuzz/fuzz_prepare.py, with seeds of its own; `make fuzz` is the long one."""

import importlib.util

import pytest

from project import ROOT

pytestmark = pytest.mark.slow
BATCHES, RUNS = 6, 10


@pytest.fixture(scope="module")
def fuzz():
    path = ROOT / "fuzz" / "fuzz_prepare.py"
    spec = importlib.util.spec_from_file_location("fuzz_prepare", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("batch", range(BATCHES))
def test_corrupted_files_end_well_or_in_one_line(fuzz, batch):
    first = 100_000 + batch * RUNS
    failures = []
    for seed in range(first, first + RUNS):
        try:
            assert fuzz.run(seed) in {"kept", "refused"}
        except fuzz.FuzzError as failure:
            failures.append(f"python fuzz/fuzz_prepare.py --runs 1 --seed {seed}: {failure}")
    assert failures == []


def everyone(fuzz):
    """The customers that prepare joins from the clean export."""
    table = fuzz.clean_customers().assign(**{f"in_{t}": True for t in fuzz.TABLES})
    return fuzz.by_customer(table)


def test_a_row_that_is_lost_is_noticed(fuzz):
    lines, clean = fuzz.clean_files()["money"][1:], everyone(fuzz)
    fuzz.check_rows("money", lines, clean, set(), clean)
    for lost in ({}, {"in_money": False}):
        found = everyone(fuzz)
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
def test_a_value_that_is_changed_is_noticed(fuzz, table, column, value):
    found = everyone(fuzz)
    found[list(found)[7]][column] = value
    with pytest.raises(fuzz.FuzzError, match=f"has {column}"):
        fuzz.check_rows(table, fuzz.clean_files()[table][1:], found, set(), everyone(fuzz))


@pytest.mark.parametrize(
    ("said", "code"),
    [("", 1), ("error: a\n", 0), ("warning\nerror: a\n", 1), ("error: a\nb\n", 1)],
)
def test_a_refusal_of_other_form_is_noticed(fuzz, said, code):
    with pytest.raises(fuzz.FuzzError, match="exit status"):
        fuzz.check_refusal(said, code, [])
