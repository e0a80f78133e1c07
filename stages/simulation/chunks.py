"""A large simulated shop in chunks: the memory of one chunk, however many customers there are."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from retention.core.atomic import atomic
from retention.core.columns import Columns
from retention.core.files import write_parquet
from retention.core.part_names import clear_table, part_paths
from retention.core.vocabulary import IDENTITY
from simulation.export import EXPORT_DIALECTS, add_rows, as_export
from simulation.shop import FIRST_ID, Shop, simulate_customers

DRAWN_AT_ONCE = 500_000
"""Customers drawn at once; up to here a shop is one chunk."""


def chunk_sizes(customers: int, *, most: int = DRAWN_AT_ONCE) -> list[int]:
    """Return how many customers each chunk has: much the same number, `most` at most."""
    count = -(-customers // most)
    return [customers // count + (place < customers % count) for place in range(count)]


def simulate_chunks(
    sizes: list[int], *, unlabelled: float, seed: int
) -> Iterator[tuple[Shop, int]]:
    """Yield a shop for each chunk, with ids above those of the chunks before, and its seed.

    The first chunk is the shop that ``simulate_customers`` makes of `seed`; each has its quirks.
    """
    seeds = [seed, *np.random.SeedSequence(seed).generate_state(len(sizes) - 1).tolist()]
    above = 0
    for size, own in zip(sizes, seeds, strict=True):
        shop = simulate_customers(size, unlabelled=unlabelled, seed=own)
        shifted = (
            table.assign(**{IDENTITY: table[IDENTITY] + above})
            for table in (shop.customers, shop.truth)
        )
        shop = replace(shop, **dict(zip(("customers", "truth"), shifted, strict=True)))
        above = int(shop.truth[IDENTITY].iloc[-1]) + 1 - FIRST_ID
        yield shop, own


def write_chunks(
    sizes: list[int],
    folder: Path,
    truth: Path,
    *,
    columns: Columns,
    unlabelled: float,
    seed: int,
) -> None:
    """Write the exports of a shop of chunks, and the truth in as many parts.

    Parameters
    ----------
    sizes : list of int
        See :func:`chunk_sizes`.
    folder : Path
        Gets the exports, each whole or not at all.
    truth : Path
        Table of the truth.
    columns : Columns
        The data dictionary.
    unlabelled : float
    seed : int
    """
    clear_table(truth)
    chunks = simulate_chunks(sizes, unlabelled=unlabelled, seed=seed)
    with ExitStack() as files:
        begun: dict[str, Path] = {}
        for (shop, own), part in zip(chunks, part_paths(truth, len(sizes)), strict=True):
            for name, table in as_export(shop, columns=columns, seed=own).items():
                first = name not in begun
                if first:
                    begun[name] = files.enter_context(atomic(folder / f"{name}.csv"))
                add_rows(table, begun[name], header=first, **EXPORT_DIALECTS.get(name, {}))
            write_parquet(shop.truth, part)
