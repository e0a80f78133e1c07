"""Models that are kept: whole, by a name of their own, asked only about customers whom they fit."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import WORDS, small_features, small_model
from retention.core import paths
from retention.core.errors import InputError
from retention.core.files import read_json, read_parquet, write_json, write_parquet
from retention.core.params import Label
from retention.core.paths import TRAINED, ModelFolder
from retention.models.estimators import RiskModel
from retention.models.keeping import (
    keep_model,
    read_in_use,
    refuse_misfit,
    refuse_other_outcomes,
)
from retention.models.persistence import save_model

BESIDE = {"evaluation.json": paths.EVALUATION_DETAILS}


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A folder in which a model was trained and judged, and the customers."""
    monkeypatch.chdir(tmp_path)
    features, label = small_features(120, seed=7)
    digest = save_model(
        RiskModel(small_model("logistic", features, label), 1.0, 0.0), TRAINED.model
    )
    kinds = {name: "word" if name in WORDS else "number" for name in features}
    write_json({"features": kinds, "threshold": 0.4, "sha256": digest}, TRAINED.card)
    ids = [str(place) for place in range(120)]
    risks = pd.DataFrame({"customer_id": ids[:80], "risk": 0.25})
    write_parquet(risks, TRAINED.out_of_fold)
    write_json({"grade": "B"}, paths.EVALUATION_DETAILS)
    key = np.arange(120, dtype="uint64") + np.uint64(2**63)
    return features.assign(customer_id=ids, twin_key=key)


def lines(call, *arguments):
    with pytest.raises(InputError) as told:
        call(*arguments)
    return str(told.value)


def test_a_kept_model_is_the_trained_one_with_how_it_was_judged(table):
    folder = keep_model("2026-08", BESIDE, table)
    assert folder == ModelFolder(paths.MODELS / "2026-08")
    assert sorted(path.name for path in folder.folder.iterdir()) == [
        "evaluation.json",
        "model.json",
        "model.skops",
        "out_of_fold.parquet",
    ]
    assert read_json(folder.folder / "evaluation.json") == {"grade": "B"}
    used = read_in_use(folder)
    assert used.kept
    assert not read_in_use(TRAINED).kept
    X = table[list(used.card["features"])]
    np.testing.assert_array_equal(used.model.risk(X), read_in_use(TRAINED).model.risk(X))
    # Each row is kept with the key of what it did, whole: no float holds it.
    assert used.out_of_fold["behaviour_key"].tolist() == table["twin_key"].tolist()[:80]
    assert list(read_parquet(TRAINED.out_of_fold)) == ["customer_id", "risk"]


def test_the_rows_of_months_carry_their_keys_already(table):
    key = np.arange(80, dtype="uint64")
    risks = read_parquet(TRAINED.out_of_fold).assign(month="2025-05", behaviour_key=key)
    write_parquet(risks, TRAINED.out_of_fold)
    kept = read_parquet(keep_model("x", BESIDE, table).out_of_fold)
    pd.testing.assert_frame_equal(kept, risks)


def test_nothing_that_is_kept_is_written_over(table):
    keep_model("first", BESIDE, table)
    assert "models/first is there already" in lines(keep_model, "first", BESIDE, table)
    (paths.MODELS / "second.dvc").touch()  # its folder was not pulled
    assert "models/second is there already" in lines(keep_model, "second", BESIDE, table)
    for name in ("a/b", "../x", ".x", "", "a b"):
        assert "is no name of a folder" in lines(keep_model, name, BESIDE, table)
    paths.EVALUATION_DETAILS.unlink()
    assert "is not there yet" in lines(keep_model, "third", BESIDE, table)
    TRAINED.model.write_bytes(b"")
    assert "is not the file that train wrote" in lines(keep_model, "third", BESIDE, table)
    assert sorted(path.name for path in paths.MODELS.iterdir()) == ["first", "second.dvc"]


