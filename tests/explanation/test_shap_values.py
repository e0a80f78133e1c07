import numpy as np
import pandas as pd
import pytest

from helpers import NUMBERS, WORDS, formula_pipeline, shapley, small_features, small_model
from retention.core.hashing import behaviour_key
from retention.explanation import shap_values as attributions
from retention.explanation.shap_values import attribute, column_owners
from retention.explanation.surrogate import Surrogate
from retention.models.estimators import FAMILIES, RiskModel, make_model

pytestmark = pytest.mark.slow
ABC = ["a", "b", "c"]
METHOD = {"logistic": "linear", "boosting": "tree", "forest": "sampling", "svc": "sampling"}


@pytest.fixture
def no_stand_in(monkeypatch):
    """Sampling alone: the stand-in knows nothing."""

    def nothing(*given, **_):
        return Surrogate([], 0.0, int(given[2].max()) + 1, 0.0)

    monkeypatch.setattr(attributions, "fit_surrogate", nothing)


def numbers(rows, seed):
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(rows, 3)), columns=ABC)


def risk_model(name, features, label, **knobs):
    pipeline = small_model(name, features, label, **knobs)
    return RiskModel(pipeline, slope=1.4, intercept=-0.3)


def formula_model(formula, table):
    return RiskModel(formula_pipeline(formula, table), slope=2.0, intercept=0.5)


def explain(
    model, rows, background, *, evaluations=10**6, seed=1, unseen=None, most=10**6, risk=None
):
    if unseen is None:
        unseen = np.ones(len(rows), dtype=bool)
    return attribute(
        model,
        rows,
        background,
        risk=model.risk(rows) if risk is None else risk,
        unseen=unseen,
        key=behaviour_key(rows, list(rows)),
        evaluations=4000,
        max_evaluations=evaluations,
        max_rows=most,
        seed=seed,
        faithful=attributions.FAITHFUL,
    )


def gap(model, found, rows):
    return np.abs(found.base + found.values.sum(axis=1) - model.line(rows)).max()


@pytest.mark.parametrize("bend", [None, (0.3, 2.0, -0.8, 0.01)])
@pytest.mark.parametrize("name", METHOD)
def test_base_and_contributions_add_up_to_the_line_bent_or_not(name, bend, monkeypatch):
    monkeypatch.setattr(attributions, "FAITHFUL", 1.1)
    features, label = small_features(160, seed=1)
    model = risk_model(name, features, label).set_params(bend=bend)
    rows = features.tail(40)
    found = explain(model, rows, features.head(20))
    assert found.method == METHOD[name]
    assert gap(model, found, rows) < 1e-6
    assert found.base == pytest.approx(model.line(features.head(20)).mean(), abs=1e-6)
    assert list(found.values) == list(features)
    assert found.values.index.equals(rows.index)


@pytest.mark.parametrize(
    ("name", "knobs"), [("logistic", {"C": 1000}), ("boosting", {"max_iter": 100})]
)
def test_contributions_add_up_where_the_model_is_nearly_certain(name, knobs):
    features = numbers(200, 2)
    label = (features["a"] > 0).astype(int).to_numpy()
    model = risk_model(name, features, label, **knobs)
    assert gap(model, explain(model, features, features.head(20)), features) < 1e-6


@pytest.mark.parametrize("name", ["logistic", "boosting"])
def test_exact_methods_give_the_shapley_values(name):
    features, label = small_features(160, seed=3)
    model = risk_model(name, features, label)
    prepare, estimate = model.pipeline.named_steps.values()
    owner = column_owners(prepare)
    groups = [[i for i, who in enumerate(owner) if who == column] for column in features]
    rows, background = features.tail(4), features.head(12)
    found = explain(model, rows, background)
    typical = prepare.transform(background)
    expected = [
        shapley(estimate.decision_function, row, typical, groups) for row in prepare.transform(rows)
    ]
    np.testing.assert_allclose(found.values, 1.4 * np.array(expected), atol=1e-6)


