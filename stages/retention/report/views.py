"""What the page shows of a run's tables: which rows, in which order and form."""

from collections.abc import Mapping
from typing import Any

from retention.core.arms import Arm
from retention.core.columns import Columns
from retention.core.findings import Level
from retention.core.grades import FAILED_GRADE
from retention.report.campaigns import (
    SHOWN_CAMPAIGNS,
    CampaignState,
    effect_reach,
    timeline_of,
    told_of_next,
)
from retention.report.months import (
    DRAWN,
    FORETOLD,
    forecasts_of,
    points_of,
    reach_of,
    sees_months,
)

STRONGEST = 6
"""Differences of a segment that are shown."""
CERTAIN = 0.05
"""A difference is shown where at most this share of those shown is expected to be none."""

ASSUMPTIONS = {
    "data.as_of": "date",
    "campaign.date": "date",
    "campaign.horizon_months": "plain",
    "campaign.share_lost": "percent",
    "campaign.profit_unit": "word",
    "campaign.budget": "money",
    "campaign.control_share": "percent",
    "campaign.global_control_share": "percent",
    "campaign.rest_days": "count",
    "campaign.contact_cap": "count",
    "campaign.least_risk": "percent",
    "campaign.least_gain": "money",
    "campaign.most_drift": "plain",
    "campaign.valid_days": "count",
    "campaign.suppression": "word",
    "features.least_drift": "plain",
    "prepare.regular_only": "word",
    "prepare.entry_error_distance": "plain",
    "prepare.max_quarantined": "percent",
    "evaluate.level": "percent",
    "segment.least": "count",
}
"""Params that a marketer should know of, and how each is shown."""
MONTHLY_ASSUMPTIONS = {
    "label.horizon_months": "count",
    "label.base_months": "count",
    "label.drop_below": "percent",
    "label.absent": "word",
    "score.model": "word",
    "evaluate.alarm_level": "percent",
    "evaluate.oldest_model": "count",
}
"""Those that matter where the shop's months are seen."""

BUDGET_COLUMNS = {
    "budget": "money",
    "contacted": "count",
    "drops_reached": "count",
    "false_targets": "count",
    "cost": "money",
    "expected_gain": "money",
}
FINDING_LEVELS = tuple(Level)
FARTHEST = 3
"""Drifted columns that a caveat names; the section on data has them all."""
FEATURE_FORMS = {"number": "tenths", "whole": "count", "percent": "percent", "money": "money"}
"""How the mean of a number is shown, by the form that the data dictionary gives it."""


def feature_form(feature: str, *, columns: Columns) -> str:
    """Return how a feature's mean (or a word's share) is shown."""
    column = columns.by_name[feature]
    return "percent" if column.is_category else FEATURE_FORMS[column.form]


def differences(portraits: list[Mapping[str, Any]], segment: str) -> list[int]:
    """Return the places of a segment's strongest differences that are told apart from none.

    What the segment's rule picks by is left out: the rule says it already.
    """
    told = [
        place
        for place, row in enumerate(portraits)
        if row["segment"] == segment
        and not row["by_rule"]
        and row["q_value"] is not None
        and row["q_value"] <= CERTAIN
        and (row["effect_low"] > 0 or row["effect_high"] < 0)
    ]
    return sorted(told, key=lambda place: (-abs(portraits[place]["effect"]), place))[:STRONGEST]


def category_rows(categories: list[Mapping[str, Any]], segment: str) -> list[int]:
    """Return the places of a segment's categories, the most customers first."""
    own = [place for place, row in enumerate(categories) if row["segment"] == segment]
    return sorted(own, key=lambda place: (-categories[place]["customers_inside"], place))


def budget_row(budgets: list[Mapping[str, float]], budget: float | None) -> int:
    """Return the place of the row nearest to the campaign's budget; the last without a limit."""
    if budget is None or not budgets:
        return len(budgets) - 1
    return min(
        range(len(budgets)), key=lambda place: (abs(budgets[place]["budget"] - budget), place)
    )


def ends(offers: list[Mapping[str, Any]], key: str) -> dict[str, int]:
    """Return the places of the offers with the lowest and highest value of a key."""
    order = sorted(range(len(offers)), key=lambda place: (offers[place][key], place))
    return {"low": order[0], "high": order[-1]} if order else {}


def caveat_places(drifted: list[Mapping[str, Any]]) -> list[int]:
    """Return the places of the farthest columns that drifted, each column once."""
    first = {row["column"]: place for place, row in reversed(list(enumerate(drifted)))}
    return sorted(first.values())[:FARTHEST]


