import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dictionary import COLUMNS, RULED
from helpers import project_params, random_shop
from retention.core.errors import InputError
from retention.segments.membership import (
    cut_points,
    grid_cells,
    grid_table,
    named_segments,
    portrait,
)

numbers = st.lists(st.one_of(st.just(np.nan), st.integers(-5, 5)), min_size=1, max_size=60)


def cells(risk, profit, risk_cuts="quantiles", profit_cuts="quantiles"):
    found = grid_cells(
        np.array(risk, float), np.array(profit, float), risk_cuts=risk_cuts, profit_cuts=profit_cuts
    )
    return found.tolist()


def test_cells_by_hand_with_cut_points_of_params():
    found = cells([0.1, 0.3, 0.6, 0.61], [5, 0, 1.9, 2], [0.3, 0.6], (2, 4))
    assert found == [
        "low_risk/high_profit",
        "medium_risk/low_profit",
        "medium_risk/low_profit",
        "high_risk/medium_profit",
    ]


def test_both_ends_belong_to_the_middle():
    assert cells([0.3, 0.6], [2, 4], (0.3, 0.6), (2, 4)) == ["medium_risk/medium_profit"] * 2


def test_quantiles_make_three_parts_of_equal_size():
    risk = np.arange(9) / 10
    found = [cell.split("/")[0] for cell in cells(risk, np.ones(9))]
    assert found == ["low_risk"] * 3 + ["medium_risk"] * 3 + ["high_risk"] * 3


def test_terciles_are_those_of_the_known_values():
    assert cut_points(np.array([np.nan, 0, 3, 6, 9]), "quantiles") == pytest.approx((3, 6))
    assert cut_points(np.array([1.0]), [0.2, 0.4]) == (0.2, 0.4)


def test_unknown_profit_has_a_cell_of_its_own_and_moves_no_one():
    known = cells([0.1, 0.5, 0.9], [1, 2, 3])
    found = cells([0.1, 0.5, 0.9, 0.9], [1, 2, 3, np.nan], (0.3, 0.7))
    assert found[3] == "high_risk/unknown_profit"
    assert [cell.split("/")[1] for cell in found[:3]] == [cell.split("/")[1] for cell in known]


def test_shop_without_any_profit_is_unknown_throughout():
    assert cells([0.1, 0.9], [np.nan, np.nan], (0.3, 0.7)) == [
        "low_risk/unknown_profit",
        "high_risk/unknown_profit",
    ]


def test_where_all_are_alike_everyone_is_medium():
    assert set(cells([0.4] * 5, [2] * 5)) == {"medium_risk/medium_profit"}


def test_no_customers_have_no_cells():
    assert cells([], []) == []


@settings(max_examples=60, deadline=None)
@given(profit=numbers, seed=st.integers(0, 99))
def test_cells_follow_the_values_not_the_order_of_rows(profit, seed):
    rng = np.random.default_rng(seed)
    profit, risk = np.array(profit, float), rng.integers(0, 4, len(profit)) / 4
    order = rng.permutation(len(profit))
    found = np.array(cells(risk, profit))
    assert found[order].tolist() == cells(risk[order], profit[order])
    rank = {"low": 0, "medium": 1, "high": 2}
    level = np.array([rank[cell.split("_")[0]] for cell in found])
    assert (np.diff(level[np.argsort(risk, kind="stable")]) >= 0).all()


def test_grid_table_by_hand():
    customers = pd.DataFrame(
        {
            "cell": ["high_risk/low_profit"] * 2 + ["low_risk/high_profit", "high_risk/low_profit"],
            "risk": [0.8, 0.9, 0.1, 1.0],
            "profit": [1.0, 2.0, 9.0, 3.0],
        }
    )
    table = grid_table(customers).set_index("cell")
    assert len(table) == 9
    assert table.loc["high_risk/low_profit"].tolist() == pytest.approx([3, 0.75, 0.9, 2])
    assert table.loc["low_risk/high_profit"].tolist() == pytest.approx([1, 0.25, 0.1, 9])
    assert table["customers"].sum() == 4
    assert table["mean_risk"].notna().sum() == 2
    assert list(table.index[:3]) == [f"low_risk/{x}_profit" for x in ("low", "medium", "high")]


