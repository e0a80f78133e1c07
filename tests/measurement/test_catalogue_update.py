"""Shrunk effects, and the catalogue that they are put into."""

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import integrate, stats

from retention.core.errors import InputError
from retention.measurement.ab_test import drop_means, prevented, steady_variance
from retention.measurement.catalogue_update import changed_since, effects_to_use, with_effects
from retention.stats.shrinkage import LEAST_SCALE, shrink

FOUND = {"assumed": 0.06, "use": 0.0713, "low": 0.01, "high": 0.13, "rests_on": "all"}
CATALOGUE = """# For marketers.
- code: mail
  title: {ru: "Письмо: effect: 0.5", en: "Mail"}  # effect: 9
  cost: 0.1
  effect: 0.06

- effect: 0.04   # a guess of Anna's
  code: cart
- {code: site, effect: 0.03}
- code: unsent
  effect: 0.02
"""


ALONE = np.eye(2)
"""Two offers, each a group of its own."""


def test_exact_measurement_is_taken_as_it_is():
    found = shrink(np.array([0.3]), np.array([1e-9]), np.eye(1), np.array([0.1]), scale=0.1)
    assert found.shares[0] == pytest.approx(0.3, abs=1e-4)
    assert found.high[0] - found.low[0] < 0.001


def test_useless_measurement_leaves_the_assumption():
    rough = np.array([1e6, 1e6])
    found = shrink(np.array([0.9, -3]), rough, ALONE, np.array([0.1, 0.2]), scale=0.1)
    assert found.shares == pytest.approx([0.1, 0.2], abs=1e-4)


def posterior(shares, variances, parts, assumed, *, scale):
    """Each offer's mean, and the chance that it is below a bound, by integrals over the spread."""
    beyond = shares - parts @ assumed
    offers = len(assumed)

    def given(spread):
        prior = spread**2 * np.eye(offers) + scale**2
        covariance = parts @ prior @ parts.T + np.diag(variances)
        weight = stats.multivariate_normal.pdf(beyond, cov=covariance)
        weight *= stats.gamma.pdf(spread, 2, scale=scale)
        gain = prior @ parts.T @ np.linalg.inv(covariance)
        return weight, assumed + gain @ beyond, np.diag(prior - gain @ parts @ prior)

    def integral(of):
        return integrate.quad(lambda spread: of(*given(spread)), 0, 2, limit=200)[0]

    total = integral(lambda weight, *_: weight)

    def below(offer, bound):
        def part(weight, mean, variance):
            return weight * stats.norm.cdf(bound, mean[offer], np.sqrt(variance[offer]))

        return integral(part) / total

    means = [integral(lambda w, mean, _, j=j: w * mean[j]) / total for j in range(offers)]
    return means, below


@pytest.mark.parametrize(
    "parts", [ALONE, np.array([[1, 0, 0], [0, 0.25, 0.75]]), np.array([[1, 0, 0], [0, 1, 0]])]
)
def test_shrinkage_is_the_integral_over_the_spread(parts):
    """Of offers alone, of two measured together, and of one that nobody measured."""
    shares, variances = np.array([0.20, 0.02]), np.array([0.004, 0.002])
    assumed = np.array([0.06, 0.05, 0.08])[: parts.shape[1]]
    found = shrink(shares, variances, parts, assumed, scale=0.1)
    means, below = posterior(shares, variances, parts, assumed, scale=0.1)
    assert found.shares == pytest.approx(means, abs=1e-3)
    for offer in range(len(assumed)):
        assert below(offer, found.low[offer]) == pytest.approx(0.025, abs=1e-3)
        assert below(offer, found.high[offer]) == pytest.approx(0.975, abs=1e-3)


def test_rough_offers_move_further_than_sure_ones():
    shares, variances = np.array([0.3, 0.3, 0.0]), np.array([0.0004, 0.01, 0.001])
    found = shrink(shares, variances, np.eye(3), np.full(3, 0.06), scale=0.1)
    assert 0.2 < found.shares[0] <= 0.3
    assert found.shares[1] < found.shares[0]
    width = found.high - found.low
    assert width[0] < width[1]
    assert width[0] < 2 * 1.96 * 0.02 * 1.01


def test_offer_that_nobody_measured_keeps_the_spread_between_offers():
    """The others agree that the shift is small, and differ by a fifth among themselves."""
    shares = np.array([-0.1, 0.3, -0.1, 0.3, -0.1, 0.3])
    parts = np.eye(6, 7)
    found = shrink(shares, np.full(6, 1e-4), parts, np.full(7, 0.1), scale=0.1)
    assert found.shares[6] == pytest.approx(0.1, abs=1e-6)
    # A half-width of 0.13 is the least: that of the mean's error would be 0.16 / 2.
    assert found.high[6] - 0.1 > 1.96 * 0.2
    assert found.high[0] - found.low[0] < 0.05


def test_assumption_of_nothing_is_not_taken_for_certain():
    assert LEAST_SCALE == 0.1
    found = shrink(np.array([0.2]), np.array([0.01]), np.eye(1), np.array([0.0]), scale=0.0)
    assert 0.1 < found.shares[0] < 0.2


def campaign(sizes, effects, *, seed=1):
    rng = np.random.default_rng(seed)
    parts = []
    for code, size in sizes.items():
        risk = rng.uniform(0.4, 0.9, 2 * size)
        treated = np.arange(2 * size) < size
        drop = (rng.random(2 * size) < risk * (1 - effects[code] * treated)).astype(float)
        parts.append(pd.DataFrame({"offer": code, "treated": treated, "drop": drop, "risk": risk}))
    return pd.concat(parts, ignore_index=True)


