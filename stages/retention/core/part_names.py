"""Where the parts of a table lie: one file, or a folder of files under the name of that file.

A part holds the customers of one share of the ids; every table that a stage writes of the same
customers has them in the same parts. Each part's name tells how many there are, so that a folder
that a killed run left half-written is never taken for a whole table.
"""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from retention.core.errors import InputError

_NAME = re.compile(r"part-(\d{5})-of-(\d{5})\.parquet")


def part_paths(path: Path, count: int) -> list[Path]:
    """Return where `count` parts of the table `path` are written; one part is `path` itself."""
    if count == 1:
        return [path]
    return [path / f"part-{number:05d}-of-{count:05d}.parquet" for number in range(count)]


def part_files(path: Path) -> list[Path]:
    """Return the files that hold the table `path`, in the order of its parts.

    Raises
    ------
    InputError
        If it is a folder that lacks parts, or has parts of two divisions.
    """
    if not path.is_dir():
        return [path]
    found = sorted(one for one in path.iterdir() if _NAME.fullmatch(one.name))
    count = int(_NAME.fullmatch(found[-1].name)[2]) if found else 0
    if not found or found != part_paths(path, count):
        raise InputError(
            f"{path} has {len(found)} of the parts of a table, not all of {count}; "
            "run `dvc repro`, which makes it anew"
        )
    return found


def files_of_same_parts(tables: Sequence[Path]) -> list[tuple[Path, ...]]:
    """Return for each part the files that hold it, one of each of `tables`.

    Raises
    ------
    InputError
        If a table lies in another number of parts than the first one.
    """
    files = [part_files(path) for path in tables]
    for path, found in zip(tables, files, strict=True):
        if len(found) != len(files[0]):
            raise InputError(
                f"{path} is in {len(found)} parts, {tables[0]} in {len(files[0])}; run "
                "`dvc repro`, which makes it anew"
            )
    return list(zip(*files, strict=True))


def clear_table(path: Path) -> None:
    """Remove the table `path`, be it a file or a folder, so that it can be written in parts."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
