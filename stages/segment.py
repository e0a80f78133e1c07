"""Segment: whom to contact, with what, at what gain?

Reads what earlier stages found, campaigns/, offers.yaml, columns.yaml and the suppression list;
writes data/segments/, data/campaign/ (also for people), metrics/segment.json, plots/segment/.
"""

import sys

from retention.campaign.by_parts import PartsOfAudience
from retention.campaign.kept_out import find_kept_out
from retention.campaign.offers import load_offers
from retention.campaign.plan import dated, plan_campaign, with_least_risk
from retention.campaign.plots import draw_budgets
from retention.core import paths
from retention.core.columns import load_columns
from retention.core.customer_parts import customer_parts
from retention.core.files import parquet_columns, read_json, write_csv, write_json
from retention.core.grades import read_drift, read_grade, read_threshold
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.spreadsheets import write_both
from retention.segments.by_parts import segment_customers, survey, words_in_data
from retention.segments.plots import draw_segments

_PLOTS = paths.PLOTS / "segment"


@stage
def main() -> None:
    """Join risk, reasons and profit; find the segments; make the list."""
    names = parquet_columns(paths.FEATURES)
    columns = load_columns().held_by(names)
    params = load_params(columns=columns)
    options, jobs = params.segment, params.train.jobs
    prepared = read_json(paths.PREPARED_DETAILS)
    last = prepared.get("months", {}).get("last")
    campaign = dated(params.campaign, prepared.get("as_of", params.data.as_of), last=last)
    campaign = with_least_risk(campaign, read_threshold(params.score.model))
    kinds = {one["name"]: one["categorical"] for one in read_json(paths.DICTIONARY)}
    in_data = words_in_data(columns)
    offers = load_offers(columns=columns, features=list(kinds), words=in_data)
    parts = customer_parts(last)
    seen = survey(parts, options=options, jobs=jobs)
    horizon = params.label.horizon_months
    kept_out = find_kept_out(parts, campaign, data_dir=params.data.dir, horizon=horizon, jobs=jobs)
    how = {"words": [name for name in kinds if kinds[name]], "columns": columns, "jobs": jobs}
    how |= {"options": options, "dialect": campaign.spreadsheet, "language": campaign.language}
    found = segment_customers(parts, seen, features=list(kinds), in_data=in_data, **how)
    audience = PartsOfAudience(
        parts, seen.ranks, found.categories_to_offer, seen.rehearsal, offers, campaign, jobs
    )
    asked = read_drift(names, paths.FEATURES_DETAILS, paths.EVALUATION_DETAILS)
    asked |= {"grade": read_grade(paths.EVALUATION_DETAILS), "campaign": campaign}
    plan = plan_campaign(seen.told, audience.asker(kept_out.ids), offers, kept_out, **asked)
    nobody = found.fits_nobody + plan.fits_nobody
    for line in [*plan.warnings, *(f"warning: {place} fits nobody" for place in nobody)]:
        print(f"segment: {line}", file=sys.stderr)
    print(f"segment: {plan.summary}")
    audience.write(plan.decision, columns=columns)
    budgets = plan.decision.budgets
    tables = {paths.SEGMENTS / name: table for name, table in found.tables.items()}
    for place, table in (tables | {paths.BUDGETS.with_suffix(""): budgets}).items():
        write_both(table, place, dialect=campaign.spreadsheet)
    beside = {"fits_nobody": nobody} if nobody else {}
    write_json(plan.details | found.details | beside, paths.SEGMENT_DETAILS)
    write_json(plan.headline, paths.METRICS / "segment.json")
    write_csv(found.sizes, _PLOTS / "segments.csv")
    write_csv(budgets, _PLOTS / "budgets.csv")
    draw_budgets(budgets, _PLOTS / "budgets.png", unit=campaign.profit_unit, budget=campaign.budget)
    drawn = seen.to_draw(plan.decision.listed(seen.told))
    draw_segments(found, drawn, _PLOTS, columns=columns, level=options.level)


if __name__ == "__main__":
    main()
