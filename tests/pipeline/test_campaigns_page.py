"""The page of a shop that had campaigns: what was sent, what runs, what came of it."""

import re
import shutil

import pytest

from pages import CONSTANTS, LATIN, at, content_of, part, read_page, section, told
from past_campaigns import AWAITED, BARE, PROGRAMME, RUNNING, keep, keep_campaigns
from retention.core.formats import DATED, formatted
from runs import LANGUAGES, alter, build

pytestmark = pytest.mark.slow
KEPT = "campaigns/programme.json"
SEGMENT = "data/segments/details.json"


@pytest.fixture
def past(run):
    """A run's files, and campaigns before it."""
    keep_campaigns(run)
    return run


def told_of(html, name):
    row = next(row for row in _rows(html) if f">{name}</bdi>" in row)
    return " ".join(re.sub(r"<[^>]*>", " ", row).split()).replace(" :", ":").replace(" ,", ",")


def _rows(html):
    table = html[html.index('<table id="campaigns-table">') :]
    return table[: table.index("</table>")].split("<tr>")[2:]


def test_without_a_campaign_one_line_says_so(clone):
    for language, words in (
        ("ru", "Ни одной кампании ещё не запускали"),
        ("en", "was launched yet"),
    ):
        html = (clone.folder / f"report/{language}.html").read_text(encoding="utf-8")
        assert words in section(html, "campaigns")
        assert part(html, "campaigns").count("<p") == 1
        assert "<svg" not in part(html, "campaigns")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_is_that_of_its_file(past, language):
    page, contents = read_page(part(build()[language], "campaigns")), {}
    for shown in page.figures:
        name, _, pointer = shown.source.partition("#")
        contents.setdefault(name, content_of(past / name))
        value = at(contents[name], pointer)
        if shown.form in DATED:
            assert shown.text == formatted(value, shown.form, language)
        else:
            number, unit = told(shown, language)
            assert abs(number - float(value)) <= unit / 2 + 1e-9, shown
    assert {KEPT, "report/overview.json"} <= set(contents)
    assert len(page.figures) > 100


@pytest.mark.usefixtures("past")
def test_both_pages_show_the_same_and_have_no_numbers_of_their_own():
    pages = {name: read_page(part(html, "campaigns")) for name, html in build().items()}
    figures = [[(one.source, one.value) for one in page.figures] for page in pages.values()]
    assert figures[0] == figures[1]
    for page in pages.values():
        assert set(re.findall(r"\d+(?:[.,]\d+)*", page.prose)) <= CONSTANTS
        assert not re.search(r"\b(None|nan|inf)\b", page.text)
    words = re.findall(r"[A-Za-z][\w./-]{2,}", pages["ru"].prose)
    assert {word.rstrip(".") for word in words} <= LATIN | {"report/overview.json"}


@pytest.mark.usefixtures("past")
def test_each_campaign_stands_with_its_state_and_its_effect():
    html = build()
    english, russian = html["en"], html["ru"]
    spring = told_of(english, "2026-spring")
    assert "1 March 2026: measured" in spring
    assert "message: 90" in spring
    # What matters most comes first, for whom the table goes on beyond the screen.
    assert spring.startswith("2026-spring 1 March 2026: measured 15% 1.5% to 28% fewer drops 161")
    assert "161 17.50 to 305 whether it paid cannot be told 35.40" in spring
    assert "9.9% −3.9% to 24% cannot be told" in told_of(english, "2026-summer")
    assert "running; outcome known on 5 January 2027" in told_of(english, RUNNING)
    assert "message: 60" in told_of(english, RUNNING)
    assert "идёт; исход будет известен 5" in told_of(russian, RUNNING).replace("\xa0", " ")
    assert "outcome known since 10 October 2026, answers awaited" in told_of(english, AWAITED)
    assert "left out: its split is broken" in told_of(english, "2026-back-to-school")
    assert "соотношение групп нарушено" in told_of(russian, "2026-back-to-school")
    assert "only its list is kept" in told_of(english, BARE)
    assert len(_rows(english)) == len(content_of(PROGRAMME)["campaigns"]) + 4  # and the planned
    assert english.count('<rect class="stay running"') == 1
    assert english.count('<rect class="stay planned"') == 1
    assert english.count('<rect class="stay measured"') == 3


