"""Parts on Dask: on processes of this machine, or on the workers of a cluster.

Workers run the code that they were started with. So each says what it works with before any part
is done, and again before each part, which covers workers that join later; one of another revision,
of other versions or without the project's folder ends the work in one line.
"""

import atexit
import contextlib
import io
import logging
import os
import re
import secrets
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from retention.core import worker_code
from retention.core.errors import InputError, one_of, shown
from retention.core.parts import ADDRESS

DASHBOARD = "RETENTION_DASHBOARD"
"""Asks for Dask's dashboard, of the processes of this machine."""
MEMORY = "RETENTION_WORKER_MEMORY"
"""Names there how much memory each process of this machine may take, such as 2GB."""
_UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}
_LEAST = 500 * _UNITS["MB"]
"""Bytes without which a worker has no room beside its packages."""
PATIENCE = 60.0
"""Seconds to wait for a worker where there is none."""
LIVES = 3
"""Workers that may die over one part."""
HERE = "127.0.0.1"
LOOK = 2.0
"""Seconds between two looks at whether workers are left."""

_INSTALL = "`make cluster` installs it (requirements-cluster.txt)"
_PAGES = ("distributed.scheduler.http.routes", "distributed.worker.http.routes")
_PAUSES = tuple(f"distributed.worker.memory.{key}" for key in ("target", "spill", "pause"))

_Item = TypeVar("_Item")
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class _Cluster:
    """What parts are sent to; `local` is None where it is somebody else's."""

    client: Any
    local: Any
    needed: dict[str, str]
    mark: Path

    def close(self) -> None:
        self.mark.unlink(missing_ok=True)
        with contextlib.suppress(Exception):  # the work is done, or something else is told
            self.client.close(timeout=LOOK)
            if self.local is not None:
                self.local.close(timeout=LOOK)


_OPEN: dict[tuple[str | None, int], _Cluster] = {}
"""Clusters of this process, by address and size: a stage that has many tables starts one."""


def map_on_cluster(
    function: Callable[[_Item], _Found], parts: Sequence[_Item], *, jobs: int
) -> Iterator[_Found]:
    """Yield what `function` returns for each of `parts`, in their order, few of them at a time.

    Parameters
    ----------
    function : callable
        See ``parts.map_parts``.
    parts : sequence
        What it is called with.
    jobs : int
        Processes of this machine; a cluster has as many as it has.

    Raises
    ------
    InputError
        If Dask is not installed, no cluster answers, a worker is unfit, or the scheduler is gone.
    BrokenExecutor
        If :data:`LIVES` workers died over one part.
    """
    workers = Workers(function, jobs=jobs)
    left, futures = iter(parts), deque()
    try:
        while True:
            ahead = 2 * max(1, workers.cores())
            for part in islice(left, max(0, ahead - len(futures))):
                futures.append(workers.begin(part))
            if not futures:
                return
            yield workers.told(futures.popleft())
    finally:
        workers.forget(futures)


class Workers:
    """The workers of a cluster, who have a function and call it for one part after the other.

    The function goes to each of them once, with all that it holds, however many parts there are.

    Parameters
    ----------
    function : callable
        See ``parts.map_parts``.
    jobs : int
        Processes of this machine; a cluster has as many as it has.

    Raises
    ------
    InputError
        As :func:`map_on_cluster` does; so do the methods.
    """

    def __init__(self, function: Callable[[Any], Any], *, jobs: int):
        self._cluster = _cluster(jobs)
        import cloudpickle

        self._job = _Sent(worker_code.do_part)
        self._function = self._begun(_Sent(worker_code.same), cloudpickle.dumps(function))
        # Dask gives parts to who has the function, and only then to who is idle: let all have it.
        _wait_for(self._function, self._cluster.client)
        with contextlib.suppress(ValueError):  # a worker died meanwhile; the others get it later
            _asked(self._cluster.client.replicate, [self._function])

    def cores(self) -> int:
        """Return how many parts the workers of now do at a time."""
        return sum(_asked(self._cluster.client.nthreads).values())

    def begin(self, part: Any) -> Any:
        """Send a part, and return Dask's future of it."""
        import cloudpickle

        needed, mark = self._cluster.needed, self._cluster.mark.name
        return self._begun(self._job, needed, mark, self._function, cloudpickle.dumps(part))

    def told(self, future: Any) -> Any:
        """Wait for what the function returned for a part."""
        worker, reason, found = _result(future, self._cluster.client)
        if reason:
            raise _unfit(worker, reason)
        return found

    def forget(self, futures: Iterable[Any]) -> None:
        """Let go of parts whose results nobody waits for."""
        with contextlib.suppress(Exception):  # the work is done, or something else is told
            self._cluster.client.cancel(list(futures))

    def _begun(self, function: "_Sent", *what: Any) -> Any:
        return _asked(self._cluster.client.submit, function, *what, pure=False)


