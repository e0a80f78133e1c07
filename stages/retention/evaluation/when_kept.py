"""Where no outcome is known a model that was kept has the scores that it had when it was kept."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from retention.core.errors import InputError
from retention.core.files import read_json, read_parquet, way_back
from retention.core.paths import TRAINED, ModelFolder
from retention.evaluation.held_out import HEADLINE, Evaluation, HeldOut

WHEN_KEPT = "when it was kept"
"""What ``judged`` says of such scores."""
_CURVES = {
    "roc": ("false_positive_rate", "true_positive_rate"),
    "precision_recall": ("recall", "precision"),
    "confusion": ("outcome", "dropped", "called", "customers"),
}
_BESIDE = ("model", "beside", "difference")


def judged_or_kept(
    rows: HeldOut, model: ModelFolder, judge_rows: Callable[[], Evaluation]
) -> Evaluation:
    """Return the evaluation by the test customers, or without enough that kept with the model.

    Parameters
    ----------
    rows : HeldOut
        Who would judge.
    model : ModelFolder
        Where the model lies.
    judge_rows : callable
        Makes the evaluation by them.

    Raises
    ------
    InputError
        If neither can be had.
    """
    if rows.can_be_judged or model == TRAINED:
        return judge_rows()
    if not model.evaluation.exists():
        raise InputError(
            f"{model.evaluation} is not there, which says how good the model was when it was kept, "
            "and too few outcomes are known to judge it anew; "
            + way_back(model.evaluation, "valid: a model that was kept by stages/promote.py")
        )
    return evaluation_when_kept(model)


def evaluation_when_kept(model: ModelFolder) -> Evaluation:
    """Return the evaluation that was kept with a model; curves, which need outcomes, are empty."""
    found = read_json(model.evaluation, needs=HEADLINE)
    spans = [f"{name}{end}" for name in _BESIDE for end in ("", "_low", "_high")]
    return Evaluation(
        np.array([], "int64"),
        np.array([]),
        _told_again(found) | {"judged": WHEN_KEPT},
        baselines=_empty("baseline", "score", "comparison", *spans),
        reliability=read_parquet(model.reliability),
        gains=_empty("contacted", "reached", "reached_low", "reached_high"),
        curves={name: _empty(*columns) for name, columns in _CURVES.items()},
    )


def _told_again(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return kept scores with NaN again where a score or an end of it could not be told.

    JSON has no NaN; what has no ends, such as ``suspected_leak``, may be None by right.
    """
    names = {name for name in found if name.endswith(("_low", "_high"))}
    names |= {name.removesuffix("_low") for name in names}
    return {
        name: float("nan") if value is None and name in names else value
        for name, value in found.items()
        if name != "months"
    }


def months_when_kept(model: ModelFolder) -> dict[str, Any] | None:
    """Return what was told of months when a model was kept, None if none taught it."""
    return read_json(model.evaluation).get("months") if model.evaluation.exists() else None


def _empty(*columns: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns))
