"""The suppression list: customers who are never contacted, whatever the model says.

A list that cannot be read, or that seems to name nobody, must not pass as an empty one.
"""

import os
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.errors import InputError
from retention.core.params import Campaign
from retention.core.paths import EMPTY_LIST, is_sample
from retention.core.vocabulary import IDENTITY
from retention.data.id_forms import refuse_other_spellings, refuse_strange_form, shown_id
from retention.data.ids import clean_ids
from retention.data.matching import Match, match
from retention.data.reader import read_export, refuse_broken_rows, refuse_empty_ids

_PARAM = "params.yaml: campaign.suppression"
ALLOW = "params campaign.strangers_suppressed: true lets it pass"

FORMER_LIST = Path("suppression.csv")
"""Where the suppression list stood by default in earlier versions."""


@dataclass(frozen=True)
class Suppressed:
    """The suppression list.

    Attributes
    ----------
    ids : frozenset of str
        Who is on it, in canonical form.
    match : Match
        How many of them are customers of the exports.
    """

    ids: frozenset[str]
    match: Match


def listed_ids(path: Path | str) -> pd.Series:
    """Return the ids on the list, in canonical form.

    Parameters
    ----------
    path : Path or str
        A file with a column ``customer_id``, in any dialect of an export; other
        columns do not matter.

    Raises
    ------
    InputError
        If the file is missing, or a row of it cannot be read.
    """
    path = Path(path)
    place = f"{path} ({_PARAM})"
    if not path.exists():
        raise InputError(f"{place} is missing; a header customer_id alone is enough")
    try:
        raw = read_export(path, [], identity=IDENTITY, may_be_empty=True)
    except InputError as error:
        raise InputError(f"{error} ({_PARAM})") from None
    refuse_broken_rows(raw, place)
    ids, _ = clean_ids(raw.ids)
    refuse_empty_ids(raw, ids, place)
    return ids


def suppressed_by(
    path: Path | str, ids: pd.Series, known: pd.Series, *, strangers: bool
) -> Suppressed:
    """Return who is on the list.

    Parameters
    ----------
    path : Path or str
        What to call the list.
    ids : Series of str
        As :func:`listed_ids` gives them.
    known : Series of str
        Ids of every customer of the exports, in canonical form, or those that ``id_forms.telling``
        picks of them.
    strangers : bool
        Whether the list may name nobody of them, or hold ids in a form that none of them has.

    Raises
    ------
    InputError
        If an id cannot be known for certain, or (unless `strangers`) the ids cannot be those of
        this shop.
    """
    place = f"{Path(path)} ({_PARAM})"
    refuse_other_spellings({str(Path(path)): ids, "the export": known})
    found = match(str(Path(path)), ids, known)
    if found.ids and not strangers:
        _refuse_strangers(place, ids, known, found)
    return Suppressed(frozenset(ids), found)


def _refuse_strangers(place: str, ids: pd.Series, known: pd.Series, found: Match) -> None:
    refuse_strange_form(place, ids, known, advice=ALLOW)
    if not found.matched:
        raise InputError(
            f"{place} names {found.ids} customers (such as {shown_id(ids.iloc[0], 1)}), none of "
            f"them in the exports (such as {shown_id(known.iloc[0])}); {ALLOW}"
        )


def lacks_own_suppression(data_dir: str, suppression: str) -> bool:
    """Tell whether customers of a real shop are checked against the simulated shop's empty list."""
    used, empty = map(os.path.realpath, (suppression, EMPTY_LIST))
    return used == empty and not is_sample(data_dir)


def refuse_former_list(suppression: str) -> None:
    """Raise an InputError if a list of an earlier version stands in the folder and is not used.

    Who is on it must not be contacted because a default has changed.
    """
    used, empty = map(os.path.realpath, (suppression, EMPTY_LIST))
    if used == empty and FORMER_LIST.exists():
        raise InputError(
            f"{FORMER_LIST} stands in the project's folder, but params.yaml: campaign.suppression "
            f"is {suppression}, which names nobody; name {FORMER_LIST} there, or remove it"
        )


def read_suppressed(campaign: Campaign, known: Callable[[pd.Series], pd.Series]) -> Suppressed:
    """Return the suppression list as it is at this moment.

    Parameters and errors as :func:`never_contacted` and :func:`suppressed_by` have them.
    """
    path = campaign.suppression
    refuse_former_list(path)
    ids = listed_ids(path)
    return suppressed_by(path, ids, known(ids), strangers=campaign.strangers_suppressed)


def never_contacted(
    campaign: Campaign, known: Callable[[pd.Series], pd.Series], *, data_dir: str
) -> tuple[Suppressed, bool]:
    """Return the suppression list, and whether it lacks one of the shop's own; say both.

    Parameters
    ----------
    campaign : Campaign
        The params.
    known : callable
        Given the ids of the list, returns those of the customers of the exports, see
        :func:`suppressed_by`.
    data_dir : str
        Params ``data.dir``.
    """
    path = campaign.suppression
    suppressed = read_suppressed(campaign, known)
    print(f"segment: {suppressed.match}")
    lacks_own = lacks_own_suppression(data_dir, path)
    if lacks_own:
        print(
            "segment: no suppression list of the shop's own is in use: campaign.suppression is "
            f"{path}, the simulated shop's",
            file=sys.stderr,
        )
    return suppressed, lacks_own


def is_suppressed(ids: pd.Series, suppressed: Collection[str]) -> np.ndarray:
    """Tell which customers are on the list; ids are compared in canonical form."""
    return clean_ids(ids.astype("str"))[0].isin(suppressed).to_numpy(dtype=bool)
