import numpy as np
import pytest

from retention.campaign.budget_curve import by_budget, outcome, sum_interval


@pytest.mark.parametrize(("n", "most"), [(400, 0.6), (60, 0.9), (80, 0.06)])
def test_interval_holds_the_sum_in_95_percent_of_the_tries(n, most):
    rng = np.random.default_rng(3)
    chance, value = rng.uniform(0, most, n), rng.uniform(0, 5, n)
    low, high = sum_interval(chance, value)
    sums = ((rng.random((20_000, n)) < chance) * value).sum(axis=1)
    held = np.mean((sums >= low) & (sums <= high))
    # Where nothing at all is likely, the lower tail is empty and 97.5 % are held.
    assert held == pytest.approx(0.95 if low > 0 else 0.975, abs=0.012)


def test_interval_stays_within_what_is_possible():
    assert sum_interval(np.array([0.01]), np.array([4.0]))[0] == 0
    assert sum_interval(np.array([0.99]), np.array([4.0]))[1] == 4
    assert sum_interval(np.array([0.0, 1.0]), np.array([4.0, 3.0])) == (3, 3)
    assert sum_interval(np.array([]), np.array([])) == (0, 0)


def test_outcome_by_hand():
    told = outcome(np.array([0.5, 1.0]), np.array([0.1, 0.2]), np.array([6.0, 3.0]),
                   np.array([0.1, 0.2]))  # fmt: skip
    assert told["contacted"] == 2
    assert told["drops_reached"] == 1.5
    assert told["false_targets"] == 0.5
    assert told["drops_prevented"] == pytest.approx(0.25)
    assert told["cost"] == pytest.approx(0.3)
    # 0.5 x 0.1 x 6 + 1 x 0.2 x 3 - 0.3
    assert told["expected_gain"] == pytest.approx(0.6)
    assert told["expected_gain_low"] == pytest.approx(-0.3)
    assert told["drops_reached_low"] <= 1.5 <= told["drops_reached_high"]


def test_ten_budgets_end_with_the_one_that_pays_for_all():
    table = by_budget(5.0, lambda budget: {"cost": min(budget, 4)})
    assert table["budget"].tolist() == [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]
    assert table["cost"].iloc[-1] == 4


def test_nobody_to_contact_gives_ten_rows_of_nothing():
    nobody = outcome(*(np.array([]) for _ in range(4)))
    table = by_budget(0.0, lambda _: nobody)
    assert len(table) == 10
    assert (table == 0).all(axis=None)
