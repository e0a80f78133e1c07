import numpy as np
import pytest

from retention.training import blend_weights


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
