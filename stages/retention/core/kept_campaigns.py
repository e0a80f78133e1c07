"""What was sent, by name: where a campaign's files lie, and that nobody has edited them since.

A campaign that is passed over in silence would be customers who were contacted and are taken for
untouched, so whatever is in the folder and is no whole campaign is refused.
"""

import datetime
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retention.core.errors import InputError, clipped, one_of, shown
from retention.core.files import read_json, read_parquet
from retention.core.months import months_after
from retention.core.part_names import part_files
from retention.core.paths import PROGRAMME
from retention.core.yaml_files import read_yaml

FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
"""A name that is one for a folder on every system."""
_NEEDS = (
    "valid_until",
    *("name", "date", "end", "horizon", "seed", "control_share"),
    *("global_control", "files"),
)


@dataclass(frozen=True)
class KeptCampaign:
    """A campaign that was launched, in its folder.

    Attributes
    ----------
    folder : Path
        ``campaigns/NAME``.
    """

    folder: Path

    @property
    def name(self) -> str:
        """What the campaign is called."""
        return self.folder.name

    @property
    def pointer(self) -> Path:
        """DVC's small file beside the folder."""
        return self.folder.with_name(f"{self.name}.dvc")

    @property
    def checkout(self) -> str:
        """What to run to have it again as it was sent: DVC may have taken an edit for a version."""
        return f"`git checkout HEAD -- {self.pointer} && dvc checkout --force {self.pointer}`"

    @property
    def listed(self) -> Path:
        """Who was on the list, of both arms: a file, or a folder of parts."""
        return self.folder / "list.parquet"

    @property
    def global_control(self) -> Path:
        """Who would have been on it but is contacted by no campaign; as the list."""
        return self.folder / "global_control.parquet"

    @property
    def excluded(self) -> Path:
        """Who got no offer, each with the gate."""
        return self.folder / "excluded.parquet"

    @property
    def offers(self) -> Path:
        """The catalogue as it was."""
        return self.folder / "offers.yaml"

    @property
    def params(self) -> Path:
        """The params as they were."""
        return self.folder / "params.yaml"

    @property
    def launch(self) -> Path:
        """What was launched, when and by which model; and the fingerprints of the files."""
        return self.folder / "launch.json"

    @property
    def answers(self) -> Path:
        """What came back when the outcome was known; there from the day it is measured."""
        return self.folder / "answers.parquet"

    @property
    def measured(self) -> Path:
        """What the campaign did; there from the day it is measured."""
        return self.folder / "measured.json"

    @property
    def frozen(self) -> list[Path]:
        """The files that stay as they were on the day of the launch."""
        return [self.listed, self.global_control, self.excluded, self.offers, self.params]

    @property
    def said(self) -> dict[str, Any] | None:
        """What :attr:`launch` holds; None of a campaign of which only a list is kept."""
        return read_json(self.launch, needs=_NEEDS) if self.launch.is_file() else None


def kept_campaigns(folder: Path) -> list[KeptCampaign]:
    """Return every campaign that was sent, by name.

    Parameters
    ----------
    folder : Path
        Holds a folder a campaign, DVC's small files beside, and what was measured of all. Hidden
        files do not matter.

    Raises
    ------
    InputError
        If a campaign is not here but in DVC only, lacks a file or has one that was edited; or if
        what was launched tells of other days, seeds or shares than the files beside it.
    """
    if not folder.is_dir():
        return []
    inside = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    names = {one.with_suffix("") if one.suffix == ".dvc" else one for one in inside}
    return [_checked(KeptCampaign(one)) for one in sorted(names) if one.name != PROGRAMME.name]


def fingerprints_of(paths: Sequence[Path]) -> dict[str, str]:
    """Return the sha256 of each file; of a folder of parts that of all its parts in their order."""
    return {path.name: _fingerprint(path) for path in paths}


def _fingerprint(path: Path) -> str:
    found = hashlib.sha256()
    for file in part_files(path) if path.suffix == ".parquet" else [path]:
        with file.open("rb") as content:
            found.update(hashlib.file_digest(content, "sha256").digest())
    return found.hexdigest()


