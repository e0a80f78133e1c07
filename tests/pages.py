"""Read a page as a browser would: its figures, its text, its elements."""

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import yaml

VOID = {"meta", "link", "br", "input", "line", "circle", "rect", "polyline", "polygon"}
QUIET = {"script", "style", "code", "bdi"}
MONTHS = {
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "en": "January February March April May June July August September October November December",
}

CONSTANTS = {"100"}
"""Numbers that sentences may hold: 'of 100 customers'."""
LATIN = {
    *(
        "ROC-AUC",
        "CRM",
        "Excel",
        "macOS",
        "English",
        "params.yaml",
        "data.as_of",
        "list.csv",
        "excluded.csv",
    ),
    *("market_file", "market_money", "market_time", "money", "arm", "treatment", "control"),
    "data/prepared/quarantine.csv",
}
"""What Russian texts may name as it is."""


@dataclass
class Shown:
    """One figure of a page: its source, value and form, and the text a reader sees."""

    source: str
    value: str
    form: str
    text: str = ""


@dataclass
class Page(HTMLParser):
    """A page taken apart.

    Attributes
    ----------
    figures : list of Shown
    prose : str
        All text but figures, quotes from the data, ticks of axes, and code.
    text : str
        All text but style and script.
    tags, ids : list of str
    """

    figures: list[Shown] = field(default_factory=list)
    prose: str = ""
    text: str = ""
    tags: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def __post_init__(self):
        super().__init__(convert_charrefs=True)
        self.open = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        figure = None
        if "data-figure" in given:
            figure = Shown(given["data-figure"], given["data-value"], given["data-form"])
            self.figures.append(figure)
        quiet = tag in QUIET or bool({"data-figure", "data-quote", "data-tick"} & set(given))
        if tag not in VOID:
            self.open.append((tag, figure, quiet))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, tag
        assert self.open[-1][0] == tag, (tag, self.open[-1])
        self.open.pop()

    def handle_data(self, data):
        for _, figure, _ in self.open:
            if figure is not None:
                figure.text += data
        if not any(tag in {"script", "style"} for tag, *_ in self.open):
            self.text += data
        if not any(quiet for *_, quiet in self.open):
            self.prose += data


def read_page(html):
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


def part(html, name):
    """Return a section of a page."""
    start = html.index(f'<section id="{name}"')
    return html[start : html.index("</section>", start) + len("</section>")]


def section(html, name, *, between=""):
    """Return the text of a section; `between` stands in place of its tags."""
    return " ".join(re.sub(r"<[^>]*>", between, part(html, name)).split())


def content_of(path: Path):
    """Return what a file holds: JSON, YAML, or a table as rows."""
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        dates = [name for name in table if name == "valid_until"]
        return table.astype(dict.fromkeys(dates, "str")).to_dict("records")
    if path.suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8"))
    if path.suffix == ".yaml":
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    return pd.read_csv(path, encoding="utf-8-sig", dtype=str).to_dict("records")


def at(content, pointer):
    """Return what a JSON Pointer (RFC 6901) leads to."""
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        content = content[int(key)] if isinstance(content, list) else content[key]
    return content


def told(shown: Shown, language: str):
    """Return the number that a reader takes from a figure's text, and its last digit's worth."""
    text = shown.text.replace("\N{MINUS SIGN}", "-")
    if language == "ru":
        assert not re.search(r"\d\.\d", text), text
        text = text.replace("\N{NARROW NO-BREAK SPACE}", "").replace(",", ".")
    else:
        text = text.replace(",", "")
    found = re.match(r"[-+]?\d+(?:\.(\d+))?", text)
    ending = text[found.end() :].replace("\N{NO-BREAK SPACE}", " ")
    expected = {"percent": ("%", " %"), "points": (" pp", " п. п."), "in_points": (" pp", " п. п.")}
    form = shown.form.removesuffix("+")
    assert ending == expected.get(form, ("", ""))[language == "ru"], shown
    scale = 100 if form in {"percent", "points", "bare_points", "of_100"} else 1
    return float(found[0]) / scale, 10 ** -len(found[1] or "") / scale


def date_in_words(day: str, language: str) -> str:
    year, month, number = day.split("-")
    ending = " г." if language == "ru" else ""
    return f"{int(number)} {MONTHS[language].split()[int(month) - 1]} {year}{ending}"
