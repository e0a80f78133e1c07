"""What earlier campaigns forbid this one: whom it may not touch, and whom no campaign contacts."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from retention.campaign.launched_terms import LaunchedTerms, read_terms
from retention.campaign.relaunching import refuse_other_terms
from retention.core.arms import Arm, assigned, in_global_control
from retention.core.errors import InputError
from retention.core.files import read_parquet
from retention.core.kept_campaigns import KeptCampaign, kept_campaigns
from retention.core.months import months_after, running_until
from retention.core.params import Campaign
from retention.core.vocabulary import IDENTITY
from retention.data.id_forms import refuse_other_spellings
from retention.data.ids import clean_ids
from retention.data.treated import read_sent, refuse_strangers


@dataclass(frozen=True)
class Earlier:
    """Whom earlier campaigns keep from this one.

    Attributes
    ----------
    in_campaign, resting : Series of str
        Ids in canonical form: who is on a list whose days meet those of this campaign; whom one
        that is over treated not long ago. Beside them the global control group's members who
        would be there if they were no members: they pass gates like everyone, so that those of
        them who are recorded resemble those on the list.
    lines : list of str
        What to say of each campaign that keeps anybody from this one.
    """

    in_campaign: pd.Series
    resting: pd.Series
    lines: list[str]


@dataclass(frozen=True)
class _Kept:
    """The customers of one campaign: ids, whether treated, and their days.

    The first ``listed`` of them were on its list, the others are of the global control. ``end`` is
    the first day on which it no longer runs.
    """

    listed: int
    ids: pd.Series
    treated: np.ndarray
    start: np.ndarray
    end: np.ndarray


def read_earlier(
    folder: Path,
    campaign: Campaign,
    known: Callable[[pd.Series], pd.Series],
    *,
    horizon: int,
) -> Earlier:
    """Return whom earlier campaigns keep from this one.

    The campaign of the same name does not count against itself: a list that is made anew after its
    launch is the same, or refused (see ``relaunching``).

    Parameters
    ----------
    folder : Path
        Holds a folder a campaign, see ``kept_campaigns.kept_campaigns``.
    campaign : Campaign
        The params, with the day of the start.
    known : callable
        Given the ids of a list, returns those of the customers of the exports that
        ``id_forms.telling`` picks.
    horizon : int
        Months until an outcome is known.

    Raises
    ------
    InputError
        If a campaign's files are not here, malformed or edited; if one that was launched spells ids
        otherwise than the exports, as lots are drawn by them; if a list of which somebody is to be
        kept from this campaign does, or is mostly of customers whom these do not know; if the
        params would contact the global control group; or if they are not those that the campaign of
        their name was launched by.
    """
    kept = [(one, read_terms(one)) for one in kept_campaigns(folder)]
    for one, terms in kept:
        if terms is not None:
            _refuse_freed_control(one, terms, campaign)
        if one.name == campaign.name:
            refuse_other_terms(one, terms, campaign)
    first, after = campaign.date, months_after(campaign.date, horizon)
    rest = pd.Timedelta(days=campaign.rest_days)
    running, resting, lines = [], [], []
    for one, terms in kept:
        found = _customers(one, terms)
        if terms is not None:
            _refuse_respelled(one, found, known(found.ids))
        if one.name == campaign.name:
            continue
        runs = (found.start < np.datetime64(after)) & (found.end > np.datetime64(first))
        over = found.treated & (found.end <= np.datetime64(first))
        rests = over & (found.end + rest.to_timedelta64() > np.datetime64(first))
        touched = runs | rests
        if not touched.any():
            continue
        ids = found.ids[touched]
        refuse_strangers(one.listed, ids, known(ids))
        running.append(found.ids[runs])
        resting.append(found.ids[rests])
        lines += _said(one.name, found, runs, rests, rest)
    return Earlier(_together(running), _together(resting), lines)


def _together(ids: Sequence[pd.Series]) -> pd.Series:
    nobody = pd.Series(dtype="str")
    return pd.concat([nobody, *ids], ignore_index=True).drop_duplicates(ignore_index=True)


def _said(
    name: str, found: _Kept, runs: np.ndarray, rests: np.ndarray, rest: pd.Timedelta
) -> list[str]:
    said = []
    if runs.any():
        said.append(
            f"campaign {name} runs until {_day(found.end[runs].max())}: its "
            f"{int(runs.sum()):,} customers are kept from this one"
        )
    if rests.any():
        said.append(
            f"campaign {name} is over: {int(rests.sum()):,} customers whom it treated rest until "
            f"{_day(found.end[rests].max() + rest.to_timedelta64())}"
        )
    return said


def _day(moment: np.datetime64) -> datetime.date:
    return pd.Timestamp(moment).date()


def _refuse_respelled(kept: KeptCampaign, found: _Kept, known: pd.Series) -> None:
    """Refuse exports that spell ids otherwise, also of a campaign that is over.

    Arms and the global control group are drawn by the ids: of others they would be others.
    """
    files = (
        (kept.listed, found.ids[: found.listed]),
        (kept.global_control, found.ids[found.listed :]),
    )
    for path, ids in files:
        if len(ids) and len(known):
            refuse_other_spellings({str(path): ids, "the export": known})


def _customers(kept: KeptCampaign, terms: LaunchedTerms | None) -> _Kept:
    """Return who was on the list, and who would have been but for the global control group."""
    listed = read_sent(kept).listed
    ids = listed.index.to_series().reset_index(drop=True).astype("str")
    columns = {name: listed[name].to_numpy() for name in ("treatment", "start", "end")}
    if terms is not None:
        # What was launched has one start and one horizon.
        until = np.datetime64(running_until(terms.end, terms.valid_until))
        columns["end"] = np.full(len(ids), until, dtype=columns["end"].dtype)
        members = _members(kept)
        how = {"seed": terms.seed, "share": terms.control_share}
        # Their arms are those that the campaign's lot would have given them.
        more = {"treatment": assigned(members, **how) == Arm.TREATMENT}
        more |= {name: np.repeat(columns[name][:1], len(members)) for name in ("start", "end")}
        columns = {name: np.concatenate([columns[name], more[name]]) for name in columns}
        ids = pd.concat([ids, members], ignore_index=True)
    return _Kept(len(listed), ids, columns["treatment"], columns["start"], columns["end"])


def _members(kept: KeptCampaign) -> pd.Series:
    """Return who of the global control group would have been on a campaign's list."""
    if not kept.global_control.exists():
        return pd.Series(dtype="str")
    ids = read_parquet(kept.global_control, [IDENTITY])[IDENTITY].astype("str")
    return clean_ids(ids)[0].reset_index(drop=True)


