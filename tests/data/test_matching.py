"""A file that fits no customer stops the stage; every file says how many it matches."""

import pandas as pd
import pytest

from dictionary import TABLES

pytestmark = pytest.mark.slow


def test_every_file_says_how_many_match(shop, capsys):
    lost = shop.rows["money"].pop(5)[0]
    shop.rows["money"].append(["999999", "1.5"])
    outcome = shop.run()
    assert capsys.readouterr().out.splitlines() == [
        "prepare: market_file.csv: matched 620 of 620 customers",
        "prepare: market_money.csv: matched 620 of 620 customers",
        "prepare: market_time.csv: matched 620 of 620 customers",
        "prepare: money.csv: matched 619 of 620 customers",
    ]
    assert outcome.metrics["matched"]["money"] == {
        "file": "money.csv", "ids": 620, "matched": 619,
    }  # fmt: skip
    assert lost in set(outcome.customers["customer_id"])


@pytest.mark.parametrize("table", TABLES)
def test_file_whose_ids_fit_no_other(shop, capsys, table):
    shop.change(table, "id", lambda cell: f"9{cell}")
    line = shop.refused(capsys)
    who = table if table != "market_file" else "market_money"
    assert line.startswith(f"error: {who}.csv knows none of the 620 customers of market_file.csv")
    first = shop.cells("market_file", "id")[0]
    assert f"market_file.csv writes ids as {first!r}, {who}.csv as " in line


@pytest.mark.parametrize(("kept", "stops"), [(309, True), (310, False)])
def test_share_of_matched_customers_has_a_floor(shop, capsys, kept, stops):
    del shop.rows["money"][kept + 1 :]
    if stops:
        assert "money.csv knows 309 (49.8%) of the 620 customers" in shop.refused(capsys)
        return
    assert shop.run().metrics["matched"]["money"]["matched"] == 310


def test_floor_is_a_param_but_nobody_is_always_too_few(shop, capsys):
    shop.param("  least_matched: 0.5", "  least_matched: 0")
    del shop.rows["money"][3:]
    assert shop.run().metrics["matched"]["money"]["matched"] == 2
    shop.change("money", "id", lambda cell: f"9{cell}")
    shop.done.clear()
    with pytest.raises(SystemExit):
        shop.prepare()
    assert "money.csv knows none of the 620 customers" in capsys.readouterr().err


def test_the_stop_counts_rows_as_well_as_customers(shop, capsys):
    """Hundreds of broken rows of one customer are one broken customer, and a broken file."""
    for n in range(200):
        shop.rows["market_time"].append(["300002", "когда-то", str(n)])
    line = shop.refused(capsys)
    assert line.startswith(
        "error: 200 of 1440 rows of market_time.csv break a rule, more than params "
        "prepare.max_quarantined (5%)"
    )


def test_rows_without_an_id_count_as_rows(shop, capsys):
    for row in shop.rows["money"][1:60]:
        row[0] = ""
    assert "59 of 620 rows of money.csv break a rule" in shop.refused(capsys)


def test_category_and_ids_of_the_other_files_are_named_once(shop, capsys):
    shop.change("money", "id", lambda cell: f"000{cell}")
    first = shop.cells("market_file", "id")[0]
    assert shop.refused(capsys) == (
        f"error: market_file.csv has the id '{first}', money.csv has '000{first}': they differ by "
        "zeros, separators, case or look-alikes alone, and whether they are one customer cannot be "
        "known; export both as text, in one spelling"
    )


def test_customers_set_aside_stay_known(shop):
    """For whoever asks later whether an id is one of the exports."""
    customer = shop.put("market_file", 9, "Тип сервиса", "?")
    shop.run()
    aside = pd.read_parquet(shop.folder / "data/prepared/set_aside.parquet")
    assert aside.to_dict("records") == [{"customer_id": customer, "reason": "quarantined"}]
