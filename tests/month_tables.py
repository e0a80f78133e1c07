"""A shop's months as prepare writes them, made up: who persists, arrives and leaves."""

import numpy as np
import pandas as pd

from helpers import random_shop
from retention.core.months import shifted

FIRST = "2025-05"


def month_table(
    months: int, customers: int, *, seed: int = 1, horizon: int = 3, first: str = FIRST
) -> pd.DataFrame:
    """Return a row for each customer and month; the outcome of the last `horizon` is ahead.

    One in ten customers of a month leaves after it, and others arrive. Fewer pages per visit and
    more promotion make a drop likelier.
    """
    rng = np.random.default_rng(seed)
    parts, here, fresh = [], np.arange(customers), customers
    for number in range(months):
        rows = random_shop(customers, seed=seed + 1000 * number)
        rows["customer_id"] = [str(100_000 + one) for one in here]
        push = 3 * (rows["promo_share"] - 0.5) - 0.2 * (rows["pages_per_visit"] - 10) - 0.5
        drop = (rng.random(customers) < 1 / (1 + np.exp(-push))).astype("int8")
        known = number < months - horizon
        rows["drop"] = pd.array(drop if known else [None] * customers, dtype="Int8")
        rows["label_source"] = pd.array(["rule" if known else None] * customers, dtype="str")
        rows["position"] = rng.permutation(customers)
        rows.insert(0, "month", shifted(first, number))
        parts.append(rows)
        leave = rng.random(customers) < 0.1
        here = np.concatenate([here[~leave], np.arange(fresh, fresh + leave.sum())])
        fresh += int(leave.sum())
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["month", "customer_id"], kind="stable", ignore_index=True)
