import numpy as np
import pandas as pd
import pytest

from helpers import WORDS, small_features, small_model
from retention.core.errors import InputError
from retention.models import scoring
from retention.models.estimators import RiskModel
from retention.models.scoring import predict_risk, score_customers


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


@pytest.mark.parametrize("family", ["logistic", "knn", "svc", "extra_trees", "boosting"])
def test_chunks_and_jobs_do_not_change_a_risk(family, monkeypatch):
    features, label = small_features(400, seed=3)
    model = RiskModel(small_model(family, features, label), 1.2, -0.1)
    whole = predict_risk(model, features, jobs=1)
    monkeypatch.setattr(scoring, "CHUNK", 64)
    for jobs in (1, 2):
        np.testing.assert_allclose(predict_risk(model, features, jobs=jobs), whole, atol=1e-12)
    assert whole.std() > 0.05
    assert set(WORDS) <= set(features)


def test_nobody_to_score_is_no_fault():
    features, label = small_features(100, seed=3)
    model = RiskModel(small_model("logistic", features, label), 1.0, 0.0)
    assert len(predict_risk(model, features.head(0), jobs=2)) == 0
