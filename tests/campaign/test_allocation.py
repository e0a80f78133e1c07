import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import milp

from helpers import an_offer
from retention.campaign.allocation import (
    MICRO,
    PRICED,
    UNLIMITED,
    Limits,
    hand_out,
    micro,
    optimum,
    prices,
)
from retention.campaign.eligibility import ration
from retention.campaign.ladder import NO_OFFER, climb, climb_on, make_ladder


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


def everybody(gain, cost, limits):
    """Return the choice of a campaign that treats everybody."""
    offers = [
        an_offer(f"o{place}", cost=one / MICRO, stock=None if few == UNLIMITED else int(few))
        for place, (one, few) in enumerate(zip(cost, limits.stock, strict=True))
    ]
    budget = None if limits.budget is None else limits.budget / MICRO
    plan = ration(gain, offers, key=np.arange(len(gain)), treated=np.ones(len(gain), dtype=bool),
                  budget=budget, untreated=0.0)  # fmt: skip
    return plan.choice


def total(gain, choice):
    rows = np.flatnonzero(choice != NO_OFFER)
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
    rows = np.flatnonzero(choice != NO_OFFER)
    taken = np.bincount(choice[rows], minlength=len(cost))
    assert np.isfinite(gain[rows, choice[rows]]).all()
    assert (taken <= limits.stock).all()
    assert limits.budget is None or (taken * cost).sum() <= limits.budget


def bound(gain, cost, limits):
    """Return a gain that no choice can pass: the value of the linear relaxation's dual."""
    unit, price = prices(gain, cost, limits)
    limited = limits.stock < UNLIMITED
    most = float((price[limited] * limits.stock[limited]).sum()) + unit * (limits.budget or 0)
    return most + np.maximum((gain - unit * cost - price).max(axis=1), 0).sum()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), customers=st.integers(0, 40), offers=st.integers(1, 8))
def test_choice_for_few_is_the_optimum(seed, customers, offers):
    gain, cost, limits = a_case(seed, customers, offers)
    choice = everybody(gain, cost, limits)
    holds(gain, cost, limits, choice)
    if customers:
        assert total(gain, choice) >= (1 - 2e-4) * best_total(gain, cost, limits) - 1e-9


@pytest.mark.parametrize("seed", range(12))
def test_choice_by_prices_is_within_1_percent_of_the_optimum(seed, monkeypatch):
    """As more customers are chosen for, here with a sample that is smaller than they."""
    monkeypatch.setattr("retention.campaign.allocation.EXACT_PAIRS", -1)
    monkeypatch.setattr("retention.campaign.allocation.PRICED", 200)
    gain, cost, limits = a_case(seed, 400, 5)
    choice = everybody(gain, cost, limits)
    holds(gain, cost, limits, choice)
    assert total(gain, choice) >= 0.99 * best_total(gain, cost, limits) - 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_many_customers_come_within_1_percent_of_what_is_possible(seed):
    gain, cost, limits = a_case(seed, 30_000, 12)
    choice = everybody(gain, cost, limits)
    holds(gain, cost, limits, choice)
    live = np.isfinite(gain).any(axis=1)
    assert total(gain, choice) >= 0.99 * bound(gain[live], cost, limits) - 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_many_who_gain_alike_come_within_2_percent(seed):
    """Gains in steps of 0.1 and stock alone: every price is a step, and hundreds stand on it."""
    gain, cost, limits = a_case(seed, 3 * PRICED, 6)
    gain = np.where(np.isfinite(gain), np.ceil(gain * 10) / 10, -np.inf)
    choice = everybody(gain, cost, Limits(None, limits.stock))
    live = np.isfinite(gain).any(axis=1)
    best = bound(gain[live], cost, Limits(None, limits.stock))
    assert total(gain, choice) >= 0.98 * best - 1e-9


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), customers=st.integers(1, 300), offers=st.integers(1, 6))
def test_hand_out_keeps_the_stock_and_leaves_no_piece_that_is_wanted(seed, customers, offers):
    gain, cost, limits = a_case(seed, customers, offers)
    choice = hand_out(gain, cost, limits)
    holds(gain, cost, Limits(None, limits.stock), choice)
    limited = np.flatnonzero(limits.stock < UNLIMITED)
    without = np.isfinite(gain) & ~np.isin(choice, limited)[:, None]
    for place in limited:
        assert (choice == place).sum() == limits.stock[place] or not without[:, place].any()


