"""Months as text: counted over years, and told apart from one snapshot."""

import datetime

import numpy as np
import pandas as pd
import pytest

from retention.core.months import (
    in_months,
    is_month,
    known_months,
    last_day,
    months_after,
    months_between,
    newest,
    shifted,
)


@pytest.mark.parametrize(
    ("month", "by", "then"),
    [("2026-10", 3, "2027-01"), ("2026-12", 1, "2027-01"), ("2027-01", -1, "2026-12")],
)
def test_months_are_counted_over_the_end_of_a_year(month: str, by: int, then: str) -> None:
    assert shifted(month, by) == then
    assert months_between(month, then) == by


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        ("2026-12-01", 3, "2027-03-01"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2027-01-31", 1, "2027-02-28"),
    ],
)
def test_a_day_some_months_later(day: str, months: int, then: str) -> None:
    assert months_after(datetime.date.fromisoformat(day), months).isoformat() == then


@pytest.mark.parametrize("text", ["2026-7", "2026-13", "2026-00", "1999-12", "2026-07-01", "x"])
def test_what_is_no_month_is_none(text: str) -> None:
    assert not is_month(text)
    assert is_month("2026-07")


def test_the_last_day_knows_leap_years() -> None:
    assert last_day("2028-02") == datetime.date(2028, 2, 29)
    assert last_day("2026-12") == datetime.date(2026, 12, 31)


def test_the_newest_rows_are_those_of_the_last_month_and_all_of_a_snapshot() -> None:
    rows = pd.DataFrame(
        {"customer_id": ["a", "a", "b"], "month": ["2026-09", "2026-10", "2026-10"]}
    )
    assert newest(rows)["customer_id"].tolist() == ["a", "b"]
    assert in_months(rows)
    snapshot = rows.drop(columns="month")
    assert newest(snapshot) is snapshot
    assert newest(rows, "2026-11").empty  # of a part without customers of the last month


def test_the_outcome_of_a_month_is_known_where_that_of_half_of_its_customers_is():
    month = ["2025-05"] * 4 + ["2025-06"] * 4
    known = [True, True, False, False, True, False, False, False]
    found = known_months(np.array(month), np.array(known))
    assert found.to_dict() == {"2025-05": True, "2025-06": False}
    assert known_months(np.array([]), np.array([], dtype=bool)).empty
