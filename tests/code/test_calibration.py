import numpy as np
import pytest

from retention.calibration import choose_calibration, cross_fitted, fit_calibration
from retention.families import sigmoid


def drawn(n, risk_of, seed=0, spread=2.0):
    rng = np.random.default_rng(seed)
    score = rng.normal(0, spread, n)
    return score, (rng.random(n) < risk_of(score)).astype("int64"), rng.integers(0, 5, n)


def test_temperature_recovers_the_scale_and_keeps_the_middle():
    score, label, _ = drawn(40_000, lambda s: sigmoid(0.4 * s))
    found = fit_calibration("temperature", score, label)
    assert found.slope == pytest.approx(0.4, abs=0.02)
    assert found.risk(np.zeros(1))[0] == 0.5


def test_none_takes_the_score_for_log_odds():
    found = fit_calibration("none", np.array([0.0, 1.0]), np.array([0, 1]))
    assert found.risk(np.array([np.log(3)])) == pytest.approx([0.75])


def test_isotonic_never_falls_and_is_never_sure():
    score, label, _ = drawn(400, lambda s: sigmoid(3 * s))
    found = fit_calibration("isotonic", score, label)
    risk = found.risk(np.linspace(-9, 9, 500))
    assert (np.diff(risk) >= 0).all()
    assert 0 < risk[0] < 0.01
    assert 0.99 < risk[-1] < 1


def test_isotonic_is_taken_where_a_line_cannot_follow():
    score, label, fold = drawn(6000, lambda s: np.where(np.abs(s) < 1.5, 0.5, s > 0))
    chosen, _, losses = choose_calibration(score, label, fold)
    assert chosen.kind == "isotonic"
    assert losses["isotonic"] < losses["sigmoid"] - 0.01


def test_a_true_line_is_not_bent():
    score, label, fold = drawn(900, lambda s: sigmoid(0.5 * s + 1))
    chosen, _, _ = choose_calibration(score, label, fold)
    assert chosen.kind == "sigmoid"
    assert (chosen.slope, chosen.intercept) == pytest.approx((0.5, 1.0), abs=0.2)


def test_a_score_that_is_true_already_is_left_alone_or_hardly_moved():
    score, label, fold = drawn(5000, sigmoid)
    chosen, _, losses = choose_calibration(score, label, fold)
    assert chosen.kind != "isotonic"
    assert losses["none"] - min(losses.values()) < 0.002
    np.testing.assert_allclose(chosen.risk(score), sigmoid(score), atol=0.03)


def test_cross_fitting_never_shows_a_customer_its_own_label():
    """Each customer alone in its fold: turning its label round leaves its own risk."""
    score, label, _ = drawn(40, sigmoid)
    fold = np.arange(40)
    before = cross_fitted("isotonic", score, label, fold)
    label[7] = 1 - label[7]
    after = cross_fitted("isotonic", score, label, fold)
    assert after[7] == before[7]
    assert (after != before).any()
