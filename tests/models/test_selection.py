import numpy as np
import pytest

from helpers import SMALL, WORDS, project_params, small_features
from retention.core.errors import InputError
from retention.core.hashing import uniform
from retention.core.params import Models, Train
from retention.models.learning_curve import learning_curve
from retention.models.search import SearchResult
from retention.models.selection import (
    LEGIBILITY_MARGIN,
    Candidate,
    blend_weights,
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
    assert curve["roc_auc"].notna().all()
    assert curve["customers"].iloc[-1] == len(label)


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


def test_learning_curve_leaves_out_a_part_of_one_class():
    found, features, label, key = trained("logistic")
    draw = uniform(key, seed=1, purpose="learning")
    label = label.copy()
    label[draw < 0.2] = 0
    curve = learning_curve(found.best.pipeline, features, label, key, seed=1)
    assert curve["roc_auc"].isna().tolist() == [True, False, False, False, False]
    assert curve["customers"].iloc[0] == (draw < 0.2).sum()
