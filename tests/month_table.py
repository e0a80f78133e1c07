"""A shop of months as the stages after featurize see it, without a file."""

import numpy as np
import pandas as pd

from dictionary import BEHAVIOUR
from retention.core.hashing import behaviour_key
from retention.core.months import shifted
from retention.core.vocabulary import IDENTITY, LABEL, MONTH
from simulation.shop import simulate_customers

FIRST = "2026-01"
SPLITS = ("train", "train", "between", "between", "test", "waiting", "waiting", "score")
"""Of months 1 to 8, where outcomes take three months: the fifth is the last that is known."""


def month_table(customers: int = 250, *, seed: int = 1) -> pd.DataFrame:
    """Return eight months of the same customers, those of later ones without an outcome yet."""
    parts = []
    for place, split in enumerate(SPLITS):
        drawn = simulate_customers(customers, unlabelled=0, seed=100 * seed + place).customers
        rows = drawn.drop(columns=IDENTITY).reset_index(drop=True)
        if place >= SPLITS.index("waiting"):
            rows[LABEL] = pd.array([pd.NA] * customers, dtype="Int64")
        who = np.arange(customers)
        rows.insert(0, MONTH, shifted(FIRST, place))
        rows.insert(1, IDENTITY, [f"c{number:04d}" for number in who])
        parts.append(rows.assign(split=split, twin_key=who.astype("uint64") * np.uint64(7) ** 15))
    table = pd.concat(parts, ignore_index=True)
    own = behaviour_key(table, BEHAVIOUR)
    return table.assign(
        behaviour_key=own,
        weight=1.0,
        scored=~table.assign(own=own)[[MONTH, "own", LABEL]].duplicated(),
        out_of_fold=table["split"] == "train",
    )
