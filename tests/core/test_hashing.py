import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, kstest

from dictionary import BEHAVIOUR
from helpers import random_shop
from retention.core import hashing
from retention.core.hashing import (
    behaviour_key,
    dealt,
    dealt_together,
    folds,
    one_of_each_twin,
    part_numbers,
    part_of,
    uniform,
)

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=25, deadline=None)


def keys(shop):
    return behaviour_key(shop, BEHAVIOUR)


@few
@given(seed=seeds, order=st.permutations(range(30)), columns=st.permutations(BEHAVIOUR))
def test_order_of_rows_and_columns_does_not_matter(seed, order, columns):
    shop = random_shop(30, seed=seed)
    shuffled = shop[["customer_id", *columns]].iloc[order]
    np.testing.assert_array_equal(behaviour_key(shuffled, columns), keys(shop)[order])


@few
@given(seed=seeds, count=st.integers(2, 10))
def test_customers_added_move_nobody(seed, count):
    shop = random_shop(40, seed=seed)
    grown = pd.concat([random_shop(60, seed=seed + 1), shop], ignore_index=True)
    for draw in (
        lambda key: uniform(key, seed=seed, purpose="split"),
        lambda key: folds(key, count=count, seed=seed),
    ):
        np.testing.assert_array_equal(draw(keys(grown))[60:], draw(keys(shop)))


@few
@given(seed=seeds, split_seed=seeds)
def test_twins_share_side_and_fold_whatever_their_id_label_and_profit(seed, split_seed):
    shop = random_shop(40, seed=seed)
    twins = shop.assign(
        customer_id=[f"twin {place}" for place in range(40)],
        drop=1 - shop["drop"],
        profit=shop["profit"] * -3,
    )
    both = keys(pd.concat([shop, twins]))
    side = uniform(both, seed=split_seed, purpose="split") < 0.25
    fold = folds(both, count=5, seed=split_seed, repeat=2)
    np.testing.assert_array_equal(side[:40], side[40:])
    np.testing.assert_array_equal(fold[:40], fold[40:])


@few
@given(seed=seeds, column=st.sampled_from(BEHAVIOUR), row=st.integers(0, 9))
def test_every_behaviour_column_counts(seed, column, row):
    shop = random_shop(10, seed=seed)
    value = shop.loc[row, column]
    other = shop.copy()
    other.loc[row, column] = value + "x" if isinstance(value, str) else value + 0.01
    assert np.flatnonzero(keys(shop) != keys(other)).tolist() == [row]


def test_unequal_rows_have_unequal_keys():
    shop = random_shop(20_000, seed=3)
    assert not shop.duplicated(list(BEHAVIOUR)).any()
    assert len(np.unique(keys(shop))) == len(shop)


def test_values_that_change_places_change_the_key():
    shop = random_shop(200, seed=4).query("minutes_m0 != minutes_m1")
    swapped = shop.rename(columns={"minutes_m0": "minutes_m1", "minutes_m1": "minutes_m0"})
    assert (keys(shop) != keys(swapped)).all()


def test_minus_zero_is_zero():
    plus, minus = (pd.DataFrame({"x": [zero], "w": ["a"]}) for zero in (0.0, -0.0))
    assert behaviour_key(plus, ["x", "w"]) == behaviour_key(minus, ["x", "w"])


def test_noise_beyond_six_digits_and_below_zero_is_zero():
    plus, minus = (pd.DataFrame({"x": [noise]}) for noise in (1e-12, -1e-12))
    assert behaviour_key(plus, ["x"]) == behaviour_key(minus, ["x"])


def test_missing_values_are_equal_and_differ_from_zero():
    table = pd.DataFrame({"x": [np.nan, np.copysign(np.nan, -1), 0.0]})
    key = behaviour_key(table, ["x"])
    assert key[0] == key[1] != key[2]


