import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from retention.baselines import one_column_rule
from retention.judging import beside, score_all, slices
from retention.scores import at_threshold, lift, plain, resamples

RNG = np.random.default_rng(0)
LABEL = RNG.integers(0, 2, 300)
RISK = np.clip(0.4 * LABEL + RNG.random(300) * 0.6, 0, 1)


@pytest.mark.parametrize(
    ("name", "judge"), [("precision", precision_score), ("recall", recall_score), ("f1", f1_score)]
)
def test_scores_at_the_threshold_are_those_of_scikit_learn(name, judge):
    score = at_threshold(0.5)[name]
    assert plain(score, LABEL, RISK) == pytest.approx(judge(LABEL, RISK >= 0.5))


def test_lift_of_a_hand_made_case():
    label = np.array([1, 1, 0, 1, 0, 0, 0, 0, 0, 0])
    risk = np.linspace(0.9, 0.1, 10)
    assert plain(lift(0.2), label, risk) == pytest.approx(1 / 0.3)
    assert plain(lift(0.5), label, risk) == pytest.approx(0.6 / 0.3)
    # A customer on the border counts by the part inside: 2 hits and half of the next, a miss.
    assert plain(lift(0.25), label, risk) == pytest.approx((2 / 2.5) / 0.3)


def test_intervals_hold_the_score_and_shrink_with_customers():
    widths = []
    for n in (60, 300):
        weights = resamples(np.arange(n), count=300, seed=1)
        found = score_all(LABEL[:n], RISK[:n], weights, threshold=0.5, level=0.9)
        assert found["f1_low"] < found["f1"] < found["f1_high"]
        widths.append(found["roc_auc_high"] - found["roc_auc_low"])
    assert widths[1] < 0.7 * widths[0]


def test_gain_over_oneself_is_nothing_and_over_chance_is_all():
    weights = resamples(np.arange(300), count=200, seed=1)
    others = {"self": RISK, "chance": np.full(300, 0.3)}
    found = beside(LABEL, RISK, others, weights, level=0.95)
    assert found["over_self"] == found["over_self_low"] == found["over_self_high"] == 0
    assert found["chance_roc_auc"] == found["chance_roc_auc_low"] == 0.5
    assert found["over_chance_low"] > 0.2


def test_one_column_rule_takes_the_telling_column_and_its_direction():
    rng = np.random.default_rng(4)
    label = rng.integers(0, 2, 400)
    table = pd.DataFrame(
        {"noise": rng.random(400), "falls": rng.random(400) - label, "weak": rng.random(400)}
    )
    name, score = one_column_rule(table, label, pd.DataFrame({"falls": [3.0, 1.0]}).assign(
        noise=0.0, weak=0.0))  # fmt: skip
    assert name == "falls"
    assert score[1] > score[0]


def test_one_column_rule_of_words_scores_the_share_of_drops():
    table = pd.DataFrame({"word": ["a", "b"] * 100})
    label = np.array([1, 0] * 100)
    name, score = one_column_rule(table, label, pd.DataFrame({"word": ["b", "a", "new"]}))
    assert name == "word"
    assert score.tolist() == [0.0, 1.0, 0.5]


def test_small_slices_are_not_scored():
    table = pd.DataFrame(
        {
            "service": ["standard"] * 280 + ["premium"] * 20,
            "favourite_category": "toys",
            "consent": "yes",
            "tenure_days": np.arange(300.0),
            "drop": LABEL,
            "risk": RISK,
        }
    )
    found = slices(table, minimum=30)
    assert "service=premium" not in found
    assert found["service=standard"]["customers"] == 280
    assert found["service=standard"]["drop_share"] == pytest.approx(LABEL[:280].mean())
    assert sum(name.startswith("tenure_quarter") for name in found) == 4
