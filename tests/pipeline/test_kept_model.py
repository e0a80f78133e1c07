"""A model that was kept scores new customers: nothing is trained."""

import json
import shutil

import pandas as pd
import pytest

from clones import Clone

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(clone, tmp_path_factory):
    """A copy of a run in which the model was kept, by the commands of docs/model.md."""
    folder = tmp_path_factory.mktemp("kept") / "own"
    made = Clone(shutil.copytree(clone.folder, folder, symlinks=True))
    made.said = made.run("python", "stages/promote.py", "first")
    made.run("dvc", "add", "-q", "models/first")
    return made


def write_param(clone, old, new):
    path = clone.folder / "params.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_model_is_kept_with_its_grade_and_the_way_on_is_told(shop):
    first, *commands = shop.said.splitlines()
    assert first.startswith("models/first: ")
    assert first.endswith(
        ", grade " + json.loads(shop.files("metrics")["metrics/evaluate.json"])["grade"]
    )
    assert commands == [
        "dvc add models/first",
        "git add models/first.dvc models/.gitignore",
        "params.yaml: score: model: models/first",
        "dvc repro report",
    ]
    assert "out_of_fold.parquet" not in shop.run("git", "status", "--short", "-uall", "models")
    again = shop.run("python", "stages/promote.py", "first", fails=True)
    assert again == "error: models/first is there already: a model that was kept stays as it is\n"


def test_with_a_kept_model_the_same_customers_give_the_same_figures_and_new_ones_train_nothing(
    shop,
):
    before = shop.files("metrics", "plots", "data/campaign")
    write_param(shop, "  model: data/model", "  model: models/first")
    # Nobody is asked to choose a model any more: what train would do now is another matter.
    write_param(shop, "  folds: 5", "  folds: 4")
    said = shop.run("dvc", "repro", "report")
    assert "Running stage 'score'" in said
    assert "train" not in said
    after = shop.files("metrics", "plots", "data/campaign")
    assert {name for name in before if after[name] != before[name]} == set()
    write_param(shop, "  customers: 400", "  customers: 401")  # everybody is somebody else
    said = shop.run("dvc", "repro", "report")
    assert "Running stage 'featurize'" in said
    assert "Running stage 'report'" in said
    assert "train" not in said
    risks = pd.read_parquet(shop.folder / "data/scores/risk.parquet")
    assert not risks["taught"].any()
    assert risks["risk"].nunique() > 100
    stale = shop.run("python", "stages/promote.py", "second", fails=True)
    assert stale.startswith("error: params score.model is models/first")


def test_a_model_and_an_evaluation_of_another_are_not_kept_together(shop):
    write_param(shop, "  model: models/first", "  model: data/model")
    found = shop.run("python", "stages/promote.py", "second", fails=True)
    assert found.startswith("error: what train wrote is not of the params, code and files")
    assert not (shop.folder / "models/second").exists()
    shop.run("git", "checkout", "-q", "params.yaml")
    shop.run("dvc", "checkout", "-q")


def test_changed_columns_end_in_one_line(shop):
    write_param(shop, "  model: data/model", "  model: models/first")
    path = shop.folder / "columns.yaml"
    text = path.read_text(encoding="utf-8")
    assert "service_errors" in text
    path.write_text(text.replace("service_errors", "service_faults"), encoding="utf-8")
    shop.run("python", "stages/prepare.py")
    shop.run("python", "stages/featurize.py")
    found = shop.run("python", "stages/score.py", fails=True)
    assert found.startswith(
        "error: models/first/model.json: the model needs the column service_errors"
    )
    assert len(found.splitlines()) == 1
