"""A launched campaign measured by its name, and with it all that were measured before."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from retention.core.files import read_json, write_json
from retention.core.kept_campaigns import KeptCampaign
from retention.core.months import day_told
from retention.core.paths import PROGRAMME
from retention.measurement.markdown import as_markdown
from retention.measurement.programme import AnsweredCampaign, answered, programme_of
from retention.measurement.programme_markdown import programme_markdown
from retention.measurement.recorded import (
    is_news,
    keep,
    kept_answers,
    named,
    read_answers,
    recorded_campaigns,
)


@dataclass(frozen=True)
class MeasuredByName:
    """What a campaign did, and what all that were measured show together.

    Attributes
    ----------
    this : AnsweredCampaign
    programme : dict
        What programme.json holds.
    news : bool
        Whether the answers are other ones than it was measured by before.
    """

    this: AnsweredCampaign
    programme: dict[str, Any]
    news: bool

    @property
    def content(self) -> dict[str, Any]:
        """What this campaign did, in figures."""
        return self.this.content

    @property
    def offers(self) -> dict[str, dict[str, Any]]:
        """The effects for the next campaign, of all campaigns, by offer."""
        return self.programme["catalogue"]["effects"]

    @property
    def report(self) -> str:
        """What there is to read, in Markdown."""
        name = self.this.campaign.name
        parts = [as_markdown(self.content, alone=False), programme_markdown(self.programme)]
        if self.news:
            parts.append(
                f"To keep the answers: `dvc add {self.this.campaign.kept.folder} && git add "
                f"{PROGRAMME}`, and commit."
            )
        else:
            parts.append(f"The same answers as before: nothing changes in campaign {name}.")
        return "\n\n".join(parts)

    def keep(self, programme: Path) -> None:
        """Write the answers into the campaign's folder, and what all campaigns show."""
        if self.news:
            keep(self.this.answers, self.content, self.this.campaign)
        write_json(self.programme, programme)


def measure_by_name(
    name: str,
    kept: Sequence[KeptCampaign],
    answers: pd.DataFrame,
    *,
    as_of: str | None,
    catalogue: Mapping[str, float],
    details: Path,
    replace: bool = False,
    repeated: int = 0,
    place: str = "the answers",
) -> MeasuredByName:
    """Measure a campaign that was launched, and all measured ones together; write nothing yet.

    Parameters
    ----------
    name : str
        Of the campaign.
    kept : sequence of KeptCampaign
        All that were sent.
    answers : DataFrame
        As ``inputs.read_responses`` returns them.
    as_of : str or None
        The day, as YYYY-MM-DD; today where it is not given.
    catalogue : mapping
        Effect of each offer in the catalogue of today.
    details : Path
        What segment found of the list of today; it need not be there. The list of a campaign that
        is measured by now is no next one.
    replace : bool
        Whether the answers may take the place of others.
    repeated : int
        Rows of the answers that stood twice and were left out.
    place : str
        Where the answers stand, for messages.

    Raises
    ------
    InputError
        If no such campaign was launched, its outcome is not known yet, the answers are another
        campaign's, or others were measured before, and these may not replace them.
    """
    launched = recorded_campaigns(kept)
    campaign = named(launched, name, today=day_told(as_of))
    others = [one for one in launched if one.name != name]
    mine = kept_answers(answers, campaign, others, place=place)
    news = is_news(mine, campaign, replace=replace)
    this = answered(campaign, mine, answers, catalogue, repeated=repeated, place=place)
    measured = [this]
    for one in others:
        if one.is_measured:
            earlier = read_answers(one)
            measured.append(answered(one, earlier, earlier, catalogue))
    measured.sort(key=lambda one: launched.index(one.campaign))
    following = _following(details, {one.campaign.name for one in measured})
    found = programme_of(measured, catalogue=catalogue, following=following)
    return MeasuredByName(this, found, news)


def _following(details: Path, measured: Collection[str]) -> dict[str, Any] | None:
    """Return what the list of today can show, None where it is that of a measured campaign."""
    told = read_json(details) if details.is_file() else {}
    return None if told.get("name") in measured else told.get("power", {}).get("pooled")
