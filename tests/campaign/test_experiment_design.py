import numpy as np
import pytest

from retention.campaign.experiment_design import power, power_in_words, power_of_campaign


def a_list(n, seed=1):
    rng = np.random.default_rng(seed)
    return rng.beta(2, 1.5, n), np.full(n, 0.2), rng.random(n) < 0.5


def test_campaign_finds_the_smallest_detectable_effect_in_80_percent_of_the_tries():
    """2,000 campaigns with that effect, each tested by outcomes adjusted for the known risk."""
    risk, effect, treated = a_list(3000)
    for key, offset in (("detectable", risk), ("unadjusted", 0 * risk)):
        e = power(risk, effect, treated)[key]
        rng = np.random.default_rng(7)
        found = 0
        for _ in range(2000):
            treated = rng.permutation(treated)
            chance = risk * np.where(treated, 1 - e, 1)
            rest = (rng.random(len(risk)) < chance) - offset
            ours, theirs = rest[treated], rest[~treated]
            error = np.sqrt(ours.var() / len(ours) + theirs.var() / len(theirs))
            found += abs(ours.mean() - theirs.mean()) > 1.96 * error
        assert found / 2000 == pytest.approx(0.8, abs=0.03), key


def test_power_by_hand():
    # Everyone's risk is a half: v = 1/4 in control, p (1 - p) at 0.4 = 0.24 in treatment.
    risk, treated = np.full(1000, 0.5), np.arange(1000) < 500
    told = power(risk, np.full(1000, 0.2), treated)
    error = np.sqrt(0.24 / 500 + 0.25 / 500)
    assert (told["assumed"], told["assumed_points"]) == pytest.approx((0.2, 0.1))
    assert told["customers_needed"] == np.ceil(1000 * (2.801585 * error / 0.1) ** 2)
    assert told["enough"]
    assert told["detectable"] == told["unadjusted"]
    assert told["detectable_points"] == pytest.approx(told["detectable"] / 2)
    smaller = 0.5 * (1 - told["detectable"])
    error = np.sqrt(smaller * (1 - smaller) / 500 + 0.25 / 500)
    assert told["detectable_points"] == pytest.approx(2.801585 * error, abs=1e-5)


def test_customers_needed_are_enough():
    risk, effect, treated = a_list(400)
    effect = effect / 2
    told = power(risk, effect, treated)
    assert not told["enough"]
    times = int(np.ceil(told["customers_needed"] / 400))
    many = power(*(np.tile(part, times) for part in (risk, effect, treated)))
    assert many["enough"]
    assert many["power_at_assumed"] == pytest.approx(0.8, abs=0.05)


def test_adjusting_for_the_risk_shows_smaller_effects():
    told = power(*a_list(1000))
    assert told["detectable"] < told["unadjusted"]


def test_offer_is_told_by_itself_from_100_in_each_arm():
    risk, effect, treated = a_list(1000)
    treated = np.arange(1000) % 2 == 0
    offer = np.where(np.arange(1000) < 200, "just", np.where(np.arange(1000) < 398, "few", "most"))
    told = power_of_campaign(risk, effect, treated, offer)
    assert set(told["offers"]) == {"just", "most"}
    assert told["offers"]["just"]["treatment"] == 100
    assert told["pooled"] == power(risk, effect, treated)


@pytest.mark.parametrize(
    ("n", "arms", "words"),
    [
        (0, [], "an arm is empty, so the campaign's effect cannot be measured"),
        (3, [True] * 3, "an arm is empty, so the campaign's effect cannot be measured"),
        (4, [True, False] * 2, "it is too small to show any effect; that is more than"),
    ],
)
def test_campaign_that_shows_nothing_says_so(n, arms, words):
    told = power(np.full(n, 0.5), np.full(n, 0.05), np.array(arms, dtype=bool))
    assert "detectable" not in told
    assert power_in_words(told).startswith(words)


def test_words_name_the_size_that_would_do():
    told = power(*a_list(100))
    assert not told["enough"]
    size = f"{told['customers_needed']:,} customers on the list would show"
    assert size in power_in_words(told)
    assert "is assumed" in power_in_words(power(*a_list(5000)))
