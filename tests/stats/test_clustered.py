"""Rows that belong together are no more customers than they are."""

import numpy as np
import pytest
from scipy.special import expit

from retention.stats.clustered import clustered_area, doubt_of, line_doubt, told_doubt
from retention.stats.estimates import roc_auc_of
from retention.stats.metrics import calibration_line


def rows(count, *, seed):
    rng = np.random.default_rng(seed)
    score = rng.normal(-0.5, 1.5, count)
    return (rng.random(count) < expit(score)).astype("float64"), expit(score)


def test_rows_told_three_times_tell_nothing_more():
    label, risk = rows(400, seed=1)
    key, even = np.arange(400), np.ones(400)
    once = line_doubt(label, risk, key, even), clustered_area(label, risk, key, even, level=0.9)
    three = [np.tile(one, 3) for one in (label, risk, key, even)]
    assert line_doubt(*three) == pytest.approx(once[0], rel=1e-6)
    assert clustered_area(*three, level=0.9) == pytest.approx(once[1], rel=1e-9)
    apart = [*three[:2], np.arange(1200), three[3]]
    assert line_doubt(*apart) == pytest.approx(once[0] / 3, rel=0.01)


def test_the_doubt_is_how_far_the_line_of_other_customers_lies():
    found = [rows(600, seed=seed) for seed in range(1200)]
    told = np.mean([line_doubt(*one, np.arange(600), np.ones(600)) for one in found[:200]], axis=0)
    lines = [calibration_line(*one, np.ones((1, 600))) for one in found]
    slope, shift = np.squeeze(lines).T
    assert told == pytest.approx(np.cov(shift, slope), rel=0.12, abs=4e-4)


def test_the_area_of_single_rows_is_delongs():
    label, risk = rows(800, seed=3)
    area, low, high = clustered_area(label, risk, np.arange(800), np.ones(800), level=0.95)
    other = roc_auc_of(label, risk)
    assert area == pytest.approx(other.value)
    assert (low, high) == pytest.approx(other.interval(0.95), abs=0.002)


def test_a_row_that_counts_twice_is_two_rows_of_one_customer():
    label, risk = rows(300, seed=4)
    key, twice = np.arange(300), risk > 0.5
    weighted = clustered_area(label, risk, key, np.where(twice, 2.0, 1.0), level=0.95)
    doubled = [np.concatenate([one, one[twice]]) for one in (label, risk, key)]
    assert weighted == pytest.approx(
        clustered_area(*doubled, np.ones(300 + twice.sum()), level=0.95)
    )


def test_few_drops_tell_no_doubt():
    label, risk = rows(300, seed=5)
    few = np.where(np.cumsum(label) <= 9, label, 0)
    assert np.isnan(line_doubt(few, risk, np.arange(300), np.ones(300))).all()
    area, low, high = clustered_area(few, risk, np.arange(300), np.ones(300), level=0.95)
    assert 0 < area < 1
    assert np.isnan([low, high]).all()


def test_a_doubt_is_read_as_it_was_told():
    doubt = np.array([[0.0009, -0.0003], [-0.0003, 0.0016]])
    assert doubt_of(told_doubt(doubt)) == pytest.approx(doubt)
    assert np.isnan(doubt_of({"shift": None, "slope": 0.1, "correlation": 0.0})).any()
