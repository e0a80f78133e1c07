import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import milp

from retention.campaign import allocation
from retention.campaign.allocation import (
    MICRO,
    NONE,
    UNLIMITED,
    Limits,
    allocate,
    micro,
    prices,
    upper_bound,
)


def a_case(seed, customers, offers):
    """Return gain, cost and limits of a random campaign; about as many bind as do not."""
    rng = np.random.default_rng(seed)
    risk, profit = rng.beta(0.6, 0.9, customers), rng.normal(4, 1.5, customers).clip(0)
    effect = rng.uniform(0.01, 0.12, offers)
    cost = np.array([micro(c) for c in rng.choice([0, 0.01, 0.02, 0.1, 0.2, 0.3], offers)])
    gain = risk[:, None] * effect * profit[:, None] * 1.5 - cost / MICRO
    gain[(rng.random(gain.shape) < rng.uniform(0.1, 0.9)) | (gain <= 0)] = -np.inf
    live = np.isfinite(gain).any(axis=1)
    whole = int(cost[gain[live].argmax(axis=1)].sum()) if live.any() else 0
    budget = None if rng.random() < 0.2 else int(whole * rng.uniform(0, 1.1))
    few = rng.integers(0, max(1, customers // 3) + 1, offers)
    return gain, cost, Limits(budget, np.where(rng.random(offers) < 0.5, few, UNLIMITED))


def total(gain, choice):
    rows = np.flatnonzero(choice != NONE)
    return gain[rows, choice[rows]].sum()


def best_total(gain, cost, limits):
    """Return the optimum, written down for the solver in the plainest way: dense, all pairs."""
    customers, offers = gain.shape
    value = np.where(np.isfinite(gain), gain, -1.0).ravel()
    rows, most = [], []
    for one in range(customers):
        rows.append(np.zeros((customers, offers)))
        rows[-1][one] = 1
        most.append(1)
    for place in range(offers):
        rows.append(np.zeros((customers, offers)))
        rows[-1][:, place] = 1
        most.append(min(limits.stock[place], customers))
    if limits.budget is not None:
        rows.append(np.tile(cost / MICRO, (customers, 1)))
        most.append(limits.budget / MICRO + 1e-9)
    matrix = np.array([row.ravel() for row in rows])
    found = milp(-value, integrality=np.ones(value.size), bounds=(0, 1),
                 constraints=(matrix, -np.inf, np.array(most, dtype=float)),
                 options={"presolve": False, "mip_rel_gap": 1e-6})  # fmt: skip
    return -found.fun


def holds(gain, cost, limits, choice):
    rows = np.flatnonzero(choice != NONE)
    taken = np.bincount(choice[rows], minlength=len(cost))
    assert np.isfinite(gain[rows, choice[rows]]).all()
    assert (taken <= limits.stock).all()
    assert limits.budget is None or (taken * cost).sum() <= limits.budget


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), customers=st.integers(0, 40), offers=st.integers(1, 8))
def test_choice_is_within_1_percent_of_the_optimum(seed, customers, offers):
    gain, cost, limits = a_case(seed, customers, offers)
    choice = allocate(gain, cost, limits)
    holds(gain, cost, limits, choice)
    if customers:
        assert total(gain, choice) >= 0.99 * best_total(gain, cost, limits) - 1e-9


@pytest.mark.parametrize("seed", range(12))
def test_prices_come_within_1_percent_of_the_optimum_too(seed, monkeypatch):
    """As many customers are chosen for by prices, here with a sample that is smaller than they."""
    monkeypatch.setattr(allocation, "EXACT", 0)
    monkeypatch.setattr(allocation, "SAMPLE", 200)
    gain, cost, limits = a_case(seed, 400, 5)
    choice = allocate(gain, cost, limits)
    holds(gain, cost, limits, choice)
    assert total(gain, choice) >= 0.99 * best_total(gain, cost, limits) - 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_many_customers_come_within_1_percent_of_what_is_possible(seed):
    gain, cost, limits = a_case(seed, 30_000, 12)
    choice = allocate(gain, cost, limits)
    holds(gain, cost, limits, choice)
    live = np.isfinite(gain).any(axis=1)
    bound = upper_bound(gain[live], cost, limits, *prices(gain[live], cost, limits))
    assert total(gain, choice) >= 0.99 * bound - 1e-9


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), customers=st.integers(0, 300), offers=st.integers(1, 6))
def test_any_mending_keeps_the_limits(seed, customers, offers):
    gain, cost, limits = a_case(seed, customers, offers)
    live = np.isfinite(gain).any(axis=1)
    if not live.any():
        return
    part = gain[live]
    wrong = np.zeros(offers)
    choice = allocation._at_prices(part, cost, 0.0, wrong)
    choice = allocation._within_stock(choice, part, cost, 0.0, wrong, limits)
    choice = allocation._within_budget(choice, part, cost, limits)
    holds(part, cost, limits, allocation._filled(choice, part, cost, limits))


def test_without_limits_everyone_takes_the_best():
    gain = np.array([[1.0, 2.0], [3.0, -np.inf], [-np.inf, -np.inf]])
    nothing = Limits(None, np.array([UNLIMITED, UNLIMITED]))
    assert allocate(gain, np.array([1, 1]), nothing).tolist() == [1, 0, NONE]


def test_stock_goes_to_whoever_would_lose_most_without_it():
    # The second customer gains more by the first offer, but has nearly as good a second one.
    gain = np.array([[2.0, -np.inf], [3.0, 2.5]])
    one_piece = Limits(None, np.array([1, UNLIMITED]))
    assert allocate(gain, np.array([0, 0]), one_piece).tolist() == [0, 1]


def test_budget_is_met_to_the_last_millionth():
    gain = np.full((10, 1), 1.0)
    exact = Limits(micro(0.3), np.array([UNLIMITED]))
    assert (allocate(gain, np.array([micro(0.1)]), exact) == 0).sum() == 3


def test_amounts_round_up_so_that_no_limit_is_passed():
    assert micro(0.1) == 100_000
    assert micro(0.1 + 0.2) == 300_000
    assert micro(1e-7) == 1
    assert micro(0) == 0
