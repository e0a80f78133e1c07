"""Effects of a campaign: by hand, against a regression written out, and their limits."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from retention.core.arms import Arm
from retention.core.errors import InputError
from retention.measurement.ab_test import (
    ArmMean,
    Means,
    adjusted_means,
    arms_reach,
    check_split,
    drop_means,
    missing_p,
    money,
    prevented,
    segments_of,
    smallest_effect,
    split_p,
)


def with_interactions(y, treated, x):
    """The regression of Lin (2013) written out: coefficients and their HC2 covariance."""
    centred = x - x.mean()
    design = np.column_stack([np.ones_like(y), treated, centred, treated * centred])
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ y
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    scale = (y - design @ beta) ** 2 / (1 - leverage)
    return beta, inverse @ (design.T * scale) @ design @ inverse


def a_campaign(n=400, *, seed=1, effect=0.2):
    rng = np.random.default_rng(seed)
    risk = rng.beta(2, 2, n)
    treated = rng.random(n) < 0.4
    drop = (rng.random(n) < risk * (1 - effect * treated)).astype(float)
    return drop, treated, risk


def means_of(control, treatment, v0=0.001, v1=0.001, n=200):
    return Means(treatment=ArmMean(treatment, v1, n), control=ArmMean(control, v0, n))


def test_means_without_a_covariate_are_the_plain_ones():
    drop = np.array([1, 1, 0, 1, 0, 0, 1, 0.0])
    treated = np.array([0, 0, 0, 0, 1, 1, 1, 1], dtype=bool)
    found = adjusted_means(drop, treated, np.full(8, 0.3))
    assert (found.control.mean, found.treatment.mean, found.difference) == (0.75, 0.25, -0.5)
    # HC2 without covariate: each arm's sample variance over its size, (3/16 x 4/3) / 4.
    assert found.control.variance == pytest.approx(0.0625)
    assert found.standard_error == pytest.approx(np.sqrt(0.125))
    half = stats.t.ppf(0.975, 4) * np.sqrt(0.125)  # Welch: a mean and a slope spent in each arm
    assert found.interval == pytest.approx((-0.5 - half, -0.5 + half))


def test_adjustment_by_hand():
    # Control: y = x exactly (x 0, 1, 2); treatment: y = x - 1 (x 2, 3, 4); mean x is 2.
    x = np.array([0, 1, 2, 2, 3, 4.0])
    treated = np.array([0, 0, 0, 1, 1, 1], dtype=bool)
    found = adjusted_means(x - treated, treated, x)
    assert (found.control.mean, found.treatment.mean) == pytest.approx((2, 1))
    assert found.standard_error == pytest.approx(0)
    assert (x - treated)[treated].mean() - (x - treated)[~treated].mean() == 1  # the wrong sign


@pytest.mark.parametrize("seed", range(5))
def test_adjustment_is_the_regression_with_interactions(seed):
    drop, treated, risk = a_campaign(80, seed=seed)
    beta, covariance = with_interactions(drop, treated, risk)
    found = adjusted_means(drop, treated, risk)
    assert found.control.mean == pytest.approx(beta[0])
    assert found.difference == pytest.approx(beta[1])
    assert found.standard_error == pytest.approx(np.sqrt(covariance[1, 1]))


def test_adjustment_narrows_where_risk_tells_and_shifts_with_imbalance():
    drop, treated, risk = a_campaign(4000)
    plain = adjusted_means(drop, treated, np.zeros(4000))
    adjusted = adjusted_means(drop, treated, risk)
    assert adjusted.standard_error < 0.95 * plain.standard_error
    assert adjusted.difference == pytest.approx(-0.2 * risk.mean(), abs=0.04)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 10), st.floats(-5, 5))
def test_scaling_and_shifting_risk_changes_nothing(seed, scale, shift):
    drop, treated, risk = a_campaign(60, seed=seed)
    one = adjusted_means(drop, treated, risk)
    other = adjusted_means(drop, treated, shift + scale * risk)
    assert other.difference == pytest.approx(one.difference, abs=1e-9)
    assert other.standard_error == pytest.approx(one.standard_error, abs=1e-9)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_exchanging_the_arms_turns_the_sign(seed):
    drop, treated, risk = a_campaign(60, seed=seed)
    one, other = drop_means(drop, treated, risk), drop_means(drop, ~treated, risk)
    assert other.interval == pytest.approx(tuple(-end for end in one.interval[::-1]))


def test_arm_without_drops_has_a_variance():
    treated = np.arange(200) < 100
    drop = np.where(treated, 0.0, np.arange(200) % 2)
    found = drop_means(drop, treated, np.full(200, 0.5))
    share = 2 / 104
    assert found.treatment.variance == pytest.approx(share * (1 - share) / 104)
    assert found.control.variance == pytest.approx(0.25 / 99)


def test_prevented_by_hand():
    found = prevented(means_of(0.5, 0.4, 0.0004, 0.0009))
    # Ratio 0.8, freed from its bias: 0.8 / (1 + 0.0004 / 0.25).
    assert found.share == pytest.approx(1 - 0.8 / 1.0016)
    assert found.variance == pytest.approx((0.0009 + (0.8 / 1.0016) ** 2 * 0.0004) / 0.25)
    # Fieller: the ends are the ratios at which |m1 - r m0| is t standard errors.
    t = means_of(0.5, 0.4, 0.0004, 0.0009).quantile
    for end in (found.low, found.high):
        ratio = 1 - end
        assert abs(0.4 - ratio * 0.5) == pytest.approx(t * np.sqrt(0.0009 + ratio**2 * 0.0004))
    assert found.low < 0.2 < found.high


@settings(deadline=None)
@given(
    st.floats(0.05, 0.95), st.floats(0.0, 0.95), st.floats(1e-5, 0.004), st.floats(1e-5, 0.004)
)  # fmt: skip
def test_share_prevented_holds_zero_exactly_when_the_difference_does(m0, m1, v0, v1):
    means = means_of(m0, m1, v0, v1)
    low, high = means.interval
    found = prevented(means)
    if min(abs(low), abs(high)) > 1e-9:
        assert (found.low <= 0 <= found.high) == (low <= 0 <= high) or np.isinf(found.low)


def test_share_prevented_without_limits_where_hardly_anybody_drops():
    found = prevented(means_of(0.02, 0.01, 0.001, 0.001))
    assert (found.low, found.high) == (-np.inf, np.inf)
    assert prevented(means_of(0.0, 0.1)) is None


def test_money_by_hand():
    # Everybody's stake is 6; half of control dropped and a quarter of treatment.
    treated = np.arange(80) < 40
    drop = np.where(treated, np.arange(80) % 4 == 0, np.arange(80) % 2 == 0).astype(float)
    same = np.full(80, 6.0)
    found = money(drop, treated, np.full(80, 0.5), same, receivers=40, cost=20)
    assert found.saved == pytest.approx(0.25 * 6 * 40)
    assert found.cost == 20
    means = adjusted_means(drop, treated, np.zeros(80))
    assert (found.low, found.high) == pytest.approx(
        (-means.interval[1] * 240, -means.interval[0] * 240)
    )


def test_money_weighs_drops_by_the_stake():
    # The offer keeps the customers of stake 10 and loses as many of stake 1.
    stake = np.tile([10.0, 1.0], 40)
    treated = np.arange(80) < 40
    drop = np.where(treated, stake == 1, stake == 10).astype(float)
    assert adjusted_means(drop, treated, np.zeros(80)).difference == 0
    found = money(drop, treated, np.full(80, 0.5), stake, receivers=40, cost=0)
    assert found.saved == pytest.approx(40 * (10 - 1) / 2)


def test_smallest_effect_is_called_four_times_of_five():
    means = means_of(0.5, 0.5, 0.001, 0.001, n=100_000)
    assert smallest_effect(means) == pytest.approx(2.8016 * np.sqrt(0.002), rel=1e-3)


def in_arms(control, treatment):
    return {Arm.TREATMENT: treatment, Arm.CONTROL: control}


def test_split_p_is_exact():
    assert split_p(in_arms(5, 5), 0.5) == 1
    assert split_p(in_arms(0, 10), 0.5) == pytest.approx(2 / 1024)
    assert split_p(in_arms(30, 70), 0.3) == 1


def a_split(control, treatment, segment="all"):
    arms = [False] * control + [True] * treatment
    return pd.DataFrame({"treated": arms, "segment": segment})


def test_even_split_passes():
    found = check_split(a_split(480, 520), 0.5, who="the list")
    assert found == dict.fromkeys(["", "all"], split_p(in_arms(480, 520), 0.5))


def test_corrupted_split_is_refused():
    with pytest.raises(InputError) as refused:
        check_split(a_split(400, 520), 0.5, who="the list")
    assert str(refused.value).startswith(
        "the split of the list is broken: 400 in control and 520 in treatment, where "
        "campaign.control_share is 0.5 (p = 9e-05, below 0.001); find out who left one arm"
    )


def test_split_at_another_share_is_refused_by_that_share():
    assert check_split(a_split(100, 400), 0.2, who="the list")[""] == 1
    with pytest.raises(InputError, match=r"control_share is 0\.5"):
        check_split(a_split(100, 400), 0.5, who="the list")


def test_corruption_within_one_segment_is_refused():
    table = pd.concat([a_split(70, 20, "full_carts"), a_split(30, 80, "promo full")])
    with pytest.raises(InputError, match=r"the split of the list in segment full is broken: 30 "):
        check_split(table, 0.5, who="the list")


def test_honest_split_is_refused_less_than_once_in_a_thousand():
    counts = np.arange(301)
    refused = [split_p(in_arms(int(count), int(300 - count)), 0.5) < 0.001 for count in counts]
    assert 0.0003 < stats.binom.pmf(counts, 300, 0.5)[refused].sum() < 0.001


def test_missing_outcomes_by_arm():
    assert missing_p(in_arms(10, 10), in_arms(200, 200)) == 1
    assert missing_p(in_arms(0, 0), in_arms(200, 200)) == 1
    assert missing_p(in_arms(5, 30), in_arms(200, 200)) < 0.001


def test_segments_of_one_and_of_several_words():
    listed = pd.Series(["a b", "b", "", "risk >= 0.7 and a < 1", "a"])
    found = {name: rows.tolist() for name, rows in segments_of(listed)}
    assert found == {
        "a": [True, False, False, False, True],
        "b": [True, True, False, False, False],
        "risk >= 0.7 and a < 1": [False, False, False, True, False],
    }


def test_arms_reach():
    treated = np.array([True] * 30 + [False] * 20)
    assert arms_reach(treated, 20)
    assert not arms_reach(treated, 21)
