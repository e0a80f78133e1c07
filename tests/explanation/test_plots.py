import numpy as np
import pandas as pd
import pytest

from dictionary import COLUMNS
from retention.core.features import dictionary
from retention.explanation.plots import draw_beeswarm, draw_dependence


@pytest.mark.filterwarnings("error::RuntimeWarning", "error::UserWarning")
def test_a_column_that_holds_nothing_is_left_out_of_the_picture(tmp_path):
    names = ["minutes_m0", "minutes_m1", "promo_share", "service"]
    features = pd.DataFrame(
        {"minutes_m0": [np.nan] * 9, "minutes_m1": [4.0] * 9, "promo_share": np.arange(9) / 10}
    ).assign(service="standard")
    values = pd.DataFrame(np.ones((9, 4)), columns=names)
    how = {"dictionary": dictionary(features, columns=COLUMNS), "unit": "log-odds"}
    how["strongest"] = names
    draw_dependence(values, features, tmp_path / "some.png", **how)
    how["strongest"] = names[:1]
    draw_dependence(values[names[:1]], features[names[:1]], tmp_path / "none.png", **how)
    draw_beeswarm(values, features, tmp_path / "swarm.png", unit="log-odds", seed=1)
    sizes = {path.stem: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes["some"] > 2 * sizes["none"]
    assert set(sizes) == {"some", "none", "swarm"}
