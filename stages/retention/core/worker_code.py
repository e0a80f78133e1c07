"""What a worker of a cluster does for a part: it looks at itself, then works.

Sent to the worker as it is here, not by its name: a worker of another revision would run its own.
So these functions import what they need themselves.
"""

from typing import Any


def standing() -> dict[str, str]:
    """Return what this process works with: its code and the versions that results hang on."""
    import hashlib
    import sys
    from importlib.metadata import PackageNotFoundError, version
    from pathlib import Path

    stages = Path.cwd() / "stages"
    if (stages / "retention").is_dir() and str(stages) not in sys.path:
        sys.path.insert(0, str(stages))  # a worker that was started in the project's folder
    found = {"Python": ".".join(map(str, sys.version_info[:2]))}
    for package in ("pandas", "numpy", "pyarrow", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    try:
        from retention.core.sources import BEFORE_IMPORT, content_hash
    except ImportError:
        return found | {"code": "none", "changed": "no"}
    scripts = Path(sys.modules["retention"].__path__[0]).resolve().parent
    lines = sorted(f"{path.relative_to(scripts)} {mark}" for path, mark in BEFORE_IMPORT.items())
    changed = any(content_hash(path) != mark for path, mark in BEFORE_IMPORT.items())
    code = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return found | {"code": code, "changed": "yes" if changed else "no"}


def unfit(needed: dict[str, str], mark: str) -> str:
    """Return why this process must not do a part; nothing if it may.

    Parameters
    ----------
    needed : dict of str
        What the client works with (:func:`standing`).
    mark : str
        A file that lies in the folder of the project for as long as the client works.
    """
    from pathlib import Path

    found = standing()
    if found["code"] == "none":
        return "it finds no code of the project; start it in the folder of the project"
    if found["code"] != needed["code"] or found["changed"] == "yes":
        return (
            f"its code is of another revision ({found['code'][:12]}, needed is "
            f"{needed['code'][:12]}); bring its folder up to date and start it again"
        )
    for name, version in needed.items():
        if name not in ("code", "changed") and found[name] != version:
            return f"it has {name} {found[name]}, needed is {version}"
    if not Path(mark).is_file():
        return "it does not see the folder of the project; start it in that folder, shared by all"
    return ""


def same(packed: bytes) -> bytes:
    """Return what it is called with.

    What a worker returned Dask gives to the others, once each, and has made again where all who
    had it died. Of what is only scattered nobody could make it again.
    """
    return packed


def do_part(
    needed: dict[str, str], mark: str, function: bytes, part: bytes
) -> tuple[str, str, Any]:
    """Return this worker, why it must not do a part, or nothing and what the function returns.

    The function comes packed: to unpack it is to import the code that it is of.
    """
    from distributed import get_worker

    worker, reason = get_worker().address, unfit(needed, mark)
    if reason:
        return worker, reason, None
    import cloudpickle

    from retention.core.parts import cleared

    return worker, "", cleared(cloudpickle.loads(function), cloudpickle.loads(part))