def packed_beside(data: Sequence[Any], work: Any) -> bytes:
    """Return some work pickled without those of `data` that it holds: their places stand for them.

    Who unpickles it is asked for them by ``persistent_load``.
    """
    import cloudpickle

    places = {id(one): place for place, one in enumerate(data)}

    class Pickler(cloudpickle.Pickler):
        def persistent_id(self, obj: Any) -> int | None:
            return places.get(id(obj))

    file = io.BytesIO()
    Pickler(file).dump(work)
    return file.getvalue()


class _Sent:
    """A function that goes to workers as it is here, whatever they have under its name."""

    def __init__(self, function: Callable[..., Any]):
        import cloudpickle

        module = sys.modules[function.__module__]
        cloudpickle.register_pickle_by_value(module)
        try:
            self.packed = cloudpickle.dumps(function)
        finally:
            cloudpickle.unregister_pickle_by_value(module)

    def __reduce__(self) -> tuple[Any, ...]:
        import cloudpickle

        return cloudpickle.loads, (self.packed,)

    def __call__(self, *arguments: Any) -> Any:
        import cloudpickle

        return cloudpickle.loads(self.packed)(*arguments)


def _cluster(jobs: int) -> _Cluster:
    """Return the cluster that the environment names, or one of `jobs` processes; start it once."""
    address = os.environ.get(ADDRESS)
    key = (address, 0 if address else jobs)
    known = _OPEN.get(key)
    if known is not None and known.client.status == "running" and known.mark.parent == Path.cwd():
        return known
    close_clusters()
    with _scratch_file() as mark:
        client, local = _client_of(address) if address else _client_here(jobs)
        cluster = _Cluster(client, local, worker_code.standing(), mark)
        try:
            _examine(cluster)
        except BaseException:
            cluster.close()
            raise
    _OPEN[key] = cluster
    return cluster


@atexit.register
def close_clusters() -> None:
    """Let go of the clusters of this process, and end the workers that are its own."""
    while _OPEN:
        _OPEN.popitem()[1].close()


@contextlib.contextmanager
def _scratch_file() -> Iterator[Path]:
    """Yield a new file in the current folder, which the block may keep by succeeding."""
    mark = Path.cwd() / f".parts.{os.getpid()}-{secrets.token_hex(4)}.partial"
    mark.touch(exist_ok=False)
    try:
        yield mark
    except BaseException:
        mark.unlink(missing_ok=True)
        raise


def _client_of(address: str) -> tuple[Any, None]:
    """Return a client of the cluster whose scheduler is at `address`."""
    distributed = _dask()
    from distributed.comm import parse_address, parse_host_port
    from distributed.comm.registry import get_backend

    try:
        scheme, place = parse_address(address)
        get_backend(scheme)
        parse_host_port(place)  # a client of no address takes a minute to give up
        client = distributed.Client(address, set_as_default=False)
    except (OSError, ValueError) as fault:
        raise InputError(
            f"{ADDRESS} names {address}, where no scheduler answers; start one with "
            "`dask scheduler`, or unset it"
        ) from fault
    return client, None


