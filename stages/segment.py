"""Segment: whom to contact, with what, at what gain?

Reads data/prepared/, data/features/, data/model/, data/explained/, metrics/evaluate.json,
offers.yaml and the suppression list; writes data/segments/ (customers, portraits, categories,
discovered) and data/campaign/ (list, excluded), each as .parquet for programs and as .csv for
people, metrics/segment.json and plots/segment/.
"""

import sys
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from retention.campaign.campaign_list import all_segments, first_segment, joined, offers_made
from retention.campaign.eligibility import FAILED, GATES
from retention.campaign.experiment_design import power_in_words
from retention.campaign.offers import load_offers
from retention.campaign.plan import decide
from retention.campaign.plots import draw_budgets
from retention.campaign.suppression import never_contacted
from retention.campaign.wording import category_words
from retention.core.arms import Arm, assigned, count_arms
from retention.core.files import read_json, read_parquet, write_csv, write_json
from retention.core.params import load_params
from retention.core.rule_values import RULED, open_words
from retention.core.rules import fits_nobody
from retention.core.running import stage
from retention.core.spreadsheets import write_both
from retention.core.vocabulary import IDENTITY, LABEL, PROFIT
from retention.evaluation.grade import read_grade
from retention.models.persistence import load_model
from retention.segments.membership import (
    draw_map,
    grid_cells,
    grid_table,
    honest_risk,
    named_segments,
)
from retention.segments.plots import draw_segments
from retention.segments.study import by_name, category_offers, sizes, study
from retention.segments.subgroup_discovery import discover, halves

CUSTOMERS = Path("data/prepared/customers.parquet")
SET_ASIDE = Path("data/prepared/set_aside.parquet")
FEATURES = Path("data/features/features.parquet")
DICTIONARY = Path("data/features/dictionary.json")
MODEL = Path("data/model/model.skops")
CARD = Path("data/model/model.json")
OUT_OF_FOLD = Path("data/model/out_of_fold.parquet")
REASONS = Path("data/explained/reasons.parquet")
EVALUATED = Path("metrics/evaluate.json")
SEGMENTS = Path("data/segments")
CAMPAIGN = Path("data/campaign")
METRICS = Path("metrics/segment.json")
PLOTS = Path("plots/segment")

RANKS = ["reason_1", "reason_2", "reason_3"]
SHOWN = [IDENTITY, "risk", LABEL, PROFIT, "grid", "segments", "reasons"]


