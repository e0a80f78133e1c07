"""Models are data, not code: saved with skops, the same bytes for the same model, checked on load.

A skops file names objects by their place in memory and carries the time of writing, and its
reader passes some flipped bits; so the names are counted anew, the times fixed, and the file's
sha256, kept in model.json, is checked before anything is read from it.
"""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from retention.core.atomic import atomic
from retention.core.errors import InputError, one_of
from retention.core.files import made, way_back

TRUSTED = frozenset(
    {
        "numpy.dtype",
        "retention.models.estimators.Blend",
        "retention.models.estimators.Neighbours",
        "retention.models.estimators.RiskModel",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
    }
)
"""Types beyond skops's own list that a model file may hold; never read from the file."""

_DAWN = (1980, 1, 1, 0, 0, 0)


def save_model(model: Any, path: Path) -> str:
    """Write `model` to `path` and return the file's sha256 as hex digits."""
    import skops.io

    steps = getattr(getattr(model, "pipeline", None), "named_steps", {})
    estimate = steps.get("estimate")
    for part in getattr(estimate, "fitted_", [estimate]):
        mapper = getattr(part, "_bin_mapper", None)
        if mapper is not None:
            # Boosting remembers how many cores it was fitted on; the model does not depend on it.
            mapper.n_threads = 1
    content = _settled(skops.io.dumps(model))
    with atomic(path) as scratch:
        scratch.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def load_model(path: Path, *, sha256: str) -> Any:
    """Read the model at `path`.

    Parameters
    ----------
    path : Path
        A file that :func:`save_model` wrote.
    sha256 : str
        What model.json says of it, hex digits.

    Raises
    ------
    InputError
        If a byte changed since the file was written, it holds a type that is not trusted, or it
        was not whole when it was written.
    """
    import skops.io

    content = made(path).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise InputError(
            f"{path} is not the file that train wrote: its sha256 is {found[:12]}…, "
            f"model.json says {sha256[:12]}…; {way_back(path, 'run `dvc repro train`')}"
        )
    try:
        foreign = sorted(set(skops.io.get_untrusted_types(data=content)) - TRUSTED)
        if not foreign:
            return skops.io.loads(content, trusted=sorted(TRUSTED))
    except MemoryError:
        raise
    except Exception as fault:  # skops documents no error for a file that is none of its own
        raise InputError(
            f"{path} is no model that can be read ({type(fault).__name__}); "
            + way_back(path, "run `dvc repro -f train`, which makes it anew")
        ) from fault
    raise InputError(f"{path} holds types that are not trusted: {one_of(foreign)}")


def _settled(content: bytes) -> bytes:
    """Return the skops archive with ids counted by first appearance and no time of writing."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = json.loads(archive.read("schema.json"))
        numbers: dict[int, int] = {}
        files: dict[str, str] = {}
        _renumber(schema, numbers, files)
        parts = {files[old]: archive.read(old) for old in files}
    parts["schema.json"] = json.dumps(schema).encode()
    settled = io.BytesIO()
    with zipfile.ZipFile(settled, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(parts):
            archive.writestr(zipfile.ZipInfo(name, _DAWN), parts[name], zipfile.ZIP_DEFLATED)
    return settled.getvalue()


def _renumber(node: Any, numbers: dict[int, int], files: dict[str, str]) -> None:
    if isinstance(node, list):
        for item in node:
            _renumber(item, numbers, files)
    elif isinstance(node, dict):
        if isinstance(node.get("__id__"), int):
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers))
        if isinstance(node.get("file"), str):
            ending = Path(node["file"]).suffix
            node["file"] = files.setdefault(node["file"], f"{len(files)}{ending}")
        for item in node.values():
            _renumber(item, numbers, files)
