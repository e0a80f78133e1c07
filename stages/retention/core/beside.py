"""Jobs beside the rest of a stage: a process of its own does them while the stage goes on.

The process is a fresh Python that is told the jobs by its standard input, does one after the other,
and tells how each ended by its standard output; nothing listens. It works for as long as that input
stays open. So it ends with the stage, however that ends, and clears away what is half done.
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
from queue import SimpleQueue
from typing import Any

GRACE = 10.0
"""Seconds that a process has to clear away what is half done, before it is killed."""
_BEGIN = (
    "import pickle, sys;"
    "sys.path[:] = pickle.loads(bytes.fromhex(sys.stdin.buffer.readline().decode()));"
    "from retention.core.beside import work; work()"
)
"""What the process runs: it knows no project before it is told where its modules lie."""


class _Beside:
    """A process and the jobs that it does, in their order."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], None]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BEGIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for the stage, which ends this; Windows has no such
        )
        self._tell(sys.path)

    def add(self, job: Callable[[], None]) -> None:
        """Let the process do a job after those that it has."""
        packed = pickle.dumps(job)
        self.jobs.append(job)
        self._tell(packed)

    def _tell(self, what: object) -> None:
        with suppress(OSError):  # killed already: seen when it is waited for
            self.process.stdin.write(_as_line(what))
            self.process.stdin.flush()

    def finish(self) -> None:
        """Wait for the jobs; raise what one raised, and do here what a killed process has not."""
        for number, _ in enumerate(self.jobs):
            answer = self.process.stdout.readline()
            if not answer.endswith(b"\n"):
                told = "a process beside the stage was ended; its job is done again"
                print(told, file=sys.stderr)
                for job in self.jobs[number:]:
                    job()
                return
            fault = _of_line(answer)
            if fault is not None:
                raise fault

    def end(self) -> None:
        """Let the process go, its jobs done or not."""
        with suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


_OPEN: list[list[_Beside]] = []
"""For each block of :func:`jobs_beside` that is open its process, once there is one."""


@contextmanager
def jobs_beside() -> Iterator[None]:
    """Wait at the end of the block for the jobs that :func:`do_beside` began in it.

    Where the block fails or is stopped, they are ended instead.

    Raises
    ------
    Exception
        What a job raised.
    """
    begun: list[_Beside] = []
    _OPEN.append(begun)
    try:
        yield
        for process in begun:
            process.finish()
    finally:
        _OPEN.pop()
        for process in begun:
            process.end()


def do_beside(job: Callable[[], None], *, jobs: int) -> None:
    """Let a process of its own do a job until the end of the block of :func:`jobs_beside`.

    A block has one such process, which does its jobs one after the other. Outside of a block, or
    where no process can begin, a job is done at once.

    Parameters
    ----------
    job : callable
        A function of a module (or a partial of one): the process has to find it by its name. It
        writes files, and does the same again where it is called twice.
    jobs : int
        Processes at most; with one the job is done at once.
    """
    if not _OPEN or jobs < 2:
        job()
        return
    begun = _OPEN[-1]
    if not begun:
        with suppress(OSError):  # the system has no room for a process
            begun.append(_Beside())
    if begun:
        begun[0].add(job)
    else:
        job()


def work() -> None:
    """Do jobs as the process that :func:`do_beside` began, tell how each ended, and leave."""
    status = 1
    try:
        answer = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a job prints is no answer
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        jobs: SimpleQueue[bytes | None] = SimpleQueue()
        threading.Thread(target=_hear, args=[jobs], daemon=True).start()
        with os.fdopen(answer, "wb") as told:
            while (job := jobs.get()) is not None:
                told.write(_as_line(_outcome(job)))
                told.flush()
        status = 0
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it leaves anyway
        with suppress(OSError, ValueError, AttributeError):  # where nobody hears it any more
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)  # Python need not be taken apart


def _hear(jobs: SimpleQueue[bytes | None]) -> None:
    """Take jobs until the stage has closed the input, or is gone; then stop, at last unasked."""
    for line in sys.stdin.buffer:
        if line.endswith(b"\n"):  # the last one of a killed stage may be half a job
            jobs.put(_of_line(line))
    jobs.put(None)
    signal.raise_signal(signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


def _as_line(what: object) -> bytes:
    """Return what a pipe takes as one line."""
    return pickle.dumps(what).hex().encode() + b"\n"


def _of_line(line: bytes) -> Any:
    """Return what :func:`_as_line` made a line of."""
    return pickle.loads(bytes.fromhex(line.decode()))


def _outcome(job: bytes) -> Exception | None:
    """Do a job; return what it raised, None if nothing."""
    try:
        pickle.loads(job)()
    except Exception as fault:
        story = traceback.format_exc()
        fault.add_note(story)
        try:
            pickle.loads(pickle.dumps(fault))
        except Exception:  # not every fault can be sent
            return RuntimeError(story)
        return fault
    return None
