"""Is the export fit to learn from? Missing customers, twins, small samples: findings."""

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.errors import InputError
from retention.core.findings import Finding, Level
from retention.core.hashing import one_of_each_twin
from retention.core.vocabulary import IDENTITY, LABEL

_ENOUGH = {"customers": 500, "of a class": 100}
TOO_FEW = 30


def coverage(
    everyone: pd.DataFrame, files: dict[str, str], sane: np.ndarray, *, columns: Columns
) -> list[Finding]:
    """Return which customers are missing from which file, and which lack single months.

    Parameters
    ----------
    everyone : DataFrame
        As ``joining.join`` returns it.
    files : dict
        Name of each export's file.
    sane : ndarray of bool, shape (n_customers,)
        Whose rows are not in quarantine: of the others the quarantine tells more.
    columns : Columns
        The data dictionary of what the exports have.
    """
    findings = []
    for table in columns.tables:
        absent = everyone.loc[sane & ~everyone[f"in_{table}"], IDENTITY]
        if len(absent):
            findings.append(_absence(files[table], "missing_customers", absent))
    for table in (name for name, export in columns.tables.items() if export.is_monthly):
        months = [column.name for column in columns.of(table)]
        lacks = everyone[months].isna().any(axis=1) & everyone[f"in_{table}"] & sane
        if lacks.any():
            findings.append(_absence(files[table], "missing_months", everyone.loc[lacks, IDENTITY]))
    return findings


def _absence(file: str, what: str, who: pd.Series) -> Finding:
    return Finding(Level.WARNING, file, "", what, len(who), who.iloc[0])


def twins(customers: pd.DataFrame, key: np.ndarray) -> list[Finding]:
    """Return a finding of the customers who equal another in all but id and profit.

    Parameters
    ----------
    customers : DataFrame
    key : ndarray
        As ``hashing.behaviour_key`` gives it.
    """
    again = ~one_of_each_twin(key, customers[LABEL])
    if not again.any():
        return []
    example = customers.loc[again, IDENTITY].iloc[0]
    return [Finding(Level.WARNING, "", "", "twins", int(again.sum()), example)]


def refuse_too_few(customers: pd.DataFrame, *, place: str) -> None:
    """Raise an InputError if too few customers are labelled to learn anything.

    Raises
    ------
    InputError
        If fewer than 30 are in one class.
    """
    counts = _of_classes(customers)
    if counts.min() < TOO_FEW:
        raise InputError(
            f"{place}: of {counts.sum()} labelled customers {counts[1]} dropped and {counts[0]} "
            f"stayed; at least {TOO_FEW} of each are needed to learn anything"
        )


def small_samples(customers: pd.DataFrame) -> list[Finding]:
    """Return warnings of small samples."""
    total = int(customers.loc[customers[LABEL].notna(), IDENTITY].nunique())
    least = int(_of_classes(customers).min())
    findings = []
    if total < _ENOUGH["customers"]:
        example = str(_ENOUGH["customers"])
        findings.append(Finding(Level.WARNING, "", LABEL, "few_customers", total, example))
    if least < _ENOUGH["of a class"]:
        example = str(_ENOUGH["of a class"])
        findings.append(Finding(Level.WARNING, "", LABEL, "few_of_class", least, example))
    return findings


def _of_classes(customers: pd.DataFrame) -> pd.Series:
    """Return how many customers stayed (0) and dropped (1); one of many months counts once."""
    return customers.groupby(LABEL)[IDENTITY].nunique().reindex([0, 1]).fillna(0).astype(int)
