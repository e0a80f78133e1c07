"""The suppression list: customers who are never contacted, whatever the model says."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd

from retention.errors import InputError, one_of
from retention.spreadsheets import unguard
from retention.vocabulary import IDENTITY


def read_suppressed(path: Path | str) -> set[str]:
    """Return the ids of the list, a CSV with a column ``customer_id``; others do not matter.

    UTF-8 or CP1251; comma, semicolon or tab, whichever the header has. An id that was copied from
    the campaign's own files is taken without its guard too.

    Raises
    ------
    InputError
        If the file is missing, is no text, or has no such column; a list that cannot be read must
        not pass as an empty one.
    """
    place = f"{path} (params.yaml: campaign.suppression)"
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{place} is missing; a header customer_id alone is enough") from None
    except OSError as error:
        raise InputError(f"{place} cannot be read ({error.strerror})") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1251", errors="replace")
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        header = [cell.strip().casefold() for cell in next(rows, [])]
        if header.count(IDENTITY) != 1:
            found = one_of(header[:20]) or "nothing"
            raise InputError(f"{place} needs one column {IDENTITY}; found: {found}")
        column = header.index(IDENTITY)
        written = {row[column].strip() for row in rows if len(row) > column} - {""}
    except csv.Error as error:
        raise InputError(f"{place} is no CSV ({error})") from None
    return written | {unguard(one) for one in written}


def is_suppressed(ids: pd.Series, suppressed: set[str]) -> np.ndarray:
    """Tell which customers are on the list; white space around an id does not matter."""
    if not suppressed:
        return np.zeros(len(ids), dtype=bool)
    return ids.astype(object).str.strip().isin(suppressed).to_numpy()
