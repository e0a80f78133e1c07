"""Consent to messages as the exports have it at this moment, without the rest of them."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pandas as pd

from retention.core.columns import Columns
from retention.data.cleaning import canonical_words
from retention.data.coded import Coded
from retention.data.ids import clean_ids
from retention.data.month_folders import month_folders
from retention.data.reader import Rows, find_export, open_export


def without_consent(
    folder: Path,
    ids: Collection[str],
    *,
    columns: Columns,
    misspellings: Mapping[str, Mapping[str, str]],
) -> set[str]:
    """Return who of some customers has not agreed to messages by the exports that are there now.

    That is whoever is not in the export, or of the last month where there are several, and whoever
    has any row in it that says anything but yes: a row that cannot be read says nothing.

    Parameters
    ----------
    folder : Path
        What params ``data.dir`` names.
    ids : collection of str
        The customers, in canonical form.
    columns : Columns
        The data dictionary.
    misspellings : mapping
        Params ``prepare.misspellings``.

    Raises
    ------
    InputError
        If the export is not there or cannot be read for certain.
    """
    column = columns.by_name["consent"]
    months = month_folders(folder, tables=columns.tables)
    path = find_export(folder if months is None else months[max(months)], column.table)
    identity = columns.wanted(column.table)[0]
    aliases = {identity[0]: identity[1:], column.header: (*column.aliases, column.name)}
    sought = pd.Index(sorted(ids), dtype=object)  # looked up in each block, hashed once
    opened = open_export(path, [column.header], identity=identity[0], aliases=aliases)

    def agreed(blocks: Iterator[Rows]) -> set[str]:
        """Return whose every row says yes, reading block by block."""
        said, refused = set(), set()
        for block in blocks:
            held = clean_ids(block.ids.to_pandas())[0]
            cells = Coded.of(block.columns[column.header])
            words = canonical_words(cells.words, column, columns=columns, misspellings=misspellings)
            yes = cells.rows([word == "yes" for word in words])
            some = sought.get_indexer(held.to_numpy(dtype=object)) >= 0
            said.update(held[some & yes & block.kept])
            refused.update(held[some & ~(yes & block.kept)])
        return said - refused

    return set(ids) - opened.through(agreed)
