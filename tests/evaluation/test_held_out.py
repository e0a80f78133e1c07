import numpy as np
import pandas as pd

from helpers import project_params
from retention.core.params import Evaluate
from retention.evaluation.held_out import evaluate_risk


def table_of(count, *, seed):
    rng = np.random.default_rng(seed)
    drop = rng.integers(0, 2, count)
    split = np.where(np.arange(count) % 3 == 0, "test", "train")
    return pd.DataFrame(
        {
            "customer_id": np.arange(count).astype("str"),
            "pages": drop + rng.normal(0, 1, count),
            "split": split,
            "scored": True,
            "twin_key": np.arange(count, dtype="uint64"),
            "drop": pd.array(drop, dtype="Int8"),
            "risk": np.clip(0.3 + 0.4 * drop + rng.normal(0, 0.1, count), 0, 1),
            "out_of_fold": split == "train",
        }
    )


def evaluated(table):
    options = Evaluate(**project_params()["evaluate"] | {"bootstrap": 100})
    return evaluate_risk(table, ["pages"], threshold=0.5, options=options).scores


def test_baselines_are_fitted_on_whom_the_model_learnt_from():
    known = table_of(300, seed=1)
    # As many again whom params train.max_rows left out, and in whom the column runs the other way.
    left = table_of(900, seed=2).query("split == 'train'").assign(out_of_fold=False)
    left = left.assign(customer_id="x" + left["customer_id"], pages=-left["pages"])
    found = evaluated(pd.concat([known, left], ignore_index=True))
    assert found == evaluated(known)
    assert found["rule_roc_auc"] > 0.6


def test_training_customers_out_of_fold_judge_the_probabilities_too():
    table = table_of(900, seed=3)
    found = evaluated(table)
    assert (found["test_customers"], found["calibration_customers"]) == (300, 900)
    # Risks from 0.3 to 0.7 for outcomes that they know: far too cautious.
    assert (found["calibration"], found["calibration_slope_place"]) == ("do_not_hold", "above")
    assert found["reservations"][-1] == "do_not_hold"
    assert (found["grade"], found["bins"]) == ("B", 10)
    assert found["bins_missed"] > 5
    alone = evaluated(table.assign(out_of_fold=table["twin_key"] % 2 == 1))
    assert alone["calibration_customers"] == 600
