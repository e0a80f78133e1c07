import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from retention.stats import metrics as scores
from retention.stats.metrics import (
    SCORES,
    Drawn,
    Ranks,
    average_precision,
    brier,
    calibration_line,
    calibration_slope,
    lift,
    log_loss,
    percentile_interval,
    plain,
    ranked,
    resamples,
    roc_auc,
    spread,
)

SKLEARN = {
    roc_auc: metrics.roc_auc_score,
    average_precision: metrics.average_precision_score,
    brier: metrics.brier_score_loss,
    log_loss: metrics.log_loss,
}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def judged(rows, steps, seed):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, rows)
    label[:2] = 0, 1
    risk = rng.integers(1, steps + 1, rows) / 100
    weights = rng.integers(0, 4, (3, rows)).astype(float)
    weights[:, :2] += 1
    return label, risk, weights


@pytest.mark.parametrize("score", SKLEARN)
@settings(max_examples=40, deadline=None)
@given(rows=st.integers(4, 40), steps=st.integers(2, 99), seed=st.integers(0, 2**32 - 1))
def test_score_is_sklearns_with_weights_and_ties(score, rows, steps, seed):
    label, risk, weights = judged(rows, steps, seed)
    expected = [SKLEARN[score](label, risk, sample_weight=row) for row in weights]
    np.testing.assert_allclose(score(Drawn(label, risk, weights)), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("score", SKLEARN)
def test_plain_score_is_sklearns_without_weights(score):
    rng = np.random.default_rng(1)
    label, risk = rng.integers(0, 2, 300), rng.uniform(0.01, 0.99, 300).round(2)
    assert plain(score, label, risk) == pytest.approx(SKLEARN[score](label, risk), abs=1e-12)


@pytest.mark.parametrize("name", SCORES)
def test_weight_two_is_the_row_twice(name):
    rng = np.random.default_rng(2)
    label, risk = rng.integers(0, 2, 80), rng.uniform(0.05, 0.95, 80)
    weights = rng.integers(0, 3, 80)
    expected = plain(SCORES[name], np.repeat(label, weights), np.repeat(risk, weights))
    found = SCORES[name](Drawn(label, risk, weights[None].astype("float32")))
    assert found[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", SCORES)
def test_order_of_rows_does_not_matter_to_a_score(name):
    rng = np.random.default_rng(3)
    label, risk = rng.integers(0, 2, 100), rng.integers(1, 9, 100) / 10
    order = rng.permutation(100)
    found = plain(SCORES[name], label[order], risk[order])
    assert found == pytest.approx(plain(SCORES[name], label, risk), rel=1e-9)


def test_roc_auc_by_hand_with_a_tie():
    label, risk = np.array([1, 1, 0, 0]), np.array([0.9, 0.5, 0.5, 0.1])
    # Of four pairs three are in order and one is a tie.
    assert plain(roc_auc, label, risk) == 3.5 / 4


def test_ranking_without_one_of_the_classes_has_no_score():
    label, risk, weights = np.array([1, 1, 0]), np.array([0.9, 0.5, 0.2]), np.array([[1.0, 1, 0]])
    assert np.isnan(roc_auc(Drawn(label, risk, weights))[0])
    assert np.isnan(average_precision(Drawn(1 - label, risk, weights))[0])


def test_log_loss_of_a_certain_error_is_that_of_the_clip():
    certain, wrong = np.array([0.0, 1.0]), np.array([1, 0])
    assert plain(log_loss, wrong, certain) == pytest.approx(-np.log(1e-6))
    assert plain(log_loss, 1 - wrong, certain) == pytest.approx(1e-6, rel=1e-3)


def test_ranked_counts_customers_at_least_as_risky():
    label, risk = np.array([0, 1, 1, 0]), np.array([0.2, 0.8, 0.2, 0.5])
    drops, others = ranked(Ranks(label, risk), np.array([[1.0, 1, 1, 1], [2.0, 0, 3, 1]]))
    assert drops.tolist() == [[0, 1, 1, 2], [0, 0, 0, 3]]
    assert others.tolist() == [[0, 0, 1, 2], [0, 0, 1, 3]]


def told_and_happened(seed, centre, slope, intercept):
    """Return log-odds off by a line, with both outcomes at either end: the line is finite."""
    rng = np.random.default_rng(seed)
    told = rng.normal(centre, 1, 300)
    label = (rng.random(300) < sigmoid(slope * told + intercept)).astype(int)
    ends = np.argsort(told)[[0, 1, -2, -1]]
    label[ends] = 0, 1, 0, 1
    weights = rng.integers(0, 3, (2, 300)).astype(float)
    weights[:, ends] = 1
    return label, told, weights


def unpenalised(label, told, weights):
    line = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=1000)
    line.fit(told.reshape(-1, 1), label, sample_weight=weights)
    return line.coef_[0, 0], line.intercept_[0]


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    centre=st.floats(-2, 2),
    slope=st.floats(-0.5, 3),
    intercept=st.floats(-1.5, 1.5),
)
def test_calibration_line_is_the_unpenalised_logistic_regression(seed, centre, slope, intercept):
    label, told, weights = told_and_happened(seed, centre, slope, intercept)
    slopes, intercepts = calibration_line(label, sigmoid(told), weights)
    expected = [unpenalised(label, told, row) for row in weights]
    np.testing.assert_allclose(np.column_stack([slopes, intercepts]), expected, atol=1e-4)


