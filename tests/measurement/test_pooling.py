"""Campaigns put together: by hand, and what customers of two campaigns do to the error."""

import numpy as np
import pandas as pd
import pytest

from retention.measurement.ab_test import ArmMean, Means, adjusted_means, error_parts
from retention.measurement.pooling import (
    FEWER,
    MORE,
    UNTOLD,
    Compared,
    cells_of,
    compare,
    covariance,
    drop_effect,
    money_effect,
    pooled_difference,
    pooled_share,
    ratio_of,
    share_so_far,
    total_kept,
)


def a_cell(control, treatment, n=2000, variance=None):
    """A campaign of n customers an arm whose means are known."""
    arms = [
        ArmMean(mean, mean * (1 - mean) / n if variance is None else variance, n)
        for mean in (treatment, control)
    ]
    treated = np.arange(2 * n) < n
    errors = np.where(treated, np.sqrt(arms[0].variance / n), np.sqrt(arms[1].variance / n))
    return Compared(Means(*arms), treated, errors, np.array([], dtype="uint64"))


def drawn(effect, *, n=400, seed=1, first=0):
    rng = np.random.default_rng(seed)
    risk = rng.uniform(0.4, 0.9, n)
    treated = rng.random(n) < 0.5
    drop = (rng.random(n) < risk * (1 - effect * treated)).astype(float)
    ids = [f"c{place}" for place in range(first, first + n)]
    return pd.DataFrame({"customer_id": ids, "treated": treated, "drop": drop, "risk": risk})


def test_error_parts_add_up_to_the_variances():
    table = drawn(0.2)
    columns = [table[name].to_numpy() for name in ("drop", "treated", "risk")]
    parts, means = error_parts(*columns), adjusted_means(*columns)
    treated = columns[1]
    assert parts[treated] @ parts[treated] == pytest.approx(means.treatment.variance)
    assert parts[~treated] @ parts[~treated] == pytest.approx(means.control.variance)


def test_one_campaign_is_its_own():
    (cell,) = cells_of([drawn(0.2)], "drop")
    found = drop_effect([cell], least=30)
    assert (found["difference"], found["tau"]) == (cell.means.difference, None)
    assert (found["difference_low"], found["difference_high"]) == cell.means.interval
    assert (found["low"] > 0) == (found["difference_high"] < 0)


def test_equal_campaigns_together_are_surer_but_for_the_spread():
    cells = [a_cell(0.5, 0.4)] * 6
    found, alone = pooled_share(cells), pooled_share(cells[:1])
    assert found.mean == pytest.approx(0.2, abs=1e-3)
    assert found.error < 0.75 * alone.error
    assert found.error > alone.error / np.sqrt(6)
    assert pooled_difference(cells, shares=True).mean == pytest.approx(-0.1)


def test_the_same_customers_by_one_lot_tell_no_more_the_second_time():
    table = drawn(0.2)
    own = cells_of([table, table], "drop")
    other = cells_of([table, table.assign(customer_id="x" + table["customer_id"])], "drop")
    signs = [np.where(cell.treated, 1.0, -1.0) * cell.errors for cell in own]
    variances = [cell.means.standard_error**2 for cell in own]
    found = covariance(own, signs, variances)
    assert found[0, 1] == pytest.approx(found[0, 0])
    assert covariance(other, signs, variances)[0, 1] == 0
    wide, narrow = share_so_far(own), share_so_far(other)
    width = [one["high"] - one["low"] for one in (wide, narrow)]
    assert width[0] == pytest.approx(np.sqrt(2) * width[1], rel=1e-6)
    assert wide["prevented"] == narrow["prevented"]


def test_arms_exchanged_the_second_time_take_the_error_away():
    """Who was untreated by luck is treated the next time: the differences' errors are opposite."""
    table = drawn(0.0)
    cells = cells_of([table, table.assign(treated=~table["treated"])], "drop")
    signs = [np.where(cell.treated, 1.0, -1.0) * cell.errors for cell in cells]
    found = covariance(cells, signs, [cell.means.standard_error**2 for cell in cells])
    assert found[0, 1] == pytest.approx(-found[0, 0], rel=1e-6)


def test_what_these_very_campaigns_prevented_by_hand():
    """Of 1,000 drops in 2,000 and 300 in 1,000 customers, 100 and 90 of each are prevented."""
    cells = [a_cell(0.5, 0.45, n=1000), a_cell(0.3, 0.21, n=500)]
    found = share_so_far(cells)
    assert found["prevented"] == pytest.approx((100 + 90) / (1000 + 300))
    assert ratio_of(cells) == pytest.approx(1 - 190 / 1300)
    ratio = 1 - 190 / 1300
    variance = sum(
        cell.means.treatment.variance * n**2 + ratio**2 * cell.means.control.variance * n**2
        for cell, n in zip(cells, (2000, 1000), strict=True)
    )
    half = 1.96 * np.sqrt(variance) / 1300
    assert found["high"] - found["prevented"] == pytest.approx(half, rel=0.01)
    assert found["verdict"] == FEWER


def test_verdicts():
    def verdict(control, treatment):
        return drop_effect([a_cell(control, treatment)] * 4, least=100)["verdict"]

    assert [verdict(0.5, t) for t in (0.35, 0.5, 0.65)] == [FEWER, UNTOLD, MORE]


def test_too_few_tell_nothing():
    small = drawn(0.9, n=28)
    assert cells_of([small], "drop") == []
    found = drop_effect(cells_of([drawn(0.5, n=60)], "drop"), least=100)
    assert (found["campaigns"], found["prevented"], found["verdict"]) == (1, None, UNTOLD)
    assert drop_effect([], least=1)["difference"] is None
    assert money_effect([], least=1) is None
    assert total_kept([], []) is None
    assert share_so_far([]) is None


def test_unknown_outcomes_are_left_out():
    table = drawn(0.3)
    holes = table.assign(drop=table["drop"].where(table["risk"] < 0.7))
    (cell,) = cells_of([holes], "drop")
    assert len(cell.treated) == (table["risk"] < 0.7).sum()


def test_kept_money_is_added_up():
    rng = np.random.default_rng(3)
    lost, treated = rng.uniform(0, 9, 300), np.arange(300) < 150
    cell = compare(lost, treated, np.zeros(300), shares=False)
    gap = lost[~treated].mean() - lost[treated].mean()
    kept, low, high = total_kept([cell, cell], [100, 50])
    assert kept == pytest.approx(150 * gap)
    means = cell.means
    one = total_kept([cell], [100])
    assert one == pytest.approx((100 * gap, *(-100 * end for end in means.interval[::-1])))
    error = means.standard_error * cell.widened
    assert high - kept == pytest.approx(1.959964 * error * np.hypot(100, 50), rel=1e-5)
    assert kept - low == pytest.approx(high - kept)


def test_money_of_any_unit():
    rng = np.random.default_rng(5)
    treated = np.arange(400) < 200
    amounts = [rng.normal(1000 + 80 * treated, 100) for _ in range(3)]
    cells = [compare(one, treated, np.zeros(400), shares=False) for one in amounts]
    cents = [compare(100 * one, treated, np.zeros(400), shares=False) for one in amounts]
    found, other = money_effect(cells, least=100), money_effect(cents, least=100)
    assert found["low"] < 80 < found["high"]
    assert (found["verdict"], found["campaigns"]) == (MORE, 3)
    assert other["low"] == pytest.approx(100 * found["low"])
    # A spread of a tenth of the customers' standard deviation of 100 is what is looked for.
    assert 2 < found["tau"] < 15
