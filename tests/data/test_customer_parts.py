"""The table of customers in parts: the same rows and figures however many parts there are."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import featurize
import train
from dictionary import COLUMNS
from helpers import project_params, random_shop
from parted import divide
from project import lay_fixtures
from retention.core import paths
from retention.core.errors import InputError
from retention.core.files import read_parquet, write_parquet
from retention.core.hashing import one_of_each_twin
from retention.core.id_order import in_id_order
from retention.core.params import Features
from retention.core.part_names import clear_table, part_files
from retention.core.vocabulary import PROFIT
from retention.data import drift, study_rows
from retention.data.cleaning import customer_keys
from retention.data.column_study import associate, study_columns
from retention.data.customer_parts import CustomerFiles, find_unscored, make_customers

PARAMS = Features(**project_params()["features"] | {"sample": 100})
FILES = CustomerFiles(paths.PREPARED, paths.SET_ASIDE, paths.FEATURES, paths.LEFT_OUT)
FORMS = {"numbers": "{}", "text": "c{}"}
SIZE = 900


def twin_shop(form: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what prepare writes: ids of different length, a third of them twins of others."""
    rng = np.random.default_rng(5)
    shop = random_shop(SIZE, seed=5)
    like = np.arange(SIZE)
    like[SIZE * 2 // 3 :] = rng.integers(0, 50, SIZE - SIZE * 2 // 3)
    ids = 7 ** rng.uniform(2, 9, 3000)
    ids = rng.permutation(np.unique(ids.astype("int64")))
    shop = shop.iloc[like].reset_index(drop=True)
    shop["customer_id"] = [form.format(one) for one in ids[:SIZE]]
    shop["drop"] = pd.array(rng.integers(0, 2, SIZE), dtype="Int8")
    shop["drop"] = shop["drop"].mask(rng.random(SIZE) < 0.3)
    shop["favourite_category"] = shop["favourite_category"].mask(like % 9 == 0).astype("str")
    shop["minutes_m0"] = shop["minutes_m0"].mask(like % 7 == 0)
    shop[PROFIT] += shop["drop"].isna() * 2.0  # so that something drifts
    shop["position"] = rng.permutation(SIZE).astype(float)
    others = pd.DataFrame({"customer_id": [form.format(one) for one in ids[SIZE : SIZE + 70]]})
    tables = shop, others.assign(reason="not_regular")
    assert shop["customer_id"].is_unique
    return tuple(
        table.iloc[np.argsort(customer_keys(table["customer_id"]), kind="stable")].reset_index(
            drop=True
        )
        for table in tables
    )


def write_shop(shop: pd.DataFrame, others: pd.DataFrame, parts: int) -> None:
    for table, path in ((shop, paths.PREPARED), (others, paths.SET_ASIDE)):
        clear_table(path)
        write_parquet(table, path)
        if parts > 1:
            divide(path, parts)


def in_parts(shop, others, parts):
    """Make the table in some parts; return it, the ids left out, and the rows to study."""
    write_shop(shop, others, parts)
    rows = make_customers(FILES, PARAMS, columns=COLUMNS, horizon=3)
    assert len(part_files(paths.FEATURES)) == len(part_files(paths.LEFT_OUT)) == parts
    return read_parquet(paths.FEATURES), read_parquet(paths.LEFT_OUT), rows


def studied(rows):
    """Return what goes with what, what the columns say, and of whom."""
    related = associate(rows, PARAMS)
    return related, study_columns(rows, PARAMS, associations=related), rows.sample(PARAMS)


@pytest.fixture
def small_drift(monkeypatch):
    """Fewer customers of each side compared than there are."""
    few = dataclasses.replace(drift.DRIFT_SAMPLE, most=60)
    monkeypatch.setattr(drift, "DRIFT_SAMPLE", few)
    monkeypatch.setattr(study_rows, "DRIFT_SAMPLE", few)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("parts", [3, 7])
@pytest.mark.usefixtures("small_drift")
def test_parts_change_nothing(tmp_path, monkeypatch, form, parts):
    monkeypatch.chdir(tmp_path)
    shop, others = twin_shop(form)
    whole, left_out, rows = in_parts(shop, others, 1)
    related, study, seen = studied(rows)
    table, ids, rows = in_parts(shop, others, parts)
    associations, found, sample = studied(rows)
    numbers = form == FORMS["numbers"]
    assert not table["customer_id"].equals(whole["customer_id"])
    pd.testing.assert_frame_equal(in_id_order(table, numbers=numbers), whole)
    pd.testing.assert_frame_equal(in_id_order(ids, numbers=numbers), left_out)
    assert found.details == study.details
    assert found.headline == study.headline
    pd.testing.assert_frame_equal(associations, related)
    pd.testing.assert_frame_equal(sample.reset_index(drop=True), seen.reset_index(drop=True))
    # All this would be easy without twins, samples and drift.
    assert study.details["twins"] > 100
    assert study.details["sample"] == 100 < study.details["customers"]["train"]
    assert study.details["drift"]["customers"] == {"before": 60, "ahead": 60}
    assert [one["column"] for one in study.details["drift"]["columns"]] == [PROFIT]


def test_twins_of_other_parts_are_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shop, others = twin_shop("{}")
    table, *_ = in_parts(shop, others, 7)
    within = [
        one_of_each_twin(part["twin_key"].to_numpy(), part["drop"])
        for part in map(read_parquet, part_files(paths.FEATURES))
    ]
    more = np.concatenate(within) & ~table["scored"].to_numpy()
    assert more.sum() > 50


def test_workers_write_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_shop(*twin_shop("{}"), 4)  # enough to be worth two processes
    # Workers may have been started by another test, in its folder.
    places = {name: tmp_path / path for name, path in vars(FILES).items()}
    details, written = [], []
    for jobs in (1, 2):
        files = CustomerFiles(**places)
        rows = make_customers(files, PARAMS, columns=COLUMNS, horizon=3, jobs=jobs)
        details.append(studied(rows)[1].details)
        written.append([one.read_bytes() for one in part_files(files.features)])
    assert details[0] == details[1]
    assert len(written[0]) == 4
    assert written[0] == written[1]


def test_one_other_id_that_is_no_number_makes_the_order_that_of_text(tmp_path, monkeypatch):
    """Ids in one part of those set aside decide it, and which twin comes first with it."""
    monkeypatch.chdir(tmp_path)
    shop, others = twin_shop("{}")
    others.loc[0, "customer_id"] = "x1"
    shop = in_id_order(shop, numbers=False)
    whole, _, rows = in_parts(shop, others, 1)
    _, study, _ = studied(rows)
    table, _, rows = in_parts(shop, others, 7)
    pd.testing.assert_frame_equal(in_id_order(table, numbers=False), whole)
    _, found, _ = studied(rows)
    assert found.details == study.details
    by_number, _ = twin_shop("{}")
    first = set(in_parts(by_number, others, 1)[0].query("scored")["customer_id"])
    assert first != set(whole.query("scored")["customer_id"])


def test_a_run_in_fewer_parts_leaves_nothing_of_the_last(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shop, others = twin_shop("{}")
    for parts in (3, 2, 1):
        table, ids, *_ = in_parts(shop, others, parts)
        assert (len(table), len(ids)) == (SIZE, 70)


def test_tables_of_other_parts_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_shop(*twin_shop("{}"), 3)
    divide(paths.SET_ASIDE, 2)
    said = r"set_aside\.parquet is in 2 parts, .*customers\.parquet in 3; run"
    with pytest.raises(InputError, match=said):
        make_customers(FILES, PARAMS, columns=COLUMNS, horizon=3)


few_twins = st.lists(
    st.tuples(st.integers(0, 6), st.integers(-1, 1), st.integers(0, 3)), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(rows=few_twins, numbers=st.booleans(), seed=st.integers(0, 99))
def test_the_first_twin_by_id_is_scored_wherever_it_is(tmp_path_factory, rows, numbers, seed):
    folder = tmp_path_factory.mktemp("twins")
    ids = np.random.default_rng(seed).choice(500, len(rows), replace=False)
    shop = pd.DataFrame(rows, columns=["key", "label", "part"])
    shop["customer_id"] = pd.Series(ids.astype("str"), dtype="str")
    shop["key"] = shop["key"].astype("uint64") << np.uint64(61)
    shop = in_id_order(shop, numbers=numbers)
    parts = [shop[shop["part"] == number].reset_index(drop=True) for number in range(4)]
    tables = [folder / f"{number}.parquet" for number in range(4)]
    for part, table in zip(parts, tables, strict=True):
        write_parquet(part, table)
    keys, labels = ([part[name].to_numpy() for part in parts] for name in ("key", "label"))
    found = find_unscored(keys, labels, tables, numbers=numbers)
    others = {one for part, rows in zip(parts, found, strict=True) for one in part.iloc[rows, 3]}
    scored = one_of_each_twin(shop["key"].to_numpy(), shop["label"])
    assert others == set(shop.loc[~scored, "customer_id"])


def outputs() -> dict[str, bytes]:
    """All that featurize and train write but tables of customers."""
    tables = (paths.FEATURES, paths.LEFT_OUT)
    folders = (paths.FEATURES.parent, paths.TRAINED.folder, paths.METRICS, paths.PLOTS)
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        str(path): path.read_bytes()
        for path in files
        if not any(path.is_relative_to(table) for table in tables)
    }


@pytest.mark.parametrize(("form", "parts"), [("numbers", 3), ("text", 7)])
def test_featurize_and_train_write_the_same_of_parts(tmp_path, monkeypatch, form, parts):
    monkeypatch.chdir(tmp_path)
    lay_fixtures(tmp_path)
    params = Path("params.yaml").read_text(encoding="utf-8")
    changed = {"  model: auto": "  model: logistic", "  max_rows: 20000": "  max_rows: 300"}
    changed |= {"  comparisons: 3": "  comparisons: 1", "  candidates: 10": "  candidates: 1"}
    changed |= {"  sample: 20000": "  sample: 250", "  jobs: 2": "  jobs: 1"}
    for old, new in changed.items():
        assert params.count(f"{old}\n") >= 1
        params = params.replace(f"{old}\n", f"{new}\n", 1)
    Path("params.yaml").write_text(params, encoding="utf-8")
    shop, others = twin_shop(FORMS[form])
    made = []
    for count in (1, parts):
        write_shop(shop, others, count)
        featurize.main()
        train.main()
        made.append(outputs())
    card = json.loads(paths.TRAINED.card.read_text(encoding="utf-8"))
    assert card["training_customers"] == pytest.approx(300, abs=2)
    assert len(made[0]) == 13
    assert made[0].keys() == made[1].keys()
    assert [name for name in made[0] if made[0][name] != made[1][name]] == []
