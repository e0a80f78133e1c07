"""What the page says of reasons, by what the model is worth and by what intervals hold."""

import re

import pandas as pd
import pytest

from pages import content_of, part, read_page
from runs import LANGUAGES, alter, build

pytestmark = pytest.mark.slow
NOTHING = {"ru": "Объяснять нечего", "en": "There is nothing to explain"}
ONE_COLUMN = {"ru": "Один столбец говорит столько же", "en": "One column says as much"}


def section(html, name):
    return " ".join(read_page(part(html, name)).text.split())


def graded(run, grade, **more):
    alter(run / "data/evaluation/details.json", lambda found: found.update(grade=grade, **more))
    return {language: section(html, "reasons") for language, html in build().items()}


def test_of_a_model_like_chance_nothing_is_explained(run):
    for language, text in graded(run, "F").items():
        assert NOTHING[language] in text
        # Title, sentence, and no figure: no table of importance, answers or what-if.
        assert not re.search(r"\d", text), text
        assert len(text) < 400


@pytest.mark.parametrize("grade", ["A", "B", "C"])
def test_a_model_that_says_as_much_as_one_column_names_it(run, grade):
    for language, text in graded(run, grade, rule="minutes_m1").items():
        named = {"ru": "столько же, сколько вся модель: минут", "en": "whole model: minutes"}
        assert (ONE_COLUMN[language] in text) == (grade == "C")
        assert (named[language] in text) == (grade == "C"), text[:900]
        assert NOTHING[language] not in text


def test_what_matters_most_is_told_only_beside_every_other_interval(run):
    rows = {
        "site": {"mean_abs": 1.0, "low": 0.9, "high": 1.1},
        "product": {"mean_abs": 0.5, "low": 0.4, "high": 0.6},
        # The second strongest is clearly weaker; this one, weaker still, is not.
        "spending": {"mean_abs": 0.4, "low": 0.0, "high": 0.8},
    }

    def page(reach):
        rows["spending"]["high"] = reach
        alter(run / "data/explained/details.json", lambda found: found.update(groups=rows))
        return section(build()["en"], "reasons")

    assert "What matters most to the model: behaviour on the site" in page(0.8)
    assert re.search(r"Whether behaviour on the site or spending matters more cannot", page(0.95))


def test_files_of_the_run_hold_the_floor_and_nobody_below_it(clone):
    reasons = pd.read_parquet(clone.folder / "data/explained/reasons.parquet")
    floor = content_of(clone.folder / "metrics/explain.json")["noise_threshold"]
    assert floor >= 0.2
    strong = reasons["reason_1_contribution"].dropna()
    assert len(strong) > 20
    assert strong.min() > floor - 1e-6


@pytest.mark.usefixtures("run")
def test_advice_tells_a_finding_from_a_lack():
    pages = build()
    for language, (found, lack) in {
        "ru": ("Основание:", "На это указывает число:"),
        "en": ("Suggested by:", "The figure behind it:"),
    }.items():
        text = section(pages[language], "changes")
        assert found in text
        assert text.index(found) < text.index(lack)
    assert set(pages) == set(LANGUAGES)
