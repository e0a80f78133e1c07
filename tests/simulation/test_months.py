"""The simulated shop of months: lives that agree from folder to folder, and a known truth."""

from functools import cache
from itertools import pairwise
from math import erf, log, sqrt

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import beta
from sklearn.metrics import roc_auc_score

import answer
import simulate
from dictionary import COLUMNS
from helpers import project_params
from project import lay_fixtures
from retention.core.errors import InputError
from retention.core.params import Label, Simulate
from retention.core.vocabulary import REVENUE
from simulation.answers import protected_by
from simulation.life import CHAIN, LOW_REVENUE, REVENUE_LUCK, State, drop_probability
from simulation.month_exports import LABELS_FILE, write_months
from simulation.month_tables import RESTATED_BY, customers_of_months, truth_of_months
from simulation.months import HISTORY, RESTATED_SHARE, simulate_months, with_campaigns

LABEL = Label(horizon_months=3, base_months=3, drop_below=0.8, absent="zero")


def options(customers=800, months=8, season=0.0, drift=0.0, seed=3):
    return Simulate(
        customers=customers, unlabelled=0, months=months, season=season, drift=drift, seed=seed
    )


@cache
def life(customers=800, months=8, season=0.0, drift=0.0, seed=3):
    return simulate_months(options(customers, months, season, drift, seed))


def rows_of(shop, label=LABEL):
    """Exports of all months beside their truth; regular customers only."""
    exported = [table.assign(month=month) for month, table in customers_of_months(shop).items()]
    table = pd.concat(exported).merge(truth_of_months(shop, label), on=["customer_id", "month"])
    return table[(table[list(REVENUE)] > 0).all(axis=1)]


def covers(drops, count, chance):
    """Whether the 99.9 % Clopper-Pearson interval of a share holds its mean probability."""
    low = beta.ppf(0.0005, drops, count - drops + 1) if drops else 0.0
    high = beta.ppf(0.9995, drops + 1, count - drops) if drops < count else 1.0
    return low <= chance <= high


def test_first_months_do_not_depend_on_how_many_follow():
    short, long = (customers_of_months(life(months=months)) for months in (5, 8))
    assert list(short) == list(long)[:5] == [f"2025-{number:02}" for number in range(5, 10)]
    for month, table in short.items():
        pd.testing.assert_frame_equal(table, long[month])
    brief, full = (truth_of_months(life(months=months), LABEL) for months in (5, 8))
    told = brief[brief["drop"].notna()]
    assert told["month"].unique().tolist() == ["2025-05", "2025-06"]
    pd.testing.assert_frame_equal(told, full.head(len(told)))


def test_another_seed_is_another_life():
    other = customers_of_months(life(seed=4))["2025-08"]
    assert not other["revenue_m0"].equals(customers_of_months(life())["2025-08"]["revenue_m0"])


def test_a_month_is_told_alike_in_every_folder_but_for_what_is_restated():
    tables = {
        month: table.set_index("customer_id")
        for month, table in customers_of_months(life(20_000, months=4, season=0.3)).items()
    }
    restated = 0
    for (_, early), (_, late) in pairwise(tables.items()):
        both = early.index.intersection(late.index)
        assert len(both) > 19_000
        assert (early.loc[both, "minutes_m0"] == late.loc[both, "minutes_m1"]).all()
        assert (early.loc[both, "revenue_m1"] == late.loc[both, "revenue_m2"]).all()
        told, later = early.loc[both, "revenue_m0"], late.loc[both, "revenue_m1"]
        differ = told != later
        assert (later / told)[differ].to_numpy() == pytest.approx(RESTATED_BY, rel=1e-3)
        restated += differ.sum()
    assert restated / 60_000 == pytest.approx(RESTATED_SHARE, rel=0.3)


