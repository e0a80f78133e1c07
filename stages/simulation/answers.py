"""Answer a campaign as the simulated shop would, with effects planted by hand.

A customer's luck is drawn from the id alone, so that the same list and seed give the same answers
and nobody's answer changes when others are added.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from retention.core.errors import InputError, one_of
from retention.core.hashing import uniform
from retention.core.vocabulary import IDENTITY, LABEL


def parse_effects(words: Sequence[str], offers: Collection[str]) -> dict[str, float]:
    """Return the planted effect of each offer.

    Parameters
    ----------
    words : sequence of str
        ``SHARE`` for every offer, ``CODE=SHARE`` for one; what names the offer wins. An offer
        that no word speaks of does nothing.
    offers : collection of str
        Codes on the list.

    Returns
    -------
    dict
        Share of the drops that each offer prevents, -1 to 1; below 0 it drives customers away.

    Raises
    ------
    InputError
        If a word is no such effect.
    """
    common, named = 0.0, {}
    for word in words:
        code, equals, number = word.rpartition("=")
        try:
            effect = float(number)
        except ValueError:
            effect = float("nan")
        if not -1 <= effect <= 1 or (equals and not code):
            raise InputError(f"--effect {word!r}: give a share from -1 to 1, or CODE=SHARE")
        if code and code not in offers:
            valid = one_of(sorted(offers))
            raise InputError(f"--effect {word!r}: no offer {code} on the list; valid: {valid}")
        if code:
            named[code] = effect
        else:
            common = effect
    return {code: named.get(code, common) for code in sorted(offers)}


def simulate_responses(
    listed: pd.DataFrame, truth: pd.DataFrame, effects: Mapping[str, float], *, seed: int
) -> pd.DataFrame:
    """Return what the customers of a list did in the three months after.

    A customer of the control arm drops with the true probability p, one of the treatment arm with
    p x (1 - effect), at most 1.

    Parameters
    ----------
    listed : DataFrame
        ``customer_id``, ``offer`` and ``treated`` (bool).
    truth : DataFrame
        ``customer_id`` and ``probability``, 0 to 1.
    effects : mapping
        Share of the drops that each offer prevents.
    seed : int
        Another seed gives other luck.

    Returns
    -------
    DataFrame
        ``customer_id`` and ``drop`` (0 or 1), rows as in `listed`.

    Raises
    ------
    InputError
        If a customer of the list is none of the simulated shop's.
    """
    known = pd.Series(truth["probability"].to_numpy(), truth[IDENTITY].astype("str"))
    probability = listed[IDENTITY].map(known)
    if probability.isna().any():
        who = listed.loc[probability.isna(), IDENTITY].iloc[0]
        raise InputError(
            f"customer {who} of the list is none of the simulated shop's; only a campaign made "
            "from data/sample can be answered"
        )
    prevented = np.where(listed["treated"], listed["offer"].map(effects), 0.0)
    chance = np.clip(probability.to_numpy() * (1 - prevented), 0, 1)
    key = pd.util.hash_array(listed[IDENTITY].to_numpy(dtype=object))
    drawn = uniform(key, seed=seed, purpose="answer")
    return pd.DataFrame({IDENTITY: listed[IDENTITY], LABEL: (drawn < chance).astype("int64")})
