"""How well one column alone ranks the label."""

import numpy as np
import pandas as pd

from retention.stats.metrics import plain, roc_auc


def ranking(column: pd.Series, label: pd.Series) -> float:
    """Return the ROC-AUC of one column alone, the better way round: 0.5 to 1.

    Numbers, and words that are numbers, rank by their value, missing ones last; other words by
    the share of drops of the same word among customers of other folds, so that a word of its own
    for each customer tells nothing. What is the same for everyone ranks nobody: 0.5.
    """
    y = label.to_numpy("int64")
    if column.nunique(dropna=False) < 2:
        return 0.5
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().sum() >= column.notna().sum() > 0:
        score = numbers.fillna(numbers.min() - 1).to_numpy("float64")
    else:
        score = np.zeros(len(y))
        words = column.fillna("").to_numpy()
        fold = np.random.default_rng(0).integers(0, 5, len(y))
        for part in range(5):
            shares = pd.Series(y[fold != part]).groupby(words[fold != part]).mean()
            score[fold == part] = shares.reindex(words[fold == part]).fillna(y.mean())
    area = plain(roc_auc, y, score)
    return float(max(area, 1 - area))
