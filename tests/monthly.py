"""A run's files as they are of a shop of months: made up from those of a snapshot."""

import pandas as pd

from retention.core.months import shifted
from runs import alter

FIRST, COUNT, HORIZON = "2025-05", 18, 3
MONTHS = [shifted(FIRST, by) for by in range(COUNT)]
LAST = MONTHS[-1]
TAUGHT, TEST, FORETOLD = MONTHS[:2], MONTHS[4], MONTHS[8:15]
MISSED = FORETOLD[5]
SAME = {"lacks": [], "adds": [], "spells": [], "words": {}}
DIFFERS = {
    "lacks": ["market_file: service_errors"],
    "adds": ["money: Комментарий"],
    "spells": [{"file": "money.csv", "column": "", "what": "separator", "now": True}],
    "words": {"favourite_category": ["cosmetics"]},
}


def _labels(month):
    if month < MONTHS[3]:
        return {"shop": 300, "rule": 60, "unknown": 4}
    known = month <= shifted(LAST, -HORIZON)
    return {"shop": 0, "rule": 360 if known else 0, "unknown": 4 if known else 364}


def _prepare(found):
    usual = {name: found[name] for name in ("customers_in", "customers_kept", "set_aside")}
    by_month = {
        month: {
            **usual,
            "quarantined_rows": 0,
            "matched": found["matched"],
            "kept": found["kept"],
            "labels": _labels(month),
            "differs": DIFFERS if month == MONTHS[6] else SAME,
        }
        for month in MONTHS
    }
    pairs = [(month, shifted(month, 1)) for month in MONTHS[:-1]]
    found["as_of"] = "2026-10-31"
    found["months"] = {
        "months": MONTHS,
        "last": LAST,
        "by_month": by_month,
        "restated": [
            {
                "calendar_month": earlier,
                "table": "market_money",
                "earlier": earlier,
                "later": later,
                "compared": 350,
                "differ": place % 3,
                "largest": 12.5 if place % 3 else 0.0,
            }
            for place, (earlier, later) in enumerate(pairs)
        ],
        "label": {
            "horizon_months": HORIZON,
            "base_months": 3,
            "drop_below": 0.8,
            "absent": "zero",
            "absent_customers": 41,
            "unknown": {"ahead": 1092, "no_base": 60, "absent": 0, "unclear": 0},
            "season": {"2025-05": 51.25, "2025-06": 50.5},
            "agreement": {
                "both": 800,
                "agree": 712,
                "share": 0.89,
                "share_low": 0.866,
                "share_high": 0.911,
                "kappa": 0.764,
            },
        },
    }


def _featurize(found):
    found["drift"] = {"customers": {"before": 0, "ahead": 0}, "comparisons": 0, "columns": []}
    found["months"] = {
        "split": "time",
        "test_month": TEST,
        "teaching": TAUGHT,
        "last": LAST,
        "treated": dict.fromkeys(FORETOLD[:3], 30),
        "controls": dict.fromkeys(FORETOLD[:3], 10),
        "gaps": [],
    }


def _score(name, middle, width):
    return {name: middle, f"{name}_low": middle - width, f"{name}_high": middle + width}


def forecast(month):
    told = {"month": month, "customers": 364}
    told |= _score("drop_share", 0.36, 0.05) | _score("roc_auc", 0.87, 0.04)
    return told | _score("brier", 0.14, 0.02)


def foretold(month, place):
    missed = month == MISSED
    fact = {
        "drop_share_fact": 0.47 if missed else 0.35 + 0.01 * (place % 3),
        "roc_auc_fact": 0.86 + 0.01 * (place % 3),
        "brier_fact": 0.14,
    }
    kept = {"kept": place > 3, "model": "0123456789ab", "comparable": True}
    return forecast(month) | kept | fact | {"missed": missed}


def _evaluate(found):
    rows = [
        {"month": month, "customers": 350, "drops": 126, "taught": month in TAUGHT}
        | {"drop_share": 0.36, "mean_risk": 0.37}
        | _score("roc_auc", 0.86, 0.05)
        | _score("brier", 0.14, 0.02)
        | _score("log_loss", 0.45, 0.04)
        for month in MONTHS[: COUNT - HORIZON]
    ]
    risk = {"before": 0.36, "ahead": 0.37, "difference": 0.01, "low": -0.03, "high": 0.05}
    found |= _score("reversion_roc_auc", 0.61, 0.05) | _score("over_reversion", 0.25, 0.05)
    found |= _score("base_roc_auc", 0.7, 0.04) | _score("over_base", 0.16, 0.05)
    found["split"] = "time"
    found["months"] = {
        "rows": rows,
        "random_split": _score("roc_auc", 0.89, 0.03),
        "split": "time",
        "forecast": forecast(LAST),
        "foretold": [foretold(month, place) for place, month in enumerate(FORETOLD)],
        "waiting": [forecast(month) | {"kept": False} for month in MONTHS[15:17]],
        "missed": 1,
        "retrain": {"missed": True, "drift": False, "age": True, "months_old": 16}
        | {"fresh": 2, "due": True},
        "drift": {
            "customers": {"before": 700, "ahead": 364},
            "comparisons": 17,
            "columns": [],
            "risk": risk | {"distance": 0.04, "p_value": 0.3},
        },
    }


def _readiness(path):
    """Give each month its findings: those of the snapshot, in every second month one more."""
    usual = pd.read_parquet(path)
    more = usual.head(1).assign(level="warning", what="no_minutes", count=3, example="id7")
    tables = [
        pd.concat([usual, more] if place % 2 else [usual]).assign(month=month)
        for place, month in enumerate(MONTHS)
    ]
    pd.concat(tables, ignore_index=True).to_parquet(path)


def make_monthly(folder):
    """Turn the files of a snapshot's run into those of a shop of months."""
    alter(folder / "data/prepared/details.json", _prepare)
    alter(folder / "data/features/details.json", _featurize)
    alter(folder / "data/evaluation/details.json", _evaluate)
    alter(folder / "data/segments/details.json", lambda found: found.update(date="2026-11-01"))
    shown = {"explained": LAST, "answered": FORETOLD[-1], "taught": 816}
    alter(folder / "data/explained/details.json", lambda found: found.update(months=shown))
    taught = {"months": TAUGHT, "horizon_months": HORIZON, "training_rows": 700}
    alter(folder / "data/model/model.json", lambda found: found.update(taught))
    _readiness(folder / "data/prepared/readiness.parquet")
    params = folder / "params.yaml"
    text = params.read_text(encoding="utf-8")
    for usual in ("  as_of: '2026-11-01'", "  date: '2026-12-01'"):
        assert usual in text, usual
        text = text.replace(usual, f"{usual.partition(':')[0]}:")
    params.write_text(text, encoding="utf-8")
