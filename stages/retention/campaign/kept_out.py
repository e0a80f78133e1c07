"""Who gets nothing, whatever the offers: the suppressed, and whom earlier campaigns keep out."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from retention.campaign.earlier import Earlier, read_earlier
from retention.campaign.eligibility import KEPT_OUT
from retention.campaign.known import known_customers
from retention.campaign.suppression import Suppressed, never_contacted
from retention.core import paths
from retention.core.customer_parts import CustomerPart
from retention.core.params import Campaign


@dataclass(frozen=True)
class KeptOut:
    """Who gets nothing, and why.

    Attributes
    ----------
    suppressed : Suppressed
        The suppression list.
    lacks_own : bool
        Whether it is the simulated shop's, for want of one of the shop's own.
    earlier : Earlier
        Whom earlier campaigns keep from this one.
    """

    suppressed: Suppressed
    lacks_own: bool
    earlier: Earlier

    @property
    def ids(self) -> dict[str, pd.Series]:
        """Return the ids of those whom each of ``eligibility.KEPT_OUT`` stops."""
        never = pd.Series(sorted(self.suppressed.ids), dtype="str")
        found = (never, self.earlier.in_campaign, self.earlier.resting)
        return dict(zip(KEPT_OUT, found, strict=True))


def find_kept_out(
    parts: Sequence[CustomerPart],
    campaign: Campaign,
    *,
    data_dir: str,
    horizon: int,
    jobs: int,
) -> KeptOut:
    """Return who gets nothing, and say how many they are.

    Parameters
    ----------
    parts : sequence of CustomerPart
        All customers, with whose ids those of the lists are compared.
    campaign : Campaign
        The params, with the day of the start.
    data_dir : str
        Params ``data.dir``.
    horizon : int
        Months until an outcome is known.
    jobs : int
        Processes at most.
    """
    known = known_customers(parts, jobs=jobs)
    suppressed, lacks_own = never_contacted(campaign, known, data_dir=data_dir)
    earlier = read_earlier(paths.CAMPAIGNS, campaign, known, horizon=horizon)
    for line in earlier.lines:
        print(f"segment: {line}")
    return KeptOut(suppressed, lacks_own, earlier)
