"""A campaign measured: who answered, what the offers did, what it brought, what to run on next."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from retention.core.errors import InputError
from retention.core.value_at_risk import profit_at_stake
from retention.core.vocabulary import ASSUMED_EFFECT, IDENTITY, LABEL, PROFIT
from retention.data.matching import match
from retention.measurement.ab_test import UnmeasurableError, check_split, missing_p
from retention.measurement.catalogue_update import changed_since, effects_to_use
from retention.measurement.groups import effects, in_arms, means_in_arms, money_of
from retention.measurement.inputs import OUTCOMES
from retention.measurement.markdown import as_markdown


class Terms(Protocol):
    """By what a campaign is measured: the params section, or what was launched."""

    @property
    def control_share(self) -> float:
        """Share of the control arm that was planned."""

    @property
    def horizon_months(self) -> float:
        """Months over which a lost customer's profit counts."""

    @property
    def share_lost(self) -> float:
        """Share of the monthly profit that a drop costs."""


@dataclass(frozen=True)
class Measurement:
    """What a campaign did.

    Attributes
    ----------
    content : dict
        All of it in figures; ``drop``, ``revenue``, ``profit`` and ``money`` are None where they
        are not known.
    table : DataFrame
        The list with ``risk``, ``stake`` and each outcome, see :func:`with_outcomes`.
    """

    content: dict[str, Any]
    table: pd.DataFrame

    @property
    def offers(self) -> dict[str, dict[str, Any]]:
        """The effects for the next campaign, by offer; empty where nothing can be told."""
        return self.content["offers"]

    @property
    def report(self) -> str:
        """What there is to read, in Markdown."""
        return as_markdown(self.content)


def measure_campaign(
    listed: pd.DataFrame,
    customers: pd.DataFrame,
    answers: pd.DataFrame,
    *,
    campaign: Terms,
    catalogue: Mapping[str, float],
    repeated: int = 0,
    place: str = "the answers",
) -> Measurement:
    """Check the answers of a campaign and measure its effects.

    Parameters
    ----------
    listed : DataFrame
        The list that was sent, as ``inputs.read_list`` returns it. The effects that it assumes
        are what measured ones are shrunk towards: the catalogue may hold these very answers by
        now, which would then count twice.
    customers : DataFrame
        ``customer_id``, ``risk`` and ``profit`` of at least those on the list.
    answers : DataFrame
        ``customer_id`` and ``drop``, ``revenue`` or ``profit``, or several; one row a customer.
    campaign : Terms
        The params section, or what was launched.
    catalogue : mapping
        Effect of each offer in the catalogue of today.
    repeated : int
        Rows of the answers that stood twice and were left out.
    place : str
        Where the answers stand, for messages.

    Raises
    ------
    InputError
        If the tables do not belong together, or no outcome of anyone on the list is known; it is an
        UnmeasurableError where an arm is empty or the arms do not fit the control share.
    """
    split = check_split(listed, campaign.control_share, who="the list")
    table = with_outcomes(listed, customers, answers, terms=campaign)
    if table["treated"].nunique() < 2:
        raise UnmeasurableError(
            "one_arm",
            "all of the list are of one arm; without the other nothing can be compared",
        )
    if not _on_list(answers, listed).any():
        raise InputError("no customer of the answers is on the list; are both of one campaign?")
    content = {
        "arms": {
            "listed": in_arms(table, table[IDENTITY].notna()),
            "mean_risk": means_in_arms(table, "risk"),
        },
        "missing_p": {},
        **_who_answered(listed, answers),
        "repeated_rows": repeated,
        **dict.fromkeys((*OUTCOMES, "money")),
    }
    outcomes = [name for name in OUTCOMES if table[name].notna().any()]
    if not outcomes:
        raise InputError(f"{place} has no outcome of any customer of the list")
    for name in outcomes:
        known, who = table[name].notna(), f"those of known {name}"
        check_split(table[known], campaign.control_share, who=who)
        content["arms"][f"{name}_known"] = in_arms(table, known)
        content["missing_p"][name] = missing_p(in_arms(table, ~known), content["arms"]["listed"])
        content[name] = effects(table, name)
    content["split"] = {
        "control_share": campaign.control_share,
        "p": split.pop(""),
        "least_segment_p": min(split.values(), default=1.0),
    }
    content |= {"offers": {}, "effects_on_list": ASSUMED_EFFECT in listed, "changed_since": {}}
    if LABEL in outcomes:
        content["money"] = money_of(table)
        content["arms"]["drop_share"] = means_in_arms(table, LABEL)
        if ASSUMED_EFFECT in listed:
            content["offers"] = effects_to_use([known_drops(table)], assumed_by(listed))
            content["changed_since"] = changed_since(content["offers"], catalogue)
    return Measurement(content, table)


def assumed_by(listed: pd.DataFrame) -> dict[str, float]:
    """Return the effect that a list assumes of each of its offers."""
    return listed.groupby("offer")[ASSUMED_EFFECT].first().to_dict()


def known_drops(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of which it is known whether they dropped."""
    return table[table[LABEL].notna()]


def with_outcomes(
    listed: pd.DataFrame, customers: pd.DataFrame, answers: pd.DataFrame, *, terms: Terms
) -> pd.DataFrame:
    """Return the list with risk, stake and outcomes of each customer.

    Parameters
    ----------
    listed, customers, answers : DataFrame
        As :func:`measure_campaign` takes them.
    terms : Terms

    Returns
    -------
    DataFrame
        ``risk``, told before; ``stake``, the profit that a drop would cost by the profit of then;
        and ``drop``, ``revenue`` and ``profit`` of after, missing where they are not known.
    """
    before = customers[[IDENTITY, "risk", PROFIT]].drop_duplicates(IDENTITY)
    table = listed.drop(columns=["risk", PROFIT], errors="ignore")
    table = table.merge(before, on=IDENTITY, how="left")
    if table["risk"].isna().any():
        who = table.loc[table["risk"].isna(), IDENTITY].iloc[0]
        raise InputError(
            f"customer {who} of the list has no risk; list and customers must be of one run"
        )
    table["stake"] = profit_at_stake(table, months=terms.horizon_months, lost=terms.share_lost)
    known = answers.reindex(columns=[IDENTITY, *OUTCOMES])
    return table.drop(columns=PROFIT).merge(known, on=IDENTITY, how="left")


def _who_answered(listed: pd.DataFrame, answers: pd.DataFrame) -> dict[str, Any]:
    """Return how the answers match the list, and who of them is not on it."""
    strange = answers[~_on_list(answers, listed)]
    return {
        "matched": asdict(match("The answers", answers[IDENTITY], listed[IDENTITY])),
        "not_on_list": len(strange),
        "not_on_list_example": strange[IDENTITY].iloc[0] if len(strange) else None,
    }


def _on_list(answers: pd.DataFrame, listed: pd.DataFrame) -> np.ndarray:
    """Tell which answers are of customers of the list."""
    known = pd.Index(listed[IDENTITY].astype(object))
    return known.get_indexer(answers[IDENTITY].astype(object)) >= 0