def test_offers_stand_for_themselves_from_fifteen_an_arm():
    sizes = {"big": 3000, "fifteen": 15, "small": 14, "tiny": 13, "few": 5}
    assumed = {"big": 0.05, "fifteen": 0.05, "small": 0.05, "tiny": 0.02, "few": 0.1, "unsent": 0.5}
    table = campaign(sizes, dict.fromkeys(sizes, 0) | {"big": 0.4})
    found = effects_to_use([table], assumed)
    assert {code: used["rests_on"] for code, used in found.items()} == {
        "big": "its own customers and the others",
        "fifteen": "its own customers and the others",
        "small": "small offers together",
        "tiny": "small offers together",
        "few": "small offers together",
    }
    big = table[table["offer"] == "big"]
    own = prevented(drop_means(*(big[name].to_numpy() for name in ("drop", "treated", "risk"))))
    assert found["big"]["use"] == pytest.approx(own.share, abs=0.02)
    assert found["big"]["low"] < 0.4 < found["big"]["high"]
    width = {code: used["high"] - used["low"] for code, used in found.items()}
    assert width["big"] < 0.15 < width["fifteen"] < width["few"]
    assert found["small"]["assumed"] == 0.05


def test_small_rest_follows_the_others():
    table = campaign({"big": 3000, "tiny": 10}, {"big": 0.4, "tiny": 0.4})
    found = effects_to_use([table], {"big": 0.1, "tiny": 0.05})
    assert found["tiny"]["rests_on"] == "all other offers"
    assert 0.05 < found["tiny"]["use"] < found["big"]["use"]


def test_too_few_customers_tell_nothing():
    table = campaign({"mail": 29}, {"mail": 0.5})
    assert effects_to_use([table], {"mail": 0.1}) == {}
    assert effects_to_use([campaign({"mail": 30}, {"mail": 0.5})], {"other": 0.1}) == {}


def test_effect_to_use_stays_a_share():
    table = campaign({"harm": 3000}, {"harm": -0.3})
    found = effects_to_use([table], {"harm": 0.05})["harm"]
    assert found["use"] == 0
    assert found["high"] < 0


def test_effects_do_not_depend_on_the_order_of_rows():
    table = campaign({"big": 300, "small": 40, "tiny": 7}, {"big": 0.4, "small": 0.1, "tiny": 0})
    assumed = {"big": 0.1, "small": 0.05, "tiny": 0.02}
    assert effects_to_use([table], assumed) == effects_to_use([table.sample(frac=1)], assumed)


def test_offer_that_saves_everyone_and_one_that_nobody_needs():
    """No drop in treatment, and no drop at all: neither is a share of 1 nor ends the run."""
    table = campaign({"mail": 300, "saves": 40, "idle": 40}, {"mail": 0.2, "saves": 1, "idle": 0})
    table.loc[table["offer"] == "idle", "drop"] = 0.0
    found = effects_to_use([table], {"mail": 0.1, "saves": 0.1, "idle": 0.1})
    assert 0.5 < found["saves"]["use"] < 1
    assert found["idle"]["rests_on"] == "all other offers"
    assert effects_to_use([table.assign(drop=0.0)], {"mail": 0.1}) == {}


def test_weight_of_an_offer_does_not_follow_its_own_luck():
    """Shares weighed by their own variances are too high on average; by the steady ones not."""
    rng, off = np.random.default_rng(3), {"own": [], "steady": []}
    offers = "abcdefghij"
    for _ in range(150):
        seed = rng.integers(10**6)
        table = campaign(dict.fromkeys(offers, 20), dict.fromkeys(offers, 0.2), seed=seed)
        means = [
            drop_means(*(part[name].to_numpy() for name in ("drop", "treated", "risk")))
            for _, part in table.groupby("offer")
        ]
        found = [prevented(one) for one in means]
        shares = np.array([one.share for one in found])
        variances = {"own": [one.variance for one in found]}
        variances["steady"] = [steady_variance(one, 0.8) for one in means]
        for name, of in variances.items():
            weight = 1 / (np.array(of) + 0.01)
            off[name].append(weight @ shares / weight.sum() - 0.2)
    assert np.mean(off["own"]) > 0.02
    assert abs(np.mean(off["steady"])) < 0.015


def test_changes_of_the_catalogue_since_the_list_are_told():
    found = dict.fromkeys(("sent", "put_in", "other", "gone"), FOUND)
    catalogue = {"sent": 0.06, "put_in": 0.0713, "other": 0.2, "unsent": 0.4}
    assert changed_since(found, catalogue) == {"other": 0.2}


def test_only_effects_change_in_the_catalogue():
    effects = {
        code: FOUND | {"use": use}
        for code, use in zip(["mail", "cart", "site"], (0.0713, 0.1, 0), strict=True)
    }
    text = with_effects(CATALOGUE, effects, place="offers.yaml")
    note = "  # measured: 0.010 to 0.130 (all); was 0.06"
    assert text == (
        CATALOGUE.replace("effect: 0.06\n", f"effect: 0.0713{note}\n")
        .replace("- effect: 0.04 ", "- effect: 0.1000 ")
        .replace("site, effect: 0.03}", "site, effect: 0.0000}")
    )
    before, after = yaml.safe_load(CATALOGUE), yaml.safe_load(text)
    assert [offer["effect"] for offer in after] == [0.0713, 0.1, 0, 0.02]
    for offer in before + after:
        del offer["effect"]
    assert before == after


def test_second_campaign_replaces_the_note_of_the_first():
    once = with_effects(CATALOGUE, {"mail": FOUND}, place="offers.yaml")
    twice = with_effects(once, {"mail": FOUND}, place="offers.yaml")
    assert twice == once


def test_catalogue_that_is_no_list():
    with pytest.raises(InputError, match=r"offers\.yaml is no list of offers"):
        with_effects("mail: 1\n", {}, place="offers.yaml")
