import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from retention.evaluation.baselines import (
    best_rule,
    fit_baselines,
    published_recipe,
)
from retention.evaluation.evaluation import beside, judge, score_all, score_beside, slices
from retention.models.estimators import sigmoid
from retention.stats.metrics import at_threshold, lift, plain, resamples

RNG = np.random.default_rng(0)
LABEL = RNG.integers(0, 2, 300)
RISK = np.clip(0.4 * LABEL + RNG.random(300) * 0.6, 0, 1)


@pytest.mark.parametrize(
    ("name", "theirs"), [("precision", precision_score), ("recall", recall_score), ("f1", f1_score)]
)
def test_scores_at_the_threshold_are_those_of_scikit_learn(name, theirs):
    score = at_threshold(0.5)[name]
    assert plain(score, LABEL, RISK) == pytest.approx(theirs(LABEL, RISK >= 0.5))


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
        found = score_all(judge(LABEL[:n], RISK[:n], weights, threshold=0.5), level=0.9)
        assert found["f1_low"] < found["f1"] < found["f1_high"]
        widths.append(found["roc_auc_high"] - found["roc_auc_low"])
    assert widths[1] < 0.7 * widths[0]


def test_gain_over_oneself_is_nothing_and_over_chance_is_all():
    weights = resamples(np.arange(300), count=200, seed=1)
    ours = judge(LABEL, RISK, weights, threshold=0.5)
    chance = judge(LABEL, np.full(300, 0.3), weights, threshold=0.3)
    found = beside(ours, {"self": ours, "chance": chance}, level=0.95)
    assert found["over_self"] == found["over_self_low"] == found["over_self_high"] == 0
    assert found["chance_roc_auc"] == found["chance_roc_auc_low"] == 0.5
    assert found["over_chance_low"] > 0.2


def test_every_score_of_a_baseline_stands_beside_the_models():
    weights = resamples(np.arange(300), count=200, seed=1)
    dull = np.clip(0.3 + 0.2 * LABEL + 0.5 * (RNG.random(300) - 0.5), 0.01, 0.99)
    ours = judge(LABEL, RISK, weights, threshold=0.5)
    theirs = {
        "dull": judge(LABEL, dull, weights, threshold=0.4),
        "self": judge(LABEL, RISK, weights, threshold=0.5),
    }
    table = score_beside(ours, theirs, level=0.95).set_index(["baseline", "score"])
    lifts = {"lift_05", "lift_10", "lift_20"}
    called = {"precision", "recall", "f1"}
    formulas = {"roc_auc", "average_precision", "brier", "log_loss"}
    assert set(table.loc["dull"].index) == lifts | called | formulas
    assert table["comparison"].is_unique
    row = table.loc[("dull", "average_precision")]
    assert row["comparison"] == "average_precision, dull"
    assert row["beside"] == pytest.approx(average_precision_score(LABEL, dull))
    assert row["difference"] == pytest.approx(average_precision_score(LABEL, RISK) - row["beside"])
    assert row["difference_low"] < row["difference"] < row["difference_high"]
    assert table.loc[("dull", "brier"), "beside"] == pytest.approx(brier_score_loss(LABEL, dull))
    # Each calls drops from its own threshold on.
    assert table.loc[("dull", "f1"), "beside"] == pytest.approx(f1_score(LABEL, dull >= 0.4))
    assert table.loc[("dull", "f1"), "model"] == pytest.approx(f1_score(LABEL, RISK >= 0.5))
    assert (table.loc["self", ["difference", "difference_low", "difference_high"]] == 0).all(
        axis=None
    )


def test_baselines_tell_probabilities_and_keep_their_ranking():
    rng = np.random.default_rng(9)
    label = rng.integers(0, 2, 600)
    table = pd.DataFrame({"falls": rng.normal(size=600) - label, "noise": rng.normal(size=600)})
    train, test = table[:400], table[400:]
    key = np.random.default_rng(8).integers(2**63, size=400, dtype="uint64")
    found = fit_baselines(train, label[:400], key=key, seed=1)
    risks, thresholds = found.risks(test), found.thresholds
    assert found.rule.column == "falls"
    assert roc_auc_score(label[400:], risks["rule"]) == pytest.approx(
        roc_auc_score(label[400:], -test["falls"])
    )
    assert risks["rule"].mean() == pytest.approx(label[:400].mean(), abs=0.05)
    assert set(risks["chance"]) == {label[:400].mean()}
    # Those who rank nobody call everybody, which has the best F1 there is to have.
    assert thresholds["chance"] <= label[:400].mean()


