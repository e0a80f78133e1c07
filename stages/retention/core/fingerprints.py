"""Notice that something a stage reads changed while it ran.

DVC hashes what a stage depends on once its command has ended: an input that was edited meanwhile
would be recorded as the one that was used, and its outputs be taken for up to date. So a stage
looks at everything that dvc.yaml declares for it before and after, and now and then in between
(an input may be changed and changed back).

Files up to :data:`HASHED` bytes are judged by their content, so that a file saved again unchanged
is no fault; of larger ones only size, times and place on the disk are compared, since hashing
gigabytes would take longer than the stage. Params are judged by the values of the stage's own
sections. What `.dvcignore` names is nobody's input.
"""

import fnmatch
import math
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retention.core.errors import InputError
from retention.core.paths import PARAMS
from retention.core.sources import BEFORE_IMPORT, content_hash
from retention.core.yaml_files import read_yaml

PIPELINE = Path("dvc.yaml")
IGNORED = Path(".dvcignore")
HASHED = 2**24
"""Largest file, in bytes, whose content is compared: 16 MB take some 20 ms."""
PAUSE = 0.2
"""Seconds between two looks while the stage runs; one takes about a millisecond."""

_OPEN = re.compile(r"\$\{([^}]+)\}")


@dataclass(frozen=True)
class Declared:
    """What dvc.yaml declares of one stage, with the values of params.yaml filled in."""

    name: str
    script: str
    reads: tuple[Path, ...]
    sections: tuple[str, ...]
    writes: tuple[Path, ...]


def declared(script: Path) -> Declared | None:
    """Return what the dvc.yaml of the current folder says of a script, None if it says nothing."""
    if not PIPELINE.is_file():
        return None
    command = "/".join(script.parts[-2:])
    for name, entry in ((read_yaml(PIPELINE) or {}).get("stages") or {}).items():
        if str(entry.get("cmd", "")).split()[-1:] == [command]:
            params = read_yaml(PARAMS)
            written = [one for kind in ("outs", "metrics", "plots") for one in entry.get(kind, [])]
            return Declared(
                name,
                command,
                tuple(Path(_filled(one, params)) for one in entry.get("deps", [])),
                tuple(entry.get("params", [])),
                tuple(Path(next(iter(one)) if isinstance(one, dict) else one) for one in written),
            )
    return None


def _filled(text: str, params: Any) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1].strip()
        step = _at(params, name)
        if step is None:
            raise InputError(f"{PARAMS}: key {name} is missing; {PIPELINE} names it")
        return str(step)

    return _OPEN.sub(value, text)


def _at(content: Any, name: str) -> Any:
    """Return what stands at a dotted place such as ``campaign.budget``, None if nothing does."""
    for key in name.split("."):
        content = content.get(key) if isinstance(content, Mapping) else None
    return content


class Inputs:
    """The inputs of a stage, as they were when it began."""

    def __init__(self, stage: Declared):
        self.stage = stage
        self._ignored = _ignored_names()
        self._seen: dict[Path, tuple[object, Any]] = {}
        self._changed: dict[str, None] = {}
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look_around, daemon=True)
        self._before = self._now()
        for place in self._before:
            self._before[place] = BEFORE_IMPORT.get(Path(place).resolve(), self._before[place])

    def __enter__(self) -> "Inputs":
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watch.join()

    def changed(self) -> list[str]:
        """Return what is not, or at some time was not, as it was in the beginning."""
        self._seen.clear()  # the last word is the content, not the times of the file
        self._compare()
        return list(self._changed)

    def _look_around(self) -> None:
        while not self._ended.wait(PAUSE):
            self._compare()

    def _compare(self) -> None:
        now = self._now()
        for place in self._before | now:
            if self._before.get(place) != now.get(place):
                self._changed[place] = None

    def _now(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for root in self.stage.reads:
            for path in self._files(root):
                found[str(path)] = self._of_file(path, content_hash)
        if self.stage.sections:
            found |= self._of_file(PARAMS, self._values, largest=math.inf) or {}
        return found

    def _values(self, _: Path) -> dict[str, object]:
        """Return each value of the stage's sections of params.yaml, by its place."""
        try:
            content = read_yaml(PARAMS)
        except (InputError, OSError) as fault:
            return {str(PARAMS): str(fault)}
        named = {name: _at(content, name) for name in self.stage.sections}
        # True is 1 to Python, and not to a person.
        return {f"{PARAMS}: {key}": (isinstance(value, bool), value) for key, value in _flat(named)}

    def _files(self, root: Path) -> Iterator[Path]:
        if not root.is_dir():
            yield root
            return
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if not self._ignored(name)]
            yield from (Path(folder, name) for name in names if not self._ignored(name))

    def _of_file(self, path: Path, read: Callable[[Path], Any], *, largest: float = HASHED) -> Any:
        """Return what `read` makes of a file: anew only if size, times or place are others."""
        try:
            found = path.stat()
        except OSError:
            return None
        marks = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
        if found.st_size > largest:
            return marks
        known, content = self._seen.get(path, (None, None))
        if known != marks:
            content = read(path)
            self._seen[path] = (marks, content)
        return content


def remove(paths: tuple[Path, ...]) -> None:
    """Remove files and folders; what is not there is no fault."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _flat(content: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, object]]:
    for key, value in content.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _ignored_names() -> Any:
    """Return a function that tells the names that `.dvcignore` names in any folder."""
    lines = IGNORED.read_text(encoding="utf-8").splitlines() if IGNORED.is_file() else []
    names = [
        fnmatch.translate(line.removeprefix("\\").rstrip("/"))
        for line in map(str.strip, lines)
        if line and not line.startswith(("#", "!")) and "/" not in line.rstrip("/")
    ]
    return re.compile("|".join(names) or r"(?!)").match
