"""A folder for each month: read by itself, outcomes from the shop or by the rule, nobody lost."""

import json
import os
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import prepare
from dictionary import AGE, COLUMNS
from helpers import cells_of
from month_shop import MonthShop, month_shop
from project import lay_fixtures
from retention.core.months import last_day, shifted
from retention.core.params import load_params
from retention.core.vocabulary import IDENTITY
from retention.data.month_preparation import prepare_months
from retention.data.month_reading import read_months

LABEL = "Покупательская активность"
RAW = Path("data/raw")


class MonthRun:
    """A folder with the fixtures, whose data.dir holds months; files may be changed after write."""

    def __init__(self, folder: Path, shop: MonthShop):
        self.folder, self.shop = folder, shop
        lay_fixtures(folder)
        self.param("  dir: data/sample", f"  dir: {RAW}")
        self.param("  as_of: '2026-11-01'", "  as_of:")

    def param(self, old: str, new: str) -> None:
        path = self.folder / "params.yaml"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, old
        path.write_text(text.replace(old, new), encoding="utf-8")

    def day(self, as_of: str) -> None:
        """Set the day of the data."""
        self.param("  as_of:\n", f"  as_of: '{as_of}'\n")

    def write(self) -> "MonthRun":
        shutil.rmtree(self.folder / RAW, ignore_errors=True)
        self.shop.write(self.folder / RAW)
        return self

    def table(self, month: str, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / RAW / month / f"{name}.csv", dtype="str").fillna("")

    def put(self, month: str, name: str, rows: pd.DataFrame, **how) -> None:
        rows.to_csv(self.folder / RAW / month / f"{name}.csv", index=False, **how)

    def respell(self, months: Sequence[str], prefix: str) -> None:
        """Put a prefix before every id of some months."""
        for month in months:
            for name in COLUMNS.tables:
                rows = self.table(month, name)
                self.put(month, name, rows.assign(id=prefix + rows["id"]))

    def run(self) -> "MonthRun":
        prepare.main()
        prepared = self.folder / "data/prepared"
        self.customers = pd.read_parquet(prepared / "customers.parquet")
        self.aside = pd.read_parquet(prepared / "set_aside.parquet")
        self.readiness = pd.read_parquet(prepared / "readiness.parquet")
        self.quarantine = cells_of(prepared / "quarantine.csv")
        self.details = json.loads((prepared / "details.json").read_text(encoding="utf-8"))
        self.months = self.details["months"]
        counted = self.months["by_month"]
        for month, rows in self.customers.groupby("month"):
            told = counted[month]
            assert told["customers_kept"] + sum(told["set_aside"].values()) == told["customers_in"]
            assert sum(told["labels"].values()) == len(rows) == sum(told["kept"].values())
            assert told["labels"]["unknown"] == told["kept"]["score"] == rows["drop"].isna().sum()
        assert sum(self.months["label"]["unknown"].values()) == self.details["kept"]["score"]
        assert len(self.customers) + len(self.aside) == self.details["customers_in"]
        return self

    def refused(self, capsys: pytest.CaptureFixture) -> str:
        """Run prepare, which must stop with one line; return the line."""
        with pytest.raises(SystemExit) as stopped:
            prepare.main()
        assert stopped.value.code == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert not (self.folder / "data/prepared/customers.parquet").exists()
        return line

    def found(self, what: str) -> list[tuple[str, str, str, int, str]]:
        rows = self.readiness[self.readiness["what"] == what]
        columns = ["month", "level", "file", "count", "text"]
        return list(rows[columns].itertuples(index=False, name=None))

    def row(self, month: str, customer: str) -> pd.Series:
        table = self.customers
        return table[(table["month"] == month) & (table[IDENTITY] == customer)].iloc[0]


@pytest.fixture
def run(tmp_path, monkeypatch) -> MonthRun:
    monkeypatch.chdir(tmp_path)
    return MonthRun(tmp_path, month_shop(70, 6))


def by_hand(run: MonthRun, month: str, customer: str) -> int:
    """Return what the rule calls a customer of a shop whom every export has."""
    season = run.months["by_month"][month]["season"]

    def indexed(by: int) -> float:
        of = shifted(month, by)
        return run.shop.revenue.loc[customer, of] / season[of]

    after = statistics.mean(map(indexed, (1, 2, 3)))
    return int(after < 0.8 * statistics.mean(map(indexed, (0, -1, -2))))


def test_a_row_is_known_as_its_own_month_has_it(run):
    found = run.write().run()
    shop, table = run.shop, found.customers
    assert table.columns[:3].tolist() == ["month", "customer_id", "drop"]
    assert table.columns[-3:].tolist() == ["profit", "position", "label_source"]
    assert table["month"].tolist() == [month for month in shop.months for _ in range(70)]
    ids = shop.customers["customer_id"].astype(str).tolist()
    assert table["customer_id"].tolist() == ids * 6
    for month, rows in table.groupby("month"):
        for by in (0, 1, 2):
            told = shop.revenue[shifted(month, -by)]
            assert rows[f"revenue_m{by}"].tolist() == told.tolist()
        assert rows["position"].tolist() == list(range(2, 72))


