"""The page of a shop of months: forecasts beside facts, when to retrain, what its data is like."""

import re

import pytest

from dictionary import COLUMNS
from monthly import FORETOLD, LAST, MISSED, MONTHS, TAUGHT, TEST, make_monthly
from pages import CONSTANTS, LATIN, at, content_of, read_page, section, told
from project import ROOT
from retention.core.formats import DATED, formatted
from retention.report.page import sections_of
from retention.report.text import load_phrases
from runs import LANGUAGES, alter, build, poison

pytestmark = pytest.mark.slow
TEMPLATES = ROOT / "stages/retention/report/templates"
EVALUATION, PREPARED = "data/evaluation/details.json", "data/prepared/details.json"


@pytest.fixture
def months(run):
    """A run's files, turned into those of a shop of months."""
    make_monthly(run)
    return run


def text_of(pages, name="months"):
    return {language: section(page, name) for language, page in pages.items()}


def retrained(**change):
    return lambda found: found["months"]["retrain"].update(change)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_is_that_of_its_file(months, language):
    page, contents = read_page(build()[language]), {}
    for shown in page.figures:
        name, _, pointer = shown.source.partition("#")
        contents.setdefault(name, content_of(months / name))
        value = at(contents[name], pointer)
        if shown.form in DATED:
            assert shown.value == value
            assert shown.text == formatted(value, shown.form, language)
        else:
            number, unit = told(shown, language)
            assert abs(number - float(value)) <= unit / 2 + 1e-9, shown
    assert "report/overview.json" in contents


@pytest.mark.usefixtures("months")
def test_pages_are_whole_show_the_same_and_have_no_numbers_of_their_own():
    pages = {language: read_page(html) for language, html in build().items()}
    figures = [
        [(one.source, one.value, one.form) for one in page.figures] for page in pages.values()
    ]
    assert figures[0] == figures[1]
    for page in pages.values():
        assert [name for name in page.ids if name in sections_of(monthly=True)] == [
            *sections_of(monthly=True)
        ]
        assert len(page.ids) == len(set(page.ids))
        assert set(re.findall(r"\d+(?:[.,]\d+)*", page.prose)) <= CONSTANTS
        assert not re.search(r"\b(None|nan|inf)\b", page.text)
    words = re.findall(r"[A-Za-z][\w./-]{2,}", pages["ru"].prose)
    assert {word.rstrip(".") for word in words} <= LATIN


def test_a_snapshot_says_nothing_of_months(clone):
    for language in LANGUAGES:
        html = (clone.folder / f"report/{language}.html").read_text(encoding="utf-8")
        assert 'id="months"' not in html
        assert "figcaption" not in html
        assert "label.horizon_months" not in html


@pytest.mark.usefixtures("months")
def test_forecast_stands_beside_what_came():
    html = build()
    for language, page in html.items():
        table = page[page.index('<table id="foretold">') :]
        rows = table[: table.index("</table>")].split("<tr>")[2:]
        assert len(rows) == len(FORETOLD) + 3  # two that wait for outcomes, and the last month
        missed = {"ru": "не сбылся", "en": "missed"}[language]
        marked = [
            month
            for month, row in zip(MONTHS[: -len(rows) - 1 : -1], rows, strict=True)
            if missed in row
        ]
        assert marked == [MISSED]
        assert page.count('<polygon class="fact outside"') == 1
        assert page.count('<polygon class="fact"') == 2 * len(FORETOLD) - 1
        kept = {"ru": "записан до исхода", "en": "kept before the outcome"}[language]
        assert sum(kept in row for row in rows) == 3
    said = text_of(html)
    assert "What to expect: October 2026 Will become less active36% 31% to 41%" in said["en"]
    assert "Чего ждать: октябрь 2026" in said["ru"]
    assert "test at random" in said["en"]
    assert "Test month: September 2025" in said["en"]
    assert "from the months May 2025 to June 2025" in said["en"]
    assert (TEST, TAUGHT[0], TAUGHT[-1]) == ("2025-09", "2025-05", "2025-06")


@pytest.mark.parametrize(
    ("change", "ru", "en"),
    [
        ({}, "Модель пора переучить.", "It is time to train the model anew."),
        ({"due": False}, "новых месяцев с известным исходом", "no new months of known outcome"),
        (
            {"missed": False, "age": False, "due": False},
            "пока ничто не говорит",
            "Nothing speaks for training",
        ),
        ({"drift": True}, "отличаются от тех, на ком", "though no column is seen to differ"),
        ({"missed": False}, "прогнозы прежних моделей", "1 of 7 were missed, by earlier"),
        ({"months_old": None, "age": False}, "на одной выгрузке", "from one snapshot, not"),
    ],
)
def test_what_speaks_for_retraining_is_said(months, change, ru, en):
    alter(months / EVALUATION, retrained(**change))
    if "drift" in change:
        ru = "хотя ни в одном столбце отличия не видно"
    html = build()
    for language, words in (("ru", ru), ("en", en)):
        assert words in section(html[language], "months")
        lead = {"ru": "Модель пора переучить", "en": "It is time to train"}[language]
        assert (lead in section(html[language], "headline")) == change.get("due", True)