def test_a_linear_model_has_the_contributions_that_shap_gives_to_the_last_digit():
    import shap

    features, label = small_features(160, seed=3)
    model = risk_model("logistic", features, label)
    rows, background = features.tail(40), features.head(12)
    prepare, estimate = model.pipeline.named_steps.values()
    masker = shap.maskers.Independent(prepare.transform(background), max_samples=12)
    told = shap.LinearExplainer(estimate, masker)(prepare.transform(rows))
    owner = np.array([list(features).index(name) for name in column_owners(prepare)])
    values, base = attributions._linear(
        estimate, prepare.transform(rows), prepare.transform(background), owner
    )
    expected = np.zeros_like(values)
    np.add.at(expected.T, owner, told.values.T)
    np.testing.assert_array_equal(values, expected)
    assert base == told.base_values[0]


def test_each_prepared_column_is_owned_by_what_it_is_made_of():
    table = pd.DataFrame(
        {
            "a": [1.0, 2.0, 3.0, 4.0],
            "service": ["x", "y", "x", "y"],
            "b": [1.0, np.nan, 3.0, 4.0],
            "consent": ["r", "s", "t", "r"],
        }
    )
    pipeline = make_model(
        FAMILIES["tree"], numbers=["a", "b"], words=["service", "consent"], seed=1
    )
    prepare = pipeline.fit(table, [0, 1, 0, 1]).named_steps["prepare"]
    expected = ["a", "b", "b", "service", "service", "consent", "consent", "consent"]
    assert column_owners(prepare) == expected
    assert prepare.transform(table).shape[1] == len(expected)


@pytest.mark.usefixtures("no_stand_in")
def test_sampling_is_exact_for_a_sum_of_functions_of_one_feature():
    table = numbers(30, 4)
    model = formula_model(lambda x: np.sin(3 * x[:, 0]) + x[:, 1] ** 2 - 4 * x[:, 2], table)
    found = explain(model, table, table.head(7))
    x = model.pipeline.named_steps["prepare"].transform(table)
    parts = np.column_stack([np.sin(3 * x[:, 0]), x[:, 1] ** 2, -4 * x[:, 2]])
    expected = 2 * (parts - parts[:7].mean(axis=0))
    np.testing.assert_allclose(found.values, expected, atol=1e-9)
    assert found.method == "sampling"


@pytest.mark.usefixtures("no_stand_in")
def test_sampling_shares_an_interaction_equally():
    table = numbers(30, 5)
    model = formula_model(lambda x: 3 * x[:, 0] * x[:, 1] + x[:, 2], table)
    typical = pd.concat([table.head(1)] * 4)
    found = explain(model, table, typical).values.to_numpy() / 2
    x = model.pipeline.named_steps["prepare"].transform(table)
    start = x[0]
    # A walk and its reverse change a first once and b first once, so each gets the mean.
    np.testing.assert_allclose(found[:, 0], 1.5 * (x[:, 0] - start[0]) * (start[1] + x[:, 1]))
    np.testing.assert_allclose(found[:, 1], 1.5 * (x[:, 1] - start[1]) * (start[0] + x[:, 0]))
    np.testing.assert_allclose(found[:, 2], x[:, 2] - start[2])


@pytest.mark.parametrize("control", [True, False])
def test_sampling_comes_near_the_shapley_values_of_a_forest(control, request, monkeypatch):
    if not control:
        request.getfixturevalue("no_stand_in")
    monkeypatch.setattr(attributions, "FAITHFUL", 1.1)
    features, label = small_features(300, seed=6)
    model = risk_model("forest", features, label, n_estimators=10, min_samples_leaf=15)
    prepare, estimate = model.pipeline.named_steps.values()
    groups = [
        [i for i, who in enumerate(column_owners(prepare)) if who == column] for column in features
    ]

    def margin(x):
        probability = estimate.predict_proba(x)[:, 1]
        return np.log(probability / (1 - probability))

    rows, background = features.tail(3), features.head(200)
    found = explain(model, rows, background)
    assert found.method == "sampling"
    found = found.values.to_numpy()
    typical = prepare.transform(background)
    expected = np.array([shapley(margin, row, typical, groups) for row in prepare.transform(rows)])
    assert np.abs(1.4 * expected).max() > 0.5
    np.testing.assert_allclose(found, 1.4 * expected, atol=0.1)


