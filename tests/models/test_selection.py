import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import SMALL, WORDS, project_params, small_features
from retention.core.errors import InputError
from retention.core.params import Models, Train
from retention.models.learning_curve import FLAT, learning_curve
from retention.models.search import SearchResult, make_splits
from retention.models.selection import (
    LEGIBILITY_MARGIN,
    Candidate,
    blend,
    blend_weights,
    compared,
    fit_blend,
    margins,
    train_model,
)
from retention.stats.paired import roc_auc_difference

pytestmark = pytest.mark.slow


def test_blend_weights_find_the_member_that_knows():
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 2, 3000)
    label = (rng.random(3000) < 1 / (1 + np.exp(-truth))).astype("int64")
    weights = blend_weights(np.array([rng.normal(0, 2, 3000), truth]), label)
    assert sum(weights) == pytest.approx(1)
    assert weights[1] >= 0.8


def test_equal_members_share_equally():
    rng = np.random.default_rng(2)
    part = rng.normal(0, 1, 500)
    label = (rng.random(500) < 1 / (1 + np.exp(-part))).astype("int64")
    assert blend_weights(np.array([part, part]), label) == [0.5, 0.5]


def test_two_halves_of_the_truth_are_both_used():
    rng = np.random.default_rng(3)
    a, b = rng.normal(0, 2, (2, 4000))
    label = (rng.random(4000) < 1 / (1 + np.exp(-(a + b) / 2))).astype("int64")
    weights = blend_weights(np.array([a, b]), label)
    assert min(weights) >= 0.4


def rivals(customers):
    """Two families that rank about as well, by scores of their own."""
    rng = np.random.default_rng(7)
    label = rng.integers(0, 2, customers)
    scores = {name: 2 * label + rng.normal(size=customers) for name in ("better", "other")}
    means = {"better": 0.93, "other": 0.929}
    return label, [
        Candidate(SearchResult(name, {}, means[name], 0.01), None, scores[name][None])
        for name in scores
    ]


def test_few_customers_cannot_tell_families_apart_and_the_margin_is_whole():
    label, candidates = rivals(400)
    assert margins(candidates, label) == {"better": 0.0, "other": LEGIBILITY_MARGIN}


def test_many_customers_leave_less_than_the_margin():
    label, candidates = rivals(40_000)
    found = margins(candidates, label)
    error = roc_auc_difference(label, *(c.score for c in candidates)).error
    assert found["other"] == pytest.approx(error)
    assert found["other"] < LEGIBILITY_MARGIN
    # Sampling error falls with the root of the number of customers.
    label, candidates = rivals(160_000)
    assert margins(candidates, label)["other"] == pytest.approx(error / 2, rel=0.1)


EXTREMES = [
    ("logistic", "C", 1e-300),
    ("logistic", "C", 1e12),
    ("tree", "min_samples_leaf", 10**6),
    ("knn", "n_neighbors", 89),
    ("knn", "n_neighbors", 10**12),
    ("knn", "p", 1e12),
    ("svc", "C", 1e-300),
    ("svc", "gamma", 1e12),
    ("forest", "min_samples_leaf", 10**6),
    ("forest", "max_features", 1e-300),
    ("boosting", "learning_rate", 1e12),
    ("boosting", "min_samples_leaf", 10**6),
    ("boosting", "l2_regularization", 1e12),
]
"""Legal values that ask for more than a hundred customers can bear."""


def trained(model, *, rows=110, changes=(), **options):
    """A model of `rows` customers with few and small trees; beside it what it was made of."""
    params = project_params()
    for family, knobs in (*SMALL.items(), *changes):
        params["models"][family] |= knobs
    params["train"] |= {"model": model, "comparisons": 1, "candidates": 1, "jobs": 1} | options
    features, label = small_features(rows, seed=1)
    key = np.random.default_rng(1).integers(0, 2**64, rows, dtype=np.uint64)
    found = train_model(
        features,
        label,
        key,
        train=Train(**params["train"]),
        models=Models(**params["models"]),
        words=WORDS,
        quiet=True,
    )
    return found, features, label, key


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("family", "knob", "value"), EXTREMES)
def test_an_extreme_knob_gives_a_risk(family, knob, value):
    found, features, label, key = trained(family, changes=[(family, {knob: value})])
    assert ((found.risk >= 0) & (found.risk <= 1)).all()
    assert np.isfinite(found.model.log_odds(features)).all()
    assert np.isfinite(found.best.result.mean)
    curve = learning_curve(found.best.pipeline, features, label, key, seed=1)
    assert curve.points.notna().all(axis=None)
    assert curve.points["customers"].iloc[-1] == pytest.approx(0.8 * len(label), abs=1)


def test_a_knob_beyond_any_computer_is_named():
    knob = "min_samples_leaf"
    with pytest.raises(InputError, match=rf"^params models\.boosting: .*{knob} = {10**12}\b.*$"):
        trained("boosting", changes=[("boosting", {knob: 10**12})])


def test_more_neighbours_than_a_fold_has_are_said(capsys):
    trained("knn", changes=[("knn", {"n_neighbors": [5, 90]})])
    said = capsys.readouterr().err
    assert "models.knn.n_neighbors 90 is more than the " in said
    trained("knn", changes=[("knn", {"n_neighbors": [5, 60]})])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("model", "families"), [("blend", ["logistic"]), ("blend", ["blend"]), ("auto", ["blend"])]
)
def test_a_blend_of_less_than_two_families_is_refused(model, families):
    with pytest.raises(InputError, match=r"train\.families is \w+; a blend is of two"):
        trained(model, families=families)


