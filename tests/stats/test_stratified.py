from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from retention.stats.stratified import NOWHERE, STRATUM, strata_of, stratified_effect


def shop_of(count, *, seed, values=8):
    rng = np.random.default_rng(seed)
    risk = rng.uniform(0, 1, count).round(2)
    inside = rng.random(count) < np.clip(risk, 0.1, 0.9)
    return risk, inside, rng.integers(0, values, count).astype("float64")


def by_pairs(values, inside, strata):
    """Return the effect and its variance under dealing out, stratum by stratum, pair by pair."""
    effect, spread, outside, members = 0.0, 0.0, 0.0, 0
    for stratum in set(strata[strata != NOWHERE]):
        one, other = (values[(strata == stratum) & side] for side in (inside, ~inside))
        one, other = one[~np.isnan(one)], other[~np.isnan(other)]
        if not len(one) or not len(other):
            continue
        members += len(one)
        effect += len(one) * np.sign(one[:, None] - other).mean()
        outside += len(one) * other.mean()
        ranks = stats.rankdata([*one, *other])
        total = len(ranks)
        # Mean rank inside minus mean rank outside, when ranks are dealt out: finite sampling.
        gap = ranks.var(ddof=1) * total / (len(one) * len(other))
        spread += len(one) ** 2 * gap * 4 / total**2
    return effect / members, spread / members**2, outside / members


@pytest.mark.parametrize("seed", range(5))
def test_effect_is_the_mean_over_customers_inside_of_their_strata(seed):
    risk, inside, values = shop_of(300, seed=seed)
    values[::17] = np.nan
    strata = strata_of(risk, inside, size=25)
    found = stratified_effect(values, inside, strata, level=0.95)
    effect, spread, outside = by_pairs(values, inside, strata)
    assert found.effect == pytest.approx(effect)
    assert found.outside == pytest.approx(outside)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(effect) / np.sqrt(spread)))
    assert found.low < found.effect < found.high
    kept = (strata != NOWHERE) & ~np.isnan(values)
    assert found.inside == pytest.approx(values[kept & inside].mean())


def test_one_stratum_is_mann_and_whitney():
    _, inside, values = shop_of(90, seed=7)
    found = stratified_effect(values, inside, np.zeros(90, dtype=int), level=0.95)
    judge = stats.mannwhitneyu(
        values[inside], values[~inside], use_continuity=False, method="asymptotic"
    )
    assert found.p_value == pytest.approx(judge.pvalue)
    pairs = inside.sum() * (~inside).sum()
    assert found.effect == pytest.approx(2 * judge.statistic / pairs - 1)


def test_words_differ_by_their_shares_weighed_as_inside():
    # Stratum 0: 1 of 3 inside, 2 of 4 outside; stratum 1: 2 of 2 inside, 0 of 5 outside.
    holds = np.array([1.0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0])
    inside = np.array([1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
    strata = np.repeat([0, 1], 7)
    found = stratified_effect(holds, inside, strata, level=0.95)
    assert found.inside == pytest.approx(3 / 5)
    assert found.outside == pytest.approx(3 / 5 * 2 / 4)
    assert found.effect == pytest.approx(found.inside - found.outside)


def test_word_is_tested_with_a_correction_for_continuity():
    # One stratum: the test of Cochran, Mantel and Haenszel is that of a fourfold table.
    holds, inside = np.arange(60) % 3 == 0, np.arange(60) < 25
    holds[:9] = True
    how = {"level": 0.95, "word": True}
    found = stratified_effect(holds.astype("float64"), inside, np.zeros(60, int), **how)
    a, m, k = (holds & inside).sum(), inside.sum(), holds.sum()
    expected, spread = m * k / 60, stats.hypergeom(60, k, m).std()
    assert found.p_value == pytest.approx(2 * stats.norm.sf((abs(a - expected) - 0.5) / spread))
    assert (
        found.p_value
        > stratified_effect(holds.astype("float64"), inside, np.zeros(60, int), level=0.95).p_value
    )


def test_confounded_by_stratum_is_no_difference():
    # In each stratum the groups are alike; most of the insiders are in the high one.
    values = np.array([1.0, 2, 1, 2, 1, 2, 1, 2, 8, 9, 8, 9, 8, 9, 8, 9])
    inside = np.array([1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0], dtype=bool)
    found = stratified_effect(values, inside, np.repeat([0, 1], 8), level=0.95)
    assert found.effect == pytest.approx(0)
    assert found.p_value == pytest.approx(1)
    assert found.inside == pytest.approx(found.outside) == pytest.approx(0.75 * 8.5 + 0.25 * 1.5)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), size=st.integers(2, 60))
