"""A job beside the rest of a stage: a process of its own does it while the stage goes on.

The process is a fresh Python that is told the job by its standard input and tells how it ended by
its standard output; nothing listens. It works for as long as that input stays open. So it ends with
the stage, however that ends, and clears away what is half done.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

GRACE = 10.0
"""Seconds that a process has to clear away what is half done, before it is killed."""
_BEGIN = (
    "import pickle, sys;"
    "sys.path[:], job = pickle.loads(bytes.fromhex(sys.stdin.readline()));"
    "from retention.core.beside import work; work(job)"
)
"""What the process runs: it knows no project before it is told where its modules lie."""


class _Beside:
    """A job and the process that does it."""

    def __init__(self, job: Callable[[], None]):
        self.job = job
        told = pickle.dumps((sys.path, pickle.dumps(job))).hex()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BEGIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for the stage, which ends this; Windows has no such
        )
        with suppress(OSError):  # killed already: seen when it is waited for
            self.process.stdin.write(f"{told}\n".encode())
            self.process.stdin.flush()

    def finish(self) -> None:
        """Wait for the job; raise what it raised, and do it here if the process was killed."""
        answer = self.process.stdout.read()
        if self.process.wait() != 0:
            print("a process beside the stage was ended; its job is done again", file=sys.stderr)
            self.job()
            return
        fault = pickle.loads(answer)
        if fault is not None:
            raise fault

    def end(self) -> None:
        """Let the process go, its job done or not."""
        with suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


_OPEN: list[list[_Beside]] = []
"""The jobs of each block of :func:`jobs_beside` that is open."""


@contextmanager
def jobs_beside() -> Iterator[None]:
    """Wait at the end of the block for the jobs that :func:`do_beside` began in it.

    Where the block fails or is stopped, they are ended instead.

    Raises
    ------
    Exception
        What a job raised.
    """
    jobs: list[_Beside] = []
    _OPEN.append(jobs)
    try:
        yield
        for job in jobs:
            job.finish()
    finally:
        _OPEN.pop()
        for job in jobs:
            job.end()


def do_beside(job: Callable[[], None], *, jobs: int) -> None:
    """Do a job in a process of its own, until the end of the block of :func:`jobs_beside`.

    Outside of such a block, or where no process can begin, it is done at once.

    Parameters
    ----------
    job : callable
        A function of a module (or a partial of one): the process has to find it by its name. It
        writes files, and does the same again where it is called twice.
    jobs : int
        Processes at most; with one the job is done at once.
    """
    begun = None
    if _OPEN and jobs > 1:
        with suppress(OSError):  # the system has no room for a process
            begun = _Beside(job)
    if begun is None:
        job()
    else:
        _OPEN[-1].append(begun)


def work(job: bytes) -> None:
    """Do a job as the process that :func:`do_beside` began, tell how it ended, and leave.

    Parameters
    ----------
    job : bytes
        The function, pickled.
    """
    status = 1
    try:
        answer = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the job prints is no answer
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        threading.Thread(target=_end_with_input, daemon=True).start()
        with os.fdopen(answer, "wb") as told:
            told.write(_outcome(job))
        status = 0
    finally:
        with suppress(OSError, ValueError, AttributeError):  # where nobody hears it any more
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)  # Python need not be taken apart


def _end_with_input() -> None:
    """Stop the job once the stage has closed the input, or is gone; at last without asking."""
    os.read(sys.stdin.fileno(), 1)
    signal.raise_signal(signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


def _outcome(job: bytes) -> bytes:
    """Do a job; return what it raised, None if nothing, pickled."""
    try:
        pickle.loads(job)()
    except Exception as fault:
        story = traceback.format_exc()
        fault.add_note(story)
        try:
            packed = pickle.dumps(fault)
            pickle.loads(packed)
        except Exception:  # not every fault can be sent
            return pickle.dumps(RuntimeError(story))
        return packed
    return pickle.dumps(None)
