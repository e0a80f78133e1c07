"""What is expected of a month: the values, the luck and the doubt, against slower ways."""

import numpy as np
import pytest
from scipy.special import expit, logit

from retention.evaluation.forecast import FORESEEN, Expected, by_lot, came, corrections, foresee

NO_DOUBT = np.zeros((2, 2))


def customers(count, *, seed):
    rng = np.random.default_rng(seed)
    risk = expit(rng.normal(-0.6, 1.3, count)).round(2).clip(0.01, 0.99)  # ties among them
    return risk, rng.choice([1.0, 1.0, 2.5], count)


def test_expected_scores_are_those_of_every_pair():
    risk, weight = customers(60, seed=1)
    found = foresee(risk, weight, NO_DOUBT)
    pairs = np.outer(weight * risk, weight * (1 - risk))
    np.fill_diagonal(pairs, 0)
    above = (risk[:, None] > risk) + (risk[:, None] == risk) / 2
    assert found["roc_auc"].value == pytest.approx((pairs * above).sum() / pairs.sum())
    assert found["drop_share"].value == pytest.approx(np.average(risk, weights=weight))
    brier = np.average(risk * (1 - risk), weights=weight)
    assert found["brier"].value == pytest.approx(brier)


@pytest.mark.parametrize("even", [True, False])
def test_luck_is_how_far_outcomes_drawn_by_the_risks_scatter(even):
    risk, weight = customers(400, seed=2)
    weight = np.ones(400) if even else weight
    found, rng = foresee(risk, weight, NO_DOUBT), np.random.default_rng(3)
    drawn = [came((rng.random(400) < risk) * 1.0, risk, weight) for _ in range(1500)]
    for name in FORESEEN:
        values = np.array([one[name] for one in drawn])
        scale = np.log(values) if name == "brier" else logit(values)
        assert found[name].luck == pytest.approx(scale.std(), rel=0.07), name
        low, high = found[name].interval(0.95)
        assert 0.93 < ((low <= values) & (values <= high)).mean() < 0.97, name
        assert values.mean() == pytest.approx(found[name].value, abs=0.003), name


def test_doubt_is_what_follows_from_shift_and_slope():
    risk, weight = customers(500, seed=4)
    score, sizes = logit(risk), {"shift": (0.05, 0.0), "slope": (0.0, 0.05)}
    for shift, slope in sizes.values():
        doubt = np.diag([shift**2, slope**2])
        found = foresee(risk, weight, doubt)
        true = expit(shift + (1 + slope) * score)
        expected = {
            "drop_share": np.average(true, weights=weight),
            "brier": np.average(true * (1 - risk) ** 2 + (1 - true) * risk**2, weights=weight),
        }
        for name, moved in expected.items():
            back = np.log if name == "brier" else logit
            gap = abs(back(moved) - back(found[name].value))
            assert found[name].doubt == pytest.approx(gap, rel=0.05), name
    # A shift moves all alike and so hardly the ranking; a slope is what the ranking lives of.
    shifted, sloped = (
        foresee(risk, weight, np.diag(np.square(size)))["roc_auc"].doubt for size in sizes.values()
    )
    assert sloped > 5 * shifted


def test_few_drops_have_a_mean_and_no_more():
    found = foresee(np.full(100, 0.05), np.ones(100), NO_DOUBT)
    assert found["drop_share"].value == pytest.approx(0.05)
    assert np.isnan(found["drop_share"].interval(0.95)).all()
    assert np.isnan(found["roc_auc"].value)
    assert not found["drop_share"].contradicts(0.9, level=0.95)
    told = foresee(np.full(400, 0.05), np.ones(400), NO_DOUBT)
    assert told["roc_auc"].value == pytest.approx(0.5)
    assert not told["roc_auc"].contradicts(0.5, level=0.95)


def test_a_fact_of_fewer_customers_has_more_luck():
    one = Expected(0.4, luck=0.04, doubt=0.03)  # 0.05 together, 0.085 for a quarter of them
    low, high = one.interval(0.95)
    assert logit(high) - logit(0.4) == pytest.approx(1.96 * 0.05, abs=1e-3)
    assert low < 0.4 - 0.02 < high
    assert one.contradicts(high + 0.001, level=0.95)
    assert not one.contradicts(high - 0.001, level=0.95)
    assert not one.contradicts(high + 0.001, level=0.95, rows=4)
    wide = expit(logit(0.4) + 1.97 * np.hypot(0.08, 0.03))
    assert one.contradicts(wide, level=0.95, rows=4)


