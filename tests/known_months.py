"""A shop of months as evaluate sees it: rows of customers whose probability of a drop is known."""

import numpy as np
import pandas as pd
from scipy.special import expit

from retention.core.months import shifted

FIRST = "2025-01"
CARD = {"sha256": "c0ffee" * 10, "months": [FIRST, shifted(FIRST, 1)]}
"""Of the model that told the risks: the first two months taught it."""


def shop_of_months(
    customers: int, months: int, *, seed: int, shift: float = 0.0, horizon: int = 3
) -> pd.DataFrame:
    """Return rows of months whose risk is the true probability, all log-odds `shift` too low.

    The first two months taught; the last `horizon` months have no outcome yet; the one before them
    tests.
    """
    rng = np.random.default_rng(seed)
    usual = rng.normal(-0.6, 1, customers)
    parts = []
    for place in range(months):
        score = usual + rng.normal(0, 1, customers)
        drop = (rng.random(customers) < expit(score + shift)).astype("float64")
        test = months - 1 - horizon
        known = place <= test
        side = "train" if place < 2 else "between" if place < test else "waiting"
        side = "test" if place == test else "score" if place == months - 1 else side
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": [f"{300_001 + one}" for one in range(customers)],
                    "month": shifted(FIRST, place),
                    "drop": pd.array(drop, dtype="Float64") if known else pd.NA,
                    "split": side,
                    "pages": score + rng.normal(0, 0.1, customers),
                    "risk": expit(score),
                    "out_of_fold": place < 2,
                }
            )
        )
    table = pd.concat([part.astype({"drop": "Float64"}) for part in parts], ignore_index=True)
    return table.assign(
        drop=table["drop"].astype("Int8"),
        twin_key=np.tile(np.arange(customers, dtype="uint64"), months),
        behaviour_key=np.arange(len(table), dtype="uint64") * np.uint64(7919),
        scored=True,
        weight=1.0,
        label_source="shop",
    )
