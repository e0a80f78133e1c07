"""What the page says where nothing is a forecast, and where those ahead are unlike those before."""

import re
import shutil

import pandas as pd
import pytest

import featurize
import report
import segment
from dictionary import COLUMNS
from pages import LATIN, read_page, section
from project import ROOT
from retention.core import paths
from retention.core.files import read_json
from retention.report.text import load_phrases
from runs import LANGUAGES, alter

pytestmark = pytest.mark.slow
EXPECTED = {
    "ru": re.compile("ожида|ждём", re.IGNORECASE),
    "en": re.compile("expect", re.IGNORECASE),
}
TEMPLATES = ROOT / "stages/retention/report/templates"


@pytest.fixture
def shop(clone, monkeypatch, tmp_path):
    """The folder of a whole run, to alter and to run stages in."""
    folder = tmp_path / "shop"
    shutil.copytree(clone.folder, folder, ignore=shutil.ignore_patterns(".git", ".dvc"))
    monkeypatch.chdir(folder)
    return folder


def pages():
    segment.main()
    report.main()
    return {
        language: (paths.REPORT / f"{language}.html").read_text(encoding="utf-8")
        for language in LANGUAGES
    }


def in_seconds(where="minutes_m0", factor=60):
    """Tell the minutes of those ahead in seconds, and look for drift again."""
    customers = pd.read_parquet(paths.PREPARED)
    ahead = customers["drop"].isna()
    customers[where] = customers[where].mask(ahead, customers[where] * factor)
    customers.to_parquet(paths.PREPARED)
    featurize.main()


def known_outcomes():
    """Fill the outcome of everyone; every third of those ahead drops."""
    table = pd.read_parquet(paths.FEATURES)
    ahead = table["drop"].isna().to_numpy()
    outcome = pd.Series((pd.Series(ahead).cumsum() % 3 == 0).astype("Int8").to_numpy(), table.index)
    table["drop"] = table["drop"].mask(ahead, outcome).astype(table["drop"].dtype)
    table.to_parquet(paths.FEATURES)
    return table


@pytest.mark.usefixtures("shop")
def test_where_all_outcomes_are_known_nothing_is_expected(capsys):
    table = known_outcomes()
    alter(paths.EVALUATION_DETAILS, lambda found: found.update(grade="A"))
    html = pages()
    assert "a rehearsal: nobody's outcome is ahead" in capsys.readouterr().out
    told = read_json(paths.SEGMENT_DETAILS)["rehearsal"]
    listed = pd.read_parquet(paths.CAMPAIGN_LIST)["customer_id"]
    dropped = table["drop"] == 1
    assert told["drops"] == dropped.sum()
    assert told["listed_drops"] == (dropped & table["customer_id"].isin(listed)).sum() > 0
    assert read_json(paths.SEGMENT_DETAILS)["audience"] == len(table)
    for name in ("headline", "campaign"):
        assert "репетиц" in section(html["ru"], name).lower()
        assert "rehearsal" in section(html["en"], name).lower()
    for language, page in html.items():
        assert EXPECTED[language].findall(read_page(page).prose) == []
        assert f'{paths.SEGMENT_DETAILS}#/rehearsal/drops"' in page


def test_where_outcomes_are_ahead_there_is_no_rehearsal(clone):
    for language, word in (("ru", "репетиц"), ("en", "rehearsal")):
        html = (clone.folder / f"report/{language}.html").read_text(encoding="utf-8")
        assert word not in html.lower()
    assert read_json(clone.folder / paths.SEGMENT_DETAILS)["rehearsal"] is None


