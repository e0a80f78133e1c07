"""Sweep: run one experiment for each value of a param, then print them beside each other.

Run by `make sweep`. It is a plain loop of `dvc exp run -S`, so that it needs no queue and works
with exports that Git does not know. Afterwards params.yaml is what it was, and so are the results.
"""

import itertools
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from retention.core import paths
from retention.core.atomic import atomic
from retention.core.errors import InputError
from retention.core.running import stage

SHOWN = ("grade", "roc_auc", "over_rule", "brier", "log_loss", "calibration_slope")
"""Headline metrics of metrics/evaluate.json beside the params that were tried."""
_COMMA = re.compile(r",(?![^\[{]*[\]}])")
"""A comma between values, not one inside a list or mapping."""


def read_sweep(told: str) -> dict[str, list[str]]:
    """Return the values to try of each param.

    Parameters
    ----------
    told : str
        Such as ``train.model=logistic,tree train.seed=1,2``; quoted as for a shell.

    Raises
    ------
    InputError
        If a part names no param or no value, or there is none.
    """
    found: dict[str, list[str]] = {}
    try:
        parts = shlex.split(told)
    except ValueError as fault:
        raise InputError(f"SWEEP is {told!r}: {str(fault).lower()}") from None
    for one in parts:
        name, _, values = one.partition("=")
        found[name] = _COMMA.split(values)
        if not name or not all(found[name]):
            raise InputError(
                f"SWEEP is {one!r}; valid is a param and its values, such as "
                "train.model=logistic,tree"
            )
    if not found:
        raise InputError("SWEEP is empty; valid is, for example, train.model=logistic,tree")
    return found


def combinations(sweep: dict[str, list[str]]) -> list[list[str]]:
    """Return what each experiment sets: every value with every value of the other params."""
    return [
        [f"{name}={value}" for name, value in zip(sweep, values, strict=True)]
        for values in itertools.product(*sweep.values())
    ]


def table_command(names: Sequence[str]) -> list[str]:
    """Return the command that prints the experiments with these params and the metrics shown."""
    columns = "|".join(map(re.escape, ("Experiment", *SHOWN, *names)))
    shown = (
        "dvc exp show --md --hide-workspace --sort-by roc_auc --sort-order desc --drop .* --keep"
    )
    return [*shown.split(), f"^({columns})$"]


@stage
def main() -> None:
    """Try every combination, bring the workspace back, show what came of it."""
    sweep = read_sweep(os.environ.get("SWEEP", ""))
    tried, failed = combinations(sweep), []
    before = paths.PARAMS.read_bytes()
    try:
        for place, values in enumerate(tried, start=1):
            print(f"sweep: {place} of {len(tried)}: {' '.join(values)}", flush=True)
            sets = [word for value in values for word in ("-S", value)]
            done = subprocess.run(["dvc", "exp", "run", "-q", *sets], check=False)
            if done.returncode:
                failed.append(" ".join(values))
    finally:
        with atomic(paths.PARAMS) as scratch:
            scratch.write_bytes(before)
    print("sweep: bringing back the results of params.yaml", flush=True)
    back = subprocess.run(["dvc", "repro", "-q"], check=False)
    subprocess.run(table_command(list(sweep)), check=False)
    if back.returncode:
        raise InputError("the results of params.yaml could not be brought back; see dvc repro")
    if failed:
        raise InputError(f"{len(failed)} of {len(tried)} experiments failed: {'; '.join(failed)}")


if __name__ == "__main__":
    main()
