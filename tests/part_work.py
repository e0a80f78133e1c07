"""What tests let workers do for each part; a worker has to find it by its name."""

import functools
import os
import signal
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.pipeline import Pipeline

from retention.core.errors import InputError
from retention.data import preparation
from retention.data.part_preparation import CleanPart, SiftedPart, sift_part
from retention.models.estimators import RiskModel


def doubled(number: int) -> int:
    return 2 * number


def killed_once(folder: Path, number: int) -> int:
    """Die by a signal the first time that part 2 is done."""
    mark = folder / "died"
    if number == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 10 * number


def killed_once_each(folder: Path, numbers: np.ndarray, place: int) -> float:
    """Die by a signal the first time that part 0 is done, and part 1, once both have begun."""
    mark = folder / str(place)
    if place < 2 and not mark.exists():
        mark.touch()
        deadline = time.monotonic() + 20
        while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    return numbers[place]


def process_of(_: int) -> int:
    return os.getpid()


def threads_of(_: int) -> tuple[int, int]:
    """Return the process, and how many threads the sums and products in it may take."""
    return os.getpid(), threads()


def threads() -> int:
    """Return how many threads the sums and products of a fit may take."""
    import sklearn.ensemble  # noqa: F401  # loads the pools
    from threadpoolctl import threadpool_info

    return max(pool["num_threads"] for pool in threadpool_info())


def clean_dying(mark: Path, number: int, **how: Any) -> CleanPart:
    """Clean a part of a shop; die by a signal, the first part 2 half-written."""
    part = preparation.clean_part(number, **how)
    if number == 2 and not mark.exists():
        mark.write_text(str(os.getpid()), encoding="utf-8")
        for path in (part.customers, part.quarantine.rows):
            os.truncate(path, path.stat().st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    return part


def sift_dying(mark: Path, place: tuple[int, Path], **how: Any) -> SiftedPart:
    """Sift a part of a shop; die by a signal, the first part 2 written but not in its place."""
    if place[0] != 2 or mark.exists():
        return sift_part(place, **how)
    mark.write_text(str(os.getpid()), encoding="utf-8")
    end = functools.partial(os.kill, os.getpid(), signal.SIGKILL)
    with mock.patch.object(Path, "replace", side_effect=lambda *_: end()):
        return sift_part(place, **how)


def refusing(number: int) -> int:
    if number == 1:
        raise InputError("part 1 holds a mistake")
    return number


class Mortal:
    """A model that dies by a signal the first time that it is asked."""

    def __init__(self, model: RiskModel, mark: Path):
        self.model = model
        self.mark = mark

    @property
    def pipeline(self) -> Pipeline:
        return self.model.pipeline

    def risk(self, features: pd.DataFrame) -> np.ndarray:
        if not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.model.risk(features)


def killing(number: int) -> int:
    """Die by a signal whenever part 1 is done."""
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def slow(folder: Path, number: int) -> int:
    """Leave a mark of its own and take a while."""
    (folder / str(number)).touch()
    time.sleep(0.2)
    return number


def greedy(megabytes: int) -> int:
    """Take so much memory for a while; without any of it, tell this process."""
    taken = np.ones(megabytes * 2**17)
    time.sleep(10 if len(taken) else 0)
    return os.getpid()


def nested(_: int) -> tuple[int, list[int]]:
    """Return the process, and those that do what it asks of joblib."""
    return os.getpid(), Parallel(n_jobs=None)(delayed(process_of)(part) for part in range(3))
