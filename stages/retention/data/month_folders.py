"""What ``data.dir`` is: one folder of the exports, or a folder of such folders, one a month."""

import datetime
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from retention.core.errors import InputError, one_of
from retention.core.months import is_month, last_day, months_between, refuse_day_before, shifted
from retention.data.reader import export_forms, find_export

_LIKE = re.compile(r"(20\d\d)\D?(\d{1,2})(?!\d)")
"""A year and a number behind it: what a person may have meant as a month."""


def month_folders(folder: Path, *, tables: Collection[str]) -> dict[str, Path] | None:
    """Return the folder of each month, the earliest first; None where `folder` is a snapshot.

    Files beside the months and hidden folders do not matter.

    Parameters
    ----------
    folder : Path
        What ``data.dir`` names.
    tables : collection of str
        The exports that each folder must have.

    Raises
    ------
    InputError
        If there are exports beside months, a folder that is no month, two spellings of one month,
        a gap, or a month that lacks an export.
    """
    if not folder.is_dir():
        return None  # reading says that it is not there
    on_top = [path.name for table in tables for path in export_forms(folder, table)]
    folders = (one.name for one in folder.iterdir() if one.is_dir())
    inside = sorted(name for name in folders if name[0] != "." and name not in on_top)
    months = [name for name in inside if is_month(name)]
    if not months and (on_top or not inside):
        return None
    if on_top:
        raise InputError(
            f"{folder} has {on_top[0]} beside the month {months[0]}; keep either the exports or "
            "folders of months"
        )
    _refuse_other_names(folder, inside, months)
    _refuse_gaps(folder, months)
    paths = {month: folder / month for month in months}
    for path in paths.values():
        for table in tables:
            find_export(path, table)
    return paths


def day_of_exports(as_of: datetime.date | None, months: Mapping[str, Path] | None) -> datetime.date:
    """Return the day of the data: the one that params name, else the last day of the last month.

    Raises
    ------
    InputError
        If params name none, and there are no months to follow; or one before the last month's end.
    """
    if as_of is not None:
        if months is not None:
            refuse_day_before("data.as_of", as_of, max(months))
        return as_of
    if months is None:
        raise InputError(
            "params.yaml: data.as_of is empty; valid: the day the export was taken, as YYYY-MM-DD "
            "(empty only where data.dir holds folders of months)"
        )
    return last_day(max(months))


def _refuse_other_names(folder: Path, inside: list[str], months: list[str]) -> None:
    """Refuse folders that are no month, and those that mean one that is there."""
    for name in inside:
        if name in months:
            continue
        meant = _LIKE.match(name)
        month = f"{meant[1]}-{int(meant[2]):02d}" if meant else ""
        if month in months:
            raise InputError(
                f"{folder}: {name} and {month} are one month; keep one of them, named {month}"
            )
        like = f"; did you mean {month}?" if is_month(month) else ""
        raise InputError(f"{folder}: the folder {name} is no month; valid: YYYY-MM{like}")


def _refuse_gaps(folder: Path, months: list[str]) -> None:
    every = [shifted(months[0], by) for by in range(months_between(months[0], months[-1]) + 1)]
    lacking = [month for month in every if month not in months]
    if lacking:
        raise InputError(
            f"{folder} lacks {one_of(lacking[:5])} between {months[0]} and {months[-1]}; every "
            "month needs its folder"
        )