@pytest.mark.parametrize("name", ["logistic", "boosting", "tree"])
def test_feature_that_the_model_ignores_gets_nothing(name):
    features, label = small_features(160, seed=7)
    model = risk_model(name, features.assign(minutes_m0=5.0), label)
    found = explain(model, features, features.head(20)).values
    assert (found["minutes_m0"] == 0).all()
    assert found["promo_share"].abs().max() > 0.1


@pytest.mark.usefixtures("no_stand_in")
def test_feature_that_a_formula_ignores_gets_nothing_by_sampling():
    table = numbers(30, 8)
    model = formula_model(lambda x: x[:, 0] * x[:, 2], table)
    found = explain(model, table, table.head(9)).values
    assert (found["b"] == 0).all()
    assert (found[["a", "c"]].abs().max() > 0.1).all()


@pytest.mark.usefixtures("no_stand_in")
@pytest.mark.parametrize(("budget", "walks"), [(10**6, 20), (30 * 3 * 5, 5), (1, 2)])
def test_sampling_spends_what_it_may_and_two_walks_at_least(budget, walks):
    table = numbers(30, 9)
    spent = []

    def formula(x):
        spent.append(len(x))
        return x[:, 0]

    model = formula_model(formula, table)
    found = explain(model, table, table.head(20), evaluations=budget)
    # A walk scores each row once a feature; its start is scored once for all rows, and for the
    # base, and every row once for the score that is explained, and once to know the riskiest.
    assert sum(spent) == walks * (30 * 3 + 1) + walks + 2 * 30
    start = model.log_odds(table.head(walks)).mean()
    assert found.base == pytest.approx(start)


@pytest.mark.usefixtures("no_stand_in")
def test_sampling_in_parts_is_sampling_at_once(monkeypatch):
    table = numbers(30, 10)
    model = formula_model(lambda x: x[:, 0] * x[:, 1] * x[:, 2], table)
    whole = explain(model, table, table.head(6)).values
    monkeypatch.setattr(attributions, "_BATCH", 3 * 7)
    pd.testing.assert_frame_equal(explain(model, table, table.head(6)).values, whole)


@pytest.mark.parametrize("name", ["logistic", "boosting"])
def test_reasons_of_a_customer_do_not_depend_on_who_else_is_asked(name):
    features, label = small_features(120, seed=11)
    model = risk_model(name, features, label)
    order = np.random.default_rng(1).permutation(40)
    background = features.head(20)
    first = explain(model, features.head(40), background).values
    second = explain(model, features.head(40).iloc[order], background).values
    pd.testing.assert_frame_equal(second.loc[first.index], first, atol=1e-9)


