"""The page against the files of its run: every figure, every sentence that figures choose."""

import json
import re

import pandas as pd
import pytest

from pages import CONSTANTS, at, content_of, date_in_words, part, read_page, told
from retention.report.page import SECTIONS
from runs import EVIL, LANGUAGES, TURNED, alter, build, poison

pytestmark = pytest.mark.slow
LIMIT = 3_000_000
OVER = ("over_chance", "over_rule", "over_baseline")
RANKED = ("roc_auc", "baseline_roc_auc", "rule_roc_auc", *OVER)
"""Scores of details.json whose intervals rest on ranks, those of the page."""


def prose(html):
    return " ".join(read_page(html).prose.split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_is_that_of_its_file(clone, language):
    page = read_page((clone.folder / f"report/{language}.html").read_text(encoding="utf-8"))
    contents, wrong = {}, []
    for shown in page.figures:
        name, _, pointer = shown.source.partition("#")
        contents.setdefault(name, content_of(clone.folder / name))
        value = at(contents[name], pointer)
        if shown.form == "date":
            right = shown.value == value
            seen = shown.text.replace("\N{NO-BREAK SPACE}", " ")
            right &= seen == date_in_words(value, language)
        else:
            number, unit = told(shown, language)
            right = float(shown.value) == float(value)
            right &= abs(number - float(value)) <= unit / 2 + 1e-9
        wrong += [] if right else [(shown, value)]
    assert wrong == []
    assert len(page.figures) > 300
    assert {name.partition("/")[0] for name in contents} >= {"data", "report"}


def test_both_pages_show_the_same_figures(clone):
    figures = [
        [
            (one.source, one.value, one.form)
            for one in read_page((clone.folder / f"report/{language}.html").read_text()).figures
        ]
        for language in LANGUAGES
    ]
    assert figures[0] == figures[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_has_no_numbers_of_its_own(clone, language):
    page = read_page((clone.folder / f"report/{language}.html").read_text(encoding="utf-8"))
    assert set(re.findall(r"\d+(?:[.,]\d+)*", page.prose)) <= CONSTANTS


@pytest.mark.parametrize(
    ("language", "thousands", "decimal", "percent"),
    [("ru", "\N{NARROW NO-BREAK SPACE}", ",", "\N{NO-BREAK SPACE}%"), ("en", ",", ".", "%")],
)
def test_numbers_have_one_form_on_the_page_and_in_its_reasons(
    clone, language, thousands, decimal, percent
):
    """Figures, sentences and reasons; what people wrote (offers, quotes from the data) stays."""
    page = read_page((clone.folder / f"report/{language}.html").read_text(encoding="utf-8"))
    reasons = pd.read_parquet(clone.folder / "data/explained/reasons.parquet")
    texts = [page.prose, *reasons[f"sentence_{language}"]]
    assert any(text in page.text for text in texts[1:])
    texts += [shown.text for shown in page.figures if shown.form != "date"]
    between, percents = set(), set()
    for text in texts:
        assert not re.search(r"\d{4}", text), text
        between |= set(re.findall(r"\d(\D)(?=\d{3}(?!\d))", text))
        percents |= set(re.findall(r"\d([^\d%]*%)", text))
        assert f"{decimal}0{percent}" not in text, text
    assert between == {thousands, decimal}
    assert percents == {percent}


def test_examples_that_are_figures_are_written_like_figures(run):
    path = run / "data/prepared/readiness.parquet"
    findings = pd.read_parquet(path)
    one = findings.head(1).assign(level="warning", file="", column="promo_share")
    more = [("drift", "0.37"), ("few_customers", "1500")]
    more = [one.assign(what=what, example=example) for what, example in more]
    pd.concat([findings, *more], ignore_index=True).to_parquet(path)
    text = {language: read_page(html).text for language, html in build().items()}
    for words in ("расстояние 0,37.", "меньше 1\N{NARROW NO-BREAK SPACE}500,"):
        assert words in text["ru"]
    for words in ("distance 0.37.", "1,500"):
        assert words in text["en"]


def test_page_says_whom_a_segment_is_compared_with(run):
    def compared(**told):
        def change(found):
            for one in found["segments"].values():
                one.update(told)

        alter(run / "data/segments/details.json", change)
        return {language: prose(page) for language, page in build().items()}

    at_risk = {"compared_with": "others_of_same_risk", "customers": 90}
    few = compared(**at_risk, compared=9, not_compared=81, enough=False)
    assert "от других с тем же риском, сказать нельзя: для сравнения нужно" in few["ru"]
    assert "from others of the same risk cannot be told: the comparison needs" in few["en"]
    assert "сравнить не с кем" not in few["ru"]
    some = compared(**at_risk, compared=89, not_compared=1, enough=True)
    assert "сказать нельзя: для сравнения нужно" not in some["ru"]
    assert "покупателя сегмента сравнить не с кем" in some["ru"]
    assert "customer of the segment could not be compared" in some["en"]
    assert "от остальных" not in some["ru"].partition("Портреты")[2].partition("Что нашлось")[0]
    all_of = compared(compared_with="others", compared=9, not_compared=0, enough=False)
    assert "What tells them from the others cannot be told" in all_of["en"]
    every = compared(compared_with="others", compared=90, not_compared=0, enough=True)
    portraits = every["en"].partition("Portraits")[2].partition("found by search")[0]
    assert "the others" in portraits
    assert "What tells them from others of the same risk" not in portraits
    assert "could not be compared" not in portraits


@pytest.mark.parametrize(("verdict", "said"), [("hold", False), ("cannot_be_told", True)])
def test_gain_rests_on_risks_that_are_shown_to_hold_or_says_so(run, verdict, said):
    alter(run / "data/evaluation/details.json", lambda found: found.update(calibration=verdict))
    for page, words in zip(
        build().values(), ("на рисках, о которых", "of which it is not"), strict=True
    ):
        assert (words in prose(page)) == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_sections_stand_in_their_order(clone, language):
    page = read_page((clone.folder / f"report/{language}.html").read_text(encoding="utf-8"))
    assert [name for name in page.ids if name in SECTIONS] == list(SECTIONS)
    assert len(page.ids) == len(set(page.ids))


def test_headline_adds_up_from_the_customers(clone):
    found = json.loads((clone.folder / "report/overview.json").read_text())["headline"]
    customers = pd.read_parquet(clone.folder / "data/segments/customers.parquet")
    params = content_of(clone.folder / "params.yaml")["campaign"]
    threshold = json.loads((clone.folder / "data/model/details.json").read_text())["threshold"]
    ahead = customers[customers["drop"].isna()]
    lost = ahead["profit"].fillna(0).clip(lower=0)
    lost *= params["horizon_months"] * params["share_lost"]
    assert found["customers"] == len(customers)
    assert found["audience"] == found["ahead"] == len(ahead) > 0
    assert found["at_risk"] == (ahead["risk"] >= threshold).sum()
    assert found["profit_at_stake"] == pytest.approx((lost * ahead["risk"]).sum(), abs=1e-5)


@pytest.mark.usefixtures("run")
def test_the_same_files_give_the_same_bytes():
    first = build()
    assert build() == first


def test_a_figure_that_is_not_there_stops_the_page(run):
    alter(run / "data/evaluation/details.json", lambda found: found.pop("roc_auc"))
    with pytest.raises(KeyError, match=r"data/evaluation/details.json#/roc_auc"):
        build()


def test_a_figure_that_cannot_be_told_is_a_dash_and_decides_nothing(run):
    untold = ("over_baseline", "over_baseline_low", "over_baseline_high", "precision")
    alter(run / "data/evaluation/details.json", lambda found: found.update(dict.fromkeys(untold)))

    def segment(found):
        for cell in found["grid"].values():
            cell.update(mean_risk=None, mean_profit=None)
        rule = dict.fromkeys(("drop_share", "lift", "lift_low", "lift_high"))
        found["discovered"] = {"promo_share >= 0.5": rule | {"customers": 0, "passes": False}}

    def explain(found):  # of a model that says the same of everyone
        for row in (*found["groups"].values(), *found["importance"].values()):
            row.update(mean_abs=0.0, low=0.0, high=0.0)

    alter(run / "data/segments/details.json", segment)
    alter(run / "data/explained/details.json", explain)
    for language, unclear in (
        ("ru", "От обычного рецепта не отличить"),
        ("en", "Cannot be told apart from the usual"),
    ):
        text = prose(build()[language])
        assert unclear in text
        assert "—" in text
        assert not re.search(r"\b(None|nan|inf)\b", text)


@pytest.mark.parametrize(
    ("drops", "stayed", "ru", "en"),
    [
        (9, 90, "активность снизили только", "became less active, too few"),
        (98, 1, "прежним остался только", "stayed as they were, too few"),
    ],
)
def test_a_ranking_that_cannot_be_told_compares_nothing(run, drops, stayed, ru, en):
    ends = [f"{name}{end}" for name in RANKED for end in ("_low", "_high")]
    change = dict.fromkeys(ends) | {"grade": "F"}
    change |= {"test_drops": drops, "test_stayed": stayed, "test_customers": drops + stayed}
    alter(run / "data/evaluation/details.json", lambda found: found.update(change))
    for text, said in zip(map(prose, build().values()), (ru, en), strict=True):
        assert text.count(said) == 2  # beside the grade, and in the section
        assert not re.search("случайного выбора не отличить|apart from chance", text)


def test_a_model_too_good_to_be_true_is_said_to_be_beside_its_grade(run):
    before = [prose(page) for page in build().values()]
    change = {"suspected_leak": "promo_share", "roc_auc_low": 0.985, "roc_auc_high": 0.999}
    alter(run / "data/evaluation/details.json", lambda found: found.update(change))
    said = ("Слишком хорошо, чтобы быть правдой", "Too good to be true")
    for text, old, words in zip(map(prose, build().values()), before, said, strict=True):
        assert text.count(words) == 2
        assert words not in old


@pytest.mark.parametrize(
    ("low", "high", "ru", "en"),
    [
        (0.02, 0.06, "Лучше обычного рецепта", "Better than the usual recipe"),
        (-0.01, 0.06, "От обычного рецепта не отличить", "Cannot be told apart from the usual"),
        (-0.06, -0.01, "Хуже обычного рецепта", "Worse than the usual recipe"),
    ],
)
def test_an_interval_chooses_the_sentence(run, low, high, ru, en):
    change = {"over_baseline_low": low, "over_baseline_high": high}
    alter(run / "data/evaluation/details.json", lambda found: found.update(change))
    pages = build()
    assert ru in prose(pages["ru"])
    assert en in prose(pages["en"])


def test_a_category_that_has_no_rival_is_not_told_apart_from_others(run):
    def alone(found):
        for best in found["recommendations"].values():
            best.update(earns_most="cosmetics", earns_most_told_apart=False, earns_most_rivals=[])
            best.update(earns_most_profit=4.0)

    alter(run / "data/segments/details.json", alone)
    for language, sentence, empty in (
        ("ru", "людей хватает только в категории", "от других ()"),
        ("en", "there is nothing to compare it with", "from others ()"),
    ):
        text = prose(build()[language])
        assert sentence in text
        assert empty not in text


@pytest.mark.parametrize(
    ("dropped", "misses", "ru", "en"),
    [
        (0.7, False, "ни одна не промахнулась", "none misses by more than chance"),
        (0.4, True, "меньше, чем обещано", "40 of 100 dropped, fewer than told"),
        (1.0, True, "больше, чем обещано", "100 of 100 dropped, more than told"),
    ],
)
def test_the_worst_group_that_chance_does_not_explain_leads(run, dropped, misses, ru, en):
    bins = pd.DataFrame(
        {
            "told": [0.1, 0.7],
            "dropped": [0.2, dropped],
            "customers": [100, 100],
            "low": [0.12, dropped - 0.1],
            "high": [0.3, min(dropped + 0.1, 1)],
            "misses": [misses, misses],
        }
    )
    bins.to_parquet(run / "data/evaluation/reliability.parquet")
    alter(
        run / "data/evaluation/details.json",
        lambda found: found.update(grade="B", bins=2, bins_missed=2 * misses),
    )
    pages = build()
    assert ru in prose(pages["ru"])
    assert en in " ".join(read_page(pages["en"]).text.split())
    assert (read_page(pages["en"]).text.count("The worst:") == 1) == misses


@pytest.mark.parametrize(
    ("change", "ru", "en"),
    [
        ({"calibration": "hold"}, "вероятности сбываются", "its probabilities hold: slope"),
        ({"calibration": "do_not_hold"}, "Вероятности не сбываются", "do not hold:"),
        ({"calibration": "cannot_be_told"}, "сказать нельзя", "cannot be told: there are too few"),
        ({"calibration_slope_place": "below"}, "слишком смелые", "too bold"),
        ({"calibration_slope_place": "across"}, "недостаточно точно", "not known well enough"),
        ({"calibration_shift_place": "above"}, "Все риски занижены", "All risks are told too low"),
        ({"calibration_test": "do_not_hold"}, "их слово последнее", "theirs is the last word"),
    ],
)
def test_probabilities_are_judged_in_words(run, change, ru, en):
    usual = {
        "grade": "B",
        "reservations": [],
        "calibration": "hold",
        "calibration_slope_place": "inside",
        "calibration_shift_place": "inside",
        "calibration_test": "cannot_be_told",
    }
    alter(run / "data/evaluation/details.json", lambda found: found.update(usual | change))
    pages = build()
    assert ru in prose(pages["ru"])
    assert en in prose(pages["en"])
    others = {"too bold", "not known well enough", "theirs is the last word", "do not hold:"}
    assert {words for words in others if words in prose(pages["en"])} <= {en}


@pytest.mark.parametrize(
    ("space", "ru", "en"),
    [
        ("log-odds", "в логарифмах шансов. Чёрточка", "in log-odds. The dark"),
        ("log-odds before beta calibration", "шансов, до калибровки", "before the calibration"),
    ],
)
def test_page_says_what_contributions_are_measured_in(run, space, ru, en):
    alter(run / "data/explained/details.json", lambda found: found.update(space=space))
    pages = build()
    assert ru in prose(pages["ru"])
    assert en in prose(pages["en"])


@pytest.mark.parametrize("grade", ["A", "B", "C", "F"])
def test_grade_is_told_in_words(run, grade):
    change = {"grade": grade, "reservations": ["only_just", "cannot_be_told"]}
    alter(run / "data/evaluation/details.json", lambda found: found.update(change))
    words = {
        "A": "probabilities hold: act on it",
        "B": "may be small. Whether its probabilities hold cannot be told yet.",
        "C": "not proven better",
        "F": "nobody is contacted",
    }
    english = build()["en"]
    headline = part(english, "headline")
    assert [letter for letter, word in words.items() if word in headline] == [grade]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_model_that_is_no_better_than_chance_claims_no_count_and_no_probability(run, language):
    details = run / "data/evaluation/details.json"
    told = ("headline/at_risk", "headline/expected_drops", "headline/profit_at_stake", "came_true")
    told += ("calibration", "expected_drops", "precision")
    for grade, shown in (("B", set(told)), ("F", set())):
        alter(details, lambda found, letter=grade: found.update(grade=letter))
        shown_figures = read_page(build()[language]).figures
        sources = [one.source.partition("#/")[2] for one in shown_figures]
        assert {name for name in told if any(place.startswith(name) for place in sources)} == shown
        # The power of a campaign is told where there is a list; here the list of grade A stays.
        risks = [one for one in sources if one.endswith("mean_risk") and "power" not in one]
        assert bool(risks) == (grade != "F")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_model_that_is_no_better_than_chance_describes_no_segment(run, language):
    alter(run / "data/evaluation/details.json", lambda found: found.update(grade="F"))
    html = build()[language]
    segments = read_page(part(html, "segments"))
    assert not segments.figures
    assert {"ru": "полагаться на её риски нельзя", "en": "risks cannot be relied on"}[
        language
    ] in " ".join(segments.text.split())
    ready_for = {"ru": "кому первому сделать доброе предложение", "en": "gets a friendly offer"}
    assert ready_for[language] not in html


@pytest.mark.parametrize(
    ("verdict", "ru", "en"),
    [
        ("hold", "Всего ожидаем снижений", "are expected to drop"),
        ("cannot_be_told", "что они сбываются, не показано", "that they come true is not shown"),
        ("do_not_hold", "что они сбываются, не показано", "that they come true is not shown"),
    ],
)
def test_drops_are_expected_only_where_probabilities_hold(run, verdict, ru, en):
    change = {"grade": "B", "reservations": ["only_just"], "calibration": verdict}
    alter(run / "data/evaluation/details.json", lambda found: found.update(change))
    for language, words in (("ru", ru), ("en", en)):
        html = build()[language]
        told = prose(part(html, "headline"))
        assert words in told
        expected = "are expected to drop" in told or "Всего ожидаем" in told
        assert expected == (verdict == "hold")


def test_an_empty_campaign_is_said_to_be_empty(run):
    def nobody(found):
        found.update(treatment=0, control=0, treatment_cost=0.0, treatment_expected_gain=0.0)
        found["power"] = {
            "level": 0.05,
            "power": 0.8,
            "pooled": {"treatment": 0, "control": 0},
            "offers": {},
        }
        for offer in found["offers"].values():
            offer.update(treatment=0, control=0, cost=0.0, expected_gain=0.0)

    alter(run / "data/segments/details.json", nobody)
    budgets, listed = run / "data/campaign/budgets.parquet", run / "data/campaign/list.parquet"
    pd.read_parquet(budgets).head(0).to_parquet(budgets)
    pd.read_parquet(listed).head(0).to_parquet(listed)
    english = prose(build()["en"])
    assert "There is nobody to contact this time" in english
    assert "The list is empty." in english
    assert "One of the two groups is empty" in english


def test_hostile_values_are_shown_as_text(run):
    usual = {language: read_page(html) for language, html in build().items()}
    poison(run)
    for language, html in build().items():
        page = read_page(html)
        assert page.tags.count("script") == usual[language].tags.count("script") == 1
        assert EVIL not in html
        assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 10
        assert "Ы" * 401 not in page.text
        assert f"<bdi data-quote>{TURNED}" in html
        assert len(html.encode()) < LIMIT


def test_pages_stay_small(clone):
    for language in LANGUAGES:
        assert (clone.folder / f"report/{language}.html").stat().st_size < LIMIT
