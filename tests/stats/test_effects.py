import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from retention.stats.effects import benjamini_hochberg, holm, rank_effect, share_effect, wilson


def compared(inside, outside, level=0.95):
    values, place = np.unique(np.concatenate([inside, outside]), return_inverse=True)
    counts = [
        np.bincount(part, minlength=len(values)).astype(float)
        for part in (place[: len(inside)], place[len(inside) :])
    ]
    return rank_effect(values, *counts, level=level)


sides = st.lists(st.integers(0, 6), min_size=1, max_size=30)


def test_delta_by_hand():
    # Of the nine pairs five are won, two tied, two lost.
    effect = compared([1, 3, 4], [0, 1, 3])
    wins = sum(a > b for a in (1, 3, 4) for b in (0, 1, 3))
    losses = sum(a < b for a in (1, 3, 4) for b in (0, 1, 3))
    assert effect.effect == pytest.approx((wins - losses) / 9)
    assert effect.inside == pytest.approx(8 / 3)
    assert effect.outside == pytest.approx(4 / 3)


@settings(max_examples=80, deadline=None)
@given(inside=sides, outside=sides)
def test_delta_is_pairs_won_less_pairs_lost_and_lies_in_its_interval(inside, outside):
    effect = compared(inside, outside)
    a, b = np.array(inside)[:, None], np.array(outside)
    assert effect.effect == pytest.approx((a > b).mean() - (a < b).mean())
    assert -1 <= effect.low <= effect.effect + 1e-12
    assert effect.effect - 1e-12 <= effect.high <= 1
    assert 0 <= effect.p_value <= 1


@settings(max_examples=50, deadline=None)
@given(inside=sides, outside=sides)
def test_swapping_the_sides_turns_the_sign(inside, outside):
    one, other = compared(inside, outside), compared(outside, inside)
    assert (one.effect, one.low, one.high) == pytest.approx(
        (-other.effect, -other.high, -other.low), abs=1e-9
    )
    assert one.p_value == pytest.approx(other.p_value)


@pytest.mark.parametrize("seed", range(5))
def test_p_value_is_that_of_mann_and_whitney_with_ties(seed):
    rng = np.random.default_rng(seed)
    inside, outside = rng.integers(0, 8, 40) + seed % 3, rng.integers(0, 8, 90)
    judge = stats.mannwhitneyu(inside, outside, use_continuity=False, method="asymptotic")
    assert compared(inside, outside).p_value == pytest.approx(judge.pvalue, rel=1e-9)


def test_sides_that_do_not_overlap_have_an_interval_all_the_same():
    effect = compared(np.arange(30) + 100, np.arange(300) / 10)
    assert effect.effect == 1
    assert 0.7 < effect.low < 0.9
    assert effect.high == 1


def test_one_value_for_all_tells_nothing():
    effect = compared([2] * 5, [2] * 9)
    assert (effect.effect, effect.low, effect.high, effect.p_value) == (0, 0, 0, 1)
    assert (effect.inside, effect.outside) == (2, 2)


def test_empty_side_is_nan():
    assert np.isnan(compared([], [1, 2]).effect)
    assert np.isnan(share_effect(0, 0, 3, 9, level=0.95).p_value)


@pytest.mark.parametrize(
    ("m", "n", "shift", "spread"), [(30, 300, 0, 3), (30, 300, 0.7, 1), (60, 400, 3, 1)]
)
def test_interval_of_delta_covers(m, n, shift, spread):
    rng = np.random.default_rng(5)
    truth = 2 * stats.norm.cdf(shift / np.sqrt(1 + spread**2)) - 1
    runs, covered = 600, 0
    for _ in range(runs):
        found = compared(rng.normal(shift, spread, m), rng.normal(0, 1, n))
        covered += found.low <= truth <= found.high
    # An interval that covers 95 % stays above this in 99 of 100 such studies.
    assert covered / runs >= 0.925


def test_share_by_hand():
    effect = share_effect(30, 100, 100, 1000, level=0.95)
    assert (effect.inside, effect.outside) == pytest.approx((0.3, 0.1))
    assert effect.effect == pytest.approx(0.2)
    # Wilson's ends by hand: 0.218947 and 0.395852 inside, 0.082907 and 0.120154 outside.
    assert effect.low == pytest.approx(0.2 - np.hypot(0.3 - 0.218948, 0.120154 - 0.1), abs=2e-4)
    assert effect.high == pytest.approx(0.2 + np.hypot(0.395852 - 0.3, 0.1 - 0.082907), abs=2e-4)
    assert effect.p_value == pytest.approx(stats.fisher_exact([[30, 70], [100, 900]]).pvalue)


def test_share_effect_is_the_delta_of_having_the_word():
    word = compared(np.repeat([1, 0], [30, 70]), np.repeat([1, 0], [100, 900]))
    assert word.effect == pytest.approx(share_effect(30, 100, 100, 1000, level=0.95).effect)


def test_wilson_is_scipys_and_never_a_point():
    for hits, size in ((0, 10), (3, 10), (10, 10), (50, 1000)):
        judge = stats.binomtest(hits, size).proportion_ci(0.9, method="wilson")
        assert wilson(hits / size, size, level=0.9) == pytest.approx((judge.low, judge.high))
        assert np.diff(wilson(hits / size, size, level=0.9)) > 0


def test_benjamini_hochberg_by_hand():
    found = benjamini_hochberg(np.array([0.04, 0.01, np.nan, 0.03, 0.9]))
    np.testing.assert_allclose(found, [0.16 / 3, 0.04, np.nan, 0.16 / 3, 0.9])


def test_holm_by_hand():
    found = holm(np.array([0.04, 0.01, np.nan, 0.03, 0.9]))
    np.testing.assert_allclose(found, [0.09, 0.04, np.nan, 0.09, 0.9])


@settings(max_examples=60, deadline=None)
@given(p=st.lists(st.floats(0, 1), max_size=20))
def test_adjusted_p_values_are_the_definitions_or_stricter_and_keep_their_order(p):
    p = np.array(p)
    q, strict = benjamini_hochberg(p), holm(p)
    ranked, places = np.sort(p), np.arange(1, len(p) + 1)
    by_rank = [min([1, *(ranked * len(p) / places)[rank:]]) for rank in range(len(p))]
    np.testing.assert_allclose(np.sort(q), by_rank)
    assert (strict >= q - 1e-12).all()
    assert (np.diff(strict[np.argsort(p, kind="stable")]) >= 0).all()
    assert (strict <= 1).all()
