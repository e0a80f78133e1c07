import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier

from helpers import NUMBERS, WORDS, small_features, small_model
from retention.models.calibration import fit_sigmoid
from retention.models.estimators import (
    FAMILIES,
    SCORE_CLIP,
    STEADY,
    Blend,
    Neighbours,
    RiskModel,
    log_odds,
    raw_score,
    sigmoid,
    steady,
    steady_model,
)


@pytest.mark.parametrize("name", FAMILIES)
def test_family_is_known_by_its_name_and_learns(name):
    features, label = small_features(400, seed=1)
    unseen, answer = small_features(400, seed=2)
    assert FAMILIES[name].name == name
    assert roc_auc_score(answer, raw_score(small_model(name, features, label), unseen)) > 0.6


@pytest.mark.parametrize("name", FAMILIES)
def test_words_and_gaps_never_seen_before_are_scored(name):
    features, label = small_features(200, seed=3)
    model = small_model(name, features.fillna({"pages_per_visit": 5}), label)
    strange = features.head(3).copy()
    strange["service"] = ["gold", None, "standard"]
    strange.iloc[2, :3] = np.nan
    assert np.isfinite(raw_score(model, strange)).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_unseen_word_counts_as_no_word_whichever_it_is(name):
    features, label = small_features(200, seed=3)
    model = small_model(name, features, label)
    gold, missing = (features.assign(service=word) for word in ("gold", None))
    np.testing.assert_array_equal(raw_score(model, gold), raw_score(model, missing))


@pytest.mark.parametrize("name", FAMILIES)
def test_missing_word_in_training_is_a_word_of_its_own(name):
    features, _ = small_features(200, seed=4)
    label = np.arange(200) % 2
    words = pd.Series(np.where(label == 1, None, "standard"), dtype="str")
    model = small_model(name, features.assign(service=words), label)
    asked = features.head(20).fillna(0)
    scores = [raw_score(model, asked.assign(service=word)).mean() for word in (None, "standard")]
    assert scores[0] > scores[1]


def test_gap_is_filled_with_the_median_and_marked():
    features = pd.DataFrame({"a": [1.0, 2.0, 9.0, np.nan], "b": [1.0, 2.0, 3.0, 4.0]})
    model = small_model("logistic", features, np.array([0, 1, 0, 1]))
    prepared = model.named_steps["prepare"].transform(features)
    assert prepared.shape == (4, 3)
    assert prepared[3, 0] == prepared[1, 0]
    assert prepared[3, 2] > prepared[0, 2] == prepared[1, 2]


def test_that_a_value_is_missing_is_learnt():
    rng = np.random.default_rng(5)
    label = rng.integers(0, 2, 200)
    table = pd.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200)})
    table.loc[label == 1, "a"] = np.nan
    score = raw_score(small_model("logistic", table, label), table)
    assert roc_auc_score(label, score) == 1


def test_column_that_is_always_missing_does_no_harm():
    features, label = small_features(200, seed=6)
    with_gap = small_model("tree", features.assign(minutes_m0=np.nan), label)
    assert np.isfinite(raw_score(with_gap, features.assign(minutes_m0=np.nan))).all()


@pytest.mark.parametrize("name", ["tree", "svc", "forest", "boosting"])
def test_same_seed_gives_the_same_model(name):
    features, label = small_features(200, seed=7)
    first, second = (raw_score(small_model(name, features, label), features) for _ in range(2))
    np.testing.assert_array_equal(first, second)


class Told:
    """A model that gives out what it is asked, as a margin or as a probability."""

    def __init__(self, gives):
        setattr(self, gives, getattr(self, f"_{gives}"))

    def _decision_function(self, told):
        return told

    def _predict_proba(self, told):
        return np.column_stack([1 - told, told])


@pytest.mark.parametrize("gives", ["decision_function", "predict_proba"])
def test_customers_whom_the_last_digits_part_tie(gives):
    told = np.array([0.1 + 0.2, 0.3, 0.3 - 1e-15, 0.3 + 1e-7])
    score = raw_score(Told(gives), told)
    assert score[0] == score[1] == score[2] < score[3]


def test_coefficients_are_steady_alone_and_in_a_blend():
    features, label = small_features(200, seed=7)
    members = [FAMILIES["tree"].build(1), LogisticRegression()]
    blend = small_model("logistic", features, label)
    blend.steps[1] = ("estimate", Blend(members, [1.0, 1.0], [0.0, 0.0], [0.5, 0.5]))
    for pipeline in (small_model("logistic", features, label), blend.fit(features, label)):
        before = raw_score(pipeline, features)
        assert steady_model(pipeline) is pipeline
        estimate = pipeline.named_steps["estimate"]
        linear = estimate.fitted_[1] if pipeline is blend else estimate
        for values in (linear.coef_, linear.intercept_):
            np.testing.assert_array_equal(values, values.round(STEADY))
        np.testing.assert_allclose(raw_score(pipeline, features), before, atol=2e-8)


@pytest.mark.parametrize(
    ("value", "kept"), [(1.5679523456789, 1.567952), (-0.000123456789012, -0.0001234568)]
)
def test_steady_number_has_seven_digits(value, kept):
    assert steady(value) == steady(value * (1 + 1e-9)) == kept


