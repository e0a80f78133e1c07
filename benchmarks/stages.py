"""What does each stage take of a shop of 1,000 to 10 million customers, and how does it grow?

In scratch clones of the project, one of this revision and one of another (`--before`), each stage
runs as a user runs it, `python stages/NAME.py`, one after the other: its seconds, the processor
seconds and the memory of all its processes together, and the bytes that it wrote. What is not
committed is not measured. Where tables lie in parts, they are worked on by the loop and by Dask. A
DuckDB query that reads, pivots and joins the same exports and writes a parquet file is the floor
for prepare and featurize; with `--rounds` these three are run in turn so many times more, since a
machine is not equally fast all the time.

The figures go to build/bench-PLACE.json and, with `--write`, between the marks of
docs/benchmarks.md and docs/scale.md, with a picture; `--only-write` writes what the last run
measured. The place is `stages`, or `defaults` for a run with params as they are.

Usage: python benchmarks/stages.py [--customers 1000 10000 100000 1000000] [--largest]
           [--model logistic] [--before REVISION] [--rounds 5] [--most-memory 16000]
           [--place defaults] [--write | --only-write]
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from processes import run_child, watch
from shops import ROOT, of_project
from stage_tables import (
    DEFAULTS,
    FLOOR,
    READ_EXPORTS,
    STAGES,
    TIMES,
    write_defaults,
    write_pages,
)

from retention.core import paths
from retention.core.files import read_json, write_json

SIZES = [1_000, 10_000, 100_000, 1_000_000]
LARGEST = 10_000_000
WRITERS = {STAGES: write_pages, DEFAULTS: write_defaults}
"""By the place of docs/benchmarks.md that is filled."""
NOW, BEFORE = "now", "before"

QUERY = """
COPY (
    SELECT * FROM read_csv('{folder}/market_file.csv') AS behaviour
    JOIN (PIVOT (SELECT id, "Период", "Выручка" FROM read_csv('{folder}/market_money.csv'))
          ON "Период" USING first("Выручка") GROUP BY id) AS money USING (id)
    JOIN (PIVOT (SELECT id, "Период", "минут" FROM read_csv('{folder}/market_time.csv'))
          ON "Период" USING first("минут") GROUP BY id) AS minutes USING (id)
    JOIN read_csv('{folder}/money.csv', delim=';', decimal_separator=',') AS profit USING (id)
) TO '{target}'
"""


def query(folder: str, target: str) -> None:
    """Join the exports by DuckDB, in as much memory as the stages may take."""
    import duckdb

    how = {"threads": os.cpu_count(), "memory_limit": "3GB", "temp_directory": f"{target}.tmp"}
    duckdb.connect(config=how).execute(QUERY.format(folder=folder, target=target))


def clone(revision: str, folder: Path) -> Path:
    """Clone the project at a revision."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    subprocess.run(["git", "checkout", "-q", "--detach", revision], cwd=folder, check=True)
    return folder


