"""A campaign as its folder tells: who was on its list and what came back; files read and checked.

What is measured was frozen when the campaign was launched: risk, profit, arms, effects assumed and
terms of then. Ids are brought to one form on the way in, so that an answer that spells an id
otherwise meets its customer or is refused.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from retention.core.arms import Arm
from retention.core.errors import InputError, one_of, shown
from retention.core.files import read_json, read_parquet, settled, write_json, write_parquet
from retention.core.kept_campaigns import KeptCampaign, fingerprints_of
from retention.core.vocabulary import ASSUMED_EFFECT, IDENTITY, PROFIT
from retention.core.yaml_files import read_yaml
from retention.data.id_forms import refuse_other_spellings
from retention.data.ids import clean_ids
from retention.measurement.inputs import OUTCOMES

_COLUMNS = [
    *(IDENTITY, "segment", "offer", "channel", "arm", "cost"),
    *(ASSUMED_EFFECT, "risk", PROFIT),
]
_TERMS = ("control_share", "horizon_months", "share_lost", "rest_days")
FINGERPRINT = "answers_sha256"
"""Key of measured.json: of the answers that it was made of."""
LEAST_FIT = 0.5
"""Share of a list, or of the answers, below which answers may be those of another campaign; and
share of all customers in either from which they fit another one."""


@dataclass(frozen=True)
class FrozenTerms:
    """The params of a campaign on the day it was launched; as in params.yaml."""

    control_share: float
    horizon_months: float
    share_lost: float
    rest_days: float


@dataclass(frozen=True)
class RecordedCampaign:
    """A campaign that was launched.

    Attributes
    ----------
    kept : KeptCampaign
    said : dict
        What launch.json holds.
    """

    kept: KeptCampaign
    said: dict[str, Any]

    @property
    def name(self) -> str:
        """What the campaign is called."""
        return self.kept.name

    @property
    def date(self) -> datetime.date:
        """The day on which it started."""
        return datetime.date.fromisoformat(self.said["date"])

    @property
    def end(self) -> datetime.date:
        """The first day on which its outcome is known."""
        return datetime.date.fromisoformat(self.said["end"])

    @property
    def is_measured(self) -> bool:
        """Whether answers were put in, even if one of the two files that this leaves is lost."""
        return self.kept.answers.is_file() or self.kept.measured.is_file()

    @cached_property
    def terms(self) -> FrozenTerms:
        """By what it is measured."""
        params = read_yaml(self.kept.params)
        found = params.get("campaign") if isinstance(params, dict) else None
        lacks = [key for key in _TERMS if not isinstance(found, dict) or key not in found]
        if lacks:
            raise InputError(f"{self.kept.params}: key campaign.{lacks[0]} is missing")
        return FrozenTerms(*(float(found[key]) for key in _TERMS))

    @cached_property
    def listed(self) -> pd.DataFrame:
        """The list: ``treated`` (bool) beside what was assumed and known of each customer."""
        table = _read(self.kept.listed)
        return table.assign(treated=table["arm"] == Arm.TREATMENT)

    @cached_property
    def members(self) -> pd.DataFrame:
        """Who would have been on the list but is contacted by no campaign; may be nobody."""
        return _read(self.kept.global_control).assign(treated=False)

    @property
    def ids(self) -> pd.Series:
        """Everybody of whom answers are kept."""
        return pd.concat([self.listed[IDENTITY], self.members[IDENTITY]], ignore_index=True)


def _read(path: Path) -> pd.DataFrame:
    table = read_parquet(path, _COLUMNS)
    ids = clean_ids(table[IDENTITY].astype("str"))[0]
    table = table.assign(**{IDENTITY: ids})
    if ids.duplicated().any():
        raise InputError(
            f"{path} has a customer twice, in row {int(ids.duplicated().argmax()) + 1}"
        )
    return table.assign(**{name: table[name].astype(object) for name in ("offer", "channel")})


def recorded_campaigns(kept: Sequence[KeptCampaign]) -> list[RecordedCampaign]:
    """Return the campaigns that were launched, by day and name; lists without a launch are none."""
    found = []
    for one in kept:
        said = one.said
        if said is None:
            continue
        if "unit" not in said:
            raise InputError(f"{one.launch} is of another version, it has no unit")
        found.append(RecordedCampaign(one, said))
    return sorted(found, key=lambda one: (one.date, one.name))


def named(
    campaigns: Sequence[RecordedCampaign], name: str, *, today: datetime.date
) -> RecordedCampaign:
    """Return the campaign of a name whose outcome is known.

    Raises
    ------
    InputError
        If none has that name, or its outcome is not known on the day `today`.
    """
    found = {one.name: one for one in campaigns}
    if name not in found:
        valid = one_of(found) or "none, nothing was launched yet"
        raise InputError(f"no campaign {shown(name)} was launched; valid: {valid}")
    campaign = found[name]
    if today < campaign.end:
        raise InputError(
            f"the outcome of {name} is known from {campaign.end} on, the day is {today} (--as-of); "
            "measured before, drops that are still to come would count as none"
        )
    return campaign


def kept_answers(
    answers: pd.DataFrame,
    campaign: RecordedCampaign,
    others: Sequence[RecordedCampaign],
    *,
    place: str,
) -> pd.DataFrame:
    """Return the answers to keep: those of a campaign's customers, with what is known of them.

    Parameters
    ----------
    answers : DataFrame
        As ``inputs.read_responses`` returns them.
    campaign : RecordedCampaign
        Whose answers they are meant to be.
    others : sequence of RecordedCampaign
        Whose they may be instead.
    place : str
        Where the answers stand, for messages.

    Returns
    -------
    DataFrame
        ``customer_id`` and the outcomes of the file, one row a customer, by id.

    Raises
    ------
    InputError
        If ids are spelled otherwise than on the list, or the answers are another campaign's, or fit
        another one better: of a customer who was in both they would be those of other months.
    """
    ids = campaign.ids
    refuse_other_spellings({str(campaign.kept.listed): ids, place: answers[IDENTITY]})
    here = answers[IDENTITY].isin(set(ids)).to_numpy()
    if here.sum() < LEAST_FIT * min(len(ids), len(answers)):
        _refuse_anothers(answers, campaign, others, int(here.sum()), place)
    _refuse_better_fit(answers, campaign, others, place)
    outcomes = [name for name in OUTCOMES if name in answers]
    found = answers.loc[here, [IDENTITY, *outcomes]]
    found = found[found[outcomes].notna().any(axis=1)].dropna(axis=1, how="all")
    if found.empty:
        raise InputError(f"{place} has no outcome of any customer of campaign {campaign.name}")
    return settled(found.sort_values(IDENTITY, kind="stable", ignore_index=True))


def _refuse_anothers(
    answers: pd.DataFrame,
    campaign: RecordedCampaign,
    others: Sequence[RecordedCampaign],
    here: int,
    place: str,
) -> None:
    """Raise an InputError that names the campaign that the answers fit, if any does."""
    fits = {one.name: int(answers[IDENTITY].isin(set(one.ids)).sum()) for one in others}
    best = max(fits, key=lambda name: fits[name], default=None)
    said = "; no other campaign fits better"
    if best is not None and fits[best] > here:
        said = f", {fits[best]} on that of {best}: `python stages/measure.py {best}`?"
    raise InputError(
        f"of the {len(answers)} customers of {place} {here or 'none'} are on the list of campaign "
        f"{campaign.name}{said}"
    )


def _refuse_better_fit(
    answers: pd.DataFrame,
    campaign: RecordedCampaign,
    others: Sequence[RecordedCampaign],
    place: str,
) -> None:
    """Raise an InputError if the answers are by and large of another campaign's customers."""
    own = _fit(answers, campaign)
    fits = {one.name: _fit(answers, one) for one in others}
    best = max(fits, key=lambda name: fits[name], default=None)
    if best is not None and fits[best] > own and fits[best] >= LEAST_FIT:
        raise InputError(
            f"the customers of {place} are those of campaign {best} rather than of {campaign.name} "
            f"(by {fits[best]:.0%} and {own:.0%} of all in file or list): `python "
            f"stages/measure.py {best}`? If not, leave in the file the customers of "
            f"{campaign.name} only"
        )