def test_a_model_that_is_not_there_is_told_with_those_that_are(table):
    keep_model("first", BESIDE, table)
    found = lines(read_in_use, ModelFolder(paths.MODELS / "frist"))
    assert found == (
        "params score.model: there is no model in models/frist; valid: data/model, models/first"
    )
    for wrong in ("models", "../x", ".", "/", "models/first/model.json"):
        found = lines(read_in_use, ModelFolder(Path(wrong)))
        assert found.startswith(f"params score.model: there is no model in {wrong}; valid: data/m")
    (paths.MODELS / "old.dvc").touch()
    found = lines(read_in_use, ModelFolder(paths.MODELS / "old"))
    assert (
        found == "models/old (params score.model) is not here; `dvc pull models/old.dvc` brings it"
    )


def test_no_stage_is_named_that_would_not_mend_a_kept_model(table):
    folder = keep_model("first", BESIDE, table)
    (paths.MODELS / "first.dvc").touch()
    for path, said in (
        (folder.model, "is not the file that train wrote"),
        (folder.out_of_fold, "is damaged"),
        (folder.card, "is damaged"),
    ):
        path.write_bytes(b"x")
        found = lines(read_in_use, folder)
        assert said in found
        assert found.endswith("; `dvc pull -f models/first.dvc` brings it, or promote a model anew")
        path.unlink()
        assert "is not there yet; `dvc pull -f models/first.dvc`" in lines(read_in_use, folder)
        keep_model("again", BESIDE, table).folder.joinpath(path.name).rename(path)
        shutil.rmtree(paths.MODELS / "again")


def test_columns_that_do_not_fit_end_in_one_line(table):
    used = read_in_use(keep_model("first", BESIDE, table))
    refuse_misfit(used, table.assign(another=1))  # the model does not ask for it
    found = lines(refuse_misfit, used, table.drop(columns="promo_share"))
    assert found.startswith("models/first/model.json: the model needs the column promo_share")
    assert "valid: columns.yaml as it was, or a model of these columns" in found
    found = lines(refuse_misfit, used, table.assign(service=1.0))
    assert "the column service is a word, to columns.yaml a number; valid: a word" in found
    found = lines(refuse_misfit, used, table.assign(minutes_m0="many"))
    assert "the column minutes_m0 is a number, to columns.yaml a word; valid: a number" in found


RULE = {"horizon_months": 3, "base_months": 3, "drop_below": 0.8, "absent": "zero"}


@pytest.mark.parametrize(
    ("label", "change", "said"),
    [
        (RULE, {"drop_below": 0.9}, "by label.drop_below 0.8, params.yaml has 0.9; valid: 0.8, or"),
        (RULE, {"absent": "unknown"}, "by label.absent 'zero', params.yaml has 'unknown'"),
        (None, {"horizon_months": 2}, "by label.horizon_months 3, params.yaml has 2; valid: 3"),
    ],
)
def test_a_model_of_other_outcomes_than_those_of_params_ends_in_one_line(
    table, label, change, said
):
    used = read_in_use(keep_model("first", BESIDE, table))
    refuse_other_outcomes(used, Label(**RULE | change))  # of a snapshot: it names none
    used.card["horizon_months"] = 3
    if label:
        used.card["label"] = label
    refuse_other_outcomes(used, Label(**RULE))
    found = lines(refuse_other_outcomes, used, Label(**RULE | change))
    assert found.startswith("models/first/model.json: the model learnt from outcomes ")
    assert said in found
    if label is None:  # the shop told the outcomes: where the rule cuts says nothing of them
        refuse_other_outcomes(used, Label(**RULE | {"drop_below": 0.5}))


def test_words_that_were_renamed_end_in_one_line_and_a_new_one_is_told(table, capsys):
    used = read_in_use(keep_model("first", BESIDE, table))
    renamed = table.assign(service=table["service"].replace("standard", "basic"))
    found = lines(refuse_misfit, used, renamed)
    assert "does not know the words basic of service, and no customer has standard" in found
    assert not capsys.readouterr().err
    new = table.assign(service=table["service"].mask(table.index < 3, "gold"))
    refuse_misfit(used, new)
    told = "score: 3 rows have words of service that the model has never met (gold)\n"
    assert capsys.readouterr().err == told
    refuse_misfit(read_in_use(TRAINED), new)
    refuse_misfit(used, table.assign(service=table["service"].mask(table.index < 3)))
    refuse_misfit(used, table[table["service"] == "premium"])
    assert not capsys.readouterr().err
