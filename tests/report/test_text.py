"""The sentences of both languages: the same keys, the same figures, none missing, none unused."""

import re

import pytest
import yaml
from markupsafe import Markup

from dictionary import COLUMNS
from project import FIXTURES, ROOT
from retention.campaign.eligibility import GATES
from retention.campaign.idle_offers import WHY_IDLE
from retention.core.findings import SENTENCES
from retention.explanation.advice import ADVICE
from retention.explanation.hypotheses import QUESTIONS
from retention.report.text import Phrases, clip, load_phrases, plural, quote

TEMPLATES = ROOT / "stages/retention/report/templates"
RU, EN = (load_phrases(TEMPLATES, language, columns=COLUMNS) for language in ("ru", "en"))


def leaves(table, above=""):
    for key, value in table.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            yield from leaves(value, f"{name}.")
        else:
            yield name, value


def figures_in(text):
    return set(re.findall(r"\{(\w+)\}", text)) | set(re.findall(r"\[(\w+):", text))


def test_both_languages_have_the_same_sentences():
    assert [name for name, _ in leaves(RU.table)] == [name for name, _ in leaves(EN.table)]


def test_both_languages_tell_the_same_figures():
    english = dict(leaves(EN.table))
    differ = [
        name for name, text in leaves(RU.table) if figures_in(text) != figures_in(english[name])
    ]
    assert differ == []


def test_no_sentence_holds_a_number_but_of_a_hundred():
    for phrases in (RU, EN):
        plain = [re.sub(r"<code>.*?</code>", "", text) for _, text in leaves(phrases.table)]
        numbers = {number for text in plain for number in re.findall(r"\d+", text)}
        assert numbers <= {"100", "0", "1"}, numbers


def test_russian_is_russian():
    free = {"page.other", "model.area", "limits.area"}
    latin = [
        name
        for name, text in leaves(RU.table)
        if name not in free and not re.search("[а-яё]", text, re.I) and re.search("[a-z]{3}", text)
    ]
    assert latin == ["page.range"]


def test_russian_nouns_have_three_forms_and_english_two():
    for phrases, forms in ((RU, 3), (EN, 2)):
        for name, text in leaves(phrases.table):
            for found in re.findall(r"\[\w+:([^\]]*)\]", text):
                assert len(found.split("|")) == forms, name


def test_every_name_of_the_code_has_its_words():
    for phrases in (RU, EN):
        assert set(GATES) == set(phrases.table["gates"])
        assert {*WHY_IDLE, "reason_never"} == set(phrases.table["campaign"]["why_idle"])
        assert set(SENTENCES) == set(phrases.table["findings"])
        params = yaml.safe_load((FIXTURES / "params.yaml").read_text(encoding="utf-8"))
        assert {*params["segment"]["rules"], "rest"} <= set(phrases.table["names"])
        assert {*QUESTIONS, "category"} == set(phrases.table["questions"])
        assert {advice.key for advice in ADVICE} == set(phrases.table["advice"])
        families = set(params["models"])
        assert families <= set(phrases.table["families"])


def test_no_sentence_lies_idle():
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in [*TEMPLATES.rglob("*.html"), ROOT / "stages/retention/report/page.py"]
    )
    groups = {"page", "headline", "readiness", "model", "reasons", "segments", "campaign",
              "campaigns", "changes", "assumptions", "limits", "rerun"}  # fmt: skip
    idle = []
    for name, _ in leaves({key: RU.table[key] for key in groups}):
        steps = name.split(".")
        starts = [".".join(steps[: count + 1]) for count in range(1, len(steps))]
        named = name in text or steps[1] == "nav"
        named |= any(f'"{start}." ~' in text for start in starts[:-1])
        named |= f'"{steps[0]}." ~' in text or f'"{".".join(steps[:-1])}." ~' in text
        idle += [] if named else [name]
    assert idle == []


def test_questions_ask_and_advice_ends():
    for phrases in (RU, EN):
        for texts in phrases.table["questions"].values():
            assert texts["asked"].endswith("?")
            assert texts["compared"]
        assert all(text.endswith(".") for text in phrases.table["advice"].values())
    assert "«<i>»" in RU.plain("questions.category.asked", category="<i>")


@pytest.mark.parametrize(
    ("count", "form"),
    [(1, 0), (21, 0), (101, 0), (2, 1), (4, 1), (24, 1), (5, 2), (11, 2), (12, 2), (14, 2),
     (0, 2), (111, 2), (1000, 2), (1.5, 1)],
)  # fmt: skip
def test_russian_nouns_agree(count, form):
    assert plural(count, "ru") == form


def test_a_sentence_is_filled_and_agrees():
    phrases = Phrases({"a": {"b": "{n} [n:день|дня|дней] <b>{word}</b>"}}, "ru", columns=COLUMNS)
    shown = Markup('<span data-value="22">22</span>')
    assert phrases.say("a.b", n=shown, word="<i>") == (
        '<span data-value="22">22</span> дня <b>&lt;i&gt;</b>'
    )


def test_a_figure_that_cannot_be_told_stands_with_the_form_of_many():
    phrases = Phrases({"a": {"b": "{n} [n:день|дня|дней]"}}, "ru", columns=COLUMNS)
    assert phrases.say("a.b", n=Markup("—")) == "— дней"
    assert phrases.say("a.b", n=2) == "2 дня"


def test_a_missing_sentence_is_an_error():
    with pytest.raises(KeyError, match="nothing"):
        RU.say("page.nothing")


def test_a_rule_is_told_in_words():
    rule = "risk >= 0.6 and (favourite_category == children or service != premium)"
    shown = str(EN.rule(rule))
    assert shown == (
        "<bdi data-quote>risk ≥ 0.6 and (favourite category = children&#39;s goods or "
        "service level ≠ premium)</bdi>"
    )
    assert "риск ≥ 0,6 и (любимая категория = Товары для детей" in str(RU.rule(rule))
    assert str(EN.rule("<b> < 1 & x")) == "<bdi data-quote>&lt;b&gt; &lt; 1 &amp; x</bdi>"


def test_text_of_the_data_is_clipped_and_kept_apart():
    assert clip("a" * 200) == "a" * 159 + "…"
    assert quote("<x>") == "<bdi data-quote>&lt;x&gt;</bdi>"
    assert EN.name("features", "<x>") == "<bdi data-quote>&lt;x&gt;</bdi>"
    assert EN.name("names", "my_own_segment") == "<bdi data-quote>my own segment</bdi>"
