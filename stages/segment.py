"""Segment: whom to contact, with what, at what gain?

Reads data/prepared/, data/features/, data/model/, data/explained/ and offers.yaml; writes
data/segments/customers.csv, data/campaign/ (list.csv, excluded.csv), metrics/segment.json and
plots/segment/.
"""

import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from retention.campaign import GATES, choose
from retention.charts import BLUE, GREY, ORANGE, picture
from retention.errors import stage
from retention.files import read_json, read_parquet, write_csv, write_json
from retention.model_file import load_model
from retention.offers import load_offers
from retention.params import load_params
from retention.rules import check_rule, matches
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
METRICS = Path("metrics/segment.json")
SIZES = Path("plots/segment/segments.csv")
MAP = Path("plots/segment/risk_and_profit.png")

RANKS = ["reason_1", "reason_2", "reason_3"]
SCORED = ["risk", "profit_rank"]
"""Columns that rules may use beside the canonical ones."""


def honest_risk(table: pd.DataFrame, told: np.ndarray, out_of_fold: pd.DataFrame) -> np.ndarray:
    """Return each customer's risk by a model that has not seen the customer's label.

    Training customers take the out-of-fold risk, twins that of the row which trained for them.
    """
    known = table[[IDENTITY, "twin_key", LABEL]].merge(out_of_fold, on=IDENTITY)
    by_key = known.drop_duplicates(["twin_key", LABEL]).set_index(["twin_key", LABEL])["risk"]
    places = pd.MultiIndex.from_frame(table[["twin_key", LABEL]])
    unseen = by_key.reindex(places).to_numpy()
    return np.where(table["split"] == "train", unseen, told).round(6)


def portrait(inside: pd.DataFrame, everyone: pd.DataFrame) -> dict[str, float]:
    """Return size, mean risk and mean profit of a segment beside those of everyone."""
    if inside.empty:
        return {"customers": 0}
    return {
        "customers": len(inside),
        "share": len(inside) / len(everyone),
        "mean_risk": inside["risk"].mean(),
        **({"mean_profit": inside[PROFIT].mean()} if inside[PROFIT].notna().any() else {}),
    }


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


def draw_map(customers: pd.DataFrame, path: Path) -> None:
    """Draw every customer's risk and profit, the listed ones marked."""
    with picture(path, width=8, height=5) as axis:
        for listed, colour, name in ((False, GREY, "no offer"), (True, ORANGE, "on the list")):
            part = customers[customers["listed"] == listed].head(5000)
            axis.scatter(part[PROFIT], part["risk"], s=10, alpha=0.6, color=colour, label=name)
        axis.axvline(customers[PROFIT].median(), color=BLUE, linewidth=0.8, label="median profit")
        axis.set(xlabel="profit a month (unit of the export)", ylabel="risk of a drop, 0 to 1")
        axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


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
    chosen, excluded = choose(
        audience, audience[RANKS], offers, months=campaign.horizon_months, lost=campaign.share_lost
    )
    until = campaign.date + datetime.timedelta(days=campaign.valid_days)
    listed = as_list(audience, chosen, offers, valid_until=until)
    shown = [IDENTITY, "risk", LABEL, PROFIT, "segments", "reasons"]
    write_csv(customers[shown], SEGMENTS, bom=True)
    write_csv(listed, LIST, bom=True)
    write_csv(excluded, EXCLUDED, bom=True)
    segments = {name: portrait(customers[inside[name]], customers) for name in rules}
    treated = listed[listed["arm"] == "treated"]
    content = {
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
