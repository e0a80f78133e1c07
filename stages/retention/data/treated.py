"""Customers whom a campaign treated: what they did is not what happens if nothing is done.

Within the outcome window of a month they are left out of all that learns or judges; the campaign's
control group, drawn by lot from the same list, stands for them with a weight.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.arms import Arm, arm_of
from retention.core.errors import InputError, one_of, shown
from retention.core.files import parquet_columns, read_parquet
from retention.core.kept_campaigns import KeptCampaign, kept_campaigns
from retention.core.months import last_day
from retention.core.vocabulary import IDENTITY, MONTH
from retention.data.id_forms import refuse_other_spellings, refuse_strange_form
from retention.data.ids import clean_ids

LIST_COLUMNS = (IDENTITY, "arm", "offer", "risk", "date", "horizon")
_LEAST_KNOWN = 0.5
"""Share of a list's customers whom the exports must know."""
FEWEST_SHARED = 10
"""Customers that two campaigns must share to tell whether they drew one lot: by two lots so many
land in the same arms once in a thousand times."""
LONGEST = 60
"""Months that an offer works at most."""


@dataclass(frozen=True)
class SentCampaign:
    """One campaign that was sent.

    Attributes
    ----------
    name : str
        Its folder's.
    listed : DataFrame, index customer_id
        ``treatment`` (bool), and the days ``start`` (the first on which the offer works) and
        ``end`` (the first on which it no longer does).
    """

    name: str
    listed: pd.DataFrame

    @property
    def control_weight(self) -> float | None:
        """How many customers of the list one of its control group stands for; None without one."""
        controls = int((~self.listed["treatment"]).sum())
        return len(self.listed) / controls if controls else None


@dataclass(frozen=True)
class Treatment:
    """What campaigns did to the rows of a table of months.

    Attributes
    ----------
    treated : ndarray of bool, shape (n_rows,)
        In a treatment arm within the row's outcome window.
    control : ndarray of bool, shape (n_rows,)
        In a control group within it, and in no treatment arm.
    weight : ndarray of float, shape (n_rows,)
        How many customers the row stands for: 1, or of a control the product over its campaigns
        of 1 / share of control; 0 for the treated, for whom the controls stand.
    gaps : list of str
        Campaigns without a control group: nobody stands for those whom they treated.
    """

    treated: np.ndarray
    control: np.ndarray
    weight: np.ndarray
    gaps: list[str]


def read_campaigns(folder: Path, known: pd.Series) -> list[SentCampaign]:
    """Return every campaign that was sent, by name.

    Parameters
    ----------
    folder : Path
        Holds a folder a campaign, and its small files of DVC beside. Hidden files do not matter.
    known : Series of str
        Ids of all customers of the exports, in canonical form.

    Raises
    ------
    InputError
        If a campaign's list is not here but in DVC only, has another name or place, is malformed,
        spells ids otherwise than the exports, or is mostly of customers whom these do not know.
    """
    ids = known.drop_duplicates()
    found = []
    for kept in kept_campaigns(folder):
        found.append(read_sent(kept))
        refuse_strangers(kept.listed, found[-1].listed.index.to_series(), ids)
    return found


def matched_lines(campaigns: Sequence[SentCampaign], known: pd.Series) -> list[str]:
    """Return a line for each campaign: how many of its customers the exports know."""
    return [
        f"campaign {one.name}: the exports know {int(one.listed.index.isin(known).sum()):,} of "
        f"{len(one.listed):,} customers"
        for one in campaigns
    ]


def refuse_strangers(path: Path, ids: pd.Series, known: pd.Series) -> None:
    """Refuse a list whose ids are not those of the exports, or spelled otherwise.

    Who has left the shop may be on it; but where an id has a form that none of the exports has, or
    half of them are unknown, it may be of another shop, or whoever it names be taken for another.

    Parameters
    ----------
    path : Path
        What to call it.
    ids, known : Series of str
        Its ids and those of the exports, in canonical form; of the latter those that
        ``id_forms.telling`` picks are enough.

    Raises
    ------
    InputError
    """
    refuse_other_spellings({str(path): ids, "the export": known})
    matched = int(ids.isin(known).sum())
    if matched < _LEAST_KNOWN * len(ids):
        raise InputError(
            f"{path} lists {len(ids)} customers, {matched or 'none'} of them in the exports; "
            f"valid: {_LEAST_KNOWN:.0%} at least: is it of this shop, and are its ids written as "
            "there?"
        )
    refuse_strange_form(str(path), ids, known, advice="are its ids written as there?")


