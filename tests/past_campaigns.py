"""A folder of campaigns that were launched, and what those measured show: made up for the page."""

import datetime
import json
import shutil

import pandas as pd

from kept_ledger import write_launch
from project import FIXTURES
from retention.core.kept_campaigns import KeptCampaign

PROGRAMME = FIXTURES / "programme.json"
RUNNING, AWAITED, BARE = "2026-autumn-mails", "2026-july", "2025-list"


def keep(folder, name, *, date, end, customers, channels, cost):
    """Keep a campaign as launch does, with a list of one customer."""
    place = folder / "campaigns" / name
    place.mkdir(parents=True)
    start, after = (datetime.date.fromisoformat(day) for day in (date, end))
    horizon = (after.year - start.year) * 12 + after.month - start.month
    listed = pd.DataFrame({"customer_id": ["1"], "arm": ["treatment"]})
    listed = listed.assign(date=date, horizon=horizon)
    listed.to_parquet(place / "list.parquet")
    said = {
        "name": name,
        "date": date,
        "end": end,
        "valid_until": str(start + datetime.timedelta(days=30)),
        "horizon": horizon,
        "seed": 1,
        "control_share": 0.5,
        "global_control": {"seed": 1, "share": 0.05},
        "customers": customers | {"excluded": {}},
        "channels": channels,
        "treatment_cost": cost,
    }
    write_launch(KeptCampaign(place), said)


def keep_campaigns(folder, *, measured=True):
    """Keep a campaign that runs, one whose outcome is known, a list, and those of the programme."""
    some = {"treatment": 100, "control": 110, "global_control": 9}
    ends = {"date": "2026-07-10", "end": "2026-10-10"}
    keep(folder, AWAITED, **ends, customers=some, channels={"on_site": 100}, cost=11.5)
    ends = {"date": "2026-10-05", "end": "2027-01-05"}
    keep(folder, RUNNING, **ends, customers=some, channels={"message": 60, "in_cart": 40}, cost=31)
    bare = folder / "campaigns" / BARE
    bare.mkdir()
    (bare / "list.parquet").write_bytes((bare.parent / AWAITED / "list.parquet").read_bytes())
    if measured:
        told = json.loads(PROGRAMME.read_text(encoding="utf-8"))["campaigns"]
        for one in told:
            what = {key: one[key] for key in ("date", "end", "customers")}
            keep(folder, one["name"], **what, channels={"message": 90}, cost=40.0)
        shutil.copyfile(PROGRAMME, folder / "campaigns/programme.json")
