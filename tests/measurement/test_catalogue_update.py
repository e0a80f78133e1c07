"""Shrunk effects, and the catalogue that they are put into."""

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import integrate, stats

from retention.core.errors import InputError
from retention.measurement.ab_test import drop_means, prevented
from retention.measurement.catalogue_update import effects_to_use, with_effects
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


def test_exact_measurement_is_taken_as_it_is():
    found = shrink(np.array([0.3]), np.array([1e-9]), np.array([0.1]), scale=0.1)
    assert found.shares[0] == pytest.approx(0.3, abs=1e-4)


def test_useless_measurement_leaves_the_assumption():
    found = shrink(np.array([0.9, -3]), np.array([1e6, 1e6]), np.array([0.1, 0.2]), scale=0.1)
    assert found.shares == pytest.approx([0.1, 0.2], abs=1e-4)
    assert found.shift_error == pytest.approx(0.1, rel=1e-3)


def test_shrinkage_is_the_integral_over_the_spread():
    shares, variances, scale = np.array([0.20, 0.02]), np.array([0.004, 0.002]), 0.06
    assumed = np.array([0.06, 0.05])
    beyond = shares - assumed

    def joint(spread, moment):
        covariance = np.diag(variances + spread**2) + scale**2
        weight = stats.multivariate_normal.pdf(beyond, cov=covariance)
        weight *= stats.halfnorm.pdf(spread, scale=scale)
        prior = np.array([scale**2 + spread**2, scale**2])  # of effect 0 with each share
        mean = prior @ np.linalg.solve(covariance, beyond)
        return weight * (mean if moment else 1)

    parts = [integrate.quad(joint, 0, 0.6, args=(moment,))[0] for moment in (1, 0)]
    found = shrink(shares, variances, assumed, scale=scale)
    assert found.shares[0] == pytest.approx(assumed[0] + parts[0] / parts[1], abs=2e-5)


def test_rough_offers_move_further_than_sure_ones():
    shares, variances = np.array([0.3, 0.3, 0.0]), np.array([0.0004, 0.01, 0.001])
    found = shrink(shares, variances, np.full(3, 0.06), scale=0.06)
    assert 0.2 < found.shares[0] <= 0.3
    assert found.shares[1] < found.shares[0]
    assert found.errors[0] < found.errors[1]
    assert found.errors[0] < 0.02 * 1.01


def test_assumption_of_nothing_is_not_taken_for_certain():
    found = shrink(np.array([0.02]), np.array([LEAST_SCALE**2]), np.array([0.0]), scale=0.0)
    assert 0.008 < found.shares[0] < 0.02


def campaign(sizes, effects, *, seed=1):
    rng = np.random.default_rng(seed)
    parts = []
    for code, size in sizes.items():
        risk = rng.uniform(0.4, 0.9, 2 * size)
        treated = np.arange(2 * size) < size
        drop = (rng.random(2 * size) < risk * (1 - effects[code] * treated)).astype(float)
        parts.append(pd.DataFrame({"offer": code, "treated": treated, "drop": drop, "risk": risk}))
    return pd.concat(parts, ignore_index=True)


def test_offers_stand_for_themselves_from_a_hundred_an_arm():
    sizes = {"big": 3000, "hundred": 100, "small": 99, "tiny": 2}
    assumed = {"big": 0.05, "hundred": 0.05, "small": 0.05, "tiny": 0.02, "unsent": 0.5}
    table = campaign(sizes, {"big": 0.4, "hundred": 0, "small": 0, "tiny": 0})
    found = effects_to_use(table, assumed)
    assert {code: used["rests_on"] for code, used in found.items()} == {
        "big": "its own customers",
        "hundred": "its own customers",
        "small": "all small offers together",
        "tiny": "all small offers together",
    }
    big = table[table["offer"] == "big"]
    own = prevented(drop_means(*(big[name].to_numpy() for name in ("drop", "treated", "risk"))))
    assert found["big"]["use"] == pytest.approx(own.share, abs=0.02)
    assert found["big"]["low"] < 0.4 < found["big"]["high"]
    assert found["small"]["use"] - found["tiny"]["use"] == pytest.approx(0.03)
    assert found["small"]["assumed"] == 0.05


def test_small_rest_follows_the_others():
    table = campaign({"big": 3000, "tiny": 10}, {"big": 0.4, "tiny": 0.4})
    found = effects_to_use(table, {"big": 0.1, "tiny": 0.05})
    assert found["tiny"]["rests_on"] == "all other offers"
    assert 0.05 < found["tiny"]["use"] < found["big"]["use"]


def test_too_few_customers_tell_nothing():
    table = campaign({"mail": 29}, {"mail": 0.5})
    assert effects_to_use(table, {"mail": 0.1}) == {}
    assert effects_to_use(campaign({"mail": 30}, {"mail": 0.5}), {"other": 0.1}) == {}


def test_effect_to_use_stays_a_share():
    table = campaign({"harm": 3000}, {"harm": -0.3})
    found = effects_to_use(table, {"harm": 0.05})["harm"]
    assert found["use"] == 0
    assert found["high"] < 0


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