def test_outcomes_follow_the_rule_once_three_months_are_there(run):
    run.shop.revenue["2026-04"] = (run.shop.revenue["2026-04"] * 1.7).round(1)  # a season
    table = run.write().run().customers
    ripe = table["month"] <= "2026-03"
    assert table.loc[~ripe, ["drop", "label_source"]].isna().all(axis=None)
    assert set(table.loc[ripe, "label_source"]) == {"rule"}
    expected = [by_hand(run, *row) for row in table.loc[ripe, ["month", IDENTITY]].to_numpy()]
    assert table.loc[ripe, "drop"].tolist() == expected
    assert 15 < sum(expected) < 120
    label = run.months["label"]
    assert label["unknown"] == {"ahead": 210, "no_base": 0, "absent": 0, "unclear": 0}
    assert label["season"]["2026-04"] > 1.4
    assert label["agreement"] is None
    assert run.details["as_of"] == "2026-06-30"
    assert run.months["last"] == "2026-06"


def test_a_planted_halving_is_a_drop_and_nothing_else_is(run):
    shop = run.shop
    shop.revenue.loc[:, :] = 1000.0
    halved = shop.revenue.index[:10]
    shop.revenue.loc[halved, "2026-03":] = 500.0
    table = run.write().run().customers
    known = table[table["drop"].notna()]
    drops = known[known["drop"] == 1]
    # Of January one month of three is halved after (0.67 and less), of March none of it is left.
    assert set(drops["customer_id"]) == set(halved)
    assert drops["month"].value_counts().to_dict() == {"2026-01": 10, "2026-02": 10, "2026-03": 10}


def test_the_base_and_the_horizon_follow_params(run):
    run.param("are there.\n  horizon_months: 3", "are there.\n  horizon_months: 1")
    run.param("  base_months: 3", "  base_months: 1")
    found = run.write().run()
    known = found.customers[found.customers["drop"].notna()]
    assert sorted(set(known["month"])) == run.shop.months[:-1]
    for row in known.itertuples():
        season = found.months["by_month"][row.month]["season"]
        now, then = (
            run.shop.revenue.loc[row.customer_id, of] / season[of]
            for of in (row.month, shifted(row.month, 1))
        )
        assert row.drop == (then < 0.8 * now)


def test_months_before_the_first_export_are_no_base(run):
    run.param("  base_months: 3", "  base_months: 4")
    found = run.write().run()
    by_month = found.months["by_month"]
    assert [by_month[month]["labels"]["rule"] for month in run.shop.months] == [0, 70, 70, 0, 0, 0]
    assert found.months["label"]["unknown"]["no_base"] == 70


@pytest.mark.parametrize("absent", ["zero", "unknown"])
def test_whom_later_exports_lack_is_never_lost(run, absent):
    run.param("  absent: zero", f"  absent: {absent}")
    who = run.shop.there.index[5]
    run.shop.there.loc[who, "2026-04":] = False
    found = run.write().run()
    assert found.customers.loc[found.customers[IDENTITY] == who, "month"].tolist() == [
        "2026-01",
        "2026-02",
        "2026-03",
    ]
    drops = [found.row(month, who)["drop"] for month in ("2026-02", "2026-03")]
    by_month = found.months["by_month"]
    assert [by_month[month]["absent"] for month in run.shop.months] == [1, 1, 1, 0, 0, 0]
    assert found.months["label"]["absent_customers"] == 3
    if absent == "zero":
        assert drops == [1, 1]
        assert found.months["label"]["unknown"]["absent"] == 0
    else:
        assert all(pd.isna(drop) for drop in drops)
        assert found.months["label"]["unknown"]["absent"] == 3
        assert found.row("2026-03", run.shop.there.index[6])["label_source"] == "rule"


@pytest.mark.parametrize("written", ["", "much"])
def test_a_later_cell_that_is_empty_or_broken_is_no_zero(run, written):
    run.write()
    who = run.shop.there.index[5]
    for month in ("2026-04", "2026-05", "2026-06"):  # the exports that tell of April
        rows = run.table(month, "market_money")
        april = {
            "2026-04": "текущий_месяц",
            "2026-05": "предыдущий_месяц",
            "2026-06": "препредыдущий_месяц",
        }[month]
        rows.loc[(rows["id"] == who) & (rows["Период"] == april), "Выручка"] = written
        run.put(month, "market_money", rows)
    found = run.run()
    assert pd.isna(found.row("2026-01", who)["drop"])
    assert found.months["label"]["unknown"]["unclear"] == 3  # of January, February and March
    assert found.months["label"]["absent_customers"] == 0
    assert len(found.quarantine) == (3 if written else 0)
    assert found.quarantine["month"].tolist() == (["2026-04", "2026-05", "2026-06"] * bool(written))


