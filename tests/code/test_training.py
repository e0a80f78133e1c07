import numpy as np
import pytest

from retention.comparing import roc_auc_difference
from retention.searching import SearchResult
from retention.training import MARGIN, Candidate, blend_weights, margins


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
    assert margins(candidates, label) == {"better": 0.0, "other": MARGIN}


def test_many_customers_leave_less_than_the_margin():
    label, candidates = rivals(40_000)
    found = margins(candidates, label)
    error = roc_auc_difference(label, *(c.score for c in candidates)).error
    assert found["other"] == pytest.approx(error)
    assert found["other"] < MARGIN
    # Sampling error falls with the root of the number of customers.
    label, candidates = rivals(160_000)
    assert margins(candidates, label)["other"] == pytest.approx(error / 2, rel=0.1)
