"""Who is moved by an offer: over campaigns, and how many more it takes to tell."""

import numpy as np
import pandas as pd
import pytest

from retention.measurement.interactions import INTERACTION, means_within, offers_by_segment


def rows(n, effect, *, seed, control=0.5, base=0.6, segment="a", offer="mail"):
    rng = np.random.default_rng(seed)
    treated = rng.random(n) >= control
    drop = (rng.random(n) < base * (1 - effect * treated)).astype(float)
    return pd.DataFrame(
        {"offer": offer, "segment": segment, "treated": treated, "drop": drop, "risk": base}
    )


def test_campaigns_of_other_shares_do_not_pass_for_an_effect():
    """Most are treated where few drop anyway: taken as one, the offer would seem to work."""
    one = rows(3000, 0.0, seed=1, control=0.2, base=0.2)
    two = rows(3000, 0.0, seed=2, control=0.8, base=0.8)
    every = pd.concat([one, two])
    columns = [every[name].to_numpy() for name in ("drop", "treated", "risk")]
    found = means_within(columns[0], columns[1], np.zeros(6000), np.repeat([0, 1], 3000))
    treated = columns[1]
    assert columns[0][treated].mean() - columns[0][~treated].mean() < -0.3
    assert found.interval[0] < 0 < found.interval[1]
    assert abs(found.difference) < 0.04


def test_means_of_campaigns_by_hand():
    drop = np.array([1, 1, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1], dtype=float)
    treated = np.array([0, 0, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0], dtype=bool)
    campaign = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])  # the third treats nobody
    found = means_within(drop, treated, np.zeros(12), campaign)
    weight = np.array([2 * 2 / 4, 3 * 1 / 4])
    weight = weight / weight.sum()
    assert found.treatment.mean == pytest.approx(weight @ [1 / 2, 1 / 3])
    assert found.control.mean == pytest.approx(weight @ [1, 0])


def test_an_offer_that_moves_one_segment_alone_is_told():
    tables = [
        pd.concat([rows(2500, 0.5, seed=2 * k), rows(2500, 0.0, seed=2 * k + 1, segment="b")])
        for k in range(2)
    ]
    found = offers_by_segment(tables)["mail"]
    assert set(found) == {"a", "b"}
    assert found["a"]["low"] < 0.5 < found["a"]["high"]
    assert (found["a"]["verdict"], found["b"]["verdict"]) == ("more", "fewer")
    assert found["a"]["others"] == found["b"]["prevented"]
    assert found["a"]["difference"] == pytest.approx(-found["b"]["difference"])
    assert found["a"]["more_treated"] == 0


def test_more_to_treat_follows_from_the_error():
    table = pd.concat([rows(300, 0.2, seed=1), rows(300, 0.2, seed=2, segment="b")])
    found = offers_by_segment([table])["mail"]["a"]
    error = (found["difference_high"] - found["difference"]) / 1.959964
    treated = int(table["treated"].sum())
    # Two pairs: the first step of Holm's asks for p < 0.025, which is 2.241403 standard errors.
    needed = treated * ((2.241403 + 0.841621) * error / INTERACTION) ** 2
    assert found["more_treated"] == pytest.approx(needed - treated, abs=1.01)
    assert found["more_treated"] > 1000
    assert found["verdict"] == "unknown"


def test_more_to_treat_grows_with_the_number_of_pairs():
    """Among many verdicts each one needs more to be told."""
    mail = pd.concat([rows(300, 0.2, seed=1), rows(300, 0.2, seed=2, segment="b")])
    cart = pd.concat([rows(300, 0.2, seed=3), rows(300, 0.2, seed=4, segment="b")])
    alone = offers_by_segment([mail])["mail"]["a"]
    among = offers_by_segment([pd.concat([mail, cart.assign(offer="cart")])])["mail"]["a"]
    treated = int(mail["treated"].sum())
    times = (among["more_treated"] + treated) / (alone["more_treated"] + treated)
    assert times == pytest.approx(((2.497705 + 0.841621) / (2.241403 + 0.841621)) ** 2, abs=1e-3)


def test_few_in_a_segment_tell_nothing():
    table = pd.concat([rows(300, 0.2, seed=1), rows(40, 0.2, seed=2, segment="b")])
    assert offers_by_segment([table]) == {}
    assert offers_by_segment([]) == {}