def test_customers_stay_arrive_and_leave_for_good():
    shop = life(5000, months=12)
    tables = customers_of_months(shop)
    ids = [set(table["customer_id"]) for table in tables.values()]
    assert {len(one) for one in ids} == {5000}
    for early, late in pairwise(ids):
        assert 0.005 < len(early - late) / 5000 < 0.03
    everyone, gone = set(ids[0]), set()
    for number, (month, table) in enumerate(tables.items()):
        gone |= everyone - ids[number]
        assert not gone & ids[number]
        newly = table[~table["customer_id"].isin(everyone)]
        assert len(newly) > 20 or not number
        assert (newly[["revenue_m2", "revenue_m1", "minutes_m1"]] == 0).all(axis=None)
        assert (newly["revenue_m0"] > 0).all()
        assert (newly["tenure_days"] < 31).all()
        assert table[table["customer_id"].isin(everyone)]["tenure_days"].min() >= 29 * bool(number)
        everyone |= ids[number]
        assert month == shop.months[number]


def test_the_shop_is_in_balance_from_its_first_month_on():
    tables = customers_of_months(life(20_000, months=12))
    first, last = tables["2025-05"], tables["2026-04"]
    for name in ("tenure_days", "revenue_m0", "pages_per_visit", "minutes_m0", "promo_share"):
        error = first[name].std() * sqrt(2 / 20_000)
        assert abs(first[name].mean() - last[name].mean()) < 4 * error, name
    assert (first["revenue_m2"] == 0).mean() == pytest.approx(
        (last["revenue_m2"] == 0).mean(), abs=0.006
    )


@pytest.mark.parametrize("state", [State.LOYAL, State.WARNING_2, State.LOW])
def test_probability_of_one_month_is_that_of_the_formula(state):
    base, below = 0.7, 0.9

    def under(part):
        return 0.5 + 0.5 * erf(
            (log(base * below / part) + REVENUE_LUCK**2 / 2) / REVENUE_LUCK / sqrt(2)
        )

    usual, low, gone = CHAIN[state, : State.LOW].sum(), CHAIN[state, State.LOW], CHAIN[state, -1]
    parts = usual * under(1.0) + low * under(LOW_REVENUE)
    asked = {"horizon": 1, "drop_below": below}
    told = drop_probability(np.array([state]), np.array([base]), absent="zero", **asked)
    assert told == pytest.approx([parts + gone], abs=2e-5)
    told = drop_probability(np.array([state]), np.array([base]), absent="unknown", **asked)
    assert told == pytest.approx([parts / (1 - gone)], abs=2e-5)


def test_probability_of_three_months_is_that_of_drawn_lives():
    rng = np.random.default_rng(5)
    draws = 200_000
    for state, base in ((State.LOYAL, 0.95), (State.WARNING_1, 1.1), (State.LOW, 0.5)):
        now, total = np.full(draws, state), np.zeros(draws)
        for _ in range(3):
            now = (rng.random(draws)[:, None] >= np.cumsum(CHAIN, axis=1)[now]).sum(axis=1)
            luck = np.exp(REVENUE_LUCK * rng.standard_normal(draws) - REVENUE_LUCK**2 / 2)
            total += np.array([1, 1, 1, 1, LOW_REVENUE, 0])[now] * luck
        came = (total / 3 < 0.8 * base).mean()
        asked = {"horizon": 3, "drop_below": 0.8, "absent": "zero"}
        told = drop_probability(np.array([state]), np.array([base]), **asked)[0]
        assert abs(told - came) < 4 * sqrt(told * (1 - told) / draws)


@pytest.mark.parametrize("label", [LABEL, LABEL.model_copy(update={"absent": "unknown"})])
def test_the_truth_is_calibrated(label):
    table = rows_of(life(40_000, months=4), label)
    table = table[table["month"] == "2025-05"]
    assert table["drop"].isna().any() == (label.absent == "unknown")
    table = table[table["drop"].notna()]
    bands = table.groupby(pd.qcut(table["probability"], 10))
    for _, band in bands:
        assert covers(band["drop"].sum(), len(band), band["probability"].mean())
    assert covers(table["drop"].sum(), len(table), table["probability"].mean())


