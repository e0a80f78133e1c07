"""What reasons must do, on a simulated shop whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from dictionary import BEHAVIOUR, GROUPS
from project import FIXTURES
from retention.core.hashing import behaviour_key, one_of_each_twin, uniform
from retention.core.params import load_params
from retention.core.vocabulary import LABEL
from retention.explanation.explainer import explainer, refit_explainer
from retention.explanation.noise_floor import noise_floor, permuted_peaks
from retention.explanation.reasons import RANKS, find_reasons, typical_among, typical_values
from retention.explanation.refits import learnt_again
from retention.explanation.roles import roles_of
from retention.models.selection import train_model
from simulation.shop import simulate_customers

pytestmark = pytest.mark.slow
PARAMS = load_params(FIXTURES / "params.yaml")
WORDS = ["service", "consent", "favourite_category"]
NAMES = list(BEHAVIOUR)


@pytest.fixture(scope="module")
def shop():
    """A shop, a blend trained on its training side, and every customer's contributions."""
    made = simulate_customers(1300, unlabelled=0, seed=3)
    table = made.customers.merge(made.truth.drop(columns=["drop", "quirk"]), on="customer_id")
    key = behaviour_key(table, BEHAVIOUR)
    side = np.where(uniform(key, seed=1, purpose="split") < 0.25, "test", "train")
    table = table.assign(twin_key=key, split=side, scored=one_of_each_twin(key, table[LABEL]))
    rows = np.flatnonzero((table["split"] == "train") & table["scored"])
    train = PARAMS.train.model_copy(
        update={"model": "blend", "families": ["svc", "boosting", "extra_trees"],
                "candidates": 1, "comparisons": 1, "jobs": 1}
    )  # fmt: skip
    label = table[LABEL].iloc[rows].to_numpy("int64")
    model = train_model(
        table[NAMES].iloc[rows], label, key[rows], train=train, models=PARAMS.models, words=WORDS,
        quiet=True,
    ).model  # fmt: skip
    table = table.assign(risk=model.risk(table[NAMES]), out_of_fold=table["split"] == "train")
    roles = roles_of(table)
    explained = explainer(table, PARAMS.explain, roles)
    found = explained(model, table[NAMES], np.arange(len(table)))
    how = {"explained": len(table)}
    again = refit_explainer(table, table[NAMES], found.method, PARAMS.explain, roles, **how)
    peaks = permuted_peaks(
        model, table[NAMES].iloc[rows], label, key[rows], seed=1,
        explained=lambda other: again(other, np.arange(len(table))),
    )  # fmt: skip
    threshold = noise_floor(peaks, least=0)
    return table, rows, label, model, again, found, threshold


def typical_beside(features, loyal):
    return typical_among(NAMES, loyal.__getitem__).beside(features)


def test_stand_in_of_the_blend_is_faithful_and_additive(shop):
    _, _, _, _, _, found, _ = shop
    assert found.method == "surrogate"
    assert found.fidelity >= 0.95
    assert np.abs(found.base + found.values.sum(axis=1) - found.explained).max() < 1e-4


def test_groups_stand_in_the_order_of_the_truth(shop):
    table, _, _, _, _, found, _ = shop
    groups = [GROUPS[name] for name in NAMES]
    told = found.values.T.groupby(groups).sum().T.abs().mean()
    true = {group: table[f"weight_{group}"].abs().mean() for group in told.index}
    assert told.sort_values().index.tolist() == sorted(true, key=true.get)
    # And customer by customer the group that weighs most is told as it is.
    for group in ("site", "product"):
        of_group = found.values[[n for n in NAMES if GROUPS[n] == group]].sum(axis=1)
        assert np.corrcoef(of_group, table[f"weight_{group}"])[0, 1] > 0.8


def test_where_behaviour_tells_nothing_one_in_twenty_has_a_reason_at_most(shop):
    table, rows, label, model, again, _, threshold = shop
    # Other permutations than those behind the floor; the reasons are those that a run would give.
    features, everyone = table[NAMES], np.arange(len(table))
    shares = []
    for seed in range(6):
        dealt = np.random.default_rng([5, seed]).permutation(label)
        values = again(learnt_again(model, features.iloc[rows], dealt), everyone)
        typical = typical_beside(features, features.iloc[rows][dealt == 0])
        named = find_reasons(values, features, typical, threshold=threshold)
        shares.append(named["reason_1"].notna().mean())
    # Of the floor of a single column, two in five would have one.
    assert np.mean(shares) <= 0.05
    # And of the real outcomes most of those at risk have reasons.
    risky = (table["risk"] > 0.6).to_numpy()
    found = find_reasons(
        shop[5].values,
        features,
        typical_beside(features, features.iloc[rows][label == 0]),
        threshold=threshold,
    )
    assert found["reason_1"][risky].notna().mean() > 0.8


def test_moving_the_reasons_moves_the_risk_more_than_moving_others(shop):
    table, rows, label, model, _, found, threshold = shop
    features = table[NAMES]
    loyal = features.iloc[rows][label == 0]
    typical = typical_values(loyal)
    named = find_reasons(
        found.values, features, typical_beside(features, loyal), threshold=threshold
    )
    asked = np.flatnonzero(
        named["reason_3"].notna().to_numpy() & (table["split"] == "test").to_numpy()
    )
    assert len(asked) > 40
    rng = np.random.default_rng(1)
    before = model.log_odds(features.iloc[asked])
    changed = {}
    for kind in ("reasons", "random"):
        numbers = dict.fromkeys(features.select_dtypes("number"), "float64")
        moved = features.iloc[asked].astype(numbers)
        for place, row in enumerate(asked):
            chosen = (
                named[list(RANKS[:3])].iloc[row].tolist()
                if kind == "reasons"
                else rng.choice(NAMES, 3, replace=False)
            )
            for name in chosen:
                moved.iloc[place, NAMES.index(name)] = typical[name]
        changed[kind] = np.abs(model.log_odds(moved) - before).mean()
    assert changed["reasons"] > 2 * changed["random"]


def test_what_contributes_most_is_no_reason_when_noise_could_do_it(shop):
    table, rows, label, _, _, found, threshold = shop
    features = table[NAMES]
    typical = typical_beside(features, features.iloc[rows][label == 0])
    named = find_reasons(found.values, features, typical, threshold=threshold)
    none = named["reason_1"].isna()
    usable = found.values.drop(columns=["consent"])
    assert 0 < none.mean() < 0.75
    assert (usable[none].max(axis=1) <= threshold).all()
    assert (usable[~none].max(axis=1) > threshold).all()
    beyond = pd.concat([named[f"{rank}_contribution"].abs() for rank in RANKS]).dropna()
    assert (beyond > threshold - 1e-6).all()
