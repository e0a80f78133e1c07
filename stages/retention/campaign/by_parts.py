"""The campaign of a shop whose customers lie in parts: each is asked, and each is told."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from retention.campaign.asking import Asked, ask, tell
from retention.campaign.offers import Offer
from retention.campaign.plan import Decision
from retention.campaign.relaunching import refuse_other_list
from retention.campaign.sending import clear_files_to_send, write_files_to_send
from retention.campaign.suppression import is_suppressed
from retention.campaign.wording import category_words
from retention.core import paths
from retention.core.audience import is_ahead
from retention.core.columns import Columns
from retention.core.customer_parts import CustomerPart
from retention.core.errors import InputError
from retention.core.files import joined
from retention.core.params import Campaign
from retention.core.part_names import clear_table
from retention.core.parts import map_parts
from retention.core.rules import columns_of
from retention.core.spreadsheets import join_rows, write_part_of_both
from retention.core.vocabulary import FAVOURITE, IDENTITY, LABEL, PROFIT, REST

_ALWAYS = (LABEL, PROFIT, FAVOURITE)
_WRITTEN = (paths.CAMPAIGN_LIST, paths.CAMPAIGN_GLOBAL, paths.CAMPAIGN_EXCLUDED)


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

    def asker(self, kept_out: Mapping[str, pd.Series]) -> Callable[[str], list[Asked]]:
        """Return what ``plan.plan_campaign`` asks by.

        Parameters
        ----------
        kept_out : mapping of str to Series of str
            The ids of customers whom each of ``eligibility.KEPT_OUT`` stops, in canonical form.
            Every part is held against all of them.
        """

        def asked(stopped: str) -> list[Asked]:
            ruled = set().union(*(columns_of(offer.when) for offer in self.offers))
            ask_them = partial(
                _ask_part,
                columns={*ruled, "consent", "contacts_now"},
                kept_out=kept_out,
                stopped=stopped,
                **self._how,
            )
            items = list(zip(self.parts, self.ranks, strict=True))
            return list(
                map_parts(ask_them, items, jobs=self.jobs, what="asking customers", light=True)
            )

        return asked

    def write(self, decision: Decision, *, columns: Columns) -> None:
        """Write who gets what: for programs in parts, for people in one file a table, and to send.

        By a rehearsal nothing is to be sent.

        Raises
        ------
        InputError
            If a campaign of this name was launched with another list; nothing is left of this one.
        """
        clear_files_to_send()
        for place in _WRITTEN:
            clear_table(place)
        write = partial(_write_part, columns=columns, **self._how)
        items = list(zip(self.parts, decision.choices, decision.gates, strict=True))
        for _ in map_parts(write, items, jobs=self.jobs, what="writing the list", light=True):
            pass
        if not self.rehearsal:
            try:
                refuse_other_list(self.campaign.name)
            except InputError:
                for place in _WRITTEN:
                    clear_table(place)
                    clear_table(place.with_suffix(".csv"))
                raise
        for place in _WRITTEN:
            join_rows(place.with_suffix(""), count=len(self.parts))
        if not self.rehearsal:
            language, dialect = self.campaign.language, self.campaign.spreadsheet
            for line in write_files_to_send(self.offers, language=language, dialect=dialect):
                print(f"segment: {line}")

    @property
    def _how(self) -> dict[str, object]:
        names = ("named", "rehearsal", "offers", "campaign")
        return {name: getattr(self, name) for name in names}


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
    kept_out: Mapping[str, pd.Series],
    stopped: str,
) -> Asked:
    part, rank = item
    audience, words = _audience(part, columns, named, rank, rehearsal=rehearsal)
    stops = {gate: is_suppressed(audience[IDENTITY], ids) for gate, ids in kept_out.items()}
    return ask(audience, offers, words, stops, campaign=campaign, stopped=stopped)


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
    for table, place in zip(tables, _WRITTEN, strict=True):
        write_part_of_both(
            table,
            place.with_suffix(""),
            number=part.number,
            count=part.count,
            dialect=campaign.spreadsheet,
        )
