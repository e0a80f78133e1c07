"""The months of one part of the customers: put down as they are sifted, ripened, and written."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.files import write_parquet
from retention.core.hashing import behaviour_key
from retention.core.params import Label
from retention.core.vocabulary import (
    BY_RULE,
    BY_SHOP,
    IDENTITY,
    LABEL,
    LABEL_SOURCE,
    MONTH,
    POSITION,
)
from retention.data.ledger import Ledger
from retention.data.month_reading import with_month
from retention.data.preparation import outcome_counts, with_plain_ids
from retention.data.quality import Classes
from retention.data.ripening import Outcomes, outcomes_after, told_by_both
from retention.data.scratch_tables import put_down, taken_up


@dataclass(frozen=True)
class SiftedPlace:
    """Where the customers of one part lie in one month.

    Attributes
    ----------
    kept, aside : DataFrame or Path
        Who can be trusted, and who is set aside.
    labelled : int
        Of how many of the kept the shop tells the outcome.
    """

    kept: pd.DataFrame | Path
    aside: pd.DataFrame | Path
    labelled: int


@dataclass(frozen=True)
class Ripening:
    """What is the same for every part.

    Attributes
    ----------
    rule : Label
        The params section.
    seasons : dict of str to Series
        The season by which each month is judged.
    early : tuple of str
        Months whose outcomes the shop tells before anybody can know them: these are left out.
    behaviour : dict of str to tuple of str
        The columns that make two customers of a month twins.
    names : tuple of str
        The canonical columns, in their order.
    """

    rule: Label
    seasons: dict[str, pd.Series]
    early: tuple[str, ...]
    behaviour: dict[str, tuple[str, ...]]
    names: tuple[str, ...]


@dataclass(frozen=True)
class RipeMonth:
    """What came of the customers of one part after one month.

    Attributes
    ----------
    kept : dict of str to int
        Customers by outcome.
    labels : dict of str to int
        Customers by who tells their outcome.
    absent : int
        Whom some export of the months after lacks.
    rows : ndarray of int, shape (n_customers,)
        Where each customer stands in ``RipePart.ids``.
    key : ndarray of uint64, shape (n_customers,)
        What twins share.
    label : ndarray of int, shape (n_customers,)
        The outcome, -1 where it is unknown.
    """

    kept: dict[str, int]
    labels: dict[str, int]
    absent: int
    rows: np.ndarray
    key: np.ndarray
    label: np.ndarray


@dataclass(frozen=True)
class RipePart:
    """What came of the customers of one part.

    Attributes
    ----------
    ids : Series of str
        Each customer of any month once.
    classes : Classes
    months : dict of str to RipeMonth
    unknown : Counter
        Of the rows without an outcome, why.
    told_by_both : ndarray of int, shape (2, 2)
        As ``ripening.told_by_both`` counts.
    """

    ids: pd.Series
    classes: Classes
    months: dict[str, RipeMonth]
    unknown: Counter
    told_by_both: np.ndarray


def put_sifted(
    number: int, kept: pd.DataFrame, aside: pd.DataFrame, *, folder: Path | None
) -> SiftedPlace:
    """Put down the customers of one part and month, see ``part_preparation.sift_part``."""
    labelled = int(kept[LABEL].notna().sum())
    if folder is None:
        return SiftedPlace(with_plain_ids(kept), with_plain_ids(aside), labelled)
    places = (folder / f"{name}-{number:05d}.arrow" for name in ("kept", "aside"))
    held = (
        put_down(table.reset_index(drop=True), place)
        for table, place in zip((kept, aside), places, strict=True)
    )
    return SiftedPlace(*held, labelled)


def ripen_part(
    task: tuple[Mapping[str, SiftedPlace], pd.DataFrame | Path, tuple[Path, Path]],
    *,
    ripening: Ripening,
) -> RipePart:
    """Write the months of one part with their outcomes, and who is set aside.

    Parameters
    ----------
    task : tuple of mapping, (DataFrame or Path) and (Path, Path)
        By month where the customers lie; what they spent as ``Ledger.as_one`` has it; and where
        both tables are written.
    ripening : Ripening
    """
    places, latest, (customers_file, aside_file) = task
    ledger, last = Ledger.of_one(taken_up(latest)), max(places)
    kept, by_month, unknown = {}, {}, Counter()
    both = np.zeros((2, 2), dtype="int64")
    for month in sorted(places):
        rows = taken_up(places[month].kept)
        season = ripening.seasons[month]
        outcomes = outcomes_after(
            ledger, season, rows[IDENTITY], month, rule=ripening.rule, last=last
        )
        shop = rows[LABEL].to_numpy("float64", na_value=np.nan)
        both += told_by_both(shop, outcomes.drop)
        if month in ripening.early:
            rows = rows.assign(**{LABEL: pd.array([pd.NA] * len(rows), dtype="Int8")})
        kept[month] = _labelled(rows, outcomes)
        unknown.update(outcomes.unknown[kept[month][LABEL].isna().to_numpy()].tolist())
        key = behaviour_key(kept[month], ripening.behaviour[month])
        by_month[month] = (int(outcomes.absent.sum()), key)
    customers = pd.concat([with_month(kept[month], month) for month in kept], ignore_index=True)
    held = [name for name in ripening.names if name in customers]  # a month may lack some
    customers = _of_their_kinds(customers[[MONTH, *held, POSITION, LABEL_SOURCE]], kept)
    write_parquet(customers, customers_file)
    aside = [with_month(taken_up(places[month].aside), month) for month in sorted(places)]
    write_parquet(pd.concat(aside, ignore_index=True), aside_file)
    codes, ids = pd.factorize(customers[IDENTITY])
    ends = np.cumsum([len(rows) for rows in kept.values()])[:-1]
    rows = dict(zip(kept, np.split(codes.astype("int32"), ends), strict=True))
    months = {
        month: _told_of(kept[month], absent, rows[month], key)
        for month, (absent, key) in by_month.items()
    }
    return RipePart(pd.Series(ids, dtype="str"), Classes.of(customers), months, unknown, both)


def _of_their_kinds(customers: pd.DataFrame, kept: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the table with text as such also where a part has it in none of its rows."""
    for name in customers.columns[customers.isna().all()]:
        kinds = {rows[name].dtype for rows in kept.values() if name in rows}
        if len(kinds) == 1 and customers[name].dtype not in kinds:
            empty = pd.Series([None] * len(customers), customers.index, dtype=kinds.pop())
            customers = customers.assign(**{name: empty})
    return customers


def _labelled(kept: pd.DataFrame, outcomes: Outcomes) -> pd.DataFrame:
    """Return the customers with the shop's outcome, else the rule's, and who tells it."""
    shop = kept[LABEL].notna().to_numpy()
    rule = ~shop & ~np.isnan(outcomes.drop)
    ripe = pd.Series(pd.array(outcomes.drop, dtype="Float64"), kept.index).astype("Int8")
    source = pd.Series(np.select([shop, rule], [BY_SHOP, BY_RULE], default=""), kept.index)
    return kept.assign(
        **{LABEL: kept[LABEL].fillna(ripe), LABEL_SOURCE: source.astype("str").where(shop | rule)}
    )


def _told_of(kept: pd.DataFrame, absent: int, rows: np.ndarray, key: np.ndarray) -> RipeMonth:
    source, label = kept[LABEL_SOURCE], kept[LABEL].to_numpy("int8", na_value=-1)
    labels = {word: int((source == word).sum()) for word in (BY_SHOP, BY_RULE)}
    labels |= {"unknown": int(source.isna().sum())}
    return RipeMonth(outcome_counts(kept), labels, absent, rows, key, label)
