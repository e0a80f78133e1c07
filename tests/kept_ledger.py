"""Campaigns that were sent, as launching keeps them."""

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.files import write_json, write_parquet
from retention.core.hashing import part_numbers
from retention.core.kept_campaigns import KeptCampaign, fingerprints_of
from retention.core.months import months_after
from retention.core.part_names import part_paths


def keep_campaign(
    folder: Path,
    name: str,
    arms: Mapping[str, str],
    *,
    date: str,
    horizon: int = 3,
    members: Sequence[str] = (),
    seed: int = 1,
    control_share: float = 0.5,
    global_control: Mapping[str, float] | None = None,
    launched: bool = True,
    parts: int = 1,
    valid_days: int = 30,
) -> KeptCampaign:
    """Keep a campaign in `folder`: who was in which arm, and who of the global control group.

    Without `launched` a list alone is kept, as shops did by hand.
    """
    kept = KeptCampaign(folder / name)
    day = datetime.date.fromisoformat(date)
    _lay(kept.listed, list(arms), list(arms.values()), date, horizon, parts)
    if not launched:
        return kept
    _lay(kept.global_control, list(members), ["global_control"] * len(members), date, horizon, 1)
    content = {"name": name, "date": date, "end": months_after(day, horizon).isoformat()}
    until = day + datetime.timedelta(days=valid_days)
    content |= {"valid_until": until.isoformat()}
    content |= {"horizon": horizon, "seed": seed, "control_share": control_share}
    content |= {"global_control": global_control or {"seed": 1, "share": 0}}
    write_launch(kept, content)
    return kept


def write_launch(kept: KeptCampaign, content: Mapping[str, Any]) -> None:
    """Write what was launched beside a list: params that agree with it, and fingerprints."""
    control = content["global_control"]
    lots = {"seed": content["seed"], "control_share": content["control_share"]}
    lots |= {"global_seed": control["seed"], "global_control_share": control["share"]}
    kept.params.write_text(json.dumps({"campaign": lots}), encoding="utf-8")
    kept.offers.write_text("- code: a\n", encoding="utf-8")
    nobody = pd.DataFrame({"customer_id": pd.Series(dtype="str")})
    for path in (kept.global_control, kept.excluded):
        if not path.exists():
            write_parquet(nobody, path)
    write_json({**content, "files": fingerprints_of(kept.frozen)}, kept.launch)


def _lay(
    path: Path, ids: Sequence[str], arms: Sequence[str], date: str, horizon: int, parts: int
) -> None:
    table = pd.DataFrame({"customer_id": pd.Series(ids, dtype="str")})
    table = table.assign(arm=pd.Series(arms, dtype="str"), offer="a", risk=0.5)
    table = table.assign(date=pd.Series([date] * len(table), dtype="str"), horizon=horizon)
    number = part_numbers(table["customer_id"], count=parts) if parts > 1 else np.zeros(len(table))
    for place, part in enumerate(part_paths(path, parts)):
        write_parquet(table[number == place], part)
