"""The report of one run: what its tables add up to, and the page in every language."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from retention.core.columns import Columns
from retention.core.files import rounded
from retention.core.formats import LANGUAGES
from retention.core.grades import FAILED_GRADE
from retention.report.campaigns import (
    LEAST_ANSWERS,
    CampaignsSoFar,
    campaign_rows,
    comparable_answers,
    planned_row,
)
from retention.report.months import months_overview, sees_months
from retention.report.page import render
from retention.report.people import People
from retention.report.sections import (
    came_true,
    cells,
    count_findings,
    funnel,
    headline_figures,
    treated_by_channel,
)
from retention.report.views import view_of

_HEADLINE = ("at_risk", "expected_drops", "profit_at_stake")


@dataclass(frozen=True)
class Report:
    """What a marketer sees.

    Attributes
    ----------
    grade : str
        Of the model.
    overview : dict
        What the page adds up from the tables of a run.
    pages : dict of str to str
        HTML by language.
    """

    grade: str
    overview: dict[str, Any]
    pages: dict[str, str]

    @property
    def headline(self) -> dict[str, Any]:
        """The numbers that people compare."""
        return {name: self.overview["headline"][name] for name in _HEADLINE}

    @property
    def summary(self) -> str:
        """How many are at risk, in words."""
        told = self.overview["headline"]
        if self.grade == FAILED_GRADE:
            return f"{told['customers']} customers; who is at risk cannot be told (grade F)"
        called = "at risk" if told["ahead"] else "would have been called (a rehearsal)"
        return f"{told['customers']} customers, {told['at_risk']} {called}"


def build_report(
    files: Mapping[str, Any],
    names: Mapping[str, str],
    *,
    people: People,
    so_far: CampaignsSoFar,
    reliability: pd.DataFrame,
    columns: Columns,
    folder: Path,
) -> Report:
    """Add up the overview and write the page in every language.

    Parameters
    ----------
    files : mapping of str to content
        What each file of the run holds, by the name that templates use for it: JSON as it is,
        tables as DataFrames, ``offers`` and ``params`` as plain values.
    names : mapping of str to str
        The path of each file, and of the ``overview``.
    people : People
        What the tables of customers tell.
    so_far : CampaignsSoFar
        The campaigns that are kept.
    reliability : DataFrame
        See :func:`retention.report.sections.came_true`.
    columns : Columns
        The data dictionary.
    folder : Path
        Templates, style, script and sentences.
    """
    # As the file holds it, so that every figure of the page is one of the file.
    overview = rounded(_overview(files, people, reliability, so_far))
    content = {
        name: rows_of(value) if isinstance(value, pd.DataFrame) else value
        for name, value in files.items()
    }
    content["overview"] = overview
    content["list"] = rows_of(people.top)
    content["programme"] = so_far.programme or {}
    view, by_path = view_of(content, names), {names[name]: one for name, one in content.items()}
    pages = {
        language: render(by_path, names, view, columns=columns, folder=folder, language=language)
        for language in LANGUAGES
    }
    return Report(files["evaluate"]["grade"], overview, pages)


def rows_of(table: pd.DataFrame) -> list[dict[str, object]]:
    """Return the rows of a table as plain values, None where one is missing."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


def _overview(
    files: Mapping[str, Any],
    people: People,
    reliability: pd.DataFrame,
    so_far: CampaignsSoFar,
) -> dict[str, Any]:
    """Return what the tables of a run add up to."""
    segment, params = files["segment"], files["params"]
    noticed = rows_of(files["readiness"])
    monthly = {"months": months_overview(files, noticed)} if sees_months(files) else {}
    if monthly:  # a kind of finding once, as it stands on the page
        noticed = monthly["months"]["findings"]
    findings = [*noticed, *files["featurize"]["report"]]
    channels = treated_by_channel(
        segment["offers"], {one["code"]: one["channel"] for one in files["offers"]}
    )
    campaign = params["campaign"] | {"horizon": params["label"]["horizon_months"]}
    planned = planned_row(segment, campaign, channels=channels)
    return {
        "headline": headline_figures(
            people.customers,
            threshold=files["train"]["threshold"],
            months=params["campaign"]["horizon_months"],
            lost=params["campaign"]["share_lost"],
        ),
        "came_true": came_true(reliability),
        "funnel": funnel(segment["audience"], segment["excluded"]),
        "cells": cells(people.counts, list(segment["grid"]), segments=list(segment["segments"])),
        "findings": count_findings(findings),
        "list": {
            "rows": people.listed,
            "shown": len(people.top),
            "channels": channels,
        },
        "campaigns": campaign_rows(so_far, planned, today=files["prepare"]["as_of"]),
        "answers": {
            "global_control": comparable_answers(so_far.programme),
            "least": LEAST_ANSWERS,
        },
        **monthly,
    }
