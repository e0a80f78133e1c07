import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.core.arms import Arm, arm_of, assigned, count_arms

IDS = pd.Series([str(number) for number in range(20_000)], dtype="str")


@settings(max_examples=30, deadline=None)
@given(
    ids=st.lists(st.text(max_size=12), min_size=2, max_size=40, unique=True),
    some=st.data(),
    seed=st.integers(0, 2**32 - 1),
)
def test_nobody_changes_arm_when_others_come_go_or_move(ids, some, seed):
    everyone = pd.Series(ids, dtype=object)
    arm = dict(zip(ids, assigned(everyone, seed=seed, share=0.5), strict=True))
    fewer = some.draw(st.permutations(ids))[: some.draw(st.integers(1, len(ids)))]
    again = assigned(pd.Series(fewer, dtype="str"), seed=seed, share=0.5)
    assert [arm[one] for one in fewer] == again.tolist()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_share_in_control_is_the_one_asked_for(share):
    control = assigned(IDS, seed=1, share=share) == "control"
    assert control.mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 20_000))
    if share == 0:
        assert not control.any()


def test_a_larger_control_arm_keeps_those_who_were_in_it_and_another_seed_draws_anew():
    few, many = (assigned(IDS, seed=1, share=share) for share in (0.3, 0.5))
    assert (many[few == "control"] == "control").all()
    other = assigned(IDS, seed=2, share=0.5)
    assert np.mean(other == many) == pytest.approx(0.5, abs=0.02)


def test_words_of_the_arms_are_those_of_the_files():
    assert [str(arm) for arm in Arm] == ["treatment", "control"]
    words = {"treatment": "treatment", "control": "control", " Control ": "control"}
    words |= {"treated": "treatment", "untouched": "control", "TREATED": "treatment"}
    assert {word: arm_of(word) for word in words} == words
    assert [arm_of(word) for word in ("", "both", "0", "treat", "controls")] == [None] * 5


def test_arms_are_counted_by_name():
    assert count_arms(np.array([True, False, True])) == {"treatment": 2, "control": 1}
    assert count_arms(np.zeros(0, dtype=bool)) == {"treatment": 0, "control": 0}
