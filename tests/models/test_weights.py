"""A row that stands for k customers counts as k rows: in scores, calibration and fitting."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from helpers import SMALL, WORDS, project_params, small_features
from retention.core.errors import InputError
from retention.core.params import Models, Train
from retention.models.calibration import KINDS, choose_calibration, fit_calibration
from retention.models.description import model_card, training_details
from retention.models.estimators import FAMILIES, Blend, fitted_on, make_model, takes_weights
from retention.models.selection import fit_blend, row_weights, train_model
from retention.models.training_rows import training_rows
from retention.stats.metrics import SCORES, best_threshold, plain

WEIGHTED = ["logistic", "tree", "svc", "forest", "extra_trees", "boosting"]


def drawn(rows, *, seed):
    """Scores, outcomes and whole weights of 1 to 4, and the same rows written out."""
    rng = np.random.default_rng(seed)
    score = rng.normal(0, 1.5, rows)
    label = (rng.random(rows) < 1 / (1 + np.exp(-(1.4 * score - 0.6)))).astype("int64")
    weight = rng.integers(1, 5, rows)
    return score, label, weight, np.repeat(np.arange(rows), weight)


def test_only_neighbours_take_no_weights():
    assert [name for name in FAMILIES if takes_weights(FAMILIES[name].build(0))] == WEIGHTED
    assert takes_weights(Blend([], [], [], []))


def test_scores_and_threshold_count_a_row_as_often_as_it_stands():
    score, label, weight, rows = drawn(300, seed=1)
    risk = 1 / (1 + np.exp(-score))
    for name, one in SCORES.items():
        told = plain(one, label, risk, weight.astype(float))
        assert told == pytest.approx(plain(one, label[rows], risk[rows])), name
        assert told != pytest.approx(plain(one, label, risk), abs=1e-4), name
    label = np.where(risk < np.median(risk), label, 1 - label)  # the weights move the threshold
    weight = np.where(label == 1, 9.0, 1.0)
    rows = np.repeat(np.arange(300), weight.astype(int))
    found = best_threshold(label, risk, weight)
    assert found == best_threshold(label[rows], risk[rows])
    assert found != best_threshold(label, risk)


@pytest.mark.parametrize("kind", KINDS)
def test_a_calibration_counts_a_row_as_often_as_it_stands(kind):
    score, label, weight, rows = drawn(400, seed=2)
    found = fit_calibration(kind, score, label, weight.astype(float))
    same = fit_calibration(kind, score[rows], label[rows])
    # Isotonic and beta stay half a customer away from 0 and 1, of as many as there are.
    np.testing.assert_allclose(found.risk(score), same.risk(score), atol=2e-3)
    if kind != "none":
        plainly = fit_calibration(kind, score, label).risk(score)
        assert np.abs(found.risk(score) - plainly).max() > 4e-3


def test_the_choice_of_a_calibration_knows_that_rows_of_one_customer_are_not_independent():
    """Each row five times is no more evidence for a bend, if they are told to be one customer."""
    rng = np.random.default_rng(3)
    score = rng.normal(0, 1.5, 200)
    bent = np.where(score > 0, 1.6 * score, 0.9 * score)
    label = (rng.random(200) < 1 / (1 + np.exp(-bent))).astype("int64")
    fold = np.arange(200) % 5
    rows = np.tile(np.arange(200), 5)
    once = choose_calibration(score, label, fold)[0].kind
    again = choose_calibration(score[rows], label[rows], fold[rows], groups=rows)[0].kind
    alone = choose_calibration(score[rows], label[rows], fold[rows])[0].kind
    assert (once, again, alone) == ("temperature", "temperature", "beta")


def test_a_blend_is_weighed_and_its_members_are():
    score, label, weight, rows = drawn(300, seed=3)
    rng = np.random.default_rng(3)
    raw = np.array([[score], [score * (label == 1) + rng.normal(0, 1, 300)]])
    lines, weights = fit_blend(raw, label, weight.astype(float))
    same, equal = fit_blend(raw[:, :, rows], label[rows])
    assert weights == equal
    np.testing.assert_allclose(lines, same, rtol=1e-3)
    features, label = small_features(200, seed=4)
    members = [FAMILIES["tree"].build(0).set_params(max_depth=2), FAMILIES["knn"].build(0)]
    X = features[["promo_share"]].to_numpy()
    stands = np.where(label == 1, 30.0, 1.0)
    blend = Blend(members, [1, 1], [0, 0], [0.5, 0.5])
    heavy, plainly = blend.fit(X, label, stands).fitted_, blend.fit(X, label).fitted_
    assert heavy[0].predict_proba(X)[:, 1].mean() > plainly[0].predict_proba(X)[:, 1].mean() + 0.2
    np.testing.assert_array_equal(heavy[1].predict_proba(X), plainly[1].predict_proba(X))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WEIGHTED)
def test_a_family_is_fitted_with_the_weights(name):
    features, label = small_features(300, seed=5)
    numbers = [one for one in features if one not in WORDS]
    stands = np.where(label == 1, 8.0, 1.0)
    scores = []
    for weight in (stands, None):
        pipeline = make_model(FAMILIES[name], numbers=numbers, words=WORDS, seed=1)
        knobs = {f"estimate__{key}": value for key, value in SMALL.get(name, {}).items()}
        fitted = fitted_on(pipeline.set_params(**knobs), features, label, weight)
        scores.append((fitted.predict(features) == 1).mean())
    assert scores[0] > scores[1] + 0.1


def trained(weight=None, *, families=("logistic", "knn"), repeated=False, rows=240):
    params = project_params()
    params["train"] |= {"model": "auto", "families": list(families)}
    params["train"] |= {"comparisons": 1, "candidates": 2, "jobs": 1}
    features, label = small_features(rows, seed=6)
    key = np.random.default_rng(6).integers(0, 2**64, rows, dtype=np.uint64)
    how = {"train": Train(**params["train"]), "models": Models(**params["models"]), "words": WORDS}
    found = train_model(features, label, key, **how, quiet=True, weight=weight, repeated=repeated)
    return found, features, label, key


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_weights_of_one_change_nothing_and_others_move_the_risk_to_whom_they_stand_for():
    plainly, features, label, key = trained()
    ones = trained(np.ones(len(label)))[0]
    assert ones.best.result.family == plainly.best.result.family
    np.testing.assert_allclose(ones.risk, plainly.risk, atol=2e-3)
    assert isinstance(plainly.model.pipeline, Pipeline)
    # Those of one half stand for five; drops among them are rarer than among all.
    half = (features["promo_share"] < 0.5).to_numpy()
    weight = np.where(half & (label == 0), 5.0, 1.0)
    heavy = trained(weight)[0]
    share = np.average(label, weights=weight)
    assert np.average(heavy.risk, weights=weight) == pytest.approx(share, abs=0.02)
    assert heavy.risk.mean() < plainly.risk.mean() - 0.1
    details = training_details(heavy, label, weight)
    assert details["weights"] == {
        "rows": int((weight == 5).sum()),
        "fitted_without": ["knn"],
    }
    assert "weights" not in training_details(plainly, label)
    brier = plain(SCORES["brier"], label, heavy.risk, weight)
    assert details["out_of_fold_brier"] == pytest.approx(brier)
    rows = features.assign(customer_id=[str(i % 200) for i in range(240)], drop=label, twin_key=key)
    how = {"names": list(features), "words": WORDS, "sha256": "0", "weight": weight}
    card = model_card(heavy, rows, **how)
    assert card["threshold"] == best_threshold(label, heavy.risk, weight)
    assert "months" not in card
    rows = rows.assign(month=["2025-05", "2025-07"] * 120, behaviour_key=key + np.uint64(1))
    rows["label_source"] = "shop"
    rule = {"horizon_months": 3, "drop_below": 0.8}
    monthly = model_card(heavy, rows, **how, rule=rule)
    assert monthly["months"] == ["2025-05", "2025-07"]
    assert (monthly["horizon_months"], monthly["training_rows"]) == (3, 240)
    assert monthly["training_customers"] == 200
    assert monthly["data"] != card["data"]
    assert "label" not in monthly  # the shop told its outcomes, whatever the rule says
    rows.loc[rows.index[0], "label_source"] = "rule"
    assert model_card(heavy, rows, **how, rule=rule)["label"] == rule


def test_weights_are_one_on_average_and_none_where_all_are_alike():
    rows = pd.DataFrame({"month": "2025-05", "weight": [1.0, 1.0, 4.0]})
    assert row_weights(rows).tolist() == [0.5, 0.5, 2.0]
    assert row_weights(rows.assign(weight=1.0)) is None
    assert row_weights(rows.drop(columns="month")) is None


def test_months_of_whom_no_outcome_is_known_end_in_a_line_that_names_the_way_out():
    train = Train(**project_params()["train"])
    rows = pd.DataFrame(
        {"month": "2025-05", "split": "score", "scored": True, "twin_key": 1, "drop": None}, [0]
    )
    with pytest.raises(InputError, match=r"no month has a known outcome.*score\.model"):
        training_rows(rows, train=train)
    with pytest.raises(InputError, match="0 training customers dropped"):
        training_rows(rows.drop(columns="month"), train=train)