def _checked(campaign: KeptCampaign) -> KeptCampaign:
    """Return a campaign whose files are all there, and as they were launched."""
    folder, pointer = campaign.folder, campaign.pointer
    held = sorted(folder.iterdir()) if folder.is_dir() else []
    if pointer.exists() and not held and not folder.is_file():
        raise InputError(
            f"{folder} is not here, so that whom it treated cannot be known; "
            f"`dvc pull {pointer}` brings it"
        )
    if not folder.is_dir():
        raise InputError(
            f"{folder} is a file; valid: a folder for each campaign with its list, such as "
            f"{folder.with_name(folder.stem)}/{campaign.listed.name}"
        )
    if not campaign.listed.exists():
        found = one_of(one.name for one in held[:5]) or "nothing"
        raise InputError(
            f"{folder} has no {campaign.listed.name}, so that whom it treated cannot be known; "
            f"found: {found}; remove the folder if nothing was sent"
        )
    said = campaign.said
    if said is None:
        _refuse_lost(campaign)
    else:
        _refuse_edited(campaign, said)
        _refuse_other_days(campaign, said)
        _refuse_other_lots(campaign, said)
    return campaign


def _refuse_lost(campaign: KeptCampaign) -> None:
    """Raise an InputError if it was launched, but what tells of the launch is gone.

    A list that was kept by hand has none of the files that a launch lays beside it.
    """
    beside = [*campaign.frozen[1:], campaign.answers, campaign.measured]
    there = one_of(path.name for path in beside if path.exists())
    if there:
        raise InputError(
            f"{campaign.launch} is missing, though {there} of a launch is there; "
            f"{campaign.checkout} brings it back"
        )


def _refuse_edited(campaign: KeptCampaign, said: Mapping[str, Any]) -> None:
    """Raise an InputError if the folder is of another campaign, or a file is not as launched."""
    if said["name"] != campaign.name:
        raise InputError(
            f"{campaign.launch} is of the campaign {clipped(str(said['name']))}; valid: a folder "
            "under the name that it was launched by"
        )
    then_of = said["files"]
    lacks = [one.name for one in campaign.frozen if one.name not in then_of]
    if lacks:
        raise InputError(
            f"{campaign.launch}: files has no {lacks[0]}; "
            f"{campaign.checkout} brings back what was launched"
        )
    for name, then in then_of.items():
        path = campaign.folder / name
        if not path.exists():
            raise InputError(f"{path} is missing; `dvc checkout {campaign.pointer}` brings it back")
        if _fingerprint(path) != then:
            raise InputError(
                f"{path} was edited since it was launched; "
                f"{campaign.checkout} brings back what was sent"
            )


def _refuse_other_days(campaign: KeptCampaign, said: Mapping[str, Any]) -> None:
    """Raise an InputError if the launch is of other days than its list: by them customers rest."""
    days = {
        (str(date)[:10], int(horizon))
        for part in part_files(campaign.listed)
        for date, horizon in read_parquet(part, ["date", "horizon"])
        .drop_duplicates()
        .itertuples(index=False)
    }
    for date, horizon in sorted(days):
        end = months_after(datetime.date.fromisoformat(date), horizon).isoformat()
        found = {"date": date, "horizon": horizon, "end": end}
        _refuse_unlike(campaign, said, found, campaign.listed)


def _refuse_other_lots(campaign: KeptCampaign, said: Mapping[str, Any]) -> None:
    """Raise an InputError if the launch is of other seeds or shares than its params.

    By them it is known whose arm is which, and whom no campaign contacts.
    """
    params = read_yaml(campaign.params)
    found = params.get("campaign") if isinstance(params, dict) else None
    keys = ("seed", "control_share", "global_seed", "global_control_share")
    lacks = [key for key in keys if not isinstance(found, dict) or key not in found]
    if lacks:
        raise InputError(f"{campaign.params}: key campaign.{lacks[0]} is missing")
    control = {"seed": found["global_seed"], "share": found["global_control_share"]}
    lots = {"seed": found["seed"], "control_share": found["control_share"]}
    _refuse_unlike(campaign, said, lots | {"global_control": control}, campaign.params)


def _refuse_unlike(
    campaign: KeptCampaign, said: Mapping[str, Any], found: Mapping[str, Any], beside: Path
) -> None:
    """Raise an InputError if the launch tells something else than a file that nobody edited."""
    for key, value in found.items():
        if said[key] != value:
            raise InputError(
                f"{campaign.launch}: {key} is {shown(said[key])}, but by {beside.name} it is "
                f"{shown(value)}; {campaign.checkout} brings back what was "
                "launched"
            )
