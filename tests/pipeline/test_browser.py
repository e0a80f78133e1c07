"""Both pages in a real browser: what a marketer sees, clicks and prints."""

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from retention.report.page import SECTIONS
from runs import LANGUAGES, build, poison

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
    cells, rows = visible(page, "#cells tbody tr"), visible(page, "#list tbody tr")
    portraits = visible(page, ".portrait")
    assert cells == 9
    high = page.locator('.cell[data-cell="high_risk/high_profit"]')
    low = page.locator('.cell[data-cell="low_risk/low_profit"]')
    high.click()
    assert high.get_attribute("aria-pressed") == "true"
    assert visible(page, "#cells tbody tr") == 1
    fit = page.locator('#list tbody tr[data-cell="high_risk/high_profit"]').count()
    assert 0 < visible(page, "#list tbody tr") == fit < rows
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
    assert visible(page, "#list tbody tr") == rows
    assert page.seen["complaints"] == []


def test_the_slider_moves_the_figures(clone, visit):
    page = visit(clone.folder / "report/ru.html")

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
    page.fill("#search", ids[0])
    assert set(column(1)) <= {ids[0]}
    page.fill("#search", "no such customer")
    assert column(1) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_wider_than_the_screen(clone, visit, language, width):
    page = visit(clone.folder / f"report/{language}.html", width=width)
    page.eval_on_selector_all("details", "all => all.forEach((one) => { one.open = true; })")
    assert overflow(page) <= 0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_no_serious_violation(clone, visit, language, width):
    page = visit(clone.folder / f"report/{language}.html", width=width, bypass_csp=True)
    found = Axe().run(page).response["violations"]
    serious = [
        (one["id"], one["nodes"][0]["html"][:200])
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]
    assert serious == []


def test_the_page_prints_unfolded(clone, visit, tmp_path):
    page = visit(clone.folder / "report/ru.html")
    assert page.locator("details:not([open])").count() > 0
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print")
    assert not page.locator(".toc").is_visible()
    page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_hostile_values_run_nothing_and_break_nothing(run, visit):
    poison(run)
    for language, html in build().items():
        path = run / f"report/{language}.html"
        assert path.read_text(encoding="utf-8") == html
        for width in (360, 1280):
            page = visit(path, width=width)
            assert page.seen == {"requests": [path.as_uri()], "complaints": [], "dialogs": []}
            assert overflow(page) <= 0
            assert visible(page, "#list tbody tr") > 0
            page.click("#list th:nth-child(1) .sort")
            page.fill("#search", "<script>")
            assert visible(page, "#list tbody tr") > 0
            assert page.seen["complaints"] == []
            assert page.seen["dialogs"] == []