def set_params(folder: Path, **sections: dict[str, Any]) -> None:
    """Change keys of a clone's params.yaml."""
    place = folder / paths.PARAMS
    content = yaml.safe_load(place.read_text(encoding="utf-8"))
    for name, keys in sections.items():
        content[name] |= keys
    place.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def fixed(family: str | None) -> dict[str, dict[str, Any]]:
    """Return the params that train one family, with the middle value of each knob."""
    if family is None:
        return {}
    knobs = getattr(of_project()[1].models, family).model_dump()
    middle = {knob: values[len(values) // 2] for knob, values in knobs.items()}
    return {"train": {"model": family}, "models": {family: middle}}


def run_stage(folder: Path, name: str, *, engine: str, most: float) -> dict[str, Any]:
    """Run a stage in a clone, its outputs removed, and return what it took."""
    stage = yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"][name]
    outs = [
        folder / (one if isinstance(one, str) else next(iter(one)))
        for kind in ("outs", "metrics", "plots")
        for one in stage.get(kind, [])
    ]
    for path in outs:
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
    inherited = {key: value for key, value in os.environ.items() if key != "DASK_SCHEDULER_ADDRESS"}
    found = watch(
        [sys.executable, f"stages/{name}.py"],
        folder=folder,
        environment=inherited | {"RETENTION_ENGINE": engine},
        most=most,
    )
    return {"stage": name, "written": sum(map(size_of, outs)), **asdict(found)}


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def make_exports(folder: Path, customers: int, *, most: float) -> tuple[Path, dict[str, Any]]:
    """Let simulate write the exports of a shop, and take them out of the clone."""
    set_params(folder, simulate={"customers": customers})
    made = run_stage(folder, "simulate", engine="loop", most=most)
    if made["failed"]:
        sys.exit(f"simulate failed: {made['failed']}")
    exports = folder.parent / f"exports-{customers}"
    shutil.move(folder / paths.SAMPLE, exports)
    truth = exports / paths.TRUTH.name  # no shop has it
    if truth.is_dir():
        shutil.rmtree(truth)
    truth.unlink(missing_ok=True)
    return exports, made


def run_all(folder: Path, exports: Path, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Run every stage by the loop and, where there are parts, by Dask; yield what each took."""
    suppressed = {"suppression": str(exports / paths.EMPTY_LIST.name)}
    set_params(folder, data={"dir": str(exports)}, campaign=suppressed, **fixed(options.model))
    stages = yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for engine in ("loop", "dask"):
        if engine == "dask" and not (folder / paths.FEATURES).is_dir():
            return
        for name in stages:
            if name != "simulate":
                found = run_stage(folder, name, engine=engine, most=options.most_memory)
                yield {"engine": engine, **found}
                if found["failed"]:
                    return


def run_in_turn(
    folder: Path, exports: Path, customers: int, options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Run the query and the stages that read exports in turn; yield what each round took."""
    for _ in range(options.rounds):
        most = options.most_memory
        stages = (run_stage(folder, name, engine="loop", most=most) for name in READ_EXPORTS)
        found = [measure_floor(exports, most=most), *stages]
        failed = [one["failed"] for one in found if one["failed"]]
        if failed:
            sys.exit(f"{customers:,} customers, a round failed: {failed[0]}")
        yield {
            "customers": customers,
            **{key: {one["stage"]: one[key] for one in found} for key in TIMES},
        }


def measure_floor(exports: Path, *, most: float) -> dict[str, Any]:
    """Run the query, once unmeasured so that it finds the files in memory."""
    target = exports.parent / "joined.parquet"
    command = [sys.executable, __file__, "--child", "query", str(exports), str(target)]
    for _ in range(2):
        found = watch(command, folder=ROOT, environment=os.environ, most=most)
    written = size_of(target) if target.exists() else 0
    return {"engine": "loop", "stage": FLOOR, "written": written, **asdict(found)}


def measure_all(options: argparse.Namespace) -> dict[str, Any]:
    """Measure every size and version, and keep what was found after each stage."""
    revisions = {NOW: "HEAD"} | ({BEFORE: options.before} if options.before else {})
    about = {
        "revisions": {name: short(one) for name, one in revisions.items()},
        "date": git("show", "-s", "--format=%cs", "HEAD"),
        "cores": os.cpu_count(),
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "model": options.model or "as in params.yaml",
    }
    rows: list[dict[str, Any]] = []
    rounds: list[dict[str, Any]] = []

    def keep_all() -> None:
        write_json({"about": about, "rows": rows, "rounds": rounds}, found_in(options.place))

    def keep(version: str, customers: int, found: dict[str, Any]) -> None:
        rows.append({"version": version, "customers": customers} | found)
        keep_all()
        took = f"{found['seconds']:.1f} s, {found['peak']:.0f} MB"
        told = found["failed"] or took
        print(f"{customers:,} {version} {found['engine']} {found['stage']}: {told}", flush=True)

    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        clones = {name: clone(one, Path(scratch, name)) for name, one in revisions.items()}
        for customers in sorted(options.customers):
            exports, made = make_exports(clones[NOW], customers, most=options.most_memory)
            keep(NOW, customers, {"engine": "loop", **made})
            keep(NOW, customers, measure_floor(exports, most=options.most_memory))
            for version, folder in clones.items():
                for found in run_all(folder, exports, options):
                    keep(version, customers, found)
            for found in run_in_turn(clones[NOW], exports, customers, options):
                rounds.append(found)
                print(f"{customers:,} in turn: {found['seconds']}", flush=True)
            keep_all()
            shutil.rmtree(exports)
    return {"about": about, "rows": rows, "rounds": rounds}


def found_in(place: str) -> Path:
    """Return where the figures for a place of the page are kept."""
    return ROOT / f"build/bench-{place}.json"


def git(*command: str) -> str:
    """Return what Git says of the project."""
    done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def short(revision: str) -> str:
    """Return the short name of a commit."""
    return git("rev-parse", "--short", revision)


def main() -> None:
    """Measure, print and, if asked, write the pages."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, nargs="+", default=SIZES)
    parser.add_argument("--largest", action="store_true", help=f"{LARGEST:,} customers, too")
    parser.add_argument("--model", help="one family of models, with fixed knobs")
    parser.add_argument("--before", help="another revision, to set beside this one")
    parser.add_argument("--rounds", type=int, default=0, help="of the query and two stages in turn")
    parser.add_argument("--most-memory", type=float, default=16_000, help="MB; more is ended")
    parser.add_argument("--folder", help="where the scratch clones and exports go")
    parser.add_argument("--place", choices=WRITERS, default=STAGES, help="of docs/benchmarks.md")
    parser.add_argument("--write", action="store_true", help="write the pages of docs")
    parser.add_argument("--only-write", action="store_true", help="and measure nothing anew")
    options = parser.parse_args()
    if options.largest:
        options.customers = [*options.customers, LARGEST]
    found = read_json(found_in(options.place)) if options.only_write else measure_all(options)
    if options.write or options.only_write:
        WRITERS[options.place](found, ROOT / "docs")
    else:
        print(json.dumps(found["about"], ensure_ascii=False))


if __name__ == "__main__" and not run_child({"query": query}):
    main()
