"""What the code of the stages was before it was imported: see ``core.fingerprints``."""

import hashlib
from pathlib import Path
from types import CodeType


def content_hash(path: Path) -> str | None:
    """Return a hash of a file's content, None where there is nothing that can be read."""
    try:
        return hashlib.blake2b(path.read_bytes()).hexdigest()
    except OSError:
        return None


BEFORE_IMPORT = {
    path: content_hash(path) for path in Path(__file__).resolve().parents[2].rglob("*.py")
}
"""Hash of every script and module; a few milliseconds."""


def is_source(code: CodeType, script: Path) -> bool:
    """Tell whether the running script, given as its module's code, is what its file holds now.

    A script is compiled before it imports anything that could look at it.
    """
    try:
        now = compile(script.read_bytes(), code.co_filename, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return False
    return now == code
