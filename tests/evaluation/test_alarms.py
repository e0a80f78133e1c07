import pytest

from retention.evaluation.alarms import drift_level, missed_level, retraining

CALM = {"columns": [], "risk": {"drifted": False}}
LOUD = {"columns": [{"column": "minutes_m0"}], "risk": None}


def asked(taught, teachable, *, missed=False, drift=CALM, last="2026-10", oldest=12):
    return retraining(taught, teachable, last=last, missed=missed, drift=drift, oldest=oldest)


def test_a_year_of_drift_and_forecasts_has_the_chance_that_was_asked_for():
    level = 0.06
    assert 12 * drift_level(level) + 12 * 3 * (1 - missed_level(level)) == pytest.approx(level)
    assert 12 * drift_level(level) == pytest.approx(level / 2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"missed": True}, "missed"),
        ({"drift": LOUD}, "drift"),
        ({"drift": {"columns": [], "risk": {"drifted": True}}}, "drift"),
        ({"last": "2026-11"}, "age"),
    ],
)
def test_each_reason_speaks_for_training_anew(change, reason):
    found = asked(["2025-10", "2025-11"], ["2025-10", "2025-11", "2025-12"], **change)
    assert [name for name in ("missed", "drift", "age") if found[name]] == [reason]
    assert found["due"]


def test_nothing_speaks_for_it():
    found = asked(["2025-11"], ["2025-11", "2025-12"])
    assert found == {
        "missed": False,
        "drift": False,
        "age": False,
        "months_old": 11,
        "fresh": 1,
        "due": False,
    }


def test_a_model_that_knows_all_there_is_to_learn_is_not_due():
    found = asked(["2025-10", "2025-11"], ["2025-10", "2025-11"], missed=True)
    assert (found["missed"], found["fresh"], found["due"]) == (True, 0, False)


def test_how_old_a_model_of_one_snapshot_is_cannot_be_told():
    found = asked([], ["2025-11"], drift=LOUD)
    assert (found["months_old"], found["age"], found["due"]) == (None, False, True)
