"""Two versions' risks of the same customers: is one of them better?

The intervals say what another draw of customers could change, with both versions as they were
fitted. What another training seed changes is outside them, which is why a difference must also
exceed :data:`MARGIN` to be called one.

References
----------
E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson (1988). Comparing the areas under two or more
correlated receiver operating characteristic curves. Biometrics 44, 837-845.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from retention.errors import InputError, one_of
from retention.scores import CLIP, log_loss, plain, roc_auc
from retention.vocabulary import IDENTITY

LEAST = 100
"""Customers in common below which nothing is compared."""
MARGIN = 0.01
"""ROC-AUC: on some 1,000 customers other seeds and folds alone move the score by up to 0.008."""
TWO_SIDED = NormalDist().inv_cdf(0.975)
POWERFUL = TWO_SIDED + NormalDist().inv_cdf(0.8)
"""2.8: at 80 % power a difference of that many standard errors is found at 5 %, two-sided."""
NOTHING = 1e-12
"""Differences below it are those of the order of summing."""
UNDECIDED = "no difference that this data can show"


@dataclass(frozen=True)
class Difference:
    """A score of two versions; `error` is the standard error of new minus old."""

    old: float
    new: float
    error: float

    @property
    def value(self) -> float:
        """New minus old."""
        return self.new - self.old

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval of the difference."""
        return self.value - TWO_SIDED * self.error

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval of the difference."""
        return self.value + TWO_SIDED * self.error

    @property
    def smallest(self) -> float:
        """The smallest true difference that such data shows in 80 of 100 draws of customers."""
        return POWERFUL * self.error

    @property
    def alike(self) -> bool:
        """Whether no customer's part in the score differs."""
        return self.error < NOTHING and abs(self.value) < NOTHING


def checked(table: pd.DataFrame, source: str, *, key: str = IDENTITY) -> pd.DataFrame:
    """Return predictions, one row a customer, once they can be compared.

    Parameters
    ----------
    table : DataFrame
        `key`, ``drop`` (0 or 1) and ``risk`` (0 to 1).
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
    drop, risk = (pd.to_numeric(table[name], errors="coerce") for name in ("drop", "risk"))
    faults = {
        key: (table[key].isna() | (table[key] == "") | table[key].duplicated(), "one row each"),
        "drop": (~drop.isin([0, 1]), "0 or 1"),
        "risk": (~risk.between(0, 1), "a number from 0 to 1"),
    }
    for name, (wrong, valid) in faults.items():
        if wrong.any():
            place = int(np.argmax(wrong))
            found = "empty or there already" if name == key else str(table[name].iloc[place])
            raise InputError(f"{source} row {place + 1}: {name} is {found}; valid: {valid}")
    return table[[key]].assign(drop=drop.astype("int64"), risk=risk.astype("float64"))


def in_common(old: pd.DataFrame, new: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return ``drop``, ``risk_old`` and ``risk_new`` of the customers that both tables have.

    Raises
    ------
    InputError
        If they are fewer than :data:`LEAST`, if the tables disagree on who dropped, or if not
        two customers of each class are among them; `names` are those of the two versions.
    """
    both = old.merge(new, on=IDENTITY, suffixes=("_old", "_new")).sort_values(IDENTITY)
    if len(both) < LEAST:
        raise InputError(
            f"{names[0]} has {len(old)} customers, {names[1]} has {len(new)}, and they share "
            f"{len(both)}; {LEAST} are needed: the two versions saw different data"
        )
    other = both["drop_old"] != both["drop_new"]
    if other.any():
        raise InputError(
            f"{names[0]} and {names[1]} disagree on the drop of {other.sum()} of {len(both)} "
            "customers: they saw different data"
        )
    both = both.rename(columns={"drop_old": "drop"})
    drops = int(both["drop"].sum())
    if min(drops, len(both) - drops) < 2:
        raise InputError(
            f"of the {len(both)} customers of both {names[0]} and {names[1]} {drops} dropped; "
            "two of each class are needed to score anything"
        )
    return both[[IDENTITY, "drop", "risk_old", "risk_new"]].reset_index(drop=True)


def share_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return for each value the share of `others` below it, ties by half."""
    ordered = np.sort(others)
    counts = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return counts / (2 * len(others))


def roc_auc_difference(label: np.ndarray, old: np.ndarray, new: np.ndarray) -> Difference:
    """Return both ROC-AUCs and the standard error of their paired difference (DeLong 1988).

    A drop's component is the share of other customers below it, another customer's the share of
    drops above it; the mean of either is the ROC-AUC. The variance of the difference is that of
    the components' differences, in each class over its customers.
    """
    fell = label == 1
    drops = share_below(new[fell], new[~fell]) - share_below(old[fell], old[~fell])
    others = share_below(old[~fell], old[fell]) - share_below(new[~fell], new[fell])
    error = np.sqrt(drops.var(ddof=1) / len(drops) + others.var(ddof=1) / len(others))
    return Difference(plain(roc_auc, label, old), plain(roc_auc, label, new), float(error))


def log_loss_difference(label: np.ndarray, old: np.ndarray, new: np.ndarray) -> Difference:
    """Return both log-losses and the standard error of the mean of the customers' differences."""
    right_old, right_new = (
        np.clip(np.where(label == 1, risk, 1 - risk), CLIP, 1 - CLIP) for risk in (old, new)
    )
    each = np.log(right_old) - np.log(right_new)
    error = each.std(ddof=1) / np.sqrt(len(each))
    return Difference(plain(log_loss, label, old), plain(log_loss, label, new), float(error))


def verdict(found: Difference) -> str:
    """Return "better", "worse" or :data:`UNDECIDED` for a difference in ROC-AUC."""
    if abs(found.value) <= MARGIN or found.low <= 0 <= found.high:
        return UNDECIDED
    return "better" if found.value > 0 else "worse"


def sentence(found: Difference, names: Sequence[str]) -> str:
    """Return the verdict on the second of `names` against the first, with its reason."""
    said = verdict(found)
    span = f"{found.value:+.4f} ({found.low:+.4f} to {found.high:+.4f})"
    if said != UNDECIDED:
        return (
            f"{names[1]} is {said} than {names[0]}: ROC-AUC {span}, beyond the {MARGIN} that "
            "counts as noise."
        )
    if found.alike:
        reason = "both rank these customers alike"
    elif found.low <= 0 <= found.high:
        reason = f"the interval of the ROC-AUC's difference, {span}, includes 0"
    else:
        reason = f"ROC-AUC {span} is within the {MARGIN} that counts as noise"
    return f"{names[1]} against {names[0]}: {UNDECIDED}; {reason}."
