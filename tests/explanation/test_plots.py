import numpy as np
import pandas as pd
import pytest

from dictionary import COLUMNS
from retention.core.features import dictionary
from retention.core.hashing import behaviour_key
from retention.explanation import plots
from retention.explanation.plots import draw_beeswarm, draw_dependence


@pytest.mark.filterwarnings("error::RuntimeWarning", "error::UserWarning")
def test_a_column_that_holds_nothing_is_left_out_of_the_picture(tmp_path):
    names = ["minutes_m0", "minutes_m1", "promo_share", "service"]
    features = pd.DataFrame(
        {"minutes_m0": [np.nan] * 9, "minutes_m1": [4.0] * 9, "promo_share": np.arange(9) / 10}
    ).assign(service="standard")
    values = pd.DataFrame(np.ones((9, 4)), columns=names)
    how = {"dictionary": dictionary(features, columns=COLUMNS), "unit": "log-odds"}
    how["key"] = np.arange(9, dtype="uint64")
    draw_dependence(values, features, tmp_path / "some.png", **how)
    draw_dependence(values[names[:1]], features[names[:1]], tmp_path / "none.png", **how)
    draw_beeswarm(values, features, tmp_path / "swarm.png", key=how["key"], unit="log-odds", seed=1)
    sizes = {path.stem: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes["some"] > 2 * sizes["none"]
    assert set(sizes) == {"some", "none", "swarm"}


def test_of_many_those_are_drawn_whom_the_hash_chooses(monkeypatch):
    monkeypatch.setattr(plots, "_MOST_DOTS", 20)
    rng = np.random.default_rng(3)
    features = pd.DataFrame({"minutes_m0": rng.normal(size=200)})
    # Sorted by what is explained, as an export is by its label.
    values = pd.DataFrame({"minutes_m0": np.sort(rng.normal(size=200))})
    some = plots._some(values, behaviour_key(features, list(features)))
    assert len(some) == 20
    assert abs(np.median(some.index) - 100) < 50
    order = rng.permutation(200)
    moved = features.iloc[order]
    again = plots._some(values.iloc[order], behaviour_key(moved, list(moved)))
    assert set(again.index) == set(some.index)
