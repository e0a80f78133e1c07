"""Campaigns as launch leaves them under `campaigns/`, made up for tests, and answers to them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from retention.core.arms import assigned, in_global_control
from retention.core.kept_campaigns import KeptCampaign, fingerprints_of
from retention.core.part_names import part_paths

UNIT = "thousands"
SHARE = 0.2
"""Of the global control."""
EFFECTS = {"cart": 0.10, "mail": 0.05}
"""What lists assume, by offer."""


def customers(count=1500, *, first=0, seed=1):
    """Customers with risk, profit, segment and the offer that they would get; ids have zeros."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"customer_id": [f"c{first + place:05d}" for place in range(count)]})
    table["segment"] = rng.choice(["full_carts", "promo rest", "rest"], count)
    table["offer"] = rng.choice(list(EFFECTS), count)
    table["channel"] = table["offer"].map({"cart": "in_cart", "mail": "message"})
    table["text"] = "Ждём вас"
    table["expected_gain"] = 0.1
    table["cost"] = 0.1
    table["reasons"] = "promo_share"
    table["valid_until"] = "2026-12-31"
    table["assumed_effect"] = table["offer"].map(EFFECTS)
    table["risk"] = rng.uniform(0.4, 0.9, count).round(6)
    table["profit"] = rng.uniform(2, 6, count).round(2)
    return table


def launch(folder, name, table, *, date="2026-03-01", end="2026-06-01", seed=1, **more):
    """Write a campaign as launch does, to the customers of `table`; return it."""
    control_share, rest = more.get("control_share", 0.5), more.get("rest_days", 30)
    kept = KeptCampaign(Path(folder) / name)
    kept.folder.mkdir(parents=True)
    ids = table["customer_id"].astype(object)
    member = in_global_control(ids, seed=1, share=SHARE)
    rows = table.assign(date=date, horizon=3)
    rows.insert(5, "arm", assigned(ids, seed=seed, share=control_share))
    listed, members = rows[~member], rows[member].assign(arm="global_control")
    for part, path in ((listed, kept.listed), (members, kept.global_control)):
        places = part_paths(path, more.get("parts", 1))
        for number, place in enumerate(places):
            place.parent.mkdir(parents=True, exist_ok=True)
            part[number :: len(places)].to_parquet(place, index=False)
    pd.DataFrame({"customer_id": [], "gate": []}, dtype=object).to_parquet(kept.excluded)
    kept.offers.write_text("- code: cart\n", encoding="utf-8")
    terms = {"control_share": control_share, "horizon_months": 3, "share_lost": 0.5}
    lots = {"seed": seed, "global_seed": 1, "global_control_share": SHARE}
    kept.params.write_text(yaml.safe_dump({"campaign": terms | lots | {"rest_days": rest}}))
    said = {"name": name, "date": date, "valid_until": "2026-12-31", "end": end, "horizon": 3}
    said |= {"unit": more.get("unit", UNIT), "control_share": control_share, "seed": seed}
    said |= {"global_control": {"seed": 1, "share": SHARE}}
    said["files"] = fingerprints_of(kept.frozen)
    kept.launch.write_text(json.dumps(said), encoding="utf-8")
    return kept


def answers_to(kept, effect, *, seed=1, extra=()):
    """Return what the CRM sends back of everybody on a list and of its global control."""
    rng = np.random.default_rng(seed)
    rows = pd.concat([pd.read_parquet(kept.listed), pd.read_parquet(kept.global_control)])
    treated = (rows["arm"] == "treatment").to_numpy()
    prevented = rows["offer"].map(effect) if isinstance(effect, dict) else effect
    chance = rows["risk"] * (1 - prevented * treated)
    found = pd.DataFrame({"customer_id": rows["customer_id"].to_numpy()})
    found["drop"] = (rng.random(len(rows)) < chance.to_numpy()).astype(int)
    if "revenue" in extra:
        found["revenue"] = (5000 + 200 * treated + rng.normal(0, 500, len(rows))).round(2)
    if "profit" in extra:
        found["profit"] = (4 + treated + rng.normal(0, 2, len(rows))).round(2)
    return found
