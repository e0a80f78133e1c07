"""Is the export fit to learn from? Missing customers, twins, small samples: findings."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.errors import InputError
from retention.core.findings import Finding, Level
from retention.core.hashing import one_of_each_twin
from retention.core.months import in_months
from retention.core.vocabulary import IDENTITY, LABEL
from retention.data.joining import IN_QUARANTINE, in_table

_ENOUGH = {"customers": 500, "of a class": 100}
TOO_FEW = 30


@dataclass(frozen=True)
class Some:
    """How many customers something holds of, and the first of them by the order of ids."""

    count: int = 0
    first: str = ""

    @classmethod
    def of(cls, customers: pd.DataFrame, which: np.ndarray) -> "Some":
        """Return how many customers `which` marks; they are sorted by id."""
        ids = customers[IDENTITY].to_numpy(dtype=object)[which] if which.any() else []
        return cls(len(ids), str(ids[0])) if len(ids) else cls()


def sum_of(some: Iterable[Some], *, numeric: bool) -> Some:
    """Return how many customers there are in all; ids are sorted as numbers if `numeric`."""
    some = [one for one in some if one.count]
    if not some:
        return Some()
    first = min((one.first for one in some), key=int if numeric else str)
    return Some(sum(one.count for one in some), first)


@dataclass(frozen=True)
class Classes:
    """How many customers are labelled, stayed and dropped; one of many months counts once."""

    labelled: int
    stayed: int
    dropped: int

    @classmethod
    def of(cls, customers: pd.DataFrame) -> "Classes":
        """Count customers, or their months."""
        label = customers[LABEL]
        if not in_months(customers):
            return cls(int(label.notna().sum()), *(int((label == one).sum()) for one in (0, 1)))
        ids = customers[IDENTITY]
        who = (label.notna(), *((label == one).fillna(False) for one in (0, 1)))
        return cls(*(int(ids[some.to_numpy(dtype=bool)].nunique()) for some in who))


def classes_together(parts: Iterable[Classes]) -> Classes:
    """Return the classes of all parts; a customer is in one of them."""
    every = [(one.labelled, one.stayed, one.dropped) for one in parts]
    return Classes(*map(sum, zip(*every, strict=True)))


def coverage(customers: pd.DataFrame, *, columns: Columns) -> dict[tuple[str, str], Some]:
    """Return which customers are missing from which export, and which lack single months.

    Of those whose rows are in quarantine, the quarantine tells more.

    Parameters
    ----------
    customers : DataFrame
        As ``joining.join`` returns them.
    columns : Columns
        The data dictionary of what the exports have.

    Returns
    -------
    dict
        By export and ``missing_customers`` or ``missing_months``.
    """
    sane = ~customers[IN_QUARANTINE].to_numpy()
    found = {}
    for table in columns.tables:
        present = customers[in_table(table)].to_numpy()
        found[table, "missing_customers"] = Some.of(customers, sane & ~present)
    for table in (name for name, export in columns.tables.items() if export.is_monthly):
        months = [column.name for column in columns.of(table)]
        lacks = customers[months].isna().any(axis=1).to_numpy()
        present = customers[in_table(table)].to_numpy()
        found[table, "missing_months"] = Some.of(customers, lacks & present & sane)
    return found


def twins(ids: pd.Series, label: pd.Series, key: np.ndarray) -> list[Finding]:
    """Return a finding of the customers who equal another in all but id and profit.

    Parameters
    ----------
    ids, label : Series, length n_customers
        Sorted by id.
    key : ndarray, shape (n_customers,)
        As ``hashing.behaviour_key`` gives it.
    """
    again = ~one_of_each_twin(key, label)
    if not again.any():
        return []
    return [Finding(Level.WARNING, "", "", "twins", int(again.sum()), str(ids[again].iloc[0]))]


def refuse_too_few(classes: Classes, *, place: str) -> None:
    """Raise an InputError if too few customers are labelled to learn anything.

    Raises
    ------
    InputError
        If fewer than 30 are in one class.
    """
    if min(classes.stayed, classes.dropped) < TOO_FEW:
        raise InputError(
            f"{place}: of {classes.stayed + classes.dropped} labelled customers {classes.dropped} "
            f"dropped and {classes.stayed} stayed; at least {TOO_FEW} of each are needed to learn "
            "anything"
        )


def small_samples(classes: Classes) -> list[Finding]:
    """Return warnings of small samples."""
    least = min(classes.stayed, classes.dropped)
    findings = []
    if classes.labelled < _ENOUGH["customers"]:
        told = (classes.labelled, str(_ENOUGH["customers"]))
        findings.append(Finding(Level.WARNING, "", LABEL, "few_customers", *told))
    if least < _ENOUGH["of a class"]:
        example = str(_ENOUGH["of a class"])
        findings.append(Finding(Level.WARNING, "", LABEL, "few_of_class", least, example))
    return findings
