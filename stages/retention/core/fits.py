"""The fits of a search, which joblib calls: by processes of this machine, or by Dask's workers.

scikit-learn's searches ask joblib to do many fits at a time. In a block of
:func:`fits_by_engine` joblib asks what runs the parts (``core.parts``), so that workers are
examined as for parts, and one that died, or a scheduler that is gone, ends as it does for parts.

joblib has a way to Dask of its own (``parallel_config("dask")``). It asks no worker which code it
has, waits for ever where none is left, and makes a task of every tree of a forest that a worker
fits.
"""

import io
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from joblib import parallel_config
from joblib.parallel import AutoBatchingMixin, ParallelBackendBase
from threadpoolctl import threadpool_limits

from retention.core.parts import engine


@contextmanager
def fits_by_engine(data: Sequence[Any], *, jobs: int) -> Iterator[None]:
    """Let joblib work by what runs the parts, for as long as the block lasts.

    Only calls of joblib that are worth processes belong in the block: on Dask all of it goes to
    workers, threads too.

    Parameters
    ----------
    data : sequence
        What many fits need, such as the table of customers and the rows of each fold: each worker
        gets it once. A fit finds it by its identity: what is equal but another object is sent
        along with each fit.
    jobs : int
        Processes of this machine; a cluster has as many as it has, whatever ``n_jobs`` joblib is
        called with.

    Raises
    ------
    InputError
        As ``parts.map_parts`` does.
    BrokenExecutor
        If as many workers died over some fits as may die over one part.
    """
    if engine() == "loop":
        yield
        return
    backend = _Backend([one for one in data if one is not None], jobs=jobs)
    try:
        with parallel_config(backend=backend):
            yield
    finally:
        backend.close()


class _Backend(AutoBatchingMixin, ParallelBackendBase):
    """What joblib calls to have its batches of fits done.

    Results are waited for in the main thread, where what a worker or the scheduler has to tell
    can end the work (``supports_retrieve_callback`` is False).
    """

    def __init__(self, data: Sequence[Any], *, jobs: int):
        from retention.core.cluster import Workers

        super().__init__()
        self._data = data
        self._workers = Workers(partial(_do_batch, data), jobs=jobs)
        self._futures: set[Any] = set()

    def effective_n_jobs(self, _: int | None) -> int:
        """Return how many fits to do at a time; where it is 1 joblib does them itself."""
        return max(2, self._workers.cores())

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], None]) -> Any:
        """Send a batch; return its future, or what went wrong.

        Called by a thread of Dask's too, where nobody would see what is raised.
        """
        from retention.core.cluster import packed_beside

        try:
            future = self._workers.begin(packed_beside(self._data, func))
        except Exception as fault:
            return fault
        self._futures.add(future)
        future.add_done_callback(callback)
        return future

    def retrieve_result(self, out: Any, **_: Any) -> Any:
        """Wait for the results of a batch."""
        if isinstance(out, Exception):
            raise out
        self._futures.discard(out)
        return self._workers.told(out)

    def abort_everything(self, **_: Any) -> None:
        """Let go of all batches."""
        if self._futures:
            self._workers.forget(self._futures)
        self._futures.clear()

    def terminate(self) -> None:
        """End a call of joblib's: the fits of the next one may be of another length."""
        self.reset_batch_stats()

    def close(self) -> None:
        """Let go of what workers have."""
        self.abort_everything()
        del self._workers


class _Unpickler(pickle.Unpickler):
    """Puts `data` in their places."""

    def __init__(self, file: io.BytesIO, data: Sequence[Any]):
        super().__init__(file)
        self._data = data

    def persistent_load(self, pid: int) -> Any:
        return self._data[pid]


def _do_batch(data: Sequence[Any], packed: bytes) -> Any:
    """Do a batch in a worker; each core of it does another, so that the fits have one each."""
    with threadpool_limits(1):
        return _Unpickler(io.BytesIO(packed), data).load()()