def test_without_a_past_forecast_nothing_is_said_to_hold(months):
    def change(found):
        found["months"].update(foretold=[], waiting=[], missed=0)
        retrained(missed=False, age=False, due=False)(found)

    alter(months / EVALUATION, change)
    html = build()
    said = text_of(html)
    assert "можно сверить с исходом, пока нет: сбываются ли они, сказать нельзя" in said["ru"]
    assert "whether forecasts come true cannot be told" in said["en"]
    assert "no month yet with both a forecast and an outcome" in said["en"]
    assert '<table id="foretold">' not in html["en"]
    assert "within chance" not in said["en"]


def test_where_drift_cannot_be_told_nobody_is_told_that_all_is_well(months):
    def change(found):
        found["months"]["drift"].update(comparisons=0, columns=[], risk=None)
        retrained(missed=False, age=False, due=False)(found)

    alter(months / EVALUATION, change)
    said = text_of(build())
    assert "so it cannot be said either that nothing speaks for training it anew" in said["en"]
    assert "нельзя сказать и что переучивать её незачем" in said["ru"]
    assert "Nothing speaks for training" not in said["en"]
    assert "ничто не говорит" not in said["ru"]


def test_a_forecast_that_cannot_be_judged_is_not_within_chance(months):
    def change(found):
        for row in found["months"]["foretold"]:
            row.update(comparable=False, missed=False)
        found["months"].update(missed=0)
        retrained(missed=False, age=False, due=False)(found)

    alter(months / EVALUATION, change)
    said = text_of(build())
    assert "whether forecasts come true cannot be told" in said["en"]
    assert "it cannot be told whether they came true: 7" in said["en"]
    assert "нельзя сказать, сбылись ли они: 7" in said["ru"]
    for language, words in (
        ("en", ("within chance", "Not one")),
        ("ru", ("в пределах слу", "ни один")),
    ):
        assert not [one for one in words if one in said[language]]


def test_a_failed_model_foretells_nothing_on_the_page(months):
    alter(months / EVALUATION, lambda found: found.update(grade="F"))
    for language, words in (("ru", "на прогноз по её рискам"), ("en", "a forecast by its risks")):
        page = build()[language]
        assert words in section(page, "months")
        assert "forecast/drop_share" not in page
        assert "mean_risk" not in section(page, "months")


def test_a_test_on_other_customers_of_the_same_months_is_named(months):
    def change(found):
        found.update(grade="B", split="customers", reservations=["customers_split"])
        found["months"].update(split="customers")

    alter(months / EVALUATION, change)
    html = build()
    assert "how it will do in the future is not shown" in section(html["en"], "headline")
    assert "the grade is B at most" in section(html["en"], "months")
    assert "оценка не бывает выше B" in section(html["ru"], "months")
    assert "Test month" not in section(html["en"], "months")
    assert "tested on rows of a customer and month of other customers" in section(
        html["en"], "model"
    )


def test_a_model_judged_when_it_was_kept_says_so(months):
    alter(months / EVALUATION, lambda found: found.update(judged="when it was kept"))
    html = build()
    for name in ("headline", "model"):
        assert "when it was kept; whether they are true now" in section(html["en"], name)
        assert "когда модель сохранили" in section(html["ru"], name)


def test_what_matters_to_a_kept_model_is_said_to_be_of_then(months):
    place = months / "data/explained/details.json"
    assert "as it was found then" not in section(build()["en"], "reasons")
    alter(place, lambda found: found.update(when_kept=True))
    html = build()
    assert "as it was found then" in section(html["en"], "reasons")
    assert "как было найдено тогда" in section(html["ru"], "reasons")


def test_where_outcomes_come_from_is_said(months):
    said = text_of(build())
    assert "outcome the shop told: 900; by the rule: 4,500; outcome unknown: 1,152" in said["en"]
    assert "the months after are not over, 1,092; there is no earlier revenue" in said["en"]
    assert "agree in 89% of cases (87% to 91%); Cohen's kappa is 0.76" in said["en"]
    assert "its mean: ROC-AUC 0.610 (0.560 to 0.660). The model is better: +0.250" in said["en"]
    assert "mean itself: ROC-AUC 0.700 (0.660 to 0.740). The model is better: +0.160" in said["en"]

    alter(months / PREPARED, lambda found: found["months"]["label"].update(agreement=None))
    ends = {"over_reversion_low": -0.01, "over_reversion": 0.02, "over_reversion_high": 0.05}
    alter(months / EVALUATION, lambda found: found.update(ends))
    said = text_of(build())
    assert "kappa" not in said["en"]
    assert "Модель от него не отличить" in said["ru"]


