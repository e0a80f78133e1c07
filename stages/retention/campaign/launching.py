"""Launch: keep what is about to be sent as it is, under the campaign's name, once and for all."""

import datetime
import shutil
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from retention.campaign.launched_terms import read_terms
from retention.core import paths
from retention.core.arms import GLOBAL_CONTROL, Arm
from retention.core.errors import InputError, one_of
from retention.core.files import made, read_json, read_parquet, write_json, write_parquet
from retention.core.kept_campaigns import KeptCampaign, fingerprints_of, kept_campaigns
from retention.core.months import months_after
from retention.core.params import Campaign
from retention.core.part_names import files_of_same_parts, part_paths
from retention.core.parts import map_parts
from retention.core.scratch import scratch_folder
from retention.core.vocabulary import ASSUMED_EFFECT, IDENTITY

_NEEDS = ("rehearsal", "power", "excluded", "offers", "treatment_cost", "treatment_expected_gain")
LATEST_LAUNCH = 14
"""Days after a campaign's start on which it may be launched at the latest: what was foretold of
customers, their consent to it and the days until the outcome count from the start."""


def refuse_launched(name: str) -> None:
    """Raise an InputError if a campaign of this name was launched already, here or in DVC."""
    kept = KeptCampaign(paths.CAMPAIGNS / name)
    if kept.folder.exists() or kept.pointer.exists():
        raise InputError(
            f"{kept.folder} is there already: what was sent stays as it is; valid: another "
            f"campaign.name in params.yaml; `--outbox {kept.name}` makes its addresses anew"
        )


def launched(name: str, *, today: datetime.date) -> KeptCampaign:
    """Return a campaign that was launched and can still be sent, its files as they were then.

    Raises
    ------
    InputError
        If there is none, one of them is missing or was edited, its offers have ended, or its
        outcome is known: whom it treated may be on another list since.
    """
    found = kept_campaigns(paths.CAMPAIGNS)
    for one in found:
        terms = read_terms(one) if one.name == name else None
        if terms is not None:
            _refuse_ended(terms.valid_until, today)
            if terms.end <= today:
                raise InputError(
                    f"the outcome of {name} is known since {terms.end} and today is {today}: a "
                    "message would reach customers of later campaigns; valid: another campaign"
                )
            return one
    there = one_of(one.name for one in found if one.said is not None) or "none yet"
    raise InputError(f"{paths.CAMPAIGNS / name} was not launched; launched: {there}")


def _refuse_ended(valid_until: datetime.date, today: datetime.date) -> None:
    """Raise an InputError if offers have ended by the day on which they would be sent."""
    if valid_until < today:
        raise InputError(
            f"the offers were valid until {valid_until} and today is {today}; valid: a later "
            "campaign.date in params.yaml, and `dvc repro` for its list"
        )


def read_planned(campaign: Campaign, *, as_of: str | None, today: datetime.date) -> dict[str, Any]:
    """Return what segment tells of the list, if it is one that may be sent.

    Parameters
    ----------
    campaign : Campaign
        The params, with a date.
    as_of : str or None
        Day of the data.
    today : date
        Day on which it is sent.

    Raises
    ------
    InputError
        If nothing is to be sent by this list: a rehearsal, an empty one, one whose offers have
        ended, one that begins before the data's day or began too long ago.
    """
    details = read_json(paths.SEGMENT_DETAILS, needs=_NEEDS)
    if details["rehearsal"]:
        raise InputError(
            f"{paths.CAMPAIGN_LIST} is a rehearsal: the outcome of everyone is known already, and "
            "nothing is to be sent; valid: exports with customers whose label is empty"
        )
    if not details[str(Arm.TREATMENT)]:
        gates = {gate: count for gate, count in details["excluded"].items() if count}
        raise InputError(
            f"{paths.CAMPAIGN_LIST} names nobody to be contacted; excluded: {gates or 'nobody'}"
        )
    day = _start_of(campaign)
    if as_of is not None and day < datetime.date.fromisoformat(as_of):
        raise InputError(
            f"params.yaml: campaign.date is {day}, before the data's day {as_of}: what customers "
            "did since the campaign began would be taken for what they did before it; valid: "
            f"{as_of} or later"
        )
    _refuse_ended(day + datetime.timedelta(days=campaign.valid_days), today)
    # Far less than any horizon: no campaign is launched that later lists would take for one over.
    earliest = today - datetime.timedelta(days=LATEST_LAUNCH)
    if day < earliest:
        raise InputError(
            f"params.yaml: campaign.date is {day} and today is {today}; valid: a start at most "
            f"{LATEST_LAUNCH} days back, {earliest} or later, "
            "and `dvc repro` for its list"
        )
    return details


