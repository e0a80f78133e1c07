"""A shop of months explained: today's customers, by what older months taught and answered."""

import json

import numpy as np
import pandas as pd
import pytest

from dictionary import BEHAVIOUR
from explained import explain_table
from month_table import month_table
from project import FIXTURES
from retention.core.files import rounded
from retention.core.params import load_params
from retention.core.vocabulary import LABEL
from retention.explanation.explainer import explainer
from retention.explanation.hypotheses import CANNOT_TELL, MODEL_QUESTION, YES
from retention.explanation.roles import roles_of
from retention.models.estimators import FAMILIES, RiskModel, make_model

WORDS = ["service", "consent", "favourite_category"]
NAMES = list(BEHAVIOUR)
FAST = {"sample": 400, "background": 20}


@pytest.fixture(scope="module")
def shop():
    """Eight months, and a logistic regression of the first two."""
    table = month_table()
    rows = (table["split"] == "train") & table["scored"]
    numbers = [name for name in NAMES if name not in WORDS]
    pipeline = make_model(FAMILIES["logistic"], numbers=numbers, words=WORDS, seed=1)
    pipeline.fit(table.loc[rows, NAMES], table.loc[rows, LABEL].astype("int64"))
    model = RiskModel(pipeline, 1.0, 0.0)
    return table.assign(risk=model.risk(table[NAMES])), model


def explained(shop, table=None, *, grade="B", **changed):
    whole, model = shop
    options = load_params(FIXTURES / "params.yaml").explain.model_copy(update=FAST)
    rows = whole if table is None else table
    how = {"learnt_from": int((whole["split"] == "train").sum())} | changed
    return explain_table(rows, model, grade=grade, options=options, **how)


@pytest.fixture(scope="module")
def usual(shop):
    return explained(shop)


def kept(table, *, without=()):
    """The table as score leaves it by a kept model, some months taken away."""
    told = table.assign(taught=table["out_of_fold"])
    return told[~told["month"].isin(without)].reset_index(drop=True)


def test_reasons_are_of_the_last_month_one_row_a_customer(shop, usual):
    today = shop[0][shop[0]["month"] == "2026-08"]
    assert usual.reasons["customer_id"].tolist() == today["customer_id"].tolist()
    assert "month" not in usual.reasons
    assert 0.2 < usual.headline["with_reasons"] < 1
    assert usual.details["customers"] == usual.details["explained_customers"] == len(today)
    at_risk = today[today["risk"] >= 0.5]
    assert set(usual.what_if["customer_id"]) == set(at_risk["customer_id"])
    assert usual.importance[["low", "high", "permutation"]].notna().all(axis=None)


def test_questions_are_answered_by_the_last_month_of_known_outcome(shop, usual):
    taught = (shop[0]["split"] == "train") & shop[0]["scored"]
    told = {"explained": "2026-08", "answered": "2026-05", "taught": taught.sum()}
    assert usual.details["months"] == told
    assert YES in set(usual.questions["answer"])
    counts = usual.questions.set_index("key")["customers"]
    once = shop[0][shop[0]["scored"]].groupby("month").size()
    assert counts.drop(MODEL_QUESTION).max() <= once["2026-05"]
    # The claim about the model needs no outcome: it is asked of those who are explained.
    assert counts[MODEL_QUESTION] == once["2026-08"]
    # Outcomes of other months say nothing.
    table = shop[0].copy()
    older = table["month"].isin(["2026-03", "2026-04"])
    table.loc[older, LABEL] = 1 - table.loc[older, LABEL]
    again = explained(shop, table).questions
    pd.testing.assert_frame_equal(again, usual.questions)
    table.loc[table["month"] == "2026-05", LABEL] = 1 - shop[0][LABEL]
    assert not explained(shop, table).questions["figure"].equals(usual.questions["figure"])


def test_the_treated_answer_nothing_and_controls_answer_for_them(shop):
    table = shop[0].copy()
    rows = np.flatnonzero(table["month"] == "2026-05")
    table.loc[rows[:60], "split"] = "treated"
    table.loc[rows[60:120], "weight"] = 2.0
    answering = table.iloc[roles_of(table).answering]
    assert not answering["customer_id"].isin(table["customer_id"].iloc[rows[:60]]).any()
    # 60 who stand for 120, beside every second of the 130 others.
    assert (answering["weight"] == 2).sum() == 60
    assert 45 <= (answering["weight"] == 1).sum() <= 85
    table.loc[rows, "split"] = "treated"
    assert set(table["month"].iloc[roles_of(table).answering]) == {"2026-04"}


def test_a_month_of_a_few_known_outcomes_answers_nothing(shop):
    table = shop[0].copy()
    some = np.flatnonzero(table["month"] == "2026-08")[:15]
    table.loc[some, LABEL] = np.arange(15) % 2
    assert set(table["month"].iloc[roles_of(table).answering]) == {"2026-05"}


