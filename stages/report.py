"""Report: what does a marketer need to see?

Reads the details that every stage left in its folder of data/, the tables of findings, segments,
reasons and the campaign, data/model/model.json, offers.yaml, columns.yaml and params.yaml; writes
report/ru.html, report/en.html, report/overview.json and metrics/report.json.
"""

import pandas as pd

from retention.campaign.offers import read_offers
from retention.core import paths
from retention.core.columns import load_columns
from retention.core.files import atomic, read_json, read_parquet, write_json
from retention.core.formats import LANGUAGES
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY
from retention.report.page import render
from retention.report.sections import came_true, cells, count_findings, funnel, headline_figures
from retention.report.views import view_of

SOURCES = {
    "prepare": paths.PREPARED_DETAILS,
    "readiness": paths.READINESS.with_suffix(".parquet"),
    "featurize": paths.FEATURES_DETAILS,
    "train": paths.TRAINING_DETAILS,
    "evaluate": paths.EVALUATION_DETAILS,
    "explain": paths.EXPLANATION_DETAILS,
    "segment": paths.SEGMENT_DETAILS,
    "card": paths.MODEL_CARD,
    "budgets": paths.BUDGETS,
    "portraits": paths.PORTRAITS,
    "categories": paths.CATEGORIES,
    "list": paths.CAMPAIGN_LIST,
    "offers": paths.OFFERS,
    "params": paths.PARAMS,
    "overview": paths.OVERVIEW,
}
"""What templates call each file."""
_SENTENCES = [IDENTITY, *(f"sentence_{language}" for language in LANGUAGES)]
_HEADLINE = ("at_risk", "expected_drops", "profit_at_stake")
SHOWN = 200
"""Rows of the list on the page; the rest is in the file."""


def rows_of(table: pd.DataFrame) -> list[dict[str, object]]:
    """Return the rows of a table as plain values, None where one is missing."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


@stage
def main() -> None:
    """Gather the run's files and write the page in both languages."""
    params = load_params()
    files = {
        name: read_json(path)
        for name, path in SOURCES.items()
        if path.suffix == ".json" and name != "overview"
    }
    segment, options = files["segment"], params.campaign
    customers, listed = read_parquet(paths.CUSTOMERS), read_parquet(SOURCES["list"])
    top = listed.head(SHOWN).astype({"valid_until": "str"})
    sentences = read_parquet(paths.REASONS, _SENTENCES)
    for more in (customers[[IDENTITY, "grid"]], sentences):
        top = top.merge(more, on=IDENTITY, how="left")
    readiness = rows_of(read_parquet(SOURCES["readiness"]))
    found = {
        "headline": headline_figures(
            customers, threshold=files["train"]["threshold"], months=options.horizon_months,
            lost=options.share_lost,
        ),
        "came_true": came_true(read_parquet(paths.RELIABILITY), level=params.evaluate.level),
        "funnel": funnel(segment["audience"], segment["excluded"]),
        "cells": cells(
            customers, list(segment["grid"]), listed=list(listed[IDENTITY]),
            segments=list(segment["segments"]),
        ),
        "findings": count_findings(readiness + files["featurize"]["report"]),
        "list": {"rows": len(listed), "shown": len(top)},
    }  # fmt: skip
    write_json(found, paths.OVERVIEW)
    write_json({name: found["headline"][name] for name in _HEADLINE}, paths.METRICS / "report.json")
    files |= {
        "overview": read_json(paths.OVERVIEW),
        "budgets": rows_of(read_parquet(SOURCES["budgets"])),
        "portraits": rows_of(read_parquet(SOURCES["portraits"])),
        "categories": rows_of(read_parquet(SOURCES["categories"])),
        "list": rows_of(top),
        "readiness": readiness,
        "offers": [offer.model_dump() for offer in read_offers(SOURCES["offers"])],
        "params": {
            "data": params.data.model_dump(mode="json"),
            "prepare": params.prepare.model_dump(mode="json"),
            "evaluate": params.evaluate.model_dump(mode="json"),
            "segment": params.segment.model_dump(mode="json"),
            "campaign": params.campaign.model_dump(mode="json"),
        },
    }
    contents = {str(SOURCES[name]): content for name, content in files.items()}
    names = {name: str(path) for name, path in SOURCES.items()}
    view, columns = view_of(files, names), load_columns()
    for language in LANGUAGES:
        page = render(
            contents, names, view, columns=columns, folder=paths.TEMPLATES, language=language
        )
        with atomic(paths.REPORT / f"{language}.html") as scratch:
            scratch.write_text(page, encoding="utf-8", newline="\n")
    print(f"report: {len(customers)} customers, {found['headline']['at_risk']} at risk; open "
          f"{paths.REPORT}/ru.html or {paths.REPORT}/en.html")  # fmt: skip


if __name__ == "__main__":
    main()
