"""Contacts for a mailing service: who gets which message, in the form that the service imports.

The files name people by their addresses. They are in no stage, in neither Git nor DVC, and only who
made them may read them.
"""

import os
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from retention.campaign.barred import MESSAGE, Barred
from retention.core.arms import Arm
from retention.core.atomic import clear_leftovers
from retention.core.columns import Columns
from retention.core.errors import InputError, shown
from retention.core.files import read_parquet, write_csv
from retention.core.fingerprints import PIPELINE
from retention.core.kept_campaigns import FOLDER_NAME, KeptCampaign
from retention.core.params import Params
from retention.core.part_names import part_files
from retention.core.paths import OUTBOX
from retention.core.spreadsheets import guarded
from retention.core.vocabulary import IDENTITY
from retention.core.yaml_files import read_yaml
from retention.data.contacts import Contacts, read_contacts


@dataclass(frozen=True)
class MailingService:
    """How a mailing service imports people.

    Attributes
    ----------
    headers : mapping of str to str
        What it calls each column, in the order of the file.
    separator : str
    """

    headers: Mapping[str, str]
    separator: str


_BESIDE = {name: name for name in (IDENTITY, "segment", "offer", "text", "valid_until")}
SERVICES = {
    "sendsay": MailingService({"email": "email", "phone": "phone", **_BESIDE}, "\t"),
    "unisender": MailingService({"email": "email", "phone": "phone", **_BESIDE}, ";"),
    "mindbox": MailingService({"email": "Email", "phone": "MobilePhone", **_BESIDE}, ";"),
}
"""The valid values of ``campaign.mailing``. All three take a text in UTF-8 with a header, dates as
YYYY-MM-DD and phones as digits, and let the person match columns to fields of the account; a line
that begins with ``#`` Sendsay skips, which no address does.

- Sendsay: commas, vertical bars or tabs, of which a text of an offer holds no tab; ten or eleven
  digits (docs.sendsay.ru, Subscribers, How to import subscribers).
- Unisender: comma, semicolon or tab, files to 20 MB, larger ones packed (unisender.com, Support,
  How to import your contact base).
- Mindbox: the header holds the system names of fields, ``Email`` and ``MobilePhone`` among them;
  the others are fields that the project adds (help.mindbox.ru, How to import clients).
"""


_LEFT_OUT = {
    "suppressed": "on the suppression list by now",
    "no_consent": "without consent to messages by now",
    "global_control": "of the global control",
    "several": "with several addresses of one kind",
    "shared": "whose address is another customer's too",
    "malformed": "with a malformed address",
    "no_address": "without an address",
}


def outbox_file(name: str) -> Path:
    """Return where the addresses for a campaign's messages are written.

    Raises
    ------
    InputError
        If the name is none for a folder.
    """
    if not FOLDER_NAME.fullmatch(name):
        raise InputError(f"{shown(name)} is no name of a campaign; valid: letters, digits, - and _")
    return OUTBOX / name / f"{MESSAGE}.csv"


def clear_outbox(name: str) -> None:
    """Remove the addresses that were written for a campaign.

    That comes first: whoever must not be contacted since must not stand in an older file, should
    the new one not be made.
    """
    outbox_file(name).unlink(missing_ok=True)
    if outbox_file(name).parent.is_dir():
        clear_leftovers(outbox_file(name).parent)


def refuse_versioned(path: Path, *, data_dir: str) -> None:
    """Raise an InputError if contacts lie where a stage, DVC or Git would see or keep them.

    Parameters
    ----------
    path : Path
        The file of params ``campaign.contacts``.
    data_dir : str
        Params ``data.dir``, which a stage depends on.
    """
    what = f"{path} (params campaign.contacts)"
    valid = "valid: a place outside the project, or data/contacts.csv, which Git ignores"
    # A link lies in a folder that is kept with what it points to.
    places = sorted({Path(os.path.abspath(path)), path.resolve()})
    for folder in (data_dir, *_of_stages()):
        held = {Path(os.path.abspath(folder)), Path(folder).resolve()}
        if any(place.is_relative_to(one) for place in places for one in held):
            raise InputError(f"{what} lies in {folder}, which a stage reads or writes; {valid}")
    for place in (one for whole in places for one in (whole, *whole.parents)):
        if Path(f"{place}.dvc").is_file():
            raise InputError(f"{what} is kept by DVC ({place.name}.dvc); {valid}")
    for whole in places:
        if shutil.which("git") and whole.parent.is_dir():
            asked = ["git", "check-ignore", "--quiet", whole.name]
            done = subprocess.run(asked, cwd=whole.parent, capture_output=True, check=False)
            if done.returncode == 1:  # in a repository, and not ignored there
                raise InputError(f"{what} is seen by Git, which would keep it; {valid}")