def read_sent(campaign: KeptCampaign) -> SentCampaign:
    """Return who was on the list of a campaign, ids in canonical form.

    Raises
    ------
    InputError
        If the list is malformed.
    """
    path = campaign.listed
    held = parquet_columns(path)
    lacking = [name for name in LIST_COLUMNS if name not in held]
    if lacking:
        raise InputError(f"{path} lacks the column {lacking[0]}; valid: {one_of(LIST_COLUMNS)}")
    rows = read_parquet(path, [IDENTITY, "arm", "date", "horizon"])
    if rows.empty:
        raise InputError(f"{path} lists nobody; remove the folder if nothing was sent")
    ids = clean_ids(rows[IDENTITY].astype("str").where(rows[IDENTITY].notna(), ""))[0]
    arms = rows["arm"].map(lambda word: arm_of(str(word)))
    start = rows["date"].map(_day)
    horizon = pd.to_numeric(rows["horizon"], errors="coerce")
    valid_horizon = horizon.between(1, LONGEST) & (horizon % 1 == 0)
    for name, bad, valid in (
        (IDENTITY, ids == "", "an id in every row"),
        (IDENTITY, ids.duplicated(), "each customer once"),
        ("arm", arms.isna(), one_of(Arm)),
        ("date", start.isna(), "the day it started, as YYYY-MM-DD"),
        ("horizon", ~valid_horizon, f"whole months from 1 to {LONGEST}"),
    ):
        if bad.any():
            place = int(np.argmax(bad.to_numpy()))
            # An id is a customer's: the row is named instead.
            found = "" if name == IDENTITY else f" {shown(rows[name].tolist()[place])}"
            raise InputError(f"{path} row {place + 1}: {name}{found}; valid: {valid}")
    months = {length: pd.DateOffset(months=length) for length in horizon.astype("int64").unique()}
    end = [day + months[int(length)] for day, length in zip(start, horizon, strict=True)]
    listed = pd.DataFrame(
        {
            "treatment": (arms == Arm.TREATMENT).to_numpy(),
            "start": pd.to_datetime(start.to_numpy()),
            "end": pd.to_datetime(end),
        },
        index=pd.Index(ids, name=IDENTITY),
    )
    return SentCampaign(campaign.name, listed)


def _day(value: object) -> pd.Timestamp | None:
    """Return the day that a cell names as text or as a date, None if it names none."""
    try:
        return pd.Timestamp(datetime.date.fromisoformat(str(value)[:10]))
    except ValueError:
        return None


def same_lot(one: SentCampaign, other: SentCampaign) -> bool:
    """Tell whether two campaigns put all customers whom both list into the same arm.

    That is one lot (params ``campaign.seed`` was not changed), and its chance counts once. Fewer
    than :data:`FEWEST_SHARED` shared customers tell nothing: their lots are taken for two.
    """
    both = (
        one.listed["treatment"]
        .to_frame("one")
        .join(other.listed["treatment"].rename("other"), how="inner")
    )
    return len(both) >= FEWEST_SHARED and bool((both["one"] == both["other"]).all())


def find_treated(
    customers: pd.DataFrame, campaigns: Sequence[SentCampaign], *, horizon: int
) -> Treatment:
    """Tell which rows were treated within their outcome window, and who stands for them.

    The window of a month is of the `horizon` months after its last day. A control that a second
    campaign's lot left untreated too stands for more: the chances of two lots multiply (inverse
    probability weighting, Horvitz & Thompson 1952, doi:10.1080/01621459.1952.10483446).

    Parameters
    ----------
    customers : DataFrame, shape (n_rows, …)
        ``customer_id`` and ``month``.
    campaigns : sequence of SentCampaign
    horizon : int
        Months of an outcome.
    """
    treated, control = (np.zeros(len(customers), dtype=bool) for _ in range(2))
    weight = np.ones(len(customers))
    gaps: list[str] = []
    lots: list[tuple[SentCampaign, np.ndarray]] = []
    day = pd.Timedelta(days=1)
    first = customers[MONTH].map(
        {month: pd.Timestamp(last_day(month)) + day for month in customers[MONTH].unique()}
    )
    after = first.map({one: one + pd.DateOffset(months=horizon) for one in first.unique()})
    for campaign in campaigns:
        listed = campaign.listed.reindex(customers[IDENTITY])
        start, end = (listed[name].to_numpy() for name in ("start", "end"))
        # Nobody who is not listed overlaps: a missing day is before and after nothing.
        here = (start < after.to_numpy()) & (end > first.to_numpy())
        arm = listed["treatment"].eq(True).to_numpy(dtype=bool)
        treated |= here & arm
        control |= here & ~arm
        if campaign.control_weight is not None:
            lot = next((one for one in lots if same_lot(one[0], campaign)), None)
            if lot is None:
                lots.append((campaign, np.zeros(len(customers), dtype=bool)))
                lot = lots[-1]
            # Who was left untreated by one lot twice stands for no more than once.
            weight[here & ~arm & ~lot[1]] *= campaign.control_weight
            lot[1][here & ~arm] = True
        elif (here & arm).any():
            gaps.append(campaign.name)
    control &= ~treated
    weight[treated] = 0.0
    return Treatment(treated, control, weight, gaps)