@pytest.mark.usefixtures("shop")
def test_drift_stands_in_headline_grade_data_and_campaign_and_stops_it(capsys):
    in_seconds()
    alter(paths.EVALUATION_DETAILS, lambda found: found.update(grade="A"))
    html = pages()
    found = read_json(paths.SEGMENT_DETAILS)
    assert found["stopped"] == "drift"
    assert found["excluded"]["drift"] == found["audience"] > 0
    assert len(pd.read_parquet(paths.CAMPAIGN_LIST)) == 0
    said = capsys.readouterr().err
    assert "differ from those the model learnt from in minutes_m0;" in said
    assert "more than params campaign.most_drift (0.8), so nobody is contacted" in said
    names = {
        "ru": "минут на сайте в этом месяце — выше",
        "en": "minutes on the site this month: higher",
    }
    for language, page in html.items():
        for name in ("headline", "campaign"):
            assert names[language] in section(page, name)
    headline, data = section(html["en"], "headline"), section(html["en"], "readiness")
    assert "Careful: customers whose outcome is ahead are not like" in headline
    assert "of those ahead, who differ from them, it cannot be told" in headline
    assert "Only of customers as before" in headline
    assert "The campaign is stopped: customers whose outcome is ahead are too unlike" in headline
    assert "expected" not in headline
    assert "The data cannot be relied on as it is" in data
    assert "will do" not in data
    assert "Сначала убедитесь, что единицы" in section(html["ru"], "campaign")


def test_drift_below_the_limit_is_told_and_stops_nothing(shop):
    in_seconds()
    params = shop / "params.yaml"
    text = params.read_text(encoding="utf-8")
    params.write_text(text.replace("most_drift: 0.8", "most_drift:"), encoding="utf-8")
    html = pages()["en"]
    found = read_json(paths.SEGMENT_DETAILS)
    assert (found["stopped"], found["drift"]["too_large"]) == ("", False)
    assert found["treatment"] > 0
    assert "minutes on the site this month: higher" in section(html, "campaign")
    assert "Careful" in section(html, "headline")
    assert "Nobody is contacted" not in html


def test_without_drift_the_data_says_so_and_the_headline_nothing(clone):
    html = (clone.folder / "report/en.html").read_text(encoding="utf-8")
    assert read_json(clone.folder / paths.FEATURES_DETAILS)["drift"]["columns"] == []
    assert "Careful" not in html
    assert "In no column do customers whose outcome is ahead" in section(html, "readiness")


def test_every_offer_is_made_to_somebody_or_told_why_not(clone):
    found = read_json(clone.folder / paths.SEGMENT_DETAILS)
    made = {code for code, one in found["offers"].items() if one["treatment"] + one["control"]}
    assert made
    assert set(found["idle"]) == set(found["offers"]) - made != set()
    for language in LANGUAGES:
        html = (clone.folder / f"report/{language}.html").read_text(encoding="utf-8")
        table = html[html.index('<table id="idle">') :]
        assert table[: table.index("</table>")].count("<tr>") == len(found["idle"]) + 1


@pytest.mark.usefixtures("shop")
def test_the_russian_page_speaks_russian():
    """Every kind of finding is on it; what is quoted from files is left out."""
    path = paths.READINESS.with_suffix(".parquet")
    findings = pd.read_parquet(path)
    one = findings.head(1)
    kinds = load_phrases(paths.TEMPLATES, "ru", columns=COLUMNS).table["findings"]
    every = pd.concat(
        [one.assign(what=kind, column="minutes_m0", example="0.5", line=3) for kind in kinds]
    )
    every.to_parquet(path)
    report.main()
    prose = read_page((paths.REPORT / "ru.html").read_text(encoding="utf-8")).prose
    assert "минут на сайте в этом месяце" in prose
    assert {word.rstrip(".") for word in re.findall(r"[A-Za-z][\w./-]{2,}", prose)} <= LATIN


def test_what_a_rehearsal_says_is_said_somewhere():
    texts = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html"))
    for language in LANGUAGES:
        table = load_phrases(TEMPLATES, language, columns=COLUMNS).table
        for part, keys in table["rehearsal"].items():
            for key in keys:
                named = (f'"{part}.{key}"', f'"{part}.{key}.', f'"rehearsal.{part}.{key}"')
                assert any(name in texts for name in named) or f'told("{part}." ~' in texts, key
