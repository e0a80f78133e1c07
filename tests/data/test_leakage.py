import numpy as np
import pandas as pd
import pytest

from retention.data.leakage import phik_between, variance_inflation
from retention.stats.ranking import ranking


def four_corners(times):
    """Two words that agree with independence to the last customer, and a number."""
    return pd.DataFrame(
        {
            "one": ["a", "a", "b", "b"] * times,
            "other": ["c", "d", "c", "d"] * times,
            "same": ["e", "e", "f", "f"] * times,
            "number": np.arange(4.0 * times),
        }
    )


def test_phik_is_0_without_relation_and_1_where_one_determines_the_other():
    matrix = phik_between(four_corners(25), jobs=1)
    assert matrix.loc["one", "other"] == pytest.approx(0, abs=1e-6)
    assert matrix.loc["one", "same"] > 0.9
    assert list(matrix) == list(matrix.index) == ["one", "other", "same", "number"]


def test_a_column_that_does_not_vary_has_no_inflation():
    table = pd.DataFrame({"x": [1.0, 2, 3, 5], "y": [1.0, 1, 1, 1], "z": [np.nan] * 4})
    assert variance_inflation(table) == {"x": pytest.approx(1)}


@pytest.mark.parametrize("same", ["word", None, 3.0, np.nan])
def test_a_column_that_is_the_same_for_everyone_ranks_nobody(same):
    label = pd.Series(np.arange(60) % 3 == 0).astype(int)
    assert ranking(pd.Series([same] * 60), label) == 0.5
    assert ranking(label.astype(float), label) == 1
