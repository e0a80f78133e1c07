"""The files that leave the house: a workbook a channel of those to contact, one of those not to."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from retention.campaign.offers import Offer
from retention.core.arms import Arm
from retention.core.files import read_batches
from retention.core.paths import (
    CAMPAIGN_CONTROL,
    CAMPAIGN_GLOBAL,
    CAMPAIGN_LIST,
    CAMPAIGN_SEND,
)
from retention.core.spreadsheets import write_for_people
from retention.core.vocabulary import IDENTITY
from retention.core.workbooks import (
    SheetColumn,
    beyond_a_sheet,
    fits_a_sheet,
    workbook_words,
    write_workbook,
)

_SENT = (
    SheetColumn(IDENTITY, "text", 18),
    SheetColumn("text", "text", 70),
    SheetColumn("valid_until", "date", 18),
    SheetColumn("offer", "text", 28),
    SheetColumn("title", "text", 32),
    SheetColumn("segment", "text", 28),
    SheetColumn("reasons", "text", 40),
    SheetColumn("expected_gain", "money", 14),
    SheetColumn("cost", "money", 15),
)
_LEFT_ALONE = (
    SheetColumn(IDENTITY, "text", 18),
    SheetColumn("group", "text", 36),
    SheetColumn("channel", "text", 14),
    SheetColumn("offer", "text", 28),
    SheetColumn("title", "text", 32),
    SheetColumn("segment", "text", 28),
    SheetColumn("expected_gain", "money", 14),
)


def clear_files_to_send() -> None:
    """Remove what an earlier run left to be sent: it must never outlive its list."""
    shutil.rmtree(CAMPAIGN_SEND, ignore_errors=True)
    for path in (CAMPAIGN_CONTROL, CAMPAIGN_CONTROL.with_suffix(".csv")):
        path.unlink(missing_ok=True)


def write_files_to_send(offers: Sequence[Offer], *, language: str, dialect: str) -> list[str]:
    """Write whom to send what, by channel, and whom to leave alone; return what is to be said.

    The list is read part by part. A channel that nobody gets anything by has no file.

    Parameters
    ----------
    offers : sequence of Offer
        The catalogue, for the offers' names.
    language : str
        Of headings and names.
    dialect : str
        Of the table for people that stands for a workbook where rows are more than a sheet holds.
    """
    words = workbook_words(language)
    titles = {offer.code: getattr(offer.title, language) for offer in offers}
    how = {"language": language, "dialect": dialect}
    said = []
    for channel, count in _treated_by_channel().items():
        pieces = partial(_sent_by, channel, titles)
        place = CAMPAIGN_SEND / f"{channel}.xlsx"
        said += _write(pieces, place, _SENT, rows=count, sheet=channel, **how)
    count = sum(len(piece) for piece in _left_alone(titles, words))
    if count:
        pieces, line = partial(_left_alone, titles, words), words["control_line"]
        how |= {"sheet": "control", "first_line": line}
        said += _write(pieces, CAMPAIGN_CONTROL, _LEFT_ALONE, rows=count, **how)
    return said


def _write(
    pieces: Callable[[], Iterable[pd.DataFrame]],
    path: Path,
    columns: Sequence[SheetColumn],
    *,
    rows: int,
    dialect: str,
    **how: Any,
) -> list[str]:
    """Write a workbook, or the same as .csv and return the line that says so."""
    if fits_a_sheet(rows):
        write_workbook(pieces, path, columns, **how)
        return []
    instead = path.with_suffix(".csv")
    names = [column.name for column in columns]
    write_for_people((piece[names] for piece in pieces()), instead, dialect=dialect)
    return [beyond_a_sheet(path, rows, instead)]


def _treated_by_channel() -> dict[str, int]:
    """Return how many customers are to be contacted by each channel that has any."""
    found: dict[str, int] = {}
    for rows in read_batches(CAMPAIGN_LIST, ["arm", "channel"]):
        for channel in rows.loc[rows["arm"] == Arm.TREATMENT, "channel"]:
            found[channel] = found.get(channel, 0) + 1
    return dict(sorted(found.items()))


def _sent_by(channel: str, titles: Mapping[str, str]) -> Iterator[pd.DataFrame]:
    """Yield whom to send something by a channel, part after part."""
    for piece in read_batches(CAMPAIGN_LIST):
        rows = piece[(piece["arm"] == Arm.TREATMENT) & (piece["channel"] == channel)]
        yield rows.assign(title=rows["offer"].map(titles))


def _left_alone(titles: Mapping[str, str], words: Mapping[str, Any]) -> Iterator[pd.DataFrame]:
    """Yield whom to leave alone: the control group, then the global control."""
    for table in (CAMPAIGN_LIST, CAMPAIGN_GLOBAL):
        for piece in read_batches(table):
            rows = piece[piece["arm"] != Arm.TREATMENT]
            yield rows.assign(
                group=rows["arm"].map(words["groups"]),
                channel=rows["channel"].map(words["channels"]),
                title=rows["offer"].map(titles),
            )