def test_a_million_customers_are_foretold_at_once():
    risk = expit(np.random.default_rng(5).normal(-0.6, 1.3, 1_000_000))
    found = foresee(risk, np.ones(len(risk)), NO_DOUBT)
    small = foresee(risk[:10_000], np.ones(10_000), NO_DOUBT)
    assert found["roc_auc"].luck == pytest.approx(small["roc_auc"].luck / 10, rel=0.05)


def shop_of(seed, rows=4000):
    """Probabilities, outcomes, groups of two rows, and weights."""
    rng = np.random.default_rng(seed)
    chance = expit(rng.normal(-0.6, 1.3, rows))
    label = (rng.random(rows) < chance).astype("float64")
    return chance, label, np.arange(rows) // 2, np.ones(rows)


def test_a_model_that_ranks_better_than_it_promises_is_expected_to():
    """Risks drawn to the middle, though they rank as well: the rows that taught show it."""
    chance, label, groups, weight = shop_of(1)
    timid = expit(0.6 * logit(chance) - 0.25)
    found = corrections(label, timid, timid, groups, weight)
    other, outcome, _, _ = shop_of(2)
    risk = expit(0.6 * logit(other) - 0.25)
    told = foresee(risk, weight, np.zeros((2, 2)))
    better = foresee(risk, weight, np.zeros((2, 2)), found)
    fact = came(outcome, risk, weight)
    for name in ("roc_auc", "brier"):
        assert told[name].contradicts(fact[name], level=0.99), name
        assert not better[name].contradicts(fact[name], level=0.99), name
        assert better[name].doubt == found[name].error
    assert better["drop_share"] == told["drop_share"]


def test_true_risks_are_hardly_corrected():
    gaps = []
    for seed in range(20):
        chance, label, groups, weight = shop_of(seed)
        for name, one in corrections(label, chance, chance, groups, weight).items():
            gaps.append((name, one.gap / one.error))
    for name in ("roc_auc", "brier"):
        found = np.array([gap for which, gap in gaps if which == name])
        assert abs(found.mean()) < 3 / np.sqrt(20)
        assert np.abs(found).max() < 3.5


def test_what_cannot_be_told_corrects_nothing():
    chance, _, groups, weight = shop_of(3, rows=40)
    few = np.zeros(40)
    few[:3] = 1
    assert corrections(few, chance, chance, groups, weight) == {}


@pytest.mark.parametrize("control", [0.5, 0.2])
def test_the_lot_scatters_what_is_expected_of_the_controls(control):
    rng = np.random.default_rng(8)
    risk = expit(rng.normal(-0.6, 1.3, 1500))
    listed = risk > 0.4  # a campaign goes to the risky, so that its controls matter most
    spreads, values = [], []
    for _ in range(600):
        kept = ~listed | (rng.random(1500) < control)
        weight = np.where(listed, 1 / control, 1.0)[kept]
        found = foresee(risk[kept], weight, NO_DOUBT)
        values.append([one.value for one in found.values()])
        spreads.append(list(by_lot(risk[kept], weight).values()))
    share, area, loss = np.array(values).T
    scattered = np.array([logit(share).std(), logit(area).std(), np.log(loss).std()])
    assert np.mean(spreads, axis=0) == pytest.approx(scattered, rel=0.1)


def test_no_lot_was_drawn_where_all_count_one():
    risk, _ = customers(50, seed=9)
    assert by_lot(risk, np.ones(50)) == dict.fromkeys(FORESEEN, 0.0)


def test_the_lot_widens_what_a_fact_is_held_against():
    risk, weight = customers(400, seed=10)
    found, lot = foresee(risk, weight, NO_DOUBT), by_lot(risk, weight)
    one, of = found["drop_share"], lot["drop_share"]
    low, high = one.interval(0.95, lot=of)
    reach = (logit(high) - logit(low)) / 2 / 1.959964
    assert reach == pytest.approx(np.hypot(one.luck, of))
    between = (expit(logit(one.value) + 1.98 * np.hypot(one.luck, of))).item()
    assert one.contradicts(between, level=0.95, lot=of)
    assert one.contradicts(high - 1e-6, level=0.95)
    assert not one.contradicts(high - 1e-6, level=0.95, lot=of)
