"""YAML as people write it: read as DVC reads it, refused where it hides what was meant.

DVC reads params.yaml by YAML 1.2 (ruamel.yaml); so do we, so that both see the same value: 0100
is a hundred, 1:30 and yes are text, 1e-05 is a number.
"""

import copy
import functools
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from retention.core.errors import InputError, clipped, shown

MOST_BYTES = 1_000_000
"""Size of a file at most: a thousand offers are about half of it."""
MOST_DEEP = 20
MOST_VALUES = 50_000
"""Keys and values at most: the thousand offers have half of them."""
MOST_DIGITS = 40
"""Characters of a number at most."""

_CUT = re.compile(r"[ \t]+#+[^\s#]")
"""What cuts a text short: a comment that begins as a hashtag or a number does."""
_CUT_WHOLE = re.compile(rf"[ \t]*:{_CUT.pattern}")
_TEXT, _EMPTY = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_MERGE = "tag:yaml.org,2002:merge"


class _RefusedError(ComposerError):
    """Valid YAML that is not read."""

    def __init__(self, problem: str, mark: Any) -> None:
        super().__init__(None, None, problem, mark)


class _Plain(Composer):
    """Composes without anchors, aliases, tags and directives: they multiply or drop text."""

    seen = 0

    def compose_document(self) -> Node:
        event = self.parser.peek_event()
        if event.version or event.tags:
            raise _RefusedError("a line with % is not read; leave it out", event.start_mark)
        return super().compose_document()

    def compose_node(self, parent: Any, index: Any) -> Node:
        event = self.parser.peek_event()
        if event.anchor is not None or getattr(event, "ctag", None) is not None:
            problem = "anchors, aliases and tags (&, *, !) are not read; quote the text"
            raise _RefusedError(problem, event.start_mark)
        if self.depth >= MOST_DEEP:
            raise _RefusedError(f"nested more than {MOST_DEEP} deep", event.start_mark)
        self.seen += 1
        if self.seen > MOST_VALUES:
            raise _RefusedError(f"more than {MOST_VALUES:,} keys and values", event.start_mark)
        return super().compose_node(parent, index)


def read_yaml(path: Path | str) -> Any:
    """Read a YAML file; None where it is empty.

    Raises
    ------
    InputError
        If the file is missing, too large, no UTF-8 or no YAML, or if what stands in it cannot
        mean what its editor meant: a key twice, a text cut short by `` #``.
    """
    # A stage reads params.yaml for itself, for what dvc.yaml declares and to see that it stays as
    # it is; parsing takes far longer than a copy.
    return copy.deepcopy(_content(_text_of(Path(path)), str(path)))


@functools.lru_cache(maxsize=8)
def _content(text: str, place: str) -> Any:
    """Return what a YAML text says, the same object each time."""
    yaml, root = _composed(text, place)
    if root is None:
        return None
    try:
        return yaml.constructor.construct_document(root)
    except YAMLError as error:
        raise _invalid(error, place) from None
    except ValueError as error:
        raise InputError(f'{place}: {error}; dates are written as "YYYY-MM-DD"') from None


def compose_yaml(text: str, *, place: str) -> Node | None:
    """Return the nodes of a YAML text, with their places in it.

    Parameters
    ----------
    text : str
    place : str
        Name of the file, for messages.

    Raises
    ------
    InputError
        As :func:`read_yaml`.
    """
    return _composed(text, place)[1]


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run from the project's folder") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from None
    if len(content) > MOST_BYTES:
        raise InputError(f"{path} is larger than {MOST_BYTES:,} bytes, the most that is read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text; save it as UTF-8") from None


def _composed(text: str, place: str) -> tuple[YAML, Node | None]:
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Plain
    try:
        root = yaml.compose(text)
    except YAMLError as error:
        raise _invalid(error, place) from None
    if root is not None:
        _check(root, text, place)
    return yaml, root


def _invalid(error: YAMLError, place: str) -> InputError:
    mark = getattr(error, "problem_mark", None)
    where = f", line {mark.line + 1}" if mark else ""
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    if isinstance(error, _RefusedError):
        return InputError(f"{place}{where}: {problem}")
    if problem.startswith("mapping values are not allowed"):
        problem += "; quote a text that holds a colon"
    return InputError(f"{place}{where}: not valid YAML ({clipped(problem, 120)})")


def _check(node: Node, text: str, place: str) -> None:
    """Refuse keys that stand twice, texts cut short and endless numbers, in `node` and below."""
    if isinstance(node, ScalarNode):
        _check_scalar(node, text, place)
        return
    if isinstance(node, MappingNode):
        _check_keys(node, text, place)
    for part in node.value:
        for child in part if isinstance(part, tuple) else (part,):
            _check(child, text, place)


def _check_keys(node: MappingNode, text: str, place: str) -> None:
    lines: dict[tuple[str, str], int] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            continue
        line, name = key.start_mark.line + 1, (str(key.tag), key.value)
        if name[0] == _MERGE:
            raise InputError(f"{place}, line {line}: the key << is not read; write the keys out")
        if name in lines:
            raise InputError(
                f"{place}, line {line}: the key {clipped(key.value)} stands twice (first in line "
                f"{lines[name]}); keep one of them"
            )
        lines[name] = line
        if str(value.tag) == _EMPTY and _CUT_WHOLE.match(text, key.end_mark.index):
            raise _cut(f"{place}, line {line}", f"{key.value}:")


def _check_scalar(node: ScalarNode, text: str, place: str) -> None:
    tag, where = str(node.tag), f"{place}, line {node.end_mark.line + 1}"
    if tag in _NUMBERS and len(node.value) > MOST_DIGITS:
        raise InputError(
            f"{where}: a number of {len(node.value)} characters; valid: at most {MOST_DIGITS}"
        )
    if any("\ud800" <= sign <= "\udfff" for sign in node.value):
        raise InputError(f"{where}: {shown(node.value)} holds half a character; write it whole")
    if not node.style and tag in {_TEXT, _EMPTY} and _CUT.match(text, node.end_mark.index):
        raise _cut(where, node.value)


def _cut(where: str, before: str) -> InputError:
    return InputError(
        f"{where}: # cuts the text off after {shown(before[-30:])}; quote the text, "
        "or put a space after # if a comment is meant"
    )
