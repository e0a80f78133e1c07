"""The campaign as a table to send, and what it adds up to."""

import datetime
import math
from collections.abc import Sequence
from itertools import repeat

import numpy as np
import pandas as pd

from retention.campaign.offers import Offer
from retention.campaign.wording import filled_texts
from retention.core.arms import Arm
from retention.core.columns import Columns
from retention.core.vocabulary import ASSUMED_EFFECT, IDENTITY

GAIN_DIGITS = 6
"""Digits after the point of an expected gain on the list."""


def campaign_list(
    audience: pd.DataFrame,
    chosen: pd.DataFrame,
    offers: Sequence[Offer],
    words: pd.DataFrame,
    *,
    columns: Columns,
    valid_until: datetime.date,
    language: str,
) -> pd.DataFrame:
    """Return the campaign's list, the highest expected gain first.

    Parameters
    ----------
    audience : DataFrame
        ``customer_id``, ``segment``, ``arm`` (or ``arms.GLOBAL_CONTROL``) and ``reasons``.
    chosen : DataFrame
        ``offer`` (place in `offers`) and ``expected_gain``, indexed as `audience`. A
        customer who is not treated has the offer that would have been made, and its gain.
    offers : sequence of Offer
    words : DataFrame
        What placeholders stand for; rows as in `audience`.
    columns : Columns
        The data dictionary: what categories are called.
    valid_until : date
        Last day of the offers.
    language : str
        Of the offers' texts, ``ru`` or ``en``.
    """
    rows = audience.loc[chosen.index]
    places = chosen["offer"].to_numpy()
    codes, channels = (
        np.array([getattr(offer, key) for offer in offers], dtype=object)
        for key in ("code", "channel")
    )
    costs, effects = (
        np.array([getattr(offer, key) for offer in offers], dtype="float64")
        for key in ("cost", "effect")
    )
    table = pd.DataFrame(
        {
            IDENTITY: rows[IDENTITY],
            "segment": rows["segment"],
            "offer": codes[places],
            "channel": channels[places],
            "text": filled_texts(
                offers, places, words.loc[chosen.index], columns=columns, language=language
            ),
            "arm": rows["arm"],
            "expected_gain": chosen["expected_gain"].round(GAIN_DIGITS),
            "cost": costs[places],
            # What is measured later is held against this, whatever the catalogue says by then.
            ASSUMED_EFFECT: effects[places],
            "reasons": rows["reasons"],
            "valid_until": pd.Series(valid_until, rows.index, dtype="date32[pyarrow]"),
        }
    )
    return table.sort_values(["expected_gain", IDENTITY], ascending=[False, True])


def offers_made(
    place: np.ndarray, gain: np.ndarray, treated: np.ndarray, offers: Sequence[Offer]
) -> dict[str, dict[str, float]]:
    """Return, for each offer, customers of both arms, and cost and gain of those treated.

    Parameters
    ----------
    place : ndarray of int, shape (n_listed,)
        Place in `offers` of each listed customer's offer.
    gain : ndarray, shape (n_listed,)
        Its expected gain, as the list has it.
    treated : ndarray of bool, shape (n_listed,)
    offers : sequence of Offer
    """
    found = {}
    for number, offer in enumerate(offers):
        of_it = place == number
        sent = of_it & treated
        count = int(sent.sum())
        found[offer.code] = {
            str(Arm.TREATMENT): count,
            str(Arm.CONTROL): int(of_it.sum()) - count,
            # The same sum in whatever order, so however many parts the customers lie in.
            "cost": math.fsum(repeat(offer.cost, count)),
            "expected_gain": math.fsum(gain[sent]),
        }
    return found
