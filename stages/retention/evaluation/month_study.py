"""A shop's months: how good the model was in each, what to expect of the last, what came."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from retention.core.months import newest, shifted
from retention.core.params import Evaluate
from retention.core.row_weights import weights_of
from retention.core.teaching import taught
from retention.core.vocabulary import LABEL, MONTH
from retention.evaluation.alarms import missed_level, retraining
from retention.evaluation.by_month import MONTH_COLUMNS, month_scores, random_split, split_of
from retention.evaluation.forecast import FORESEEN, Correction, corrections
from retention.evaluation.foretold import (
    SHORT,
    Forecast,
    Judge,
    RiskBy,
    foretold_and_came,
    foretold_and_waiting,
    nothing_kept,
)
from retention.stats.clustered import doubt_of, line_doubt, told_doubt


@dataclass(frozen=True)
class MonthStudy:
    """What the months say of a model.

    Attributes
    ----------
    details : dict
        The section ``months`` of the details: ``rows``, ``random_split``, ``forecast``,
        ``foretold``, ``waiting``, ``missed``, ``retrain``, ``drift``, ``doubt`` (what the
        model does not know of its calibration), ``corrected`` (see ``forecast.corrections``) and
        the levels of ``alarms``.
    forecast : dict
        What is expected of the last month, to be kept.
    """

    details: dict[str, Any]
    forecast: dict[str, Any]

    @property
    def lines(self) -> list[str]:
        """What whoever runs `evaluate` is told: the forecast, and whether to train anew."""
        told, why = self.details["forecast"], self.details["retrain"]
        spans = (
            f"{name} {told[name]:.3f} ({told[f'{name}_low']:.3f} to {told[f'{name}_high']:.3f})"
            for name in FORESEEN
        )
        found = [f"expected of {told[MONTH]}: {', '.join(spans)}"]
        if not self.details["drift"]["comparisons"]:
            found.append(
                f"whether {told[MONTH]} differs from the months that taught the model cannot be "
                "told: too few of their customers are in the exports"
            )
        reasons = {
            "missed": "a forecast was missed",
            "drift": "the last month differs from those that taught the model",
            "age": f"the model is {why['months_old']} months old",
        }
        speaks = "; ".join(reasons[one] for one in reasons if why[one])
        if why["due"]:
            found.append(f"train anew: {speaks}")
        elif speaks:
            found.append(
                f"a reason to train anew: {speaks}; but there are no new months of known outcome "
                "to learn from yet"
            )
        return found

    @property
    def table(self) -> pd.DataFrame:
        """A row a month: its scores, and what was foretold of it."""
        columns = [f"{name}{end}" for name in FORESEEN for end in ("", "_low", "_high", "_fact")]
        told = pd.DataFrame(
            [*self.details["foretold"], *self.details["waiting"], self.details["forecast"]],
            columns=[MONTH, "kept", "model", "comparable", "missed", *columns],
        )
        told = told.rename(columns={name: f"foretold_{name}" for name in columns})
        # Of months without a forecast nothing is known; pandas would make text of it.
        told = told.astype(dict.fromkeys(("kept", "comparable", "missed"), "boolean"))
        rows = pd.DataFrame(self.details["rows"], columns=MONTH_COLUMNS)
        return rows.merge(told, on=MONTH, how="outer").sort_values(
            MONTH, ignore_index=True, kind="stable"
        )


def study_months(
    table: pd.DataFrame,
    card: Mapping[str, Any],
    kept: Mapping[str, Forecast],
    drift: Mapping[str, Any],
    *,
    horizon: int,
    options: Evaluate,
    then: Mapping[str, Any] | None = None,
    risk_by: RiskBy = nothing_kept,
) -> MonthStudy:
    """Return what the months say of the model in use.

    Parameters
    ----------
    table : DataFrame
        Rows of months: ``month``, ``drop``, ``split``, ``scored``, ``twin_key``, ``weight``,
        ``risk`` and ``out_of_fold``.
    card : mapping
        The model's: ``sha256`` and, if it was taught by months, ``months`` and
        ``horizon_months``.
    kept : mapping of Forecast
        By month, as ``foretold.read_forecasts`` gives them.
    drift : mapping
        Of the last month, as ``drift.find_month_drift`` gives it.
    horizon : int
        Params ``label.horizon_months``, for a model whose card names none (of a snapshot).
    options : Evaluate
        The params section.
    then : mapping, optional
        The section ``months`` of a model that was kept, as it was then, for where the rows that
        taught it are no longer there.
    risk_by : callable, optional
        As ``foretold.Judge`` has it.
    """
    level = options.level
    draws = {"count": options.bootstrap, "seed": options.seed, "level": level}
    teachers = table[taught(table) & table["out_of_fold"]]
    model = str(card["sha256"])[:SHORT]
    doubt, corrected = _learnt(teachers, risk_by(model, teachers))
    if np.isnan(doubt).any() and then is not None:
        doubt = doubt_of(then["doubt"])
        corrected = {name: Correction(**one) for name, one in then["corrected"].items()}
    months, horizon = list(card.get("months", ())), int(card.get("horizon_months", horizon))
    judge = Judge(
        doubt,
        model,
        horizon,
        shifted(max(months), horizon) if months else None,
        level,
        missed_level(options.alarm_level),
        corrected,
        risk_by,
    )
    foretold, own_missed = foretold_and_came(table, kept, judge)
    last, month = newest(table), str(table[MONTH].max())
    ahead = judge.foretell(last[last["scored"] & (last["split"] != "treated")], month)
    learnt = table.loc[table["split"] == "train", MONTH]
    missed = sum(one["missed"] for one in foretold)
    told = ahead.told(level=level)
    details = {
        "rows": month_scores(table, **draws),
        "random_split": random_split(teachers, level=level),
        "split": split_of(table),
        "forecast": told,
        "foretold": foretold,
        "waiting": foretold_and_waiting(table, kept, judge),
        "missed": missed,
        "retrain": retraining(
            months,
            sorted(learnt.unique()),
            last=month,
            missed=own_missed,
            drift=drift,
            oldest=options.oldest_model,
        ),
        "drift": dict(drift),
        "doubt": told_doubt(doubt),
        "corrected": {name: asdict(one) for name, one in corrected.items()},
        "alarms": {"level": options.alarm_level, "missed_level": judge.missed_level},
    }
    return MonthStudy(details, ahead.to_keep(level=level))


def _learnt(
    teachers: pd.DataFrame, own: np.ndarray | None
) -> tuple[np.ndarray, dict[str, Correction]]:
    """Return the doubt of the calibration and what corrects the scores, of the rows that taught.

    `own` are their risks by the model itself, where it could be asked.
    """
    label, risk = (teachers[name].to_numpy("float64") for name in (LABEL, "risk"))
    groups, weight = teachers["twin_key"].to_numpy(), weights_of(teachers)
    doubt = line_doubt(label, risk, groups, weight)
    if own is None or np.isnan(doubt).any():
        return doubt, {}
    return doubt, corrections(label, risk, own, groups, weight)
