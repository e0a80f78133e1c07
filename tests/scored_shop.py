"""A small shop with twins as featurize and train leave it, in the current folder."""

import numpy as np
import pandas as pd
from joblib.externals.loky import get_reusable_executor

from helpers import WORDS, small_features, small_model
from retention.core import paths
from retention.core.files import write_json, write_parquet
from retention.core.hashing import one_of_each_twin, uniform
from retention.core.paths import TRAINED, ModelFolder
from retention.core.vocabulary import LABEL
from retention.models.estimators import RiskModel
from retention.models.persistence import save_model

CUSTOMERS = 900
KEPT = ModelFolder(paths.MODELS / "kept")


def table_of_customers(ids=None):
    """Customers of whom every fifth has a twin, some of another outcome, and some are ahead."""
    features, label = small_features(CUSTOMERS, seed=11)
    rng = np.random.default_rng(12)
    same = np.arange(CUSTOMERS)
    same[::5] = rng.permutation(same)[: len(same[::5])]
    same = same[same]
    key = rng.integers(2**63, size=CUSTOMERS, dtype="uint64")[same]
    known = rng.random(CUSTOMERS) > 0.2
    drop = pd.Series(label[same]).mask(~known | (rng.random(CUSTOMERS) < 0.15), other=1 - label)
    drop = drop.where(known).astype("Int8")
    side = np.where(uniform(key, seed=1, purpose="split") < 0.4, "test", "train")
    return (
        features.iloc[same]
        .reset_index(drop=True)
        .assign(
            customer_id=ids if ids is not None else [str(place + 5) for place in range(CUSTOMERS)],
            tenure_days=rng.integers(30, 900, CUSTOMERS).astype(float)[same],
            drop=drop,
            twin_key=key,
            split=np.where(known, side, "score"),
            scored=one_of_each_twin(key, drop),
        )
    )


def lay_shop(table):
    """Write the table, and two models: what train makes of it, and one that was kept.

    The kept one was taught by customers of whom some are gone, and some behave otherwise now.
    """
    # Workers that another test left would look into the folder of that test.
    get_reusable_executor().shutdown(wait=True)
    write_parquet(table, paths.FEATURES)
    write_parquet(pd.DataFrame({"customer_id": ["3"]}), paths.LEFT_OUT)
    names = [*WORDS, "promo_share", "pages_per_visit", "minutes_m0"]
    train = table[(table["split"] == "train") & table["scored"]].iloc[:150]
    label = train[LABEL].to_numpy("int64")
    model = RiskModel(small_model("logistic", train[names], label), 0.9, 0.1)
    kinds = {name: "word" if name in WORDS else "number" for name in names}
    risk = np.random.default_rng(13).random(len(train)).round(6)
    taught_by = train[["customer_id"]].assign(risk=risk)
    then = taught_by.assign(behaviour_key=train["twin_key"].to_numpy() + np.uint64(1))
    then.iloc[:100, 2] = train["twin_key"].to_numpy()[:100]
    then.iloc[90:100, 0] = [f"gone {place}" for place in range(10)]
    for folder, told in ((TRAINED, taught_by), (KEPT, then)):
        digest = save_model(model, folder.model)
        write_json({"features": kinds, "threshold": 0.5, "sha256": digest}, folder.card)
        write_parquet(told, folder.out_of_fold)
