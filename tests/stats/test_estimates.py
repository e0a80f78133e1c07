import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import expit, logit, ndtri

from retention.stats.estimates import (
    ESTIMATES,
    LEAST_OF_CLASS,
    average_precision_of,
    brier_of,
    log_loss_of,
    roc_auc_of,
    share_below,
)
from retention.stats.intervals import EXPECTED, area_interval, multiplier, spread_of
from retention.stats.metrics import SCORES, Drawn, average_precision, plain


def customers(seed, *, size=90, push=1.5, steps=12):
    """Labels, and two related risks with ties."""
    rng = np.random.default_rng(seed)
    label = (rng.random(size) < 0.4).astype(int)
    shared = push * label + rng.normal(size=size)
    risks = [expit(shared + 0.7 * rng.normal(size=size)) for _ in range(2)]
    return label, *(np.round(risk * steps) / steps for risk in risks)


def wins(label, risk):
    """How often each drop (row) outranks each other customer (column), a tie being half."""
    drops, others = risk[label == 1][:, None], risk[label == 0][None]
    return (drops > others) + (drops == others) / 2


def freedom(parts):
    n, excess = len(parts), max(stats.kurtosis(parts), 0) if np.ptp(parts) > 1e-9 else 0
    return 2 / (2 / (n - 1) + excess / n)


def student(groups, errors, level):
    joint = sum(errors) ** 2 / sum(e**2 / freedom(g) for e, g in zip(errors, groups, strict=True))
    return stats.t.ppf((1 + level) / 2, max(joint, 3))


def slow_ends(label, risk, z=None, level=0.95):
    """The interval of a ROC-AUC as it is written down in docs/model.md, from all pairs."""
    table = wins(label, risk)
    groups = table.mean(axis=1), table.mean(axis=0)
    m, n = table.shape
    area = (table.sum() + 0.5) / (m * n + 1)
    usual = area * (1 - area) / 2 * ((1 - area) / (2 - area) + area / (1 + area))
    errors = [
        max(np.var(g, ddof=1), ((len(g) - 1) * np.var(g, ddof=1) + 5 * usual) / (len(g) + 4))
        / len(g)
        for g in groups
    ]
    z = student(groups, errors, level) if z is None else z
    reach = z * np.sqrt(sum(errors)) / (area * (1 - area))
    ends = expit(logit(area) - reach), expit(logit(area) + reach)
    share, size = table.mean(), min(m, n)
    middle = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2)) / (1 + z**2 / size)
    low, high = max(ends[0], middle - half), min(ends[1], middle + half)
    return min(low, share), max(high, share), area


def test_share_below_counts_ties_by_half():
    found = share_below(np.array([0.1, 0.5, 0.9]), np.array([0.9, 0.5, 0.5, 0.2]))
    assert found.tolist() == [0, 0.5, 0.875]


@pytest.mark.parametrize("name", sorted(SCORES.keys() & ESTIMATES.keys()))
def test_a_score_is_the_one_without_an_interval_and_in_its_interval(name):
    label, risk, other = customers(1)
    found = ESTIMATES[name](label, risk)
    assert found.value == pytest.approx(plain(SCORES[name], label, risk), abs=1e-12)
    low, high = found.interval(0.95)
    assert low < found.value < high
    gap = found - ESTIMATES[name](label, other)
    assert gap.interval(0.8)[0] > gap.interval(0.95)[0]
    assert gap.interval(0.95)[0] < gap.value < gap.interval(0.95)[1]


@pytest.mark.parametrize(("size", "push"), [(60, 0.3), (90, 1.5), (200, 4.0), (60, 6.0)])
def test_interval_of_roc_auc_is_that_of_all_pairs(size, push):
    label, risk, _ = customers(2, size=size, push=push)
    low, high, _ = slow_ends(label, risk, level=0.9)
    assert roc_auc_of(label, risk).interval(0.9) == pytest.approx((low, high), abs=1e-9)
    assert EXPECTED == 5


