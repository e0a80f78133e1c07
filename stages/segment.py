"""Segment: whom to contact, with what, at what gain?

Reads data/prepared/, data/features/, data/model/, data/explained/, metrics/evaluate.json,
offers.yaml and the suppression list; writes data/segments/customers.csv, data/campaign/ (list.csv,
excluded.csv), metrics/segment.json and plots/segment/.
"""

import datetime
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from retention.arms import draw, is_treated, power_in_words, power_of_campaign
from retention.budget_charts import draw_budgets
from retention.budgets import by_budget, outcome
from retention.campaign import FAILED, GATES, choose, open_offers, profit_at_stake, ration
from retention.errors import stage
from retention.files import read_json, read_parquet, write_csv, write_json
from retention.listing import (
    TREATED,
    UNTOUCHED,
    all_segments,
    campaign_list,
    first_segment,
    joined,
    offers_made,
)  # fmt: skip
from retention.model_file import load_model
from retention.offers import load_offers
from retention.params import load_params
from retention.rules import check_rule, matches
from retention.segments import draw_map, honest_risk, portrait
from retention.spreadsheets import guarded
from retention.suppression import is_suppressed, read_suppressed
from retention.vocabulary import IDENTITY, LABEL, PROFIT
from retention.wording import category_words

CUSTOMERS = Path("data/prepared/customers.parquet")
FEATURES = Path("data/features/features.parquet")
MODEL = Path("data/model/model.skops")
CARD = Path("data/model/model.json")
OUT_OF_FOLD = Path("data/model/out_of_fold.parquet")
REASONS = Path("data/explained/reasons.parquet")
SEGMENTS = Path("data/segments/customers.csv")
LIST = Path("data/campaign/list.csv")
EXCLUDED = Path("data/campaign/excluded.csv")
EVALUATED = Path("metrics/evaluate.json")
METRICS = Path("metrics/segment.json")
SIZES = Path("plots/segment/segments.csv")
BUDGETS = Path("plots/segment/budgets.csv")
BUDGETS_CHART = Path("plots/segment/budgets.png")
MAP = Path("plots/segment/risk_and_profit.png")

RANKS = ["reason_1", "reason_2", "reason_3"]
SCORED = ["risk", "profit_rank"]
"""Columns that rules may use beside the canonical ones."""


@stage
def main() -> None:
    """Join risk, reasons and profit; find the segments; make the list."""
    params = load_params()
    campaign, rules = params.campaign, params.segment.rules
    table, card = read_parquet(FEATURES), read_json(CARD)
    told = load_model(MODEL, sha256=card["sha256"]).risk(table[list(card["features"])])
    prepared = read_parquet(CUSTOMERS)
    customers = prepared.merge(read_parquet(REASONS)[[IDENTITY, *RANKS]], on=IDENTITY)
    risk = pd.Series(honest_risk(table, told, read_parquet(OUT_OF_FOLD)), table[IDENTITY])
    customers["risk"] = customers[IDENTITY].map(risk)
    customers["profit_rank"] = customers[PROFIT].rank(pct=True)
    columns = [*prepared.columns, *SCORED]
    offers = load_offers(columns=columns, features=list(card["features"]))
    suppressed = read_suppressed(campaign.suppression)
    inside = {}
    for name, rule in rules.items():
        check_rule(rule, columns, place=f"params.yaml: segment.rules.{name}")
        inside[name] = matches(rule, customers, place=f"params.yaml: segment.rules.{name}")
    belongs = pd.DataFrame(inside, customers.index)
    customers["segments"], customers["segment"] = all_segments(belongs), first_segment(belongs)
    customers["reasons"] = joined(customers[RANKS])
    by_segment = {}

    treated = is_treated(
        customers[IDENTITY], seed=campaign.seed, control_share=campaign.control_share
    )
    customers["arm"] = np.where(treated, TREATED, UNTOUCHED)
    score_rows = customers[LABEL].isna()
    audience = customers[score_rows] if score_rows.any() else customers
    graded = read_json(EVALUATED)["grade"]
    if graded == FAILED:
        print("segment: the model's grade is F, so nobody is contacted", file=sys.stderr)
    words = category_words(audience, by_segment)
    money = {"months": campaign.horizon_months, "lost": campaign.share_lost}
    gain, early = open_offers(
        audience, audience[RANKS], offers, words=words, contact_cap=campaign.contact_cap,
        suppressed=is_suppressed(audience[IDENTITY], suppressed), failed=graded == FAILED, **money,
    )  # fmt: skip
    key = draw(audience[IDENTITY], seed=campaign.seed, purpose="tie")
    treated = (audience["arm"] == TREATED).to_numpy()
    chances, at_stake = audience["risk"].to_numpy(), profit_at_stake(audience, **money)
    effects, costs = (np.array([getattr(o, k) for o in offers]) for k in ("effect", "cost"))

    plan = ration(
        gain, offers, key=key, treated=treated, budget=campaign.budget,
        control_share=campaign.control_share,
    )  # fmt: skip

    def expected(budget: float | None) -> dict[str, float]:
        choice = plan.at(budget)
        made = treated & (choice >= 0)
        taken = choice[made]
        return outcome(chances[made], effects[taken], at_stake[made], costs[taken])

    choice = plan.choice
    gate = np.where(early != "", early, plan.gate)
    chosen, excluded = choose(audience, gain, choice, gate)
    until = campaign.date + datetime.timedelta(days=campaign.valid_days)
    listed = campaign_list(audience, chosen, offers, words, valid_until=until)
    shown = [IDENTITY, "risk", LABEL, PROFIT, "segments", "reasons"]
    write_csv(guarded(customers[shown]), SEGMENTS, bom=True)
    write_csv(guarded(listed), LIST, bom=True)
    write_csv(guarded(excluded), EXCLUDED, bom=True)
    able = power_of_campaign(
        chances[choice >= 0], effects[chosen["offer"]], treated[choice >= 0],
        np.array([offer.code for offer in offers], dtype=object)[chosen["offer"]],
    )  # fmt: skip
    print(f"segment: {len(listed)} customers on the list; {power_in_words(able['pooled'])}")
    what_if = by_budget(expected(None)["cost"], expected)
    write_csv(what_if, BUDGETS)
    draw_budgets(what_if, BUDGETS_CHART, unit=campaign.profit_unit, budget=campaign.budget)
    segments = {name: portrait(customers[inside[name]], customers) for name in rules}
    content = {
        "grade": graded,
        "unit": campaign.profit_unit,
        "audience": len(audience),
        **{arm: int((listed["arm"] == arm).sum()) for arm in (TREATED, UNTOUCHED)},
        "excluded": {name: int((gate == name).sum()) for name in GATES},
        "offers": offers_made(listed, offers),
        **{
            f"treated_{k}": listed.loc[listed["arm"] == TREATED, k].sum()
            for k in ("cost", "expected_gain")
        },
        "power": able,
        "segments": segments,
    }
    write_json(content, METRICS)
    sizes = [(name, found["customers"]) for name, found in segments.items()]
    write_csv(pd.DataFrame(sizes, columns=["segment", "customers"]), SIZES)
    draw_map(customers.assign(listed=customers.index.isin(chosen.index)), MAP)


if __name__ == "__main__":
    main()