def freeze(
    campaign: Campaign, details: Mapping[str, Any], *, horizon: int, model: str, jobs: int
) -> KeptCampaign:
    """Keep the list that segment made, with all that tells what was sent, whole or not at all.

    Parameters
    ----------
    campaign : Campaign
        The params, with a date.
    details : mapping
        As :func:`read_planned` returns them.
    horizon : int
        Months until the outcome is known, from 1.
    model : str
        sha256 of the model.
    jobs : int
        Processes at most.

    Raises
    ------
    InputError
        If a table is missing or is of another list.
    """
    kept = KeptCampaign(paths.CAMPAIGNS / campaign.name)
    with scratch_folder(kept.folder.with_name(f".{kept.name}.partial")) as folder:
        scratch = KeptCampaign(folder)
        work = partial(_keep_part, date=_start_of(campaign).isoformat(), horizon=horizon)
        counted = pd.concat(
            map_parts(work, _places(scratch), jobs=jobs, what="keeping the list", light=True),
            ignore_index=True,
        )
        if paths.CAMPAIGN_EXCLUDED.is_dir():
            shutil.copytree(
                paths.CAMPAIGN_EXCLUDED, scratch.excluded, copy_function=shutil.copyfile
            )
        else:
            shutil.copyfile(made(paths.CAMPAIGN_EXCLUDED), scratch.excluded)
        shutil.copyfile(paths.OFFERS, scratch.offers)
        shutil.copyfile(paths.PARAMS, scratch.params)
        said = _said(campaign, details, _Sent(counted), horizon=horizon, model=model)
        said["files"] = fingerprints_of(scratch.frozen)
        write_json(said, scratch.launch)
        folder.rename(kept.folder)
    return kept


def _start_of(campaign: Campaign) -> datetime.date:
    if campaign.date is None:  # `plan.dated` gives every campaign one
        raise ValueError("a campaign without a date")
    return campaign.date


class _Sent:
    """How many customers of each arm each offer is for."""

    def __init__(self, counted: pd.DataFrame) -> None:
        self._counted = counted

    def of(self, arm: str, **where: str) -> int:
        """Return how many customers of an arm there are, of an offer or a channel."""
        rows = self._counted[self._counted["arm"] == arm]
        for name, value in where.items():
            rows = rows[rows[name] == value]
        return int(rows["customers"].sum())

    @property
    def channels(self) -> dict[str, int]:
        """The treated of each channel that has some."""
        found = {name: self.of(Arm.TREATMENT, channel=name) for name in self._each("channel")}
        return {name: count for name, count in found.items() if count}

    @property
    def offers(self) -> dict[str, dict[str, float]]:
        """The customers of each offer, the effect assumed of it, and what it costs a customer."""
        listed = self._counted[self._counted["arm"].isin(list(Arm))]
        return {
            code: {
                **{str(arm): self.of(arm, offer=code) for arm in Arm},
                "effect": float(rows[ASSUMED_EFFECT].iloc[0]),
                "cost": float(rows["cost"].iloc[0]),
            }
            for code, rows in listed.groupby("offer", sort=True)
        }

    def _each(self, name: str) -> list[str]:
        return sorted(set(self._counted[name]))


def _places(scratch: KeptCampaign) -> list[tuple[Path, Path, Path, Path, Path]]:
    """Return for each part where it is read, list, global control and customers, and written."""
    tables = (paths.CAMPAIGN_LIST, paths.CAMPAIGN_GLOBAL, paths.CUSTOMERS)
    files = files_of_same_parts([made(path) for path in tables])
    written = [part_paths(path, len(files)) for path in (scratch.listed, scratch.global_control)]
    return [(*read, *to) for read, *to in zip(files, *written, strict=True)]


