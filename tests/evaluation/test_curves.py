import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, confusion_matrix

from retention.evaluation.curves import confusion, gains, ranking_curves, reliability, thinned
from retention.stats.metrics import plain, resamples, roc_auc


def judged(rows, seed, *, ties=False):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, rows)
    label[:2] = 0, 1
    risk = rng.uniform(0, 1, rows)
    return label, risk.round(1) if ties else risk


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 1000), points=st.integers(2, 250))
def test_thinned_keeps_ends_and_order_and_no_more_than_points(rows, points):
    kept = thinned(pd.DataFrame({"x": np.arange(rows)}), points=points)["x"]
    assert len(kept) == min(rows, points)
    assert (kept.iloc[0], kept.iloc[-1]) == (0, rows - 1)
    gaps = np.diff(kept)
    assert (gaps > 0).all()
    assert len(kept) < 2 or gaps.max() - gaps.min() <= 1


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(2, 2000), seed=st.integers(0, 999), ties=st.booleans())
def test_curves_are_small_monotone_and_keep_their_ends(rows, seed, ties):
    label, risk = judged(rows, seed, ties=ties)
    curves = ranking_curves(label, risk)
    assert set(curves) == {"roc", "precision_recall"}
    curve = curves["roc"].to_numpy()
    assert len(curve) <= 200
    assert curve[0].tolist() == [0, 0]
    assert curve[-1] == pytest.approx([1, 1])
    assert (np.diff(curve, axis=0) >= 0).all()
    recall, precision = curves["precision_recall"].to_numpy().T
    assert len(recall) <= 200
    assert (np.diff(recall) >= 0).all()
    assert (recall[-1], precision[-1]) == pytest.approx((1, label.mean()))


@pytest.mark.parametrize("ties", [False, True])
def test_area_under_the_roc_curve_is_the_score(ties):
    label, risk = judged(150, 1, ties=ties)
    curve = ranking_curves(label, risk)["roc"]
    area = np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])
    assert area == pytest.approx(plain(roc_auc, label, risk), abs=1e-12)


def test_precision_and_recall_give_the_average_precision():
    label, risk = judged(150, 2, ties=True)
    curve = ranking_curves(label, risk)["precision_recall"]
    area = (np.diff(curve["recall"], prepend=0) * curve["precision"]).sum()
    assert area == pytest.approx(average_precision_score(label, risk), abs=1e-12)


def test_gains_by_hand():
    label, risk = np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.3, 0.3])
    curve = gains(label, risk, np.ones((1, 4)), level=0.95).iloc[[0, 5, 10, 15, 20]]
    assert curve["contacted"].tolist() == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert curve["reached"].tolist() == pytest.approx([0, 0.5, 0.5, 0.75, 1])


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(2, 500), seed=st.integers(0, 999), bins=st.integers(2, 20))
def test_reliability_counts_everyone_once_in_bins_of_equal_size(rows, seed, bins):
    label, risk = judged(rows, seed)
    table = reliability(label, risk, bins=bins)
    size = table["customers"]
    assert size.sum() == rows
    assert len(table) == min(rows, bins)
    assert size.max() - size.min() <= 1
    assert (table["told"] * size).sum() == pytest.approx(risk.sum())
    assert (table["dropped"] * size).sum() == pytest.approx(label.sum())
    assert (np.diff(table["told"]) > 0).all()


def test_reliability_by_hand():
    table = reliability(np.array([1, 0, 0, 1]), np.array([0.9, 0.2, 0.1, 0.6]), bins=2)
    assert table["told"].tolist() == pytest.approx([0.15, 0.75])
    assert table["dropped"].tolist() == [0, 1]
    assert table["customers"].tolist() == [2, 2]


def test_reliability_of_equal_risks_does_not_follow_the_order_of_rows():
    label, risk = np.repeat([1, 0], 50), np.repeat([0.4, 0.5, 0.4, 0.5], 25)
    order = np.random.default_rng(3).permutation(100)
    table, shuffled = reliability(label, risk), reliability(label[order], risk[order])
    pd.testing.assert_frame_equal(table, shuffled)


def test_confusion_by_hand_calls_from_the_threshold_on():
    label = np.array([1, 1, 1, 0, 0, 0, 0])
    risk = np.array([0.9, 0.5, 0.4, 0.5, 0.1, 0.2, 0.3])
    table = confusion(label, risk, threshold=0.5).set_index("outcome")["customers"]
    assert table.to_dict() == {
        "dropped, called": 2,
        "dropped, missed": 1,
        "stayed, called": 1,
        "stayed, left alone": 3,
    }


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(2, 200), seed=st.integers(0, 999), threshold=st.floats(0, 1))
def test_confusion_is_sklearns(rows, seed, threshold):
    label, risk = judged(rows, seed, ties=True)
    table = confusion(label, risk, threshold=threshold)
    cells = table.pivot_table(values="customers", index="dropped", columns="called", aggfunc="sum")
    np.testing.assert_array_equal(cells, confusion_matrix(label, risk >= threshold, labels=[0, 1]))


def test_gains_of_a_perfect_risk_reach_every_drop_at_their_share():
    label = np.repeat([1, 0], [25, 75])
    table = gains(label, label + 0.0, resamples(np.arange(100), count=200, seed=1), level=0.95)
    assert table["contacted"].tolist() == pytest.approx([step / 20 for step in range(21)])
    expected = np.minimum(1, table["contacted"] / 0.25)
    assert table["reached"].to_numpy() == pytest.approx(expected.to_numpy())
    assert (table["reached_low"] <= table["reached"] + 1e-12).all()
    assert (table["reached_high"] >= table["reached"] - 1e-12).all()
    quarter = table[table["contacted"].between(0.19, 0.21)].iloc[0]
    # One in five contacted reaches 20 of 25 drops, 26 of them or 16 in other draws of customers.
    assert 0.55 < quarter["reached_low"] < 0.75
    assert quarter["reached_high"] == 1


def test_one_risk_for_all_gains_nothing_whatever_the_order_of_rows():
    label = np.repeat([1, 0], [25, 75])
    table = gains(label, np.full(100, 0.4), np.ones((1, 100)), level=0.95)
    assert table["reached"].to_numpy() == pytest.approx(table["contacted"].to_numpy())
