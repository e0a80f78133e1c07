import numpy as np
import pandas as pd

from helpers import project_params
from retention.core.files import write_json, write_parquet
from retention.core.params import Evaluate
from retention.core.paths import ModelFolder
from retention.evaluation.evaluation import TOO_GOOD, warnings
from retention.evaluation.held_out import evaluate_risk
from retention.evaluation.plots import draw_scores
from retention.evaluation.when_kept import evaluation_when_kept

OPTIONS = Evaluate(**project_params()["evaluate"] | {"bootstrap": 100})


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
    return evaluate_risk(table, ["pages"], threshold=0.5, options=OPTIONS).scores


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
    half = table["out_of_fold"] & (table["twin_key"] % 2 == 1)
    alone = evaluated(table.assign(out_of_fold=half))
    assert alone["calibration_customers"] == 600


def with_test_drops(count, kept, *, seed=3):
    """The table with only as many drops among its test customers."""
    table = table_of(count, seed=seed)
    drops = table.index[(table["split"] == "test") & (table["drop"] == 1)]
    return table.drop(index=drops[kept:])


def test_fewer_than_ten_test_drops_tell_no_ranking_and_no_grade_but_f():
    found = evaluated(with_test_drops(400, 9))
    assert (found["test_drops"], found["grade"]) == (9, "F")
    assert found["test_stayed"] == found["test_customers"] - 9
    untold = ("roc_auc", "rule_roc_auc", "over_rule", "over_chance", "average_precision", "lift_10")
    for name in (*untold, "brier", "log_loss", "recall"):
        assert not np.isnan(found[name])
        assert np.isnan([found[f"{name}_low"], found[f"{name}_high"]]).all(), name
    (line,) = warnings(found)
    assert f"of {found['test_customers']} test customers only 9 dropped" in line
    told = evaluated(with_test_drops(400, 10))
    assert told["roc_auc_low"] < told["roc_auc"] < told["roc_auc_high"]
    assert warnings(told) == []


def test_fewer_than_ten_who_stayed_are_counted_as_such():
    table = with_test_drops(400, 9)
    (line,) = warnings(evaluated(table.assign(drop=1 - table["drop"], risk=1 - table["risk"])))
    assert "test customers only 9 did not drop" in line


def test_gains_of_few_drops_have_no_interval():
    table = with_test_drops(400, 9)
    curve = evaluate_risk(table, ["pages"], threshold=0.5, options=OPTIONS).gains.iloc[1:]
    assert curve[["reached_low", "reached_high"]].isna().all(axis=None)
    assert curve["reached"].is_monotonic_increasing


def test_a_model_too_good_to_be_true_names_the_column_that_ranks_best():
    table = table_of(900, seed=4)
    honest = evaluated(table.assign(risk=0.3 + 0.1 * table["pages"].clip(-3, 7)))
    assert honest["roc_auc_low"] < TOO_GOOD
    assert honest["suspected_leak"] is None
    late = table.assign(pages=table["drop"] + np.linspace(0, 0.5, 900), risk=table["drop"] * 0.8)
    found = evaluated(late)
    assert found["roc_auc_low"] > TOO_GOOD == 0.98
    assert found["suspected_leak"] == "pages"
    (line,) = warnings(found)
    assert "too good to be true" in line
    assert "filled after the event, pages first" in line


def test_what_could_not_be_told_when_a_model_was_kept_is_told_so_again(tmp_path):
    rows = with_test_drops(400, 9)
    found = evaluate_risk(rows, ["pages"], threshold=0.5, options=OPTIONS)
    kept = ModelFolder(tmp_path)
    write_json(found.scores, kept.evaluation)
    write_parquet(found.reliability, kept.reliability)
    told = evaluation_when_kept(kept)
    assert np.isnan([told.scores["roc_auc_low"], told.scores["over_rule_high"]]).all()
    assert told.scores["roc_auc"] == round(found.scores["roc_auc"], 6)
    assert told.scores["suspected_leak"] is None
    assert warnings(told.scores) == warnings(found.scores) != []
    draw_scores(told, tmp_path / "scores.png", level=OPTIONS.level)
    assert (tmp_path / "scores.png").stat().st_size > 1000
    pd.testing.assert_frame_equal(told.reliability, pd.read_parquet(kept.reliability))
