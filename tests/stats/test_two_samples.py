import numpy as np
import pandas as pd
import pytest
from scipy import stats

from retention.stats.two_samples import mean_gap, number_gap, word_gap


def test_distance_of_numbers_is_that_of_their_shares_below_a_value():
    before, after = np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 5])
    gap = number_gap(before, after)
    # At most 2 are 2 of 4 before, and none after.
    assert gap.distance == gap.above == 0.5
    assert gap.below == 0
    other = number_gap(after, before)
    assert (other.distance, other.above, other.below) == (0.5, 0, 0.5)


def test_a_wider_spread_lies_both_ways():
    gap = number_gap(np.arange(40, 60.0), np.concatenate([np.arange(10.0), np.arange(90, 100.0)]))
    assert gap.above == gap.below == 0.5


@pytest.mark.parametrize(("sizes", "shift"), [((300, 80), 0.0), ((300, 80), 0.3), ((40, 900), 0.2)])
def test_distance_of_numbers_is_that_of_scipy_and_the_chance_not_below_it(sizes, shift):
    rng = np.random.default_rng(1)
    before, after = rng.normal(0, 1, sizes[0]), rng.normal(shift, 1, sizes[1])
    right = stats.ks_2samp(before, after, method="exact")
    gap = number_gap(before, after)
    assert gap.distance == pytest.approx(right.statistic)
    assert right.pvalue <= gap.p_value <= 3 * right.pvalue


def test_words_are_as_far_apart_as_shares_must_move():
    before, after = pd.Series(["a"] * 60 + ["b"] * 40), pd.Series(["a"] * 30 + ["b"] * 70)
    gap = word_gap(before, after)
    assert gap.distance == pytest.approx(0.3)
    tail = stats.fisher_exact([[60, 30], [40, 70]], alternative="greater").pvalue
    assert gap.p_value == pytest.approx(2 * tail)


def test_each_of_several_words_is_held_against_all_others():
    before = pd.Series(["a"] * 50 + ["b"] * 30 + ["c"] * 20)
    after = pd.Series(["a"] * 20 + ["b"] * 15 + ["c"] * 25)
    tail = stats.fisher_exact([[25, 20], [35, 80]], alternative="greater").pvalue
    assert word_gap(before, after).p_value == pytest.approx(3 * 2 * tail)


def test_two_rare_words_on_the_smaller_side_are_no_difference():
    """Six words are looked at, and the chance that a rare one is there by chance is one in 36."""
    before, after = pd.Series(list("abcde") * 20), pd.Series([*list("abcde") * 4, "f", "f"])
    assert word_gap(before, after).p_value > 0.1


def test_a_word_that_everyone_has_is_no_difference():
    gap = word_gap(pd.Series(["a"] * 9), pd.Series(["a"] * 30))
    assert (gap.distance, gap.p_value) == (0, 1)


def test_a_new_word_of_everyone_is_a_difference():
    gap = word_gap(pd.Series(["a", "b"] * 200), pd.Series(["c"] * 20))
    assert gap.distance == 1
    assert gap.p_value < 1e-15


def test_words_in_any_order_give_the_same_bits():
    rng = np.random.default_rng(3)
    before, after = (pd.Series(rng.choice(list("abcdefgh"), n)) for n in (500, 90))
    again = word_gap(before.sample(frac=1, random_state=1), after.sample(frac=1, random_state=2))
    assert again == word_gap(before, after)


def test_interval_of_two_means_is_that_of_welch():
    rng = np.random.default_rng(2)
    before, after = rng.normal(3, 1, 50), rng.normal(4, 3, 12)
    right = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.9)
    gap = mean_gap(before, after, level=0.9)
    assert (gap.low, gap.high) == pytest.approx((right.low, right.high))
    assert gap.difference == pytest.approx(after.mean() - before.mean())
    same = mean_gap(np.ones(9), np.ones(5), level=0.9)
    assert (same.low, same.difference, same.high) == (0, 0, 0)
