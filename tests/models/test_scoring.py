import numpy as np
import pandas as pd
import pytest

from helpers import WORDS, small_features, small_model
from retention.core.errors import InputError
from retention.models import scoring
from retention.models.estimators import RiskModel
from retention.models.scoring import (
    Ahead,
    find_teachers,
    known_rows,
    look_ahead,
    predict_risk,
    score_customers,
    seen_in,
)


class Recorder:
    """A model that tells each customer a risk of its own and remembers whom it was asked about."""

    def __init__(self, risks):
        self.risks = risks
        self.asked = []
        self.pipeline = self

    feature_names_in_ = ("number",)

    def risk(self, features):
        self.asked += features["number"].tolist()
        return np.array([self.risks[number] for number in features["number"]])


def test_risk_of_training_customers_and_their_twins_is_out_of_fold():
    table = pd.DataFrame(
        {
            "customer_id": list("abcde"),
            "number": range(5),
            "twin_key": [1, 1, 2, 3, 4],
            "drop": pd.array([1, 1, 0, 1, None], dtype="Int8"),
            "split": ["train", "train", "train", "test", "score"],
        }
    )
    model = Recorder([0.9, 0.8, 0.7, 0.6, 0.5000004])
    seen = pd.DataFrame({"customer_id": ["a"], "risk": [0.25]})
    found = score_customers(table, model, seen, jobs=1)
    # b is a's twin; c was beyond max_rows; d and e were never trained on.
    assert found["customer_id"].tolist() == list("abcde")
    assert found["risk"].tolist() == [0.25, 0.25, 0.7, 0.6, 0.5]
    assert found["out_of_fold"].tolist() == [True, True, False, False, False]
    assert model.asked == [2, 3, 4]


def test_a_twin_of_another_outcome_is_no_customer_trained_on():
    table = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "number": [0, 1],
            "twin_key": [1, 1],
            "drop": pd.array([1, 0], dtype="Int8"),
            "split": "train",
        }
    )
    seen = pd.DataFrame({"customer_id": ["a"], "risk": [0.25]})
    found = score_customers(table, Recorder([0.9, 0.8]), seen, jobs=1)
    assert found["risk"].tolist() == [0.25, 0.8]


@pytest.mark.parametrize("who", ["b", "c"])
def test_model_that_knows_other_customers_is_not_asked(who):
    table = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "number": [0, 1],
            "twin_key": [1, 2],
            "drop": pd.array([1, 0], dtype="Int8"),
            "split": ["train", "test"],
        }
    )
    seen = pd.DataFrame({"customer_id": ["a", who], "risk": [0.25, 0.5]})
    with pytest.raises(InputError, match="trained on other customers"):
        score_customers(table, Recorder([0.9, 0.8]), seen, jobs=1)


def months(**changes):
    """Customers a (of two months), b (its twin in the first) and c."""
    return pd.DataFrame(
        {
            "customer_id": list("abac"),
            "month": ["2025-05", "2025-05", "2025-08", "2025-08"],
            "number": range(4),
            "behaviour_key": np.array([7, 7, 7, 9], dtype="uint64"),
            "twin_key": np.array([7, 7, 7, 9], dtype="uint64"),
            "drop": pd.array([1, 1, 1, None], dtype="Int8"),
            "split": ["train", "train", "test", "score"],
        }
        | changes
    )


def test_of_months_the_row_of_the_same_month_and_its_twin_are_out_of_fold():
    model = Recorder([0.9, 0.8, 0.7, 0.6])
    seen = pd.DataFrame({"customer_id": ["a"], "month": ["2025-05"], "risk": [0.25]})
    found = score_customers(months(), model, seen, jobs=1)
    assert list(found) == ["customer_id", "month", "risk", "out_of_fold"]
    # In August a behaves as in May, of another outcome: that row taught nothing.
    assert found["risk"].tolist() == [0.25, 0.25, 0.7, 0.6]
    assert found["out_of_fold"].tolist() == [True, True, False, False]
    seen["behaviour_key"] = np.array([7], dtype="uint64")
    kept = score_customers(months(split="waiting"), model, seen, jobs=1, kept=True)
    assert kept["risk"].tolist() == found["risk"].tolist()
    assert kept["out_of_fold"].tolist() == [True, True, False, False]
    assert kept["taught"].tolist() == [True, True, False, False]


def test_rows_that_taught_a_kept_model_may_be_gone():
    seen = pd.DataFrame({"customer_id": ["a", "z"], "month": "2024-01", "risk": [0.25, 0.1]})
    with pytest.raises(InputError, match="trained on other customers"):
        score_customers(months(), Recorder([0.9, 0.8, 0.7, 0.6]), seen, jobs=1)
    seen["behaviour_key"] = np.array([7, 9], dtype="uint64")
    found = score_customers(months(), Recorder([0.9, 0.8, 0.7, 0.6]), seen, jobs=1, kept=True)
    assert found["risk"].tolist() == [0.9, 0.8, 0.7, 0.6]
    assert not found[["out_of_fold", "taught"]].any(axis=None)