def test_the_later_export_rules_outcomes_and_never_features(run):
    plain = run.write().run().customers
    dropped = (plain["month"] == "2026-01") & (plain["drop"] == 1)
    who = plain.loc[dropped, IDENTITY].iloc[0]
    rows = run.table("2026-05", "market_money")  # it tells April anew
    chosen = (rows["id"] == who) & (rows["Период"] == "предыдущий_месяц")
    rows.loc[chosen, "Выручка"] = "90000"
    run.put("2026-05", "market_money", rows)
    late = run.table("2026-06", "market_money")
    late = late[~((late["id"] == who) & (late["Период"] == "препредыдущий_месяц"))]
    run.put("2026-06", "market_money", late)
    found = run.run()
    assert found.row("2026-04", who)["revenue_m0"] == run.shop.revenue.loc[who, "2026-04"]
    assert found.row("2026-01", who)["drop"] == 0
    of_april = [
        one
        for one in found.months["restated"]
        if one["calendar_month"] == "2026-04" and one["table"] == "market_money"
    ]
    assert [(one["earlier"], one["later"], one["compared"], one["differ"]) for one in of_april] == [
        ("2026-04", "2026-05", 70, 1),
        ("2026-05", "2026-06", 69, 0),
    ]
    gap = 90_000 - run.shop.revenue.loc[who, "2026-04"]
    assert of_april[0]["largest"] == pytest.approx(gap)
    assert found.found("restated") == [
        (
            "2026-05",
            "warning",
            "market_money.csv",
            1,
            "1 amounts of 2026-04 are others than in the export of the month before",
        )
    ]
    others = found.customers[found.customers[IDENTITY] != who].reset_index(drop=True)
    before = plain[plain[IDENTITY] != who].reset_index(drop=True)
    assert others["revenue_m0"].equals(before["revenue_m0"])


def test_minutes_in_seconds_from_some_month_on_show_as_a_ratio_of_sixty(run):
    run.write()
    rows = run.table("2026-04", "market_time")
    rows["минут"] = (rows["минут"].astype(float) * 60).astype(str)
    run.put("2026-04", "market_time", rows)
    ratios = {
        (one["calendar_month"], one["later"]): one["ratio"]
        for one in run.run().months["restated"]
        if one["table"] == "market_time"
    }
    assert ratios["2026-03", "2026-04"] == 60
    assert ratios["2026-04", "2026-05"] == pytest.approx(1 / 60, abs=1e-5)
    assert ratios["2026-02", "2026-03"] == 1


def test_an_export_without_the_column_of_outcomes_is_one_whose_outcomes_are_empty(run):
    plain = run.write().run().customers
    for month in run.shop.months[2:4]:
        run.put(month, "market_file", run.table(month, "market_file").drop(columns=LABEL))
    found = run.run()
    pd.testing.assert_frame_equal(found.customers, plain)
    assert [(month, level) for month, level, *_ in found.found("no_label_column")] == [
        ("2026-03", "advice"),
        ("2026-04", "advice"),
    ]
    differs = {month: one["differs"] for month, one in found.months["by_month"].items()}
    assert differs["2026-03"]["lacks"] == ["market_file: drop"]
    assert differs["2026-05"]["adds"] == ["market_file: drop"]
    assert differs["2026-04"] == {"lacks": [], "adds": [], "spells": [], "words": {}}


def test_the_shop_s_own_outcome_stands_before_the_rule_s(run):
    ids = run.shop.there.index
    run.shop.labels = {"2026-01": {who: place % 2 for place, who in enumerate(ids)}}
    found = run.write().run()
    january = found.customers[found.customers["month"] == "2026-01"]
    assert set(january["label_source"]) == {"shop"}
    assert january["drop"].tolist() == [place % 2 for place in range(70)]
    rule = [by_hand(run, "2026-01", who) for who in ids]
    agree = sum(one == place % 2 for place, one in enumerate(rule))
    told = found.months["label"]["agreement"]
    assert (told["both"], told["agree"]) == (70, agree)
    assert told["share_low"] < told["share"] < told["share_high"]
    by_chance = 0.5 * statistics.mean(rule) + 0.5 * (1 - statistics.mean(rule))
    assert told["kappa"] == pytest.approx((agree / 70 - by_chance) / (1 - by_chance), abs=1e-6)


@pytest.mark.parametrize(
    ("header", "words", "how"),
    [
        ("customer_id,label", ("1", "0"), {}),
        ("id;Покупательская_активность", ("Снизилась", "прежний уровень"), {"encoding": "cp1251"}),
        ("customer_id\tdrop", ("declined", "same"), {"encoding": "utf-16"}),
    ],
)
def test_outcomes_that_arrive_later_in_any_dialect(run, header, words, how):
    separator = next(mark for mark in ",;\t" if mark in header)
    run.day("2026-09-30")
    ids = run.shop.there.index
    run.shop.labels = {"2026-05": dict.fromkeys(ids[:3], 1)}
    run.write()
    told = {who: place % 2 for place, who in enumerate(ids[1:50])}
    lines = [f"{who}{separator}{words[0] if drop else words[1]}" for who, drop in told.items()]
    text = "\n".join([header, *lines, f"{ids[60]}{separator}"]) + "\n"
    (RAW / "2026-05/labels.csv").write_text(text, **how)
    found = run.run()
    rows = found.customers[found.customers["month"] == "2026-05"].set_index(IDENTITY)
    assert rows.loc[ids[1:50], "drop"].tolist() == list(told.values())
    assert rows.loc[ids[0], "drop"] == 1  # the export alone tells it
    assert rows.loc[ids[50:], "drop"].isna().all()
    assert found.months["by_month"]["2026-05"]["labels"] == {"shop": 50, "rule": 0, "unknown": 20}
    assert found.found("other_outcome") == [
        (
            "2026-05",
            "warning",
            "labels.csv",
            1,
            f"1 customers have another outcome than in the export, such as {ids[1]}; this file "
            "is the later one and counts",
        )
    ]
    assert found.months["label"]["agreement"] is None


