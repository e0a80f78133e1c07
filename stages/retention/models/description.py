"""A trained model in words and numbers: its card, and what training found."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from retention.core.months import in_months
from retention.core.vocabulary import BY_RULE, IDENTITY, LABEL, LABEL_SOURCE, MONTH
from retention.models.calibration import Calibration
from retention.models.estimators import BEND, FAMILIES, sigmoid, takes_weights
from retention.models.selection import Trained
from retention.stats.metrics import SCORES, best_threshold, calibration_line, plain

PACKAGES = ("scikit-learn", "skops", "numpy")


def model_card(
    trained: Trained,
    rows: pd.DataFrame,
    *,
    names: Sequence[str],
    words: Collection[str],
    sha256: str,
    weight: np.ndarray | None = None,
    rule: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what later stages need to know of a model beside its file.

    Parameters
    ----------
    trained : Trained
    rows : DataFrame
        What it was trained on: ``customer_id``, ``drop``, ``twin_key`` and, of months, ``month``,
        ``behaviour_key`` and ``label_source``. One hash says which customers these were.
    names, words : sequence of str
        The features, and those of them that hold words.
    sha256 : str
        Of the model's file, hex digits.
    weight : ndarray of float, shape (n_rows,), optional
        How many customers each row stands for.
    rule : mapping, optional
        Params ``label``; of months only. The card holds it where any outcome was made by it, else
        ``horizon_months`` alone.
    """
    result = trained.best.result
    label = rows[LABEL].to_numpy("int64")
    monthly = in_months(rows)
    key = rows["behaviour_key" if monthly else "twin_key"].to_numpy()
    card = {
        "family": result.family,
        "knobs": result.knobs,
        "features": {name: "word" if name in words else "number" for name in names},
        "calibration": trained.calibration.kind,
        "threshold": best_threshold(label, trained.risk, weight),
        "training_customers": rows[IDENTITY].nunique(),
        "data": hashlib.sha256(np.sort(key).tobytes()).hexdigest(),
        "versions": {package: version(package) for package in PACKAGES},
        "sha256": sha256,
    }
    if rule is not None:
        months, horizon = sorted(rows[MONTH].unique()), rule["horizon_months"]
        card |= {"training_rows": len(rows), "months": months, "horizon_months": horizon}
        card |= {"label": dict(rule)} if (rows[LABEL_SOURCE] == BY_RULE).any() else {}
    return card


def out_of_fold_scores(
    trained: Trained, label: np.ndarray, weight: np.ndarray | None = None
) -> dict[str, float]:
    """Return every score of the out-of-fold risks."""
    return {
        f"out_of_fold_{name}": plain(score, label, trained.risk, weight)
        for name, score in SCORES.items()
    }


def training_details(
    trained: Trained, label: np.ndarray, weight: np.ndarray | None = None
) -> dict[str, Any]:
    """Return how the families compared, what scoring by each costs, and the calibration.

    The cost, ``steps_per_1000``, is in steps of ``scoring_cost`` for 1,000 customers. Where rows
    have weights, ``weights`` tells how many count for more than themselves, and the families that
    were fitted without, as they take none.
    """
    told = {} if weight is None else {"weights": _weights(trained, weight)}
    return told | {
        "family": trained.best.result.family,
        "threshold": best_threshold(label, trained.risk, weight),
        **out_of_fold_scores(trained, label, weight),
        "families": {
            one.result.family: {
                "search_mean": one.result.mean,
                "search_se": one.result.se,
                "steps_per_1000": 1000 * one.steps,
                "knobs": one.result.knobs,
            }
            for one in trained.candidates
        },
        "calibration": {
            **_line(trained.calibration),
            "log_loss": trained.losses,
            **_before_and_after(trained, label, weight),
        },
    }


def _weights(trained: Trained, weight: np.ndarray) -> dict[str, Any]:
    tried = [one.result.family for one in trained.candidates if one.result.family in FAMILIES]
    without = [name for name in tried if not takes_weights(FAMILIES[name].build(0))]
    return {"rows": int((weight > weight.min()).sum()), "fitted_without": without}


def _line(calibration: Calibration) -> dict[str, Any]:
    bend = calibration.bend and dict(zip(BEND, calibration.bend, strict=True))
    return {
        "kind": calibration.kind,
        "slope": calibration.slope,
        "intercept": calibration.intercept,
        "bend": bend,
    }


def _before_and_after(
    trained: Trained, label: np.ndarray, weight: np.ndarray | None
) -> dict[str, object]:
    """Return slope, intercept, Brier score and log-loss before and after the calibration."""
    found = {}
    stands = np.ones(len(label)) if weight is None else weight
    for when, told in (("before", sigmoid(trained.best.score)), ("after", trained.risk)):
        slope, intercept = calibration_line(label, told, stands[None])
        found[when] = {
            "slope": slope[0],
            "intercept": intercept[0],
            **{name: plain(SCORES[name], label, told, weight) for name in ("brier", "log_loss")},
        }
    return found