def test_a_typical_customer_is_one_of_many(shop, monkeypatch):
    """By a draw for each customer 20 typical rows of two months would be of ten customers."""
    table, model = shop
    drawn = []

    def attribute(*given, **how):
        drawn.append(given[2].index)
        return how["unseen"]

    monkeypatch.setattr("retention.explanation.explainer.attribute", attribute)
    options = load_params(FIXTURES / "params.yaml").explain.model_copy(update=FAST)
    roles = roles_of(table)
    unseen = explainer(table, options, roles)(model, table[NAMES], roles.shown)
    assert unseen.all()
    (rows,) = drawn
    assert len(rows) == 20
    assert set(table["split"].loc[rows]) == {"train"}
    assert table["customer_id"].loc[rows].nunique() >= 17


def test_other_months_than_those_that_taught_change_no_reason(shop, usual):
    """A kept model is explained alike, whatever has come since and however today's sides lie."""
    table = kept(shop[0], without=["2026-03", "2026-04", "2026-06", "2026-07"])
    table["split"] = table["split"].replace({"train": "between"})
    found = explained(shop, table)
    pd.testing.assert_frame_equal(
        found.reasons.reset_index(drop=True), usual.reasons.reset_index(drop=True)
    )
    assert found.details["noise_threshold"] == usual.details["noise_threshold"]


def test_what_taught_has_gone_and_the_floor_of_then_is_used(shop, usual):
    table = kept(shop[0], without=["2026-01", "2026-02"])
    then = json.loads(json.dumps(rounded(usual.details)))
    found = explained(shop, table, when_kept=then)
    assert found.details["noise_threshold"] == then["noise_threshold"]
    assert found.details["months"]["taught"] == 0
    assert found.details["when_kept"]
    assert 0.2 < found.headline["with_reasons"] < 1
    assert found.details["importance"] == then["importance"]
    assert found.details["groups"] == then["groups"]
    rows = found.details["questions"]
    assert rows[MODEL_QUESTION] == then["questions"][MODEL_QUESTION]
    assert YES in {row["answer"] for row in rows.values()}  # the month's outcomes are there
    assert "who_they_are" not in found.details["advice"]
    higher = explained(
        shop, table, when_kept=then | {"noise_threshold": then["noise_threshold"] + 1}
    )
    assert higher.headline["with_reasons"] < found.headline["with_reasons"]


def test_a_kept_model_is_fitted_no_more(shop, usual, monkeypatch):
    """A new month costs no refit: the model is the one that was kept."""

    def refuse(*_, **__):
        raise AssertionError("the model is fitted again")

    monkeypatch.setattr("retention.explanation.explaining.permuted_peaks", refuse)
    monkeypatch.setattr("retention.explanation.explaining.refit_without_folds", refuse)
    found = explained(shop, kept(shop[0]), when_kept=usual.details)
    pd.testing.assert_frame_equal(
        found.reasons.reset_index(drop=True), usual.reasons.reset_index(drop=True)
    )


def test_of_no_floor_nobody_has_a_reason(shop, usual):
    found = explained(shop, kept(shop[0], without=["2026-01", "2026-02"]))
    assert found.details["noise_threshold"] is None
    assert found.headline["with_reasons"] == 0
    failed = explained(shop, kept(shop[0]), grade="F", when_kept=usual.details)
    assert failed.headline["with_reasons"] == 0


def test_without_any_outcome_all_questions_about_customers_are_open(shop, usual):
    gone = ["2026-01", "2026-02", "2026-03", "2026-04", "2026-05"]
    found = explained(shop, kept(shop[0], without=gone), when_kept=usual.details)
    assert found.details["months"]["answered"] is None
    answers = found.questions.set_index("key")["answer"]
    assert set(answers.drop(MODEL_QUESTION)) == {CANNOT_TELL}
    assert set(found.questions.set_index("key")["figure"].dropna().index) <= {MODEL_QUESTION}
    raised = found.reasons["reason_1"].notna()
    assert raised.any()
    # Nobody is known to be loyal, so that no reason names what is usual among the loyal.
    assert set(found.reasons.loc[raised, "reason_1_typical"]) == {"missing"}
    assert not found.reasons["sentence_en"].str.contains("usually").any()
    assert found.what_if.drop(columns="customer_id").isna().all(axis=None)


def test_part_of_what_taught_is_enough_to_learn_again(shop):
    table = kept(shop[0])
    taught = np.flatnonzero(table["taught"] & table["scored"])
    most = explained(shop, table.drop(index=taught[:200]).reset_index(drop=True))
    assert most.details["months"]["taught"] == len(taught) - 200
    assert most.importance["low"].notna().all()
    few = explained(shop, table.drop(index=taught[:260]).reset_index(drop=True))
    assert few.details["months"]["taught"] == 0