@pytest.mark.usefixtures("no_stand_in")
def test_seed_decides_the_orders():
    table = numbers(30, 12)
    model = formula_model(lambda x: x[:, 0] * x[:, 1] * x[:, 2], table)
    first, again, other = (
        explain(model, table, table.head(4), seed=seed).values.to_numpy() for seed in (1, 1, 5)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_features_keep_their_names_whatever_their_order():
    features, label = small_features(120, seed=13)
    model = risk_model("logistic", features, label)
    turned = features[[*WORDS, *reversed(NUMBERS)]]
    first = explain(model, features, features.head(10)).values
    second = explain(model, turned, turned.head(10)).values
    pd.testing.assert_frame_equal(second[list(first)], first)


def test_faithful_stand_in_answers_for_the_model():
    features, label = small_features(600, seed=14)
    model = risk_model("svc", features, label, C=1, gamma=0.03)
    rows, background = features.tail(400), features.head(20)
    found = explain(model, rows, background)
    assert found.method == "surrogate"
    assert found.fidelity >= attributions.FAITHFUL
    assert np.abs(found.base + found.values.sum(axis=1) - found.explained).max() < 1e-9
    missed = found.explained - model.log_odds(rows)
    assert 1 - missed.var() / model.log_odds(rows).var() > 0.9
    prepare, estimate = model.pipeline.named_steps.values()
    owner = column_owners(prepare)
    groups = [[i for i, who in enumerate(owner) if who == column] for column in features]
    typical = prepare.transform(background)
    exact = 1.4 * np.array(
        [shapley(estimate.decision_function, row, typical, groups)
         for row in prepare.transform(rows.head(5))]
    )  # fmt: skip
    assert np.corrcoef(exact.ravel(), found.values.head(5).to_numpy().ravel())[0, 1] > 0.95


def test_model_that_remembers_is_sampled_and_its_fidelity_told():
    table = numbers(400, 15)
    noise = np.random.default_rng(1).normal(size=10**6)

    def jagged(x):
        return noise[(np.abs(x @ [7.1, 3.3, 5.7]) * 1000).astype(int) % 10**6]

    found = explain(formula_model(jagged, table), table, table.head(5), evaluations=10_000)
    assert found.method == "sampling"
    assert found.fidelity < 0.5
    assert np.abs(found.base + found.values.sum(axis=1) - found.explained).max() < 1e-9


@pytest.mark.usefixtures("no_stand_in")
def test_sampling_of_too_many_explains_the_riskiest_unseen():
    table = numbers(50, 16)
    model = formula_model(lambda x: x[:, 0], table)
    unseen = np.arange(50) % 2 == 0
    found = explain(model, table, table.head(5), unseen=unseen, most=8)
    expected = table["a"][unseen].sort_values().index[-8:]
    assert found.values.index.tolist() == sorted(expected)
    assert len(found.explained) == 8


@pytest.mark.usefixtures("no_stand_in")
def test_who_is_explained_among_equals_does_not_follow_the_order_of_rows():
    table = numbers(60, 18)
    model = formula_model(lambda x: x[:, 0], table)
    unseen = np.arange(60) < 10  # fewer than are explained: the rest are all alike
    told = {"risk": np.full(60, 0.7), "most": 25}
    found = explain(model, table, table.head(5), unseen=unseen, **told)
    chosen = set(found.values.index)
    assert set(range(10)) < chosen
    # The first rows of an export that is sorted by label would all be of one class.
    assert len(chosen - set(range(25))) > 5
    order = np.random.default_rng(1).permutation(60)
    moved = explain(model, table.iloc[order], table.head(5), unseen=unseen[order], **told)
    assert set(moved.values.index) == chosen


def test_stand_in_does_not_follow_the_order_of_rows():
    features, label = small_features(500, seed=19)
    model = risk_model("svc", features, label, C=1, gamma=0.03)
    rows, background = features.tail(400), features.head(20)
    seen = np.arange(400) % 3 > 0
    found = explain(model, rows, background, unseen=seen)
    order = np.random.default_rng(2).permutation(400)
    moved = explain(model, rows.iloc[order], background, unseen=seen[order])
    assert moved.fidelity == pytest.approx(found.fidelity, abs=1e-9)
    pd.testing.assert_frame_equal(moved.values.loc[rows.index], found.values)


def test_top_three_hardly_change_with_ten_times_the_budget(monkeypatch):
    monkeypatch.setattr(attributions, "FAITHFUL", 1.1)
    features, label = small_features(300, seed=17)
    model = risk_model("svc", features, label, C=1, gamma=0.03)
    rows, background = features.tail(100), features.head(25)
    budget = len(rows) * features.shape[1] * len(background)

    def top(found):
        return np.argsort(-found.values.to_numpy(), axis=1)[:, :3]

    few = top(explain(model, rows, background, evaluations=budget))
    many = top(explain(model, rows, pd.concat([background] * 10), evaluations=10 * budget))
    shared = [len(set(a) & set(b)) / 3 for a, b in zip(few, many, strict=True)]
    assert np.mean(shared) >= 0.9