def test_outcomes_of_strangers_are_named_and_left_out(run):
    run.day("2026-09-30")
    run.write()
    ids = [*run.shop.there.index[:39], "999999"]
    run.put("2026-05", "labels", pd.DataFrame({"customer_id": ids, "label": "1"}))
    found = run.run()
    assert found.found("strangers") == [
        (
            "2026-05",
            "warning",
            "labels.csv",
            1,
            "1 customers are not in the month's export, such as 999999; left out",
        )
    ]
    told = found.months["by_month"]["2026-05"]
    assert told["labels"] == {"shop": 39, "rule": 0, "unknown": 31}
    assert told["customers_in"] == 70
    assert "999999" not in set(found.customers[IDENTITY]) | set(found.aside[IDENTITY])


def test_outcomes_that_contradict_each_other_are_in_quarantine_and_unknown(run):
    run.day("2026-09-30")
    run.write()
    ids = run.shop.there.index[:60]
    rows = pd.DataFrame({"customer_id": ids, "label": "1"})
    rows = pd.concat([rows, pd.DataFrame({"customer_id": [ids[3]], "label": ["0"]})])
    run.put("2026-05", "labels", rows)
    found = run.run()
    told = found.quarantine[["month", "file", "line", "customer_id", "rule"]].to_numpy().tolist()
    assert told == [
        ["2026-05", "labels.csv", line, ids[3], "must stand once"] for line in ("5", "62")
    ]
    assert found.details["quarantined_rows"] == 2
    assert pd.isna(found.row("2026-05", ids[3])["drop"])
    assert found.row("2026-05", ids[4])["drop"] == 1


def test_outcomes_told_before_their_months_are_over_are_left_out(run):
    ids = run.shop.there.index
    run.shop.labels = {month: dict.fromkeys(ids[:30], 0) for month in run.shop.months[1:4]}
    run.write()
    run.put("2026-06", "labels", pd.DataFrame({"customer_id": ids[:9], "label": "1"}))
    found = run.run()
    labels = {month: one["labels"] for month, one in found.months["by_month"].items()}
    assert labels["2026-03"] == {"shop": 30, "rule": 40, "unknown": 0}
    assert labels["2026-04"] == labels["2026-06"] == {"shop": 0, "rule": 0, "unknown": 70}
    text = "outcomes are told before their months are over, on {}; left out until data.as_of"
    assert [(month, level, count) for month, level, _, count, _ in found.found("early_labels")] == [
        ("2026-04", "warning", 30),
        ("2026-06", "warning", 9),
    ]
    assert text.format("2026-07-31") in found.found("early_labels")[0][4]
    run.day("2026-07-31")
    found = run.run()
    assert found.months["by_month"]["2026-04"]["labels"]["shop"] == 30
    assert [month for month, *_ in found.found("early_labels")] == ["2026-06"]


def test_a_file_of_outcomes_may_have_no_rows_yet(run):
    plain = run.write().run().customers
    (RAW / "2026-02/labels.csv").write_text("customer_id,label\n")
    pd.testing.assert_frame_equal(run.run().customers, plain)


def test_whoever_is_set_aside_has_no_row_and_an_outcome_all_the_same(run):
    who, other = run.shop.revenue.index[[5, 6]]
    run.shop.revenue.loc[who, "2026-04"] = 0.0  # not a regular customer from April to June
    run.shop.revenue.loc[other, "2026-04":] = 0.0
    found = run.write().run()
    rows = found.customers
    assert rows.loc[rows[IDENTITY] == who, "month"].tolist() == ["2026-01", "2026-02", "2026-03"]
    assert found.aside.loc[found.aside[IDENTITY] == who, "month"].tolist() == [
        "2026-04",
        "2026-05",
        "2026-06",
    ]
    assert set(found.aside["reason"]) == {"not_regular"}
    assert found.row("2026-03", who)["drop"] == by_hand(run, "2026-03", who)
    assert found.row("2026-03", other)["drop"] == 1


def test_optional_columns_that_some_months_lack_are_kept(run):
    columns = Path("columns.yaml")
    columns.write_text(
        columns.read_text(encoding="utf-8") + AGE.replace("group: person", "group: site"),
        encoding="utf-8",
    )
    run.write()
    for month in ("2026-02", "2026-03"):
        rows = run.table(month, "market_file").assign(Возраст="40")
        run.put(month, "market_file", rows)
    found = run.run()
    assert found.customers.groupby("month")["age"].mean().tolist()[1:3] == [40, 40]
    assert found.customers.groupby("month")["age"].count().tolist() == [0, 70, 70, 0, 0, 0]
    assert [month for month, *_ in found.found("absent_in_month")] == [
        "2026-01",
        "2026-04",
        "2026-05",
        "2026-06",
    ]
    assert found.found("absent_column") == []
    differs = {month: one["differs"] for month, one in found.months["by_month"].items()}
    assert differs["2026-02"]["adds"] == ["market_file: age"]
    assert differs["2026-04"]["lacks"] == ["market_file: age"]
    run.write()
    found = run.run()
    assert "age" not in found.customers
    assert len(found.found("absent_column")) == 6


