"""What fuzzers share: seeds in, how each run ended out."""

import argparse
import faulthandler
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from retention.core.progress import progress

SHOWN = 4
"""Ways in which runs ended that are told one by one: the most frequent."""


class FuzzError(AssertionError):
    """What a stage must never do."""


def fuzz(run: Callable[[int], str], *, script: str, usual: int, unit: str) -> int:
    """Run a fuzzer from the command line; return the exit status, 1 if a run failed.

    Parameters
    ----------
    run : callable
        ``run(seed)`` returns how it ended, or raises a :class:`FuzzError`.
    script : str
        The fuzzer's file.
    usual : int
        Runs where the command line names no number.
    unit : str
        What a run is called, in the plural.
    """
    name = Path(script).stem
    parser = argparse.ArgumentParser(prog=name)
    parser.add_argument("--runs", type=int, default=usual, help=f"how many {unit}, from 1")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first one")
    options = parser.parse_args()
    faulthandler.enable()
    failed, ends = 0, Counter()
    for seed in progress(
        range(options.seed, options.seed + options.runs), what=name.replace("_", " "), unit=unit
    ):
        try:
            end = run(seed)
        except FuzzError as failure:
            failed += 1
            print(f"seed {seed}: {failure}", flush=True)
            print(f"  repeat it with: python fuzz/{name}.py --runs 1 --seed {seed}", flush=True)
        else:
            # Numbers differ from run to run; the sentence around them does not.
            ends[re.sub(r"\d+", "N", end)] += 1
    told = [f"{count} x {end}" for end, count in ends.most_common(SHOWN)]
    others = ends.total() - sum(count for _, count in ends.most_common(SHOWN))
    told += [f"{others} x something else"] if others else []
    print(f"{options.runs} {unit}: {'; '.join([f'{failed} failed', *told])}")
    return 1 if failed else 0
