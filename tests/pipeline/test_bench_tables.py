"""What `make bench` writes of its measurements: sums, powers, and what is only reckoned."""

import sys

import pandas as pd
import pytest

from project import ROOT

sys.path.append(str(ROOT / "benchmarks"))
import stage_tables as tables
from processes import watch

ABOUT = {
    "revisions": {"now": "abc1234", "before": "def5678"},
    "date": "2026-01-02",
    "cores": 2,
    "system": "Linux",
    "model": "logistic",
}


def measured(**changes):
    """Each stage's cost is 1 second and another one for each 100,000 customers."""
    rows = [
        {"version": version, "customers": size, "engine": "loop", "stage": stage}
        | {"seconds": own * (1 + size / 1e5), "processor": own * size / 1e5, "peak": 100 * own}
        | {"written": size * 100, "failed": ""}
        for version in ("now", "before")
        for size in (100_000, 1_000_000)
        for stage, own in (("simulate", 50), ("DuckDB", 7), ("prepare", 1), ("report", 3))
    ]
    return tables.with_totals(pd.DataFrame(rows).assign(**changes))


def test_all_stages_are_the_stages_of_a_shop():
    whole = measured().query("stage == 'all stages' and version == 'now' and customers == 100_000")
    (one,) = whole.to_dict("records")
    assert (one["seconds"], one["processor"], one["peak"]) == (8, 4, 300)


def test_a_run_that_failed_has_no_sum():
    rows = measured()
    assert (rows["stage"] == tables.TOTAL).sum() == 4
    rows = rows[rows["stage"] != tables.TOTAL].reset_index(drop=True)
    rows.loc[2, "failed"] = "error: no"
    assert (tables.with_totals(rows)["stage"] == tables.TOTAL).sum() == 3


def test_powers_are_those_of_the_customers():
    text = tables.growth(measured())
    (line,) = [line for line in text.splitlines() if line.startswith("| prepare ")]
    assert line == "| prepare | 1.00 | 0.00 |"


def test_what_was_not_measured_is_reckoned_no_lower_than_a_line_or_a_power():
    text = tables.capacity(measured(), ABOUT).splitlines()
    first, second, third = text[-3:]
    # All stages: 4 seconds, and 4 for each 100,000 customers.
    assert first == "| 1,000,000 | 0.01 | 0.01 | 0.3 | 0.2 | measured |"
    assert third.startswith(f"| 100,000,000 | {4004 / 3600:.2f} | {4000 / 3600:.2f} | 0.3 | ")
    assert second.endswith("| reckoned |")
    found = pd.Series({1: 1.0, 10: 100.0})
    assert tables.reckoned(found, 100, [1, 10]) == pytest.approx(10_000)
    assert tables.reckoned(pd.Series({1: 1.0, 10: 2.0}), 100, [1, 10]) == pytest.approx(12)


def test_a_place_between_marks_is_filled_again_and_again(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- x -->\n<!-- end of x -->\nb\n")
    for text in ("first", "second"):
        tables.fill(page, "x", text)
    assert page.read_text() == "a\n<!-- x -->\nsecond\n<!-- end of x -->\nb\n"
    with pytest.raises(ValueError, match="has no place between <!-- y --> and"):
        tables.fill(page, "y", "text")


def test_stages_are_told_as_times_those_of_before_and_the_query():
    rows = pd.DataFrame(
        {"customers": 1000, "engine": engine, "version": version, "stage": stage, "failed": ""}
        | {"seconds": seconds, "processor": 2 * seconds + (version == "before")}
        for engine, version, stage, seconds in (
            ("loop", "now", "DuckDB", 2),
            *(("loop", "now", stage, 1) for stage in tables.NEW_MONTH[2:]),
            *(("loop", "before", stage, 2) for stage in tables.NEW_MONTH[2:]),
            ("loop", "now", "prepare", 4),
            ("loop", "now", "featurize", 3),
            ("loop", "now", "train", 100),
            ("dask", "now", "report", 50),
            ("loop", "before", "prepare", 9),
            ("loop", "before", "featurize", 1),
            ("loop", "before", "train", 1),
        )
    )
    assert tables.ratios(rows, 1000).splitlines()[2:] == [
        "| all stages but train, times those of before | 0.60 | 0.51 |",
        "| prepare and featurize, times the query | 3.50 | 3.50 |",
        "| the same before, times the query | 5.00 | 5.50 |",
    ]
    rows.loc[(rows["stage"] == "segment") & (rows["version"] == "now"), "failed"] = "error: no"
    assert tables.ratios(rows, 1000).splitlines()[2].endswith("of before |  |  |")


CHILDREN = """
import subprocess, sys
work = '''
import time
held = bytearray(60_000_000)
time.sleep(0.8)
while time.process_time() < 0.3:
    pass
'''
running = [subprocess.Popen([sys.executable, "-c", work]) for _ in range(2)]
sys.exit(sum(one.wait() for one in running))
"""


@pytest.mark.slow
def test_memory_is_that_of_all_processes_together(tmp_path):
    command = [sys.executable, "-c", CHILDREN]
    found = watch(command, folder=tmp_path, environment={}, most=10_000)
    assert 100 < found.peak < 250
    assert found.seconds > 0.8
    assert 0.6 <= found.processor < 5
    assert found.failed == ""
    assert watch(command, folder=tmp_path, environment={}, most=80).failed == "more than 80 MB"
    refused = [sys.executable, "-c", "import sys; print('x'); sys.exit('error: no')"]
    assert watch(refused, folder=tmp_path, environment={}, most=80).failed == "error: no"


def test_rounds_are_told_by_their_median_and_ends():
    def took(floor, prepare, featurize):
        seconds = {"DuckDB": floor, "prepare": prepare, "featurize": featurize}
        return {"customers": 1000, "seconds": seconds, "processor": seconds | {"DuckDB": 10}}

    rounds = [took(2, 3, 2), took(4, 3, 1), took(1, 2, 3), {"customers": 9}]
    told = tables.ratios(measured(), 1000, rounds).splitlines()[-1]
    assert told.endswith("of 3 rounds in turn | 2.50 (1.00 to 5.00) | 0.50 (0.40 to 0.50) |")
    assert "rounds" not in tables.ratios(measured(), 1000, [])
