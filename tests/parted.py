"""A table that a stage wrote, divided into parts as prepare divides a large shop."""

from pathlib import Path

from retention.core.files import read_parquet, write_parquet
from retention.core.hashing import part_numbers
from retention.core.part_names import clear_table, part_paths
from retention.core.vocabulary import IDENTITY


def divide(path: Path, count: int, *, empty: int = 0) -> None:
    """Write the table `path` again in `count` parts, each with its rows in their order.

    The first `empty` ones have none.
    """
    table = read_parquet(path)
    numbers = empty + part_numbers(table[IDENTITY], count=count - empty)
    clear_table(path)
    for number, part in enumerate(part_paths(path, count)):
        write_parquet(table[numbers == number], part)