def test_what_campaigns_brought_and_what_the_next_one_shows_is_said(past):
    segment = content_of(past / SEGMENT)
    size = sum(segment["power"]["pooled"][arm] for arm in ("treatment", "control"))
    detectable = segment["power"]["pooled"]["detectable"]
    alter(past / KEPT, lambda found: found["next"].update(customers=size, alone=detectable))
    html = build()
    english, russian = section(html["en"], "campaigns"), section(html["ru"], "campaigns")
    assert "The offers work: campaigns like those measured (3) prevent 15% (5.8% to 24%)" in english
    assert "on their lists: 15% (9.3% to 20%) of the drops prevented: fewer drops." in english
    assert "without: +250 (−48.20 to +549); cannot be told." in english
    assert "Profit kept: 474 (223 to 726), cost 105" in english
    assert (
        "without (answers: 1,493), beside the global control (answers: 62): 8.1% (−13%" in english
    )
    shown = formatted(detectable, "percent", "en")
    assert f"as large as the list is now ({size}), notices by itself that {shown} of" in english
    assert "are prevented, and together with those before it 6.9%" in english
    assert "either arm needs 30 for an effect on everyone, and 100 for that of an offer" in english
    assert f"{RUNNING} is running: its outcome is known on 5 January 2027" in english
    assert f"python stages/measure.py {AWAITED} --responses" in english
    assert "Предложения работают" in russian
    assert "рядом с общей контрольной группой (ответов: 62)" in russian
    # An offer that the catalogue lost keeps its code.
    assert "free_delivery_2025no longer in the catalogue" in english


@pytest.mark.parametrize(
    ("change", "ru", "en"),
    [
        (
            {"verdict": "unknown"},
            "Работают ли предложения, сказать нельзя",
            "Whether the offers work",
        ),
        ({"verdict": "more"}, "Предложения вредят", "The offers do harm"),
        ({"prevented": None, "low": None, "high": None}, "ответов мало", "too few answers came"),
    ],
)
def test_a_verdict_chooses_the_sentence(past, change, ru, en):
    alter(past / KEPT, lambda found: found["pooled"]["all"].update(change))
    html = build()
    assert ru in section(html["ru"], "campaigns")
    assert en in section(html["en"], "campaigns")
    assert "The offers work" not in html["en"]


def test_what_cannot_be_told_is_not_told(past):
    def change(found):
        found.update(money=None, next=None, unit=None, offer_by_segment={})
        found["programme"]["money"] = None
        nothing = dict.fromkeys(("prevented", "low", "high"))
        for who in ("listed", "treatment"):
            found["programme"][who].update(nothing)
        # An effect without an interval.
        found["pooled"]["channels"]["message"].update(low=None, high=None)

    alter(past / KEPT, change)
    html = build()
    english = section(html["en"], "campaigns")
    assert "How much profit was kept cannot be told" in english
    assert "as large as the list is now" in english
    assert "beside the global control cannot be told yet: answers" in english
    assert "that can be compared: 62; more are needed." in english
    assert "beside the global control (" not in english
    assert "Whom an offer moves more" not in english
    assert not re.search(r"\b(None|nan)\b", english)


@pytest.mark.parametrize(
    ("verdict", "ru", "en"),
    [
        ("fewer", "сработала: она предотвратила 15", "worked: it prevented 15% (5.8% to 24%) of"),
        (
            "more",
            "навредила: снижений из-за неё",
            "campaign with enough answers did harm: more customers",
        ),
        ("unknown", "Сработала ли единственная", "worked cannot be told: it prevented 15%"),
    ],
)
def test_of_one_campaign_nothing_is_said_of_others(past, verdict, ru, en):
    change = {"campaigns": 1, "verdict": verdict}
    alter(past / KEPT, lambda found: found["pooled"]["all"].update(change))
    html = build()
    english, russian = section(html["en"], "campaigns"), section(html["ru"], "campaigns")
    assert en in english
    assert ru in russian
    assert "What such campaigns do on average takes two" in english
    for words in ("campaigns like those measured", "The measured campaigns themselves", "random"):
        assert words not in english
    assert "случайных эффектов" not in russian
    alter(past / KEPT, lambda found: found.update(campaigns=found["campaigns"][:1]))
    html = build()
    assert "he one measured campaign" in section(html["en"], "campaigns")
    assert "динственная измеренная кампания" in section(html["ru"], "campaigns")


