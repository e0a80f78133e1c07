"""All customers in segments: who is where, what tells each segment from the rest, found rules."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from retention.core.columns import Columns
from retention.core.params import Segment
from retention.core.rules import fits_nobody
from retention.core.vocabulary import IDENTITY, LABEL, PROFIT, REASON_RANKS
from retention.segments.membership import (
    all_segments,
    first_segment,
    grid_cells,
    grid_table,
    joined_words,
    named_segments,
)
from retention.segments.study import category_offers, rows_by, study
from retention.segments.subgroup_discovery import discover, halves

KEPT = [IDENTITY, "risk", LABEL, PROFIT, "grid", "segments", "reasons"]


@dataclass(frozen=True)
class Segmentation:
    """Who is in which segment, and what that says of them.

    Attributes
    ----------
    customers : DataFrame
        The table of customers with ``profit_rank``, ``segments``, ``segment`` (the first of
        them), ``reasons`` and ``grid``.
    grid, portraits, categories, discovered : DataFrame
        See ``membership.grid_table``, ``study.study`` and ``subgroup_discovery.discover``.
    segments : dict
        Size, mean risk and mean profit by name, and whom it is compared with.
    recommended : dict
        What each segment's categories recommend, see ``profiles.recommendations``.
    fits_nobody : list of str
        Rules that hold for no customer.
    """

    customers: pd.DataFrame
    grid: pd.DataFrame
    portraits: pd.DataFrame
    categories: pd.DataFrame
    discovered: pd.DataFrame
    segments: dict[str, dict[str, object]]
    recommended: dict[str, dict[str, object]]
    fits_nobody: list[str]

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables that people and programs read, by their names."""
        return {
            "customers": self.customers[KEPT],
            "portraits": self.portraits,
            "categories": self.categories,
            "discovered": self.discovered,
        }

    @property
    def categories_to_offer(self) -> dict[str, dict[str, str]]:
        """The categories that an offer's text may name, by segment."""
        return category_offers(self.categories, self.recommended)

    @property
    def sizes(self) -> pd.DataFrame:
        """Customers by segment."""
        rows = [(name, one["customers"]) for name, one in self.segments.items()]
        return pd.DataFrame(rows, columns=["segment", "customers"])

    @property
    def details(self) -> dict[str, object]:
        """What the page tells of the segments."""
        return {
            "grid": rows_by(self.grid, "cell"),
            "segments": self.segments,
            "recommendations": self.recommended,
            "discovered": rows_by(self.discovered, "rule"),
        }


def find_segments(
    customers: pd.DataFrame,
    *,
    taught: pd.DataFrame,
    features: Sequence[str],
    words: Sequence[str],
    in_data: Mapping[str, Collection[str]],
    columns: Columns,
    options: Segment,
) -> Segmentation:
    """Put every customer into the grid and the named segments, and study them.

    Parameters
    ----------
    customers : DataFrame, shape (n_customers, …)
        Canonical columns, ``scored``, ``risk`` and the three reasons.
    taught : DataFrame, shape (n_rows, …)
        What taught the model, of which rules are discovered, see ``subgroup_discovery.halves``.
    features, words : sequence of str
        The model's features, and those of them that hold words.
    in_data : mapping
        Words of the data in open columns, which rules may name.
    columns : Columns
        The data dictionary.
    options : Segment
        The params section.
    """
    customers = customers.assign(profit_rank=customers[PROFIT].rank(pct=True))
    belongs = named_segments(customers, options.rules, columns=columns, words=in_data)
    customers["segments"], customers["segment"] = all_segments(belongs), first_segment(belongs)
    customers["reasons"] = joined_words(customers[list(REASON_RANKS)])
    cuts = {"risk_cuts": options.grid.risk, "profit_cuts": options.grid.profit}
    customers["grid"] = grid_cells(customers["risk"], customers[PROFIT], **cuts)
    portraits, categories, recommended, sizes = study(
        customers,
        belongs,
        rules=options.rules,
        features=features,
        words=words,
        counted=customers["scored"].to_numpy(),
        level=options.level,
        least=options.least,
    )
    how = options.discover
    rows, half = halves(taught, most=how.max_rows, seed=how.seed)
    discovered = discover(
        taught.iloc[rows],
        taught[LABEL].iloc[rows].to_numpy("int64"),
        half,
        features,
        words,
        least=options.least,
        comparisons=how.comparisons,
        rules=how.rules,
        level=options.level,
        error_rate=how.error_rate,
    )
    grid = grid_table(customers.assign(cell=customers["grid"]))
    rules = {f"segment.rules.{name}": rule for name, rule in options.rules.items()}
    return Segmentation(
        customers,
        grid,
        portraits,
        categories,
        discovered,
        segments=sizes,
        recommended=recommended,
        fits_nobody=fits_nobody(rules, customers),
    )