def test_strata_are_of_near_risks_and_hold_both_groups(seed, size):
    risk, inside, _ = shop_of(200, seed=seed)
    strata = strata_of(risk, inside, size=size)
    order = np.random.default_rng(seed).permutation(200)
    np.testing.assert_array_equal(strata_of(risk[order], inside[order], size=size), strata[order])
    told = [risk[strata == one] for one in np.unique(strata[strata != NOWHERE])]
    for low, high in pairwise(told):
        assert low.max() < high.min()  # equal risks are never parted
    for one in np.unique(strata[strata != NOWHERE]):
        assert 0 < inside[strata == one].sum() < (strata == one).sum()


def test_strata_are_no_coarser_in_a_larger_shop():
    for count in (400, 4000):
        rng = np.random.default_rng(1)
        strata = strata_of(rng.random(count), rng.random(count) < 0.5)
        sizes = np.bincount(strata[strata != NOWHERE])
        assert len(sizes) == pytest.approx(count / STRATUM, abs=1)
        assert abs(sizes - STRATUM).max() <= 5


def test_risks_that_do_not_occur_inside_are_not_compared():
    risk = np.linspace(0, 1, 101)
    inside = (risk >= 0.6) & (np.arange(101) % 2 == 0)
    strata = strata_of(risk, inside)
    assert (strata[risk < 0.6 - 1e-9] == NOWHERE).all()
    assert (strata[risk >= 0.6] != NOWHERE).all()
    assert (strata_of(risk, risk >= 0.6) == NOWHERE).all()
    assert (strata_of(risk, np.zeros(101, dtype=bool)) == NOWHERE).all()


@pytest.mark.parametrize(("least", "told"), [(20, True), (21, False)])
def test_too_few_of_either_group_tell_nothing(least, told):
    inside = np.arange(100) < 20
    for side in (inside, ~inside):
        found = stratified_effect(
            np.arange(100.0), side, np.zeros(100, int), level=0.9, least=least
        )
        assert np.isnan(found.effect) != told
        assert np.isnan(found.p_value) != told


def test_where_all_have_one_value_nothing_differs():
    inside = np.arange(40) % 2 == 0
    found = stratified_effect(np.ones(40), inside, np.zeros(40, int), level=0.95)
    assert (found.inside, found.outside, found.effect, found.p_value) == (1, 1, 0, 1)


def test_interval_covers_and_null_is_called_as_often_as_it_may():
    rng, runs, held, called = np.random.default_rng(3), 600, 0, 0
    strata = np.repeat(np.arange(6), 40)
    shift = 0.6
    true = 2 * stats.norm.cdf(shift / np.sqrt(2)) - 1
    for _ in range(runs):
        inside = rng.random(240) < np.repeat(np.linspace(0.2, 0.8, 6), 40)
        values = strata + rng.normal(0, 1, 240)
        called += stratified_effect(values, inside, strata, level=0.95).p_value <= 0.05
        found = stratified_effect(values + shift * inside, inside, strata, level=0.95)
        held += found.low <= true <= found.high
    # 95 % and 5 %, less and more three standard errors of 600 draws.
    assert held / runs >= 0.95 - 0.027
    assert called / runs <= 0.05 + 0.027


@pytest.mark.parametrize(("values", "kind"), [(3, "uint8"), (400, "uint16"), (400, "int64")])
def test_ranks_of_the_values_give_the_same_effect_to_the_last_digit(values, kind):
    risk, inside, numbers = shop_of(900, seed=values, values=values)
    numbers = (numbers - values // 2) / 8
    numbers[::13], numbers[1::29] = np.nan, -0.0
    known = ~np.isnan(numbers)
    ranks = np.full(900, 1, dtype=kind)  # that of who is not known does not matter
    ranks[known] = np.unique(numbers[known], return_inverse=True)[1]
    strata = strata_of(risk, inside)
    plain = stratified_effect(numbers, inside, strata, level=0.95)
    assert abs(plain.effect) > 0.001
    assert stratified_effect(numbers, inside, strata, level=0.95, ranks=ranks) == plain
    turned = ranks.max() - ranks
    assert stratified_effect(numbers, inside, strata, level=0.95, ranks=turned) != plain
