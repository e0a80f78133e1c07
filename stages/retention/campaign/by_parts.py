"""The campaign of a shop whose customers lie in parts: each is asked, and each is told."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from retention.campaign.asking import Asked, ask, tell
from retention.campaign.offers import Offer
from retention.campaign.plan import Decision
from retention.campaign.suppression import is_suppressed
from retention.campaign.wording import category_words
from retention.core import paths
from retention.core.audience import is_ahead
from retention.core.columns import Columns
from retention.core.customer_parts import CustomerPart
from retention.core.files import joined
from retention.core.params import Campaign
from retention.core.part_names import clear_table
from retention.core.parts import map_parts
from retention.core.rules import columns_of
from retention.core.spreadsheets import join_rows, write_part_of_both
from retention.core.vocabulary import FAVOURITE, IDENTITY, LABEL, PROFIT, REST
from retention.data.id_forms import telling

_ALWAYS = (LABEL, PROFIT, FAVOURITE)


@dataclass(frozen=True)
class PartsOfAudience:
    """The audience of a campaign, in parts.

    Attributes
    ----------
    parts : sequence of CustomerPart
    ranks : sequence of ndarray
        ``profit_rank`` of the customers of each part.
    named : mapping
        The categories that an offer's text may name by segment, see ``study.category_offers``.
    rehearsal : bool
        Whether nobody's outcome is ahead, so that everybody is asked.
    offers : sequence of Offer
    campaign : Campaign
        The params.
    jobs : int
        Processes at most.
    """

    parts: Sequence[CustomerPart]
    ranks: Sequence[np.ndarray]
    named: Mapping[str, Mapping[str, str]]
    rehearsal: bool
    offers: Sequence[Offer]
    campaign: Campaign
    jobs: int

    def asker(self, suppressed: Collection[str]) -> Callable[[str], list[Asked]]:
        """Return what ``plan.plan_campaign`` asks by.

        Parameters
        ----------
        suppressed : collection of str
            Ids of customers who are never contacted. Every part is held against all of them.
        """

        def asked(stopped: str) -> list[Asked]:
            ruled = set().union(*(columns_of(offer.when) for offer in self.offers))
            ask_them = partial(
                _ask_part,
                columns={*ruled, "consent", "contacts_now"},
                suppressed=suppressed,
                stopped=stopped,
                **self._how,
            )
            items = list(zip(self.parts, self.ranks, strict=True))
            return list(map_parts(ask_them, items, jobs=self.jobs, what="asking customers"))

        return asked

    def write(self, decision: Decision, *, columns: Columns) -> None:
        """Write the list and the excluded, for programs in parts and for people in one file."""
        places = [paths.CAMPAIGN_LIST, paths.CAMPAIGN_EXCLUDED]
        for place in places:
            clear_table(place)
        write = partial(_write_part, columns=columns, **self._how)
        items = list(zip(self.parts, decision.choices, decision.gates, strict=True))
        for _ in map_parts(write, items, jobs=self.jobs, what="writing the list"):
            pass
        for place in places:
            join_rows(place.with_suffix(""), count=len(self.parts))

    @property
    def _how(self) -> dict[str, object]:
        names = ("named", "rehearsal", "offers", "campaign")
        return {name: getattr(self, name) for name in names}


def known_customers(
    parts: Sequence[CustomerPart], *, jobs: int
) -> Callable[[pd.Series], pd.Series]:
    """Return what picks, for the ids on a list, the known ones that ``id_forms.telling`` tells."""

    def known(ids: pd.Series) -> pd.Series:
        found = map_parts(partial(_telling, ids=ids), parts, jobs=jobs, what="reading ids")
        # The first id of all stands first, as if they lay in one part.
        told = sorted((one for one in found if len(one)), key=lambda one: one.iloc[0])
        return pd.concat(told, ignore_index=True)

    return known


def _telling(part: CustomerPart, *, ids: pd.Series) -> pd.Series:
    return telling(part.known_ids(), ids)


def _audience(
    part: CustomerPart,
    columns: Collection[str],
    named: Mapping[str, Mapping[str, str]],
    rank: np.ndarray | None,
    *,
    rehearsal: bool,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the audience of a part, and what placeholders stand for."""
    customers = part.today({*_ALWAYS, *columns})
    if rank is not None:
        customers = customers.assign(profit_rank=rank)
    own = [IDENTITY, "segments", "reasons"]
    customers = joined(customers, part.place_of(paths.CUSTOMERS), own)
    audience = customers if rehearsal else customers[is_ahead(customers)]
    codes, names = pd.factorize(audience["segments"].fillna(""))
    first = np.array([name.split(" ")[0] or REST for name in names], dtype=object)
    audience = audience.assign(segment=first[codes])
    return audience, category_words(audience, named)


def _ask_part(
    item: tuple[CustomerPart, np.ndarray],
    *,
    columns: Collection[str],
    named: Mapping[str, Mapping[str, str]],
    rehearsal: bool,
    offers: Sequence[Offer],
    campaign: Campaign,
    suppressed: Collection[str],
    stopped: str,
) -> Asked:
    part, rank = item
    audience, words = _audience(part, columns, named, rank, rehearsal=rehearsal)
    never = is_suppressed(audience[IDENTITY], suppressed)
    return ask(audience, offers, words, never, campaign=campaign, stopped=stopped)


def _write_part(
    item: tuple[CustomerPart, np.ndarray, np.ndarray],
    *,
    columns: Columns,
    named: Mapping[str, Mapping[str, str]],
    rehearsal: bool,
    offers: Sequence[Offer],
    campaign: Campaign,
) -> None:
    part, choice, gate = item
    audience, words = _audience(part, (), named, None, rehearsal=rehearsal)
    tables = tell(audience, choice, gate, offers, words, columns=columns, campaign=campaign)
    places = (paths.CAMPAIGN_LIST, paths.CAMPAIGN_EXCLUDED)
    for table, place in zip(tables, places, strict=True):
        write_part_of_both(
            table,
            place.with_suffix(""),
            number=part.number,
            count=part.count,
            dialect=campaign.spreadsheet,
        )
