"""The page: files of a run in, HTML in one language out."""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from retention.core.columns import Columns
from retention.core.formats import DATED, LANGUAGES, formatted
from retention.core.vocabulary import CATEGORY_PREFIX, FAVOURITE
from retention.report.figures import Figures
from retention.report.scales import scale, ticks
from retention.report.text import Phrases, clip, load_phrases, quote
from retention.report.verdicts import side
from retention.report.views import feature_form

SECTIONS = (
    "headline",
    "campaign",
    "campaigns",
    "segments",
    "reasons",
    "changes",
    "readiness",
    "model",
    "assumptions",
    "limits",
    "rerun",
)
"""The parts of the page, what is decided from first; each is a template and an id."""
MONTHLY_SECTION = "months"
"""The part that only a shop's months have; it stands behind that on the model."""
UNIT_FORMS = {
    "percentage points": "in_points+",
    "log-odds": "hundredths+",
    "share": "percent",
    "rows": "count",
    "roc_auc": "score",
}
"""How figures of each unit of what explain found are shown."""
EXAMPLE_FORMS = {
    "leak": "score",
    "drift": "hundredths",
    "few_customers": "count",
    "few_of_class": "count",
    "restated": "month",
}
"""How the examples of findings that are figures are shown."""
VERSION = 8
"""Letters of a sha256 that tell versions apart."""


def render(
    files: Mapping[str, Any],
    names: Mapping[str, str],
    view: Mapping[str, Any],
    *,
    columns: Columns,
    folder: Path,
    language: str,
) -> str:
    """Return the page.

    Parameters
    ----------
    files : mapping of str to content
        What each file holds, by its path.
    names : mapping of str to str
        The path of each file by the name that templates use for it.
    view : mapping
        What else templates need: choices of rows that do not depend on the language.
    columns : Columns
        The data dictionary: what columns and their words are called.
    folder : Path
        Templates, style, script and sentences.
    language : str
        One of ``formats.LANGUAGES``.
    """
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (folder / "page.js").read_text(encoding="utf-8")
    figures = Figures(files, language)
    phrases = load_phrases(folder, language, columns=columns)
    (other,) = (one for one in LANGUAGES if one != language)
    return environment.get_template("page.html").render(
        **names,
        **{key: value for key, value in view.items() if key != "unit"},
        unit=phrases.name("units", view["unit"]),
        **_helpers(figures, phrases, names, view),
        language=language,
        other=other,
        sections=sections_of(monthly=view["monthly"]),
        script=Markup(script),
        script_hash=_hash(f"\n{script}\n"),
    )


def sections_of(*, monthly: bool) -> tuple[str, ...]:
    """Return the parts of the page, in their order."""
    after = SECTIONS.index("model") + 1
    return (*SECTIONS[:after], MONTHLY_SECTION, *SECTIONS[after:]) if monthly else SECTIONS


def _helpers(
    figures: Figures, phrases: Phrases, names: Mapping[str, str], view: Mapping[str, Any]
) -> dict[str, Callable[..., Any]]:
    """Return the functions that templates call."""

    def text(value: float | str, form: str) -> str:
        return formatted(value, form, figures.language)

    def version(file: str, key: str) -> Markup:
        return Markup('<code data-quote data-version="{}">{}</code>').format(
            f"{file}#/{key}", str(figures.get(file, key))[:VERSION]
        )

    def example(row: Mapping[str, Any]) -> Markup:
        try:
            form = EXAMPLE_FORMS[row["what"]]
            value = row["example"] if form in DATED else float(row["example"])
            return quote(text(value, form))
        except (KeyError, ValueError):
            return phrases.name("examples", row["example"])

    def finding(file: str, steps: Sequence[str | int]) -> Markup:
        """Return a line of the readiness report; one of a kind the table lacks as it is."""
        row = figures.get(file, *steps)
        if row["what"] not in phrases.table["findings"]:
            return quote(row["text"])
        return phrases.say(
            f"findings.{row['what']}",
            count=figures.show(file, *steps, "count"),
            line=figures.show(file, *steps, "line"),
            example=example(row),
        )

    def told(key: str, **given: Any) -> Markup:
        """Return the sentence of a key; where all outcomes are known, what stands in its place."""
        return phrases.say(f"rehearsal.{key}" if view["rehearsal"] else key, **given)

    def timely(key: str, **given: Any) -> Markup:
        """Return the sentence of a key; of a shop seen by month, what stands in its place."""
        return phrases.say(f"monthly.{key}" if view["monthly"] else key, **given)

    def slice_name(key: str) -> Markup:
        column, _, value = key.partition("=")
        return Markup("{}: {}").format(
            phrases.name("features", column),
            phrases.name("quarters", value)
            if column == "tenure_quarter"
            else phrases.word(value, column),
        )

    def rivals(best: Mapping[str, Any]) -> Markup:
        return Markup(", ").join(category(name) for name in best["earns_most_rivals"])

    def category(value: object) -> Markup:
        return phrases.word(value, FAVOURITE)

    def question(key: str) -> dict[str, str]:
        """Return a question of the shop, and what its figure compares."""
        place = f"questions.{key if key in phrases.table['questions'] else 'category'}"
        word = category(key.removeprefix(CATEGORY_PREFIX)).striptags()
        asked = phrases.plain(f"{place}.asked", category=word)
        return {"asked": quote(asked), "compared": phrases.plain(f"{place}.compared")}

    def figure_name(key: str) -> Markup | str:
        """Return what the figure behind an advice is."""
        if key in phrases.table["evidence"]:
            return phrases.name("evidence", key)
        return question(key)["compared"]

    def advice_text(key: str) -> str:
        column = phrases.columns.by_name[FAVOURITE]
        words = figures.get(names["explain"], "advice", key, "categories")
        told = ", ".join(clip(column.said(word, figures.language)) for word in words)
        return clip(phrases.plain(f"advice.{key}", categories=told), 600)

    return {
        "question": question,
        "figure_name": figure_name,
        "advice_text": advice_text,
        "unit_form": UNIT_FORMS.__getitem__,
        "get": figures.get,
        "show": figures.show,
        "say": phrases.say,
        "name_of": phrases.name,
        "word": phrases.word,
        "category": category,
        "meaning": phrases.meaning,
        "feature_form": lambda feature: feature_form(feature, columns=phrases.columns),
        "rule": phrases.rule,
        "text": text,
        "quote": quote,
        "clip": clip,
        "version": version,
        "finding": finding,
        "told": told,
        "timely": timely,
        "slice_name": slice_name,
        "rivals": rivals,
        "side": side,
        "scale": scale,
        "ticks": ticks,
        "ordered": strongest_first,
        "rival": rival,
        "most_of": most_of,
    }


def strongest_first(rows: Mapping[str, Mapping[str, float]]) -> Sequence[str]:
    """Return the keys by ``mean_abs``, the greatest first."""
    return sorted(rows, key=lambda key: (-rows[key]["mean_abs"], key))


def most_of(rows: Mapping[str, Mapping[str, float | None]]) -> float:
    """Return how far the bars of the rows reach, their intervals included where there are any."""
    ends = (row[key] for row in rows.values() for key in ("mean_abs", "high"))
    return max(end for end in ends if end is not None)


def rival(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return which of the rows but the strongest has the interval that reaches highest."""
    return max(strongest_first(rows)[1:], key=lambda key: rows[key]["high"])


def _hash(script: str) -> str:
    """Return the script's hash for the page's content security policy: no other script runs."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
