import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from retention.models.calibration import (
    BENT,
    FLATTEST,
    KINDS,
    LINES,
    choose_calibration,
    cross_fitted,
    fit_beta,
    fit_calibration,
)
from retention.models.estimators import bent, sigmoid


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


@pytest.mark.parametrize("doubt", [0.2, 0.01])
@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_a_sum_changes_no_digit_of_a_calibration(kind, doubt):
    """As other processors do, other orders of the rows change the last digits of a sum.

    Where hardly a customer is in doubt, those of a fit reach the ninth.
    """
    for seed in range(5):
        score, label, _ = drawn(60, lambda s: doubt + (1 - 2 * doubt) * (s > 0), seed=seed)
        found = fit_calibration(kind, score, label)
        for order in (np.argsort(score, kind="stable"), np.arange(60)[::-1]):
            assert fit_calibration(kind, score[order], label[order]) == found


def tell(line, low, high, shift):
    """Beta calibration as its authors write it, of the risk that the line tells."""
    risk = sigmoid(line)
    return sigmoid(low * np.log(risk) - high * np.log(1 - risk) + shift)


def test_beta_finds_the_two_slopes_and_the_shift():
    line, label, _ = drawn(60_000, lambda s: tell(s, 0.5, 1.8, -0.6))
    assert fit_beta(line, label, edge=0.001)[:3] == pytest.approx((0.5, 1.8, -0.6), abs=0.05)


def test_beta_tells_the_truth_on_top_of_a_score_in_units_of_its_own():
    score, label, _ = drawn(60_000, lambda s: tell(0.7 * s, 0.5, 1.8, -0.6))
    found = fit_calibration("beta", score, label)
    at = np.array([-4.0, -1.0, 0.0, 1.0, 4.0])
    np.testing.assert_allclose(found.risk(at), tell(0.7 * at, 0.5, 1.8, -0.6), atol=0.015)


def test_beta_is_the_logistic_regression_on_both_logarithms():
    score, label, _ = drawn(900, lambda s: tell(s, 0.6, 1.5, 0.3), seed=3)
    found = fit_calibration("beta", score, label)
    told = sigmoid(found.slope * score + found.intercept)
    columns = np.column_stack([np.log(told), -np.log(1 - told)])
    line = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(columns, label)
    assert found.bend[:2] == pytest.approx(line.coef_[0], rel=1e-3)
    assert found.bend[2] == pytest.approx(line.intercept_[0], rel=1e-3)


def test_beta_ranks_as_the_score_does_and_is_never_sure():
    """Where low scores tell nothing the risk still rises, however little."""
    score, label, _ = drawn(3000, lambda s: np.where(s < 0, 0.1, 0.1 + 0.9 * np.tanh(s)))
    found = fit_calibration("beta", score, label)
    assert found.bend[0] == FLATTEST
    risk = found.risk(np.linspace(-9, 9, 500))
    assert (np.diff(risk) > 0).all()
    # Of the risks as they are written, six digits, hardly any are equal.
    assert len(np.unique(found.risk(score).round(6))) > 0.98 * len(score)
    edge = 0.5 / 3000
    assert edge <= risk[0] < 0.1
    assert 0.99 < risk[-1] <= 1 - edge


def test_beta_is_taken_where_the_two_sides_differ():
    score, label, fold = drawn(2000, lambda s: tell(s, 0.2, 2.5, -1.5))
    chosen, risk, losses = choose_calibration(score, label, fold)
    assert chosen.kind == "beta"
    assert losses["beta"] < losses["sigmoid"] - 0.005
    assert log_loss(label, risk) == pytest.approx(losses["beta"])


@pytest.mark.slow
@pytest.mark.parametrize("errors", [(0.0, 1.0), (1.0, 2.0)])
def test_beta_must_win_by_one_standard_error(errors):
    """Shops whose gain lies between `errors` are bent by one and not by less."""
    seen = 0
    for seed in range(60):
        score, label, fold = drawn(400, lambda s: tell(s, 0.6, 1.3, -0.3), seed=seed)
        chosen, _, losses = choose_calibration(score, label, fold)
        line = min(LINES, key=losses.get)
        told = [cross_fitted(kind, score, label, fold) for kind in (line, "beta")]
        each = [-np.log(np.where(label == 1, risk, 1 - risk)) for risk in told]
        gap = each[0] - each[1]
        if errors[0] < gap.mean() / (gap.std(ddof=1) / 20) < errors[1]:
            seen += 1
            assert chosen.kind == ("beta" if errors[0] >= 1 else line)
    assert seen >= 3


def test_a_line_is_seldom_bent_by_chance():
    """A bend that chance makes must win by its standard error."""
    kinds = [
        choose_calibration(*drawn(400, lambda s: sigmoid(0.8 * s - 0.5), seed=seed))[0].kind
        for seed in range(40)
    ]
    assert sum(kind in BENT for kind in kinds) <= 4


def test_bend_of_equal_slopes_leaves_the_line_and_an_edge_keeps_it_from_being_sure():
    line = np.linspace(-15, 15, 61)
    np.testing.assert_allclose(bent(line, 1, 1, 0, 0), line, atol=1e-6)
    assert sigmoid(bent(line, 1, 1, 0, 0.01))[[0, -1]] == pytest.approx([0.01, 0.99], abs=1e-6)
