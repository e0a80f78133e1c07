"""What the page adds up and shows of a shop's months: their data, forecasts beside facts."""

from collections.abc import Mapping, Sequence
from typing import Any

from retention.core.findings import Level
from retention.core.months import months_between
from retention.report.verdicts import side

SHOWN_MONTHS = 24
"""Months that the picture and the table of forecasts show; data/evaluation/months.csv has all."""
SHOWN_PAIRS = 12
"""Pairs of folders with changed amounts that the page lists; all are in the details of prepare."""
FORETOLD = {"drop_share": "percent", "roc_auc": "score", "brier": "score"}
"""What is foretold of a month, and how each is shown."""
DRAWN = ("drop_share", "roc_auc")
LABELLED = 6
"""Months that are named along a picture, at most."""

_KIND = ("level", "what", "file", "column")


def sees_months(files: Mapping[str, Any]) -> bool:
    """Tell whether the run looked at a shop's months; else it was one snapshot."""
    return "months" in files["prepare"]


def kinds_of(findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each kind of finding once, however many months it was made in.

    Parameters
    ----------
    findings : sequence of mapping
        ``level``, ``what``, ``file``, ``column`` and ``month``, which is empty where a finding is
        of no single month.

    Returns
    -------
    list of dict
        In the order in which the kinds first stand: ``place`` of the finding of the newest month,
        its ``level``, the ``last`` month, empty without one, and in how many ``months`` it is.
    """
    places: dict[tuple[Any, ...], dict[str, int]] = {}
    for place, row in enumerate(findings):
        month = row.get("month") or ""
        key = tuple(row[name] for name in _KIND)
        # Two findings of one kind and month (files that are written alike) stay two.
        while month in places.get(key, {}):
            key = (*key, place)
        places.setdefault(key, {})[month] = place
    return [
        {
            "place": by_month[max(by_month)],
            "level": key[0],
            "last": max(by_month),
            "months": len(by_month),
        }
        for key, by_month in places.items()
    ]


def months_overview(
    files: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what the months add up to.

    Parameters
    ----------
    files : mapping
        Details of ``prepare``, ``featurize`` and ``evaluate``.
    findings : sequence of mapping
        Findings of prepare, see :func:`kinds_of`.

    Returns
    -------
    dict
        ``count`` of months, the ``first``; ``labels`` and ``customers_kept`` of all months;
        ``by_month``: ``set_aside`` (customers) and ``warnings`` (with errors) of each;
        ``restated``: amounts ``compared`` between folders and how many ``differ``, and the places
        of the ``pairs`` of folders that differ most; ``findings`` by kind; how many months were
        ``foretold`` whose outcome is known, of how many it can be told whether the forecast came
        true (``judged``) and of how many not (``untold``); ``treated``: rows left out, their
        ``controls``, and campaigns that are ``gaps``.
    """
    found, split = files["prepare"]["months"], files["featurize"]["months"]
    by_month, restated = found["by_month"], found["restated"]
    foretold = files["evaluate"]["months"]["foretold"]
    noticed = [row["month"] for row in findings if row["level"] != Level.ADVICE]
    differ = [place for place, pair in enumerate(restated) if pair["differ"]]
    return {
        "count": len(found["months"]),
        "first": found["months"][0],
        "labels": _summed([one["labels"] for one in by_month.values()]),
        "customers_kept": sum(one["customers_kept"] for one in by_month.values()),
        "by_month": {
            month: {
                "set_aside": sum(one["set_aside"].values()),
                "warnings": noticed.count(month),
            }
            for month, one in by_month.items()
        },
        "restated": {
            "compared": sum(pair["compared"] for pair in restated),
            "differ": sum(pair["differ"] for pair in restated),
            "pairs": sorted(differ, key=lambda place: (-restated[place]["differ"], place))[
                :SHOWN_PAIRS
            ],
        },
        "findings": kinds_of(findings),
        "foretold": len(foretold),
        "judged": sum(row["comparable"] for row in foretold),
        "untold": sum(not row["comparable"] for row in foretold),
        "treated": {
            "treated": sum(split["treated"].values()),
            "controls": sum(split["controls"].values()),
            "gaps": len(split["gaps"]),
        },
    }


def _summed(rows: Sequence[Mapping[str, int]]) -> dict[str, int]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: sum(row.get(name, 0) for row in rows) for name in names}


def forecasts_of(
    told: Mapping[str, Any], *, ahead: bool
) -> list[tuple[tuple[str | int, ...], Any]]:
    """Return the forecasts that are shown, the newest month first, each with its place.

    Parameters
    ----------
    told : mapping
        Section ``months`` of the details of evaluate: ``foretold`` (beside the fact), ``waiting``
        (whose outcomes are not known yet) and ``forecast``, that of the last month.
    ahead : bool
        Whether those without a fact are shown.
    """
    parts: list[tuple[tuple[str | int, ...], Any]] = [
        (("foretold", place), row) for place, row in enumerate(told["foretold"])
    ]
    if ahead:
        parts += [(("waiting", place), row) for place, row in enumerate(told["waiting"])]
        parts += [(("forecast",), told["forecast"])] if told["forecast"] else []
    return sorted(parts, key=lambda part: part[1]["month"], reverse=True)[:SHOWN_MONTHS]


def points_of(forecasts: Sequence[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return what a picture of forecasts beside facts shows, a month after the other.

    Parameters
    ----------
    forecasts : sequence of mapping
        For each month ``month``, what was foretold (`name`, ``NAME_low``, ``NAME_high``) and, where
        it is known, what came (``NAME_fact``).
    name : str
        One of :data:`FORETOLD`.

    Returns
    -------
    list of dict
        ``month``, its ``place`` along the axis, ``told``, ``low``, ``high``, ``fact`` (None where
        there is none or it cannot be told), ``outside`` (the fact is not in the interval) and
        ``named``, where the month's name stands along the axis; months of which nothing was told
        are left out.
    """
    rows = sorted(forecasts, key=lambda row: row["month"])
    rows = [row for row in rows if row[name] is not None and row[f"{name}_low"] is not None]
    places = [months_between(rows[0]["month"], row["month"]) for row in rows]
    found = []
    for place, row in zip(places, rows, strict=True):
        fact = row.get(f"{name}_fact")
        ends = {"low": row[f"{name}_low"], "high": row[f"{name}_high"]}
        found.append(
            {
                "month": row["month"],
                "place": place,
                "told": row[name],
                **ends,
                "fact": fact,
                "outside": fact is not None and side(**ends, point=fact) != "unclear",
                # Counted from the newest, which is always named.
                "named": (places[-1] - place) % -(-(places[-1] + 1) // LABELLED) == 0,
            }
        )
    return found


def reach_of(points: Sequence[Mapping[str, Any]], *, room: float = 0.05) -> tuple[float, float]:
    """Return the lowest and the highest value of a picture, with some room, within 0 and 1."""
    values = [point[key] for point in points for key in ("low", "high", "told", "fact")]
    known = [value for value in values if value is not None]
    spare = room * max(max(known) - min(known), room)
    return max(0.0, min(known) - spare), min(1.0, max(known) + spare)