def _fit(answers: pd.DataFrame, campaign: RecordedCampaign) -> float:
    """Return the share of customers in both of all in the answers, the list or both (Jaccard)."""
    ids = campaign.ids
    both = int(answers[IDENTITY].isin(set(ids)).sum())
    return both / (len(answers) + len(ids) - both)


def read_answers(campaign: RecordedCampaign) -> pd.DataFrame:
    """Return the answers that a campaign was measured by.

    Raises
    ------
    InputError
        If they are not those that were measured, or half of what measuring leaves is not there.
    """
    path = campaign.kept.answers
    for one in (path, campaign.kept.measured):
        if not one.is_file():
            raise InputError(_is_missing(one, campaign))
    measured = read_json(campaign.kept.measured, needs=[FINGERPRINT])
    if fingerprints_of([path])[path.name] != measured[FINGERPRINT]:
        raise InputError(
            f"{path} was edited since it was measured; "
            f"{campaign.kept.checkout} brings it back, or measure {campaign.name} with --replace"
        )
    return read_parquet(path)


def _is_missing(path: Path, campaign: RecordedCampaign) -> str:
    return (
        f"{path} is missing, though {campaign.name} was measured; "
        f"{campaign.kept.checkout} brings it back, or measure {campaign.name} with --replace"
    )


def is_news(answers: pd.DataFrame, campaign: RecordedCampaign, *, replace: bool) -> bool:
    """Tell whether answers are other ones than a campaign was measured by.

    Raises
    ------
    InputError
        If it was measured by others, or by which cannot be known, and these are not to take their
        place.
    """
    path, measured = campaign.kept.answers, campaign.kept.measured
    if not path.is_file():
        if measured.is_file() and not replace:
            raise InputError(_is_missing(path, campaign))
        return True
    earlier = read_parquet(path)
    if earlier.astype({IDENTITY: "str"}).equals(answers.astype({IDENTITY: "str"})):
        return not measured.is_file()  # a run that was killed left the answers alone
    if not replace:
        raise InputError(
            f"{path} holds other answers, of {len(earlier)} customers; these are of "
            f"{len(answers)}: --replace puts them in their place"
        )
    return True


def keep(answers: pd.DataFrame, content: dict[str, Any], campaign: RecordedCampaign) -> None:
    """Write the answers of a campaign and what was measured by them into its folder."""
    path = campaign.kept.answers
    write_parquet(answers, path)
    write_json({FINGERPRINT: fingerprints_of([path])[path.name], **content}, campaign.kept.measured)
