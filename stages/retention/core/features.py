"""The feature dictionary: what is known of a customer, in the words of the page and of explain."""

from dataclasses import dataclass

import pandas as pd

from retention.core.vocabulary import PROFIT


@dataclass(frozen=True)
class Feature:
    """One feature of the model.

    Attributes
    ----------
    name, group, unit, meaning : str
        As shown to people; `group` is one of ``vocabulary.GROUPS``, or ``money`` for profit.
    categorical : bool
        Whether its values are words.
    """

    name: str
    group: str
    unit: str
    meaning: str
    categorical: bool = False


FEATURES = (
    Feature("service", "communication", "", "level of service", categorical=True),
    Feature("consent", "communication", "", "agreed to messages", categorical=True),
    Feature("contacts_6m", "communication", "a month", "usual contacts, mean of six months"),
    Feature("contacts_now", "communication", "a month", "contacts in the current month"),
    Feature("tenure_days", "communication", "days", "time since registration"),
    Feature("promo_share", "product", "share", "share of purchases made on promotion"),
    Feature("favourite_category", "product", "", "most bought category", categorical=True),
    Feature("categories_per_visit", "product", "a visit", "categories looked at in a visit"),
    Feature("unpaid_items", "product", "a quarter", "items left unpaid in the cart"),
    Feature("revenue_m2", "spending", "money", "revenue two months ago"),
    Feature("revenue_m1", "spending", "money", "revenue of the previous month"),
    Feature("revenue_m0", "spending", "money", "revenue of the current month"),
    Feature("service_errors", "site", "a quarter", "service failures met on the site"),
    Feature("pages_per_visit", "site", "a visit", "pages looked at in a visit"),
    Feature("minutes_m1", "site", "minutes", "time on the site in the previous month"),
    Feature("minutes_m0", "site", "minutes", "time on the site in the current month"),
)
"""What the model may know by default, in a fixed order."""

PROFIT_FEATURE = Feature(PROFIT, "money", "money", "average monthly profit of three months")

BY_NAME = {feature.name: feature for feature in (*FEATURES, PROFIT_FEATURE)}


def build_features(customers: pd.DataFrame, *, use_profit: bool) -> pd.DataFrame:
    """Return the model's features, a column each, rows as in `customers`."""
    chosen = (*FEATURES, PROFIT_FEATURE) if use_profit else FEATURES
    return customers[[feature.name for feature in chosen]]


def dictionary(features: pd.DataFrame) -> list[dict[str, object]]:
    """Return what each column of `features` is, in their order, ready for JSON."""
    return [
        {
            key: getattr(BY_NAME[name], key)
            for key in ("name", "group", "unit", "meaning", "categorical")
        }
        for name in features
    ]