def test_a_third_drops_and_the_truth_ranks_them_well_but_one_column_does_not():
    table = rows_of(life(20_000, months=4)).dropna(subset="drop")
    label = table["drop"].astype(int)
    assert 0.30 < label.mean() < 0.42
    assert 0.85 < roc_auc_score(label, table["probability"]) < 0.89
    ratio = table["revenue_m0"] / table[list(REVENUE)].mean(axis=1)
    assert roc_auc_score(label, -ratio) == pytest.approx(0.6, abs=0.02)


def test_the_outcome_is_that_of_the_revenue_that_came():
    tables = {
        month: table.set_index("customer_id")
        for month, table in customers_of_months(life(3000, months=7)).items()
    }
    truth = truth_of_months(life(3000, months=7), LABEL)
    for month, later in (("2025-05", "2025-08"), ("2025-08", "2025-11")):
        rows = truth[truth["month"] == month].set_index("customer_id")
        before = tables[month][list(REVENUE)].mean(axis=1)
        after = tables[later].reindex(before.index)[list(REVENUE)].mean(axis=1)
        stay = after.notna() & ((after / before - 0.8).abs() > 0.02)  # restated, rounded
        assert ((after < 0.8 * before) == (rows["drop"] == 1))[stay].all()
        assert stay.sum() > 2500
    assert truth.loc[truth["month"] > "2025-08", "drop"].isna().all()


def test_behaviour_warns_before_revenue_falls():
    table = rows_of(life(20_000, months=4))
    table = table[table["month"] == "2025-05"]
    pages = table.groupby("state")["pages_per_visit"].mean()
    assert pages["warning"] < 0.6 * pages["loyal"]
    assert pages["low"] == pytest.approx(pages["loyal"], rel=0.02)
    drops = table.groupby("state")["drop"].mean()
    assert drops["warning"] > 0.65
    assert drops["loyal"] < 0.2
    revenue = table.groupby("state")["revenue_m0"].mean()
    assert revenue["warning"] == pytest.approx(revenue["loyal"], rel=0.01)
    assert revenue["low"] == pytest.approx(LOW_REVENUE * revenue["loyal"], rel=0.02)


def test_behaviour_persists():
    early, late = (
        customers_of_months(life(5000))[month].set_index("customer_id")
        for month in ("2025-06", "2025-07")
    )
    both = early.index.intersection(late.index)
    assert (early.loc[both, "service"] == late.loc[both, "service"]).mean() > 0.98
    assert (early.loc[both, "consent"] == late.loc[both, "consent"]).all()
    assert (
        early.loc[both, "favourite_category"] == late.loc[both, "favourite_category"]
    ).mean() > 0.8
    assert 0.5 < early.loc[both, "pages_per_visit"].corr(late.loc[both, "pages_per_visit"]) < 0.8


def test_season_and_drift_change_what_they_name_and_no_drop():
    plain, moved = (
        customers_of_months(life(5000, months=12, season=season, drift=drift))
        for season, drift in ((0.0, 0.0), (0.4, 0.02))
    )
    truths = [
        truth_of_months(life(5000, months=12, season=season, drift=drift), LABEL)
        for season, drift in ((0.0, 0.0), (0.4, 0.02))
    ]
    pd.testing.assert_frame_equal(*truths)
    assert plain["2025-12"]["unpaid_items"].equals(moved["2025-12"]["unpaid_items"])

    def times(month, column):
        return moved[month][column].mean() / plain[month][column].mean()

    # The swing is greatest in December and least in June; 2 % a month since May 2025.
    assert times("2025-12", "revenue_m0") == pytest.approx(1.4, abs=0.005)
    assert times("2025-06", "revenue_m0") == pytest.approx(0.6, abs=0.005)
    assert times("2025-12", "revenue_m2") == pytest.approx(1 + 0.4 * np.sin(np.pi / 6), abs=0.005)
    assert times("2026-04", "pages_per_visit") == pytest.approx(1.02**11, abs=0.01)
    assert times("2025-12", "minutes_m0") == pytest.approx(1.4 * 1.02**7, abs=0.01)


def campaign(ids, arm="treatment", date="2025-08-01", offer="mail", horizon=3):
    listed = pd.DataFrame({"customer_id": [str(one) for one in ids], "arm": arm, "offer": offer})
    return listed.assign(risk=0.5, date=date, horizon=horizon)