def test_months_in_two_dialects_are_each_read_in_its_own(run):
    plain = run.write().run().customers
    for table in ("market_file", "market_money", "market_time", "money"):
        rows = run.table("2026-03", table)
        commas = rows.map(lambda cell: cell.replace(".", ",") if cell[:1].isdigit() else cell)
        run.put("2026-03", table, commas, sep=";", encoding="cp1251")
    found = run.run()
    pd.testing.assert_frame_equal(found.customers, plain)
    spells = {month: one["differs"]["spells"] for month, one in found.months["by_month"].items()}
    assert {(one["file"], one["what"], one["now"]) for one in spells["2026-03"]} >= {
        ("money.csv", "separator", True),
        ("money.csv", "decimal_comma", True),
    }
    assert ("money.csv", "separator", False) in {
        (one["file"], one["what"], one["now"]) for one in spells["2026-04"]
    }
    assert spells["2026-02"] == spells["2026-05"] == []


def test_words_that_a_month_has_first_are_named(run):
    run.write()
    rows = run.table("2026-04", "market_file")
    rows.loc[3:5, "Популярная_категория"] = "Сад"
    run.put("2026-04", "market_file", rows)
    by_month = run.run().months["by_month"]
    assert by_month["2026-04"]["differs"]["words"] == {"favourite_category": ["Сад"]}
    assert by_month["2026-05"]["differs"]["words"] == {}


def test_neither_the_order_of_rows_nor_that_of_reading_matters(run):
    plain = run.write().run()
    for month in run.shop.months:
        for table in COLUMNS.tables:
            rows = run.table(month, table).sample(frac=1, random_state=int(month[-2:]))
            run.put(month, table, rows)
    found = run.run()
    pd.testing.assert_frame_equal(
        found.customers.drop(columns="position"), plain.customers.drop(columns="position")
    )
    assert found.months == plain.months


def test_months_read_in_any_order_are_the_same(run):
    run.write()
    params = load_params(Path("params.yaml"), columns=COLUMNS)
    folders = {month: RAW / month for month in run.shop.months}
    how = {"columns": COLUMNS, "scratch": Path("scratch")}
    read = read_months(folders, params.prepare, **how)
    found, how["as_of"] = [], last_day("2026-06")
    for name, months in (("one", read.items()), ("other", reversed(read.items()))):
        tables = {"customers": Path(name), "set_aside": Path(f"{name}_aside")}
        told = prepare_months(dict(months), params.prepare, params.label, **tables, **how)
        written = [path.read_bytes() for path in tables.values()]
        found.append((told.readiness.to_csv(), told.details, told.said, written))
    assert found[0] == found[1]


def test_customers_who_come_and_leave_have_the_outcomes_that_their_rows_tell(run):
    rng = np.random.default_rng(5)
    shop = run.shop
    comes, leaves = rng.integers(-6, 4, 70), rng.integers(3, 9, 70)
    for place, month in enumerate(shop.months):
        shop.there[month] = (comes <= place) & (place < leaves)
    found = run.write().run()

    def amount(who: str, of: str) -> float:
        exports = [shifted(of, by) for by in range(3) if shifted(of, by) in shop.months]
        return shop.revenue.loc[who, of] if any(shop.there.loc[who, one] for one in exports) else 0

    checked, gone = 0, 0
    for row in found.customers.itertuples():
        if row.month > "2026-03":
            assert pd.isna(row.drop)
            continue
        season = found.months["by_month"][row.month]["season"]
        after, base = (
            sum(amount(row.customer_id, of) / season[of] for of in months)
            for months in (
                [shifted(row.month, by) for by in (1, 2, 3)],
                [shifted(row.month, by) for by in (-2, -1, 0)],
            )
        )
        assert row.drop == (after < 0.8 * base), row
        checked += 1
        gone += amount(row.customer_id, shifted(row.month, 3)) == 0
    assert checked > 120
    assert gone == found.months["label"]["absent_customers"] > 20


def test_what_came_of_a_month_stays_when_later_months_arrive(run):
    months = run.shop.months
    run.shop.months = months[:5]
    before = run.write().run().customers
    run.shop.months = months
    run.shop.there.loc[run.shop.there.index[:20], "2026-06"] = False
    run.shop.revenue["2026-06"] *= 3
    after = run.write().run().customers
    ripe = before["drop"].notna()
    assert ripe.sum() == 140
    pd.testing.assert_frame_equal(after[: len(before)][ripe], before[ripe])
    assert after["drop"].notna().sum() == 210


def test_no_known_outcome_is_no_fault(run):
    run.shop.months = run.shop.months[:3]
    found = run.write().run()
    assert found.details["kept"] == {"drop": 0, "loyal": 0, "score": 210}
    assert found.found("no_outcome") == [
        ("", "warning", "", 3, "no month of 3 has a known outcome; only a kept model can score")
    ]


