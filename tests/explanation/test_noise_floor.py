"""What chance says of customers, and the floor that it gives reasons."""

import numpy as np
import pandas as pd
import pytest

from helpers import small_features, small_model
from retention.explanation.noise_floor import noise_floor, permuted_peaks
from retention.models.estimators import RiskModel


def learnt(rows=400, *, seed=7):
    features, label = small_features(rows, seed=seed)
    key = np.random.default_rng(seed).integers(0, 2**64, rows, dtype=np.uint64)
    return features, label, key, RiskModel(small_model("logistic", features, label), 2.0, 0.1)


def coefficients(model, features):
    """Return a table of a customer each: what a linear model makes of one unit of each column."""
    row = model.slope * model.pipeline.named_steps["estimate"].coef_[0][: len(features.columns)]
    return pd.DataFrame(np.tile(row, (3, 1)), columns=list(features))


def test_the_floor_is_what_one_customer_in_twenty_exceeds():
    peaks = np.arange(1, 101).reshape(4, 25) / 100
    assert noise_floor(peaks, least=0.2) == pytest.approx(0.9505)
    assert (peaks > noise_floor(peaks, least=0.2)).mean() == 0.05
    # However sure a contribution is, it must matter.
    assert noise_floor(peaks, least=1.5) == 1.5
    # What is used is what is written.
    assert noise_floor(np.full((1, 5), 1 / 3), least=0) == 0.333333


def test_peaks_are_the_strongest_contribution_of_either_sign_but_consent():
    features, label, key, model = learnt()
    values = pd.DataFrame({"consent": [9.0, 9.0], "a": [0.1, 0.5], "b": [-0.3, 0.2]})
    found = permuted_peaks(model, features, label, key, explained=lambda _: values, draws=2, seed=1)
    assert found.tolist() == [[0.3, 0.5], [0.3, 0.5]]


def test_outcomes_are_dealt_out_anew_and_the_calibration_stays():
    features, label, key, model = learnt()
    seen = []

    def explained(other):
        seen.append(other)
        return coefficients(other, features)

    peaks = permuted_peaks(model, features, label, key, explained=explained, draws=6, seed=1)
    assert {(one.slope, one.intercept) for one in seen} == {(2.0, 0.1)}
    # Nothing goes with permuted outcomes: the strongest real coefficient is far beyond.
    strongest = coefficients(model, features).abs().max(axis=1).iloc[0]
    assert strongest > 2 * noise_floor(peaks, least=0)
    assert len(np.unique(peaks[:, 0])) == 6
    again = permuted_peaks(model, features, label, key, explained=explained, draws=6, seed=2)
    assert not np.array_equal(again, peaks)


def test_the_floor_does_not_hang_on_the_order_of_rows():
    features, label, key, model = learnt()
    order = np.random.default_rng(2).permutation(len(label))

    def floor(rows):
        peaks = permuted_peaks(
            model,
            features.iloc[rows],
            label[rows],
            key[rows],
            explained=lambda other: coefficients(other, features),
            draws=3,
            seed=1,
        )
        return noise_floor(peaks, least=0)

    # The solver itself stops a little elsewhere when rows are in another order.
    assert floor(order) == pytest.approx(floor(np.arange(len(label))), abs=1e-3)


def test_outcomes_that_last_with_a_customer_raise_the_floor():
    """Eight months a customer: dealt out one by one, outcomes would make a third of the noise."""
    rng = np.random.default_rng(3)
    features = small_features(100, seed=3)[0].drop(columns=["service", "consent"], errors="ignore")
    features = features.iloc[np.repeat(np.arange(100), 8)].reset_index(drop=True)
    label = np.repeat((rng.random(100) < 0.4).astype(int), 8)
    key = np.repeat(rng.integers(0, 2**63, 100, dtype=np.uint64), 8)
    model = RiskModel(small_model("logistic", features, label), 1.0, 0.0)

    def floor(key, **how):
        peaks = permuted_peaks(
            model,
            features,
            label,
            key,
            explained=lambda other: coefficients(other, features),
            seed=1,
            **how,
        )
        return noise_floor(peaks, least=0)

    alone = np.arange(800, dtype=np.uint64)
    assert floor(key, together=True) > 1.7 * floor(alone, together=True)
    assert floor(alone, together=True) == pytest.approx(floor(alone), rel=1e-9)


def test_rows_that_stand_for_others_weigh_in_the_refits():
    features, label, key, model = learnt()
    how = {"explained": lambda other: coefficients(other, features), "draws": 2, "seed": 1}
    plain = permuted_peaks(model, features, label, key, **how)
    even = permuted_peaks(model, features, label, key, weight=np.ones(len(label)), **how)
    some = permuted_peaks(model, features, label, key, weight=1.0 + (label == 1), **how)
    assert even == pytest.approx(plain, abs=1e-3)
    assert np.abs(some - plain).max() > 0.01