@pytest.mark.parametrize(("seed", "push"), [(3, 0.5), (4, 1.5), (5, 4.0)])
def test_interval_of_a_difference_is_the_profile_within_the_ellipse(seed, push):
    label, *risks = customers(seed, push=push)
    tables = [wins(label, risk) for risk in risks]
    groups = [
        (tables[0] - tables[1]).mean(axis=1),
        (tables[0] - tables[1]).mean(axis=0),
    ]
    errors = [np.var(group, ddof=1) / len(group) for group in groups]
    z = student(groups, errors, 0.95)
    own = [[table.mean(axis=side) for side in (1, 0)] for table in tables]
    shared = sum(np.cov(*pair)[0, 1] / len(pair[0]) for pair in zip(*own, strict=True))
    apart = [sum(np.var(g, ddof=1) / len(g) for g in groups) for groups in own]
    related = shared / np.sqrt(np.prod(apart))
    sides = [slow_ends(label, risk, z=z) for risk in risks]

    def value(step, side):
        low, high, middle = (logit(end) for end in side)
        return expit(middle + step * (high - middle if step > 0 else middle - low))

    def gap(steps, sign):
        return sign * (value(steps[0], sides[0]) - value(steps[1], sides[1]))

    inside = optimize.NonlinearConstraint(
        lambda s: (s[0] ** 2 - 2 * related * s[0] * s[1] + s[1] ** 2) / (1 - related**2), 0, 1
    )
    ends = [
        sign
        * min(
            optimize.minimize(gap, start, (sign,), method="SLSQP", constraints=inside).fun
            for start in ([0.3, -0.3], [-0.3, 0.3])
        )
        for sign in (1, -1)
    ]
    found = roc_auc_of(label, risks[0]) - roc_auc_of(label, risks[1])
    assert found.interval(0.95) == pytest.approx(ends, abs=2e-5)
    assert found.error == pytest.approx(np.sqrt(sum(errors)))


def test_parts_of_average_precision_are_what_a_little_more_weight_does():
    label, risk, _ = customers(6)
    found = average_precision_of(label, risk)
    weights = np.ones((len(label), len(label))) + 1e-6 * np.eye(len(label))
    moved = (average_precision(Drawn(label, risk, weights)) - found.value) / 1e-6
    assert found.parts[0] - found.value == pytest.approx(len(label) * moved, abs=1e-4)
    low, high = found.interval(0.95)
    error = found.parts[0].std(ddof=1) / np.sqrt(len(label)) / found.value / (1 - found.value)
    z = stats.t.ppf(0.975, freedom(found.parts[0]))
    assert (logit(low), logit(high)) == pytest.approx(
        (logit(found.value) - z * error, logit(found.value) + z * error)
    )


def test_losses_by_hand():
    label, risk, each = np.repeat(
        [[1, 0, 0, 1, 0], [0.8, 0.4, 0.1, 0.5, 0.2], [0.04, 0.16, 0.01, 0.25, 0.04]], 5, axis=1
    )
    found = brier_of(label, risk)
    z = stats.t.ppf(0.975, max(freedom(each), 3))
    factor = np.exp(z * each.std(ddof=1) / np.sqrt(25) / 0.1)
    assert found.interval(0.95) == pytest.approx((0.1 / factor, 0.1 * factor))
    gap = found - brier_of(label, np.full(25, 0.5))
    apart = each - 0.25
    half = stats.t.ppf(0.975, max(freedom(apart), 3)) * apart.std(ddof=1) / np.sqrt(25)
    assert gap.interval(0.95) == pytest.approx((-0.15 - half, -0.15 + half))
    assert log_loss_of(label, risk).value == pytest.approx(
        -np.log([0.8, 0.6, 0.9, 0.5, 0.8]).mean()
    )