def test_customers_of_many_months_count_once(run):
    found = run.write().run()
    assert found.found("few_customers")[0][3] == 70


def test_one_month_is_a_folder_of_months_too(run):
    run.day("2026-09-30")
    run.shop.months = run.shop.months[-1:]
    run.shop.labels = {"2026-06": dict.fromkeys(run.shop.there.index[:40], 1)}
    found = run.write().run()
    assert found.months["by_month"]["2026-06"]["labels"] == {"shop": 40, "rule": 0, "unknown": 30}
    assert found.months["restated"] == []


@pytest.mark.skipif("RETENTION_REAL" not in os.environ, reason="no real export is named")
def test_a_real_export_is_a_month_as_it_is_a_snapshot(run):
    (run.folder / RAW).mkdir(parents=True)
    run.day("2026-09-30")
    (run.folder / RAW / "2026-06").symlink_to(os.environ["RETENTION_REAL"])
    month = run.run().customers.drop(columns=["month", "label_source"])
    run.param(f"  dir: {RAW}", f"  dir: {os.environ['RETENTION_REAL']}")
    prepare.main()
    pd.testing.assert_frame_equal(month, pd.read_parquet("data/prepared/customers.parquet"))


def test_a_day_that_params_name_stands(run):
    run.param("  as_of:\n", "  as_of: '2026-07-02'\n")
    assert run.write().run().details["as_of"] == "2026-07-02"


@pytest.mark.parametrize("day", ["2026-06-29", "2025-12-01"])
def test_a_day_before_the_last_month_s_end(run, capsys, day):
    run.param("  as_of:\n", f"  as_of: '{day}'\n")
    run.write()
    assert run.refused(capsys) == (
        f"error: params.yaml: data.as_of is {day}, but the last month of the data is 2026-06; "
        "valid: empty, or a day from 2026-06-30 on"
    )


def test_the_last_month_s_last_day_itself_is_a_day_of_the_data(run):
    run.param("  as_of:\n", "  as_of: '2026-06-30'\n")
    assert run.write().run().details["as_of"] == "2026-06-30"


# Bad input


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("archive", "data/raw: the folder archive is no month; valid: YYYY-MM"),
        ("2026-13", "data/raw: the folder 2026-13 is no month; valid: YYYY-MM"),
        (
            "2026_07",
            "data/raw: the folder 2026_07 is no month; valid: YYYY-MM; did you mean 2026-07?",
        ),
        ("2026-6", "data/raw: 2026-6 and 2026-06 are one month; keep one of them, named 2026-06"),
        ("202606", "data/raw: 202606 and 2026-06 are one month; keep one of them, named 2026-06"),
    ],
)
def test_folders_with_other_names(run, capsys, name, said):
    (run.write().folder / RAW / name).mkdir()
    assert run.refused(capsys) == f"error: {said}"


def test_files_beside_months_and_hidden_folders_do_not_matter(run):
    run.write()
    (RAW / "truth.parquet").write_bytes(b"x")
    (RAW / ".ipynb_checkpoints").mkdir()
    assert run.run().months["months"] == run.shop.months


def test_a_folder_of_other_names_alone(run, capsys):
    (run.folder / RAW / "july").mkdir(parents=True)
    assert run.refused(capsys) == "error: data/raw: the folder july is no month; valid: YYYY-MM"


def test_an_empty_folder(run, capsys):
    (run.folder / RAW).mkdir(parents=True)
    assert run.refused(capsys).startswith("error: data/raw has no file market_file; valid names:")


def test_exports_beside_months(run, capsys):
    run.write()
    shutil.copy(RAW / "2026-01/money.csv", RAW / "money.csv")
    assert run.refused(capsys) == (
        "error: data/raw has money.csv beside the month 2026-01; keep either the exports or "
        "folders of months"
    )


def test_a_gap_between_months(run, capsys):
    run.write()
    shutil.rmtree(RAW / "2026-03")
    assert run.refused(capsys) == (
        "error: data/raw lacks 2026-03 between 2026-01 and 2026-06; every month needs its folder"
    )


@pytest.mark.parametrize("how", ["copy", "link", "saved again", "order", "with outcomes"])
def test_one_month_twice(run, capsys, how):
    run.write()
    shutil.rmtree(RAW / "2026-04")
    if how == "copy":
        shutil.copytree(RAW / "2026-03", RAW / "2026-04")
    elif how == "link":
        (RAW / "2026-04").symlink_to("2026-03")
    else:
        (RAW / "2026-04").mkdir()
        for name in COLUMNS.tables:
            rows = run.table("2026-03", name)
            if how == "saved again":
                run.put("2026-04", name, rows, sep=";", encoding="utf-16")
            elif how == "order":
                run.put("2026-04", name, rows[::-1])
            else:
                told = {LABEL: "Снизилась"} if LABEL in rows else {}
                run.put("2026-04", name, rows.assign(**told))
    assert run.refused(capsys) == (
        "error: data/raw: 2026-03 and 2026-04 hold the same exports; each month needs its own"
    )


