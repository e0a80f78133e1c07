import numpy as np
import pandas as pd
import pytest

from dictionary import FEATURES
from helpers import formula_pipeline
from retention.explanation.what_if import MOVABLE, movable, rows_to_ask, summary, what_if
from retention.models.estimators import RiskModel, sigmoid

NAMES = ["pages_per_visit", "unpaid_items", "tenure_days"]


def model_and_rows():
    """A model whose log-odds are unpaid items minus pages, standardised; tenure tells nothing."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(5, 2, (200, 3)).round(1), columns=NAMES)
    pipeline = formula_pipeline(lambda x: x[:, 1] - x[:, 0], table)
    return RiskModel(pipeline, 1.0, 0.0), table


def test_one_behaviour_moves_and_the_others_stay():
    model, table = model_and_rows()
    before = table.copy()
    typical = {"pages_per_visit": 8.0, "unpaid_items": 2, "tenure_days": 600.0}
    found = what_if(model, table, typical)
    pd.testing.assert_frame_equal(table, before)
    assert list(found) == ["pages_per_visit", "unpaid_items"]
    spread = table.std(ddof=0)
    own = (table - table.mean()) / spread
    pages = (8 - table["pages_per_visit"].mean()) / spread["pages_per_visit"]
    expected = sigmoid(own["unpaid_items"] - pages) - sigmoid(
        own["unpaid_items"] - own["pages_per_visit"]
    )
    np.testing.assert_allclose(found["pages_per_visit"], expected, atol=1e-12)
    assert (found["pages_per_visit"] < 0).equals(table["pages_per_visit"] < 8)
    assert (found["unpaid_items"] < 0).equals(table["unpaid_items"] > 2)


def test_without_a_typical_value_nobody_moves():
    model, table = model_and_rows()
    typical = {"pages_per_visit": np.nan, "unpaid_items": 2.0}
    found = what_if(model, table, typical, list(typical))
    assert found["pages_per_visit"].isna().all()
    assert found["unpaid_items"].notna().all()
    told = summary(found, model.risk(table), threshold=0.0)
    assert told["pages_per_visit"] == {"customers": 0}


def test_what_stands_at_the_median_or_is_unknown_does_not_move():
    model, table = model_and_rows()
    typical = dict.fromkeys(NAMES, 5.0)
    rows = table.head(3).copy()
    rows["pages_per_visit"] = [5.0, np.nan, 1.0]
    found = what_if(model, rows, typical, ["pages_per_visit", "tenure_days"])
    assert found["pages_per_visit"].iloc[0] == 0
    assert np.isnan(found["pages_per_visit"].iloc[1])
    assert found["pages_per_visit"].iloc[2] < 0
    assert (found["tenure_days"].dropna() == 0).all()


def test_the_summary_is_of_those_at_risk_whom_the_move_concerns():
    changes = pd.DataFrame(
        {
            "pages_per_visit": [-0.3, -0.1, 0.0, np.nan, -0.5],
            "unpaid_items": [0.1, -0.4, -0.4, -0.4, -0.1],
            "promo_share": [np.nan, 0.0, 0.0, 0.0, -0.1],
        }
    )
    risk = np.array([0.6, 0.8, 0.9, 0.9, 0.4])
    found = summary(changes, risk, threshold=0.5)
    assert found["pages_per_visit"] == pytest.approx(
        {"customers": 2, "risk_before": 0.7, "risk_after": 0.5, "lowered": 1.0,
         "below_threshold": 0.5}
    )  # fmt: skip
    assert found["unpaid_items"] == pytest.approx(
        {"customers": 4, "risk_before": 0.8, "risk_after": 0.525, "lowered": 0.75,
         "below_threshold": 0.25}
    )  # fmt: skip
    assert found["promo_share"] == {"customers": 0}
    assert list(found) == ["unpaid_items", "pages_per_visit", "promo_share"]


def test_who_is_asked_is_at_risk_unseen_and_does_not_hang_on_row_order():
    rng = np.random.default_rng(1)
    risk, unseen = rng.random(500), rng.random(500) < 0.5
    key = rng.integers(0, 2**63, 500).astype("uint64")
    everyone = rows_to_ask(risk, key, unseen, threshold=0.6, most=500, seed=1)
    assert everyone.tolist() == np.flatnonzero(unseen & (risk >= 0.6)).tolist()
    few = rows_to_ask(risk, key, unseen, threshold=0.6, most=20, seed=1)
    assert len(few) == 20
    assert set(few) < set(everyone)
    order = rng.permutation(500)
    again = rows_to_ask(risk[order], key[order], unseen[order], threshold=0.6, most=20, seed=1)
    assert set(key[order][again]) == set(key[few])
    other = rows_to_ask(risk, key, unseen, threshold=0.6, most=20, seed=2)
    assert set(other) != set(few)


def test_only_what_somebody_could_move_is_moved():
    names = {*FEATURES, "profit"}
    fixed = {"service", "consent", "tenure_days", "favourite_category", "profit"}
    fixed |= {"revenue_m2", "revenue_m1", "revenue_m0"}
    assert set(MOVABLE) == names - fixed
    assert all(MOVABLE.values())
    table = pd.DataFrame(1.0, [0], ["service", "unpaid_items", "tenure_days", "contacts_6m"])
    assert movable(table) == ["unpaid_items", "contacts_6m"]


def test_what_the_shop_has_in_words_does_not_move():
    table = pd.DataFrame({"promo_share": ["often", "rarely"], "unpaid_items": [1.0, 2.0]})
    assert movable(table) == ["unpaid_items"]