@pytest.mark.parametrize("kind", ["int64", "int8", "Int64", "Float64", "float32"])
def test_type_that_holds_a_whole_number_does_not_matter(kind):
    table = pd.DataFrame({"x": [0.0, 3.0, 100.0]})
    np.testing.assert_array_equal(
        behaviour_key(table.astype(kind), ["x"]), behaviour_key(table, ["x"])
    )


@pytest.mark.parametrize("kind", ["object", "string", "category"])
def test_type_that_holds_a_word_does_not_matter(kind):
    table = pd.DataFrame({"w": ["yes", None, "да"]})
    np.testing.assert_array_equal(
        behaviour_key(table.astype(kind), ["w"]), behaviour_key(table, ["w"])
    )


@few
@given(seed=seeds, purpose=st.sampled_from(["split", "fold 0", "arm"]))
def test_draws_of_neighbouring_keys_are_uniform(seed, purpose):
    draw = uniform(np.arange(20_000, dtype=np.uint64), seed=seed, purpose=purpose)
    assert 0 <= draw.min() < draw.max() < 1
    assert kstest(draw, "uniform").pvalue > 1e-6


@few
@given(seed=seeds, other=seeds)
def test_seeds_are_independent(seed, other):
    key = np.arange(20_000, dtype=np.uint64)
    a = uniform(key, seed=seed, purpose="split")
    b = uniform(key, seed=other + (other == seed), purpose="split")
    assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(len(key))


@few
@given(seed=seeds)
def test_side_tells_nothing_of_the_fold(seed):
    key = np.arange(20_000, dtype=np.uint64)
    side = uniform(key, seed=seed, purpose="split") < 0.25
    fold = folds(key, count=5, seed=seed)
    assert chi2_contingency(pd.crosstab(side, fold)).pvalue > 1e-6


@few
@given(seed=seeds)
def test_repeats_have_folds_of_their_own(seed):
    key = np.arange(20_000, dtype=np.uint64)
    first, second = (folds(key, count=5, seed=seed, repeat=repeat) for repeat in (0, 1))
    assert chi2_contingency(pd.crosstab(first, second)).pvalue > 1e-6


@few
@given(seed=seeds, count=st.integers(2, 20))
def test_folds_are_of_equal_size(seed, count):
    fold = folds(np.arange(10_000, dtype=np.uint64), count=count, seed=seed)
    sizes = np.bincount(fold, minlength=count)
    assert len(sizes) == count
    assert np.abs(sizes - 10_000 / count).max() < 6 * np.sqrt(10_000 / count)


