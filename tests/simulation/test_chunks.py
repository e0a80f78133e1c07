"""A large shop is drawn in chunks: one chunk as ever, more of them as one shop."""

import numpy as np
import pandas as pd

from dictionary import COLUMNS
from retention.core.files import read_parquet
from simulation.chunks import chunk_sizes, simulate_chunks, write_chunks
from simulation.export import EXPORT_DIALECTS, as_export, write_export
from simulation.shop import simulate_customers

HOW = {"unlabelled": 0.15, "seed": 7}


def test_chunks_are_much_the_same():
    assert chunk_sizes(1300) == [1300]
    assert chunk_sizes(500_000) == [500_000]
    assert chunk_sizes(500_001) == [250_001, 250_000]
    assert chunk_sizes(10, most=4) == [4, 3, 3]


def test_one_chunk_is_the_shop_byte_by_byte(tmp_path):
    shop = simulate_customers(300, **HOW)
    for name, table in as_export(shop, columns=COLUMNS, seed=7).items():
        write_export(table, tmp_path / f"{name}.csv", **EXPORT_DIALECTS.get(name, {}))
    usual = {path.name: path.read_bytes() for path in tmp_path.glob("*.csv")}
    write_chunks([300], tmp_path / "made", tmp_path / "truth.parquet", columns=COLUMNS, **HOW)
    assert len(usual) == 4
    assert {p.name: p.read_bytes() for p in (tmp_path / "made").glob("*.csv")} == usual
    assert (tmp_path / "truth.parquet").is_file()
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "truth.parquet"), shop.truth, atol=1e-6)


def test_chunks_are_customers_of_their_own():
    first, second, third = (shop for shop, _ in simulate_chunks([300, 200, 200], **HOW))
    pd.testing.assert_frame_equal(first.customers, simulate_customers(300, **HOW).customers)
    ids = np.concatenate([shop.customers["customer_id"] for shop in (first, second, third)])
    assert (np.diff(ids) >= 1).all()
    assert ids[300] - ids[299] <= 2
    for shop in (first, second, third):
        assert (shop.customers["customer_id"] == shop.truth["customer_id"]).all()
    other = second.customers["revenue_m0"].to_numpy()
    assert (other != third.customers["revenue_m0"].to_numpy()).mean() > 0.9


def test_chunks_are_one_export_below_one_header(tmp_path):
    truth = tmp_path / "truth.parquet"
    write_chunks([300, 200], tmp_path, truth, columns=COLUMNS, **HOW)
    found = pd.read_csv(tmp_path / "market_file.csv")
    shops = [shop for shop, _ in simulate_chunks([300, 200], **HOW)]
    ids = pd.concat([shop.truth["customer_id"] for shop in shops]).tolist()
    assert found["id"].tolist() == ids
    assert len(pd.read_csv(tmp_path / "market_money.csv")) == 3 * 500
    profit = pd.read_csv(tmp_path / "money.csv", sep=";", decimal=",").iloc[:, 1].tolist()
    assert profit == pd.concat([shop.customers["profit"] for shop in shops]).tolist()
    assert truth.is_dir()
    assert read_parquet(truth)["customer_id"].tolist() == ids
