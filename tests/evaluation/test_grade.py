import pytest

from retention.core.errors import InputError
from retention.core.grades import read_grade
from retention.core.params import Grade
from retention.evaluation.grade import grade

NAN = float("nan")
RULES = Grade(chance_margin=0.05, clear_margin=0.02, slope_low=0.8, slope_high=1.25)


def found(auc=0.85, over=0.05, slope=(0.9, 1.1)):
    return {
        "roc_auc_low": auc,
        "over_rule_low": over,
        "calibration_slope_low": slope[0],
        "calibration_slope_high": slope[1],
    }


@pytest.mark.parametrize(
    ("given", "letter"),
    [
        (found(), "A"),
        (found(over=0.02), "A"),
        (found(over=0.0199), "B"),
        (found(slope=(0.3, 0.79)), "B"),
        (found(slope=(1.26, 2.0)), "B"),
        (found(slope=(0.5, 0.8)), "A"),
        (found(over=0.0), "C"),
        (found(over=-0.1), "C"),
        (found(auc=0.551, over=-0.1), "C"),
        (found(auc=0.55), "F"),
        (found(auc=0.4, over=0.1), "F"),
        (found(auc=NAN), "F"),
        (found(over=NAN), "C"),
        (found(slope=(NAN, NAN)), "B"),
    ],
)
def test_grade_follows_the_lower_ends(given, letter):
    assert grade(given, RULES) == letter


@pytest.mark.parametrize("content", ["{}", "[]", "null", '{"grade": null}', '{"grade": "f"}'])
def test_a_grade_that_is_none_stops_instead_of_passing(tmp_path, content):
    path = tmp_path / "evaluate.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"has no grade|grade is .*; valid: A, B, C, F"):
        read_grade(path)
    path.write_text('{"grade": "F"}')
    assert read_grade(path) == "F"
