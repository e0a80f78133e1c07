"""The campaign as a table to send, and what it adds up to."""

import datetime
from collections.abc import Sequence

import numpy as np
import pandas as pd

from retention.campaign.offers import Offer
from retention.campaign.wording import filled_texts
from retention.core.arms import Arm
from retention.core.vocabulary import IDENTITY, REST


def first_segment(belongs: pd.DataFrame) -> np.ndarray:
    """Return the first segment, in the order of params, that each customer is in, else `REST`."""
    names = np.array([*belongs.columns, REST], dtype=object)
    inside = np.column_stack([belongs.to_numpy(dtype=bool), np.ones(len(belongs), dtype=bool)])
    return names[inside.argmax(axis=1)]


def all_segments(belongs: pd.DataFrame) -> np.ndarray:
    """Return the names of every segment that each customer is in, with spaces between."""
    codes, distinct = _distinct(belongs)
    names = np.array([" ".join(belongs.columns[row]) for row in distinct.to_numpy()], dtype=object)
    return names[codes]


def joined(words: pd.DataFrame) -> np.ndarray:
    """Return the words of each row with spaces between, missing ones left out."""
    codes, distinct = _distinct(words)
    texts = [" ".join(word for word in row if isinstance(word, str)) for row in distinct.to_numpy()]
    return np.array(texts, dtype=object)[codes]


def _distinct(table: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """Return which distinct row each row is, and the distinct rows: they are few, rows many."""
    if table.empty:
        return np.zeros(len(table), dtype="int64"), table.head(1)
    grouped = table.groupby(list(table), dropna=False, sort=False)
    codes = grouped.ngroup().to_numpy()
    return codes, table.iloc[np.unique(codes, return_index=True)[1]].astype(object)


def campaign_list(
    audience: pd.DataFrame,
    chosen: pd.DataFrame,
    offers: Sequence[Offer],
    words: pd.DataFrame,
    *,
    valid_until: datetime.date,
) -> pd.DataFrame:
    """Return the campaign's list, the highest expected gain first.

    Parameters
    ----------
    audience : DataFrame
        ``customer_id``, ``segment``, ``arm`` and ``reasons``.
    chosen : DataFrame
        ``offer`` (place in `offers`) and ``expected_gain``, indexed as `audience`. A
        customer of the control arm has the offer that would have been made, and its gain.
    offers : sequence of Offer
    words : DataFrame
        What placeholders stand for; rows as in `audience`.
    valid_until : date
        Last day of the offers.
    """
    rows = audience.loc[chosen.index]
    places = chosen["offer"].to_numpy()
    codes, channels = (
        np.array([getattr(offer, key) for offer in offers], dtype=object)
        for key in ("code", "channel")
    )
    costs = np.array([offer.cost for offer in offers], dtype="float64")
    table = pd.DataFrame(
        {
            IDENTITY: rows[IDENTITY],
            "segment": rows["segment"],
            "offer": codes[places],
            "channel": channels[places],
            "text": filled_texts(offers, places, words.loc[chosen.index], language="ru"),
            "arm": rows["arm"],
            "expected_gain": chosen["expected_gain"].round(6),
            "cost": costs[places],
            "reasons": rows["reasons"],
            "valid_until": pd.Series(valid_until, rows.index, dtype="date32[pyarrow]"),
        }
    )
    return table.sort_values(["expected_gain", IDENTITY], ascending=[False, True])


def offers_made(listed: pd.DataFrame, offers: Sequence[Offer]) -> dict[str, dict[str, float]]:
    """Return, for each offer, customers of both arms, and cost and gain of those treated."""
    counts = listed.groupby(["offer", "arm"]).size()
    sums = listed[listed["arm"] == Arm.TREATMENT].groupby("offer")[["cost", "expected_gain"]].sum()
    return {
        offer.code: {
            **{str(arm): int(counts.get((offer.code, arm.value), 0)) for arm in Arm},
            "cost": float(sums["cost"].get(offer.code, 0)),
            "expected_gain": float(sums["expected_gain"].get(offer.code, 0)),
        }
        for offer in offers
    }