def test_unknown_profits_get_rows_where_there_are_any():
    customers = pd.DataFrame(
        {"cell": ["low_risk/unknown_profit"], "risk": [0.2], "profit": [np.nan]}
    )
    table = grid_table(customers).set_index("cell")
    assert len(table) == 10
    assert table.loc["low_risk/unknown_profit", "customers"] == 1
    assert np.isnan(table.loc["low_risk/unknown_profit", "mean_profit"])


@settings(max_examples=40, deadline=None)
@given(profit=numbers, seed=st.integers(0, 99))
def test_grid_counts_everyone_once(profit, seed):
    risk = np.random.default_rng(seed).uniform(0, 1, len(profit))
    customers = pd.DataFrame({"risk": risk, "profit": np.array(profit, float)})
    customers["cell"] = cells(risk, profit)
    table = grid_table(customers)
    assert table["customers"].sum() == len(profit)
    assert table["share"].sum() == pytest.approx(1)
    assert (table["customers"] * table["mean_risk"].fillna(0)).sum() == pytest.approx(risk.sum())


def test_named_segments_by_hand():
    customers = pd.DataFrame(
        {"risk": [0.9, 0.2, 0.7], "promo_share": [0.6, 0.9, np.nan]}, index=[7, 7, 3]
    )
    rules = {"at_risk": "risk >= 0.7", "bargain": "risk >= 0.6 and promo_share >= 0.5"}
    found = named_segments(customers, rules, columns=COLUMNS)
    assert found.index.tolist() == [7, 7, 3]
    assert found.to_dict("list") == {
        "at_risk": [True, False, True],
        "bargain": [True, False, False],
    }
    assert all(pd.api.types.is_bool_dtype(kind) for kind in found.dtypes)


def test_typo_in_a_rule_is_named_with_its_segment_and_the_valid_columns():
    customers = pd.DataFrame({"risk": [0.9], "arm": ["treatment"]})
    with pytest.raises(InputError) as mistake:
        named_segments(customers, {"mine": "riks > 1"}, columns=COLUMNS)
    place = "params.yaml: segment.rules.mine: 'riks > 1'"
    assert str(mistake.value) == f"{place}: unknown column riks; valid: {RULED}"


def test_column_that_rules_may_not_speak_of_is_refused_though_it_is_there():
    customers = pd.DataFrame({"risk": [0.9], "arm": ["treatment"]})
    with pytest.raises(InputError, match="unknown column arm"):
        named_segments(customers, {"mine": "arm == treatment"}, columns=COLUMNS)


def test_shipped_segments_hold_whom_their_names_say():
    shop = random_shop(400, seed=1).assign(
        risk=np.random.default_rng(1).uniform(0, 1, 400), profit_rank=0.0
    )
    shop["profit_rank"] = shop["profit"].rank(pct=True)
    found = named_segments(shop, project_params()["segment"]["rules"], columns=COLUMNS)
    risky = shop["risk"] >= 0.6
    expected = {
        "promotion_buyers_at_risk": risky & (shop["promo_share"] >= 0.5),
        "high_profit_at_risk": risky & (shop["profit_rank"] >= 0.5),
        "full_carts_at_risk": risky & (shop["unpaid_items"] >= 5),
        "standard_service_at_risk": risky & (shop["service"] == "standard"),
        "children_and_cosmetics_at_risk": risky
        & shop["favourite_category"].isin(["children", "cosmetics"]),
    }
    assert list(found) == list(expected)
    for name, inside in expected.items():
        assert found[name].tolist() == inside.tolist()
        assert found[name].any()


def test_means_of_nobody_and_of_unknown_profit_cannot_be_told():
    everyone = pd.DataFrame({"risk": [0.2, 0.4, 0.9], "profit": [1.0, np.nan, np.nan]})
    nobody = portrait(np.zeros(3, dtype=bool), everyone)
    assert (nobody["customers"], nobody["share"]) == (0, 0)
    assert np.isnan([nobody["mean_risk"], nobody["mean_profit"]]).all()
    unknown = portrait(np.array([False, True, True]), everyone)
    assert unknown["mean_risk"] == pytest.approx(0.65)
    assert np.isnan(unknown["mean_profit"])