def _keep_part(
    place: tuple[Path, Path, Path, Path, Path], *, date: str, horizon: int
) -> pd.DataFrame:
    """Write a part of the list and of the global control; return how many there are of each."""
    listed, apart, customers, *written = place
    known = read_parquet(customers, [IDENTITY, "risk", "profit"])
    counted = []
    for path, to in zip((listed, apart), written, strict=True):
        rows = read_parquet(path)
        beside = known[[IDENTITY, *(name for name in ("risk", "profit") if name not in rows)]]
        whole = rows.merge(beside, on=IDENTITY, how="left", validate="one_to_one")
        if whole["risk"].isna().any():
            raise InputError(
                f"{customers} lacks customers of {path}; run `dvc repro`, which makes both anew"
            )
        if path == apart:
            whole["arm"] = GLOBAL_CONTROL
        whole["date"], whole["horizon"] = date, horizon
        write_parquet(whole, to)
        keys = ["arm", "offer", "channel", ASSUMED_EFFECT, "cost"]
        counted.append(whole.groupby(keys, as_index=False, sort=True).size())
    return pd.concat(counted, ignore_index=True).rename(columns={"size": "customers"})


def _said(
    campaign: Campaign, details: Mapping[str, Any], sent: _Sent, *, horizon: int, model: str
) -> dict[str, Any]:
    """Return what launch.json tells, but for the fingerprints."""
    if sent.of(Arm.TREATMENT) != details[str(Arm.TREATMENT)]:
        raise InputError(
            f"{paths.SEGMENT_DETAILS} is of another list than {paths.CAMPAIGN_LIST}; run "
            "`dvc repro`, which makes both anew"
        )
    start = _start_of(campaign)
    until = start + datetime.timedelta(days=campaign.valid_days)
    return {
        "name": campaign.name,
        "date": start.isoformat(),
        "valid_until": until.isoformat(),
        "end": months_after(start, horizon).isoformat(),
        "horizon": horizon,
        "unit": campaign.profit_unit,
        "language": campaign.language,
        "control_share": campaign.control_share,
        "seed": campaign.seed,
        "global_control": {"seed": campaign.global_seed, "share": campaign.global_control_share},
        "customers": {
            **{str(arm): sent.of(arm) for arm in Arm},
            GLOBAL_CONTROL: sent.of(GLOBAL_CONTROL),
            "excluded": details["excluded"],
        },
        "channels": sent.channels,
        "offers": sent.offers,
        "treatment_cost": details["treatment_cost"],
        "treatment_expected_gain": details["treatment_expected_gain"],
        "detectable": details["power"]["pooled"].get("detectable"),
        "model": model,
        "revision": _revision(),
    }


def _revision() -> str | None:
    """Return the commit that is checked out; None where there is none."""
    if not shutil.which("git"):
        return None
    command = ["git", "rev-parse", "--verify", "HEAD"]
    done = subprocess.run(command, capture_output=True, check=False, text=True, encoding="utf-8")
    return done.stdout.strip() or None if not done.returncode else None


def next_steps(kept: KeptCampaign) -> list[str]:
    """Return how to go on with a campaign that was kept, line by line."""
    said = kept.said or {}
    counts = said["customers"]
    # A channel of more customers than a sheet holds has another ending.
    sheets = [sorted(paths.CAMPAIGN_SEND.glob(f"{name}.*")) for name in said["channels"]]
    return [
        f"{kept.folder}: {counts['treatment']:,} customers to be contacted, "
        f"{counts['control']:,} left untouched, {counts[GLOBAL_CONTROL]:,} of the global control; "
        f"from {said['date']}, outcome known on {said['end']}",
        f"dvc add {kept.folder}",
        f"git add {kept.pointer} && git commit -m 'Launch {kept.name}'",
        f"to send: {one_of(path for found in sheets for path in found)}",
    ]
