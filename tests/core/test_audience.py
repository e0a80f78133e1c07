import pandas as pd
import pytest

from retention.core.audience import (
    audience_of,
    customers_of_today,
    is_ahead,
    is_rehearsal,
    refuse_nobody_of_today,
)
from retention.core.errors import InputError


@pytest.mark.parametrize(
    ("drop", "audience", "rehearsal"),
    [([1, None, 0, None], [1, 3], False), ([1, 0, 0], [0, 1, 2], True), ([None], [0], False)],
)
def test_who_is_ahead_is_the_audience_and_everyone_where_nobody_is(drop, audience, rehearsal):
    customers = pd.DataFrame({"drop": pd.array(drop, dtype="Int8")})
    assert audience_of(customers).index.tolist() == audience
    assert is_rehearsal(customers) == rehearsal
    assert is_ahead(customers).tolist() == [one is None for one in drop]


def test_customers_of_today_are_those_of_the_last_month_and_of_no_other():
    months = ["2026-09", "2026-10", "2026-10"]
    rows = pd.DataFrame({"customer_id": ["gone", "a", "b"], "month": months})
    assert customers_of_today(rows, "2026-10")["customer_id"].tolist() == ["a", "b"]
    assert customers_of_today(rows, "2026-11").empty  # others are in other parts
    snapshot = rows.drop(columns="month")
    assert customers_of_today(snapshot, None) is snapshot


def test_a_last_month_without_customers_is_refused():
    said = "of 2026-11, the last month, no customer is left .* the newest .* are of 2026-10, and"
    with pytest.raises(InputError, match=said):
        refuse_nobody_of_today("2026-11", "2026-10")
    refuse_nobody_of_today("2026-10", "2026-10")
    refuse_nobody_of_today(None, None)
