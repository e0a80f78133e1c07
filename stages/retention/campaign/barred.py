"""Who on a list must not be contacted as of this moment.

A list was made some time ago. Who has withdrawn since then is asked of the files that the shop
keeps, not of what stages made of them.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from retention.campaign.suppression import is_suppressed, lacks_own_suppression, read_suppressed
from retention.core.arms import Arm, in_global_control
from retention.core.columns import Columns
from retention.core.errors import InputError
from retention.core.files import made, read_parquet
from retention.core.params import Params
from retention.core.part_names import part_files
from retention.core.paths import CAMPAIGN_LIST
from retention.core.vocabulary import IDENTITY
from retention.data.consent import without_consent

MESSAGE = "message"
"""The channel that needs consent and an address: the others meet customers on the site."""


@dataclass(frozen=True)
class Barred:
    """Who of the treated must not be contacted as of this moment.

    Attributes
    ----------
    messaged : frozenset of str
        Everyone who is to get a message.
    suppressed, no_consent, global_control : frozenset of str
        Who is on the suppression list; of those who are to get a message, who has not agreed to
        messages; who is contacted by no campaign.
    """

    messaged: frozenset[str]
    suppressed: frozenset[str]
    no_consent: frozenset[str]
    global_control: frozenset[str]

    @property
    def ids(self) -> frozenset[str]:
        """All of them."""
        return self.suppressed | self.no_consent | self.global_control

    @property
    def counts(self) -> dict[str, int]:
        """How many who were to get a message are left out, by the first reason that holds."""
        found, told = {}, set[str]()
        for why in ("suppressed", "no_consent", "global_control"):
            ids = getattr(self, why) & self.messaged
            found[why] = len(ids - told)
            told |= ids
        return found


def who_is_barred(
    listed: Path,
    params: Params,
    *,
    columns: Columns,
    known: Callable[[pd.Series], pd.Series],
    launched_by: Mapping[str, Any] | None = None,
) -> Barred:
    """Return who of the treated on a list must not be contacted as of this moment.

    Parameters
    ----------
    listed : Path
        The list, a file or a folder of parts.
    params : Params
    columns : Columns
        The data dictionary.
    known : callable
        As ``suppression.suppressed_by`` takes it.
    launched_by : mapping, optional
        ``seed`` and ``share`` of the global control when the list was launched, beside those of
        params.

    Raises
    ------
    InputError
        If suppression list or exports cannot be read for certain.
    """
    campaign = params.campaign
    if lacks_own_suppression(params.data.dir, campaign.suppression):
        print(
            "launch: no suppression list of the shop's own is in use: campaign.suppression is "
            f"{campaign.suppression}, the simulated shop's",
            file=sys.stderr,
        )
    suppressed = read_suppressed(campaign, known).ids
    now = {"seed": campaign.global_seed, "share": campaign.global_control_share}
    controls = [now, dict(launched_by)] if launched_by else [now]
    stopped, nobodys, messaged = set[str](), set[str](), set[str]()
    for part in part_files(made(listed)):
        rows = read_parquet(part, [IDENTITY, "arm", "channel"])
        rows = rows[rows["arm"] == Arm.TREATMENT]
        ids = rows[IDENTITY].astype("str")
        stopped.update(ids[is_suppressed(ids, suppressed)])
        for how in controls:
            nobodys.update(ids[in_global_control(ids, **how)])
        messaged.update(ids[rows["channel"] == MESSAGE])
    silent = without_consent(
        Path(params.data.dir),
        messaged,
        columns=columns,
        misspellings=params.prepare.misspellings,
    )
    return Barred(*map(frozenset, (messaged, stopped, silent, nobodys)))


def refuse_barred(barred: Barred) -> None:
    """Raise an InputError if somebody on a list that is to be launched must not be contacted."""
    for ids, what in (
        (barred.suppressed, "are on the suppression list by now"),
        (barred.no_consent, "are to get a message and have not agreed to messages by now"),
        (barred.global_control, "are in the global control, whom no campaign contacts"),
    ):
        if ids:
            raise InputError(
                f"{CAMPAIGN_LIST} is no longer true: customers to be contacted who {what}: "
                f"{len(ids):,}; run `dvc repro`, which makes the list anew"
            )