def test_certain_probability_has_the_log_odds_of_the_clip():
    features, label = small_features(300, seed=8)
    score = raw_score(small_model("tree", features, label, min_samples_leaf=1), features)
    edge = np.log((1 - SCORE_CLIP) / SCORE_CLIP)
    assert (score.min(), score.max()) == pytest.approx((-edge, edge))


@settings(max_examples=50, deadline=None)
@given(probability=st.floats(1e-9, 1 - 1e-9))
def test_sigmoid_undoes_log_odds(probability):
    assert log_odds(np.array(0.8)) == pytest.approx(np.log(4))
    assert sigmoid(log_odds(np.array(probability))) == pytest.approx(probability, rel=1e-6)


def test_sigmoid_does_not_overflow():
    with np.errstate(all="raise"):
        assert sigmoid(np.array([-1e4, 0, 1e4])).tolist() == [0, 0.5, 1]


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (0.4, -1.2), (2.5, 0.7), (-0.8, 0.3)])
def test_fit_sigmoid_recovers_the_planted_line(slope, intercept):
    rng = np.random.default_rng(9)
    score = rng.normal(0.5, 1, 50_000)
    label = (rng.random(50_000) < sigmoid(slope * score + intercept)).astype(int)
    assert fit_sigmoid(score, label) == pytest.approx((slope, intercept), abs=0.07)


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(0.01, 100), shift=st.floats(-5, 5))
def test_fit_sigmoid_gives_the_same_risk_whatever_the_unit_of_the_score(scale, shift):
    rng = np.random.default_rng(10)
    score = rng.normal(size=500)
    label = (rng.random(500) < sigmoid(1.5 * score)).astype(int)
    slope, intercept = fit_sigmoid(score, label)
    moved_slope, moved_intercept = fit_sigmoid(scale * (score + shift), label)
    moved = sigmoid(moved_slope * scale * (score + shift) + moved_intercept)
    np.testing.assert_allclose(moved, sigmoid(slope * score + intercept), atol=0.002)


def test_fit_sigmoid_makes_the_mean_risk_the_share_that_dropped():
    rng = np.random.default_rng(11)
    score, label = rng.normal(size=400), rng.integers(0, 4, 400) // 3
    slope, intercept = fit_sigmoid(score, label)
    assert sigmoid(slope * score + intercept).mean() == pytest.approx(label.mean(), abs=1e-4)


@pytest.mark.parametrize("name", ["svc", "logistic"])
def test_risk_is_the_sigmoid_of_the_calibrated_score(name):
    features, label = small_features(200, seed=12)
    pipeline = small_model(name, features, label)
    margin = pipeline.decision_function(features)
    risk = RiskModel(pipeline, slope=0.7, intercept=-0.3).risk(features)
    np.testing.assert_allclose(risk, 1 / (1 + np.exp(-(0.7 * margin - 0.3))), atol=1e-9)


def test_bent_model_tells_the_bent_risk_and_names_what_its_line_is_in():
    features, label = small_features(200, seed=12)
    pipeline = small_model("logistic", features, label)
    line = 0.7 * pipeline.decision_function(features) - 0.3
    bend, steps = (0.3, 2.0, -0.8, 0.01), [(-1.0, -2.0), (1.0, 0.5)]
    beta, isotonic = (
        RiskModel(pipeline, 0.7, -0.3, bend),
        RiskModel(pipeline, 0.7, -0.3, None, steps),
    )
    told = 1 / (1 + np.exp(-line))
    odds = told**0.3 / (1 - told) ** 2 * np.exp(-0.8)
    np.testing.assert_allclose(beta.risk(features), 0.01 + 0.98 * odds / (1 + odds), atol=1e-9)
    np.testing.assert_allclose(beta.line(features), line, atol=1e-9)
    np.testing.assert_allclose(
        isotonic.risk(features), sigmoid(np.interp(line, [-1, 1], [-2, 0.5])), atol=1e-9
    )
    assert RiskModel(pipeline, 0.7, -0.3).space == "log-odds"
    assert beta.space == "log-odds before beta calibration"
    assert isotonic.space == "log-odds before isotonic calibration"


def test_columns_of_a_customer_are_found_by_name():
    features, label = small_features(200, seed=13)
    model = RiskModel(small_model("boosting", features, label), 1.0, 0.0)
    turned = features[[*WORDS, *reversed(NUMBERS)]].assign(other=1)
    np.testing.assert_array_equal(model.risk(turned), model.risk(features))


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_fewer_customers_than_neighbours_are_all_asked(weights):
    rng = np.random.default_rng(5)
    X, y, asked = rng.normal(size=(20, 3)), np.arange(20) % 2, rng.normal(size=(7, 3))
    told = {
        count: Neighbours(count, p=1, weights=weights).fit(X, y).predict_proba(asked)
        for count in (5, 20, 21, 10**6)
    }
    own = KNeighborsClassifier(20, weights=weights, p=1, algorithm="brute").fit(X, y)
    for count in (20, 21, 10**6):
        np.testing.assert_array_equal(told[count], own.predict_proba(asked))
    assert not np.allclose(told[5], told[20])
