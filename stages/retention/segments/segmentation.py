"""All customers in segments: who is where, what tells each segment from the rest, found rules."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.customer_parts import CustomerColumns
from retention.core.params import Segment
from retention.core.vocabulary import LABEL, PROFIT, REASON_RANKS
from retention.segments.membership import (
    Cuts,
    all_segments,
    first_segment,
    grid_cells,
    grid_table,
    joined_words,
    named_segments,
)
from retention.segments.study import category_offers, rows_by, study
from retention.segments.subgroup_discovery import discover, halves


@dataclass(frozen=True)
class Segmentation:
    """What the segments say of the customers.

    Attributes
    ----------
    grid, portraits, categories, discovered : DataFrame
        See ``membership.grid_table``, ``study.study`` and ``subgroup_discovery.discover``.
    segments : dict
        Size, mean risk and mean profit by name, and whom it is compared with.
    recommended : dict
        What each segment's categories recommend, see ``profiles.recommendations``.
    fits_nobody : list of str
        Rules that hold for no customer.
    """

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


def profit_ranks(profit: pd.Series) -> np.ndarray:
    """Return the share of all customers of known profit who have no more than each one."""
    return profit.rank(pct=True).to_numpy("float64")


def in_segments(
    customers: pd.DataFrame,
    rules: Mapping[str, str],
    *,
    columns: Columns,
    in_data: Mapping[str, Collection[str]],
    risk_cuts: Cuts,
    profit_cuts: Cuts,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put customers into the named segments and the cells of the grid.

    Parameters
    ----------
    customers : DataFrame
        ``risk``, ``profit``, ``profit_rank``, the three reasons and what rules speak of.
    rules : mapping of str to str
        Params ``segment.rules``.
    columns : Columns
        The data dictionary.
    in_data : mapping
        Words of the data in open columns, which rules may name.
    risk_cuts, profit_cuts : "quantiles" or two numbers
        See ``membership.cut_points``; where `customers` are a part of all, two numbers.

    Returns
    -------
    customers : DataFrame
        With ``segments``, ``segment`` (the first of them), ``reasons`` and ``grid``.
    belongs : DataFrame of bool
        A column a segment.
    """
    belongs = named_segments(customers, rules, columns=columns, words=in_data)
    cuts = {"risk_cuts": risk_cuts, "profit_cuts": profit_cuts}
    placed = customers.assign(
        segments=all_segments(belongs),
        segment=first_segment(belongs),
        reasons=joined_words(customers[list(REASON_RANKS)]),
        grid=grid_cells(customers["risk"], customers[PROFIT], **cuts),
    )
    return placed, belongs


def find_segments(
    customers: CustomerColumns,
    belongs: pd.DataFrame,
    *,
    taught: pd.DataFrame,
    features: Sequence[str],
    words: Sequence[str],
    options: Segment,
) -> Segmentation:
    """Study the grid and the named segments, and discover others.

    Parameters
    ----------
    customers : CustomerColumns
        Everyone: `features`, ``risk``, ``profit``, ``favourite_category`` and ``scored``.
    belongs : DataFrame of bool
        A column a segment, as :func:`in_segments` gives it.
    taught : DataFrame, shape (n_rows, …)
        What taught the model, or ``subgroup_discovery.candidates`` of it, of which rules are
        discovered, see ``subgroup_discovery.halves``.
    features, words : sequence of str
        The model's features, and those of them that hold words.
    options : Segment
        The params section.
    """
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
    money = pd.DataFrame({"risk": customers["risk"], PROFIT: customers[PROFIT]}, copy=False)
    cuts = {"risk_cuts": options.grid.risk, "profit_cuts": options.grid.profit}
    cells = grid_cells(money["risk"], money[PROFIT], **cuts)
    return Segmentation(
        grid_table(money.assign(cell=cells)),
        portraits,
        categories,
        discovered,
        segments=sizes,
        recommended=recommended,
        fits_nobody=[f"segment.rules.{name}" for name in belongs if not belongs[name].any()],
    )