def signal(customers, *, weight, seed=5):
    """One column that tells the label as far as `weight` says, and twelve of noise."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame(rng.normal(size=(customers, 13)), columns=list("abcdefghijklm"))
    label = (rng.random(customers) < 1 / (1 + np.exp(-weight * features["a"]))).astype("int64")
    return features, label.to_numpy(), rng.integers(2**63, size=customers, dtype="uint64")


class Remembers(ClassifierMixin, BaseEstimator):
    """Tells the size of the training part by how well it ranks: each customer adds a little."""

    def fit(self, _, label):
        self.classes_, self.size_ = np.unique(label), len(label)
        return self

    def decision_function(self, features):
        noise = np.sin(1e4 * features["b"].to_numpy())
        return features["a"].to_numpy() + noise * 200 / self.size_


def test_learning_curve_has_the_gain_of_a_model_that_gains():
    features, label, key = signal(1000, weight=3)
    found = learning_curve(Remembers(), features, label, key, seed=1)
    sizes = found.points["customers"]
    assert sizes.to_numpy() == pytest.approx([160, 320, 480, 640, 800], abs=15)
    assert found.points["roc_auc"].is_monotonic_increasing
    assert (found.gain["before"], found.gain["after"]) == (sizes[2], sizes[4])
    rises = found.points["roc_auc"]
    assert found.gain["gain"] == pytest.approx(rises[4] - rises[2])
    assert 0 < found.gain["low"] < found.gain["gain"] < found.gain["high"]
    assert found.gain["verdict"] == "helps"
    assert (found.points["low"] < rises).all()
    assert (rises < found.points["high"]).all()


def test_learning_curve_is_level_where_there_is_nothing_left_to_learn():
    features, label, key = signal(4000, weight=3)
    model = make_pipeline(LogisticRegression())
    assert learning_curve(model, features, label, key, seed=1).gain["verdict"] == "level"


def test_learning_curve_of_few_customers_cannot_tell():
    features, label, key = signal(120, weight=1)
    found = learning_curve(make_pipeline(LogisticRegression()), features, label, key, seed=1)
    assert found.gain["verdict"] == "unclear"
    assert found.gain["low"] <= 0
    assert found.gain["high"] >= FLAT


def test_learning_curve_does_not_depend_on_the_order_of_rows():
    features, label, key = signal(300, weight=2)
    turned = learning_curve(Remembers(), features[::-1], label[::-1], key[::-1], seed=1)
    assert turned.gain == learning_curve(Remembers(), features, label, key, seed=1).gain


def test_learning_curve_leaves_out_parts_of_one_class():
    """Of six drops a fifth of the customers rarely has one: its point is a gap."""
    features, _, key = signal(60, weight=1)
    found = learning_curve(Remembers(), features, np.repeat([1, 0], [9, 51]), key, seed=1)
    gaps = learning_curve(Remembers(), features, np.repeat([1, 0], [2, 58]), key, seed=1)
    assert found.points["roc_auc"].notna().iloc[-1]
    assert gaps.points["roc_auc"].isna().iloc[0]
    assert gaps.gain["verdict"] == "unclear"
    assert [gaps.gain[name] for name in ("gain", "low", "high")] == [None, None, None]


def two_members(customers=900, seed=3):
    """Two families of noise, compared in two rounds of folds."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, customers)
    key = rng.integers(2**63, size=customers, dtype="uint64")
    rounds = [make_splits(key, count=5, repeats=1, seed=1, first=r) for r in range(2)]
    model = Pipeline([("prepare", StandardScaler()), ("estimate", LogisticRegression())])
    candidates = [
        Candidate(SearchResult(name, {}, mean, 0.01), model, rng.normal(size=(2, customers)))
        for name, mean in (("logistic", 0.6), ("tree", 0.5))
    ]
    return candidates, label, rounds


def test_nobody_decides_how_its_own_score_is_blended():
    candidates, label, rounds = two_members()
    before = blend(candidates, label, rounds, members=2)
    fold = rounds[0][2][1]
    other = label.copy()
    other[fold] = 1 - other[fold]
    after = blend(candidates, other, rounds, members=2)
    assert (before.scores[0, fold] == after.scores[0, fold]).all()
    rest = rounds[0][1][1]
    assert (before.scores[0, rest] != after.scores[0, rest]).all()


def test_blend_itself_is_fitted_to_everyone():
    candidates, label, rounds = two_members()
    found = blend(candidates, label, rounds, members=2)
    lines, weights = fit_blend(np.array([one.scores for one in candidates]), label)
    estimate = found.pipeline.named_steps["estimate"]
    assert estimate.weights == weights
    assert list(zip(estimate.slopes, estimate.intercepts, strict=True)) == lines
    assert found.result.knobs == dict(zip(("logistic", "tree"), weights, strict=True))


def test_blend_of_noise_does_not_look_better_than_chance():
    """Lines and weights fitted to those whom they score turn noise the right way round."""
    areas, seen = [], []
    for seed in range(30):
        candidates, label, rounds = two_members(200, seed=seed)
        areas.append(blend(candidates, label, rounds, members=2).result.mean)
        raw = np.array([one.scores for one in candidates])
        lines, weights = fit_blend(raw, label)
        slopes = np.array([slope for slope, _ in lines])
        scores = np.tensordot(weights * slopes, raw, axes=1)
        seen.append(compared("blend", {}, scores, label, rounds).mean)
    assert np.mean(seen) > 0.52
    assert np.mean(areas) < 0.51
