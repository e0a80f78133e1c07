"""What the shop should change or collect: findings that no offer to one customer answers.

An advice appears only where a figure supports it, and names that figure. What should change
follows from the shop's questions (associations, not effects: a change wants a trial); what should
be collected follows from what the model cannot know today.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.vocabulary import CATEGORY_PREFIX, FAVOURITE, MINUTES
from retention.explanation.hypotheses import YES

CHANGE, COLLECT = "change", "collect"

LOOKS_LOYAL = 0.2
"""Out-of-fold risk below which a customer who dropped had looked loyal."""
GAP = 0.05
"""ROC-AUC short of 1 from which better data is worth collecting."""
QUIET = 0.05
"""Share of the drops that had looked loyal from which other data is worth collecting."""
SILENT = 0.1
"""Share of customers who cannot be written to from which consent is worth asking for."""


_UNITS = {
    "gap_to_perfect_roc_auc": "roc_auc",
    "drops_that_look_loyal": "share",
    "share_without_consent": "share",
    "past_offers": "rows",
}


@dataclass(frozen=True)
class Evidence:
    """What advice may rest on.

    Attributes
    ----------
    questions : DataFrame
        As ``hypotheses.answer_questions`` returns it, by its key.
    metrics : dict
        Figures of the model and of the data, see :func:`advise`.
    """

    questions: pd.DataFrame
    metrics: Mapping[str, float]

    def yes(self, *keys: str) -> tuple[str, float] | None:
        """Return the claim of the largest figure among those answered yes, with its figure."""
        table = self.questions
        held = [
            (float(table["figure"][key]), key)
            for key in keys
            if key in table.index and table["answer"][key] == YES and table["figure"][key] > 0
        ]
        return (max(held)[1], max(held)[0]) if held else None

    def at_least(self, name: str, least: float) -> tuple[str, float] | None:
        """Return the metric `name` if it is known and at least `least`."""
        value = self.metrics.get(name)
        return (name, float(value)) if value is not None and value >= least else None

    def categories(self) -> list[str]:
        """Return the over-represented categories, the most over-represented first."""
        table = self.questions
        held = table[(table["answer"] == YES) & table.index.str.startswith(CATEGORY_PREFIX)]
        ordered = held.sort_values("figure", ascending=False, kind="stable")
        return [key.removeprefix(CATEGORY_PREFIX) for key in ordered.index]


@dataclass(frozen=True)
class Advice:
    """One piece of advice.

    Attributes
    ----------
    key : str
        Its name in files; the page's table of sentences words it.
    kind : str
        ``change`` or ``collect``.
    figure : callable
        Name and value of the figure that supports it, None where nothing does.
    features : tuple of str
        The features it is about.
    """

    key: str
    kind: str
    figure: Callable[[Evidence], tuple[str, float] | None]
    features: tuple[str, ...] = ()


def _ranking_gap(evidence: Evidence) -> tuple[str, float] | None:
    area = evidence.metrics.get("roc_auc")
    if area is None or 1 - area < GAP:
        return None
    return "gap_to_perfect_roc_auc", 1 - float(area)


def _no_past_offers(evidence: Evidence) -> tuple[str, float] | None:
    return ("past_offers", 0.0) if evidence.metrics.get("past_offers", 0) == 0 else None


def _strongest_category(evidence: Evidence) -> tuple[str, float] | None:
    return evidence.yes(*(CATEGORY_PREFIX + word for word in evidence.categories()))


ADVICE = (
    Advice(
        "navigation",
        CHANGE,
        lambda evidence: evidence.yes("few_pages", "few_minutes"),
        ("pages_per_visit", *MINUTES),
    ),
    Advice(
        "assortment_width",
        CHANGE,
        lambda evidence: evidence.yes("few_categories"),
        ("categories_per_visit",),
    ),
    Advice(
        "checkout",
        CHANGE,
        lambda evidence: evidence.yes("full_carts"),
        ("unpaid_items",),
    ),
    Advice(
        "service_errors",
        CHANGE,
        lambda evidence: evidence.yes("service_errors"),
        ("service_errors",),
    ),
    Advice(
        "contact_frequency",
        CHANGE,
        lambda evidence: evidence.yes("few_contacts"),
        ("contacts_6m",),
    ),
    Advice(
        "price_policy",
        CHANGE,
        lambda evidence: evidence.yes("promotion_buyers"),
        ("promo_share",),
    ),
    Advice(
        "premium_service",
        CHANGE,
        lambda evidence: evidence.yes("service_level"),
        ("service",),
    ),
    Advice(
        "category_range",
        CHANGE,
        _strongest_category,
        (FAVOURITE,),
    ),
    Advice(
        "dated_orders",
        COLLECT,
        _ranking_gap,
    ),
    Advice(
        "who_they_are",
        COLLECT,
        lambda evidence: evidence.at_least("drops_that_look_loyal", QUIET),
    ),
    Advice(
        "age_of_children",
        COLLECT,
        lambda evidence: evidence.yes("category_children"),
        (FAVOURITE,),
    ),
    Advice(
        "past_offers",
        COLLECT,
        _no_past_offers,
    ),
    Advice(
        "consent",
        COLLECT,
        lambda evidence: evidence.at_least("share_without_consent", SILENT),
    ),
)
"""All advice, in the order of the page."""


def drops_that_look_loyal(label: np.ndarray, risk: np.ndarray) -> float:
    """Return the share of the drops whose risk by a model that had not seen them is below 0.2.

    Parameters
    ----------
    label : ndarray of 0 and 1, shape (n_customers,)
    risk : ndarray of float, shape (n_customers,)
        Out-of-fold risk, 0 to 1.
    """
    drops = risk[label == 1]
    return float((drops < LOOKS_LOYAL).mean()) if len(drops) else 0.0


def advise(
    importance: Mapping[str, float],
    groups: Mapping[str, str],
    questions: pd.DataFrame,
    metrics: Mapping[str, float],
) -> list[dict[str, object]]:
    """Return the advice that the figures support.

    Parameters
    ----------
    importance : mapping
        Mean contribution to the risk, in log-odds, of each feature.
    groups : mapping
        The group of each feature.
    questions : DataFrame
        As ``hypotheses.answer_questions`` returns it.
    metrics : mapping
        Any of ``roc_auc`` (by a model that had not seen the customers), ``drops_that_look_loyal``
        (as the function of that name), ``share_without_consent`` (0 to 1) and ``past_offers``
        (rows of recorded offers with their outcome; 0 where it is not given).

    Returns
    -------
    list of dict
        ``key``, ``kind`` (change or collect), ``figure_name`` and ``figure`` that support it,
        ``unit`` (of the claim, or ``share``, ``rows`` or ``roc_auc``); ``stable``, False where
        the claim's answer hangs on a few customers; ``group`` and ``importance``: the feature
        group that it is about and the share of all contributions to the risk that its features
        have, empty and 0 where it is about none; ``categories``: those over-represented among the
        drops, the most over-represented first, empty where it is not about categories. Change
        comes first, the most important features first.
    """
    evidence = Evidence(questions.set_index("key"), metrics)
    whole = sum(importance.values()) or 1.0
    found = []
    for advice in ADVICE:
        supported = advice.figure(evidence)
        if supported is None:
            continue
        name, figure = supported
        known = name in evidence.questions.index
        found.append(
            {
                "key": advice.key,
                "kind": advice.kind,
                "figure_name": name,
                "figure": figure,
                "unit": evidence.questions["unit"][name] if known else _UNITS[name],
                "stable": bool(evidence.questions["stable"][name]) if known else True,
                "group": groups.get(advice.features[0], "") if advice.features else "",
                "importance": sum(importance.get(one, 0.0) for one in advice.features) / whole,
                "categories": evidence.categories() if FAVOURITE in advice.features else [],
            }
        )
    return sorted(found, key=lambda one: (one["kind"] == COLLECT, -one["importance"]))
