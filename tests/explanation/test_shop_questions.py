"""Known truth: what the simulator makes true of the shop, the table of questions finds."""

import numpy as np
import pytest

from dictionary import BEHAVIOUR, GROUPS
from retention.core.hashing import behaviour_key, one_of_each_twin
from retention.explanation.hypotheses import answer_questions
from simulation.parameters import SHARES
from simulation.shop import simulate_customers


@pytest.fixture(scope="module")
def shop():
    table = simulate_customers(6000, unlabelled=0, seed=11)
    plain = table.customers[(table.truth["quirk"] == "").to_numpy()].reset_index(drop=True)
    key = behaviour_key(plain, BEHAVIOUR)
    return plain.assign(
        drop=plain["drop"].astype("int64"),
        twin_key=key,
        scored=one_of_each_twin(key, plain["drop"]),
    )


def answers(table):
    found = answer_questions(table, None, GROUPS, level=0.95)
    return found.set_index("key")


def test_what_the_simulator_makes_true_is_found(shop):
    found = answers(shop)
    true = ["few_contacts", "promotion_buyers", "full_carts", "few_pages", "few_minutes",
            "few_categories", "service_level"]  # fmt: skip
    assert (found["answer"][true] == "yes").all()
    assert found["stable"][true].all()
    assert found["answer"]["service_errors"] == "no"
    # Consent is drawn apart from the drop.
    assert found["answer"]["consent"] in ("no", "cannot_tell")
    assert found["low"]["consent"] < 0 < found["high"]["consent"]


def test_the_figures_of_the_categories_are_those_that_the_simulator_has(shop):
    found = answers(shop)
    for category, (stay, drop) in SHARES["favourite_category"].items():
        row = found.loc[f"category_{category}"]
        assert row["low"] <= 100 * (drop - stay) <= row["high"]
        if abs(drop - stay) > 0.04:
            assert row["answer"] == ("yes" if drop > stay else "no")
        else:
            assert row["answer"] != ("no" if drop - stay > 0.02 else "yes")


def test_a_rise_tells_little_once_the_start_is_alike(shop):
    found = answers(shop)
    pooled, alike = found.loc["rising_revenue"], found.loc["rising_revenue_same_start"]
    assert 0 < alike["figure"] < pooled["figure"]


def test_with_labels_shuffled_nothing_holds(shop):
    rng = np.random.default_rng(3)
    said = 0
    for _ in range(10):
        mixed = shop.assign(drop=rng.permutation(shop["drop"].to_numpy()))
        found = answers(mixed)
        said += (found["answer"] == "yes").any()
        assert (found["figure"].abs() < 8).all()
    assert said <= 2
