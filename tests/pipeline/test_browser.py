"""Both pages in a real browser: what a marketer sees, clicks and prints."""

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from past_campaigns import keep_campaigns
from retention.report.page import SECTIONS
from runs import LANGUAGES, build, poison

STEP = 25
"""Rows of the list that are shown at a time."""
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="no Chromium here; on Debian or Ubuntu: apt-get install -y chromium",
    ),
]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser):
    """Open a page and collect what it asks for and complains about."""
    opened = []

    def open_page(path, *, width=1280, **how):
        page = browser.new_page(viewport={"width": width, "height": 900}, **how)
        page.seen = {"requests": [], "complaints": [], "dialogs": []}
        page.on("request", lambda request: page.seen["requests"].append(request.url))
        page.on("console", lambda message: page.seen["complaints"].append(message.text))
        page.on("pageerror", lambda error: page.seen["complaints"].append(str(error)))
        page.on("dialog", lambda dialog: (page.seen["dialogs"].append(1), dialog.dismiss()))
        page.goto(path.as_uri())
        opened.append(page)
        return page

    yield open_page
    for page in opened:
        page.close()


def visible(page, selector):
    return page.locator(f"{selector}:visible").count()


def unfold(page):
    page.eval_on_selector_all("details", "all => all.forEach((one) => { one.open = true; })")


def overflow(page):
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_opens_by_itself_and_is_whole(clone, visit, language):
    path = clone.folder / f"report/{language}.html"
    page = visit(path)
    assert page.seen["requests"] == [path.as_uri()]
    assert page.seen["complaints"] == []
    assert page.evaluate("document.documentElement.lang") == language
    for section in SECTIONS:
        heading = page.locator(f"#{section} > :is(h1, h2)")
        assert heading.is_visible(), section
    page.click(".languages a")
    other = next(one for one in LANGUAGES if one != language)
    assert page.evaluate("document.documentElement.lang") == other


def test_a_cell_of_the_grid_filters_cells_portraits_and_list(clone, visit):
    page = visit(clone.folder / "report/en.html")
    unfold(page)
    cells, rows = visible(page, "#cells tbody tr"), page.locator("#list tbody tr").count()
    portraits = visible(page, ".portrait")
    assert cells == 9
    high = page.locator('.cell[data-cell="high_risk/high_profit"]')
    low = page.locator('.cell[data-cell="low_risk/low_profit"]')
    high.click()
    assert high.get_attribute("aria-pressed") == "true"
    assert visible(page, "#cells tbody tr") == 1
    fit = page.locator('#list tbody tr[data-cell="high_risk/high_profit"]').count()
    assert 0 < visible(page, "#list tbody tr") == min(fit, STEP) < rows
    assert page.locator("#list tbody tr:not([hidden])").count() == fit
    assert f"{fit} of {rows}" in page.inner_text("#list-count")
    assert "high risk, high profit" in page.inner_text("#filter-text")
    low.focus()
    page.keyboard.press("Enter")
    assert high.get_attribute("aria-pressed") == "false"
    assert low.get_attribute("aria-pressed") == "true"
    assert visible(page, ".portrait") == 0  # every named segment is one at high risk
    page.click("#filter-reset")
    assert visible(page, "#cells tbody tr") == cells
    assert visible(page, ".portrait") == portraits > 0
    assert visible(page, "#list tbody tr") == min(rows, STEP)
    assert page.locator("#list tbody tr[hidden]").count() == 0
    assert page.seen["complaints"] == []


def test_the_slider_moves_the_figures(clone, visit):
    page = visit(clone.folder / "report/ru.html")
    unfold(page)

    def shown():
        return {
            field.get_attribute("data-output"): field.inner_text()
            for field in page.locator("[data-output]").all()
        }

    def row(place):
        cells = page.locator(f"#budgets tbody tr:nth-child({place + 1}) td").all()
        return {cell.get_attribute("data-column"): cell.inner_text() for cell in cells}

    slider = page.locator("#budget")
    last = int(slider.get_attribute("max"))
    assert shown() == row(last)
    slider.focus()
    page.keyboard.press("Home")
    assert shown() == row(0) != row(last)
    assert page.locator("#budgets tr.current").count() == 1
    assert page.locator(".stop.current").get_attribute("data-stop") == "0"
    assert slider.get_attribute("aria-valuetext") == row(0)["budget"]
    page.keyboard.press("ArrowRight")
    assert shown() == row(1)
    source = page.locator('[data-output="cost"] [data-figure]').get_attribute("data-figure")
    assert source == "data/campaign/budgets.parquet#/1/cost"