def test_rows_that_taught_are_known_by_what_they_did_where_ids_changed_form():
    keys = np.array([7, 9, 5], dtype="uint64")
    seen = {"customer_id": ["a", "c", "0d"], "month": ["2025-08", "2025-08", "2025-05"]}
    seen = pd.DataFrame(seen | {"behaviour_key": keys, "risk": [0.25, 0.5, 0.1]})
    model = Recorder([0.9, 0.8, 0.7, 0.6])
    rows = months(drop=[1, 1, 1, 0], behaviour_key=np.array([5, 5, 7, 9], dtype="uint64"))
    # a and c were called so when the model was kept; the first two rows then were 0d's.
    found = score_customers(rows, model, seen, jobs=1, kept=True)
    assert found["risk"].tolist() == [0.1, 0.1, 0.25, 0.5]
    assert found["taught"].all()
    renamed = rows.assign(customer_id=[f"0{one}" for one in rows["customer_id"]])
    found = score_customers(renamed, model, seen, jobs=1, kept=True)
    assert found["risk"].tolist() == [0.1, 0.1, 0.25, 0.5]
    assert found["taught"].all()


def test_months_without_most_of_the_rows_that_taught_are_refused():
    keys = np.array([7, 11, 12, 13], dtype="uint64")
    seen = pd.DataFrame({"customer_id": list("axyz"), "month": "2025-05", "behaviour_key": keys})
    seen["risk"] = 0.25
    model = Recorder([0.9, 0.8, 0.7, 0.6])
    with pytest.raises(InputError, match="4 rows of 2025-05 to 2025-05, of which 1 are in the"):
        score_customers(months(), model, seen, jobs=1, kept=True)
    half = score_customers(months(), model, seen.head(2), jobs=1, kept=True)
    assert half["taught"].tolist() == [True, True, False, False]
    # Months that are not there any more tell nothing against it.
    gone = seen.assign(month=["2025-05", *["2025-04"] * 3])
    assert score_customers(months(), model, gone, jobs=1, kept=True)["taught"].sum() == 2


def test_the_headline_speaks_of_all_whose_outcome_is_ahead_also_in_a_running_campaign():
    table = months(month=["2025-05", "2025-08", "2025-08", "2025-08"])
    table["drop"] = pd.array([None, None, 1, None], dtype="Int8")
    table["split"] = ["waiting", "treated", "test", "score"]
    found = look_ahead(table, pd.Series([0.9, 0.8, 0.7, 0.2]), threshold=0.5)
    assert found == Ahead(customers=2, called=1, risk=1_000_000, risk_called=800_000)
    assert found.headline == {
        "ahead": 2,
        "mean_risk": 0.5,
        "called": 1,
        "expected_precision": 0.8,
    }


def test_the_headline_of_parts_is_that_of_all():
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"drop": pd.array(rng.choice([0, 1, None], 1000), dtype="Int8")})
    risk = pd.Series(rng.random(1000).round(6))
    whole = look_ahead(table, risk, threshold=0.4)
    ahead = risk[table["drop"].isna()]
    assert whole.headline["mean_risk"] == pytest.approx(ahead.mean(), abs=1e-15)
    assert whole.headline["expected_precision"] == pytest.approx(ahead[ahead >= 0.4].mean())
    parts = np.split(rng.permutation(1000), [1, 400])
    summed = (look_ahead(table.loc[part], risk.loc[part], threshold=0.4) for part in parts)
    assert sum(summed, start=Ahead()) == whole
    nobody = look_ahead(table.dropna(), risk, threshold=0.4).headline
    assert (nobody["ahead"], nobody["called"]) == (0, 0)
    assert np.isnan([nobody["mean_risk"], nobody["expected_precision"]]).all()


def a_snapshot(**changes):
    return months(**changes).drop(columns=["month", "behaviour_key"])


def test_a_model_of_a_snapshot_knows_its_rows_among_months_by_what_they_did():
    keys = np.array([7, 5], dtype="uint64")
    seen = pd.DataFrame({"customer_id": ["a", "c"], "behaviour_key": keys, "risk": [0.25, 0.5]})
    rows = months(behaviour_key=np.array([7, 7, 8, 9], dtype="uint64"))
    found = score_customers(rows, Recorder([0.9, 0.8, 0.7, 0.6]), seen, jobs=1, kept=True)
    assert found["risk"].tolist() == [0.25, 0.25, 0.7, 0.6]
    assert found["taught"].tolist() == [True, True, False, False]
    assert found["out_of_fold"].tolist() == [True, True, False, False]
    # c behaves otherwise than the model remembers: any of its outcomes may have taught it.
    known = rows.assign(drop=1)
    found = score_customers(known, Recorder([0.9, 0.8, 0.7, 0.6]), seen, jobs=1, kept=True)
    assert found["out_of_fold"].tolist() == [True, True, False, True]
    assert found["taught"].tolist() == [True, True, False, False]
    assert found["risk"].tolist()[3] == 0.6


