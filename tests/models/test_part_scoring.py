"""Scores of a table in parts are those of the table."""

import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from part_work import Mortal
from parted import divide
from retention.core import paths
from retention.core.errors import InputError
from retention.core.files import read_parquet, write_parquet
from retention.core.hashing import part_numbers
from retention.core.part_names import part_files
from retention.core.parts import map_parts
from retention.core.paths import TRAINED
from retention.models import part_scoring
from retention.models.keeping import read_in_use
from retention.models.part_scoring import refuse_misfit_of, score_parts
from retention.models.scoring import score_customers, score_rows
from scored_shop import CUSTOMERS, KEPT, lay_shop, table_of_customers


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = table_of_customers()
    lay_shop(table)
    return table


def scored(used, *, jobs=1):
    """Risks by id, and the headline."""
    found = score_parts(paths.FEATURES, paths.LEFT_OUT, paths.RISKS, used, jobs=jobs)
    return read_parquet(paths.RISKS).set_index("customer_id").sort_index(), found.headline


@pytest.mark.parametrize("folder", [TRAINED, KEPT])
@pytest.mark.parametrize("count", [1, 3, 7])
def test_risks_do_not_depend_on_the_parts(table, folder, count):
    used = read_in_use(folder)
    expected = score_customers(table, used.model, used.out_of_fold, jobs=1, kept=used.kept)
    divide(paths.FEATURES, count)
    found, headline = scored(used)
    assert found.equals(expected.set_index("customer_id").sort_index())
    ahead = found.loc[table.loc[table["drop"].isna(), "customer_id"], "risk"]
    assert (headline["ahead"], headline["mean_risk"]) == (len(ahead), pytest.approx(ahead.mean()))
    assert headline["expected_precision"] == pytest.approx(ahead[ahead >= 0.5].mean())
    assert len(part_files(paths.RISKS)) == count
    for features, risks in zip(part_files(paths.FEATURES), part_files(paths.RISKS), strict=True):
        ids = (pd.read_parquet(part)["customer_id"].tolist() for part in (features, risks))
        assert next(ids) == next(ids)


def test_a_twin_in_another_part_has_the_risk_of_the_row_that_taught(table):
    used = read_in_use(TRAINED)
    divide(paths.FEATURES, 3)
    found, _ = scored(used)
    rows = table.assign(part=part_numbers(table["customer_id"], count=3))
    told = used.out_of_fold.merge(rows, on="customer_id")
    pairs = told.merge(rows, on=["twin_key", "drop"], suffixes=("", "_twin"))
    apart = pairs[pairs["part"] != pairs["part_twin"]]
    assert len(apart) > 5
    assert found.loc[apart["customer_id_twin"], "risk"].tolist() == apart["risk"].tolist()
    assert found.loc[apart["customer_id_twin"], "out_of_fold"].all()


@pytest.mark.parametrize("as_numbers", [True, False])
def test_of_twins_that_taught_a_kept_model_the_first_by_id_is_told(table, as_numbers):
    """Two rows that behave alike now, and taught with two risks: as numbers 9 is before 10."""
    ids = ["9", "10", "11"] if as_numbers else ["10", "11", "9", "x"]
    rows = table.iloc[[0] * len(ids)].assign(customer_id=ids, twin_key=np.uint64(7), split="train")
    rows["drop"] = pd.array([1] * len(ids), dtype="Int8")
    write_parquet(rows, paths.FEATURES)
    two = pd.DataFrame({"customer_id": ["9", "10"], "behaviour_key": np.uint64(7)})
    used = replace(read_in_use(KEPT), out_of_fold=two.assign(risk=[0.25, 0.75]))
    whole, _ = scored(used)
    assert whole.loc["11", "risk"] == (0.25 if as_numbers else 0.75)
    divide(paths.FEATURES, 3)
    found, _ = scored(used)
    assert found.equals(whole)


@pytest.mark.parametrize("who", ["not there", "a test customer"])
def test_a_model_of_other_customers_is_refused_over_all_parts(table, who):
    used = read_in_use(TRAINED)
    test = table.loc[table["split"] == "test", "customer_id"].iloc[0]
    one = pd.DataFrame({"customer_id": [test if who == "a test customer" else "x"], "risk": 0.5})
    divide(paths.FEATURES, 3)
    others = replace(used, out_of_fold=pd.concat([used.out_of_fold, one]))
    with pytest.raises(InputError, match="trained on other customers"):
        scored(others)
    assert not paths.RISKS.exists()


def test_words_of_all_parts_together_are_those_that_a_model_must_know(table, capsys):
    used = read_in_use(KEPT)
    strange = table.assign(service=table["service"].where(table.index != 3, "golden"))
    write_parquet(strange, paths.FEATURES)
    divide(paths.FEATURES, 3)
    refuse_misfit_of(paths.FEATURES, used, jobs=1)
    assert "score: 1 rows have words of service that the model has never met (golden)" in (
        capsys.readouterr().err
    )
    renamed = table.assign(service=table["service"].replace("premium", "golden"))
    write_parquet(renamed, paths.FEATURES.with_name("renamed"))
    with pytest.raises(InputError, match="golden of service, and no customer has premium"):
        refuse_misfit_of(paths.FEATURES.with_name("renamed"), used, jobs=1)
    lacking = paths.FEATURES.with_name("lacking")
    write_parquet(table.drop(columns="promo_share"), lacking)
    with pytest.raises(InputError, match="needs the column promo_share"):
        refuse_misfit_of(lacking, used, jobs=1)


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(("count", "engine", "jobs"), [(3, "loop", 2), (3, "dask", 1)])
def test_of_few_parts_each_has_all_cores_to_itself(monkeypatch, count, engine, jobs):
    """On a cluster each part has a worker, which asks by one thread."""
    asked, processes = [], []

    def here(function, parts, **how):
        processes.append(how["jobs"])
        return map_parts(function, parts, **how | {"jobs": 1, "light": True})

    def noted(*rows, **how):
        asked.append((how["jobs"], os.getpid()))
        return score_rows(*rows, **how)

    used = read_in_use(TRAINED)
    divide(paths.FEATURES, count)
    monkeypatch.setattr(part_scoring, "in_turn", lambda _: engine == "loop")
    monkeypatch.setattr(part_scoring, "map_parts", here)
    monkeypatch.setattr(part_scoring, "score_rows", noted)
    scored(used, jobs=2)
    assert asked == [(jobs, os.getpid())] * count
    assert processes[-1] == (1 if jobs == 2 else 2)  # never both


@pytest.mark.usefixtures("table")
def test_a_part_whose_worker_is_killed_is_scored_again(tmp_path):
    used = read_in_use(TRAINED)
    divide(paths.FEATURES, 4)
    whole, headline = scored(used)
    mark = tmp_path / "died"
    again, told = scored(replace(used, model=Mortal(used.model, mark)), jobs=2)
    assert mark.exists()
    assert again.equals(whole)
    assert told == headline
    assert len(again) == CUSTOMERS