def lived(shop, lists, effects, seed=1):
    return with_campaigns(shop, protected_by(shop, lists, effects, seed=seed))


def test_a_campaign_keeps_a_share_of_those_who_would_fall():
    shop = life(20_000)
    before, row = customers_of_months(shop), shop.row("2025-07")
    listed = campaign(before["2025-07"]["customer_id"])
    after = lived(shop, {"a": listed}, {"mail": 0.4})
    months = slice(row + 1, row + 4)
    who = np.isin(shop.ids, before["2025-07"]["customer_id"])
    # Whoever is usual all three months fell not; among those who would, two in five do not.
    falls = (shop.state[months] >= State.LOW).any(axis=0) & who
    kept = falls & (after.state[months] < State.LOW).all(axis=0)
    assert kept.sum() / falls.sum() == pytest.approx(0.4, abs=4 * sqrt(0.24 / falls.sum()))
    assert not ((after.state[months] >= State.LOW).any(axis=0) & who & ~falls).any()
    tables = customers_of_months(after)
    for month in ("2025-05", "2025-06", "2025-07"):
        pd.testing.assert_frame_equal(tables[month], before[month])
    assert len(tables["2025-08"]) > len(before["2025-08"])  # some of the kept would have left
    truth = truth_of_months(after, LABEL)
    assert (truth["month"] == "2025-07").sum() == 20_000


def test_a_campaign_with_full_effect_leaves_only_bad_luck():
    shop = life(20_000)
    ids = customers_of_months(shop)["2025-07"]["customer_id"]
    after = lived(shop, {"a": campaign(ids)}, {"mail": 1.0})
    share = {
        what: truth_of_months(one, LABEL).query("month == '2025-07'")["drop"].mean()
        for what, one in (("without", shop), ("with", after))
    }
    assert share["without"] > 0.3
    assert share["with"] < 0.06


def test_a_campaign_reaches_whom_it_treats_and_no_one_else():
    shop = life(5000)
    ids = customers_of_months(shop)["2025-07"]["customer_id"].to_numpy()
    control, treated = campaign(ids[:2000], arm="control"), campaign(ids[2000:4000])
    after = lived(shop, {"a": pd.concat([control, treated])}, {"mail": 1.0})
    changed = shop.ids[(after.state != shop.state).any(axis=0)]
    assert len(changed) > 200
    assert set(changed) <= set(ids[2000:4000])
    again = lived(shop, {"a": pd.concat([treated, control])}, {"mail": 1.0})
    assert (again.state == after.state).all()
    short = lived(shop, {"a": treated.assign(horizon=1)}, {"mail": 1.0})
    assert (short.state != after.state).any()


def test_campaigns_have_their_own_luck_and_offers_their_own_effect():
    shop = life(5000)
    ids = customers_of_months(shop)["2025-07"]["customer_id"].to_numpy()
    one = protected_by(shop, {"a": campaign(ids)}, {"mail": 0.5}, seed=1)
    two = protected_by(shop, {"b": campaign(ids)}, {"mail": 0.5}, seed=1)
    both = protected_by(shop, {"a": campaign(ids), "b": campaign(ids)}, {"mail": 0.5}, seed=1)
    assert one.any(axis=0).mean() == pytest.approx(0.5 * 5000 / len(shop.ids), abs=0.03)
    assert (both == one | two).all()
    assert (one != two).any()
    assert one.any(axis=1).tolist() == [
        month in ("2025-08", "2025-09", "2025-10") for month in (["", "", *list(shop.months)])
    ]
    nothing = protected_by(shop, {"a": campaign(ids, offer="cart")}, {"mail": 1, "cart": 0}, seed=1)
    assert not nothing.any()


def test_who_left_before_a_campaign_does_not_come_back():
    shop = life(5000)
    left = shop.ids[(shop.arrived <= HISTORY) & ~shop.is_there(shop.row("2025-07"))]
    assert len(left) > 100
    after = lived(shop, {"a": campaign(left)}, {"mail": 1.0})
    assert (after.state == shop.state).all()


