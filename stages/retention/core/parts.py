"""Work on tables part by part: one function, called for each part, on whatever there is to run it.

The parts are files. A function takes the paths of its part (and small values), reads, works, writes
its own part and returns something small. So memory holds a part for each core, however large the
shop is, and a part whose worker process died is simply done again.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from retention.core.errors import InputError, one_of, shown
from retention.core.memory import give_back
from retention.core.progress import progress

ENGINE = "RETENTION_ENGINE"
"""Names in the environment what runs the parts; results do not depend on it, so it is no param."""
ENGINES = ("loop", "dask")
ADDRESS = "DASK_SCHEDULER_ADDRESS"
"""Names there the scheduler of a cluster, as Dask has it."""

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")
TRIES = 3
"""Times that a part is tried whose worker died."""
LIGHT = 2
"""Light parts that a process has to have, to be worth its start."""
FEW = 3
"""Parts that are not worth the start of processes where one can have all cores instead."""


def map_parts(
    function: Callable[[_Part], _Result],
    parts: Sequence[_Part],
    *,
    jobs: int,
    what: str,
    light: bool = False,
) -> Iterator[_Result]:
    """Yield what `function` returns for each of `parts`, in their order.

    Parameters
    ----------
    function : callable
        A function of a module (or a partial of one): workers have to find it by its name. What it
        raises ends the work. Called twice for one part it must do the same again.
    parts : sequence
        What it is called with: paths and small values.
    jobs : int
        Processes at most; with one part, or one process, there are none beside this one.
        On a cluster there are as many as it has.
    what : str
        What is done, for the progress bar.
    light : bool
        Whether a part takes hardly longer than to start a process and import all that it needs:
        each process is then to have :data:`LIGHT` of them, and fewer are done by threads. What
        a light `function` writes belongs to its part alone.

    Raises
    ------
    InputError
        If the environment names another engine, or the cluster cannot work (``core.cluster``).
    """
    runs, worthwhile = engine(), max(1, min(jobs, len(parts) // LIGHT))
    if light and runs == "loop" and worthwhile == 1:
        results = _by_threads(function, parts, jobs)
    else:
        processes = worthwhile if light else jobs
        results = _results(function, parts, processes, runs)
    if len(parts) == 1:
        yield from results
        return
    for _, result in zip(progress(parts, what=what, unit="parts"), results, strict=True):
        yield result


def in_turn(count: int) -> bool:
    """Tell whether `count` parts are best done by this process in turn, all cores for each.

    It is for work that can use all cores for a part: each process imports everything anew and
    holds a part of its own, which few parts are not worth. On a cluster every part has a worker.
    """
    return count == 1 or (engine() == "loop" and count <= FEW)


def works_alone(count: int, *, jobs: int) -> bool:
    """Tell whether this process does all of `count` parts, however long one takes."""
    return count == 1 or (engine() == "loop" and jobs == 1)


def _by_threads(
    function: Callable[[_Part], _Result], parts: Sequence[_Part], jobs: int
) -> Iterator[_Result]:
    if min(len(parts), jobs) == 1:
        yield from map(function, parts)
        return
    # Arrow and numpy leave Python's lock free for long. What a part frees the next one uses, and so
    # does what follows: given back, it would have to be taken anew, and each page of it emptied.
    pool = ThreadPoolExecutor(jobs)
    try:
        yield from pool.map(function, parts)
    finally:
        pool.shutdown(cancel_futures=True)  # after an error no other part begins


def _results(
    function: Callable[[_Part], _Result], parts: Sequence[_Part], jobs: int, runs: str
) -> Iterator[_Result]:
    if len(parts) == 1:
        yield function(parts[0])
        return
    if jobs == 1 and runs == "loop":
        yield from map(partial(cleared, function), parts)
        return
    give_back()  # workers begin: what this process has freed is theirs
    if runs == "dask":
        from retention.core.cluster import map_on_cluster

        yield from map_on_cluster(function, parts, jobs=jobs)
        return
    from joblib import Parallel, delayed

    done, tries, folder = 0, 0, os.getcwd()
    while done < len(parts):
        results = Parallel(n_jobs=min(jobs, len(parts)), return_as="generator", pre_dispatch=jobs)(
            delayed(_in_folder)(folder, function, part) for part in parts[done:]
        )
        try:
            for result in results:
                done, tries = done + 1, 0
                yield result
        except BrokenExecutor:  # a worker was killed: the part is done again by a new one
            tries += 1
            if tries == TRIES:
                raise


def _in_folder(folder: str, function: Callable[[_Part], _Result], part: _Part) -> _Result:
    """Do a part where paths mean what they mean to the parent: workers outlive a change of it."""
    os.chdir(folder)
    return cleared(function, part)


def cleared(function: Callable[[_Part], _Result], part: _Part) -> _Result:
    """Do one of several parts, and keep no memory of it."""
    try:
        return function(part)
    finally:
        give_back()


def engine() -> str:
    """Return what runs the parts, one of :data:`ENGINES`, as the environment says.

    Raises
    ------
    InputError
        If it names another.
    """
    named = os.environ.get(ENGINE) or ("dask" if os.environ.get(ADDRESS) else "loop")
    if named not in ENGINES:
        raise InputError(f"{ENGINE} is {shown(named)} in the environment; valid: {one_of(ENGINES)}")
    return named
