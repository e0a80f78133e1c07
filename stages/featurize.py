"""Featurize: what do we know of each customer before the event?

Reads data/prepared/; writes data/features/ (features.parquet, dictionary.json),
metrics/featurize.json and plots/featurize/.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.features import build_features, dictionary
from retention.core.files import read_parquet, write_json, write_parquet
from retention.core.findings import Finding, Level, as_table
from retention.core.hashing import behaviour_key, one_of_each_twin, uniform
from retention.core.params import Features, load_params
from retention.core.running import stage
from retention.core.vocabulary import BEHAVIOUR, IDENTITY, LABEL, PROFIT
from retention.data.joining import POSITION
from retention.data.leakage import (
    duplicates,
    leaks,
    phik_with_significance,
    refuse_leaking_features,
    variance_inflation,
)
from retention.data.plots import draw_correlations, draw_distributions

CUSTOMERS = Path("data/prepared/customers.parquet")
FEATURES = Path("data/features/features.parquet")
DICTIONARY = Path("data/features/dictionary.json")
METRICS = Path("metrics/featurize.json")
DISTRIBUTIONS = Path("plots/featurize/distributions.png")
CORRELATIONS = Path("plots/featurize/correlations.png")

ARTEFACTS = (IDENTITY, POSITION)
"""Columns that may rank the label by the way the export was made, and are never features."""


def split_sides(customers: pd.DataFrame, *, test_share: float, seed: int) -> pd.DataFrame:
    """Return ``split`` (train, test, score), ``twin_key`` and ``scored`` for each customer.

    A customer's side follows from the behaviour alone, so that it stays when others come and
    twins share it; ``scored`` marks one row of each twin pair.
    """
    key = behaviour_key(customers, BEHAVIOUR)
    test = uniform(key, seed=seed, purpose="split") < test_share
    split = np.where(customers[LABEL].isna(), "score", np.where(test, "test", "train"))
    scored = one_of_each_twin(key, customers[LABEL])
    return pd.DataFrame({"split": split, "twin_key": key, "scored": scored}, customers.index)


def sample(table: pd.DataFrame, *, most: int, seed: int) -> pd.DataFrame:
    """Return at most `most` rows, chosen by the hash of their behaviour."""
    if len(table) <= most:
        return table
    draw = uniform(table["twin_key"].to_numpy(), seed=seed, purpose="sample")
    return table.iloc[np.sort(np.argsort(draw, kind="stable")[:most])]


def leak_findings(found: dict[str, float]) -> list[Finding]:
    """Return a warning for each id or position that ranks the label."""
    return [
        Finding(Level.WARNING, "", name, "leak", 1, f"{area:.3f}") for name, area in found.items()
    ]


def make_table(params: Features) -> tuple[pd.DataFrame, list[str]]:
    """Build and write the features; return them, with the sides, and their names."""
    customers = read_parquet(CUSTOMERS)
    features = build_features(customers, use_profit=params.use_profit)
    names = list(features)
    sides = split_sides(customers, test_share=params.test_share, seed=params.seed)
    extra = [name for name in (IDENTITY, LABEL, PROFIT) if name not in names]
    table = pd.concat([customers[[*extra, POSITION]], sides, features], axis=1)
    write_parquet(table.drop(columns=POSITION), FEATURES)
    write_json(dictionary(features), DICTIONARY)
    return table, names


@stage
def main() -> None:
    """Build the features, choose the sides, look for leaks, draw what the columns say."""
    params = load_params().features
    table, names = make_table(params)
    # Everything below looks at training customers only: the test is for evaluate.
    train = table[(table["split"] == "train") & table["scored"]]
    seen = sample(train, most=params.sample, seed=params.seed)
    found = leaks(seen[[*ARTEFACTS, *names]], seen[LABEL])
    refuse_leaking_features(found, names)
    numbers = seen[names].select_dtypes("number")
    shown = seen[names].assign(drop=seen[LABEL].astype("int64").astype("str"))
    matrix, significance = phik_with_significance(shown, jobs=1)
    told = matrix["drop"].drop("drop").sort_values(ascending=False, kind="stable")
    content = {
        "features": len(names),
        "customers": table[table["scored"]].groupby("split").size().to_dict(),
        "twins": int((~table["scored"]).sum()),
        "drop_share": train[LABEL].mean(),
        "sample": len(seen),
        "phik_with_drop": told.to_dict(),
        "phik_significance": significance["drop"][told.index].to_dict(),
        "variance_inflation": variance_inflation(numbers),
        "duplicate_features": duplicates(numbers),
        "leaks": found,
        "report": as_table(leak_findings(found)).to_dict("records"),
    }
    write_json(content, METRICS)
    draw_distributions(seen[names], seen[LABEL], DISTRIBUTIONS)
    draw_correlations(matrix, CORRELATIONS)


if __name__ == "__main__":
    main()
