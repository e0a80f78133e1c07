"""A table of months with its risks: single columns of all rows, whole rows of those asked for."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from retention.core import paths
from retention.core.files import joined, read_parquet, write_parquet
from retention.core.id_order import ids_are_numbers
from retention.core.part_names import clear_table, files_of_same_parts, part_files, part_paths
from retention.core.parted_rows import PartedRows, rows_in_files
from retention.core.parts import map_parts
from retention.core.teaching import months_given
from retention.core.vocabulary import IDENTITY, LABEL, MONTH
from retention.evaluation.held_out import HeldOut, held_out, predictions


@dataclass(frozen=True)
class ScoredMonths:
    """The months of all customers, in however many parts, in the order of one part.

    Attributes
    ----------
    parted : PartedRows
    """

    parted: PartedRows

    @property
    def table(self) -> pd.DataFrame:
        """Of every row month, outcome, side, keys, weight and risk."""
        return self.parted.keys

    def whole(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return some rows of the table with the features, and all else that featurize tells."""
        found = self.parted.take(rows.index.to_numpy()).loc[rows.index]
        return found.assign(**{name: rows[name] for name in rows if name not in found})

    def held_out(self) -> HeldOut:
        """Return the rows that say how good the risk is."""
        rows = held_out(self.table)
        test, train = self.whole(rows.test), self.whole(rows.train)
        fitted = train if rows.fitted is rows.train else self.whole(rows.fitted)
        return HeldOut(test, train, fitted)

    def write_predictions(self, *, jobs: int) -> None:
        """Write the predictions, in as many parts."""
        read = files_of_same_parts([paths.FEATURES, paths.RISKS])
        clear_table(paths.PREDICTIONS)
        written = part_paths(paths.PREDICTIONS, len(read))
        places = [(*of_part, to) for of_part, to in zip(read, written, strict=True)]
        write = partial(_write_predictions, set(months_given(self.table)))
        list(map_parts(write, places, jobs=jobs, what="evaluate", light=True))


def scored_months(*, jobs: int) -> ScoredMonths:
    """Return the months that featurize and score wrote; `jobs` are the processes at most."""
    several = len(part_files(paths.FEATURES)) > 1
    numbers = several and ids_are_numbers(paths.FEATURES, paths.LEFT_OUT)
    return ScoredMonths(rows_in_files(paths.FEATURES, paths.RISKS, jobs=jobs, numbers=numbers))


def _write_predictions(given: set[str], place: tuple[Path, Path, Path]) -> None:
    features, risks, written = place
    table = joined(read_parquet(features, [IDENTITY, MONTH, "split", "scored", LABEL]), risks)
    write_parquet(predictions(table, given), written)