def test_the_list_sorts_and_filters(clone, visit):
    page = visit(clone.folder / "report/en.html")

    def column(place):
        return [
            cell.get_attribute("data-sort") or cell.inner_text()
            for cell in page.locator(f"#list tbody tr:visible > :nth-child({place})").all()
        ]

    unfold(page)
    while page.locator("#list-more").is_visible():
        page.click("#list-more")
    assert len(column(1)) == page.locator("#list tbody tr").count()
    gains = [float(text) for text in column(6)]
    assert gains == sorted(gains, reverse=True)
    page.click("#list th:nth-child(6) .sort")
    assert [float(text) for text in column(6)] == sorted(gains)
    assert page.locator("#list th:nth-child(6)").get_attribute("aria-sort") == "ascending"
    page.click("#list th:nth-child(1) .sort")
    ids = column(1)
    assert ids == sorted(ids, key=int)
    page.click("#list th:nth-child(1) .sort")
    assert column(1) == ids[::-1]
    assert page.locator("#list th[aria-sort]").count() == 1
    page.select_option("#by-arm", "treatment")
    assert set(column(5)) == {"send"}
    assert len(column(5)) <= STEP  # other rows, from their start
    page.fill("#search", ids[0])
    assert set(column(1)) <= {ids[0]}
    page.fill("#search", "no such customer")
    assert column(1) == []


def test_the_list_opens_a_screenful_at_a_time_and_prints_whole(clone, visit):
    page = visit(clone.folder / "report/en.html")
    rows = page.locator("#list tbody tr").count()
    assert rows > STEP
    assert visible(page, "#list") == 0
    page.click("#list-part > summary")
    assert visible(page, "#list tbody tr") == STEP
    assert page.inner_text("#list-count").endswith(f"{rows} of {rows}; shown: {STEP}")
    assert page.inner_text("#list-more") == f"Show {min(STEP, rows - STEP)} more"
    page.emulate_media(media="print")
    assert visible(page, "#list tbody tr") == rows
    assert not page.locator("#list-more").is_visible()
    page.emulate_media(media="screen")
    page.click("#list-more")
    assert visible(page, "#list tbody tr") == min(2 * STEP, rows)
    assert page.evaluate("document.activeElement.sectionRowIndex") == STEP


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("width", "height", "most"), [(1280, 900, 9_500), (360, 800, 16_000)])
def test_what_is_decided_from_stands_on_the_first_two_screens(
    clone, visit, language, width, height, most
):
    page = visit(clone.folder / f"report/{language}.html", width=width)
    ends = {
        name: page.locator(name).bounding_box()["y"] + page.locator(name).bounding_box()["height"]
        for name in ("#headline", "#campaign .lead >> nth=0", "#files")
    }
    assert {name: end for name, end in ends.items() if end > 2 * height} == {}
    assert page.evaluate("document.documentElement.scrollHeight") < most


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_wider_than_the_screen(clone, visit, language, width):
    page = visit(clone.folder / f"report/{language}.html", width=width)
    unfold(page)
    assert overflow(page) <= 0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_no_serious_violation(clone, visit, language, width):
    page = visit(clone.folder / f"report/{language}.html", width=width, bypass_csp=True)
    assert violations(page) == []


@pytest.mark.parametrize("width", [360, 1280])
def test_a_page_with_campaigns_is_sound(run, visit, width):
    keep_campaigns(run)
    build()
    for language in LANGUAGES:
        page = visit(run / f"report/{language}.html", width=width, bypass_csp=True)
        assert page.locator(".timeline").is_visible()
        texts = page.locator(".timeline text").all()
        frame = page.locator(".timeline").bounding_box()
        right = frame["x"] + frame["width"]
        ends = [box["x"] + box["width"] for box in (text.bounding_box() for text in texts)]
        assert len(ends) > 10
        assert max(ends) <= right + 1
        unfold(page)
        assert overflow(page) <= 0
        assert violations(page) == []
        assert page.seen["complaints"] == []


def violations(page):
    """Return what axe finds that is serious."""
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], one["nodes"][0]["html"][:200])
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


PORTRAIT = ".portrait .columns >> nth=0"


def test_the_page_prints_unfolded(clone, visit, tmp_path):
    page = visit(clone.folder / "report/ru.html")
    folded = page.locator("details:not([open])").count()
    assert folded > 10
    assert not page.locator(PORTRAIT).is_visible()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print")
    assert not page.locator(".toc").is_visible()
    page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == folded


def test_the_page_prints_unfolded_without_a_script(clone, visit):
    page = visit(clone.folder / "report/ru.html", java_script_enabled=False)
    assert page.locator("details:not([open])").count() > 10
    assert not page.locator(PORTRAIT).is_visible()
    page.emulate_media(media="print")
    assert page.locator(PORTRAIT).is_visible()
    assert visible(page, "#list tbody tr") == page.locator("#list tbody tr").count()


def test_hostile_values_run_nothing_and_break_nothing(run, visit):
    poison(run)
    for language, html in build().items():
        path = run / f"report/{language}.html"
        assert path.read_text(encoding="utf-8") == html
        for width in (360, 1280):
            page = visit(path, width=width)
            assert page.seen == {"requests": [path.as_uri()], "complaints": [], "dialogs": []}
            unfold(page)
            assert overflow(page) <= 0
            assert visible(page, "#list tbody tr") > 0
            page.click("#list th:nth-child(1) .sort")
            page.fill("#search", "<script>")
            assert visible(page, "#list tbody tr") > 0
            assert page.seen["complaints"] == []
            assert page.seen["dialogs"] == []
