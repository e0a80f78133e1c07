import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.core.formats import DATED, FORMS, LANGUAGES, formatted

THIN, SPACE, MINUS = "\u202f", "\u00a0", "\u2212"


@pytest.mark.parametrize(
    ("value", "form", "ru", "en"),
    [
        (1296, "count", f"1{THIN}296", "1,296"),
        (1234567.6, "count", f"1{THIN}234{THIN}568", "1,234,568"),
        (0.389, "percent", f"39{SPACE}%", "39%"),
        (0.05, "percent", f"5{SPACE}%", "5%"),
        (0.0004, "percent", f"0{SPACE}%", "0%"),
        (0.0541, "percent", f"5,4{SPACE}%", "5.4%"),
        (0.0994, "percent", f"9,9{SPACE}%", "9.9%"),
        (0.0996, "percent", f"10{SPACE}%", "10%"),
        (0.214761, "points", f"21,5{SPACE}п.{SPACE}п.", f"21.5{SPACE}pp"),
        (-12.34, "in_points+", f"{MINUS}12,3{SPACE}п.{SPACE}п.", f"{MINUS}12.3{SPACE}pp"),
        (0.809605, "of_100", "81", "81"),
        (-0.087, "bare_points+", "−8,7", "−8.7"),
        (0.0303, "score+", "+0,030", "+0.030"),
        (-0.0004, "score+", "0,000", "0.000"),
        (3.84, "money", "3,84", "3.84"),
        (12345.678, "money", f"12{THIN}346", "12,346"),
        (0.5, "plain", "0,5", "0.5"),
        (10, "plain", "10", "10"),
        (100, "plain", "100", "100"),
        (2.46, "short", "2,5", "2.5"),
        (12345.04, "short", f"12{THIN}345", "12,345"),
        (2.4116, "tenths", "2,4", "2.4"),
        (1.5, "hundredths", "1,50", "1.50"),
        ("2026-11-01", "date", f"1{SPACE}ноября 2026{SPACE}г.", f"1{SPACE}November 2026"),
        ("2026-03", "month", "март 2026", "March 2026"),
        ("2025-05", "short_month", f"май{SPACE}25", f"May{SPACE}25"),
    ],
)
def test_a_number_is_written_as_the_language_does(value, form, ru, en):
    assert formatted(value, form, "ru") == ru
    assert formatted(value, form, "en") == en


@given(st.floats(-1e9, 1e9), st.sampled_from([form for form in FORMS if form not in DATED]))
def test_the_text_is_the_number_rounded(value, form):
    for language in LANGUAGES:
        text = formatted(value, form, language)
        decimal = "," if language == "ru" else "."
        digits = re.sub(rf"[^\d{decimal}]", "", text.split(SPACE)[0]).replace(decimal, ".")
        told = float(digits) * (-1 if text.startswith(MINUS) else 1)
        places = len(digits.partition(".")[2])
        scale = 100 if form in {"percent", "points", "bare_points", "of_100"} else 1
        allowed = {"plain": 0.005, "short": 0.05}.get(form, 0.5 * 10**-places)
        assert abs(told - value * scale) <= allowed * (1 + 1e-9) + abs(value) * scale * 1e-12


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="unknown form 'weight'"):
        formatted(1, "weight", "ru")
