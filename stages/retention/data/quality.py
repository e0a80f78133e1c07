"""Is the export fit to learn from? Missing customers, twins, small samples, drift: findings."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.errors import InputError
from retention.core.findings import Finding, Level
from retention.core.hashing import one_of_each_twin, uniform
from retention.core.vocabulary import IDENTITY, LABEL
from retention.stats.effects import holm

_ENOUGH = {"customers": 500, "of a class": 100}
TOO_FEW = 30
DRIFT_ROWS = 20_000
"""Rows of each side that the drift test looks at: more would call differences of no matter."""
DRIFT_LEVEL = 0.05


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


def small_samples(customers: pd.DataFrame, *, place: str) -> list[Finding]:
    """Return warnings of small samples.

    Raises
    ------
    InputError
        If fewer than 30 customers are labelled, or are in one class: nothing can be learnt.
    """
    counts = customers[LABEL].value_counts().reindex([0, 1]).fillna(0).astype(int)
    total, least = int(counts.sum()), int(counts.min())
    if least < TOO_FEW:
        raise InputError(
            f"{place}: of {total} labelled customers {counts[1]} dropped and {counts[0]} stayed; "
            f"at least {TOO_FEW} of each are needed to learn anything"
        )
    findings = []
    if total < _ENOUGH["customers"]:
        example = str(_ENOUGH["customers"])
        findings.append(Finding(Level.WARNING, "", LABEL, "few_customers", total, example))
    if least < _ENOUGH["of a class"]:
        example = str(_ENOUGH["of a class"])
        findings.append(Finding(Level.WARNING, "", LABEL, "few_of_class", least, example))
    return findings


def drift(customers: pd.DataFrame, key: np.ndarray, *, names: Sequence[str]) -> list[Finding]:
    """Return the columns in which score rows differ from labelled ones.

    Kolmogorov–Smirnov for numbers and chi-squared for words; Holm's correction (Holm 1979) holds
    the chance of any false alarm over all columns at 5 %. At most 20,000 rows of each side, by
    hash, are compared.

    Parameters
    ----------
    customers : DataFrame
    key : ndarray
        As ``hashing.behaviour_key`` gives it.
    names : sequence of str
        The columns to compare.
    """
    ahead = customers[LABEL].isna().to_numpy()
    if min(ahead.sum(), (~ahead).sum()) < TOO_FEW:
        return []
    draw = uniform(key, seed=0, purpose="drift")
    old, new = (_sample(customers, side, draw) for side in (~ahead, ahead))
    chances = {}
    for name in names:
        a, b = old[name].dropna(), new[name].dropna()
        if len(a) and len(b):
            chances[name] = two_sample_chance(a, b)
    names = sorted(chances, key=chances.get)
    adjusted = holm(np.array([chances[name] for name in names]))
    return [
        Finding(Level.WARNING, "", name, "drift", int(ahead.sum()), f"{chance:.2g}")
        for name, chance in zip(names, adjusted, strict=True)
        if chance <= DRIFT_LEVEL
    ]


def two_sample_chance(a: pd.Series, b: pd.Series) -> float:
    """Return the chance of two samples this different from one population (a p-value, 0 to 1).

    Numbers by Kolmogorov & Smirnov's statistic and its limiting distribution, words by Pearson's
    chi-squared. (scipy.stats has both, and takes longer to import than the test to run.)
    """
    from scipy.special import chdtrc, kolmogorov

    if pd.api.types.is_numeric_dtype(a):
        every = np.sort(np.concatenate([a, b]))
        steps = [np.searchsorted(np.sort(side), every, side="right") / len(side) for side in (a, b)]
        size = len(a) * len(b) / (len(a) + len(b))
        return float(kolmogorov(np.sqrt(size) * np.abs(steps[0] - steps[1]).max()))
    counts = pd.concat([a.value_counts(), b.value_counts()], axis=1).fillna(0).to_numpy()
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    if len(counts) < 2:
        return 1.0
    return float(chdtrc(len(counts) - 1, ((counts - expected) ** 2 / expected).sum()))


def _sample(customers: pd.DataFrame, side: np.ndarray, draw: np.ndarray) -> pd.DataFrame:
    rows = np.flatnonzero(side)
    if len(rows) > DRIFT_ROWS:
        rows = rows[np.argsort(draw[rows], kind="stable")[:DRIFT_ROWS]]
    return customers.iloc[rows]