def rare(customers=3000, *, weight, seed=6):
    """Features of which one tells a rare drop as far as `weight` says, the labels and keys."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame({"a": rng.normal(size=customers), "b": rng.normal(size=customers)})
    label = (rng.random(customers) < sigmoid(weight * features["a"] - 2)).astype("int64")
    return features, label.to_numpy(), rng.integers(2**63, size=customers, dtype="uint64")


def test_recipe_is_calibrated_and_ranks_as_it_does():
    """Balanced classes make it tell half of all customers a drop where one in seven drops."""
    features, label, key = rare(weight=1)
    known, asked = slice(0, 2000), slice(2000, None)
    train, test = features[known], features[asked]
    found = fit_baselines(train, label[known], key=key[known], seed=1)
    told = found.risks(test)["baseline"]
    plain = published_recipe(train, seed=1).fit(train, label[known]).predict_proba(test)[:, 1]
    assert plain.mean() > 2 * label[asked].mean()
    assert told.mean() == pytest.approx(label[asked].mean(), abs=0.02)
    # The half that it calls drops of those whom it learnt from are more than drop.
    assert 0 < found.thresholds["baseline"] < 0.5
    assert (np.argsort(told) == np.argsort(plain)).all()
    assert brier_score_loss(label[asked], told) < brier_score_loss(label[asked], plain) - 0.03


def test_recipe_that_knows_nothing_tells_the_share_of_drops():
    for seed in range(4):
        features, label, key = rare(300, weight=0, seed=seed)
        found = fit_baselines(features, label, key=key, seed=1)
        told = found.risks(features)["baseline"]
        assert told.mean() == pytest.approx(label.mean(), abs=0.03)
        plain = published_recipe(features, seed=1).fit(features, label).decision_function(features)
        assert roc_auc_score(plain > np.median(plain), told) == 1


def test_one_column_rule_takes_the_telling_column_and_its_direction():
    rng = np.random.default_rng(4)
    label = rng.integers(0, 2, 400)
    table = pd.DataFrame(
        {"noise": rng.random(400), "falls": rng.random(400) - label, "weak": rng.random(400)}
    )
    rule = best_rule(table, label)
    score = rule.score(pd.DataFrame({"falls": [3.0, 1.0, None]}))
    assert rule.column == "falls"
    assert score.tolist() == [-3.0, -1.0, -table["falls"].median()]


def test_one_column_rule_of_words_scores_the_share_of_drops():
    table = pd.DataFrame({"word": ["a", "b"] * 100})
    label = np.array([1, 0] * 100)
    rule = best_rule(table, label)
    assert rule.column == "word"
    score = rule.score(pd.DataFrame({"word": ["b", "a", "new", None]}))
    assert score.tolist() == [0.0, 1.0, 0.5, 0.5]


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
    found = slices(table, minimum=30, level=0.95)
    one = found["service=standard"]
    assert one["roc_auc"] == pytest.approx(roc_auc_score(LABEL[:280], RISK[:280]))
    assert one["roc_auc_low"] < one["roc_auc"] < one["roc_auc_high"]
    later = found["tenure_quarter=3"]
    assert later["roc_auc"] == pytest.approx(roc_auc_score(LABEL[225:], RISK[225:]))
    assert "service=premium" not in found
    assert found["service=standard"]["customers"] == 280
    assert found["service=standard"]["drop_share"] == pytest.approx(LABEL[:280].mean())
    assert sum(name.startswith("tenure_quarter") for name in found) == 4


def test_a_slice_with_few_of_a_class_is_shown_without_its_ranking():
    word = np.where(np.arange(300) < 60, "few", "many")
    label = np.where(word == "few", (np.arange(300) < 9).astype(int), LABEL)
    table = pd.DataFrame({"service": word, "drop": label, "risk": RISK})
    found = slices(table, words=["service"], minimum=30, level=0.95)
    few = found["service=few"]
    assert (few["customers"], few["drop_share"]) == (60, 0.15)
    assert np.isnan([few["roc_auc"], few["roc_auc_low"], few["roc_auc_high"]]).all()
    assert found["service=many"]["roc_auc_low"] < found["service=many"]["roc_auc"]