def _of_stages() -> list[str]:
    """Return what stages depend on and write; one with options of its own is a mapping."""
    stages = (read_yaml(PIPELINE).get("stages") or {}).values() if PIPELINE.is_file() else []
    kinds = ("deps", "outs", "metrics", "plots")
    named = [one for entry in stages for kind in kinds for one in entry.get(kind) or []]
    return [str(next(iter(one))) if isinstance(one, dict) else str(one) for one in named]


def addresses_of(
    barred: Barred, params: Params, *, columns: Columns, needed: bool = False
) -> Contacts | None:
    """Return the addresses of whoever may get a message; None where params name no contacts.

    Parameters
    ----------
    barred : Barred
        Who is to get one, and who must not.
    params : Params
    columns : Columns
        The data dictionary.
    needed : bool
        Whether nothing can be done without contacts.

    Raises
    ------
    InputError
        If none are named that are needed, the file lies where it would be kept by Git or DVC, or
        as ``contacts.read_contacts``.
    """
    named = params.campaign.contacts
    if named is None:
        if needed:
            raise InputError(
                "params.yaml: campaign.contacts is empty; valid: a file with customer_id and "
                "email, phone or both"
            )
        return None
    refuse_versioned(Path(named), data_dir=params.data.dir)
    return read_contacts(Path(named), barred.messaged - barred.ids, columns=columns)


def fill_outbox(
    kept: KeptCampaign, contacts: Contacts | None, barred: Barred, *, mailing: str
) -> list[str]:
    """Write the addresses for a campaign's messages; return what to tell of them, in counts.

    Parameters
    ----------
    kept : KeptCampaign
    contacts : Contacts or None
        As :func:`addresses_of` returns them.
    barred : Barred
    mailing : str
        One of :data:`SERVICES`.
    """
    if contacts is None:
        return []
    written = write_outbox(kept, contacts.table, barred.ids, mailing=mailing)
    where = f"{outbox_file(kept.name)} for {mailing}" if written else "no addresses"
    lines = [f"{where}: {written:,} of {len(barred.messaged):,} customers who are to get a message"]
    counts = barred.counts | contacts.left_out
    left = [f"{count:,} {_LEFT_OUT[why]}" for why, count in counts.items() if count]
    if left:
        lines.append(f"left out: {', '.join(left)}")
    if contacts.malformed_beside:
        lines.append(
            f"of {contacts.malformed_beside:,} written one address is malformed, the other one is "
            "used"
        )
    return lines


def write_outbox(
    kept: KeptCampaign, addresses: pd.DataFrame, barred: Collection[str], *, mailing: str
) -> int:
    """Write who of a campaign is sent which message, to which address; return how many they are.

    Parameters
    ----------
    kept : KeptCampaign
    addresses : DataFrame, index customer_id
        ``email`` and ``phone``, see ``contacts.Contacts``.
    barred : collection of str
        Who is not to be contacted, whatever the list and the addresses say.
    mailing : str
        One of :data:`SERVICES`.
    """
    service, path = SERVICES[mailing], outbox_file(kept.name)
    clear_outbox(kept.name)
    known = addresses[~addresses.index.isin(barred)]
    written = 0

    def pieces() -> Iterator[pd.DataFrame]:
        nonlocal written
        for part in part_files(kept.listed):
            rows = read_parquet(part)
            sent = (rows["arm"] == Arm.TREATMENT) & (rows["channel"] == MESSAGE)
            rows = rows[sent & (known.index.get_indexer(rows[IDENTITY].astype(object)) >= 0)]
            rows = rows.join(known, on=IDENTITY)
            rows["valid_until"] = rows["valid_until"].astype("str")
            # A line break or a tab would be another row or cell to some services.
            rows["text"] = rows["text"].str.split().str.join(" ")
            written += len(rows)
            yield guarded(rows[list(service.headers)].rename(columns=service.headers))

    with _for_nobody_else():
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in (path.parent, OUTBOX):
            folder.chmod(0o700)
        write_csv(pieces(), path, sep=service.separator, end="\r\n")
    if not written:
        clear_outbox(kept.name)
    return written


@contextmanager
def _for_nobody_else() -> Iterator[None]:
    """Let files and folders that are made be readable by their owner only."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