@pytest.mark.parametrize("name", ESTIMATES)
@pytest.mark.parametrize("few", ["drops", "others"])
def test_fewer_than_ten_of_a_class_tell_no_interval(name, few):
    assert LEAST_OF_CLASS == 10
    rng = np.random.default_rng(7)
    for count in (9, 10):
        label = np.r_[np.ones(count), np.zeros(50)].astype(int)
        label = label if few == "drops" else 1 - label
        found = ESTIMATES[name](label, rng.random(len(label)))
        gap = found - ESTIMATES[name](label, rng.random(len(label)))
        for ends in (found.interval(0.95), gap.interval(0.95)):
            assert np.isnan(ends).all() == (count == 9)


def test_beside_itself_nothing_differs_and_beside_chance_all_does():
    label, risk, other = customers(8)
    chance = roc_auc_of(label, np.full(len(label), 0.3))
    assert chance.interval(0.95) == (0.5, 0.5)
    ours = roc_auc_of(label, risk)
    assert (ours - roc_auc_of(label, risk**2)).interval(0.95) == (0, 0)
    # A difference has degrees of freedom of its own, which here are those of the score alone.
    low, high = area_interval(ours.value, ours.groups, level=0.95)
    over = (ours - chance).interval(0.95)
    assert over == pytest.approx((low - 0.5, high - 0.5), abs=0.005)
    there = (ours - roc_auc_of(label, other)).interval(0.95)
    back = (roc_auc_of(label, other) - ours).interval(0.95)
    assert there == pytest.approx((-back[1], -back[0]))


@pytest.mark.parametrize("name", ESTIMATES)
def test_order_of_rows_and_of_classes_does_not_matter(name):
    label, risk, other = customers(9)
    shuffled = np.random.default_rng(1).permutation(len(label))
    found = ESTIMATES[name](label, risk) - ESTIMATES[name](label, other)
    again = [ESTIMATES[name](label[shuffled], one[shuffled]) for one in (risk, other)]
    assert (again[0] - again[1]).interval(0.95) == pytest.approx(found.interval(0.95), abs=1e-12)
    if name == "roc_auc":
        turned = roc_auc_of(1 - label, 1 - risk)
        assert turned.interval(0.95) == pytest.approx(again[0].interval(0.95), abs=1e-12)


def test_spread_counts_customers_of_one_part():
    parts, counts = np.array([0.1, 0.4, 1.0]), np.array([5.0, 2.0, 30.0])
    whole = np.repeat(parts, counts.astype(int))
    found, one = spread_of(parts, counts), spread_of(whole)
    assert found.variance == pytest.approx(whole.var(ddof=1))
    assert found.freedom == pytest.approx(freedom(whole))
    assert (found.size, found.variance) == pytest.approx((one.size, one.variance))


def test_heavy_tails_cost_degrees_of_freedom():
    rng = np.random.default_rng(10)
    even, tailed = rng.random(200), rng.exponential(size=200) ** 2
    assert spread_of(even).freedom == pytest.approx(199)
    assert spread_of(tailed).freedom < 40
    assert multiplier([spread_of(even)], level=0.95) == pytest.approx(stats.t.ppf(0.975, 199))


def test_intervals_cover_near_the_ceiling_with_few_drops():
    """By the bootstrap's percentiles 95 % intervals cover in some 78 of 100 such draws."""
    rng = np.random.default_rng(11)
    alone, apart = [], []
    for _ in range(500):
        label = np.repeat([1, 0], [13, 237])
        noise = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], len(label)).T
        true = np.array([0.98, 0.93])
        risks = noise + np.outer(ndtri(true) * np.sqrt(2), label)
        ours, theirs = (roc_auc_of(label, risk) for risk in risks)
        alone.append(ours.interval(0.95))
        apart.append((ours - theirs).interval(0.95))
    for ends, truth in ((alone, 0.98), (apart, 0.05)):
        low, high = np.transpose(ends)
        # One that covers 95 % stays above this in 99 of 100 such studies.
        assert ((low <= truth) & (truth <= high)).mean() >= 0.925
