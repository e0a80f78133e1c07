import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier

from helpers import NUMBERS, WORDS, small_features
from retention.core.errors import InputError
from retention.models.estimators import FAMILIES, SCORE_CLIP, Family, make_model, raw_score
from retention.models.search import (
    SearchResult,
    best_of,
    check_learnable,
    corrected_se,
    learnable,
    make_splits,
    out_of_fold,
    search,
)


class Memory(ClassifierMixin, BaseEstimator):
    """Say 1 of whom it was trained on, 0 of others."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.seen_ = set(X["place"])
        return self

    def predict_proba(self, X):
        seen = np.array([place in self.seen_ for place in X["place"]], dtype=float)
        return np.column_stack([1 - seen, seen])


class Size(Memory):
    """Score everybody by how many customers it was trained on."""

    def fit(self, X, y):
        self.size_ = len(X)
        return super().fit(X, y)

    def predict_proba(self, X):
        share = np.full(len(X), self.size_ / 100)
        return np.column_stack([1 - share, share])


class Counted(KNeighborsClassifier):
    """Count the fits of all copies."""

    fits = 0

    def fit(self, X, y):
        Counted.fits += 1
        return super().fit(X, y)


def keys(count, seed=1):
    return np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)


def result(name, mean):
    return SearchResult(name, {}, mean, 0.01)


def run_search(family, knobs, *, rows=200, candidates=10, splits=None):
    features, label = small_features(rows, seed=2)
    splits = splits or make_splits(keys(rows), count=4, repeats=1, seed=1)
    found = search(
        features, label, family, knobs, splits=splits, candidates=candidates, words=WORDS,
        seed=1, jobs=1,
    )  # fmt: skip
    return found, features, label, splits


@settings(max_examples=25, deadline=None)
@given(count=st.integers(2, 6), repeats=st.integers(1, 4), seed=st.integers(0, 999))
def test_each_repeat_tests_everybody_once_and_never_on_its_training_rows(count, repeats, seed):
    splits = make_splits(keys(200), count=count, repeats=repeats, seed=seed)
    assert len(splits) == count * repeats
    for train, test in splits:
        assert sorted([*train, *test]) == list(range(200))
    tested = np.bincount(np.concatenate([test for _, test in splits]), minlength=200)
    assert (tested == repeats).all()


def test_repeats_have_folds_of_their_own():
    splits = make_splits(keys(200), count=2, repeats=2, seed=1)
    assert splits[0][1].tolist() not in (splits[2][1].tolist(), splits[3][1].tolist())


def test_twins_are_tested_together():
    key = np.repeat(keys(50), 2)
    for _, test in make_splits(key, count=5, repeats=2, seed=3):
        assert (test[::2] + 1 == test[1::2]).all()


def test_corrected_se_by_hand():
    splits = [(np.arange(8), np.arange(4))] * 3
    # Standard deviation 0.1, of three folds, test parts half the size of the training parts.
    expected = 0.1 * np.sqrt(1 / 3 + 1 / 2)
    assert corrected_se(np.array([0.6, 0.7, 0.8]), splits) == pytest.approx(expected, abs=1e-12)


def test_corrected_se_takes_the_mean_ratio_of_unequal_folds():
    splits = [(np.arange(10), np.arange(5)), (np.arange(10), np.arange(1))]
    expected = np.sqrt(2) * np.sqrt(1 / 2 + 0.3)
    assert corrected_se(np.array([1.0, 3.0]), splits) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("means", "margin", "taken"),
    [
        ((0.700, 0.701, 0.6), 0.002, "a"),
        ((0.700, 0.703, 0.6), 0.002, "b"),
        ((0.600, 0.749, 0.75), 0.002, "b"),
        ((0.600, 0.749, 0.75), 0, "c"),
        ((0.700, 0.700, 0.7), 0, "a"),
        ((0.750, 0.600, 0.7), 0.002, "a"),
    ],
)
def test_simpler_family_is_taken_within_the_margin(means, margin, taken):
    results = [result(name, mean) for name, mean in zip("abc", means, strict=True)]
    margins = dict.fromkeys("abc", margin)
    assert best_of(results, margins=margins, preferred="abc").family == taken


def test_each_family_has_a_margin_of_its_own():
    results = [result("a", 0.8), result("b", 0.801), result("c", 0.8015)]
    for margins, taken in (
        ({"a": 0.002, "b": 0.002, "c": 0.0}, "a"),
        ({"a": 0.001, "b": 0.002, "c": 0.0}, "b"),
        ({"a": 0.001, "b": 0.0001, "c": 0.0}, "c"),
    ):
        assert best_of(results, margins=margins, preferred="ab").family == taken


@pytest.mark.parametrize(
    ("preferred", "taken"),
    [("", "c"), ("b", "b"), ("ba", "b"), ("ab", "a"), ("d", "c"), ("de", "c")],
)
def test_only_a_preferred_family_is_worth_the_margin(preferred, taken):
    results = [result("a", 0.8), result("b", 0.8005), result("c", 0.801), result("d", 0.7)]
    margins = dict.fromkeys("abcd", 0.002)
    assert best_of(results, margins=margins, preferred=preferred).family == taken


def test_search_takes_the_knob_that_ranks_best_and_tells_its_mean():
    knobs = {"n_neighbors": [1, 30], "p": [2]}
    found, features, label, splits = run_search(FAMILIES["knn"], knobs)
    means = {}
    for neighbours in (1, 30):
        model = make_model(FAMILIES["knn"], numbers=NUMBERS, words=WORDS, seed=1)
        model.set_params(estimate__n_neighbors=neighbours)
        means[neighbours] = np.array(
            [
                roc_auc_score(
                    label[test],
                    raw_score(model.fit(features.iloc[train], label[train]), features.iloc[test]),
                )
                for train, test in splits
            ]
        )
    best = max(means, key=lambda neighbours: means[neighbours].mean())
    assert best == 30
    assert (found.family, found.knobs) == ("knn", {"n_neighbors": 30, "p": 2})
    assert found.mean == pytest.approx(means[best].mean(), abs=0.005)
    assert found.se == pytest.approx(corrected_se(means[best], splits), abs=0.005)


@pytest.mark.parametrize(("candidates", "tried"), [(10, 6), (6, 6), (4, 4), (1, 1)])
def test_no_more_combinations_are_tried_than_allowed(candidates, tried):
    Counted.fits = 0
    family = Family("counted", lambda _: Counted())
    knobs = {"n_neighbors": [3, 5, 7], "p": [1, 2]}
    found, *_ = run_search(family, knobs, rows=100, candidates=candidates)
    assert Counted.fits == tried * 4
    assert found.knobs["n_neighbors"] in knobs["n_neighbors"]


@pytest.mark.filterwarnings("ignore")
def test_fold_without_a_drop_does_not_hide_the_score_of_the_others():
    _, label = small_features(200, seed=2)
    calm = np.flatnonzero(label == 0)[:10]
    rest = np.setdiff1d(np.arange(200), calm)
    parts = [calm, rest[::2], rest[1::2]]
    splits = [(np.setdiff1d(np.arange(200), part), part) for part in parts]
    found, *_ = run_search(FAMILIES["tree"], {"max_depth": [2]}, splits=splits)
    assert 0 < found.mean < 1
    assert best_of([found], margins={"tree": 0.0}, preferred=[]).family == "tree"


def test_nobody_is_scored_by_a_model_that_has_seen_them():
    table = pd.DataFrame({"place": np.arange(100)})
    splits = make_splits(keys(100), count=5, repeats=3, seed=1)
    score = out_of_fold(Memory(), table, np.arange(100) % 2, splits=splits, jobs=1)
    np.testing.assert_allclose(score, np.log(SCORE_CLIP / (1 - SCORE_CLIP)))


def test_scores_are_averaged_over_repeats_in_log_odds():
    table = pd.DataFrame({"place": np.arange(100)})
    rows = np.arange(100)
    halves = [(rows[:50], rows[50:]), (rows[50:], rows[:50])]
    uneven = [(rows[:80], rows[80:]), (rows[80:], rows[:80])]
    score = out_of_fold(Size(), table, rows % 2, splits=halves + uneven, jobs=1)
    # Trained on 50 of 100 once (log-odds 0), on 80 or 20 once (log-odds of 0.8 or 0.2).
    expected = np.where(rows >= 80, np.log(4), -np.log(4)) / 2
    np.testing.assert_allclose(score, expected, atol=1e-12)


def test_memoriser_is_at_chance_out_of_fold_on_random_labels():
    features, _ = small_features(600, seed=3)
    label = np.random.default_rng(4).integers(0, 2, 600)
    model = make_model(FAMILIES["knn"], numbers=NUMBERS, words=WORDS, seed=1)
    model.set_params(estimate__n_neighbors=1)
    splits = make_splits(keys(600), count=5, repeats=1, seed=1)
    told = out_of_fold(model, features, label, splits=splits, jobs=1)
    inside = raw_score(model.fit(features, label), features)
    assert roc_auc_score(label, inside) > 0.95
    assert abs(roc_auc_score(label, told) - 0.5) < 0.1


def test_out_of_fold_leaves_the_model_it_was_given_unfitted():
    table = pd.DataFrame({"place": np.arange(40)})
    model = Memory()
    splits = make_splits(keys(40), count=2, repeats=1, seed=1)
    score = out_of_fold(model, table, np.arange(40) % 2, splits=splits, jobs=1)
    assert np.isfinite(score).all()
    assert not hasattr(model, "seen_")


def test_a_knob_that_nothing_can_be_fitted_with_is_named():
    with pytest.raises(InputError) as mistake:
        run_search(FAMILIES["tree"], {"max_depth": [2**70], "min_samples_leaf": [5, 10]})
    said = str(mistake.value)
    assert said.startswith("params models.tree: ")
    assert f"max_depth = {2**70}, min_samples_leaf = 5, 10" in said
    assert "\n" not in said


@pytest.mark.filterwarnings("error")
def test_a_knob_that_can_be_fitted_is_taken_beside_one_that_cannot(capsys):
    found, *_ = run_search(FAMILIES["tree"], {"max_depth": [2**70, 3]})
    assert found.knobs == {"max_depth": 3}
    said = "train: 1 of 2 combinations of models.tree could not be fitted and are left out\n"
    assert capsys.readouterr().err == said
    assert 0.5 < found.mean < 1


def test_folds_that_leave_one_class_to_learn_from_are_refused():
    rows, label = np.arange(40), (np.arange(40) < 10).astype(int)
    fair, unfair = [(rows[5:], rows[:5])], [(rows[10:], rows[:10])]
    assert learnable(fair, label)
    check_learnable(fair, label)
    for splits in (unfair, fair + unfair, [(rows[:10], rows[10:])], [(rows[:0], rows)], []):
        assert not learnable(splits, label)
        with pytest.raises(InputError, match=r"10 training customers dropped and 30 stayed; .*fol"):
            check_learnable(splits, label)
