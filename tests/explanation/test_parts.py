"""A shop explained in parts: the same as in one, whoever works on them and however they are cut."""

import os
from functools import partial

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from dictionary import BEHAVIOUR, COLUMNS
from part_work import threads_of
from parted import divide
from project import FIXTURES
from retention.core.errors import InputError
from retention.core.files import read_parquet, rounded, settled, write_parquet
from retention.core.hashing import behaviour_key, one_of_each_twin, uniform
from retention.core.params import load_params
from retention.core.part_names import part_files
from retention.core.parted_rows import rows_in_files
from retention.core.vocabulary import IDENTITY, LABEL
from retention.explanation import explaining, part_reasons
from retention.explanation.explainer import narrowed, refit_explainer, sample_of
from retention.explanation.explaining import explain_customers
from retention.explanation.importance import directions
from retention.explanation.roles import roles_of
from retention.explanation.shap_values import learn_attributor
from retention.models.estimators import FAMILIES, RiskModel, make_model
from simulation.shop import simulate_customers

NAMES = list(BEHAVIOUR)
WORDS = ["service", "consent", "favourite_category"]
FAMILY = {"logistic": "linear", "extra_trees": "surrogate", "knn": "sampling"}
"""Families, and the method by which each is explained."""
FAST = {"sample": 150, "background": 15, "evaluations": 1000, "max_evaluations": 9000}
FAST |= {"max_rows": 120, "answered": 300}
RISKS = [IDENTITY, "risk", "out_of_fold"]


@pytest.fixture(scope="module", params=list(FAMILY))
def shop(request):
    """A shop with twins and outcomes ahead, sorted by id, and a model of its risk."""
    table = simulate_customers(900, unlabelled=0.2, seed=5).customers
    table = settled(table.assign(customer_id=table[IDENTITY].astype("str")))
    twins = table.head(40).assign(customer_id=[f"7{number:05d}" for number in range(40)])
    table = pd.concat([table, twins]).sort_values(IDENTITY, kind="stable", ignore_index=True)
    key = behaviour_key(table, BEHAVIOUR)
    side = np.where(uniform(key, seed=1, purpose="split") < 0.25, "test", "train")
    side = np.where(table[LABEL].isna(), "score", side)
    table = table.assign(split=side, twin_key=key, scored=one_of_each_twin(key, table[LABEL]))
    rows = (table["split"] == "train") & table["scored"]
    numbers = [name for name in NAMES if name not in WORDS]
    pipeline = make_model(FAMILIES[request.param], numbers=numbers, words=WORDS, seed=1)
    if request.param == "extra_trees":
        pipeline.set_params(estimate__n_estimators=15, estimate__min_samples_leaf=10)
    if request.param == "knn":
        pipeline.set_params(estimate__n_neighbors=1)
    pipeline.fit(table.loc[rows, NAMES], table.loc[rows, LABEL].astype("int64"))
    model = RiskModel(pipeline, 1.0, 0.0)
    return table.assign(risk=model.risk(table[NAMES]), out_of_fold=rows), model, request.param