def test_a_month_that_lacks_a_file(run, capsys):
    run.write()
    (RAW / "2026-05/market_time.csv").unlink()
    assert run.refused(capsys).startswith("error: data/raw/2026-05 has no file market_time; valid")


def test_ids_that_change_their_form(run, capsys):
    run.write()
    run.respell(["2026-04", "2026-05", "2026-06"], "00")
    who = run.shop.there.index[0]
    assert run.refused(capsys) == (
        f"error: 2026-01/market_file.csv has the id '{who}', 2026-04/market_file.csv has "
        f"'00{who}': they differ by zeros, separators, case or look-alikes alone, and whether they "
        "are one customer cannot be known; export both as text, in one spelling"
    )


def test_months_of_two_shops(run, capsys):
    run.write()
    run.respell(["2026-04", "2026-05", "2026-06"], "K")
    who = run.shop.there.index[0]
    assert run.refused(capsys) == (
        "error: 2026-03/market_file.csv and 2026-04/market_file.csv have no customer in common; "
        f"they write ids as '{who}' and 'K{who}': are both of one shop?"
    )


def test_outcomes_of_another_month_s_customers(run, capsys):
    run.write()
    ids = [*run.shop.there.index[:30], *(str(900_000 + place) for place in range(5))]
    run.put("2026-05", "labels", pd.DataFrame({"customer_id": ids, "label": "1"}))
    assert run.refused(capsys) == (
        "error: data/raw/2026-05: 5 of 35 customers of labels.csv are not in market_file.csv, more "
        "than params prepare.max_quarantined (5%), such as '900000': is it of this month?"
    )


def test_outcomes_in_words_that_are_none(run, capsys):
    run.write()
    rows = pd.DataFrame({"customer_id": run.shop.there.index[:30], "label": "maybe"})
    run.put("2026-05", "labels", rows)
    assert run.refused(capsys) == (
        "error: data/raw/2026-05: 30 of 30 rows of labels.csv break a rule, more than params "
        "prepare.max_quarantined (5%); the first: line 2, label: 'maybe' must be one of Снизилась, "
        "Прежний уровень; data/prepared/quarantine.csv lists them all"
    )
    assert len(cells_of(Path("data/prepared/quarantine.csv"))) == 30


@pytest.mark.parametrize(
    "name", ["labels.xlsx", "labels.CSV", "Labels.csv", "label.csv", "labels.txt", "labels"]
)
def test_a_file_of_outcomes_under_another_name(run, capsys, name):
    run.write()
    (RAW / "2026-02" / name).write_text("customer_id,label\n")
    assert run.refused(capsys) == (
        f"error: data/raw/2026-02 has '{name}', which is not read; valid names of a file of "
        "outcomes: labels.csv, labels.csv.gz, labels.parquet"
    )


def test_two_files_of_outcomes(run, capsys):
    run.write()
    run.put("2026-05", "labels", pd.DataFrame({"customer_id": ["1"], "label": ["1"]}))
    shutil.copy(RAW / "2026-05/labels.csv", RAW / "2026-05/labels.csv.gz")
    assert run.refused(capsys) == (
        "error: data/raw/2026-05 has labels.csv, labels.csv.gz; keep one of them"
    )


def test_a_fault_names_its_month(run, capsys):
    run.write()
    rows = run.table("2026-02", "market_file")
    rows.loc[:20, "Страниц_за_визит"] = "-1"
    run.put("2026-02", "market_file", rows)
    assert run.refused(capsys).startswith(
        "error: data/raw/2026-02: 21 of 70 customers break a rule"
    )


def test_a_fault_of_reading_names_its_month(run, capsys):
    run.write()
    rows = run.table("2026-02", "market_money")
    run.put("2026-02", "market_money", rows[rows["Период"] != "текущий_месяц"])
    assert run.refused(capsys) == (
        "error: data/raw/2026-02: market_money.csv has no rows of month текущий_месяц; found: "
        "предыдущий_месяц, препредыдущий_месяц"
    )


def test_a_snapshot_needs_its_day(run, capsys):
    run.shop.months = run.shop.months[:1]
    run.shop.labels = {
        "2026-01": {who: place % 2 for place, who in enumerate(run.shop.there.index)}
    }
    run.write()
    for path in (RAW / "2026-01").iterdir():
        path.rename(RAW / path.name)
    (RAW / "2026-01").rmdir()
    assert run.refused(capsys) == (
        "error: params.yaml: data.as_of is empty; valid: the day the export was taken, as "
        "YYYY-MM-DD (empty only where data.dir holds folders of months)"
    )
    run.param("  as_of:\n", "  as_of: '2026-02-01'\n")
    prepare.main()
    details = json.loads(Path("data/prepared/details.json").read_text(encoding="utf-8"))
    assert "months" not in details
    assert {"month", "label_source"}.isdisjoint(pd.read_parquet("data/prepared/customers.parquet"))


def test_settled(run):
    """What is written is read back as it was: whole numbers of outcomes, words as text."""
    table = run.write().run().customers
    assert str(table["drop"].dtype) == "Int8"
    assert np.isin(table["drop"].dropna(), [0, 1]).all()
    assert table["month"].map(type).eq(str).all()
    assert run.readiness["count"].dtype == run.readiness["line"].dtype == "int64"


