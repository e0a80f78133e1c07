"""What single columns say of the label and of each other: leaks, collinearity, duplicates."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from retention.core.errors import InputError, one_of
from retention.stats.ranking import ranking

LEAK = 0.95
"""A single column that ranks the label this well (either way) did not come before the event."""
SAME = 0.98
"""Two columns whose ranks agree this well are one column."""


def leaks(table: pd.DataFrame, label: pd.Series) -> dict[str, float]:
    """Return the columns that rank the label with ROC-AUC of 0.95 or more, and how well."""
    found = {name: ranking(table[name], label) for name in table}
    return {name: area for name, area in found.items() if area >= LEAK}


def refuse_leaking_features(found: dict[str, float], features: Sequence[str]) -> None:
    """Raise an InputError if a feature is among the leaks; an id or position is a warning."""
    named = [f"{name} (ROC-AUC {found[name]:.3f})" for name in features if name in found]
    if named:
        raise InputError(
            f"features: {one_of(named)} alone tells who dropped; it cannot have been known before "
            "the event: find out where the column comes from, or leave it out of the export"
        )


def variance_inflation(numbers: pd.DataFrame) -> dict[str, float]:
    """Return the variance inflation factor of each numeric column, 1 where it is independent.

    The diagonal of the inverse of the correlation matrix (Marquardt 1970,
    doi:10.2307/1267205), at most 1,000; constant columns have none.
    """
    filled = numbers.fillna(numbers.median())
    varied = filled.loc[:, filled.std() > 0]
    if varied.empty:
        return {}
    related = np.atleast_2d(np.corrcoef(varied.to_numpy("float64"), rowvar=False))
    factors = np.clip(np.diag(np.linalg.pinv(related, rcond=1e-10)), 1, 1000)
    same = {name for pair in duplicates(varied) for name in pair}
    return {
        name: 1000.0 if name in same else float(factor)
        for name, factor in zip(varied, factors, strict=True)
    }


def duplicates(numbers: pd.DataFrame) -> list[list[str]]:
    """Return the pairs of columns whose ranks agree to 0.98 or more, either way (Spearman)."""
    varied = numbers.loc[:, numbers.std() > 0]
    related = varied.corr(method="spearman").abs().to_numpy()
    rows, columns = np.triu_indices(len(varied.columns), k=1)
    pairs = zip(rows, columns, strict=True)
    return [[varied.columns[i], varied.columns[j]] for i, j in pairs if related[i, j] >= SAME]


def phik_between(table: pd.DataFrame, *, jobs: int) -> pd.DataFrame:
    """Return phik between all columns: 0 for independent ones, 1 where one determines the other.

    For numbers and words alike (Baak et al. 2020, doi:10.1016/j.csda.2020.107043).

    Parameters
    ----------
    table : DataFrame
    jobs : int
        Processes to use.

    Returns
    -------
    DataFrame
        A row and a column for each column of `table` that varies; missing where no customer has
        both columns.
    """
    import phik

    varied = table.loc[:, table.nunique() > 1]
    numbers = list(varied.select_dtypes("number"))
    matrix = phik.phik_matrix(varied, interval_cols=numbers, verbose=False, njobs=jobs)
    order = [name for name in table if name in matrix]
    return matrix.loc[order, order]
