"""Report: what does a marketer need to see?

Reads the details that every stage left in its folder of data/, the tables of findings, segments,
reasons and the campaign, data/model/model.json, campaigns/, offers.yaml, columns.yaml and
params.yaml; writes report/ru.html, report/en.html, report/overview.json and metrics/report.json.
"""

from pathlib import Path

from retention.campaign.offers import read_offers
from retention.core import paths
from retention.core.columns import load_columns
from retention.core.files import read_json, read_parquet, write_json, write_text
from retention.core.params import load_params
from retention.core.running import stage
from retention.report.building import build_report
from retention.report.campaigns import read_campaigns_so_far
from retention.report.people import read_people

SOURCES = {
    "prepare": paths.PREPARED_DETAILS,
    "readiness": paths.READINESS.with_suffix(".parquet"),
    "featurize": paths.FEATURES_DETAILS,
    "evaluate": paths.EVALUATION_DETAILS,
    "explain": paths.EXPLANATION_DETAILS,
    "segment": paths.SEGMENT_DETAILS,
    "budgets": paths.BUDGETS,
    "portraits": paths.PORTRAITS,
    "categories": paths.CATEGORIES,
}
"""What is read, by what templates call it; beside the files of the model."""


@stage
def main() -> None:
    """Gather the run's files and write the page in both languages."""
    params = load_params()
    sections = {
        "data": params.data,
        "prepare": params.prepare,
        "label": params.label,
        "features": params.features,
        "score": params.score,
        "evaluate": params.evaluate,
        "segment": params.segment,
        "campaign": params.campaign,
    }
    kept = paths.ModelFolder(Path(params.score.model))
    sources = SOURCES | {"train": kept.details, "card": kept.card}
    readers = {".json": read_json, ".parquet": read_parquet}
    files = {name: readers[path.suffix](path) for name, path in sources.items()} | {
        "offers": [offer.model_dump() for offer in read_offers(paths.OFFERS)],
        "params": {name: section.model_dump(mode="json") for name, section in sections.items()},
    }
    others = {"offers": paths.OFFERS, "params": paths.PARAMS, "overview": paths.OVERVIEW}
    others |= {"list": paths.CAMPAIGN_LIST, "programme": paths.PROGRAMME}
    found = build_report(
        files,
        {name: str(path) for name, path in (sources | others).items()},
        people=read_people(),
        so_far=read_campaigns_so_far(paths.CAMPAIGNS),
        reliability=read_parquet(paths.RELIABILITY),
        columns=load_columns(),
        folder=paths.TEMPLATES,
    )
    write_json(found.overview, paths.OVERVIEW)
    write_json(found.headline, paths.METRICS / "report.json")
    for language, page in found.pages.items():
        write_text(page, paths.REPORT / f"{language}.html")
    print(f"report: {found.summary}; open {paths.REPORT}/ru.html or {paths.REPORT}/en.html")


if __name__ == "__main__":
    main()