def test_a_kept_model_scores_the_next_snapshot_and_other_customers():
    keys = np.array([1, 2], dtype="uint64")
    seen = pd.DataFrame({"customer_id": ["a", "c"], "behaviour_key": keys, "risk": [0.25, 0.5]})
    rows = a_snapshot(customer_id=list("abcd"), drop=pd.array([None] * 4, dtype="Int8"))
    found = score_customers(rows, Recorder([0.9, 0.8, 0.7, 0.6]), seen, jobs=1, kept=True)
    assert list(found) == ["customer_id", "risk", "out_of_fold", "taught"]
    assert found["risk"].tolist() == [0.9, 0.8, 0.7, 0.6]
    assert not found[["out_of_fold", "taught"]].any(axis=None)
    # Where their outcomes are told, a and c judge nothing: the model may know them.
    found = score_customers(
        rows.assign(drop=1), Recorder([0.9, 0.8, 0.7, 0.6]), seen, jobs=1, kept=True
    )
    assert found["out_of_fold"].tolist() == [True, False, True, False]
    assert not found["taught"].any()


def test_a_kept_model_of_months_may_have_seen_a_customer_alike_in_two():
    keys = np.array([7, 7, 3], dtype="uint64")
    seen = pd.DataFrame(
        {
            "customer_id": ["a", "a", "z"],
            "month": ["2025-05", "2025-06", "2025-05"],
            "behaviour_key": keys,
            "risk": [0.25, 0.3, 0.1],
        }
    )
    rows = a_snapshot(customer_id=list("abcd"))
    found = score_customers(rows, Recorder([0.9, 0.8, 0.7, 0.6]), seen, jobs=1, kept=True)
    assert found["risk"].tolist() == [0.25, 0.25, 0.25, 0.6]  # b and c are a's twins
    with pytest.raises(InputError, match="trained on other customers"):
        score_customers(rows, Recorder([0.9, 0.8, 0.7, 0.6]), seen, jobs=1)


@pytest.mark.parametrize("family", ["logistic", "knn", "svc", "extra_trees", "boosting"])
def test_chunks_and_jobs_do_not_change_a_risk(family, monkeypatch):
    features, label = small_features(400, seed=3)
    model = RiskModel(small_model(family, features, label), 1.2, -0.1)
    whole = predict_risk(model, features, jobs=1)
    monkeypatch.setattr(scoring, "ASKED_AT_ONCE", 64)
    for jobs in (1, 2):
        np.testing.assert_allclose(predict_risk(model, features, jobs=jobs), whole, atol=1e-12)
    assert whole.std() > 0.05
    assert set(WORDS) <= set(features)


def test_nobody_to_score_is_no_fault():
    features, label = small_features(100, seed=3)
    model = RiskModel(small_model("logistic", features, label), 1.0, 0.0)
    assert len(predict_risk(model, features.head(0), jobs=2)) == 0


@pytest.mark.parametrize("renamed", [False, True])
def test_rows_that_taught_a_kept_model_of_months_are_found_in_parts(renamed):
    """Some by their id, whose part has them; others by what they did, in whichever part."""
    rng = np.random.default_rng(3)
    rows = pd.DataFrame(
        {
            "customer_id": [f"c{number % 60}" for number in range(180)],
            "month": np.repeat(["2025-05", "2025-06", "2025-07"], 60),
            "behaviour_key": rng.integers(0, 150, 180).astype("uint64"),
            "drop": pd.array([1] * 180, dtype="Int8"),
            "split": "train",
        }
    )
    seen = rows.iloc[:90].assign(risk=rng.random(90).round(3))[::2]
    gone = seen.index[::9] if not renamed else seen.index
    seen.loc[gone, "customer_id"] = [f"old{number}" for number in range(len(gone))]
    elsewhere = seen.iloc[:1].assign(month="2024-01")  # of a month that is not here any more
    seen = pd.concat([seen, elsewhere])
    whole = known_rows(rows, seen, kept=True)
    parts = [rows[rows["customer_id"].map(hash_of) == number] for number in range(4)]
    teachers = find_teachers(seen, [seen_in(part, seen) for part in parts])
    assert len(teachers.here) == len(seen) - 1
    assert len(teachers.lost) == len(gone)
    alike = [teachers.alike_in(part) for part in parts]
    teachers.refuse_too_few(alike)
    found = [known_rows(part, seen, kept=True, teachers=teachers) for part in parts]
    pd.testing.assert_frame_equal(pd.concat(found).sort_index(), whole)
    assert len(whole) >= 45
    nowhere = [np.zeros(len(gone), dtype=bool)]
    if renamed:
        with pytest.raises(InputError, match=r"45 rows of 2025-05 to 2025-06, of which 0 are"):
            teachers.refuse_too_few(nowhere)
    else:
        teachers.refuse_too_few(nowhere)  # 40 of 45 are there by id


def hash_of(who):
    return int(who[1:]) % 4
