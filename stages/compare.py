"""Compare: is the change real?

Reads plots/evaluate/predictions.csv of one Git revision (a branch, tag, commit or DVC
experiment) and of the workspace or a second revision; prints a Markdown table and a sentence.
Run by hand and by continuous integration; the file is in Git, so a fresh clone without cache
will do.
"""

import argparse
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from retention.comparing import (
    Difference,
    as_predictions,
    in_common,
    log_loss_difference,
    roc_auc_difference,
    sentence,
)
from retention.errors import InputError, one_of
from retention.files import made
from retention.running import stage

PREDICTIONS = Path("plots/evaluate/predictions.csv")
WORKSPACE = "workspace"


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


def of_revision(name: str) -> tuple[str, pd.DataFrame]:
    """Return how to call the revision and the predictions it holds."""
    commit = commit_of(name)
    called = f"{name} ({commit[:7]})"
    content = git("cat-file", "blob", f"{commit}:./{PREDICTIONS.as_posix()}")
    if content is None:
        raise InputError(f"revision {called} has no {PREDICTIONS}; it is older than that file")
    return called, decoded(content, f"{PREDICTIONS} of {called}")


def of_workspace() -> tuple[str, pd.DataFrame]:
    """Return how to call the workspace and the predictions in it."""
    return WORKSPACE, decoded(made(PREDICTIONS).read_bytes(), f"{PREDICTIONS} of {WORKSPACE}")


def decoded(content: bytes, source: str) -> pd.DataFrame:
    """Return the predictions in the bytes of a file."""
    try:
        return as_predictions(content.decode("utf-8-sig"), source)
    except UnicodeDecodeError:
        raise InputError(f"{source} is no UTF-8 text") from None


def markdown(
    auc: Difference, loss: Difference, names: Sequence[str], sizes: Sequence[int], shared: int
) -> str:
    """Return what was found as a Markdown table: a row a figure, a column a version."""
    old, new = (name.replace("|", "\\|") for name in names)
    lines = [
        f"| | {old} | {new} | difference | 95 % interval |",
        "|---|---:|---:|---:|---:|",
        f"| customers ({shared} in common) | {sizes[0]} | {sizes[1]} | | |",
    ]
    for name, found in (("ROC-AUC", auc), ("log-loss", loss)):
        lines.append(
            f"| {name} | {found.old:.4f} | {found.new:.4f} | {found.value:+.4f} "
            f"| {found.low:+.4f} to {found.high:+.4f} |"
        )
    smallest = f"{auc.smallest:.4f}" if not auc.alike else "(alike)"
    lines.append(f"| smallest ROC-AUC difference this data can show | | | {smallest} | |")
    return "\n".join(lines)


@stage
def main() -> None:
    """Print whether the newer version ranks the same customers better."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rev", required=True, help="branch, tag, commit or experiment: the old")
    parser.add_argument("--against", help="the new version (default: the workspace)")
    options = parser.parse_args()
    old_name, old = of_revision(options.rev)
    new_name, new = of_workspace() if options.against is None else of_revision(options.against)
    names = (old_name, new_name)
    both = in_common(old, new, names)
    columns = [both[name].to_numpy() for name in ("drop", "risk_old", "risk_new")]
    auc, loss = roc_auc_difference(*columns), log_loss_difference(*columns)
    print(markdown(auc, loss, names, (len(old), len(new)), len(both)))
    print(f"\n{sentence(auc, names)}")


if __name__ == "__main__":
    main()
