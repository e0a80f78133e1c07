"""What a trained model must do, whatever it is: a small but whole training."""

import numpy as np
import pytest

from dictionary import BEHAVIOUR
from project import FIXTURES
from retention.core.hashing import behaviour_key, uniform
from retention.core.params import load_params
from retention.evaluation.baselines import best_rule
from retention.evaluation.calibration_verdict import judge_calibration
from retention.evaluation.evaluation import beside, judge, score_all
from retention.evaluation.grade import grade
from retention.models.selection import train_model
from retention.stats.metrics import plain, resamples, roc_auc
from simulation.shop import simulate_customers

pytestmark = pytest.mark.slow
PARAMS = load_params(FIXTURES / "params.yaml")
WORDS = ["service", "consent", "favourite_category"]
FAST = PARAMS.train.model_copy(
    update={
        "families": ["logistic", "svc", "boosting", "blend"],
        "candidates": 2,
        "comparisons": 1,
        "jobs": 1,
    }
)


def shop(customers=700, seed=5):
    table = simulate_customers(customers, unlabelled=0.0, seed=seed).customers
    table = table.drop_duplicates(list(BEHAVIOUR)).reset_index(drop=True)
    return table, table["drop"].to_numpy("int64"), behaviour_key(table, BEHAVIOUR)


def fit(features, label, key, **changes):
    train = FAST.model_copy(update=changes)
    return train_model(
        features, label, key, train=train, models=PARAMS.models, words=WORDS, quiet=True
    )


@pytest.fixture(scope="module")
def trained():
    table, label, key = shop()
    return table, label, key, fit(table[list(BEHAVIOUR)], label, key)


def test_row_order_changes_no_prediction(trained):
    table, label, key, found = trained
    order = np.random.default_rng(0).permutation(len(table))
    other = fit(table[list(BEHAVIOUR)].iloc[order], label[order], key[order])
    assert other.best.result.family == found.best.result.family
    ask = table[list(BEHAVIOUR)].head(200)
    np.testing.assert_allclose(other.model.risk(ask), found.model.risk(ask), atol=0.02)


def test_predictions_do_not_depend_on_the_others_asked(trained):
    table, _, _, found = trained
    ask = table[list(BEHAVIOUR)]
    alone = found.model.risk(ask.iloc[[3]])
    assert found.model.risk(ask)[3] == pytest.approx(alone[0], abs=1e-9)


@pytest.mark.parametrize(("column", "step"), [("unpaid_items", 2), ("pages_per_visit", -3)])
def test_risk_does_not_fall_when_behaviour_worsens(trained, column, step):
    table, _, _, found = trained
    ask = table[list(BEHAVIOUR)]
    worse = ask.assign(**{column: (ask[column] + step).clip(lower=0)})
    assert found.model.risk(worse).mean() >= found.model.risk(ask).mean()


def test_constant_column_changes_nothing(trained):
    table, label, key, _ = trained
    logistic = {"model": "logistic"}
    plainly = fit(table[list(BEHAVIOUR)], label, key, **logistic)
    widened = table[list(BEHAVIOUR)].assign(constant=7.0)
    other = fit(widened, label, key, **logistic)
    ask = slice(0, 100)
    np.testing.assert_allclose(
        other.model.risk(widened[ask]), plainly.model.risk(table[list(BEHAVIOUR)][ask]), atol=5e-3
    )


def test_permuted_label_scores_like_chance():
    table, label, key = shop(seed=6)
    mixed = np.random.default_rng(1).permutation(label)
    found = fit(table[list(BEHAVIOUR)], mixed, key, model="svc")
    areas = plain(roc_auc, mixed, found.best.score)
    assert 0.42 < areas < 0.58
    assert found.model.risk(table[list(BEHAVIOUR)]).std() < 0.25


def test_blend_is_the_mean_of_calibrated_log_odds(trained):
    table, label, key, _ = trained
    found = fit(table[list(BEHAVIOUR)], label, key, model="blend")
    estimate = found.best.pipeline.named_steps["estimate"]
    assert sum(estimate.weights) == pytest.approx(1)
    prepared = found.best.pipeline.named_steps["prepare"].transform(table[list(BEHAVIOUR)].head(9))
    by_hand = np.zeros(9)
    for member, slope, shift, weight in zip(
        estimate.fitted_, estimate.slopes, estimate.intercepts, estimate.weights, strict=True
    ):
        by_hand += weight * (slope * member.decision_function(prepared) + shift)
    np.testing.assert_allclose(estimate.decision_function(prepared), by_hand)
    weakest = min(c.result.mean for c in found.candidates)
    assert found.best.result.mean > weakest


def graded(columns, label, key, table):
    """The grade that evaluate would give to a model of `columns`, on held-out customers."""
    test = uniform(key, seed=1, purpose="split") < 0.4
    features = table[columns]
    words = [name for name in WORDS if name in columns]
    found = train_model(
        features[~test], label[~test], key[~test],
        train=FAST.model_copy(update={"model": "svc"}), models=PARAMS.models, words=words,
        quiet=True,
    )  # fmt: skip
    weights = resamples(key[test], count=300, seed=1)
    risk = found.model.risk(features[test])
    rule = best_rule(table[list(BEHAVIOUR)][~test], label[~test]).score(table[test])
    ours, theirs = (judge(label[test], one, weights, threshold=0.5) for one in (risk, rule))
    scores = score_all(ours, level=0.95) | beside(ours, {"rule": theirs}, level=0.95)
    scores |= judge_calibration(label[test], risk, PARAMS.evaluate.grade).told()
    return grade(scores, PARAMS.evaluate.grade)


def test_whole_model_is_graded_well_and_a_shuffled_label_fails():
    table, label, key = shop(1500, seed=8)
    assert graded(list(BEHAVIOUR), label, key, table) in "AB"
    mixed = np.random.default_rng(2).permutation(label)
    assert graded(list(BEHAVIOUR), mixed, key, table) == "F"


def test_best_column_alone_is_graded_c_at_most():
    table, label, key = shop(1500, seed=8)
    best = best_rule(table[list(BEHAVIOUR)], label).column
    assert graded([best], label, key, table) in "CF"
