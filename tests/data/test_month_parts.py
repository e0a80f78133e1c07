"""The months of a shop in parts: prepared and put on their sides as in one part."""

import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import featurize
import prepare
from dictionary import AGE, COLUMNS
from helpers import project_params
from month_shop import MonthShop, month_shop
from month_tables import month_table
from part_runs import in_order
from parted import divide
from project import lay_fixtures
from retention.core import paths
from retention.core.files import read_parquet, write_parquet
from retention.core.hashing import part_numbers
from retention.core.id_order import are_numbers, ids_are_numbers
from retention.core.months import shifted
from retention.core.params import Features
from retention.core.part_names import clear_table, part_files
from retention.data.customer_parts import CustomerFiles, make_customers
from retention.data.customer_table import make_table
from retention.data.ledger import Ledger, histories_together, history_of, restated, told_twice
from retention.data.staying import staying_of, staying_together
from retention.data.study_rows import rows_to_study
from retention.data.treated import SentCampaign

RAW = Path("data/raw")
OLD = AGE.replace("group: person", "group: site")
PARAMS = Features(**project_params()["features"])


def change(file: str, **sections) -> None:
    path = Path(file)
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, changed in sections.items():
        params[name] |= changed
    path.write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")


def table(month: str, name: str) -> pd.DataFrame:
    return pd.read_csv(RAW / month / f"{name}.csv", dtype="str").fillna("")


def put(month: str, name: str, rows: pd.DataFrame) -> None:
    rows.to_csv(RAW / month / f"{name}.csv", index=False)


@pytest.fixture
def shop(tmp_path, monkeypatch) -> MonthShop:
    """Six months in which nearly everything is found that there is to find."""
    monkeypatch.chdir(tmp_path)
    lay_fixtures(tmp_path)
    Path("columns.yaml").write_text(Path("columns.yaml").read_text(encoding="utf-8") + OLD)
    change("params.yaml", data={"dir": str(RAW), "as_of": None}, train={"jobs": 2})
    shop = month_shop(90, 6)
    months, ids = shop.months, list(shop.there.index)
    shop.there.loc[ids[:5], months[3] :] = False  # they leave
    shop.there.loc[ids[5:8], : months[1]] = False  # they come
    shop.labels = {months[0]: {who: place % 2 for place, who in enumerate(ids[10:40])}}
    shop.labels[months[1]] = dict.fromkeys(ids[40:60], 1)  # labels.csv tells half of them anew
    shop.labels[months[5]] = dict.fromkeys(ids[20:24], 1)  # told before anybody can know
    shop.write(RAW)
    told = pd.DataFrame({"id": ids[30:80], "label": [str(place % 2) for place in range(50)]})
    told.loc[3, "label"] = "perhaps"
    told.loc[50] = ["999999", "1"]  # a stranger
    put(months[1], "labels", told)
    money = table(months[4], "market_money")  # some amounts are told anew, and one is none
    money.loc[money["id"].isin(ids[40:44]), "Выручка"] = "4321.5"
    money.loc[money["id"] == ids[50], "Выручка"] = "much"
    put(months[4], "market_money", money)
    file = table(months[2], "market_file")
    put(months[2], "market_file", file.assign(Возраст="33"))
    put(months[3], "market_file", table(months[3], "market_file").iloc[:, ::-1])
    for name in COLUMNS.tables:  # twins of the last month, wherever their ids put them
        rows = table(months[5], name)
        again = rows[rows["id"].isin(ids[60:66])]
        again = again.assign(id="10" + again["id"].str[1:])  # behind as a number, first as text
        put(months[5], name, pd.concat([rows, again]))
    return shop


def prepared(part_rows: int) -> tuple[dict, list[pd.DataFrame], list[bytes]]:
    """Return details, tables in the order of ids, and the texts that prepare writes."""
    change("params.yaml", prepare={"part_rows": part_rows})
    prepare.main()
    tables = [in_order(read_parquet(path)) for path in (paths.PREPARED, paths.SET_ASIDE)]
    texts = (paths.QUARANTINE, paths.READINESS.with_suffix(".csv"), paths.METRICS / "prepare.json")
    told = json.loads(paths.PREPARED_DETAILS.read_text(encoding="utf-8"))
    return told, tables, [path.read_bytes() for path in texts]


