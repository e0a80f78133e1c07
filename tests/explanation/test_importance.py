import math

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.inspection import permutation_importance

from helpers import small_features, small_model
from retention.explanation.importance import (
    AbsoluteSums,
    directions,
    mean_contributions,
    permutation_importances,
)
from retention.explanation.refits import fold_of, jackknife_error, reach, refit_without_folds
from retention.models.estimators import RiskModel

GROUPS = {"a": "one", "b": "one", "c": "two"}


def shuffled(pipeline, features, label, key, *, level=0.95):
    refits = refit_without_folds(RiskModel(pipeline, 1, 0), features, label, key, folds=5, seed=1)
    return permutation_importances(refits, features, label, key, level=level, seed=1)


def contributions(rows=500, seed=1):
    rng = np.random.default_rng(seed)
    scale = np.array([0.5, 0.1, 1.0])
    return pd.DataFrame(rng.normal(size=(rows, 3)) * scale, columns=list("abc"))


def means(values, refits, **how):
    return mean_contributions(AbsoluteSums.of(values, GROUPS), refits, GROUPS, **how)


def test_mean_contributions_and_their_intervals_by_hand():
    values = contributions()
    refits = [0.9 * values, values, 1.1 * values]
    features, groups = means(values, refits, level=0.95)
    assert list(features.index) == ["c", "a", "b"]
    assert features["mean_abs"].to_dict() == pytest.approx(values.abs().mean().to_dict())
    together = (values["a"] + values["b"]).abs().mean()
    assert groups["mean_abs"]["one"] == pytest.approx(together)
    # Delete-a-group jackknife: sqrt(2 / 3 * (0.1² + 0.1²)) of the mean; t of 2 degrees is 4.3027.
    half = 4.3027 * np.sqrt(2 / 3 * 0.02) * together
    assert groups.loc["one", ["low", "high"]].tolist() == pytest.approx(
        [together - half, together + half], abs=1e-4
    )
    quarter, _ = means(values, refits, level=0.95, learnt=0.25)
    wide, narrow = (table["high"] - table["mean_abs"] for table in (features, quarter))
    assert narrow.to_dict() == pytest.approx((wide / 2).to_dict())


def test_sums_of_parts_are_those_of_all_in_any_order_to_the_last_digit():
    values = contributions(400)
    values.iloc[7, 0] = -3e9  # more than 64 bits hold in the unit of the sums
    whole = AbsoluteSums.of(values, GROUPS)
    parts = [AbsoluteSums.of(values[place::7], GROUPS) for place in range(7)]
    for order in (parts, parts[::-1]):
        found = order[0]
        for part in order[1:]:
            found += part
        assert found == whole
    assert whole.customers == 400
    exact = values.abs().apply(lambda column: math.fsum(column) / 400)
    assert whole.means[0].to_dict() == pytest.approx(exact.to_dict(), rel=0, abs=1.2e-10)
    together = math.fsum((values["a"] + values["b"]).abs()) / 400
    assert whole.means[1]["one"] == pytest.approx(together, rel=0, abs=1.2e-10)


def test_an_interval_of_a_mean_contribution_ends_at_nothing():
    values = contributions()
    features, _ = means(values, [0 * values, 3 * values], level=0.95)
    assert (features["low"] == 0).all()
    alone, _ = means(values, [], level=0.95)
    assert alone[["low", "high"]].isna().all(axis=None)


def test_refits_lack_their_fold_and_nobody_else():
    features, label = small_features(300, seed=4)
    key = np.random.default_rng(6).integers(0, 2**64, 300, dtype=np.uint64)
    model = RiskModel(small_model("logistic", features, label), 1.3, 0.2)
    refits = refit_without_folds(model, features, label, key, folds=4, seed=1)
    of = fold_of(key, folds=4, seed=1)
    assert [refit.fold for refit in refits] == [0, 1, 2, 3]
    for refit in refits:
        assert (of[refit.test] == refit.fold).all()
        assert (of[refit.train] != refit.fold).all()
        assert len(refit.test) + len(refit.train) == 300
        assert refit.model.slope == 1.3
        own = clone(model.pipeline).fit(features.iloc[refit.train], label[refit.train])
        np.testing.assert_allclose(
            refit.model.line(features), RiskModel(own, 1.3, 0.2).line(features), atol=1e-6
        )


def test_the_jackknife_finds_the_error_of_a_mean():
    rng = np.random.default_rng(7)
    samples = rng.normal(0, 2, (400, 500))
    fold = np.arange(500) % 10
    found = [
        jackknife_error(np.array([row[fold != one].mean() for one in range(10)])) for row in samples
    ]
    assert np.mean(np.square(found)) == pytest.approx(4 / 500, rel=0.1)
    held = np.abs(samples.mean(axis=1)) <= reach(10, level=0.95) * np.array(found)
    assert held.mean() == pytest.approx(0.95, abs=0.03)


def test_direction_is_that_of_the_values():
    rng = np.random.default_rng(3)
    x = rng.normal(size=200)
    features = pd.DataFrame({"a": x, "b": x, "c": x, "d": rng.choice(["x", "y"], 200)})
    values = pd.DataFrame({"a": x, "b": -(x**3), "c": x**2, "d": x})
    found = directions(list(values), values.get, features.select_dtypes("number").get)
    assert found == {"a": "raises", "b": "lowers", "c": "mixed", "d": "by_word"}


def test_shuffling_costs_what_a_feature_knows():
    features, label = small_features(500, seed=4)
    useless = np.random.default_rng(5).normal(size=500)
    features = features.assign(minutes_m0=useless)
    pipeline = small_model("logistic", features, label)
    key = np.random.default_rng(6).integers(0, 2**64, 500, dtype=np.uint64)
    found = shuffled(pipeline, features, label, key)
    strongest = found["permutation"].idxmax()
    assert strongest != "minutes_m0"
    assert found["permutation_low"][strongest] > 0
    assert abs(found["permutation"]["minutes_m0"]) < found["permutation"][strongest] / 3
    assert (found["permutation_low"] <= found["permutation"]).all()
    # A level of its own has an interval of its own: quantiles of Student's t, 4 degrees.
    sure = shuffled(pipeline, features, label, key, level=0.99)
    wide, narrow = (
        (table["permutation_high"] - table["permutation"])[strongest] for table in (sure, found)
    )
    assert wide / narrow == pytest.approx(4.6041 / 2.7764, rel=1e-3)


def test_importance_is_what_shuffling_one_feature_after_the_other_costs():
    features, label = small_features(1500, seed=12)
    pipeline = small_model("logistic", features, label)
    key = np.random.default_rng(13).integers(0, 2**64, 1500, dtype=np.uint64)
    of = fold_of(key, folds=5, seed=1)
    slow = []
    for fold in range(5):
        train, test = np.flatnonzero(of != fold), np.flatnonzero(of == fold)
        fitted = clone(pipeline).fit(features.iloc[train], label[train])
        falls = permutation_importance(
            fitted,
            features.iloc[test],
            label[test],
            scoring="roc_auc",
            n_repeats=10,
            random_state=2,
        )
        slow.append(falls.importances_mean)
    found = shuffled(pipeline, features, label, key)
    np.testing.assert_allclose(found["permutation"], np.mean(slow, axis=0), atol=0.01)
    order = np.random.default_rng(14).permutation(1500)
    moved = shuffled(pipeline, features.iloc[order], label[order], key[order])
    # The solver itself stops a little elsewhere when rows are in another order.
    pd.testing.assert_frame_equal(moved, found, atol=1e-3)
