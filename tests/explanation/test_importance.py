import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.inspection import permutation_importance

from helpers import small_features, small_model
from retention.explanation.importance import directions, mean_contributions, permutation_importances
from retention.explanation.noise_floor import with_noise
from retention.models.search import make_splits

GROUPS = {"a": "one", "b": "one", "c": "two"}


def contributions(rows=500, seed=1):
    rng = np.random.default_rng(seed)
    scale = np.array([0.5, 0.1, 1.0])
    return pd.DataFrame(rng.normal(size=(rows, 3)) * scale, columns=list("abc"))


def test_mean_contributions_by_hand_and_within_their_intervals():
    values = contributions()
    features, groups = mean_contributions(values, GROUPS, count=400, level=0.95, seed=1)
    assert list(features.index) == ["c", "a", "b"]
    assert features["mean_abs"].to_dict() == pytest.approx(values.abs().mean().to_dict())
    assert groups["mean_abs"]["one"] == pytest.approx((values["a"] + values["b"]).abs().mean())
    for table in (features, groups):
        assert (table["low"] < table["mean_abs"]).all()
        assert (table["high"] > table["mean_abs"]).all()
    error = values["c"].abs().std() / np.sqrt(500)
    assert features["high"]["c"] - features["low"]["c"] == pytest.approx(3.92 * error, rel=0.15)
    assert features[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 1], [2, 2], [3, 3]]


def test_ranks_of_equals_are_not_told_apart():
    rng = np.random.default_rng(2)
    values = pd.DataFrame(rng.normal(size=(300, 2)), columns=["a", "c"])
    features, _ = mean_contributions(values, GROUPS, count=400, level=0.95, seed=1)
    assert features["rank_low"].tolist() == [1, 1]
    assert features["rank_high"].tolist() == [2, 2]


def test_direction_is_that_of_the_values():
    rng = np.random.default_rng(3)
    x = rng.normal(size=200)
    features = pd.DataFrame({"a": x, "b": x, "c": x, "d": rng.choice(["x", "y"], 200)})
    values = pd.DataFrame({"a": x, "b": -(x**3), "c": x**2, "d": x})
    found = directions(values, features)
    assert found == {"a": "raises", "b": "lowers", "c": "mixed", "d": "by_word"}


def test_shuffling_costs_what_a_feature_knows():
    features, label = small_features(500, seed=4)
    useless = np.random.default_rng(5).normal(size=500)
    features = features.assign(minutes_m0=useless)
    pipeline = small_model("logistic", features, label)
    key = np.random.default_rng(6).integers(0, 2**64, 500, dtype=np.uint64)
    found = permutation_importances(pipeline, features, label, key, folds=5, seed=1)
    strongest = found["permutation"].idxmax()
    assert strongest != "minutes_m0"
    assert found["permutation_low"][strongest] > 0
    assert abs(found["permutation"]["minutes_m0"]) < found["permutation"][strongest] / 3
    assert (found["permutation_low"] <= found["permutation"]).all()


def test_importance_is_what_shuffling_one_feature_after_the_other_costs():
    features, label = small_features(1500, seed=12)
    pipeline = small_model("logistic", features, label)
    key = np.random.default_rng(13).integers(0, 2**64, 1500, dtype=np.uint64)
    splits = make_splits(key, count=5, repeats=1, seed=1, first=100)
    slow = [
        permutation_importance(
            clone(pipeline).fit(features.iloc[train], label[train]), features.iloc[test],
            label[test], scoring="roc_auc", n_repeats=10, random_state=2,
        ).importances_mean
        for train, test in splits
    ]  # fmt: skip
    found = permutation_importances(pipeline, features, label, key, folds=5, seed=1)
    np.testing.assert_allclose(found["permutation"], np.mean(slow, axis=0), atol=0.01)
    order = np.random.default_rng(14).permutation(1500)
    moved = permutation_importances(
        pipeline, features.iloc[order], label[order], key[order], folds=5, seed=1
    )
    # The solver itself stops a little elsewhere when rows are in another order.
    pd.testing.assert_frame_equal(moved, found, atol=1e-3)


def test_noise_has_a_real_distribution_and_knows_nothing():
    features, _ = small_features(400, seed=7)
    key = np.random.default_rng(8).integers(0, 2**64, 400, dtype=np.uint64)
    wide = with_noise(features, key, seed=1)
    added = [name for name in wide if name not in features]
    assert len(added) == 3
    numbers = features.select_dtypes("number")
    for name in added:
        same = [
            n
            for n in numbers
            if np.array_equal(np.sort(numbers[n]), np.sort(wide[name]), equal_nan=True)
        ]
        assert len(same) == 1
        assert abs(numbers.corrwith(wide[name], method="spearman")).max() < 0.2


def test_noise_goes_with_the_customer_and_not_with_the_row():
    features, _ = small_features(100, seed=9)
    key = np.random.default_rng(10).integers(0, 2**64, 100, dtype=np.uint64)
    order = np.random.default_rng(11).permutation(100)
    wide = with_noise(features, key, seed=1)
    moved = with_noise(features.iloc[order], key[order], seed=1)
    pd.testing.assert_frame_equal(moved, wide.iloc[order])