def name_anew(ids: str, shop: MonthShop) -> None:
    """Let ids be text in all months, or one of them in one month: some who is set aside then."""
    for path in sorted(RAW.glob("*/*.csv")) if ids == "text" else []:
        rows = table(path.parent.name, path.stem)
        put(path.parent.name, path.stem, rows.assign(id="k-" + rows["id"]))
    for name in COLUMNS.tables if ids == "one of text" else []:
        rows = table(shop.months[2], name)
        one = rows[rows["id"] == shop.there.index[70]].assign(id="k-77")
        one = one.assign(Выручка="0") if "Выручка" in one else one
        put(shop.months[2], name, pd.concat([rows, one]))


@pytest.mark.parametrize("ids", ["numbers", "text", "one of text"])
def test_prepared_in_parts_all_is_as_in_one(shop, ids):
    name_anew(ids, shop)
    details, tables, texts = prepared(10_000)
    found = {one["what"] for one in details["report"]}
    assert {"restated", "early_labels", "strangers", "twins", "broken", "other_outcome"} <= found
    assert tables[0]["label_source"].value_counts().index.tolist() == ["rule", "shop"]
    assert sum(details["months"]["label"]["agreement"][name] for name in ("both", "agree")) > 20
    assert tables[0].loc[tables[0]["month"] == shop.months[2], "age"].eq(33).all()
    for part_rows, count in ((200, 3), (80, 7)):
        again, others, texts_again = prepared(part_rows)
        assert len(part_files(paths.PREPARED)) == len(part_files(paths.SET_ASIDE)) == count
        assert again == details
        assert texts_again == texts
        for one, other in zip(tables, others, strict=True):
            pd.testing.assert_frame_equal(one, other)


@pytest.mark.usefixtures("shop")
def test_a_part_has_all_months_of_its_customers_by_month_and_id():
    prepared(200)
    for number, part in enumerate(part_files(paths.PREPARED)):
        rows = read_parquet(part)
        assert set(part_numbers(rows["customer_id"], count=3)) == {number}
        assert rows["month"].nunique() == 6
        by = rows.assign(id=rows["customer_id"].astype("int64")).sort_values(["month", "id"])
        assert by.index.tolist() == list(range(len(rows)))


