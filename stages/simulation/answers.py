"""Answer campaigns as the simulated shop would, with effects planted by hand.

A customer's luck is drawn from the id alone, so that the same list and seed give the same answers
and nobody's answer changes when others are added.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from retention.core.arms import Arm, draw
from retention.core.errors import InputError, one_of
from retention.core.months import months_between
from retention.core.vocabulary import IDENTITY, LABEL
from simulation.months import FIRST_MONTH, HISTORY, ShopOfMonths


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
    drawn = draw(listed[IDENTITY], seed=seed, purpose="answer")
    return pd.DataFrame({IDENTITY: listed[IDENTITY], LABEL: (drawn < chance).astype("int64")})


def protected_by(
    shop: ShopOfMonths,
    lists: Mapping[str, pd.DataFrame],
    effects: Mapping[str, float],
    *,
    seed: int,
) -> np.ndarray:
    """Return whom campaigns keep from falling in which months of the simulated shop.

    Of the treated who would buy less or leave while a campaign works, each offer keeps a share
    that is its effect: those whom luck chooses, by id and campaign alone. A drop that comes of a
    month's luck with revenue is not prevented.

    Parameters
    ----------
    shop : ShopOfMonths
    lists : mapping of str to DataFrame
        By the name of the campaign, the rows of its list: ``customer_id``, ``arm``, ``offer``,
        ``date`` (the day it started) and ``horizon`` (the months that it works, from that of the
        day on).
    effects : mapping
        Share of the falls that each offer prevents, 0 to 1.
    seed : int
        Another seed gives other luck.

    Returns
    -------
    ndarray of bool, shape (n_months, n_customers)
        For :func:`simulation.months.with_campaigns`.

    Raises
    ------
    InputError
        If a customer of a list is none of the shop's, or an offer drives customers away.
    """
    against = sorted(code for code, effect in effects.items() if effect < 0)
    if against:
        raise InputError(f"--effect of {against[0]} is below 0; in months it is from 0 to 1")
    place = pd.Series(np.arange(len(shop.ids)), shop.ids.astype("str"))
    protected = np.zeros(shop.state.shape, dtype=bool)
    for name, listed in sorted(lists.items()):
        ids = listed[IDENTITY].astype("str")
        if not ids.isin(place.index).all():
            who = ids[~ids.isin(place.index)].iloc[0]
            raise InputError(
                f"campaign {name}: customer {who} is none of the simulated shop's; only a campaign "
                "made from its months can be answered"
            )
        lucky = draw(ids, seed=seed, purpose=f"campaign {name}") < listed["offer"].map(effects)
        treated = listed[lucky & (listed["arm"] == Arm.TREATMENT)]
        begins = pd.to_datetime(treated["date"]).dt.strftime("%Y-%m")
        for (month, horizon), rows in treated.groupby([begins, "horizon"]):
            first = HISTORY + months_between(FIRST_MONTH, month)
            span = slice(max(first, 0), max(first + int(horizon), 0))
            protected[span, place[rows[IDENTITY].astype("str")]] = True
    return protected
