"""The mean of effects that may differ, against integrals written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from retention.stats.random_effects import mean_effect

EFFECTS = np.array([0.25, 0.05, 0.12])
COVARIANCE = np.array([[0.004, 0.001, 0.0], [0.001, 0.002, 0.0005], [0.0, 0.0005, 0.003]])


def posterior(effects, covariance, scale):
    """Mean, chance below a bound and mean spread, by integrals over the spread."""
    ones = np.ones(len(effects))

    def given_spread(spread):
        total = np.linalg.inv(covariance + spread**2 * np.eye(len(effects)))
        precision = ones @ total @ ones
        mean = ones @ total @ effects / precision
        misfit = effects @ total @ effects - mean**2 * precision
        weight = np.sqrt(np.linalg.det(total) / precision) * np.exp(-misfit / 2)
        return weight * stats.halfnorm.pdf(spread, scale=scale), mean, 1 / np.sqrt(precision)

    def integral(of):
        return integrate.quad(lambda s: of(s, *given_spread(s)), 0, 8 * scale, limit=200)[0]

    total = integral(lambda _, weight, *__: weight)
    mean = integral(lambda _, weight, mean, __: weight * mean) / total
    spread = integral(lambda spread, weight, *_: weight * spread) / total

    def below(bound):
        return integral(lambda _, w, mean, e: w * stats.norm.cdf(bound, mean, e)) / total

    return mean, spread, below


@pytest.mark.parametrize("covariance", [COVARIANCE, np.diag(np.diag(COVARIANCE))])
@pytest.mark.parametrize("scale", [0.02, 0.1, 0.5])
def test_the_spread_is_summed_out(covariance, scale):
    found = mean_effect(EFFECTS, covariance, scale=scale)
    mean, spread, below = posterior(EFFECTS, covariance, scale)
    assert found.mean == pytest.approx(mean, abs=1e-4)
    assert found.spread == pytest.approx(spread, rel=0.02)
    assert below(found.low) == pytest.approx(0.025, abs=1e-3)
    assert below(found.high) == pytest.approx(0.975, abs=1e-3)


def test_without_room_for_a_spread_it_is_the_weighted_mean():
    found = mean_effect(np.array([0.3, 0.1]), np.diag([0.01, 0.03]), scale=1e-6)
    assert found.mean == pytest.approx((0.3 / 0.01 + 0.1 / 0.03) / (1 / 0.01 + 1 / 0.03))
    assert found.error == pytest.approx(np.sqrt(1 / (1 / 0.01 + 1 / 0.03)))
    assert found.high - found.mean == pytest.approx(1.96 * found.error, rel=1e-4)


def test_effects_that_disagree_widen_the_interval():
    variances = np.diag([0.001] * 4)
    alike = mean_effect(np.array([0.1, 0.1, 0.1, 0.1]), variances, scale=0.1)
    apart = mean_effect(np.array([-0.1, 0.3, -0.1, 0.3]), variances, scale=0.1)
    assert apart.mean == pytest.approx(alike.mean)
    assert apart.spread > 3 * alike.spread
    assert apart.high - apart.low > 2 * (alike.high - alike.low)


def test_errors_in_common_do_not_average_out():
    """The same customers twice, by one lot: two campaigns tell no more than one."""
    shared = np.full((2, 2), 0.004) + np.diag([1e-9] * 2)
    found = mean_effect(np.array([0.1, 0.1]), shared, scale=1e-6)
    apart = mean_effect(np.array([0.1, 0.1]), np.diag([0.004] * 2), scale=1e-6)
    assert found.error == pytest.approx(np.sqrt(0.004), rel=1e-4)
    assert apart.error == pytest.approx(np.sqrt(0.002), rel=1e-4)


@given(st.floats(0.01, 1000), st.floats(-5, 5))
def test_unit_and_zero_of_the_effects_do_not_matter(unit, shift):
    plain = mean_effect(EFFECTS, COVARIANCE, scale=0.1)
    moved = mean_effect(unit * (EFFECTS + shift), unit**2 * COVARIANCE, scale=unit * 0.1)
    assert moved.low / unit - shift == pytest.approx(plain.low, abs=1e-8)
    assert moved.high / unit - shift == pytest.approx(plain.high, abs=1e-8)
    assert moved.spread == pytest.approx(unit * plain.spread)
