"""Report: what does a marketer need to see?

Reads metrics/ of every stage, plots/segment/budgets.csv, data/prepared/readiness.parquet,
data/model/model.json, data/explained/, data/segments/, data/campaign/, offers.yaml and
params.yaml; writes report/ru.html, report/en.html and metrics/report.json.
"""

from pathlib import Path

import pandas as pd

from retention.campaign.offers import read_offers
from retention.core.files import atomic, read_csv, read_json, read_parquet, write_json
from retention.core.formats import LANGUAGES
from retention.core.params import PARAMS, load_params
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY
from retention.report.page import render
from retention.report.sections import came_true, cells, count_findings, funnel, headline
from retention.report.views import view_of

TEMPLATES = Path("stages/retention/report/templates")
SOURCES = {
    "prepare": Path("metrics/prepare.json"),
    "readiness": Path("data/prepared/readiness.parquet"),
    "featurize": Path("metrics/featurize.json"),
    "train": Path("metrics/train.json"),
    "evaluate": Path("metrics/evaluate.json"),
    "explain": Path("metrics/explain.json"),
    "segment": Path("metrics/segment.json"),
    "card": Path("data/model/model.json"),
    "budgets": Path("plots/segment/budgets.csv"),
    "portraits": Path("data/segments/portraits.parquet"),
    "categories": Path("data/segments/categories.parquet"),
    "list": Path("data/campaign/list.parquet"),
    "offers": Path("offers.yaml"),
    "params": PARAMS,
    "overview": Path("metrics/report.json"),
}
"""What templates call each file."""
CALIBRATION = Path("plots/evaluate/calibration.csv")
CUSTOMERS = Path("data/segments/customers.parquet")
REASONS = Path("data/explained/reasons.parquet")
REPORT = Path("report")
SENTENCES = [IDENTITY, *(f"sentence_{language}" for language in LANGUAGES)]
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
    customers, listed = read_parquet(CUSTOMERS), read_parquet(SOURCES["list"])
    top = listed.head(SHOWN).astype({"valid_until": "str"})
    sentences = read_parquet(REASONS, SENTENCES)
    for more in (customers[[IDENTITY, "grid"]], sentences):
        top = top.merge(more, on=IDENTITY, how="left")
    readiness = rows_of(read_parquet(SOURCES["readiness"]))
    found = {
        "headline": headline(
            customers, threshold=files["train"]["threshold"], months=options.horizon_months,
            lost=options.share_lost,
        ),
        "came_true": came_true(read_csv(CALIBRATION), level=params.evaluate.level),
        "funnel": funnel(segment["audience"], segment["excluded"]),
        "cells": cells(
            customers, list(segment["grid"]), listed=list(listed[IDENTITY]),
            segments=list(segment["segments"]),
        ),
        "findings": count_findings(readiness + files["featurize"]["report"]),
        "list": {"rows": len(listed), "shown": len(top)},
    }  # fmt: skip
    write_json(found, SOURCES["overview"])
    files |= {
        "overview": read_json(SOURCES["overview"]),
        "budgets": rows_of(read_csv(SOURCES["budgets"])),
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
    view = view_of(files, names)
    for language in LANGUAGES:
        page = render(contents, names, view, folder=TEMPLATES, language=language)
        with atomic(REPORT / f"{language}.html") as scratch:
            scratch.write_text(page, encoding="utf-8", newline="\n")
    print(f"report: {len(customers)} customers, {found['headline']['at_risk']} at risk; open "
          f"{REPORT}/ru.html or {REPORT}/en.html")  # fmt: skip


if __name__ == "__main__":
    main()