def test_a_model_no_better_than_regression_to_the_mean_says_so(months):
    alter(months / EVALUATION, lambda found: found.update(grade="C", over_rule_low=0.05))
    html = build()
    for name in ("headline", "reasons"):
        assert "прошл" in section(html["ru"], name)
        assert "ast revenue alone" in section(html["en"], name)
    alter(months / EVALUATION, lambda found: found.update(over_rule_low=-0.05))
    assert "ast revenue alone" not in section(build()["en"], "headline")


def test_campaigns_and_their_gaps_are_named(months):
    gaps = {"gaps": ["spring <b>"], "treated": {}, "controls": {}}
    assert "(90) neither teach the model nor judge it" in section(build()["en"], "months")
    alter(months / "data/features/details.json", lambda found: found["months"].update(gaps))
    html = build()
    assert "have a gap: spring &lt;b&gt;." in section(html["en"], "months")
    assert "neither teach" not in section(html["en"], "months")
    assert "<b>" not in html["ru"]


@pytest.mark.usefixtures("months")
def test_quality_of_the_data_stands_by_month():
    html = build()
    said = text_of(html, "readiness")
    assert "The data will do: " in said["en"]
    assert "customers of October 2026 are used" in said["en"]
    assert "columns missing: service errors in a quarter" in said["en"]
    assert "new words: cosmetics and accessories (favourite category)" in said["en"]
    assert "spelled otherwise: the whole file (money.csv)" in said["en"]
    assert "of 5,950, 16 differ" in said["en"]
    assert "(last in October 2026; months in all: 9)" in said["en"]
    assert "«" in said["ru"]
    table = html["en"][html["en"].index('<table id="months-data">') :]
    assert table[: table.index("</table>")].count("<tr>") == len(MONTHS) + 1


@pytest.mark.usefixtures("months")
def test_days_that_follow_the_last_month_are_shown():
    html = build()
    assert "The campaign starts on 1 November 2026" in section(html["en"], "campaign")
    told_days = section(html["en"], "assumptions")
    assert "params.yaml: data.as_of 31 October 2026" in told_days
    assert "params.yaml: campaign.date 1 November 2026" in told_days
    assert "params.yaml: label.absent revenue is nought" in told_days
    assert "within 3 months" in section(html["en"], "headline")


def test_drift_is_that_of_the_last_month_against_those_that_taught(months):
    one = {"column": "minutes_m0", "kind": "number", "value": None, "direction": "higher"}
    one |= {"distance": 0.7, "p_value": 0.0, "before": 12.0, "ahead": 720.0}
    alter(months / EVALUATION, lambda found: found["months"]["drift"].update(columns=[one]))
    html = build()
    assert "instead of 12.0" in section(html["en"], "headline")
    data = section(html["en"], "readiness")
    assert "Customers of the last month (364) are compared with those the model learnt from" in data
    assert "Taught the modelLast month" in data
    assert "may not come true" in section(html["en"], "months")


def test_a_model_whose_teachers_are_gone_has_no_intervals(months):
    def change(found):
        for rows in (found["groups"], found["importance"]):
            for row in rows.values():
                row.update(low=None, high=None)
        found["noise_threshold"] = None
        found["months"].update(taught=0, answered=None)

    alter(months / "data/explained/details.json", change)
    html = build()
    for language, words in (("ru", "в данных больше нет"), ("en", "is no longer in the data")):
        assert words in section(html[language], "reasons")
    assert "What matters most to the model" not in section(html["en"], "reasons")
    assert "so nobody can answer the questions" in section(html["en"], "reasons")


@pytest.mark.usefixtures("months")
def test_hostile_values_stay_text(months):
    poison(months)
    alter(
        months / PREPARED,
        lambda found: found["months"]["by_month"][LAST].update(
            differs={
                "lacks": ["market_file: <script>alert(1)</script>"],
                "adds": [],
                "spells": [],
                "words": {"favourite_category": ["<script>alert(2)</script>"]},
            }
        ),
    )
    for page in build().values():
        assert "<script>alert" not in page
        read_page(page)


def test_what_is_said_of_months_is_said_somewhere():
    texts = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html"))
    for language in LANGUAGES:
        table = load_phrases(TEMPLATES, language, columns=COLUMNS).table
        usual = set(leaves_of(table))
        for key in leaves_of({name: table["monthly"][name] for name in table["monthly"]}):
            assert key in usual, key
            parts = key.split(".")
            starts = [".".join(parts[:count]) for count in range(1, len(parts))]
            named = f'timely("{key}"' in texts or f'timely)("{key}"' in texts
            assert named or any(f'timely("{start}." ~' in texts for start in starts), key


def leaves_of(table, above=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves_of(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"
