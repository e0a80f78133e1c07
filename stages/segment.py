"""Segment: whom to contact, with what, at what gain?

Reads what earlier stages found, offers.yaml, columns.yaml and the suppression list; writes
data/segments/ (customers, portraits, categories, discovered, details.json) and data/campaign/
(list, excluded, budgets), each table as .parquet and .csv, metrics/segment.json, plots/segment/.
"""

import sys

import pandas as pd

from retention.campaign.offers import load_offers
from retention.campaign.plan import dated, plan_campaign
from retention.campaign.plots import draw_budgets
from retention.campaign.suppression import never_contacted
from retention.core import paths
from retention.core.audience import customers_of_today
from retention.core.columns import load_columns
from retention.core.files import joined, read_json, read_parquet, write_csv, write_json
from retention.core.grades import read_drift, read_grade
from retention.core.params import load_params
from retention.core.rule_values import open_words
from retention.core.running import stage
from retention.core.spreadsheets import write_both
from retention.core.teaching import taught
from retention.core.vocabulary import IDENTITY, REASON_RANKS
from retention.segments.plots import draw_segments
from retention.segments.segmentation import find_segments

_PLOTS = paths.PLOTS / "segment"


@stage
def main() -> None:
    """Join risk, reasons and profit; find the segments; make the list."""
    table = read_parquet(paths.FEATURES)
    columns = load_columns().held_by(table.columns)
    params = load_params(columns=columns)
    prepared = read_json(paths.PREPARED_DETAILS)
    last = prepared.get("months", {}).get("last")
    campaign = dated(params.campaign, prepared.get("as_of", params.data.as_of), last=last)
    kinds = {one["name"]: one["categorical"] for one in read_json(paths.DICTIONARY)}
    in_data = open_words(table, columns=columns)
    offers = load_offers(columns=columns, features=list(kinds), words=in_data)
    table = joined(table, paths.RISKS)
    customers = joined(customers_of_today(table, last), paths.REASONS, [IDENTITY, *REASON_RANKS])
    how = {"in_data": in_data, "columns": columns, "options": params.segment}
    how |= {"words": [name for name in kinds if kinds[name]]}
    found = find_segments(customers, taught=table[taught(table)], features=list(kinds), **how)
    known = pd.concat([customers[IDENTITY], read_parquet(paths.LEFT_OUT)[IDENTITY]])
    suppressed, lacks_own = never_contacted(campaign, known, data_dir=params.data.dir)
    asked = read_drift(table, paths.FEATURES_DETAILS, paths.EVALUATION_DETAILS)
    asked |= {"grade": read_grade(paths.EVALUATION_DETAILS), "columns": columns}
    named, asked["campaign"] = found.categories_to_offer, campaign
    plan = plan_campaign(found.customers, named, offers, suppressed, **asked)
    listed, budgets = plan.decision.listed, plan.decision.budgets
    nobody = found.fits_nobody + plan.fits_nobody
    for line in [*plan.warnings, *(f"warning: {place} fits nobody" for place in nobody)]:
        print(f"segment: {line}", file=sys.stderr)
    print(f"segment: {plan.summary}")
    for folder, tables in ((paths.SEGMENTS, found.tables), (paths.CAMPAIGN, plan.tables)):
        for name, table in tables.items():
            write_both(table, folder / name, dialect=campaign.spreadsheet)
    beside = {"lacks_own_suppression": lacks_own} | ({"fits_nobody": nobody} if nobody else {})
    beside |= {} if params.campaign.date else {"date": campaign.date.isoformat()}
    write_json(plan.details | found.details | beside, paths.SEGMENT_DETAILS)
    write_json(plan.headline, paths.METRICS / "segment.json")
    write_csv(found.sizes, _PLOTS / "segments.csv")
    write_csv(budgets, _PLOTS / "budgets.csv")
    draw_budgets(budgets, _PLOTS / "budgets.png", unit=campaign.profit_unit, budget=campaign.budget)
    draw_segments(found, _PLOTS, listed=listed.index, columns=columns, level=params.segment.level)


if __name__ == "__main__":
    main()