def test_there_is_a_part_for_the_rows_of_all_months_together(shop):
    rows = sum(len(table(month, "market_file")) for month in shop.months)
    for part_rows, count in ((rows, 1), (rows - 1, 2), (rows // 2, 3 if rows % 2 else 2)):
        prepared(part_rows)
        assert len(part_files(paths.PREPARED)) == count
        assert Path(paths.PREPARED).is_dir() == (count > 1)


def test_a_refused_shop_leaves_no_part(shop, capsys):
    month = shop.months[5]
    for name in COLUMNS.tables:
        put(month, name, table(shop.months[4], name))
    with pytest.raises(SystemExit):
        prepared(200)
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith(
        f"{shop.months[4]} and {month} hold the same exports; each month needs its own"
    )
    assert not paths.PREPARED.exists()
    assert not paths.SET_ASIDE.exists()


@pytest.mark.parametrize("ids", ["numbers", "one of text"])
def test_of_twins_the_same_is_scored_in_parts(shop, ids):
    name_anew(ids, shop)
    found = []
    for part_rows in (10_000, 200, 80):
        prepared(part_rows)
        featurize.main()
        found.append(in_order(read_parquet(paths.FEATURES)))
        told = json.loads(paths.FEATURES_DETAILS.read_text(encoding="utf-8"))
        assert told["months"]["numeric_ids"] == (ids == "numbers")
        assert ids_are_numbers(paths.FEATURES, paths.LEFT_OUT) == (ids == "numbers")
    pd.testing.assert_frame_equal(found[0], found[1])
    pd.testing.assert_frame_equal(found[0], found[2])
    others = found[0].loc[~found[0]["scored"], "customer_id"]
    assert others.str.startswith("10").all() == (ids == "numbers")
    assert len(others) == 6
    assert are_numbers((paths.FEATURES, paths.LEFT_OUT))  # who is no number is in neither


def test_featurize_tells_of_campaigns_by_the_ids_of_all_parts(shop, capsys):
    sent = pd.DataFrame({"customer_id": shop.there.index[:40], "offer": "discount", "risk": 0.5})
    sent["arm"] = ["treatment", "control"] * 20
    Path("campaigns/spring").mkdir(parents=True)
    sent = sent.assign(date=f"{shop.months[1]}-01", horizon=3)
    sent.to_parquet("campaigns/spring/list.parquet", index=False)
    found = []
    for part_rows in (10_000, 80):
        prepared(part_rows)
        capsys.readouterr()
        featurize.main()
        line = "featurize: campaign spring: the exports know 40 of 40 customers"
        assert line in capsys.readouterr().out.splitlines()
        rows = in_order(read_parquet(paths.FEATURES))
        found.append((rows, paths.FEATURES_DETAILS.read_text(encoding="utf-8")))
    (one, details), (other, again) = found
    pd.testing.assert_frame_equal(one, other)
    assert again == details
    assert (one["split"] == "treated").sum() > 20
    assert (~one["scored"]).sum() == 6  # the twins of the last month


def ledgers(customers: int, months: int, seed: int) -> dict[str, Ledger]:
    """Return what each month's export tells of itself and the two months before."""
    rng, names = np.random.default_rng(seed), [shifted("2026-01", by) for by in range(months)]
    truth = {shifted("2026-01", by): rng.lognormal(5, 1, customers) for by in range(-2, months)}
    ids, found = np.array([f"c{number}" for number in range(customers)], dtype=object), {}
    for month in names:
        here = rng.random(customers) < 0.9
        columns = [shifted(month, -by) for by in (2, 1, 0)]
        amounts = pd.DataFrame({name: truth[name][here] for name in columns}, ids[here])
        anew = rng.random(amounts.shape) < 0.1
        amounts = amounts.mask(anew, amounts * 2).mask(rng.random(amounts.shape) < 0.1)
        found[month] = Ledger(amounts, amounts.notna() | (rng.random(amounts.shape) < 0.5))
    return found


def some(months: dict[str, Ledger], which: np.ndarray) -> dict[str, Ledger]:
    """Return the ledgers of those customers whose number is among `which`."""
    ids = [f"c{number}" for number in which]
    return {
        month: Ledger(*(one[one.index.isin(ids)] for one in (told.amounts, told.has_row)))
        for month, told in months.items()
    }


@pytest.fixture
def halves():
    months = ledgers(80, 6, seed=3)
    return months, [some(months, np.arange(start, 80, 3)) for start in range(3)]


def test_what_everyone_spent_is_known_from_parts(halves):
    months, parts = halves
    whole = history_of(months)
    found = histories_together([history_of(part) for part in parts])
    for number in range(6):
        pd.testing.assert_frame_equal(found.known_by(number), whole.known_by(number))
    pd.testing.assert_frame_equal(found.latest.has_row, whole.latest.has_row)
    # An amount that only a later export tells is not known before it.
    first = next(iter(months.values())).amounts
    early = whole.known_by(0)
    assert early.columns.tolist() == first.columns.tolist()
    assert (early.notna() == first.notna().loc[early.index]).all(axis=None)
    assert not early.equals(first.loc[early.index])  # later exports tell some of them anew


def test_a_ledger_stays_itself_as_one_table(halves, tmp_path):
    ledger = next(iter(halves[0].values()))
    ledger.as_one().to_feather(tmp_path / "one.arrow")
    again, how = Ledger.of_one(pd.read_feather(tmp_path / "one.arrow")), {"check_index_type": False}
    pd.testing.assert_frame_equal(again.amounts, ledger.amounts, **how)
    pd.testing.assert_frame_equal(again.has_row, ledger.has_row, **how)


def test_amounts_told_anew_are_counted_from_parts(halves):
    months, parts = halves
    whole = restated([told_twice(months, "market_money")])
    assert restated([told_twice(part, "market_money") for part in parts]) == whole
    assert [one["differ"] > 0 for one in whole] == [True] * 10
    by_hand = months["2026-02"].amounts["2026-01"] / months["2026-01"].amounts["2026-01"]
    assert whole[1]["ratio"] == pytest.approx(by_hand.dropna().median())
    assert whole[1]["compared"] == by_hand.notna().sum()


def test_who_stays_is_counted_from_parts(halves):
    months, parts = halves

    def staying(of):
        return staying_of({month: one.amounts.index for month, one in of.items()}, of)

    whole = staying_together([staying(months)])
    assert staying_together([staying(part) for part in parts]) == whole
    one, other = months["2026-01"].amounts.index, months["2026-02"].amounts.index
    assert (whole[0].before, whole[0].stayed) == (len(one), one.isin(other).sum())


def campaigns(customers: pd.DataFrame) -> list[SentCampaign]:
    ids = sorted(set(customers.loc[customers["month"] == "2025-08", "customer_id"]))[::4]
    treatment = np.arange(len(ids)) % 3 > 0
    day = pd.Timestamp("2025-09-01")
    listed = {"treatment": treatment, "start": day, "end": day + pd.DateOffset(months=3)}
    index = pd.Index(ids, name="customer_id")
    without = SentCampaign("without", pd.DataFrame(listed | {"treatment": True}, index)[-5:])
    return [without, SentCampaign("spring", pd.DataFrame(listed, index))]


def make(customers: pd.DataFrame, params: Features, count: int, jobs: int = 1):
    files = CustomerFiles(*(Path(name) for name in ("kept", "aside", "features", "left_out")))
    aside = pd.DataFrame({"month": ["2025-05", "2026-01"], "customer_id": ["7", "8"], "reason": ""})
    for rows, path in ((customers, files.customers), (aside, files.set_aside)):
        clear_table(path)
        write_parquet(rows, path)
        divide(path, count)
    how = {"columns": COLUMNS, "horizon": 3, "campaigns": campaigns(customers), "jobs": jobs}
    studied = make_customers(files, params, **how)
    assert read_parquet(files.left_out)["customer_id"].tolist() == ["8"]
    return in_order(read_parquet(files.features)), studied


@pytest.mark.parametrize("known", [True, False])
def test_sides_twins_and_samples_of_months_are_those_of_one_table(tmp_path, monkeypatch, known):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "RETENTION_ENGINE", "loop")
    customers = month_table(9, 110)
    again = customers[customers["customer_id"].isin(customers["customer_id"].unique()[:25])]
    again = again.assign(customer_id="5" + again["customer_id"])
    customers = pd.concat([customers, again]).sort_values(["month", "customer_id"], kind="stable")
    customers = customers.reset_index(drop=True).astype({"position": "float64"})
    if not known:
        customers["drop"] = pd.array([None] * len(customers), dtype="Int8")
    sample = PARAMS.model_copy(update={"sample": 60})
    whole, studied = make(customers, sample, 1)
    made = make_table(customers, sample, columns=COLUMNS, horizon=3, campaigns=campaigns(customers))
    expected = rows_to_study(made, customers["position"], sample)
    assert studied.customers == expected.customers
    for count, jobs in ((3, 1), (7, 2)):
        found, parted = make(customers, sample, count, jobs)
        pd.testing.assert_frame_equal(found, whole)
        assert parted.months == studied.months == made.months | {"numeric_ids": True}
        assert (parted.customers, parted.twins) == (studied.customers, studied.twins)
        assert parted.teaches == known
        assert (parted.drops, parted.taught) == pytest.approx((studied.drops, studied.taught))
        names = list(studied.seen)
        pd.testing.assert_frame_equal(
            parted.seen[names].reset_index(drop=True), studied.seen.reset_index(drop=True)
        )
    assert made.months["gaps"] == ["without"]
    assert studied.twins > 100
    assert len(studied.seen) >= 60
    split = partial(whole["split"].eq)
    assert split("treated").sum() > 30
    assert split("train").any() == known