def test_few_customers_beyond_the_limit_are_not_solved_exactly():
    nothing = Limits(0, np.array([UNLIMITED]))
    assert optimum(np.ones((2_001, 1)), np.array([MICRO]), nothing) is None
    assert set(optimum(np.ones((2_000, 1)), np.array([MICRO]), nothing)) == {NO_OFFER}


def test_without_limits_everyone_takes_the_best():
    gain = np.array([[1.0, 2.0], [3.0, -np.inf], [-np.inf, -np.inf]])
    nothing = Limits(None, np.array([UNLIMITED, UNLIMITED]))
    assert everybody(gain, np.array([1, 1]), nothing).tolist() == [1, 0, NO_OFFER]


def test_stock_goes_to_whoever_would_lose_most_without_it():
    # The second customer gains more by the first offer, but has nearly as good a second one.
    gain = np.array([[2.0, -np.inf], [3.0, 2.5]])
    one_piece = Limits(None, np.array([1, UNLIMITED]))
    assert hand_out(gain, np.array([0, 0]), one_piece).tolist() == [0, 1]


def test_price_of_a_piece_is_what_the_first_left_out_would_give_for_it():
    gain = np.array([[5.0, -np.inf], [3.0, 2.5], [2.0, -np.inf], [1.0, -np.inf]])
    two_pieces = Limits(None, np.array([2, UNLIMITED]))
    # What the first offer adds is 5, 0.5, 2 and 1: the third in that order is left out.
    assert prices(gain, np.array([0, 0]), two_pieces)[1].tolist() == [1.0, 0.0]


def test_price_of_money_is_the_worth_of_what_it_does_not_reach():
    gain, cost = np.array([[4.0], [3.0], [2.0]]), np.array([micro(0.5)])
    unit, price = prices(gain, cost, Limits(micro(1.2), np.array([UNLIMITED])))
    assert unit * MICRO == pytest.approx(2.0 / 0.5)
    assert price.tolist() == [0.0]


def test_budget_is_met_to_the_last_millionth():
    gain = np.full((10, 1), 1.0)
    exact = Limits(micro(0.3), np.array([UNLIMITED]))
    assert (everybody(gain, np.array([micro(0.1)]), exact) == 0).sum() == 3


def test_beyond_the_cut_off_whoever_can_be_paid_climbs_on():
    # Rungs by worth: 0.1, then 0.5 more (both the first customer's), 0.4 (second), 0.1 (third).
    gain, closed = np.array([1.0, 5.5, 3.2, 0.6]), -np.inf
    cost = np.array([micro(one) for one in (0.1, 0.6, 0.4, 0.1)])
    table = np.full((3, 4), closed)
    table[0, [0, 1]], table[1, 2], table[2, 3] = gain[[0, 1]], gain[2], gain[3]
    ladder = make_ladder(table, cost)
    assert ladder.worth * MICRO == pytest.approx([10, 9, 8, 6])
    everyone = np.ones(3, dtype=bool)
    assert climb(ladder, everyone, micro(0.55)).tolist() == [0, NO_OFFER, NO_OFFER]
    assert climb_on(ladder, micro(0.55)).tolist() == [0, 2, NO_OFFER]
    assert climb_on(ladder, micro(0.6)).tolist() == [1, NO_OFFER, NO_OFFER]
    assert climb_on(ladder, None).tolist() == [1, 2, 3]


def test_amounts_round_up_so_that_no_limit_is_passed():
    assert micro(0.1) == 100_000
    assert micro(0.1 + 0.2) == 300_000
    assert micro(1e-7) == 1
    assert micro(0) == 0