def test_calibration_line_finds_what_was_planted():
    rng = np.random.default_rng(5)
    told = rng.normal(0.3, 1, 100_000)
    label = (rng.random(100_000) < sigmoid(0.6 * told - 0.4)).astype(int)
    slope, intercept = calibration_line(label, sigmoid(told), np.ones((1, 100_000)))
    assert slope[0] == pytest.approx(0.6, abs=0.03)
    assert intercept[0] == pytest.approx(-0.4, abs=0.03)


def test_calibration_slope_is_the_slope_of_the_line():
    rng = np.random.default_rng(6)
    label, risk, weights = rng.integers(0, 2, 90), rng.uniform(0.2, 0.8, 90), np.ones((2, 90))
    line = calibration_line(label, risk, weights)
    np.testing.assert_array_equal(calibration_slope(Drawn(label, risk, weights)), line[0])


@pytest.mark.parametrize("label", [np.zeros(40, int), np.ones(40, int), np.arange(40) // 20])
def test_line_without_a_finite_slope_is_still_a_number(label):
    found = calibration_line(label, np.linspace(0.1, 0.9, 40), np.ones((1, 40)))
    assert np.isfinite(found).all()


@settings(max_examples=25, deadline=None)
@given(groups=st.lists(st.integers(0, 9), min_size=2, max_size=40), seed=st.integers(0, 999))
def test_resamples_keep_groups_together_and_draw_as_many_as_there_are(groups, seed):
    drawn = resamples(np.array(groups), count=20, seed=seed)
    assert drawn.shape == (20, len(groups))
    _, first, index = np.unique(groups, return_index=True, return_inverse=True)
    np.testing.assert_array_equal(drawn, drawn[:, first][:, index])
    assert (drawn[:, first].sum(axis=1) == len(first)).all()


def test_resamples_spread_a_mean_by_its_standard_error():
    rng = np.random.default_rng(7)
    values = rng.normal(size=400)
    drawn = resamples(np.arange(400), count=4000, seed=1)
    spread_of_means = (drawn @ values / 400).std()
    assert spread_of_means == pytest.approx(values.std() / np.sqrt(400), rel=0.06)


def test_resamples_follow_the_seed():
    first, again, other = (resamples(np.arange(50), count=5, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("name", SCORES)
def test_spread_in_parts_is_the_spread_at_once(name, monkeypatch):
    rng = np.random.default_rng(8)
    label, risk = rng.integers(0, 2, 60), rng.uniform(0.1, 0.9, 60)
    weights = resamples(np.arange(60), count=25, seed=1)
    whole = SCORES[name](Drawn(label, risk, weights))
    monkeypatch.setattr(scores, "_CHUNK", 60 * 4)
    np.testing.assert_allclose(spread(SCORES[name], label, risk, weights), whole, rtol=1e-9)


def test_interval_leaves_equal_tails_and_looks_away_from_missing_scores():
    values = np.append(np.random.default_rng(9).permutation(101), np.nan)
    assert percentile_interval(values, level=0.9) == pytest.approx((5, 95))
    assert percentile_interval(values, level=0.5) == pytest.approx((25, 75))


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
def test_lift_does_not_depend_on_the_order_of_customers_of_one_risk(share):
    label = np.repeat([1, 0], [10, 90])
    risk = np.repeat([0.9, 0.1, 0.9, 0.1], [5, 5, 15, 75])
    weights = np.ones((1, 100))
    back = lift(share)(Drawn(label[::-1], risk[::-1], weights))
    assert lift(share)(Drawn(label, risk, weights)) == pytest.approx(back)
    # Twenty customers share the highest risk, five of them drop: 25 % among 10 %.
    assert back == pytest.approx(2.5)


@pytest.mark.filterwarnings("error")
def test_interval_of_no_score_at_all_has_no_ends():
    assert np.isnan(percentile_interval(np.full(100, np.nan), level=0.95)).all()
