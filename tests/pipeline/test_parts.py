"""In however many parts, by the loop or Dask, from CSV or Parquet: the same customers and list."""

import os
from pathlib import Path

import pandas as pd
import pytest
import yaml

from dictionary import COLUMNS
from part_runs import PLAIN, WAYS, differences, lead, prepare_folder, results
from project import FIXTURES, lay_fixtures
from simulation.chunks import write_chunks

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


def led(folder, way, exports, params):
    folder.mkdir()
    lay_fixtures(folder)
    prepare_folder(folder, way, exports, params)
    assert lead(folder, way) == ""
    return folder


def compare(tmp_path, exports, params):
    plain = led(tmp_path / "plain", PLAIN, exports, params)
    made = dict(results(plain))
    assert {"data/features/features.parquet", "data/campaign/list.parquet"} <= set(made)
    assert len(made["data/campaign/list.parquet"]) > 10
    for way in WAYS:
        other = led(tmp_path / f"{way.parts} {way.engine} {way.form}", way, exports, params)
        assert (other / "data/features/features.parquet").is_dir()
        assert differences(plain, other, same_form=way.form == PLAIN.form) == [], way


def test_of_the_simulated_shop(tmp_path):
    exports = tmp_path / "exports"
    truth, how = tmp_path / "exports/truth.parquet", {"unlabelled": 0.15, "seed": 5}
    write_chunks([500], exports, truth, columns=COLUMNS, **how)
    (exports / "suppression.csv").write_text("customer_id\n")
    compare(tmp_path, exports, params_for("data/sample"))


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
