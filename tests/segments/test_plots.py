import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from dictionary import COLUMNS
from helpers import random_shop
from retention.core.hashing import behaviour_key
from retention.segments import plots
from retention.segments.membership import grid_cells, grid_table, named_segments
from retention.segments.plots import draw_categories, draw_grid, draw_map, draw_portraits
from retention.segments.profiles import categories_of, portraits, risk_strata

RULES = {"risky": "risk >= 0.6", "bargain": "promo_share >= 0.5", "nobody": "tenure_days == 36525"}
FEATURES = ["promo_share", "pages_per_visit", "profit"]


def shop_with_risk(*, seed):
    shop = random_shop(150, seed=seed)
    shop["risk"] = np.random.default_rng(seed).uniform(0, 1, 150)
    shop.loc[:5, "profit"] = np.nan
    return shop


def draw(kind, path, *, seed=1):
    shop = shop_with_risk(seed=seed)
    belongs = named_segments(shop, RULES, columns=COLUMNS)
    if kind == "grid":
        # Nobody is at medium risk: cells without customers are drawn too.
        cuts = {"risk_cuts": (2, 3), "profit_cuts": "quantiles"}
        draw_grid(
            grid_table(shop.assign(cell=grid_cells(shop["risk"], shop["profit"], **cuts))), path
        )
    elif kind == "portraits":
        picked = {"risky": {"risk"}, "bargain": {"promo_share"}, "nobody": set()}
        strata = risk_strata(belongs, shop, picked=picked)
        how = {"picked": picked, "strata": strata, "level": 0.95}
        table = portraits(belongs, shop, FEATURES, ["service"], **how)
        draw_portraits(table, path, columns=COLUMNS)
    else:
        table = categories_of(belongs, shop, level=0.95, least=15)
        table = table.assign(by_rule=table["segment"] == "risky")
        draw_categories(table, path, columns=COLUMNS, level=0.95)
    return path.read_bytes()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["grid", "portraits", "categories"])
def test_picture_follows_the_data_and_nothing_else(tmp_path, kind):
    first = draw(kind, tmp_path / "one.png")
    assert draw(kind, tmp_path / "two.png") == first
    assert draw(kind, tmp_path / "other.png", seed=2) != first
    height, width, _ = imread(tmp_path / "one.png").shape
    assert min(height, width) > 200


def test_segment_picked_by_profit_keeps_its_name(tmp_path, monkeypatch):
    shown = []
    draw_all = Figure.draw

    def look(figure, *args, **kwargs):
        shown.extend(axis.get_title(loc="left") for axis in figure.axes)
        return draw_all(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "draw", look)
    draw("categories", tmp_path / "one.png")
    assert {"risky (picked by profit)", "bargain"} <= set(shown)


def test_map_of_many_shows_whom_the_hash_chooses(tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "_MOST_DOTS", 30)
    shop = shop_with_risk(seed=3).dropna(subset="profit").sort_values("risk")
    shop["listed"] = np.arange(len(shop)) % 3 == 0
    shop["twin_key"] = behaviour_key(shop, ["revenue_m0", "revenue_m1"])
    dots = []
    monkeypatch.setattr(Axes, "scatter", lambda _, x, y, **__: dots.append((x, y)))
    monkeypatch.setattr(Axes, "legend", lambda *_, **__: None)
    draw_map(shop, tmp_path / "one.png")
    draw_map(shop.sample(frac=1, random_state=1), tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    (_, plain), (_, listed), (_, again), _ = dots
    assert len(plain) == len(listed) == 30
    assert plain.tolist() == again.tolist()
    # Not the first thirty, which are those of the lowest risk.
    assert plain.max() > shop["risk"].quantile(0.8)
