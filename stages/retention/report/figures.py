"""Figures that know where they come from: every number of the page names its file and place."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from retention.core.formats import formatted

ABSENT = object()
DASH = Markup("—")
"""What the page shows for a figure that cannot be told."""


def pointer(*steps: str | int) -> str:
    """Return the JSON Pointer (RFC 6901) of a place in a file."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


class Figures:
    """The files of one run, and their values as HTML in one language.

    Parameters
    ----------
    files : mapping of str to JSON-like content
        Content of each file by its path: what ``json`` reads; for tables a list of rows.
    language : str
    """

    def __init__(self, files: Mapping[str, Any], language: str) -> None:
        self.files = files
        self.language = language

    def get(self, file: str, *steps: str | int) -> Any:
        """Return the value at a place of a file, None where there is none."""
        found = self._find(file, *steps)
        return None if found is ABSENT else found

    def _find(self, file: str, *steps: str | int) -> Any:
        """Return the value at a place of a file, None where it is null, ABSENT without a place."""
        content = self.files[file]
        for step in steps:
            if isinstance(content, Mapping):
                content = content.get(step, ABSENT)
            elif isinstance(content, list | tuple) and isinstance(step, int):
                content = content[step] if -len(content) <= step < len(content) else ABSENT
            else:
                return ABSENT
        return content

    def show(self, file: str, *steps: str | int, form: str = "count") -> Markup:
        """Return the value as an element that names its source, for tests and for readers.

        A figure that the file holds as null cannot be told: a dash stands in its place.

        Raises
        ------
        KeyError
            If the file has nothing there: a page never makes a number up.
        """
        value = self._find(file, *steps)
        if value is None:
            return DASH
        if value is ABSENT:
            raise KeyError(f"{file}#{pointer(*steps)}")
        return Markup(
            '<span class="n" data-figure="{}#{}" data-value="{}" data-form="{}">{}</span>'
        ).format(file, pointer(*steps), value, form, formatted(value, form, self.language))
