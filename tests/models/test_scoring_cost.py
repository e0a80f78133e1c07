import numpy as np
import pytest

from retention.models.estimators import FAMILIES
from retention.models.scoring_cost import steps_per_customer
from retention.models.search import SearchResult
from retention.models.selection import AFFORDABLE, BLEND, Candidate, preference

USUAL = {
    "tree": {"max_depth": 5},
    "forest": {"n_estimators": 300},
    "extra_trees": {"n_estimators": 200},
    "boosting": {"max_iter": 120, "max_leaf_nodes": 6},
}


def steps(family, rows):
    return steps_per_customer(family, USUAL.get(family, {}), rows=rows, columns=20)


def test_steps_are_counted_by_hand():
    ready = 20 * 150  # columns made ready, for every family
    assert steps("logistic", 1024) == ready + 20
    assert steps("tree", 1024) == ready + 50
    assert steps("tree", 8) == ready + 30  # eight customers have no five questions
    assert steps("extra_trees", 1024) == ready + 200 * 10 * 10
    assert steps("knn", 1024) == steps("svc", 1024) == ready + 20 * 1024
    assert steps("boosting", 1024) == pytest.approx(ready + 120 * 10 * np.log2(6))


def test_every_family_has_a_cost():
    assert all(steps(name, 20_000) > 0 for name in FAMILIES)


def candidate(family, cost):
    result = SearchResult(family, {}, 0.9, 0.01)
    return Candidate(result, None, np.zeros((1, 1)), cost)


ALL = [candidate("knn", 1e6), candidate("extra_trees", 1e4), candidate(BLEND, 1e6 + 1e4)]


def test_the_blend_goes_first_where_everyone_is_scored_at_once():
    assert preference(ALL, 1_300) == ["logistic", "tree", "boosting", BLEND]


def test_the_cheaper_goes_first_where_scoring_everyone_takes_long():
    assert AFFORDABLE < 1e6 * 1e6
    order = preference(ALL, 1_000_000)
    assert order == ["logistic", "tree", "boosting", "extra_trees", "knn", BLEND]
