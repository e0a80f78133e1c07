"""A trained model in words and numbers: its card, and what training found."""

import hashlib
from collections.abc import Collection, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from retention.models.calibration import Calibration
from retention.models.estimators import BEND, sigmoid
from retention.models.selection import Trained
from retention.stats.metrics import SCORES, best_threshold, calibration_line, plain

PACKAGES = ("scikit-learn", "skops", "numpy")


def model_card(
    trained: Trained,
    label: np.ndarray,
    key: np.ndarray,
    *,
    names: Sequence[str],
    words: Collection[str],
    sha256: str,
) -> dict[str, Any]:
    """Return what later stages need to know of a model beside its file.

    Parameters
    ----------
    trained : Trained
    label : ndarray of 0 and 1, shape (n_customers,)
        Outcomes of the customers trained on, as ``trained.risk``.
    key : ndarray of uint64, shape (n_customers,)
        Their behaviour keys: what the model was taught on, in one hash.
    names, words : sequence of str
        The features, and those of them that hold words.
    sha256 : str
        Of the model's file, hex digits.
    """
    result = trained.best.result
    return {
        "family": result.family,
        "knobs": result.knobs,
        "features": {name: "word" if name in words else "number" for name in names},
        "calibration": trained.calibration.kind,
        "threshold": best_threshold(label, trained.risk),
        "training_customers": len(label),
        "data": hashlib.sha256(np.sort(key).tobytes()).hexdigest(),
        "versions": {package: version(package) for package in PACKAGES},
        "sha256": sha256,
    }


def out_of_fold_scores(trained: Trained, label: np.ndarray) -> dict[str, float]:
    """Return every score of the out-of-fold risks."""
    return {f"out_of_fold_{name}": plain(s, label, trained.risk) for name, s in SCORES.items()}


def training_details(trained: Trained, label: np.ndarray) -> dict[str, Any]:
    """Return how the families compared, what scoring by each costs, and the calibration.

    The cost, ``steps_per_1000``, is in steps of ``scoring_cost`` for 1,000 customers.
    """
    return {
        "family": trained.best.result.family,
        "threshold": best_threshold(label, trained.risk),
        **out_of_fold_scores(trained, label),
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
            **_before_and_after(trained, label),
        },
    }


def _line(calibration: Calibration) -> dict[str, Any]:
    bend = calibration.bend and dict(zip(BEND, calibration.bend, strict=True))
    return {
        "kind": calibration.kind,
        "slope": calibration.slope,
        "intercept": calibration.intercept,
        "bend": bend,
    }


def _before_and_after(trained: Trained, label: np.ndarray) -> dict[str, object]:
    """Return slope, intercept, Brier score and log-loss before and after the calibration."""
    found = {}
    for when, told in (("before", sigmoid(trained.best.score)), ("after", trained.risk)):
        slope, intercept = calibration_line(label, told, np.ones((1, len(label))))
        found[when] = {
            "slope": slope[0],
            "intercept": intercept[0],
            **{name: plain(SCORES[name], label, told) for name in ("brier", "log_loss")},
        }
    return found