def test_same_seed_and_purpose_draw_the_same():
    key = np.arange(100, dtype=np.uint64)
    first, second = (uniform(key.copy(), seed=7, purpose="arm") for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_first_row_of_equal_behaviour_and_label_is_scored():
    key = np.array([5, 5, 5, 8, 8, 5], dtype=np.uint64)
    label = pd.Series(pd.array([1, 1, 0, None, None, 1], dtype="Int8"))
    scored = one_of_each_twin(key, label)
    assert scored.tolist() == [True, False, True, True, False, False]


@few
@given(seed=seeds, most=st.integers(50, 400))
def test_part_keeps_the_share_of_each_class_and_is_no_larger(seed, most):
    rng = np.random.default_rng(seed)
    key = rng.integers(0, 2**64, 300, dtype=np.uint64)
    label = np.repeat([0, 1], [200, 100])
    chosen = part_of(key, label, most=most, seed=seed, purpose="rows")
    if most >= 300:
        assert chosen.all()
    assert chosen.sum() <= most
    assert chosen[label == 1].sum() == pytest.approx(100 * min(1, most / 300), abs=1)
    assert chosen[label == 0].sum() == pytest.approx(200 * min(1, most / 300), abs=1)


def test_part_follows_the_key_and_not_the_row():
    key = np.random.default_rng(1).integers(0, 2**64, 300, dtype=np.uint64)
    label = np.repeat([0, 1], [200, 100])
    chosen = part_of(key, label, most=90, seed=1, purpose="rows")
    order = np.random.default_rng(2).permutation(300)
    moved = part_of(key[order], label[order], most=90, seed=1, purpose="rows")
    np.testing.assert_array_equal(moved, chosen[order])
    assert (part_of(key, label, most=90, seed=2, purpose="rows") != chosen).any()


@few
@given(seed=seeds, sizes=st.lists(st.integers(1, 4), min_size=2, max_size=60))
def test_rows_of_a_key_give_and_get_together(seed, sizes):
    rng = np.random.default_rng(seed)
    names = rng.permutation(len(sizes)).astype("uint64") * np.uint64(977)
    key = np.repeat(names, sizes)
    order = rng.permutation(len(key))  # a customer's months stand apart in the table
    key = key[order]
    rows = dealt_together(key, seed=seed, purpose="outcomes")
    assert sorted(rows) == list(range(len(key)))
    for name in names:
        own = np.flatnonzero(key == name)
        (giver,) = set(key[rows[own]])
        assert (key == giver).sum() == len(own)
        assert rows[own].tolist() == np.flatnonzero(key == giver).tolist()


def test_rows_of_their_own_keys_are_dealt_as_without_blocks():
    key = np.random.default_rng(1).integers(0, 2**64, 200, dtype=np.uint64)
    alone = dealt(key, seed=3, purpose="outcomes")
    assert dealt_together(key, seed=3, purpose="outcomes").tolist() == alone.tolist()
    assert (alone != np.arange(200)).sum() > 180


def test_parts_follow_the_id_alone_and_are_of_one_size():
    ids = pd.Series([*map(str, range(300_000, 304_000)), "0071", "клиент-5", "1e5"], dtype="str")
    found = part_numbers(ids, count=7)
    shuffled = ids.sample(frac=1, random_state=0)
    again = pd.Series(part_numbers(shuffled, count=7), shuffled.index).sort_index()
    assert found.tolist() == again.tolist()
    # Whether others are numbers does not matter to one that is.
    assert part_numbers(ids[:10], count=7).tolist() == found[:10].tolist()
    assert part_numbers(ids[-3:], count=7).tolist() == found[-3:].tolist()
    sizes = np.bincount(found, minlength=7)
    assert sizes.min() > 500  # 572 each, within three standard deviations
    assert sizes.max() < 645
    assert set(part_numbers(ids, count=1)) == {0}


@pytest.mark.parametrize(
    "ids",
    [["0", "7", "300370", "999999999999999999"], ["5", "-5"], ["5", "1000000000000000000"], []],
)
def test_a_part_is_the_same_where_ids_are_known_to_be_numbers(ids):
    ids = pd.Series(ids, dtype="str")
    numbers = ids.astype("int64").to_numpy()
    told = part_numbers(ids, count=97, numbers=numbers)
    assert told.tolist() == part_numbers(ids, count=97).tolist()
    assert len(told) == len(ids)


def test_part_is_by_rank_within_each_class_and_equal_keys_share_theirs():
    rng = np.random.default_rng(7)
    for most in (20, 60, 119, 120, 500):
        key = rng.integers(0, 50, 120, dtype=np.uint64)
        label = rng.choice([0.0, 1.0, 2.0, np.nan], 120)
        draw = pd.Series(uniform(key, seed=3, purpose="rows"))
        expected = draw.groupby(label).rank(pct=True) <= most / 120
        chosen = part_of(key, label, most=most, seed=3, purpose="rows")
        assert chosen.tolist() == expected.tolist()
        assert 0 < chosen.sum() < 120  # whoever has no class is in no part


def test_draws_of_many_keys_are_those_of_each(monkeypatch):
    key = np.random.default_rng(5).integers(0, 2**64, 50, dtype=np.uint64)
    whole = uniform(key, seed=1, purpose="split")
    monkeypatch.setattr(hashing, "_BLOCK", 7)
    assert uniform(key, seed=1, purpose="split").tolist() == whole.tolist()
