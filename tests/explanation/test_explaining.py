"""What explain says of a whole table, by the model's grade."""

import numpy as np
import pandas as pd
import pytest

from dictionary import BEHAVIOUR
from explained import explain_table
from project import FIXTURES
from retention.core.hashing import behaviour_key, one_of_each_twin, uniform
from retention.core.params import load_params
from retention.core.vocabulary import LABEL
from retention.explanation.hypotheses import CANNOT_TELL, YES
from retention.models.estimators import FAMILIES, RiskModel, make_model
from simulation.shop import simulate_customers

WORDS = ["service", "consent", "favourite_category"]
NAMES = list(BEHAVIOUR)


@pytest.fixture(scope="module")
def shop():
    """Customers of a simulated shop with a logistic regression of their risk."""
    table = simulate_customers(700, unlabelled=0, seed=3).customers
    key = behaviour_key(table, BEHAVIOUR)
    side = np.where(uniform(key, seed=1, purpose="split") < 0.25, "test", "train")
    table = table.assign(twin_key=key, split=side, scored=one_of_each_twin(key, table[LABEL]))
    rows = (table["split"] == "train") & table["scored"]
    numbers = [name for name in NAMES if name not in WORDS]
    pipeline = make_model(FAMILIES["logistic"], numbers=numbers, words=WORDS, seed=1)
    pipeline.fit(table.loc[rows, NAMES], table.loc[rows, LABEL].astype("int64"))
    model = RiskModel(pipeline, 1.0, 0.0)
    return table.assign(risk=model.risk(table[NAMES]), out_of_fold=rows), model


def explained(shop, grade, **changed):
    options = load_params(FIXTURES / "params.yaml").explain.model_copy(update=changed)
    return explain_table(*shop, grade=grade, options=options)


def test_a_model_that_tells_has_reasons_answers_and_intervals(shop):
    found = explained(shop, "B")
    assert found.details["noise_threshold"] >= 0.2
    assert 0.2 < found.headline["with_reasons"] < 1
    assert YES in set(found.questions["answer"])
    assert found.importance[["low", "high", "permutation"]].notna().all(axis=None)
    assert (found.importance["low"] <= found.importance["mean_abs"]).all()
    assert len(found.what_if) > 20


def test_of_a_model_like_chance_nothing_is_said(shop):
    found = explained(shop, "F")
    assert found.headline["with_reasons"] == 0
    assert found.headline["noise_threshold"] is None
    named = [name for name in found.reasons if name.startswith(("reason_", "lowers"))]
    assert found.reasons[named].isna().all(axis=None)
    assert set(found.reasons["sentence_en"]) == {"No clear reason."}
    assert len(found.reasons) == 700
    assert set(found.questions["answer"]) == {CANNOT_TELL}
    assert found.what_if.empty
    assert all(row["customers"] == 0 for row in found.details["what_if"].values())
    assert found.importance[["low", "high", "permutation"]].isna().all(axis=None)
    kinds = {key: row["kind"] for key, row in found.details["advice"].items()}
    assert "change" not in kinds.values()
    assert "who_they_are" not in kinds


def test_a_contribution_must_matter_however_sure_it_is(shop):
    plain, strict = explained(shop, "B"), explained(shop, "B", least_reason=2.0)
    assert plain.details["noise_threshold"] < 2 == strict.details["noise_threshold"]
    assert strict.headline["with_reasons"] < plain.headline["with_reasons"]
    strong = strict.reasons["reason_1_contribution"].dropna()
    assert len(strong)
    assert (strong > 2).all()


def test_the_order_of_rows_decides_nothing(shop):
    table, model = shop
    order = np.random.default_rng(4).permutation(len(table))
    one = explained(shop, "B").importance
    other = explained((table.iloc[order].reset_index(drop=True), model), "B").importance
    # The solver stops a little elsewhere when rows are in another order.
    pd.testing.assert_frame_equal(other.sort_index(), one.sort_index(), atol=2e-3, rtol=0.05)
