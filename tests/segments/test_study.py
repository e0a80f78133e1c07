import numpy as np
import pandas as pd

from dictionary import COLUMNS
from helpers import random_shop
from retention.segments.membership import named_segments
from retention.segments.study import category_offers, rows_by, study

RULES = {
    "rich": "profit_rank >= 0.5 and unpaid_items >= 1",
    "bargain": "promo_share >= 0.5",
    "paying": "not (profit < 4.5)",
}
FEATURES = ["promo_share", "pages_per_visit", "unpaid_items"]


def studied(*, seed=1, extra=0.0, rules=RULES):
    shop = random_shop(600, seed=seed)
    shop["risk"] = np.random.default_rng(seed).uniform(0, 1, 600)
    shop["profit"] = np.random.default_rng(seed).normal(4, 1, 600)
    shop["profit_rank"] = shop["profit"].rank(pct=True)
    shop.loc[shop["promo_share"] >= 0.5, "profit"] += extra
    belongs = named_segments(shop, rules, columns=COLUMNS)
    return study(
        shop, belongs, rules=rules, features=FEATURES, words=[],
        counted=np.ones(600, bool), level=0.95, least=20,
    )  # fmt: skip


def test_what_a_rule_picks_by_is_marked():
    pictures, by_category, *_ = studied()
    marked = pictures[pictures["by_rule"]].groupby("segment")["feature"].agg(set)
    assert marked.to_dict() == {
        "rich": {"profit", "unpaid_items"}, "bargain": {"promo_share"}, "paying": {"profit"},
    }  # fmt: skip
    by_profit = by_category.groupby("segment")["by_rule"].agg(["min", "max"])
    expected = pd.DataFrame({"min": [False, True, True], "max": [False, True, True]},
                            index=["bargain", "paying", "rich"])  # fmt: skip
    pd.testing.assert_frame_equal(by_profit, expected, check_names=False)


def test_segment_is_compared_at_equal_risk_where_its_rule_speaks_of_risk():
    rules = RULES | {"risky": "not (risk < 0.5) and unpaid_items < 9"}
    pictures, _, _, sizes = studied(rules=rules)
    whom = pictures.groupby("segment")["compared_with"].agg(set)
    assert whom.pop("risky") == {"others_of_same_risk"}
    assert whom.to_dict() == {name: {"others"} for name in RULES}
    assert sizes["risky"]["compared_with"] == "others_of_same_risk"
    assert sizes["bargain"]["compared_with"] == "others"
    assert 0 < sizes["risky"]["compared"] <= sizes["risky"]["customers"]
    assert sizes["bargain"]["compared"] == sizes["bargain"]["customers"] > 0


def test_segment_picked_by_profit_over_earns_in_no_category():
    _, by_category, recommended, _ = studied(extra=3.0)
    # Everyone in these segments earns more, by their rules alone.
    differs = by_category[by_category["by_rule"] & by_category["enough"]]
    assert (differs["told_apart"] & (differs["difference"] > 0)).mean() > 0.9
    for name in ("rich", "paying"):
        assert recommended[name]["over_earns"] is None
        assert recommended[name]["over_earns_by_rule"] is True
        assert recommended[name]["earns_most"] is not None
    assert recommended["bargain"]["over_earns_told_apart"]
    assert not recommended["bargain"]["over_earns_by_rule"]
    named = category_offers(by_category, recommended)
    assert {name for name, words in named.items() if "segment_category_over" in words} == {
        "bargain"
    }


def test_rows_by_name_say_none_where_nothing_can_be_told():
    table = pd.DataFrame({"rule": ["a", "b"], "customers": [0, 7], "lift": [np.nan, 1.5]})
    assert rows_by(table, "rule") == {
        "a": {"customers": 0, "lift": None},
        "b": {"customers": 7, "lift": 1.5},
    }