def test_campaigns_that_cannot_be_answered():
    shop = life()
    with pytest.raises(InputError, match="campaign a: customer 7 is none of the simulated shop's"):
        protected_by(shop, {"a": campaign([7])}, {"mail": 0.1}, seed=1)
    with pytest.raises(
        InputError, match="--effect of mail is below 0; in months it is from 0 to 1"
    ):
        protected_by(shop, {"a": campaign(shop.ids[:3])}, {"mail": -0.1}, seed=1)


def test_labels_file_tells_the_known_outcomes_in_the_words_of_the_export(tmp_path):
    shop = life()
    truth = truth_of_months(shop, LABEL)
    write_months(shop, tmp_path, columns=COLUMNS, seed=1, last="2025-06", labels=truth)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2025-05", "2025-06"]
    labels = pd.read_csv(tmp_path / "2025-06" / LABELS_FILE)
    known = truth[truth["month"] == "2025-06"]
    assert labels["customer_id"].tolist() == known["customer_id"].tolist()
    words = known["drop"].map({1: "Снизилась", 0: "Прежний уровень"})
    assert labels["label"].tolist() == words.tolist()


@pytest.fixture
def project(tmp_path, monkeypatch):
    lay_fixtures(tmp_path)
    monkeypatch.chdir(tmp_path)

    def with_months(months):
        params = project_params()
        params["simulate"] |= {"customers": 200, "months": months, "seed": 2}
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        simulate.main()
        return tmp_path / "data/sample"

    return with_months


EXPORTS = ["market_file.csv", "market_money.csv", "market_time.csv", "money.csv"]


def test_simulate_writes_a_folder_a_month_and_leaves_no_other_exports(project):
    sample = project(1)
    assert sorted(path.name for path in sample.glob("market*")) == EXPORTS[:3]
    project(4)
    months = ["2025-05", "2025-06", "2025-07", "2025-08"]
    assert sorted(path.name for path in sample.iterdir()) == [
        *months,
        "suppression.csv",
        "truth.parquet",
    ]
    for month in months:
        assert sorted(path.name for path in (sample / month).iterdir()) == EXPORTS
    head = (sample / "2025-08/market_file.csv").read_text(encoding="utf-8").splitlines()[0]
    assert head.startswith("id,Тип сервиса,")
    assert "Покупательская активность" not in head
    truth = pd.read_parquet(sample / "truth.parquet")
    assert truth.groupby("month").size().to_dict() == dict.fromkeys(months, 200)
    project(1)
    assert sorted(path.name for path in sample.iterdir()) == [
        *EXPORTS,
        "suppression.csv",
        "truth.parquet",
    ]


def test_answer_writes_the_months_that_follow_a_campaign(project, monkeypatch, capsys):
    sample = project(6)
    listed = campaign(pd.read_csv(sample / "2025-07/market_file.csv")["id"])
    folder = sample.parents[1] / "campaigns/august"
    folder.mkdir(parents=True)
    listed.to_parquet(folder / "list.parquet")
    command = ["answer", "--months", "data/raw", "--last", "2025-09", "--effect", "mail=1"]
    monkeypatch.setattr("sys.argv", command)
    answer.main()
    assert capsys.readouterr().out == "data/raw: months up to 2025-09, 1 campaigns in them\n"
    raw = sample.parent / "raw"
    assert sorted(path.name for path in raw.iterdir()) == [f"2025-0{n}" for n in range(5, 10)]

    def alike(month):
        return {
            (raw / month / one).read_bytes() == (sample / month / one).read_bytes()
            for one in EXPORTS
        }

    assert [alike(month) for month in ("2025-05", "2025-06", "2025-07")] == [{True}] * 3
    assert False in alike("2025-09")
    money = [pd.read_csv(where / "2025-09/market_money.csv")["Выручка"] for where in (raw, sample)]
    assert money[0].mean() > 1.1 * money[1].mean()
    monkeypatch.setattr("sys.argv", [*command[:4], "2027-01"])
    with pytest.raises(SystemExit):
        answer.main()
    assert "month 2027-01 is none of the simulated shop's; valid: 2025-05 to 2025-10" in (
        capsys.readouterr().err
    )
