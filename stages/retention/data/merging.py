"""What the parts of a file tell, put together so that it does not matter how many there are."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from retention.core.findings import Finding

_OF_A_FILE = ("absent_column",)
"""What every part tells of the file as a whole: it counts once."""
_OF_A_WORD = ("new_category",)
"""What is told of each word by itself."""


@dataclass(frozen=True)
class Located(Finding):
    """A finding in the rows of a file, and where it begins.

    Attributes
    ----------
    at : tuple of int
        Orders examples: that of the smallest one is told. The line comes last; before it whether
        a cell could not be read (0) or by which check it fell.
    """

    at: tuple[int, int] = (0, 0)


def put_together(findings: Iterable[Finding]) -> list[Finding]:
    """Return one finding for all of a kind, with their sum and the example that stands first."""
    whole: list[Finding] = []
    groups: dict[tuple[str, ...], list[Located]] = {}
    for one in findings:
        if not isinstance(one, Located):
            whole.append(one)
            continue
        key = (one.level, one.file, one.column, one.what)
        word = one.example if one.what in _OF_A_WORD else ""
        groups.setdefault((*key, word), []).append(one)
    firsts = [(min(group, key=lambda one: one.at), group) for group in groups.values()]
    for first, group in sorted(firsts, key=lambda found: found[0].at):
        told = {one.name: getattr(first, one.name) for one in fields(Finding)}
        if first.what not in _OF_A_FILE:
            told["count"] = sum(one.count for one in group)
        whole.append(Finding(**told))
    return whole
