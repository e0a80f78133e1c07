"""The simulated answers to a campaign: planted effects, luck by id alone."""

import numpy as np
import pandas as pd
import pytest

from retention.core.errors import InputError
from simulation.answers import parse_effects, simulate_responses

N = 20_000


def a_list(n=N, *, treated=True, offer="mail"):
    ids = [str(300_000 + place) for place in range(n)]
    return pd.DataFrame({"customer_id": ids, "offer": offer, "treated": treated})


def truth_of(listed, probability):
    ids = listed["customer_id"].astype("int64")  # as truth.parquet has them
    return pd.DataFrame({"customer_id": ids, "probability": probability})


@pytest.mark.parametrize(
    ("treated", "effect", "expected"),
    [(False, 0.5, 0.6), (True, 0.0, 0.6), (True, 0.5, 0.3), (True, 1.0, 0.0), (True, -1.0, 1.0)],
)
def test_drop_share_is_probability_less_what_is_prevented(treated, effect, expected):
    listed = a_list(treated=treated)
    answers = simulate_responses(listed, truth_of(listed, 0.6), {"mail": effect}, seed=1)
    spread = np.sqrt(expected * (1 - expected) / N)
    assert answers["drop"].mean() == pytest.approx(expected, abs=4 * spread)
    assert set(answers["drop"]) <= {0, 1}


def test_each_offer_has_its_own_effect():
    listed = a_list().assign(offer=np.where(np.arange(N) % 2, "mail", "cart"))
    answers = simulate_responses(listed, truth_of(listed, 1.0), {"mail": 1, "cart": 0}, seed=1)
    assert answers.groupby(listed["offer"])["drop"].mean().to_dict() == {"cart": 1, "mail": 0}


def test_luck_follows_the_id_and_the_seed():
    listed = a_list(500)
    truth = truth_of(listed, 0.5)
    first = simulate_responses(listed, truth, {"mail": 0.1}, seed=1)
    part = listed.sample(200, random_state=3)
    again = simulate_responses(part, truth, {"mail": 0.1}, seed=1)
    assert again["drop"].to_dict() == first.loc[part.index, "drop"].to_dict()
    other = simulate_responses(listed, truth, {"mail": 0.1}, seed=2)
    assert 150 < (other["drop"] != first["drop"]).sum() < 350


def test_treatment_only_ever_prevents_a_drop_of_the_same_luck():
    listed = a_list(2000)
    truth = truth_of(listed, 0.7)
    without = simulate_responses(listed, truth, {"mail": 0.0}, seed=1)["drop"]
    treated = simulate_responses(listed, truth, {"mail": 0.3}, seed=1)["drop"]
    assert (treated <= without).all()
    assert treated.sum() < without.sum()


def test_customer_of_another_shop():
    listed = a_list(3)
    with pytest.raises(InputError, match="customer 300002 of the list is none of the simulated"):
        simulate_responses(listed, truth_of(listed, 0.5)[:2], {"mail": 0}, seed=1)


def test_effects_by_word():
    offers = {"mail", "cart", "site"}
    assert parse_effects([], offers) == {"mail": 0, "cart": 0, "site": 0}
    assert parse_effects(["0.1", "cart=0.2"], offers) == {"mail": 0.1, "cart": 0.2, "site": 0.1}
    assert parse_effects(["cart=0.2", "0.1"], offers) == {"mail": 0.1, "cart": 0.2, "site": 0.1}
    assert parse_effects(["site=-0.5"], offers) == {"mail": 0, "cart": 0, "site": -0.5}


@pytest.mark.parametrize("word", ["much", "1.5", "-2", "nan", "cart=", "cart=x", "=0.1", ""])
def test_word_that_is_no_effect(word):
    with pytest.raises(InputError, match="give a share from -1 to 1, or CODE=SHARE"):
        parse_effects([word], {"cart"})


def test_effect_of_an_unknown_offer():
    with pytest.raises(InputError, match="no offer cat on the list; valid: cart, mail"):
        parse_effects(["cat=0.1"], {"mail", "cart"})
