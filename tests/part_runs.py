"""One shop led through the stages in several ways, which must not change what comes out."""

import contextlib
import io
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
import yaml

import evaluate
import explain
import featurize
import prepare
import score
import segment
import train
from parted import divide
from project import ROOT
from retention.core import paths
from retention.core.cluster import close_clusters
from retention.core.files import read_parquet
from retention.core.params import Prepare
from retention.core.part_names import part_files
from retention.core.parts import ENGINE
from retention.core.vocabulary import IDENTITY, MONTH

STAGES = (prepare, featurize, train, score, evaluate, explain, segment)
DIVIDED = (
    paths.PREPARED,
    paths.SET_ASIDE,
    paths.FEATURES,
    paths.LEFT_OUT,
    paths.RISKS,
    paths.REASONS,
    paths.CUSTOMERS,
)
"""Tables of customers that lie in parts."""


@dataclass(frozen=True)
class Way:
    """In how many parts, by what engine and from which kind of file a shop is worked on."""

    parts: int
    engine: str
    form: str


PLAIN = Way(1, "loop", "csv")
WAYS = (Way(3, "loop", "parquet"), Way(7, "dask", "csv"))
"""Beside the plain one: each number of parts, engine and form at least once."""


def prepare_folder(folder: Path, way: Way, exports: Path, params: Mapping[str, Any]) -> None:
    """Put the exports in their form, and params for the number of parts, into a folder."""
    target = folder / params["data"]["dir"]
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(exports, target)
    for path in sorted(target.rglob("*.csv")) if way.form == "parquet" else []:
        if path.name != "suppression.csv":
            as_text(path).to_parquet(path.with_suffix(".parquet"), index=False)
            path.unlink()
    rows = sum(len(as_text(path)) for path in exports.rglob("market_file.csv"))
    params = {**params, "prepare": {**params["prepare"], **part_rows(rows, way.parts)}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True))
    if not (folder / "stages").exists():
        (folder / "stages").symlink_to(ROOT / "stages")


def part_rows(rows: int, parts: int) -> dict[str, int]:
    """Return the param that gives so many parts."""
    rows = {"part_rows": math.ceil(rows / parts)}
    return rows if "part_rows" in Prepare.model_fields else {}


def as_text(path: Path) -> pd.DataFrame:
    """Return an export's cells as they stand."""
    text = path.read_text(encoding="utf-8-sig")
    sep = ";" if ";" in text.split("\n", 1)[0] else ","
    return pd.read_csv(io.StringIO(text), sep=sep, dtype=str, keep_default_na=False)


def lead(folder: Path, way: Way) -> str:
    """Lead the shop in `folder` through every stage; return the line of a refusal, if any."""
    with contextlib.chdir(folder), mock.patch.dict(os.environ, {ENGINE: way.engine}):
        try:
            for stage in STAGES:
                said = io.StringIO()
                try:
                    with (
                        contextlib.redirect_stderr(said),
                        contextlib.redirect_stdout(io.StringIO()),
                    ):
                        stage.main()
                except SystemExit:
                    return f"{stage.__name__}: {said.getvalue().splitlines()[-1]}"
                for path in DIVIDED:
                    if path.is_file() and way.parts > 1:
                        divide(path, way.parts)
                    assert not path.exists() or len(part_files(path)) == way.parts, path
        finally:
            close_clusters()
    return ""


def results(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield all that a run made but pictures: tables with rows in the order of ids, and texts."""
    for path in sorted({*folder.glob("data/*/*.parquet"), *folder.glob("data/*/*.parquet/")}):
        name = str(path.relative_to(folder))
        if path.parent != folder / "data" / "sample" and path.parent != folder / "data" / "raw":
            yield name, in_order(read_parquet(path))
    for kind in ("data/*/*.json", "metrics/*.json"):
        for path in sorted(folder.glob(kind)):
            yield str(path.relative_to(folder)), json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(folder.glob("plots/*/*.csv")):
        yield str(path.relative_to(folder)), path.read_text(encoding="utf-8")


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table of customers in the order of ids and months."""
    empty = [name for name in table if table[name].isna().all()]
    table = table.astype(dict.fromkeys(empty, object))  # where nothing stands, there is no kind
    keys = [name for name in (IDENTITY, MONTH) if name in table]
    if not keys or table.duplicated(keys).any():
        return table
    return table.sort_values(keys, kind="stable", ignore_index=True)


OF_FORM = ("data/prepared/details.json", "data/prepared/readiness.parquet")
"""They tell of the files that were read: their names, and how text in them was."""


def differences(one: Path, other: Path, *, same_form: bool = True) -> list[str]:
    """Return what two runs made differently: files and, of tables and JSON, where."""
    left, right = (
        {name: found for name, found in results(run) if same_form or name not in OF_FORM}
        for run in (one, other)
    )
    found = [f"{name} is made once" for name in sorted(left.keys() ^ right.keys())]
    for name in sorted(left.keys() & right.keys()):
        found += [f"{name}{where}" for where in _apart(left[name], right[name])]
    return found


def _apart(left: Any, right: Any, place: str = "") -> Iterator[str]:
    if isinstance(left, pd.DataFrame):
        try:
            pd.testing.assert_frame_equal(left, right, check_exact=True)
        except AssertionError as error:
            yield f"{place}: {' '.join(str(error).split())[:300]}"
    elif isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            yield from _apart(left.get(key), right.get(key), f"{place} {key}")
    elif left != right:
        yield f"{place}: {str(left)[:100]} and {str(right)[:100]}"