# Exports that lack customers whom the month before has


def cut(run: MonthRun, month: str, name: str, kept: int) -> None:
    """Leave only the first customers in a month's file."""
    rows = run.table(month, name)
    run.put(month, name, rows[rows["id"].isin(run.shop.there.index[:kept])])


def test_a_last_export_that_is_cut_short_makes_no_drops(run, capsys):
    run.write()
    for table in COLUMNS.tables:
        cut(run, "2026-06", table, 48)
    assert run.refused(capsys) == (
        "error: 2026-06/market_file.csv has 48 of the 70 customers of 2026-05/market_file.csv "
        "(69%), fewer than params prepare.least_staying (70%): is it cut short, or are ids spelled "
        "otherwise? Whoever is absent would be taken for gone"
    )
    run.param("  least_staying: 0.7", "  least_staying: 0.68")
    assert run.run().months["label"]["absent_customers"] == 22


def test_half_of_the_ids_in_another_spelling_make_no_drops(run, capsys):
    run.write()
    ids = set(run.shop.there.index[:35])
    for table in COLUMNS.tables:
        rows = run.table("2026-06", table)
        rows["id"] = rows["id"].where(rows["id"].isin(ids), "K" + rows["id"])
        run.put("2026-06", table, rows)
    assert "2026-06/market_file.csv has 35 of the 70 customers" in run.refused(capsys)


def test_a_file_of_revenue_that_lacks_rows_of_its_own_month_makes_no_drops(run, capsys):
    run.write()
    rows = run.table("2026-06", "market_money")
    rows = rows.sort_values("Период", key=lambda one: one == "текущий_месяц", kind="stable")
    run.put("2026-06", "market_money", rows.head(180))  # all of April and May, 40 of June
    assert run.refused(capsys).startswith(
        "error: 2026-06/market_money.csv has 40 of the 70 customers of 2026-05/market_money.csv "
        "(57%), fewer than params prepare.least_staying (70%)"
    )


def test_a_jump_of_absent_customers_is_told_and_usual_leaving_is_not(run):
    gone = run.shop.there.index
    for place, month in enumerate(run.shop.months[1:]):
        run.shop.there.loc[gone[place], month:] = False  # one customer a month leaves
    assert run.write().run().found("many_absent") == []
    run.shop.there.loc[gone[-15:], "2026-05":] = False
    found = run.write().run().found("many_absent")
    text = (
        "16 customers of the month before are absent, 24% of them and far more than in other "
        "months; whoever is absent is taken for gone"
    )
    assert found == [
        ("2026-05", "warning", f"{table}.csv", 16, text)
        for table in ("market_file", "market_money")
    ]


# Amounts in another unit


def in_kopecks(run: MonthRun, months: list[str], factor: float = 100) -> None:
    for month in months:
        rows = run.table(month, "market_money")
        rows["Выручка"] = (rows["Выручка"].astype(float) * factor).round(2).astype(str)
        run.put(month, "market_money", rows)


@pytest.mark.parametrize("months", [["2026-05", "2026-06"], ["2026-05"], ["2026-06"]])
def test_revenue_in_another_unit(run, capsys, months):
    run.write()
    in_kopecks(run, months)
    month, before = months[0], shifted(months[0], -1)
    # Of the two calendar months that both folders tell the earlier comes first.
    assert run.refused(capsys) == (
        f"error: {month}/market_money.csv tells the revenue of {shifted(before, -1)} as 100 times "
        f"that in {before}/market_money.csv (the median; 70 of 70 customers differ): is it in "
        "another unit? Valid: one unit in all months"
    )


def test_a_correction_of_most_amounts_is_no_other_unit_and_moves_both_sides_of_the_rule(run):
    """Returns of a tenth are taken off in the export after: of nobody does it make a drop."""
    run.shop.revenue.loc[:, :] = 1000.0
    edge = run.shop.revenue.index[:20]
    run.shop.revenue.loc[edge, "2026-03":] = 820.0  # above the cut of 0.8
    run.write()
    for month in run.shop.months:
        rows = run.table(month, "market_money")
        old = rows["Период"] != "текущий_месяц"
        amounts = rows["Выручка"].astype(float)
        rows["Выручка"] = amounts.where(~old, amounts * 0.9).astype(str)
        run.put(month, "market_money", rows)
    found = run.run()
    known = found.customers[found.customers["drop"].notna()]
    assert len(known) == 210
    assert known["drop"].sum() == 0
    told = found.months["by_month"]["2026-01"]["season"]
    # April, the last month of January's outcome, is told by May's export like those before it.
    assert told["2026-04"] == pytest.approx(told["2026-02"], rel=0.02)


def test_minutes_in_another_unit_are_a_warning(run):
    run.write()
    rows = run.table("2026-06", "market_time")
    rows["минут"] = (rows["минут"].astype(float) * 60).astype(str)
    run.put("2026-06", "market_time", rows)
    text = (
        "70 amounts are 60 times (the median) those in the export of the month before: is one of "
        "both in another unit?"
    )
    assert run.run().found("other_unit") == [("2026-06", "warning", "market_time.csv", 70, text)]
