"""Two versions' risks of the same customers: is one of them better?

The intervals say what another draw of customers could change, with both versions as they were
fitted. What another training seed changes is outside them, which is why a difference must also
exceed :data:`NOISE_MARGIN` to be called one.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from retention.core.errors import InputError, one_of
from retention.core.months import in_months
from retention.core.vocabulary import IDENTITY, MONTH
from retention.stats.estimates import LEAST_OF_CLASS, enough_of_each
from retention.stats.paired import Difference

LEAST_SHARED = 100
"""Customers in common below which nothing is compared."""
NOISE_MARGIN = 0.01
"""ROC-AUC: on some 1,000 customers other seeds and folds alone move the score by up to 0.008."""
UNDECIDED = "no difference that this data can show"


def checked(table: pd.DataFrame, source: str, *, key: str = IDENTITY) -> pd.DataFrame:
    """Return predictions, one row a customer (in months: a customer's month), if they are whole.

    Parameters
    ----------
    table : DataFrame
        `key`, ``drop`` (0 or 1) and ``risk`` (0 to 1); in months ``month`` too.
    source : str
        Where it comes from, for the message, which names no customer: it ends up in logs.
    key : str
        The column that tells customers apart.

    Raises
    ------
    InputError
        If a column is missing, a customer comes twice or a value cannot be.
    """
    needed = (key, "drop", "risk")
    missing = [name for name in needed if name not in table]
    if missing:
        raise InputError(f"{source} has no column {one_of(missing)}; found: {one_of(table)}")
    keys = [key, *([MONTH] if in_months(table) else [])]
    again = table[keys].duplicated()
    drop, risk = (pd.to_numeric(table[name], errors="coerce") for name in ("drop", "risk"))
    faults = {
        key: (table[key].isna() | (table[key] == "") | again, "one row each"),
        "drop": (~drop.isin([0, 1]), "0 or 1"),
        "risk": (~risk.between(0, 1), "a number from 0 to 1"),
    }
    for name, (wrong, valid) in faults.items():
        if wrong.any():
            place = int(np.argmax(wrong))
            found = "empty or there already" if name == key else str(table[name].iloc[place])
            raise InputError(f"{source} row {place + 1}: {name} is {found}; valid: {valid}")
    return table[keys].assign(drop=drop.astype("int64"), risk=risk.astype("float64"))


def in_common(old: pd.DataFrame, new: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return ``drop``, ``risk_old`` and ``risk_new`` of the customers that both tables have.

    Of a customer's months the last that both tables have: the months of one customer are alike,
    and the interval takes each row for a customer of its own.

    Raises
    ------
    InputError
        If one table is of months and the other is not, if they are fewer than
        :data:`LEAST_SHARED`, if the tables disagree on who dropped, or if either class has too
        few of them to tell an interval; `names` are those of the versions.
    """
    if in_months(old) != in_months(new):
        monthly, other = names if in_months(old) else reversed(names)
        raise InputError(
            f"{monthly} is of a shop's months, {other} of one snapshot: they saw different data"
        )
    keys = [IDENTITY, *([MONTH] if in_months(old) else [])]
    both = old.merge(new, on=keys, suffixes=("_old", "_new"))
    both = both.sort_values(keys, kind="stable").drop_duplicates(IDENTITY, keep="last")
    if len(both) < LEAST_SHARED:
        raise InputError(
            f"{names[0]} has {old[IDENTITY].nunique()} customers, {names[1]} has "
            f"{new[IDENTITY].nunique()}, and they share {len(both)}; {LEAST_SHARED} are needed: "
            "the two versions saw different data"
        )
    other = both["drop_old"] != both["drop_new"]
    if other.any():
        raise InputError(
            f"{names[0]} and {names[1]} disagree on the drop of {other.sum()} of {len(both)} "
            "customers: they saw different data"
        )
    both = both.rename(columns={"drop_old": "drop"})
    if not enough_of_each(both["drop"].to_numpy()):
        raise InputError(
            f"of the {len(both)} customers of both {names[0]} and {names[1]} "
            f"{int(both['drop'].sum())} dropped; "
            f"{LEAST_OF_CLASS} of each class are needed to tell a difference"
        )
    return both[[IDENTITY, "drop", "risk_old", "risk_new"]].reset_index(drop=True)


def verdict(found: Difference) -> str:
    """Return "better", "worse" or :data:`UNDECIDED` for a difference in ROC-AUC."""
    if abs(found.value) <= NOISE_MARGIN or found.low <= 0 <= found.high:
        return UNDECIDED
    return "better" if found.value > 0 else "worse"


def sentence(found: Difference, names: Sequence[str]) -> str:
    """Return the verdict on the second of `names` against the first, with its reason."""
    said = verdict(found)
    span = f"{found.value:+.4f} ({found.low:+.4f} to {found.high:+.4f})"
    if said != UNDECIDED:
        return (
            f"{names[1]} is {said} than {names[0]}: ROC-AUC {span}, beyond the {NOISE_MARGIN} that "
            "counts as noise."
        )
    if found.alike:
        reason = "both rank these customers alike"
    elif found.low <= 0 <= found.high:
        reason = f"the interval of the ROC-AUC's difference, {span}, includes 0"
    else:
        reason = f"ROC-AUC {span} is within the {NOISE_MARGIN} that counts as noise"
    return f"{names[1]} against {names[0]}: {UNDECIDED}; {reason}."
