"""In however many parts, by the loop or Dask, from CSV or Parquet: the same customers and list."""

import os
from pathlib import Path

import pandas as pd
import pytest
import yaml

from dictionary import COLUMNS
from month_run import MONTHS
from part_runs import PLAIN, WAYS, as_text, differences, lead, prepare_folder, results
from project import FIXTURES, lay_fixtures
from retention.core.files import write_parquet
from retention.core.params import Params
from simulation.chunks import write_chunks
from simulation.export import EXPORT_DIALECTS
from simulation.month_exports import write_months
from simulation.month_tables import truth_of_months
from simulation.months import simulate_months

pytestmark = pytest.mark.slow


def params_for(folder):
    """Params of a quick run."""
    params = yaml.safe_load((FIXTURES / "params.yaml").read_text(encoding="utf-8"))
    params["data"]["dir"] = folder
    params["train"] |= {"model": "logistic", "jobs": 2, "comparisons": 1, "candidates": 2}
    params["evaluate"] |= {"bootstrap": 100}
    params["explain"] |= {"evaluations": 2000, "max_evaluations": 20000}
    params["evaluate"]["grade"]["chance_margin"] = 0
    params["campaign"] |= {"budget": 40, "suppression": f"{folder}/suppression.csv"}
    return params


def led(folder, way, exports, params, campaign=None):
    folder.mkdir()
    lay_fixtures(folder)
    if campaign is not None:
        place = folder / "campaigns/spring/list.parquet"
        place.parent.mkdir(parents=True)
        campaign.to_parquet(place, index=False)
    prepare_folder(folder, way, exports, params)
    assert lead(folder, way) == ""
    return folder


def compare(tmp_path, exports, params, campaign=None):
    plain = led(tmp_path / "plain", PLAIN, exports, params, campaign)
    made = dict(results(plain))
    assert {"data/features/features.parquet", "data/campaign/list.parquet"} <= set(made)
    assert len(made["data/campaign/list.parquet"]) > 10
    for way in WAYS:
        other = led(
            tmp_path / f"{way.parts} {way.engine} {way.form}", way, exports, params, campaign
        )
        assert (other / "data/features/features.parquet").is_dir()
        assert differences(plain, other, same_form=way.form == PLAIN.form) == [], way
    return made


def test_of_the_simulated_shop(tmp_path):
    exports = tmp_path / "exports"
    truth, how = tmp_path / "exports/truth.parquet", {"unlabelled": 0.15, "seed": 5}
    write_chunks([500], exports, truth, columns=COLUMNS, **how)
    (exports / "suppression.csv").write_text("customer_id\n")
    compare(tmp_path, exports, params_for("data/sample"))


def with_twins(exports, count):
    """Write `count` customers of every export of months a second time, by ids of their own."""
    for path in sorted(exports.glob("*/*.csv")):
        rows, sep = as_text(path), EXPORT_DIALECTS.get(path.stem, {}).get("sep", ",")
        ids = rows.columns[0]
        first = sorted(set(as_text(exports / MONTHS[0] / "market_file.csv").iloc[:, 0]))[:count]
        again = rows[rows[ids].isin(first)]
        again = again.assign(**{ids: again[ids].map(lambda one: f"9{one}")})
        text = pd.concat([rows, again]).to_csv(index=False, sep=sep)
        path.write_text(text, encoding="utf-8")


def test_of_the_simulated_shop_of_months(tmp_path):
    exports = tmp_path / "exports"
    params = params_for("data/sample")
    params["data"]["as_of"] = params["campaign"]["date"] = None
    params["features"]["least_drift"] = 0.3
    params["simulate"] |= {"customers": 300, "months": len(MONTHS), "seed": 5}
    options = Params(**params).simulate
    shop = simulate_months(options)
    labels = truth_of_months(shop, Params(**params).label)
    told = labels[labels["month"] == MONTHS[1]]  # of one month the shop tells its own
    write_months(shop, exports, columns=COLUMNS, seed=5, labels=told)
    write_parquet(labels, exports / "truth.parquet")
    (exports / "suppression.csv").write_text("customer_id\n")
    with_twins(exports, 12)
    ids = sorted(set(as_text(exports / MONTHS[3] / "market_file.csv").iloc[:, 0]))[::5]
    campaign = pd.DataFrame({"customer_id": ids, "offer": "discount", "risk": 0.5})
    campaign["arm"] = ["treatment" if place % 3 else "control" for place in range(len(ids))]
    made = compare(tmp_path, exports, params, campaign.assign(date=f"{MONTHS[4]}-01", horizon=3))
    features = made["data/features/features.parquet"]
    assert {"train", "test", "between", "treated", "score"} <= set(features["split"])
    assert set(features["label_source"].dropna()) == {"shop", "rule"}
    assert 12 <= (~features["scored"]).sum() < len(features) / 2
    assert features["weight"].max() > 1
    predicted = made["data/evaluation/predictions.parquet"]
    assert set(predicted["split"]) == {"train", "test"}


@pytest.mark.skipif("RETENTION_REAL" not in os.environ, reason="no real export is named")
def test_of_a_real_export(tmp_path):
    exports = tmp_path / "exports"
    exports.mkdir()
    for path in Path(os.environ["RETENTION_REAL"]).glob("*.csv"):
        (exports / path.name).write_bytes(path.read_bytes())
    (exports / "suppression.csv").write_text("customer_id\n")
    compare(tmp_path, exports, params_for("data/raw"))


def test_a_difference_is_seen(tmp_path):
    for name, value in (("one", 1.0), ("other", 1.0 + 1e-9)):
        folder = tmp_path / name / "data/scores"
        folder.mkdir(parents=True)
        pd.DataFrame({"customer_id": ["b", "a"], "risk": [2.0, value]}).to_parquet(
            folder / "risk.parquet"
        )
    assert differences(tmp_path / "one", tmp_path / "one") == []
    (found,) = differences(tmp_path / "one", tmp_path / "other")
    assert found.startswith("data/scores/risk.parquet: ")