@stage
def main() -> None:
    """Join risk, reasons and profit; find the segments; make the list."""
    params = load_params()
    campaign, options = params.campaign, params.segment
    table, card, dictionary = (
        read_parquet(FEATURES),
        read_json(CARD, needs=("features", "sha256")),
        read_json(DICTIONARY),
    )
    names = [feature["name"] for feature in dictionary]
    of_words = [feature["name"] for feature in dictionary if feature["categorical"]]
    customers = read_parquet(CUSTOMERS)
    in_data = open_words(customers)
    offers = load_offers(columns=RULED, features=list(card["features"]), words=in_data)
    known = pd.concat([customers[IDENTITY], read_parquet(SET_ASIDE)[IDENTITY]])
    suppressed, lacks_own = never_contacted(campaign, known, data_dir=params.data.dir)
    told = load_model(MODEL, sha256=card["sha256"]).risk(table[list(card["features"])])
    table["risk"] = honest_risk(table, told, read_parquet(OUT_OF_FOLD))
    for part in (table[[IDENTITY, "risk", "scored"]], read_parquet(REASONS)[[IDENTITY, *RANKS]]):
        customers = customers.merge(part, on=IDENTITY, validate="one_to_one")
    customers["profit_rank"] = customers[PROFIT].rank(pct=True)

    belongs = named_segments(customers, options.rules, columns=RULED, words=in_data)
    customers["segments"], customers["segment"] = all_segments(belongs), first_segment(belongs)
    customers["reasons"] = joined(customers[RANKS])
    cuts = {"risk_cuts": options.grid.risk, "profit_cuts": options.grid.profit}
    customers["grid"] = grid_cells(customers["risk"], customers[PROFIT], **cuts)
    portraits, by_category, recommended = study(
        customers, belongs, rules=options.rules, features=names, words=of_words,
        counted=customers["scored"].to_numpy(), level=options.level, least=options.least,
    )  # fmt: skip
    how = options.discover
    rows, half = halves(table, most=how.max_rows, seed=how.seed)
    discovered = discover(
        table.iloc[rows], table[LABEL].iloc[rows].to_numpy("int64"), half, names, of_words,
        least=options.least, comparisons=how.comparisons, rules=how.rules, level=options.level,
        error_rate=how.error_rate,
    )  # fmt: skip

    customers["arm"] = assigned(
        customers[IDENTITY], seed=campaign.seed, share=campaign.control_share
    )
    score_rows = customers[LABEL].isna()
    audience = customers[score_rows] if score_rows.any() else customers
    graded = read_grade(EVALUATED)
    if graded == FAILED:
        print("segment: the model's grade is F, so nobody is contacted", file=sys.stderr)
    words = category_words(audience, category_offers(by_category, recommended))
    listed, excluded, what_if, able = decide(
        audience, audience[RANKS], offers, words, suppressed.ids, campaign=campaign,
        failed=graded == FAILED,
    )  # fmt: skip
    rules = {f"segment.rules.{name}": rule for name, rule in options.rules.items()}
    nobody = fits_nobody(rules, customers)
    nobody += fits_nobody({f"offers.yaml: {one.code}.when": one.when for one in offers}, audience)
    for place in nobody:
        print(f"segment: warning: {place} fits nobody", file=sys.stderr)
    print(f"segment: {len(listed)} customers on the list; {power_in_words(able['pooled'])}")

    written = {
        SEGMENTS / "customers": customers[SHOWN],
        SEGMENTS / "portraits": portraits,
        SEGMENTS / "categories": by_category,
        SEGMENTS / "discovered": discovered,
        CAMPAIGN / "list": listed,
        CAMPAIGN / "excluded": excluded,
    }
    for path, part in written.items():
        write_both(part, path, dialect=campaign.spreadsheet)
    found, grid = sizes(customers, belongs), grid_table(customers.assign(cell=customers["grid"]))
    spent = listed[listed["arm"] == Arm.TREATMENT][["cost", "expected_gain"]].sum()
    content = {
        "grade": graded,
        "unit": campaign.profit_unit,
        "lacks_own_suppression": lacks_own,
        "audience": len(audience),
        **count_arms((listed["arm"] == Arm.TREATMENT).to_numpy()),
        "suppression": asdict(suppressed.match),
        "excluded": {gate: int((excluded["gate"] == gate).sum()) for gate in GATES},
        "offers": offers_made(listed, offers),
        **({"fits_nobody": nobody} if nobody else {}),
        **{f"{Arm.TREATMENT}_{name}": amount for name, amount in spent.items()},
        "power": able,
        "grid": by_name(grid, "cell"),
        "segments": found,
        "recommendations": recommended,
        "discovered": by_name(discovered, "rule"),
    }
    write_json(content, METRICS)
    bars = [(name, one["customers"]) for name, one in found.items()]
    write_csv(pd.DataFrame(bars, columns=["segment", "customers"]), PLOTS / "segments.csv")
    write_csv(what_if, PLOTS / "budgets.csv")
    draw_budgets(what_if, PLOTS / "budgets.png", unit=campaign.profit_unit, budget=campaign.budget)
    draw_segments(grid, portraits, by_category, PLOTS, level=options.level)
    on_list = customers.assign(listed=customers.index.isin(listed.index))
    draw_map(on_list, PLOTS / "risk_and_profit.png")


if __name__ == "__main__":
    main()
