"""Segment: whom to contact, with what, at what gain?

Reads data/prepared/, data/features/, data/model/, data/explained/, metrics/evaluate.json and
offers.yaml; writes
data/segments/customers.csv, data/campaign/ (list.csv, excluded.csv), metrics/segment.json and
plots/segment/.
"""

import datetime
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from retention.campaign import FAILED, GATES, choose
from retention.errors import stage
from retention.files import read_json, read_parquet, write_csv, write_json
from retention.model_file import load_model
from retention.offers import load_offers
from retention.params import load_params
from retention.rules import check_rule, matches
from retention.segments import draw_map, honest_risk, portrait
from retention.splitting import uniform
from retention.vocabulary import IDENTITY, LABEL, PROFIT

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
MAP = Path("plots/segment/risk_and_profit.png")

RANKS = ["reason_1", "reason_2", "reason_3"]
SCORED = ["risk", "profit_rank"]
"""Columns that rules may use beside the canonical ones."""


def as_list(
    audience: pd.DataFrame, chosen: pd.DataFrame, offers: list, *, valid_until: datetime.date
) -> pd.DataFrame:
    """Return the campaign's list, the highest expected gain first."""
    rows = audience.loc[chosen.index]
    taken = [offers[place] for place in chosen["offer"]]
    table = pd.DataFrame(
        {
            IDENTITY: rows[IDENTITY],
            "segment": rows["segments"],
            "offer": [offer.code for offer in taken],
            "channel": [offer.channel for offer in taken],
            "text": [offer.text.ru for offer in taken],
            "arm": rows["arm"],
            "expected_gain": chosen["expected_gain"].round(6),
            "cost": [offer.cost for offer in taken],
            "reasons": rows["reasons"],
            "valid_until": valid_until.isoformat(),
        }
    )
    return table.sort_values(["expected_gain", IDENTITY], ascending=[False, True])


@stage
def main() -> None:
    """Join risk, reasons and profit; find the segments; make the list."""
    params = load_params()
    campaign, rules = params.campaign, params.segment.rules
    table, card = read_parquet(FEATURES), read_json(CARD)
    told = load_model(MODEL, sha256=card["sha256"]).risk(table[list(card["features"])])
    customers = read_parquet(CUSTOMERS).merge(read_parquet(REASONS), on=IDENTITY)
    risk = pd.Series(honest_risk(table, told, read_parquet(OUT_OF_FOLD)), table[IDENTITY])
    customers["risk"] = customers[IDENTITY].map(risk)
    customers["profit_rank"] = customers[PROFIT].rank(pct=True)
    columns = [*read_parquet(CUSTOMERS).columns, *SCORED]
    offers = load_offers(columns=columns, features=list(card["features"]))
    inside = {}
    for name, rule in rules.items():
        check_rule(rule, columns, place=f"params.yaml: segment.rules.{name}")
        inside[name] = matches(rule, customers, place=f"params.yaml: segment.rules.{name}")
    belongs = pd.DataFrame(inside, customers.index)
    customers["segments"] = [" ".join(belongs.columns[row]) for row in belongs.to_numpy()]
    named = customers[RANKS].fillna("").to_numpy()
    customers["reasons"] = [" ".join(filter(None, row)) for row in named]
    key = pd.util.hash_array(customers[IDENTITY].to_numpy(dtype=object))
    untouched = uniform(key, seed=campaign.seed, purpose="arm") < campaign.control_share
    customers["arm"] = np.where(untouched, "untouched", "treated")
    score_rows = customers[LABEL].isna()
    audience = customers[score_rows] if score_rows.any() else customers
    graded = read_json(EVALUATED)["grade"]
    if graded == FAILED:
        print("segment: the model's grade is F, so nobody is contacted", file=sys.stderr)
        offers = []
    chosen, excluded = choose(
        audience, audience[RANKS], offers, months=campaign.horizon_months, lost=campaign.share_lost
    )
    if graded == FAILED:
        excluded["gate"] = GATES[0]
    until = campaign.date + datetime.timedelta(days=campaign.valid_days)
    listed = as_list(audience, chosen, offers, valid_until=until)
    shown = [IDENTITY, "risk", LABEL, PROFIT, "segments", "reasons"]
    write_csv(customers[shown], SEGMENTS, bom=True)
    write_csv(listed, LIST, bom=True)
    write_csv(excluded, EXCLUDED, bom=True)
    segments = {name: portrait(customers[inside[name]], customers) for name in rules}
    treated = listed[listed["arm"] == "treated"]
    content = {
        "grade": graded,
        "audience": len(audience),
        "treated": len(treated),
        "untouched": len(listed) - len(treated),
        "excluded": {gate: int((excluded["gate"] == gate).sum()) for gate in GATES},
        "offers": listed["offer"].value_counts().sort_index().to_dict(),
        "treated_cost": treated["cost"].sum(),
        "treated_expected_gain": treated["expected_gain"].sum(),
        "segments": segments,
    }
    write_json(content, METRICS)
    sizes = [(name, found["customers"]) for name, found in segments.items()]
    write_csv(pd.DataFrame(sizes, columns=["segment", "customers"]), SIZES)
    draw_map(customers.assign(listed=customers.index.isin(chosen.index)), MAP)


if __name__ == "__main__":
    main()
