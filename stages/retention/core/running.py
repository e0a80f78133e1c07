"""Run a script's main: whatever a user, a disk or a signal does to it ends in one clear line."""

import atexit
import contextlib
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from pathlib import Path
from types import CodeType, FrameType

from retention.core.atomic import clear_leftovers
from retention.core.beside import jobs_beside
from retention.core.errors import InputError, one_line, one_of
from retention.core.fingerprints import Declared, Inputs, declared, remove
from retention.core.sources import is_source

FAILED, NO_READER, INTERRUPTED = 1, 128 + 13, 128 + 2
"""Exit statuses; those above 128 name the signal, as a shell does."""

SPARING = {
    "simulate": ["simulate.customers"],
    "prepare": ["prepare.part_rows", "train.jobs"],
    "featurize": ["features.sample"],
    "train": ["train.max_rows", "train.search_rows", "train.jobs"],
    "explain": ["explain.answered", "explain.sample", "explain.max_rows", "explain.background"],
    "segment": ["segment.discover.max_rows"],
}
"""Params of which a lower value takes less memory, by stage."""


def stage(main: Callable[[], None]) -> Callable[[], None]:
    """Make a script's ``main`` end in one line on stderr, and no traceback, where it cannot go on.

    That is where the user's files or params hold a mistake (an :class:`InputError`), the disk or
    memory is at its end, or someone stops it. Where dvc.yaml names the script, what it reads must
    moreover be the same before and after: else its outputs are removed, so that DVC cannot record
    them as made from what is there now.
    """
    script, source = Path(main.__code__.co_filename), sys._getframe(1).f_code

    @functools.wraps(main)
    def guarded() -> None:
        status = _end(functools.partial(_run, main, script, source), script.stem)
        if status:
            sys.exit(status)

    return guarded


_AT_LAST: list[Callable[[], int]] = []
"""What a script that succeeded does after everything else; it returns the exit status."""


@atexit.register
def _leave() -> None:
    """Look at the inputs once more and leave without taking Python apart.

    That takes a second or two where large libraries are loaded, and only then does DVC hash the
    inputs: a long time to save a file in. Nothing of it is needed; the system takes back what a
    process held.
    """
    if not _AT_LAST:
        return
    status = FAILED
    try:
        if "multiprocessing.util" in sys.modules:  # its own turn would come later: locks of workers
            sys.modules["multiprocessing.util"]._exit_function()
        status = _AT_LAST.pop()()
    except SystemExit as end:  # a signal: what raises in here would be printed and forgotten
        status = end.code if isinstance(end.code, int) else FAILED
    except KeyboardInterrupt:
        status = INTERRUPTED
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(status)


def _end(run: Callable[[], None], name: str) -> int:
    """Run, print the line to leave the user with, if any, and return the exit status."""
    status, line = _outcome(run, name)
    if line:
        print(f"error: {one_line(line)}", file=sys.stderr)
    return status


def _outcome(run: Callable[[], None], name: str) -> tuple[int, str]:
    """Return the exit status of `run` and the line to leave the user with, if any."""
    status, line = FAILED, ""
    try:
        with _signals_as_exits():
            run()
            _flush()
        status = 0
    except InputError as mistake:
        line = str(mistake)
    except BrokenPipeError:
        _forget_stdout()  # whoever reads what is printed has seen enough
        status = NO_READER
    except OSError as fault:
        line = _of_system(fault, name)
    except RecursionError:
        line = f"{name} reads something that is nested too deeply"
    except KeyboardInterrupt:
        status, line = INTERRUPTED, f"{name} was interrupted"
    except Exception as fault:
        if not _is_of_memory(fault):
            raise
        lower = f"lower {one_of(SPARING[name])} in params.yaml, or " if name in SPARING else ""
        line = f"{name} ran out of memory; {lower}run it where more is free"
    return status, line


def _is_of_memory(fault: Exception) -> bool:
    """Tell whether memory was at its end, in this process or in one of its workers."""
    no_thread = ("can't start new thread", "Failed to launch worker thread")
    return isinstance(fault, MemoryError | BrokenExecutor) or any(
        said in str(fault) for said in no_thread
    )


def _run(main: Callable[[], None], script: Path, source: CodeType) -> None:
    """Run `main`, and see that what it reads stays as it is."""
    entry = declared(script) if main.__name__ == "main" else None
    if entry is None:
        with jobs_beside():
            main()
        return
    for place in entry.writes:
        clear_leftovers(place)
    runs_by_itself = main.__module__ == "__main__"
    try:
        with Inputs(entry) as inputs:
            edited = [] if not runs_by_itself or is_source(source, script) else [entry.script]
            _refuse(edited or inputs.changed(), entry)
            with jobs_beside():
                main()
            _refuse(inputs.changed(), entry)
    finally:
        for place in entry.writes:  # a worker that was killed left some
            with contextlib.suppress(OSError):  # how the stage ended is what is to be told
                clear_leftovers(place)
    if runs_by_itself:
        last_look = functools.partial(_look_again, inputs, entry)
        _AT_LAST.append(functools.partial(_end, last_look, script.stem))


def _look_again(inputs: Inputs, entry: Declared) -> None:
    _refuse(inputs.changed(), entry)


def _refuse(changed: list[str], entry: Declared) -> None:
    """Remove the outputs and raise an InputError if an input changed."""
    if not changed:
        return
    remove(entry.writes)
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    raise InputError(
        f"{changed[0]}{more} changed while {entry.name} ran; its outputs were removed, "
        "run `dvc repro` again"
    )


def _of_system(fault: OSError, name: str) -> str:
    """Return what the system refused, the file first."""
    reason = os.strerror(fault.errno) if fault.errno else str(fault)
    return f"{name if fault.filename is None else fault.filename}: {reason}"


@contextlib.contextmanager
def _signals_as_exits() -> Iterator[None]:
    """Let a polite request to end raise SystemExit, so that what is half done is cleared away."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    kinds = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]
    taken = []
    if threading.current_thread() is threading.main_thread():
        # Who has chosen something else, as nohup does, keeps it.
        taken = [one for one in kinds if one and signal.getsignal(one) is signal.SIG_DFL]
    for one in taken:
        signal.signal(one, leave)
    try:
        yield
    finally:
        for one in taken:
            signal.signal(one, signal.SIG_DFL)


def _flush() -> None:
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as fault:
            _forget_stdout()
            raise OSError(fault.errno, fault.strerror, "standard output") from None


def _forget_stdout() -> None:
    """Send what is still to be printed nowhere, so that the end of Python does not fail at it."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
