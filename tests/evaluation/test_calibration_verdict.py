import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression

from retention.core.params import Grade
from retention.evaluation.calibration_verdict import (
    IntervalEstimate,
    Place,
    Verdict,
    judge_calibration,
    judge_together,
    judged_bins,
    shift_estimate,
    slope_estimate,
    together,
)

RULES = Grade(
    chance_margin=0.05, clear_margin=0.02, slope_low=0.8, slope_high=1.25, shift_most=0.25
)
NAN = float("nan")
FALL = 2.7055 / 2
"""Of the log-likelihood, at the ends of an interval of 90 %."""


def drawn(count, *, slope=1.0, shift=0.0, seed=1):
    """Outcomes whose log-odds are a line of the risk's, around its middle."""
    rng = np.random.default_rng(seed)
    score = -0.6 + 1.5 * rng.standard_normal(count)
    label = rng.random(count) < expit(-0.6 + shift + slope * (score + 0.6))
    return label.astype("float64"), expit(score)


def likelihood(label, line):
    return (label * line - np.logaddexp(0, line)).sum()


def profile(label, score, slope):
    found = minimize_scalar(
        lambda shift: -likelihood(label, shift + slope * score),
        bounds=(-10, 10),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return -found.fun


def test_slope_is_that_of_the_regression_and_its_interval_that_of_the_likelihood():
    label, risk = drawn(300, slope=0.8)
    score = logit(risk)
    found = slope_estimate(label, score, np.ones(300))
    known = LogisticRegression(C=np.inf, tol=1e-10).fit(score[:, None], label)
    assert found.value == pytest.approx(known.coef_[0, 0], abs=1e-4)
    best = profile(label, score, found.value)
    for end in (found.low, found.high):
        assert best - profile(label, score, end) == pytest.approx(FALL, abs=1e-3)
    assert found.low < found.value < found.high


def test_shift_makes_the_drops_add_up_and_its_interval_is_that_of_the_likelihood():
    label, risk = drawn(300, slope=1.4, shift=0.4, seed=2)
    score = logit(risk)
    found = shift_estimate(label, score, np.ones(300))
    assert expit(score + found.value).sum() == pytest.approx(label.sum(), abs=1e-6)
    best = likelihood(label, score + found.value)
    for end in (found.low, found.high):
        assert best - likelihood(label, score + end) == pytest.approx(FALL, abs=1e-3)


def test_interval_of_the_shift_is_wider_where_outcomes_vary_more_than_the_risks_say():
    score = np.repeat([-3.0, 3.0], 200)
    label = np.tile([1.0, 0.0], 200)  # outcomes that the risks know nothing of
    found = shift_estimate(label, score, np.ones(400))
    told = expit(score)
    more = ((label - told) ** 2).sum() / (told * (1 - told)).sum()
    assert more > 5
    fall = likelihood(label, score) - likelihood(label, score + found.high)
    assert fall == pytest.approx(FALL * more, rel=1e-3)


@pytest.mark.parametrize(
    ("ends", "place"),
    [
        ((0.8, 1.25), Place.INSIDE),
        ((0.79, 1.1), Place.ACROSS),
        ((0.9, 1.26), Place.ACROSS),
        ((0.5, 2.0), Place.ACROSS),
        ((0.5, 0.79), Place.BELOW),
        ((1.26, np.inf), Place.ABOVE),
        ((1.0, np.inf), Place.ACROSS),
        ((NAN, NAN), Place.ACROSS),
    ],
)
def test_an_interval_lies_inside_or_outside_of_a_band_or_tells_nothing(ends, place):
    assert IntervalEstimate(1.0, *ends).place(0.8, 1.25) == place


def test_all_must_hold_and_one_that_does_not_is_enough():
    hold, broken, open_ = Verdict.HOLD, Verdict.DO_NOT_HOLD, Verdict.CANNOT_BE_TOLD
    assert together(hold, hold) == hold
    assert together(hold, open_) == open_
    assert together(open_, broken) == together(broken, hold) == broken
    assert [place.verdict for place in Place] == [hold, broken, broken, open_]


def test_probabilities_that_are_true_hold_once_there_are_enough_customers():
    label, risk = drawn(2000)
    found = judge_calibration(label, risk, RULES)
    assert found.verdict == Verdict.HOLD
    assert found.expected == pytest.approx(risk.sum())
    assert found.observed.low < found.observed.value == label.sum() < found.observed.high
    assert judge_calibration(label[:250], risk[:250], RULES).verdict == Verdict.CANNOT_BE_TOLD


def test_random_labels_of_few_customers_tell_nothing_though_the_interval_contains_one():
    rng = np.random.default_rng(3)
    label = np.repeat([0.0, 1.0], [10, 107])
    risk = expit(2.3 + 0.15 * rng.standard_normal(117))
    found = judge_calibration(label, risk, RULES)
    assert found.slope.low < -2
    assert found.slope.high > 2
    assert (found.slope_place, found.verdict) == (Place.ACROSS, Verdict.CANNOT_BE_TOLD)


@pytest.mark.parametrize(("sign", "place"), [(1, Place.ABOVE), (-1, Place.BELOW)])
def test_a_shift_of_all_risks_is_noticed(sign, place):
    found = judge_calibration(*drawn(2000, shift=0.7 * sign), RULES)
    assert found.slope_place != Place.BELOW
    assert (found.shift_place, found.verdict) == (place, Verdict.DO_NOT_HOLD)


def test_a_slope_of_seven_tenths_never_holds_with_250_customers():
    said = [judge_calibration(*drawn(250, slope=0.7, seed=n), RULES).verdict for n in range(40)]
    assert Verdict.HOLD not in said
    assert Verdict.DO_NOT_HOLD in said


def test_fewer_than_ten_of_an_outcome_tell_nothing():
    label, risk = drawn(2000, shift=3)
    rare = np.flatnonzero(label == 0)
    keep = np.setdiff1d(np.arange(2000), rare[9:])
    found = judge_calibration(label[keep], risk[keep], RULES)
    assert found.verdict == Verdict.CANNOT_BE_TOLD
    assert np.isnan([found.slope.value, found.shift.low, found.observed.low]).all()
    keep = np.setdiff1d(np.arange(2000), rare[10:])
    assert judge_calibration(label[keep], risk[keep], RULES).shift_place == Place.ABOVE


def test_one_risk_for_all_has_no_slope_and_a_perfect_ranking_no_upper_end():
    label = np.repeat([0.0, 1.0], 1000)
    flat = judge_calibration(label, np.full(2000, 0.5), RULES)
    assert np.isnan(flat.slope.value)
    assert (flat.shift_place, flat.verdict) == (Place.INSIDE, Verdict.CANNOT_BE_TOLD)
    sure = judge_calibration(label, np.repeat([0.2, 0.8], 1000), RULES)
    assert (sure.slope.high, sure.slope_place) == (np.inf, Place.ABOVE)


def test_the_order_of_rows_changes_nothing():
    label, risk = drawn(500)
    order = np.random.default_rng(4).permutation(500)
    one, other = (judge_calibration(label[o], risk[o], RULES) for o in (np.arange(500), order))
    for name, value in one.told().items():
        assert other.told()[name] == (
            value if isinstance(value, str) else pytest.approx(value, abs=1e-8)
        )


def test_two_customers_who_count_half_are_one():
    label, risk = drawn(300)
    once = judge_calibration(label, risk, RULES).told()
    twice = judge_calibration(np.tile(label, 2), np.tile(risk, 2), RULES, weight=np.full(600, 0.5))
    for name in ("calibration_slope_low", "calibration_shift_high"):
        assert twice.told()[name] == pytest.approx(once[name], abs=1e-7)


def test_training_customers_count_half_and_test_customers_have_the_last_word():
    label, risk = drawn(4000)
    tested = np.arange(4000) < 1000
    found = judge_together(label, risk, tested, RULES)
    assert (found["calibration"], found["calibration_customers"]) == ("hold", 4000)
    weight = np.where(tested, 1.0, 0.5)
    known = judge_calibration(label, risk, RULES, weight=weight)
    assert found["calibration_slope_low"] == known.slope.low
    assert found["expected_drops"] == pytest.approx(risk[:1000].sum())
    assert found["observed_drops"] == label[:1000].sum()
    broken, told = drawn(1000, shift=0.5, seed=5)
    found = judge_together(np.r_[broken, label], np.r_[told, risk], np.arange(5000) < 1000, RULES)
    assert found["calibration_shift_place"] == "inside"
    assert found["calibration"] == found["calibration_test"] == "do_not_hold"


def test_a_bin_misses_where_chance_for_all_ten_does_not_explain_it():
    risk = np.repeat(np.linspace(0.05, 0.95, 10), 100) + np.tile(np.linspace(-0.01, 0.01, 100), 10)
    label = np.concatenate([np.arange(100) < round(100 * p) for p in np.linspace(0.05, 0.95, 10)])
    label = label.astype("float64")
    assert not judged_bins(label, risk, level=0.95)["misses"].any()
    # 25 of 100 told, 38 dropped: outside of an interval of 95 %, inside of one for ten bins.
    label[200:300] = np.arange(100) < 38
    assert not judged_bins(label, risk, level=0.95)["misses"].any()
    label[200:300] = np.arange(100) < 41
    table = judged_bins(label, risk, level=0.95)
    assert table["misses"].tolist() == [place == 2 for place in range(10)]
    known = binomtest(41, 100).proportion_ci(0.995, "exact")
    assert tuple(table.loc[2, ["low", "high"]]) == pytest.approx((known.low, known.high))


def test_bins_without_a_drop_or_a_stay_have_their_exact_ends():
    table = judged_bins(np.repeat([0.0, 1.0], 50), np.linspace(0.1, 0.9, 100), level=0.95)
    known = binomtest(0, 10).proportion_ci(0.995, "exact")
    assert tuple(table.loc[0, ["low", "high"]]) == pytest.approx((0, known.high))
    assert tuple(table.loc[9, ["low", "high"]]) == pytest.approx((1 - known.high, 1))