def explained(shop, folder, *, parts, jobs=1, grade="B", empty=0):
    """What is told of the shop in `parts`, as written, and the reasons in the order of ids."""
    table, model, family = shop
    features, risks = folder / "features.parquet", folder / "risk.parquet"
    write_parquet(table.drop(columns=["risk", "out_of_fold"]), features)
    write_parquet(table[RISKS], risks)
    for path in (features, risks):
        divide(path, parts, empty=empty)
    # Small forests and few rows: what matters is the way, not how faithful the stand-in is.
    learn = partial(learn_attributor, faithful=0.5 if family == "extra_trees" else 2.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retention.explanation.explainer.learn_attributor", learn)
        found = explain_customers(
            rows_in_files(features, risks, jobs=jobs),
            model,
            NAMES,
            reasons=folder / "reasons.parquet",
            columns=COLUMNS,
            threshold=0.5,
            roc_auc=0.9,
            grade=grade,
            options=load_params(FIXTURES / "params.yaml").explain.model_copy(update=FAST),
            jobs=jobs,
        )
    assert len(part_files(folder / "reasons.parquet")) == parts
    reasons = read_parquet(folder / "reasons.parquet")
    return found, reasons.sort_values(IDENTITY, kind="stable", ignore_index=True)


@pytest.fixture(scope="module")
def whole(shop, tmp_path_factory):
    """The shop explained in one part."""
    return explained(shop, tmp_path_factory.mktemp("whole"), parts=1)


@pytest.mark.parametrize(("parts", "jobs", "empty"), [(1, 1, 0), (3, 2, 0), (7, 1, 1)])
def test_in_any_number_of_parts_the_same_is_told(
    shop, whole, tmp_path, monkeypatch, parts, jobs, empty
):
    """A part of months may have nobody of the newest one."""
    monkeypatch.setattr(part_reasons, "_CHUNK", 50)  # counts where no other process works
    one, reasons = whole
    found, named = explained(shop, tmp_path, parts=parts, jobs=jobs, empty=empty)
    assert found.details["method"] == FAMILY[shop[2]]
    assert rounded(found.details) == rounded(one.details)
    assert found.strongest == one.strongest
    pd.testing.assert_frame_equal(named.astype(reasons.dtypes), reasons, check_exact=True)
    pd.testing.assert_frame_equal(found.what_if, one.what_if, check_exact=True)
    pd.testing.assert_frame_equal(found.drawn, one.drawn, check_exact=True)
    pd.testing.assert_frame_equal(found.values, one.values, check_exact=True)
    pd.testing.assert_frame_equal(found.importance, one.importance, atol=1e-12, rtol=0)
    pd.testing.assert_frame_equal(found.questions, one.questions, check_exact=True)


def test_what_is_told_is_of_everyone(shop, whole):
    table, _, family = shop
    found, reasons = whole
    assert reasons[IDENTITY].tolist() == table[IDENTITY].tolist()
    assert 0 < reasons["reason_1"].notna().mean() == found.details["with_reasons"]
    assert found.details["customers"] == len(table) == 940
    explained_ones = 120 if family == "knn" else len(table)
    assert found.details["explained_customers"] == len(found.drawn) == explained_ones
    assert found.details["importance"]
    if family == "knn":  # the riskiest of those whom the model has not seen
        unseen = table[table["split"] != "train"]
        riskiest = unseen.sort_values("risk", kind="stable").tail(120)["risk"].min()
        assert table.loc[found.drawn.index, "risk"].min() == riskiest
        assert (table.loc[found.drawn.index, "split"] != "train").all()


def test_texts_of_all_parts_have_one_type_even_where_there_are_none(shop, tmp_path):
    explained(shop, tmp_path, parts=7, grade="F")  # nobody has a reason
    types = [read_parquet(part).dtypes for part in part_files(tmp_path / "reasons.parquet")]
    assert len(types) == 7
    assert all(one.equals(types[0]) for one in types)
    assert types[0]["reason_3_typical"] == types[0]["sentence_ru"] == "str"


def test_of_many_those_are_drawn_and_ranked_whom_the_hash_chooses(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(explaining, "_MOST_DOTS", 60)
    monkeypatch.setattr(explaining, "_MOST_RANKED", 100)
    monkeypatch.setattr(explaining, "directions", counted := Counted())
    first, _ = explained(shop, tmp_path / "one", parts=1, grade="F")
    other, _ = explained(shop, tmp_path / "other", parts=3, grade="F")
    pd.testing.assert_frame_equal(other.drawn, first.drawn)
    pd.testing.assert_frame_equal(other.values, first.values)
    assert other.importance["direction"].to_dict() == first.importance["direction"].to_dict()
    assert counted.ranked[0] == counted.ranked[1]
    assert len(counted.ranked[0]) == 100
    table, _, family = shop
    if family != "knn":
        smallest = table["twin_key"].sort_values(kind="stable").index[:60]
        assert first.drawn.index.tolist() == sorted(smallest)
    assert len(first.drawn) == 60
    assert first.values.index.tolist() == first.drawn.index.tolist()


class Counted:
    """The directions, and whose ranks told them."""

    def __init__(self):
        self.ranked = []

    def __call__(self, names, contribution, number, **how):
        values, numbers = contribution("minutes_m0"), number("minutes_m0")
        assert values.index.tolist() == numbers.index.tolist()
        self.ranked.append(values.index.tolist())
        return directions(names, contribution, number, **how)


def test_parts_are_written_in_pieces_and_one_part_whole(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(part_reasons, "_CHUNK", 100)
    explained(shop, tmp_path / "one", parts=1)
    explained(shop, tmp_path / "three", parts=3)
    (whole,) = part_files(tmp_path / "one" / "reasons.parquet")
    assert (pq.read_metadata(whole).num_rows, pq.read_metadata(whole).num_row_groups) == (940, 1)
    for part in part_files(tmp_path / "three" / "reasons.parquet"):
        of_part = pq.read_metadata(part)
        assert of_part.num_row_groups == -(-of_part.num_rows // 100) >= 3


def test_risks_in_other_parts_or_of_others_are_refused(shop, tmp_path):
    table, _, _ = shop
    features, risks = tmp_path / "features.parquet", tmp_path / "risk.parquet"
    write_parquet(table.drop(columns=["risk", "out_of_fold"]), features)
    write_parquet(table[RISKS], risks)
    divide(features, 3)
    with pytest.raises(InputError, match=r"risk\.parquet is in 1 parts, .*features\.parquet in 3"):
        rows_in_files(features, risks)
    write_parquet(table[RISKS].iloc[1:], risks)
    divide(risks, 3)
    with pytest.raises(InputError, match="is of other customers"):
        rows_in_files(features, risks)


def test_everyone_has_the_place_that_the_order_of_ids_gives(shop, tmp_path):
    table, _, _ = shop
    features, risks = tmp_path / "features.parquet", tmp_path / "risk.parquet"
    write_parquet(table.drop(columns=["risk", "out_of_fold"]), features)
    write_parquet(table[RISKS], risks)
    for path in (features, risks):
        divide(path, 4)
    rows = rows_in_files(features, risks)
    assert rows.keys["twin_key"].tolist() == table["twin_key"].tolist()
    assert rows.keys["split"].astype("str").tolist() == table["split"].tolist()
    wanted = np.array([700, 3, 3, 41, 939])
    found = rows.take(wanted)
    assert found.index.tolist() == [3, 41, 700, 939]
    assert found[IDENTITY].tolist() == table[IDENTITY].iloc[[3, 41, 700, 939]].tolist()
    chosen = np.zeros(len(table), dtype=bool)
    chosen[wanted] = True
    minutes = rows.column("minutes_m0", chosen)
    assert sorted(minutes) == sorted(table["minutes_m0"].iloc[[3, 41, 700, 939]])


def test_where_most_outcomes_are_ahead_the_others_are_looked_at_all_the_same():
    key = np.random.default_rng(3).integers(0, 2**64, 60_000, dtype=np.uint64)
    label = pd.array([None] * len(key), dtype="Int8")
    label[:300], label[300:900] = 1, 0
    split = np.where(np.arange(len(key)) < 900, "train", "score")
    table = pd.DataFrame({"twin_key": key, "split": split, LABEL: label})
    found = sample_of(table, np.arange(len(key)), most=450, seed=1)
    # 450 of 60,000 are seven in a thousand: of 900 customers that would be seven.
    assert len(found) == 450
    assert (found < 300).sum() == 150
    assert found.max() < 900
    few = sample_of(table, np.arange(2000), most=450, seed=1)
    assert len(few) == 202  # 450 of 2,000: of 900 these, and that is enough


def test_what_a_worker_is_sent_explains_the_same(shop):
    table, model, family = shop
    options = load_params(FIXTURES / "params.yaml").explain.model_copy(update=FAST)
    roles, looked = roles_of(table), np.arange(3, len(table), 4)
    how = {"explained": len(table)}
    whole = refit_explainer(table, table[NAMES], FAMILY[family], options, roles, **how)
    *few, numbers = narrowed(table, table[NAMES], options, roles, looked)
    again = refit_explainer(*few[:2], FAMILY[family], options, few[2], **how)
    assert len(few[0]) == len(few[1]) <= len(looked) + options.background
    told, expected = again(model, numbers), whole(model, looked)
    assert np.array_equal(told.to_numpy(), expected.to_numpy())
    assert len(told) > 50


@pytest.mark.parametrize(("parts", "jobs"), [(1, 2), (3, 1)])
def test_without_processes_models_are_learnt_again_by_this_one(parts, jobs):
    assert explaining._each(parts, jobs) is map


def test_models_are_learnt_again_by_processes_of_one_thread():
    found = list(explaining._each(2, 2)(threads_of, range(4)))
    pids, threads = (set(some) for some in zip(*found, strict=True))
    assert os.getpid() not in pids
    assert len(pids) <= 2
    assert threads == {1}
    with threadpool_limits(2):
        assert explaining._by_one_core(threads_of, 0) == (os.getpid(), 1)


def test_a_rank_correlation_of_those_who_are_ranked_is_near_that_of_all():
    """Of half a million its standard error is 0.0015: a direction is named from 0.3 ± 0.006."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=1_000_000)
    y = 0.31 * x + rng.normal(size=len(x))
    part = np.arange(len(x)) < explaining._MOST_RANKED
    everyone, some = spearmanr(x, y)[0], spearmanr(x[part], y[part])[0]
    assert abs(everyone - some) < 0.006
    columns = ({"a": pd.Series(values[part])}.get for values in (y, x))
    told = directions(["a"], *columns)
    assert told == {"a": "mixed" if everyone < 0.3 else "raises"}
