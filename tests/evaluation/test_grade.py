import json

import pandas as pd
import pytest

from retention.core.errors import InputError
from retention.core.grades import read_drift, read_grade, read_threshold
from retention.core.params import Grade
from retention.evaluation.grade import grade, reservations

NAN = float("nan")
RULES = Grade(
    chance_margin=0.05, clear_margin=0.02, slope_low=0.8, slope_high=1.25, shift_most=0.25
)


def found(auc=0.85, over=0.05, probabilities="hold"):
    return {"roc_auc_low": auc, "over_rule_low": over, "calibration": probabilities}


@pytest.mark.parametrize(
    ("given", "letter"),
    [
        (found(), "A"),
        (found(over=0.02), "A"),
        (found(over=0.0199), "B"),
        (found(probabilities="do_not_hold"), "B"),
        (found(probabilities="cannot_be_told"), "B"),
        (found(over=0.0), "C"),
        (found(over=-0.1), "C"),
        (found(auc=0.551, over=-0.1), "C"),
        (found(auc=0.55), "F"),
        (found(auc=0.4, over=0.1), "F"),
        (found(auc=NAN), "F"),
        (found(over=NAN), "C"),
    ],
)
def test_grade_follows_the_lower_ends_and_the_verdict(given, letter):
    assert grade(given, RULES) == letter


def test_what_keeps_a_model_from_the_best_grade_is_told():
    assert reservations(found(), RULES) == []
    assert reservations(found(over=0.01), RULES) == ["only_just"]
    assert reservations(found(probabilities="do_not_hold"), RULES) == ["do_not_hold"]
    both = found(over=0.01, probabilities="cannot_be_told")
    assert reservations(both, RULES) == ["only_just", "cannot_be_told"]


@pytest.mark.parametrize("content", ["{}", "[]", "null", '{"grade": null}', '{"grade": "f"}'])
def test_a_grade_that_is_none_stops_instead_of_passing(tmp_path, content):
    path = tmp_path / "evaluate.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"has no grade|grade is .*; valid: A, B, C, F"):
        read_grade(path)
    path.write_text('{"grade": "F"}')
    assert read_grade(path) == "F"


def test_the_threshold_is_that_of_the_model_in_use(tmp_path):
    (tmp_path / "model.json").write_text('{"threshold": 0.41}')
    assert read_threshold(str(tmp_path)) == 0.41
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(InputError, match=r"model\.json is of another version, it has no threshold"):
        read_threshold(str(tmp_path))


def test_drift_is_told_by_featurize_of_a_snapshot_and_by_evaluate_of_months(tmp_path):
    features, evaluation = tmp_path / "features.json", tmp_path / "evaluation.json"
    of_months = {
        "comparisons": 17,
        "columns": [{"column": "pages_per_visit"}],
        "risk": {"drifted": True},
    }
    features.write_text(json.dumps({"drift": {"columns": [{"column": "minutes_m0"}]}}))
    evaluation.write_text(json.dumps({"months": {"drift": of_months}}))
    snapshot = pd.DataFrame({"customer_id": ["a"]})
    found = read_drift(snapshot, features, evaluation)
    assert found == {"drifted": [{"column": "minutes_m0"}], "risk_drift": None}
    found = read_drift(snapshot.assign(month="2026-10"), features, evaluation)
    assert found == {"drifted": of_months["columns"], "risk_drift": {"drifted": True}} | {
        "drift_told": True
    }
    nothing = {"comparisons": 0, "columns": [], "risk": None}
    evaluation.write_text(json.dumps({"months": {"drift": nothing}}))
    assert not read_drift(snapshot.assign(month="2026-10"), features, evaluation)["drift_told"]
    evaluation.write_text("{}")
    with pytest.raises(InputError, match="months"):
        read_drift(snapshot.assign(month="2026-10"), features, evaluation)
