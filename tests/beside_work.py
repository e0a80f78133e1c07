"""What tests let a process do beside a stage; it has to find it by its name."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from retention.core.atomic import atomic
from retention.core.errors import InputError
from retention.core.files import write_text
from retention.core.scratch import scratch_folder
from retention.core.workbooks import write_table_as_workbook


def tell_process(path: Path) -> None:
    """Write which process this is, where it works and what it prints to."""
    print("a job may print")
    write_text(f"{os.getpid()} {os.getcwd()} {os.environ['RETENTION_TEST']}", path)


def add_line(path: Path, mark: str) -> None:
    """Add a line that tells which process does this."""
    with path.open("a", encoding="utf-8") as told:
        told.write(f"{mark} {os.getpid()}\n")


def die_once(mark: Path) -> None:
    """The first time die by a signal, having told which process does so."""
    if not mark.exists():
        mark.write_text(str(os.getpid()), encoding="utf-8")
        os.kill(os.getpid(), signal.SIGKILL)


def book_dying(mark: Path, *places: Path, **how: Any) -> None:
    """Write a workbook; the first time die by a signal, half of it written."""
    if mark.exists():
        write_table_as_workbook(*places, **how)
        return
    mark.write_text(str(os.getpid()), encoding="utf-8")
    with atomic(places[1]) as scratch:
        scratch.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)


def refuse(path: Path) -> None:
    raise InputError(f"{path} holds a mistake")


def fail(_: Path) -> None:
    raise ZeroDivisionError("a bug")


class Lone(Exception):  # noqa: N818
    """What no other process can be sent."""

    def __init__(self) -> None:
        super().__init__(lambda: 0)


def fail_alone(_: Path) -> None:
    raise Lone


def write_much(path: Path) -> None:
    write_text("x" * 100_000, path)


def write_for_long(path: Path) -> None:
    """Write a file and put some aside for a minute, having told which process does so."""
    with atomic(path) as scratch, scratch_folder(path.with_name(f"{scratch.name}.aside")) as aside:
        scratch.write_text("half")
        (aside / "rows").write_text("half")
        path.with_name("ready").write_text(str(os.getpid()))
        last = time.monotonic() + 60
        while time.monotonic() < last:
            time.sleep(0.01)


def write_deaf(path: Path) -> None:
    """Write for long, and hear no signal that asks to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    write_for_long(path)