def _client_here(jobs: int) -> tuple[Any, Any]:
    """Return a client of a cluster of `jobs` processes of this machine, and that cluster.

    It listens to this machine only, and its processes know each other by a certificate of theirs:
    whoever may send to a scheduler may run what he likes. A process that comes near to the memory
    that it may take is ended, and its part done again.
    """
    most = worker_memory()
    distributed = _dask()
    import dask

    has_page = bool(os.environ.get(DASHBOARD))
    if has_page and find_spec("bokeh") is None:
        raise InputError(f"{DASHBOARD} asks for a page that needs bokeh; {_INSTALL}")
    # Without the page nothing is to be looked up by a browser.
    settings = {} if has_page else {key: [] for key in _PAGES}
    # What a worker holds is the part that it works on: there is nothing to put on disk, and one
    # that paused might wait for ever.
    settings |= dict.fromkeys(_PAUSES, False)
    with dask.config.set(settings):
        local = distributed.LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            processes=True,
            host=HERE,
            security=True,
            memory_limit=most,
            silence_logs=logging.CRITICAL,
            dashboard_address=f"{HERE}:{8787 if has_page else 0}",
            scheduler_kwargs={"dashboard": has_page},
        )
    if has_page:
        print(f"dashboard: {local.dashboard_link}", file=sys.stderr)
    return distributed.Client(local, set_as_default=False), local


def worker_memory() -> int | None:
    """Return the bytes that each process of this machine may take; None where nothing is said.

    Raises
    ------
    InputError
        If what the environment says is no size, or less than a worker needs to start.
    """
    named = os.environ.get(MEMORY)
    if not named:
        return None
    size = re.fullmatch(rf"([0-9]{{1,6}}(?:\.[0-9]+)?) ?({'|'.join(_UNITS)})", named)
    found = 0 if size is None else int(float(size[1]) * _UNITS[size[2]])
    if found < _LEAST:
        raise InputError(
            f"{MEMORY} is {shown(named)} in the environment; valid: from 500MB on, in "
            f"{one_of(_UNITS)}, such as 2GB"
        )
    return found


def _dask() -> Any:
    """Return Dask's scheduler as a module; what it has to say, the one line of an error says."""
    if find_spec("distributed") is None:
        raise InputError(f"parts are to be worked on by Dask, which is not installed; {_INSTALL}")
    import dask

    dask.config.set({"logging": {"distributed": "critical", "distributed.client": "critical"}})
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"})  # of a forest
    import distributed

    return distributed


def _examine(cluster: _Cluster) -> None:
    """Ask each worker what it works with.

    Raises
    ------
    InputError
        If there is none, or one is unfit.
    """
    try:
        cluster.client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as fault:
        raise _nobody(PATIENCE) from fault
    asked = _Sent(worker_code.unfit)
    told = _asked(cluster.client.run, asked, cluster.needed, cluster.mark.name)
    for worker in sorted(told):
        if told[worker]:
            raise _unfit(worker, told[worker])


def _wait_for(future: Any, client: Any) -> None:
    """Wait until a future is done, for as long as there are workers."""
    from distributed import wait

    since = time.monotonic()
    while not future.done():
        try:
            with client.as_current():
                wait(future, timeout=LOOK)
        except TimeoutError:
            if _asked(client.nthreads):
                since = time.monotonic()
            elif time.monotonic() - since > PATIENCE:
                raise _nobody(PATIENCE) from None
        except CancelledError:
            raise _gone() from None


def _result(future: Any, client: Any) -> tuple[str, str, Any]:
    """Wait for what a worker tells of a part."""
    from distributed import KilledWorker

    _wait_for(future, client)
    try:
        return future.result()
    except KilledWorker as fault:
        raise BrokenExecutor(f"{LIVES} workers died over one part") from fault
    except BaseException as fault:
        if future.status == "error" or not isinstance(fault, Exception | CancelledError):
            raise  # what the part itself has to tell
        raise _gone() from fault


def _asked(ask: Callable[..., Any], *what: Any, **how: Any) -> Any:
    """Return what the scheduler answers."""
    try:
        return ask(*what, **how)
    except (OSError, CancelledError, RuntimeError) as fault:
        raise _gone() from fault


def _gone() -> InputError:
    return InputError(
        "the scheduler of the cluster is gone; start it and run the stage again, or unset "
        f"{ADDRESS} to work on this machine"
    )


def _nobody(seconds: float) -> InputError:
    return InputError(
        f"the cluster has had no worker for {seconds:.0f} seconds; start some with `dask worker`, "
        "in the folder of the project"
    )


def _unfit(worker: str, reason: str) -> InputError:
    return InputError(f"worker {worker} of the cluster cannot work: {reason}")
