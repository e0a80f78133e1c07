"""The page's sentences: one table for each language, filled with figures, plurals agreed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from retention.core.columns import Columns
from retention.core.formats import formatted
from retention.core.yaml_files import read_yaml

LONGEST_TEXT = 160
"""Letters of a text from the data that are shown at most."""

_PLURAL = re.compile(r"\[(\w+):([^\]]*)\]")
_VALUE = re.compile(r'data-value="(-?[\d.e+-]+)"')
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_TOKEN = re.compile(rf"{_NUMBER.pattern}|[^\W\d]\w*|[<>=!]=|.", re.DOTALL)
_SIGNS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}


def plural(count: float, language: str) -> int:
    """Return which form a noun takes after a whole number: in English 0 or 1, in Russian 0 to 2.

    The rules are those of Unicode CLDR: 1, 21 покупатель; 2, 3, 24 покупателя; 5, 11
    покупателей; what is not whole takes the form of 2 in Russian.
    """
    if language == "en":
        return int(count != 1)
    if count != int(count):
        return 1
    tens, units = abs(int(count)) % 100, abs(int(count)) % 10
    if units == 1 and tens != 11:
        return 0
    return 1 if units in {2, 3, 4} and tens not in {12, 13, 14} else 2


def clip(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return at most `longest` letters of a text, an ellipsis where it goes on."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def quote(text: object, longest: int = LONGEST_TEXT) -> Markup:
    """Return a text from the data: escaped, clipped, and kept from turning its surroundings."""
    return Markup("<bdi data-quote>{}</bdi>").format(clip(str(text), longest))


class Phrases:
    """The sentences and names of one language.

    Parameters
    ----------
    table : mapping
        As the language's YAML file has it: groups of keys to texts. A text may hold ``{name}``
        for a figure, ``[name:form|form]`` for a noun that agrees with it, and HTML.
    language : str
    columns : Columns
        The data dictionary: what columns, their words, groups and exports are called.
    """

    def __init__(self, table: Mapping[str, Any], language: str, *, columns: Columns) -> None:
        self.table = table
        self.language = language
        self.columns = columns
        self.told = {
            "features": {one.name: one.names[language] for one in columns.all},
            "groups": {name: texts[language] for name, texts in columns.groups.items()},
            "files": {
                name: getattr(table.name, language) for name, table in columns.tables.items()
            },
        }
        """What the data dictionary calls things, by their kind."""

    def say(self, key: str, **given: Any) -> Markup:
        """Return the sentence of a key such as ``headline.title``, filled.

        Raises
        ------
        KeyError
            If the language has no such sentence.
        """

        def agreed(found: re.Match[str]) -> str:
            shown, forms = given[found[1]], found[2].split("|")
            value = _VALUE.search(shown) if isinstance(shown, Markup) else [shown, shown]
            # A dash, where a figure cannot be told, stands with the form of many.
            return forms[plural(float(value[1]), self.language)] if value else forms[-1]

        return Markup(_PLURAL.sub(agreed, self._text(key))).format(**given)

    def plain(self, key: str, **given: str) -> str:
        """Return the sentence of a key, filled, as text in which nothing is markup."""
        return self._text(key).format(**given)

    def _text(self, key: str) -> str:
        text = self.table
        for step in key.split("."):
            text = text[step]
        return text

    def name(self, group: str, key: object) -> Markup:
        """Return the name of a feature, segment or the like; one that nobody knows as it is."""
        if str(key) in self.told.get(group, {}):
            return escape(self.told[group][str(key)])
        known = self.table.get(group, {}).get(str(key))
        if known is not None:
            return Markup(known)
        return quote(str(key).replace("_", " ") if group == "names" else key)

    def meaning(self, feature: str) -> str:
        """Return what a feature is, and in which unit; empty for what the dictionary lacks."""
        column = self.columns.by_name.get(feature)
        if column is None:
            return ""
        told = (column.meaning.get(self.language), column.unit.get(self.language))
        return ", ".join(filter(None, told))

    def word(self, value: object, column: str) -> Markup:
        """Return a value of a category column; one that the dictionary lacks as it is."""
        known = self.columns.by_name.get(column)
        if known is None or str(value) not in known.values:
            return quote(value)
        return escape(known.shown(str(value), self.language))

    def rule(self, rule: str) -> Markup:
        """Return a rule such as ``promo_share >= 0.5 and service == standard`` in words."""
        parts, column = [], ""
        for part in _TOKEN.findall(clip(rule, 3 * LONGEST_TEXT)):
            parts.append(self._term(part, column))
            column = part if part in self.columns.by_name else column
        return Markup("<bdi data-quote>{}</bdi>").format(Markup("").join(parts))

    def _term(self, part: str, column: str) -> str:
        """Return one token of a rule: a sign, a number, a name, or what stands between them.

        A word is one of the `column` that was named last.
        """
        if part in _SIGNS:
            return _SIGNS[part]
        if _NUMBER.fullmatch(part):
            return formatted(float(part), "plain", self.language)
        known = self.columns.by_name.get(column)
        if known and part in known.values:
            return self.word(part, column)
        for group in ("joins", "features"):
            if part in self.table[group] or part in self.told.get(group, {}):
                return self.name(group, part)
        return clip(part)


def load_phrases(folder: Path, language: str, *, columns: Columns) -> Phrases:
    """Read the table of a language from `folder`."""
    return Phrases(read_yaml(folder / f"{language}.yaml"), language, columns=columns)
