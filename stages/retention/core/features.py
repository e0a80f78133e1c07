"""What is known of a customer before the event: the features, and what each of them is."""

from collections.abc import Iterable

import pandas as pd

from retention.core.columns import Columns


def build_features(customers: pd.DataFrame, *, columns: Columns, use_profit: bool) -> pd.DataFrame:
    """Return the model's features, a column each, rows as in `customers`."""
    return customers[[column.name for column in columns.features(use_profit=use_profit)]]


def dictionary(features: Iterable[str], *, columns: Columns) -> list[dict[str, object]]:
    """Return what each of the features is, by their names in order, ready for JSON.

    Each has ``name``, ``group``, ``unit`` and ``meaning`` (in English), and whether it is
    ``categorical``: its values are words.
    """
    told = [columns.by_name[name] for name in features]
    return [
        {
            "name": column.name,
            "group": column.group,
            "unit": column.unit.get("en", ""),
            "meaning": column.meaning["en"],
            "categorical": column.is_category,
        }
        for column in told
    ]