def _refuse_freed_control(kept: KeptCampaign, terms: LaunchedTerms, campaign: Campaign) -> None:
    """Raise an InputError if the params would contact the global control of a campaign."""
    seed, share = terms.global_seed, terms.global_share
    members = _members(kept)
    if not share:
        # The table is as it was launched: its fingerprint was compared.
        if len(members):
            raise InputError(
                f"{kept.launch}: the share of global_control is 0, but {kept.global_control.name} "
                f"holds {len(members):,} customers; {kept.checkout} brings back what was launched"
            )
        return
    name = f"campaign {kept.name} was sent with"
    if seed != campaign.global_seed:
        raise InputError(
            f"params.yaml: campaign.global_seed is {campaign.global_seed}, but {name} {seed}; "
            f"valid: {seed}, as another one contacts the global control group"
        )
    if share > campaign.global_control_share:
        raise InputError(
            f"params.yaml: campaign.global_control_share is {campaign.global_control_share:g}, "
            f"but {name} {share:g}; valid: {share:g} or more, as less contacts the global control "
            "group"
        )
    stays = in_global_control(members, seed=seed, share=campaign.global_control_share)
    if not stays.all():
        raise InputError(
            f"{kept.global_control} holds {int((~stays).sum())} customers whom "
            f"campaign.global_seed and global_control_share would contact; is {kept.launch} as it "
            "was launched?"
        )
