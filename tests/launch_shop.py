"""A shop whose list is made, so small that whoever must not be contacted can be counted."""

import datetime
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import launch
from project import lay_fixtures
from retention.core import paths
from retention.core.files import write_json, write_parquet

TODAY = "2026-11-20"
OFFERS = {
    "relevant_mailings": ("message", 0.03, 0.05),
    "free_delivery": ("in_cart", 0.2, 0.06),
    "related_products": ("on_site", 0.01, 0.03),
}
"""Code: channel, cost and assumed effect."""
SHA = "ab" * 32


def listed_rows(ids, arms, codes):
    """Rows of a list: who gets which offer, in which arm."""
    codes = list(codes)
    return pd.DataFrame(
        {
            "customer_id": pd.Series(list(ids), dtype="str"),
            "segment": "rest",
            "offer": codes,
            "channel": [OFFERS[code][0] for code in codes],
            "text": [f'Здравствуйте; {code}\n"10 %"\tваши' for code in codes],
            "arm": list(arms),
            "expected_gain": np.arange(len(codes), 0, -1) / 8,
            "cost": [OFFERS[code][1] for code in codes],
            "assumed_effect": [OFFERS[code][2] for code in codes],
            "reasons": "мало минут",
            "valid_until": [datetime.date(2026, 12, 31)] * len(codes),
        }
    )


def details_of(listed, excluded):
    """What segment tells of a list."""
    treated = listed[listed["arm"] == "treatment"]
    return {
        "rehearsal": None,
        "power": {"pooled": {"detectable": 0.25}},
        "treatment": len(treated),
        "control": int((listed["arm"] == "control").sum()),
        "excluded": {"suppressed": 0, **excluded["gate"].value_counts().to_dict()},
        "offers": {},
        "treatment_cost": float(treated["cost"].sum()),
        "treatment_expected_gain": float(treated["expected_gain"].sum()),
    }


def lay_shop(folder: Path, listed, *, apart=None, excluded=()):
    """Write what a run leaves of a shop: everyone on the list, apart or excluded is a customer."""
    lay_fixtures(folder)
    apart = listed.iloc[:0] if apart is None else apart
    excluded = pd.DataFrame({"customer_id": list(excluded), "gate": "not_eligible"}, dtype="str")
    ids = pd.concat([one["customer_id"] for one in (listed, apart, excluded)], ignore_index=True)
    everyone = pd.DataFrame({"customer_id": ids.astype("str")})
    risk = np.linspace(0.2, 0.9, len(ids))
    customers = everyone.assign(risk=risk, profit=np.arange(len(ids)) * 1.5)
    for path, table in (
        (paths.CAMPAIGN_LIST, listed),
        (paths.CAMPAIGN_GLOBAL, apart),
        (paths.CAMPAIGN_EXCLUDED, excluded),
        (paths.CUSTOMERS, customers),
        (paths.FEATURES, everyone),
        (paths.LEFT_OUT, everyone.iloc[:0]),
        (paths.RISKS, everyone),
        (paths.REASONS, everyone),
    ):
        write_parquet(table, folder / path)
    for channel in set(listed["channel"]):
        (folder / paths.CAMPAIGN_SEND).mkdir(exist_ok=True)
        (folder / paths.CAMPAIGN_SEND / f"{channel}.xlsx").touch()
    write_json(details_of(listed, excluded), folder / paths.SEGMENT_DETAILS)
    write_json({"as_of": "2026-11-01"}, folder / paths.PREPARED_DETAILS)
    write_json({"sha256": SHA}, folder / "data/model/model.json")
    suppress(folder, [])
    export_consent(folder, dict.fromkeys(ids, "да"))
    (folder / "campaigns").mkdir(exist_ok=True)


def suppress(folder, ids):
    """Write the suppression list."""
    path = folder / paths.EMPTY_LIST
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{one}\n" for one in ["customer_id", *ids]), encoding="utf-8")


def export_consent(folder, told):
    """Write the part of the shop's export that says who agrees to messages."""
    rows = ["id;Разрешить сообщать", *(f"{one};{word}" for one, word in told.items())]
    path = folder / paths.SAMPLE / "market_file.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def set_params(folder, **values):
    """Change params of the campaign."""
    path = folder / paths.PARAMS
    text = path.read_text(encoding="utf-8")
    for key, value in values.items():
        head, mark, campaign = text.partition("\ncampaign:")
        campaign, count = re.subn(rf"\n  {key}:.*", f"\n  {key}: {value}", campaign)
        assert count == 1, key
        text = head + mark + campaign
    path.write_text(text, encoding="utf-8")


def run_launch(monkeypatch, *options, stale=None):
    """Run the script in the current folder; DVC, which is not there, finds everything in place."""
    monkeypatch.setattr(launch, "refuse_stale", stale or (lambda *_, **__: None))
    monkeypatch.setattr(sys, "argv", ["launch.py", "--as-of", TODAY, *options])
    launch.main()


def sent_to(name="2026-winter"):
    """The rows of the addresses made for a campaign, none where there is no file."""
    path = paths.OUTBOX / name / "message.csv"
    if not path.exists():
        return pd.DataFrame(columns=["email", "phone", "customer_id"])
    return pd.read_csv(path, sep="\t", dtype="str", keep_default_na=False)