@pytest.mark.parametrize("change", [{"customers": 1}, {"name": True}])
def test_what_was_told_of_another_list_is_not_told_of_that_of_today(past, change):
    pooled = content_of(past / SEGMENT)["power"]["pooled"]
    size = pooled["treatment"] + pooled["control"]

    def stale(found):
        found["next"].update(customers=size, alone=pooled["detectable"])
        if "name" in change:
            found["campaigns"][0]["name"] = content_of(past / "params.yaml")["campaign"]["name"]
        else:
            found["next"].update(change)

    alter(past / KEPT, stale)
    english = section(build()["en"], "campaigns")
    shown = formatted(pooled["detectable"], "percent", "en")
    assert f"as large as the list is now ({size}) notices by itself that {shown} of" in english
    assert "with those before it" not in english


def launch_anew(past, name, *, date, end):
    """Keep a campaign on other days."""
    said = content_of(past / "campaigns" / name / "launch.json")
    shutil.rmtree(past / "campaigns" / name)
    customers = {key: count for key, count in said["customers"].items() if key != "excluded"}
    what = {"channels": said["channels"], "cost": said["treatment_cost"]}
    keep(past, name, date=date, end=end, customers=customers, **what)


def test_a_campaign_that_has_not_begun_is_launched_and_does_not_run(past):
    launch_anew(past, RUNNING, date="2026-12-01", end="2027-03-01")
    html = build()
    row = told_of(html["en"], RUNNING)
    assert "launched, starts on 1 December 2026 — — 31.00" in row
    assert f"{RUNNING} is launched and starts on 1 December 2026" in section(
        html["en"], "campaigns"
    )
    assert "is running" not in section(html["en"], "campaigns")
    assert "запущена, начнётся 1" in told_of(html["ru"], RUNNING).replace("\xa0", " ")
    assert "Сейчас идёт" not in section(html["ru"], "campaigns")
    assert html["en"].count('<rect class="stay launched"') == 1


@pytest.mark.parametrize(
    ("start", "end", "anchor"),
    [
        ("2026-11-15", "2026-12-15", "start"),
        ("2024-03-01", "2024-12-01", "end"),
        (None, None, "middle"),
    ],
)
def test_the_day_of_the_data_is_whole_at_an_edge(past, start, end, anchor):
    for place in past.glob("campaigns/*/launch.json"):
        if start is not None:
            launch_anew(past, place.parent.name, date=start, end=end)
    for page in build().values():
        words = re.search(r'<text class="axis" x="([\d.]+)" y="12" text-anchor="(\w+)">', page)
        assert words[2] == anchor
        assert {"start": 0 < float(words[1]) < 60, "end": 280 < float(words[1]) < 336}.get(
            anchor, 60 <= float(words[1]) <= 280
        )


def test_a_difference_names_its_unit_once(past):
    told = next(iter(content_of(past / KEPT)["offer_by_segment"].values()))
    html = build()
    for language, heading, unit in (("ru", "Разница, п. п.", "п."), ("en", "Difference, pp", "pp")):
        table = html[language][html[language].index('<table id="moved">') :]
        head, _, body = table[: table.index("</table>")].partition("</thead>")
        assert heading in head
        assert unit not in re.sub("<[^>]*>|\\s", " ", body).split()
        one = next(iter(told.values()))
        assert formatted(one["difference"], "bare_points+", language) in body


def test_before_the_first_answers_nothing_is_claimed(run):
    keep_campaigns(run, measured=False)
    html = build()
    assert "No campaign is measured yet" in section(html["en"], "campaigns")
    assert "Ни одна кампания ещё не измерена" in section(html["ru"], "campaigns")
    assert KEPT not in html["en"]
    assert "pooled-" not in html["en"]


def test_a_hostile_name_stays_text(past):
    def change(found):
        found["pooled"]["offers"]["<script>alert(1)</script>"] = found["pooled"]["offers"][
            "daily_bonus"
        ]
        found["campaigns"][2]["left_out"] = "<script>alert(2)</script>"

    alter(past / KEPT, change)
    for page in build().values():
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(2)" in page
        read_page(page)
