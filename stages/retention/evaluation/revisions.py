"""The predictions of an earlier version: from DVC's cache or remote, else made anew.

They hold customers' ids, so they are no file of Git: a revision has their hash only.
"""

import hashlib
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from retention.core.errors import InputError, one_of
from retention.core.files import read_parquet
from retention.core.paths import PREDICTIONS
from retention.core.vocabulary import IDENTITY
from retention.evaluation.comparison import checked

EARLIER_PREDICTIONS = Path("plots/evaluate/predictions.csv")
"""Where versions before data/evaluation/ kept them, in Git: by an unkeyed hash of the id."""
HASH = "customer"
"""The column of that hash."""


def git(*arguments: str) -> bytes | None:
    """Return what a Git command prints, or None where it fails."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise InputError("git is not installed; it holds the version to compare with") from None
    return done.stdout if done.returncode == 0 else None


def commit_of(name: str) -> str:
    """Return the commit that a revision or a DVC experiment's name stands for.

    Raises
    ------
    InputError
        If Git knows no such revision, or more than one experiment has the name.
    """
    found = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if found:
        return found.decode().strip()
    # DVC keeps an experiment as refs/exps/<two digits>/<the rest of its base's hash>/<name>.
    listed = git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps/*/*/*") or b""
    pairs = [line.split(" ", 1) for line in listed.decode().splitlines()]
    commits = sorted({commit for commit, ref in pairs if ref.split("/", 4)[4:] == [name]})
    if len(commits) > 1:
        short = one_of(commit[:10] for commit in commits)
        raise InputError(f"{name} names {len(commits)} experiments; give one's commit: {short}")
    if not commits:
        raise InputError(
            f"revision {name!r} is unknown; valid: a branch, tag or commit (git log --all), or "
            "an experiment (dvc exp list -A)"
        )
    return commits[0]


def predictions_of(name: str) -> tuple[str, pd.DataFrame]:
    """Return how to call a revision, and its predictions by customer.

    They are looked for in DVC's cache and remote; where neither has them, the revision is cloned
    into a temporary folder, which shares the cache, and `dvc repro evaluate` makes them there.

    Raises
    ------
    InputError
        If the revision is unknown, or its predictions can be neither found nor made.
    """
    commit = commit_of(name)
    called = f"{name} ({commit[:7]})"
    pipeline, earlier = (
        git("cat-file", "blob", f"{commit}:./{name}")
        for name in ("dvc.yaml", EARLIER_PREDICTIONS.as_posix())
    )
    if PREDICTIONS.parent.as_posix().encode() not in (pipeline or b""):
        if earlier is None:
            raise InputError(f"revision {called} has no pipeline that makes {PREDICTIONS}")
        return called, _earlier(earlier, f"{EARLIER_PREDICTIONS} of {called}")
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        found = Path(folder) / PREDICTIONS.name
        _dvc("get", ".", PREDICTIONS.as_posix(), "--rev", commit, "--out", str(found), "--quiet")
        path = found if found.exists() else _made(commit, called, Path(folder))
        return called, checked(read_parquet(path), f"{PREDICTIONS} of {called}")


def of_workspace() -> pd.DataFrame:
    """Return the predictions of the workspace, by customer."""
    return checked(read_parquet(PREDICTIONS), f"{PREDICTIONS} of the workspace")


def by_same_key(old: pd.DataFrame, new: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both tables by ``customer_id``; by its hash where either knows nothing else."""
    if {HASH} & {*old, *new}:
        old, new = (
            table.rename(columns={HASH: IDENTITY})
            if HASH in table
            else table.assign(**{IDENTITY: [_hashed(one) for one in table[IDENTITY]]})
            for table in (old, new)
        )
    return old, new


def _hashed(one: str) -> str:
    return hashlib.blake2b(one.encode(), digest_size=6).hexdigest()


def _earlier(content: bytes, source: str) -> pd.DataFrame:
    try:
        table = pd.read_csv(io.BytesIO(content), dtype={HASH: "str"}, encoding="utf-8-sig")
    except ValueError as fault:  # what pandas says of text that is no UTF-8 or no table
        raise InputError(f"{source} cannot be read ({str(fault).splitlines()[0]})") from None
    return checked(table, source, key=HASH)


def _made(commit: str, called: str, folder: Path) -> Path:
    """Return the predictions that the revision's pipeline makes in a clone of its own."""
    print(
        f"compare: neither cache nor remote has the predictions of {called}; "
        "making them in a temporary clone (dvc repro evaluate)",
        file=sys.stderr,
        flush=True,
    )
    top, inside = (
        (git("rev-parse", word) or b"").decode().strip()
        for word in ("--show-toplevel", "--show-prefix")
    )
    clone = folder / "clone"
    if (
        git("clone", "--quiet", "--shared", "--no-checkout", top, str(clone)) is None
        or git("-C", str(clone), "checkout", "--quiet", "--detach", commit) is None
    ):
        raise InputError(f"revision {called} cannot be cloned from {top} by Git")
    project = clone / inside
    cache = _dvc("cache", "dir").stdout.strip()
    _dvc("config", "--local", "cache.dir", cache, folder=project)
    sources = (git("-C", str(project), "ls-files", "*.dvc") or b"").decode().splitlines()
    for verb in ("fetch", "checkout") if sources else ():  # what `dvc add` versions, as data/raw
        _dvc(verb, *sources, folder=project)
    said = _dvc("repro", "evaluate", folder=project, aloud=True)
    made = project / PREDICTIONS
    if said.returncode or not made.exists():
        errors = [line for line in said.stdout.splitlines() if line.lower().startswith("error: ")]
        why = errors[0].partition(": ")[2] if errors else "dvc repro evaluate wrote none"
        raise InputError(
            f"the predictions of {called} are in neither cache nor remote and cannot be made: {why}"
        )
    return made


def _dvc(
    *words: str, folder: Path | None = None, aloud: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run DVC; `aloud` also passes on to stderr what it says, line by line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", *words],
        cwd=folder,
        env=_environment(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if aloud else subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if aloud:
            print(line, end="", file=sys.stderr, flush=True)
    return subprocess.CompletedProcess(process.args, process.wait(), "".join(lines))


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which the stages of another folder run by this Python."""
    other = {
        name: value
        for name, value in ours.items()
        if name not in {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "DVC_STAGE", "PYTHONPATH"}
    }
    folders = (str(Path(sys.executable).parent), ours.get("PATH", os.defpath))
    return other | {"PATH": os.pathsep.join(folders), "PYTHONIOENCODING": "utf-8"}