def view_of(files: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return what templates need beside the files.

    Parameters
    ----------
    files : mapping of str to content
        By the names of ``report.SOURCES``.
    names : mapping of str to str
        The path of each.
    """
    offers, made = files["offers"], files["segment"]["offers"]
    counts = {
        place: sum(made[offer["code"]][arm] for arm in Arm) for place, offer in enumerate(offers)
    }
    order = sorted(counts, key=lambda place: (-counts[place], place))
    by_code = {offer["code"]: offer for offer in offers}
    monthly = sees_months(files)
    kinds = files["overview"]["months"]["findings"] if monthly else []
    places = [kind["place"] for kind in kinds] if monthly else range(len(files["readiness"]))
    findings = [
        *((names["readiness"], (place,), files["readiness"][place]) for place in places),
        *(
            (names["featurize"], ("report", place), row)
            for place, row in enumerate(files["featurize"]["report"])
        ),
    ]
    drift_at = (names["evaluate"], "months", "drift") if monthly else (names["featurize"], "drift")
    source = files["evaluate"]["months"] if monthly else files["featurize"]
    drifted = source["drift"]["columns"]
    return {
        **_months_view(files, names),
        **_campaigns_view(files),
        "drift_at": drift_at,
        "rehearsal": files["segment"]["rehearsal"],
        "drifted": drifted,
        "caveat_places": caveat_places(drifted),
        "stopped": files["segment"]["stopped"],
        "findings": sorted(findings, key=lambda found: FINDING_LEVELS.index(found[2]["level"])),
        "unit": files["params"]["campaign"]["profit_unit"],
        "explain_when_kept": files["explain"].get("when_kept", False),
        "assumptions": ASSUMPTIONS | (MONTHLY_ASSUMPTIONS if monthly else {}),
        "lacks_own_suppression": files["segment"]["lacks_own_suppression"],
        "budget_columns": BUDGET_COLUMNS,
        "budget_row": budget_row(files["budgets"], files["params"]["campaign"]["budget"]),
        "offers_made": [place for place in order if counts[place]],
        "offers_idle": [
            place for place, offer in enumerate(offers) if offer["code"] in files["segment"]["idle"]
        ],
        "offer_of": by_code.get,
        "effects": ends(offers, "effect"),
        "costs": ends(offers, "cost"),
        "advice_of": lambda kind: [
            key for key, row in files["explain"]["advice"].items() if row["kind"] == kind
        ],
        "differences": lambda segment: differences(files["portraits"], segment),
        "category_rows": lambda segment: category_rows(files["categories"], segment),
    }


def _campaigns_view(files: Mapping[str, Any]) -> dict[str, Any]:
    """Return what templates need of the campaigns so far: which are shown, where, on which scale.

    Pooled groups (offers, channels, segments) are shown where at least one campaign tells of them.
    """
    shown = files["overview"]["campaigns"][:SHOWN_CAMPAIGNS]
    programme, rest = files["programme"], files["params"]["campaign"]["rest_days"]
    told = programme.get("campaigns", [])
    pooled = {
        kind: found
        for kind, found in programme.get("pooled", {}).items()
        if kind != "all" and found
    }
    groups = [one for found in pooled.values() for one in found.values()]
    launched = [row for row in shown if row["state"] != CampaignState.PLANNED]
    return {
        "campaigns_shown": shown,
        "campaigns_launched": launched,
        **{
            state: [place for place, row in enumerate(shown) if row["state"] == state]
            for state in (CampaignState.LAUNCHED, CampaignState.RUNNING, CampaignState.AWAITED)
        },
        "next_is_of_today": told_of_next(
            programme, files["segment"], name=files["params"]["campaign"]["name"]
        ),
        "some_untold": any(one["drop"] is None and one["left_out"] is None for one in told)
        or any(one["prevented"] is None for one in groups),
        "timeline": timeline_of(shown, today=files["prepare"]["as_of"], rest_days=rest),
        "pooled_groups": pooled,
        "campaign_reach": effect_reach([one["drop"] for one in told if one["left_out"] is None]),
        "group_reach": effect_reach(groups),
    }


def _months_view(files: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return what templates need of a shop's months, and where they find what a snapshot has too.

    What is empty in params and follows something else has its place where that stands: a day that
    of the last month, the least risk the model's threshold.
    """
    monthly = sees_months(files)
    followed = {
        "data.as_of": (names["prepare"], "as_of"),
        "campaign.date": (names["segment"], "date"),
        "campaign.least_risk": (names["train"], "threshold"),
    }

    def place_of(key: str) -> tuple[str, ...]:
        """Return where the value of a key of params stands."""
        section, name = key.split(".")
        if key in followed and files["params"][section][name] is None:
            return followed[key]
        return (names["params"], section, name)

    found = {"monthly": monthly, "place_of": place_of, "month_at": (names["prepare"],)}
    if not monthly:
        return found
    last = files["prepare"]["months"]["last"]
    by_month = (names["prepare"], "months", "by_month")
    # What a model tells that is no better than chance, or of what is known, is no forecast.
    ahead = files["evaluate"]["grade"] != FAILED_GRADE and files["segment"]["rehearsal"] is None
    forecasts = forecasts_of(files["evaluate"]["months"], ahead=ahead)
    points = {name: points_of([row for _, row in forecasts], name) for name in DRAWN}
    kinds = files["overview"]["months"]["findings"]
    return found | {
        "month_at": (*by_month, last),
        "kinds": {kind["place"]: at for at, kind in enumerate(kinds)},
        "foretold_forms": FORETOLD,
        "forecasts": [((names["evaluate"], "months", *place), row) for place, row in forecasts],
        "points": points,
        "reach": {name: reach_of(rows) for name, rows in points.items() if rows},
    }
