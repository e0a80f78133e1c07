"""The simulated shop: its quirks, its shape, and a truth that is known and worth learning."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from dictionary import BEHAVIOUR, COLUMNS
from retention.core.vocabulary import REVENUE
from simulation.export import EXPORT_DIALECTS, as_export, write_export
from simulation.parameters import DROP_SHARE, FIGURES, GROUP_COLUMNS, TYPES
from simulation.shop import Shop, simulate_customers
from simulation.truth import truth

# Measured on the real export, 996 regular customers without the entry error: mean and standard
# deviation of those who stay, then of those who drop.
MEASURED = {
    "contacts_6m": (4.567, 0.856, 3.711, 1.081),
    "contacts_now": (4.029, 0.691, 4.016, 0.712),
    "tenure_days": (582.04, 252.56, 631.16, 230.86),
    "promo_share": (0.2415, 0.1647, 0.4550, 0.3063),
    "categories_per_visit": (3.649, 1.306, 2.561, 1.189),
    "unpaid_items": (2.278, 1.521, 3.668, 2.333),
    "service_errors": (4.417, 1.997, 3.918, 1.871),
    "pages_per_visit": (9.773, 3.422, 5.571, 3.406),
    "revenue_m2": (4932.8, 316.6, 4676.3, 293.5),
    "revenue_m1": (4919.2, 607.7, 4959.4, 822.4),
    "revenue_m0": (5170.5, 772.3, 5291.9, 917.1),
    "minutes_m1": (15.110, 3.419, 11.024, 3.496),
    "minutes_m0": (14.547, 4.084, 11.011, 3.397),
    "profit": (3.981, 1.017, 3.999, 0.976),
}
MEASURED_SHARES = {
    ("service", "premium"): (0.255, 0.342),
    ("consent", "yes"): (0.732, 0.763),
    ("favourite_category", "children"): (0.235, 0.295),
    ("favourite_category", "small_appliances"): (0.183, 0.055),
    ("favourite_category", "home_textiles"): (0.180, 0.205),
    ("favourite_category", "cosmetics"): (0.156, 0.203),
    ("favourite_category", "beauty_appliances"): (0.153, 0.105),
    ("favourite_category", "kitchenware"): (0.093, 0.137),
}


@cache
def shop_of(customers: int) -> Shop:
    return simulate_customers(customers, unlabelled=0.15, seed=7)


def regular(shop: Shop) -> pd.DataFrame:
    faulty = shop.truth["quirk"].isin(["zero_months", "entry_error"])
    return shop.customers.assign(drop=shop.truth["drop"])[~faulty]


@pytest.fixture
def written(tmp_path: Path) -> dict[str, bytes]:
    files = {}
    for name, table in as_export(shop_of(1300), columns=COLUMNS, seed=7).items():
        write_export(table, tmp_path / name, **EXPORT_DIALECTS.get(name, {}))
        files[name] = (tmp_path / name).read_bytes()
    return files


def test_files_have_the_dialects_of_the_export(written):
    heads = {name: text.split(b"\r\n")[0].decode() for name, text in written.items()}
    assert heads["market_file"] == (
        "id,Покупательская активность,Тип сервиса,Разрешить сообщать,Маркет_актив_6_мес,"
        "Маркет_актив_тек_мес,Длительность,Акционные_покупки,Популярная_категория,"
        "Средний_просмотр_категорий_за_визит,Неоплаченные_продукты_штук_квартал,Ошибка_сервиса,"
        "Страниц_за_визит"
    )
    assert heads["market_money"] == "id,Период,Выручка"
    assert heads["market_time"] == "id,Период,минут"
    assert heads["money"] == "id;Прибыль"
    rows = {name: text.count(b"\r\n") for name, text in written.items()}
    assert rows == {
        "market_file": 1301,
        "market_money": 3901,
        "market_time": 2601,
        "money": 1301,
    }
    assert all(text.count(b"\n") == rows[name] for name, text in written.items())


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        (
            "market_file",
            r"\d+,(Снизилась|Прежний уровень|),(стандартт?|премиум),(да|нет),\d\.\d,[345],\d+,"
            r"0\.\d\d?,[А-Яа-я ]+,[1-6],\d+,\d,\d+",
        ),
        ("market_money", r"\d+,(препредыдущий|предыдущий|текущий)_месяц,\d+\.\d"),
        ("market_time", r"\d+,(предыдцщий|текущий)_месяц,\d+"),
        ("money", r"\d+;\d,\d\d?"),
    ],
)
def test_every_cell_is_spelled_as_in_the_export(written, name, pattern):
    rows = pd.Series(written[name].decode().split("\r\n")[1:-1])
    assert rows[~rows.str.fullmatch(pattern)].tolist() == []


def test_misspellings_are_counted(written):
    assert written["market_file"].decode().count("стандартт") == 10  # 0.8 % of 1,300
    time = written["market_time"].decode()
    assert time.count("предыдцщий_месяц") == 1300
    assert time.count("предыдущий_месяц") == 0


def test_each_month_comes_once_and_in_no_fixed_order():
    money = as_export(shop_of(1300), columns=COLUMNS, seed=7)["market_money"]
    by_customer = money.groupby("id")["Период"]
    assert (by_customer.nunique() == 3).all()
    assert by_customer.agg(",".join).nunique() == 6


@pytest.mark.parametrize(("customers", "pairs", "new"), [(60, 1, 1), (299, 7, 2), (1300, 8, 3)])
def test_quirks_are_counted(customers, pairs, new):
    shop = shop_of(customers)
    assert shop.truth["quirk"].value_counts().to_dict() == {
        "": customers - 2 * pairs - new - 1,
        "twin": 2 * pairs,
        "zero_months": new,
        "entry_error": 1,
    }
    behaviour = shop.customers[list(BEHAVIOUR)]
    twins = behaviour.duplicated(keep=False)
    assert twins.equals(shop.truth["quirk"] == "twin")
    assert behaviour.duplicated().sum() == pairs
    nothing = (shop.customers[["revenue_m2", "revenue_m1"]] == 0).all(axis=1)
    assert nothing.equals(shop.truth["quirk"] == "zero_months")
    assert (shop.customers.loc[shop.truth["quirk"] != "", "drop"] == 1).all()


def test_twins_are_drops_that_look_loyal_and_share_their_truth():
    shop = shop_of(1300)
    twins = shop.customers[shop.truth["quirk"] == "twin"]
    loyal = regular(shop).query("drop == 0")
    assert twins["pages_per_visit"].mean() > 0.8 * loyal["pages_per_visit"].mean()
    assert twins["minutes_m1"].mean() > 0.8 * loyal["minutes_m1"].mean()
    pairs = shop.truth.loc[twins.index, "probability"].groupby(
        twins[list(BEHAVIOUR)].astype(str).agg("|".join, axis=1)
    )
    assert pairs.size().tolist() == [2] * 8
    assert pairs.nunique().tolist() == [1] * 8
    # What their truth is in for: all dropped, though hardly one was likely to.
    assert pairs.first().mean() < 0.4


@pytest.mark.parametrize("customers", [1300, 20_000])
def test_a_robust_rule_finds_the_entry_error_and_nothing_else(customers):
    shop = shop_of(customers)
    for month in REVENUE:
        money = shop.customers.loc[shop.customers[month] > 0, month]
        distance = (money - money.median()).abs() / (money - money.median()).abs().median()
        far = distance[distance > 6.5].index.tolist()  # real: 5.1 at most, the error at 197
        wrong = shop.truth.index[shop.truth["quirk"] == "entry_error"].tolist()
        assert far == (wrong if month == "revenue_m0" else [])
        assert distance.max() > 60 or month != "revenue_m0"


def test_rows_are_sorted_by_label_and_ids_ascend_to_the_unlabelled():
    shop = shop_of(1300)
    assert shop.customers["customer_id"].is_monotonic_increasing
    assert shop.customers["customer_id"].is_unique
    labels = shop.customers["drop"].astype("string").fillna("").tolist()
    assert [a + b for a, b in pairwise(labels) if a != b] == ["10", "0"]
    assert labels.count("") == 195


def test_being_unlabelled_says_nothing():
    shop = shop_of(20_000)
    ahead = shop.customers["drop"].isna()
    assert shop.truth.loc[ahead, "drop"].mean() == pytest.approx(DROP_SHARE, abs=0.03)
    assert roc_auc_score(ahead, shop.truth["probability"]) == pytest.approx(0.5, abs=0.02)


def test_position_says_nothing_within_a_label():
    shop = shop_of(20_000)
    stays = shop.customers["drop"].eq(0).fillna(False).to_numpy()
    for column in ("pages_per_visit", "revenue_m0", "profit"):
        cells = shop.customers.loc[stays, column]
        assert cells.corr(pd.Series(cells.index, cells.index), method="spearman") == pytest.approx(
            0, abs=0.03
        )


@pytest.mark.parametrize("customers", [1300, 20_000])
def test_the_shape_of_each_class_is_the_real_one(customers):
    shop = regular(shop_of(customers))
    assert shop["drop"].mean() == pytest.approx(0.3815, rel=0.02)
    stay, drop = (shop[shop["drop"] == label] for label in (0, 1))
    found = {
        column: (*stay[column].agg(["mean", "std"]), *drop[column].agg(["mean", "std"]))
        for column in MEASURED
    }
    assert found == {column: pytest.approx(real, rel=0.1) for column, real in MEASURED.items()}
    shares = {
        (column, value): ((stay[column] == value).mean(), (drop[column] == value).mean())
        for column, value in MEASURED_SHARES
    }
    assert shares == {
        key: pytest.approx(real, rel=0.1, abs=0.01) for key, real in MEASURED_SHARES.items()
    }


def test_revenue_months_follow_one_another_and_promotion_has_two_peaks():
    shop = regular(shop_of(20_000))
    for _, customers in shop.groupby("drop"):
        months = customers[list(REVENUE)].corr()
        assert 0.75 < months.loc["revenue_m1", "revenue_m0"] < 0.9  # real: 0.80, 0.88
        assert 0.15 < months.loc["revenue_m2", "revenue_m1"] < 0.45  # real: 0.41, 0.31
    assert shop["promo_share"].between(0.5, 0.8).mean() < 0.01
    assert (shop["promo_share"] > 0.8).mean() == pytest.approx(0.132, abs=0.015)


def test_the_types_add_up():
    for leaving in (True, False):
        kinds = [kind for kind in TYPES if kind.leaving == leaving]
        assert sum(kind.weight for kind in kinds) == pytest.approx(1)


def test_the_truth_is_calibrated():
    table = shop_of(100_000).truth.query("quirk == ''")
    bands = table.groupby(pd.cut(table["probability"], np.linspace(0, 1, 11)))
    error = bands["drop"].mean() - bands["probability"].mean()
    noise = np.sqrt(bands["probability"].mean() * (1 - bands["probability"].mean()) / bands.size())
    assert (error.abs() < 4 * noise).all()
    assert bands.size().min() > 500


def test_the_truth_follows_from_the_exported_values_alone():
    shop = shop_of(1300)
    clean = shop.truth["quirk"].isin(["", "twin"])
    again = truth(shop.customers.loc[clean].reset_index(drop=True))
    stated = shop.truth.loc[clean].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, stated[again.columns])


def test_group_weights_add_up_to_the_log_odds_and_cover_every_column():
    table = shop_of(1300).truth
    sure = table["probability"].between(0.01, 0.99)
    weights = table.loc[sure].filter(like="weight_").sum(axis=1)
    log_odds = np.log(table["probability"] / (1 - table["probability"]))[sure]
    start = np.log(DROP_SHARE / (1 - DROP_SHARE))
    assert (start + weights).to_numpy() == pytest.approx(log_odds.to_numpy(), abs=2e-4)
    columns = [column for group in GROUP_COLUMNS.values() for column in group]
    assert sorted(columns) == sorted(BEHAVIOUR)


def test_behaviour_on_the_site_matters_most():
    weights = shop_of(20_000).truth.filter(like="weight_").abs().mean()
    assert weights.idxmax() == "weight_site"
    assert weights["weight_product"] > weights["weight_communication"]


@pytest.mark.parametrize(("column", "step"), [("unpaid_items", 1), ("pages_per_visit", -1)])
def test_mean_risk_does_not_fall_as_a_bad_sign_grows(column, step):
    clean = shop_of(20_000).truth["quirk"] == ""
    customers = shop_of(20_000).customers[clean].head(3000).reset_index(drop=True)
    low, high = FIGURES[column].low, FIGURES[column].high
    values = np.arange(low, high + 1)[::step]
    risks = [truth(customers.assign(**{column: value}))["probability"].mean() for value in values]
    assert (np.diff(risks) > -0.002).all()
    moved = customers.assign(**{column: (customers[column] + step).clip(low, high)})
    assert truth(moved)["probability"].mean() > truth(customers)["probability"].mean()


def test_best_reachable_score_and_what_a_linear_model_misses():
    shop = shop_of(20_000)
    rows = shop.truth["quirk"] == ""
    label = shop.truth.loc[rows, "drop"].to_numpy()
    columns = shop.customers.loc[rows, list(BEHAVIOUR)]
    numbers = columns.select_dtypes("number")
    categories = pd.get_dummies(columns.drop(columns=list(numbers)), dtype=float)
    rows_learnt = np.random.default_rng(0).random(len(label)) < 0.5
    X = np.column_stack([StandardScaler().fit_transform(numbers), categories])
    linear = LogisticRegression(max_iter=500).fit(X[rows_learnt], label[rows_learnt])
    told = roc_auc_score(label[~rows_learnt], linear.decision_function(X[~rows_learnt]))
    best = roc_auc_score(label[~rows_learnt], shop.truth.loc[rows, "probability"][~rows_learnt])
    assert best - told >= 0.02
    large = shop_of(100_000).truth
    assert roc_auc_score(large["drop"], large["probability"]) == pytest.approx(0.93, abs=0.005)


def test_the_same_params_give_the_same_shop_and_another_seed_another():
    one, two = (simulate_customers(300, unlabelled=0.2, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(one.customers, two.customers)
    pd.testing.assert_frame_equal(one.truth, two.truth)
    for name, table in as_export(one, columns=COLUMNS, seed=3).items():
        pd.testing.assert_frame_equal(table, as_export(two, columns=COLUMNS, seed=3)[name])
    other = simulate_customers(300, unlabelled=0.2, seed=4)
    assert not other.customers["pages_per_visit"].equals(one.customers["pages_per_visit"])


def test_too_few_customers_are_refused():
    with pytest.raises(ValueError, match="at least 60"):
        simulate_customers(59, unlabelled=0.15, seed=1)
