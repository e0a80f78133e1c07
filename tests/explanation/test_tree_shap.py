import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from helpers import shapley
from retention.explanation.surrogate import draw_rows, fit_surrogate
from retention.explanation.tree_shap import small_trees, solved, tree_scores

OWNER = np.array([0, 1, 2, 2, 3])
"""Columns 2 and 3 are made of one feature."""
GROUPS = [[0], [1], [2, 3], [4]]


def fitted(formula, *, rows=800, leaves=8, iterations=40, seed=1):
    x = np.random.default_rng(seed).normal(size=(rows, 5))
    model = HistGradientBoostingRegressor(
        max_iter=iterations, max_leaf_nodes=leaves, early_stopping=False, random_state=0
    )
    return x, model.fit(x, formula(x))


def formula(x):
    return x[:, 0] * x[:, 1] + np.abs(x[:, 2]) - 2 * (x[:, 3] > 0)


def test_scores_are_those_of_the_model():
    x, model = fitted(formula)
    trees = small_trees(model, OWNER)
    start = float(np.ravel(model._baseline_prediction)[0])
    np.testing.assert_allclose(start + tree_scores(trees, x), model.predict(x), atol=1e-9)


def test_values_are_the_shapley_values_over_all_coalitions():
    x, model = fitted(formula)
    background, rows = x[:20], x[100:106]
    found = solved(small_trees(model, OWNER), background, 4).values(rows)
    expected = [shapley(model.predict, row, background, GROUPS) for row in rows]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert np.abs(found[:, 0]).max() > 0.1


def test_values_are_those_of_shap_where_each_column_is_a_feature():
    import shap

    _, model = fitted(formula)
    # Off the training rows: shap rounds to 32 bits, and theirs lie beside the thresholds.
    fresh = np.random.default_rng(9).normal(size=(70, 5))
    rows, background = fresh[:40], fresh[40:]
    masker = shap.maskers.Independent(background, max_samples=30)
    expected = shap.TreeExplainer(model, masker)(rows).values
    found = solved(small_trees(model, np.arange(5)), background, 5).values(rows)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_feature_that_no_tree_asks_for_gets_nothing_and_the_rest_adds_up():
    x = np.random.default_rng(1).normal(size=(800, 5)) * [1, 1, 1, 1, 0]
    model = HistGradientBoostingRegressor(max_iter=40, max_leaf_nodes=8, early_stopping=False)
    model.fit(x, formula(x))
    trees = small_trees(model, OWNER)
    background = x[:25]
    found = solved(trees, background, 4).values(x)
    assert (found[:, 3] == 0).all()
    base = model.predict(background).mean()
    np.testing.assert_allclose(base + found.sum(axis=1), model.predict(x), atol=1e-9)


def test_trees_that_ask_too_much_are_declined():
    _, model = fitted(formula, leaves=16)
    assert small_trees(model, OWNER) is None


def stand_in(score, x, *, evaluations, **how):
    drawn = draw_rows(len(x), 20, 4, evaluations=evaluations, seed=1)
    points = drawn.points(x.__getitem__, x[:20], OWNER)
    return fit_surrogate(score, points, OWNER, unmixed=len(drawn.some), seed=1, **how)


@pytest.mark.parametrize(("smooth", "low", "high"), [(True, 0.95, 1), (False, -1, 0.5)])
def test_fidelity_is_high_for_what_trees_can_repeat_and_low_for_memory(smooth, low, high):
    x = np.random.default_rng(2).normal(size=(500, 5))
    noise = np.random.default_rng(3).normal(size=10**5)

    def score(points):
        if smooth:
            return formula(points)
        return noise[(np.abs(points.sum(axis=1)) * 10**4).astype(int) % 10**5]

    found = stand_in(score, x, evaluations=8000, trees=200)
    assert low <= found.fidelity <= high
    values, base = found.values(x[:50], x[:20])
    np.testing.assert_allclose(base + values.sum(axis=1), found.score(x[:50]), atol=1e-9)


def test_stand_in_is_the_same_whether_its_fidelity_is_measured_or_not():
    x = np.random.default_rng(4).normal(size=(300, 5))
    how = {"evaluations": 2000, "trees": 50}
    judged = stand_in(formula, x, **how)
    taken = stand_in(formula, x, **how, judged=False)
    assert taken.fidelity is None
    assert judged.fidelity > 0
    np.testing.assert_array_equal(taken.score(x), judged.score(x))


def test_mixtures_take_whole_features_from_one_row_or_the_other():
    rows = np.arange(50).reshape(10, 5) + 1000.0
    background = -np.arange(25).reshape(5, 5) - 1.0
    drawn = draw_rows(10, 5, 4, evaluations=410, seed=1)
    mixed = drawn.mixtures(rows.__getitem__, background, OWNER)
    assert mixed.shape == (400, 5)
    own = mixed > 0
    assert (own[:, 2] == own[:, 3]).all()
    taken = own[:, [0, 1, 2, 4]].sum(axis=1)
    assert (np.bincount(taken, minlength=5) > 50).all()
    for line, mine in zip(mixed, own, strict=True):
        assert np.unique((line[mine] - 1000) // 5).size <= 1
