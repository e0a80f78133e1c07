"""The order of customers in every table: by id, as numbers where every id of the shop is one.

Rows that are a customer's months stand by month, and within it by id.

Within a part the rows have this order already; it says in which order rows of several parts stand.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core import paths
from retention.core.files import read_json, read_parquet
from retention.core.part_names import part_files
from retention.core.vocabulary import IDENTITY, MONTH

NUMERIC_IDS = "numeric_ids"
"""Where featurize tells of months whether every id, of whoever was set aside too, is a number."""
_POWERS = 10 ** np.arange(1, 19)
"""From each of these on a number has one digit more."""


def plain_numbers(ids: pd.Series) -> np.ndarray | None:
    """Return ids as whole numbers where every one is written as such a number is, else None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pa.array(ids, type=pa.string())
    try:
        found = pc.cast(text, pa.int64())
    except pa.ArrowInvalid:
        return None
    if found.null_count:
        return None
    numbers = found.to_numpy()
    if pc.all(pc.ascii_is_decimal(text)).as_py():
        # Digits alone are written so where no zero leads: a third less work than to write anew.
        digits = np.searchsorted(_POWERS, numbers, side="right") + 1
        same = bool((pc.binary_length(text).to_numpy() == digits).all())
    else:
        same = pc.all(pc.equal(pc.cast(found, pa.string()), text)).as_py()
    return numbers if same else None


def are_numbers(tables: Iterable[Path]) -> bool:
    """Tell whether every id in some tables is written as a whole number is, part after part.

    Parameters
    ----------
    tables : iterable of Path
        Together they have every customer of the shop: ids that are set aside count too.
    """
    parts = (part for table in tables for part in part_files(table))
    return all_numbers(read_parquet(part, [IDENTITY])[IDENTITY] for part in parts)


def all_numbers(ids: Iterable[pd.Series]) -> bool:
    """Tell whether every id of several tables is written as a whole number; one may have none."""
    return all(one.empty or plain_numbers(one) is not None for one in ids)


def ids_are_numbers(features: Path, left_out: Path) -> bool:
    """Tell whether every id of the shop is a whole number, from what featurize wrote.

    Of months it stands in the details: who was set aside in an older one is in neither table.

    Parameters
    ----------
    features, left_out : Path
        The table of customers, and the ids of all others in the newest export.
    """
    details = features.with_name(paths.FEATURES_DETAILS.name)
    months = read_json(details).get("months", {}) if details.is_file() else {}
    told = months.get(NUMERIC_IDS)
    return are_numbers((features, left_out)) if told is None else bool(told)


def in_id_order(rows: pd.DataFrame, *, numbers: bool) -> pd.DataFrame:
    """Return rows, one a customer or month of one, in the order of a shop in one part.

    Parameters
    ----------
    rows : DataFrame
        ``customer_id``, of months ``month``, and whatever else.
    numbers : bool
        What :func:`ids_are_numbers` tells of the whole shop.
    """
    ids = rows[IDENTITY]
    keys = plain_numbers(ids) if numbers and len(ids) else ids.to_numpy(dtype=object)
    order = np.argsort(keys, kind="stable")
    if MONTH in rows:
        order = order[np.argsort(rows[MONTH].to_numpy(dtype=object)[order], kind="stable")]
    return rows.iloc[order].reset_index(drop=True)
