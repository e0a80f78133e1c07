"""Put rows aside by part, and fetch those of one part.

Each block of rows is a file of its own, in which every part is one batch: writing goes straight
through, and whoever wants a part reads its batch of each file and nothing else. They are not
compressed: that took longer than it spared, a quarter of their size.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np


def put_aside(table: Any, parts: np.ndarray, *, count: int, path: Path) -> None:
    """Write the rows of an Arrow table, those of each part together, in the order they have.

    Parameters
    ----------
    table : pyarrow.Table
    parts : ndarray of int, shape (n_rows,)
        In which of the parts each row is.
    count : int
        Parts.
    path : Path
        The file; all of a folder have the same columns, and their names are in order.
    """
    import pyarrow as pa

    if count <= 2**16:  # numpy sorts small numbers by their digits, many times faster
        parts = parts.astype("uint16")
    order = np.argsort(parts, kind="stable")
    rows = table.take(pa.array(order)).combine_chunks()
    columns = [column.combine_chunks() for column in rows.columns]
    batch = pa.record_batch(columns, schema=table.schema)
    bounds = np.searchsorted(parts[order], np.arange(count + 1))
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as to:
        for start, end in pairwise(bounds):
            to.write_batch(batch.slice(start, end - start))


def fetch(folder: Path, part: int) -> Any:
    """Return the rows of one part, an Arrow table, as they were put aside file after file."""
    import pyarrow as pa

    batches = []
    for path in sorted(folder.iterdir()):
        with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as found:
            batches.append(pa.table(found.get_batch(part)))
    return pa.concat_tables(batches)
