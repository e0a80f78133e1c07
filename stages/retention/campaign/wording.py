"""What an offer's text says to each customer: the categories of goods that it names."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from retention.campaign.offers import PLACEHOLDERS, Offer, fill
from retention.core.columns import Columns
from retention.core.vocabulary import FAVOURITE


def category_words(
    customers: pd.DataFrame, by_segment: Mapping[str, Mapping[str, str]]
) -> pd.DataFrame:
    """Return the category that each placeholder stands for, missing where there is none.

    Parameters
    ----------
    customers : DataFrame
        ``favourite_category`` and ``segment``, a customer's first segment.
    by_segment : mapping of str to (mapping of str to str)
        For a segment the categories of the placeholders other than the customer's own; those
        that cannot be told apart are left out.

    Returns
    -------
    DataFrame of str
        A column each of ``offers.PLACEHOLDERS``, in the project's words; rows as in `customers`.
    """
    own = customers[FAVOURITE].astype(object)
    table = {FAVOURITE: own.where(own.notna(), None)}
    for name in PLACEHOLDERS[1:]:
        known = {segment: found[name] for segment, found in by_segment.items() if name in found}
        table[name] = customers["segment"].astype(object).map(known)
    return pd.DataFrame(table, customers.index)


def fillable(offer: Offer, words: pd.DataFrame) -> np.ndarray:
    """Tell for which customers every placeholder of the offer's text is known."""
    return words[offer.placeholders].notna().all(axis=1).to_numpy()


def filled_texts(
    offers: Sequence[Offer],
    places: np.ndarray,
    words: pd.DataFrame,
    *,
    columns: Columns,
    language: str,
) -> np.ndarray:
    """Return each customer's text.

    Parameters
    ----------
    offers : sequence of Offer
    places : ndarray of int, shape (n_customers,)
        Place in `offers` of each customer's offer.
    words : DataFrame
        As :func:`category_words` gives it, of the same customers.
    columns : Columns
        The data dictionary: what categories are called.
    language : str
        ``ru`` or ``en``.
    """
    category = columns.by_name[FAVOURITE]
    texts = np.empty(len(places), dtype=object)
    for place, offer in enumerate(offers):
        rows = np.flatnonzero(places == place)
        if not len(rows):
            continue
        text, names = getattr(offer.text, language), offer.placeholders
        if not names:
            texts[rows] = text
            continue
        of_rows = words[names].iloc[rows]
        group = of_rows.groupby(names, sort=False).ngroup().to_numpy()
        first = of_rows.iloc[np.unique(group, return_index=True)[1]]
        variants = [
            fill(text, {name: category.shown(word, language) for name, word in row.items()})
            for row in first.to_dict("records")
        ]
        texts[rows] = np.array(variants, dtype=object)[group]
    return texts
