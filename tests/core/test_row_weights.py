import numpy as np
import pandas as pd
import pytest

from retention.core.row_weights import effective_size, one_each, represented, weights_of


def test_rows_of_a_snapshot_count_one():
    table = pd.DataFrame({"customer_id": ["1", "2"]})
    assert weights_of(table).tolist() == [1.0, 1.0]
    assert represented(table) is table


def test_as_many_rows_as_tell_as_much():
    assert effective_size(np.ones(50)) == pytest.approx(50)
    assert effective_size(np.array([2.0, 1.0, 1.0])) == pytest.approx(16 / 6)
    assert effective_size(np.array([])) == 0


def test_a_row_is_kept_by_its_weight_whatever_the_order():
    count = 6000
    rows = pd.DataFrame(
        {
            "behaviour_key": np.arange(count, dtype="uint64") * np.uint64(977),
            "weight": np.where(np.arange(count) % 4 == 0, 3.0, 1.0),
        }
    )
    kept = represented(rows)
    shares = rows.index.isin(kept.index)[rows["weight"] == 1].mean()
    assert (kept["weight"] == 3).sum() == 1500
    assert shares == pytest.approx(1 / 3, abs=0.02)
    turned = represented(rows.iloc[::-1])
    assert set(turned.index) == set(kept.index)


def test_of_a_part_the_rows_are_kept_that_all_rows_keep():
    key = np.arange(900, dtype="uint64") * np.uint64(977)
    rows = pd.DataFrame({"behaviour_key": key, "weight": np.repeat([1.0, 1.0, 4.0], 300)})
    kept = represented(rows)
    parts = [represented(rows[first : first + 300], 4.0) for first in (0, 300, 600)]
    pd.testing.assert_frame_equal(pd.concat(parts), kept)
    assert 40 < len(parts[0]) < 110  # all of it count alike, and still for less than others
    assert represented(pd.concat(parts)).equals(kept)


def test_each_customer_has_one_row_of_any_month():
    months = 5
    rows = pd.DataFrame(
        {
            "twin_key": np.repeat(np.arange(1000, dtype="uint64"), months),
            "behaviour_key": np.arange(1000 * months, dtype="uint64") * np.uint64(131),
            "month": np.tile(np.arange(months), 1000),
        }
    )
    chosen = one_each(rows)
    assert chosen["twin_key"].is_unique
    assert len(chosen) == 1000
    assert chosen["month"].value_counts().between(150, 250).all()
    assert one_each(rows.sample(frac=1, random_state=1)).sort_index().equals(chosen)
