"""The evaluation of a table in parts is that of the table."""

import json

import numpy as np
import pandas as pd
import pytest

from helpers import project_params
from parted import divide
from retention.core import paths
from retention.core.errors import InputError
from retention.core.files import joined, read_json, read_parquet, write_json, write_parquet
from retention.core.hashing import part_numbers
from retention.core.params import Evaluate
from retention.core.part_names import clear_table, part_files
from retention.core.paths import TRAINED
from retention.evaluation import part_evaluation
from retention.evaluation.held_out import evaluate_risk, held_out, predictions
from retention.evaluation.part_evaluation import evaluate_parts
from retention.evaluation.when_kept import WHEN_KEPT
from retention.models.keeping import read_in_use
from retention.models.scoring import score_customers
from scored_shop import KEPT, lay_shop, table_of_customers

OPTIONS = Evaluate(**project_params()["evaluate"] | {"bootstrap": 100, "min_slice": 30})


@pytest.fixture(params=["numbers", "text"])
def table(request, tmp_path, monkeypatch):
    """Scored customers; where ids are text some are words, others numbers."""
    monkeypatch.chdir(tmp_path)
    table = table_of_customers()
    if request.param == "text":
        ids = table["customer_id"].where(table.index % 7 > 0, "c" + table["customer_id"])
        table = table.assign(customer_id=ids).sort_values("customer_id", ignore_index=True)
    lay_shop(table)
    truth = table[["customer_id"]].assign(probability=0.5 - table["minutes_m0"] / 100)
    write_parquet(truth.sample(frac=1, random_state=1), paths.TRUTH)
    return table


def score(table, folder):
    used = read_in_use(folder)
    risks = score_customers(table, used.model, used.out_of_fold, jobs=1, kept=used.kept)
    write_parquet(table, paths.FEATURES)
    clear_table(paths.RISKS)
    write_parquet(risks, paths.RISKS)
    return used.card


def evaluated(card, folder, count, *, jobs=1):
    """The evaluation in `count` parts as one text, and its predictions by id."""
    for path in (paths.FEATURES, paths.RISKS):
        divide(path, count)
    how = {"options": OPTIONS, "sample": True, "jobs": jobs}
    found = evaluate_parts(card, folder, **how)
    assert len(part_files(paths.PREDICTIONS)) == count
    plots = {name: plot.to_csv(index=False) for name, plot in found.plots.items()}
    told = read_parquet(paths.PREDICTIONS).sort_values("customer_id", ignore_index=True)
    # To the last bit, not only as written.
    return json.dumps([found.scores, plots]), told


@pytest.mark.parametrize("folder", [TRAINED, KEPT])
def test_figures_do_not_depend_on_the_parts(table, folder):
    card = score(table, folder)
    whole, told = evaluated(card, folder, 1)
    for count, jobs in ((3, 1 + (folder == KEPT)), (7, 1)):
        found, again = evaluated(card, folder, count, jobs=jobs)
        assert found == whole
        assert again.equals(told)
    scores = json.loads(whole)[0]
    assert scores["test_customers"] > 100
    assert {"service=standard", "tenure_quarter=0"} <= set(scores["slices"])


def test_in_parts_the_figures_are_those_of_the_table(table):
    card = score(table, TRAINED)
    rows = joined(table, paths.RISKS)
    how = {"threshold": card["threshold"], "options": OPTIONS, "truth": read_parquet(paths.TRUTH)}
    expected = evaluate_risk(rows, list(card["features"]), **how)
    found, told = evaluated(card, TRAINED, 3)
    path = paths.EVALUATION_DETAILS
    write_json(expected.scores, path)
    whole = read_json(path)
    write_json(json.loads(found)[0], path)
    assert read_json(path) == whole
    assert whole["best_reachable_roc_auc"] != whole["roc_auc"]
    by_id = predictions(rows).sort_values("customer_id", ignore_index=True)
    assert told.equals(by_id)
    assert set(told["split"]) == {"train", "test"}


def test_twins_of_two_outcomes_lie_in_two_parts(table):
    """Whose ranks tie for every model: that sums do not depend on parts is tried with them."""
    rows = table[(table["split"] == "test") & table["scored"]]
    part = part_numbers(rows["customer_id"], count=3)
    pairs = rows.assign(part=part).groupby("twin_key")["part"].nunique()
    assert (pairs > 1).sum() >= 3


@pytest.mark.parametrize("most", [10**6, 60])
def test_where_those_who_taught_are_gone_others_teach_baselines(table, most, monkeypatch):
    monkeypatch.setattr(part_evaluation, "MOST_FITTED", most)
    score(table, KEPT)
    path = paths.RISKS
    write_parquet(read_parquet(path).assign(out_of_fold=False, taught=False), path)
    card = read_json(KEPT.card)
    whole, _ = evaluated(card, KEPT, 1)
    found, _ = evaluated(card, KEPT, 3)
    assert found == whole
    scores = json.loads(whole)[0]
    assert scores["calibration_customers"] == scores["test_customers"]
    rows = joined(table, path)
    all_of = held_out(rows).fitted
    usual = evaluate_risk(rows, list(card["features"]), threshold=0.5, options=OPTIONS).scores
    assert len(all_of) > 60
    same = scores["baseline_roc_auc"] == pytest.approx(usual["baseline_roc_auc"], abs=1e-9)
    assert same == (most > 60)


def test_without_outcomes_a_kept_model_has_its_own_scores(table):
    score(table, TRAINED)
    card = read_json(TRAINED.card)
    how = {"options": OPTIONS, "sample": False, "jobs": 1}
    then = evaluate_parts(card, TRAINED, **how)
    ahead = table.assign(drop=pd.array([None] * len(table), dtype="Int8"), split="score")
    score(ahead, KEPT)
    for path in (paths.FEATURES, paths.RISKS):
        divide(path, 3)
    with pytest.raises(InputError, match="too few outcomes are known to judge it anew"):
        evaluate_parts(card, KEPT, **how)
    write_json(then.scores, KEPT.evaluation)
    write_parquet(then.reliability, KEPT.reliability)
    found = evaluate_parts(card, KEPT, **how)
    assert found.scores["judged"] == WHEN_KEPT
    assert found.headline["grade"] == then.scores["grade"]
    assert read_parquet(paths.PREDICTIONS).empty


@pytest.mark.parametrize("count", [2, 3])
def test_risks_of_other_customers_are_refused(table, count):
    card = score(table, TRAINED)
    divide(paths.FEATURES, 3)
    risks = read_parquet(paths.RISKS)
    write_parquet(risks.assign(customer_id=np.roll(risks["customer_id"], 1)), paths.RISKS)
    divide(paths.RISKS, count)
    if count == 3:
        write_parquet(pd.read_parquet(part_files(paths.RISKS)[0]), part_files(paths.RISKS)[1])
    with pytest.raises(InputError, match="of other customers; run `dvc repro`"):
        evaluate_parts(card, TRAINED, options=OPTIONS, sample=False, jobs=1)
