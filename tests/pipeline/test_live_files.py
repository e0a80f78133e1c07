"""The files that a person edits are valid, whatever they hold; no other test reads them."""

import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml
from dvc.utils.serialize import modify_yaml, parse_yaml

from clones import ENVIRONMENT, copy_project
from helpers import an_offer, clean_export, export_text
from project import EDITED, ROOT
from retention.campaign.offers import load_offers
from retention.core.columns import load_columns
from retention.core.params import Params, load_params
from retention.core.yaml_files import read_yaml

PARAMS = ROOT / "params.yaml"
OWN_NAMES = {"prepare.misspellings", "segment.rules"}
"""Params whose keys are a person's own words: they need no comment."""


@pytest.mark.parametrize("name", EDITED)
def test_file_is_read_as_dvc_reads_it(name):
    path = ROOT / name
    assert read_yaml(path) == parse_yaml(path.read_text(encoding="utf-8"), name)


def test_params_are_valid():
    assert (
        load_params(PARAMS, columns=load_columns(ROOT / "columns.yaml")).train.folds
        == read_yaml(PARAMS)["train"]["folds"]
    )


def keys_of(node, above=""):
    """Each key of a composed mapping, by its dotted name and the number of its line."""
    if isinstance(node, yaml.MappingNode) and above not in OWN_NAMES:
        for key, value in node.value:
            name = f"{above}.{key.value}".lstrip(".")
            yield name, key.start_mark.line
            yield from keys_of(value, name)


def test_every_param_is_commented():
    """Beside it or above it: DVC puts a new rule between a comment and the key it belongs to."""
    text = PARAMS.read_text(encoding="utf-8")
    lines, keys = text.splitlines(), dict(keys_of(yaml.compose(text)))
    assert {"campaign.budget", "models.logistic.C"} <= set(keys)
    bare = [
        name
        for (name, place), before in zip(keys.items(), [-1, *keys.values()], strict=False)
        if "." in name
        and "#" not in lines[place]
        and not any(line.strip().startswith("#") for line in lines[before + 1 : place])
    ]
    assert bare == []


def test_params_that_the_readme_names_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    sections = "|".join(Params.model_fields)
    named = set(re.findall(rf"(?<![\w/])((?:{sections})(?:\.\w+)+)", readme))
    assert {"data.dir", "train.model", "campaign.suppression"} <= named
    keys = dict(keys_of(yaml.compose(PARAMS.read_text(encoding="utf-8"))))
    assert named - set(keys) == set()


def test_catalogue_is_valid():
    columns = load_columns(ROOT / "columns.yaml")
    names = [column.name for column in columns.features(use_profit=True)]
    offers = load_offers(ROOT / "offers.yaml", columns=columns, features=names)
    content = read_yaml(ROOT / "offers.yaml") or []
    assert [offer.code for offer in offers] == [offer["code"] for offer in content]


def test_metrics_are_strict_json():
    def refuse(word):
        raise AssertionError(f"{word} is not strict JSON")

    for path in sorted((ROOT / "metrics").glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
        assert isinstance(found, dict), path.name


def own_export(folder):
    """Put another shop's four files into data/raw."""
    raw = folder / "data" / "raw"
    raw.mkdir(parents=True)
    for table, rows in clean_export(80, seed=2).items():
        (raw / f"{table}.csv").write_text(export_text(rows), encoding="utf-8")


def other_params(folder):
    """Change params as a person would, by hand or by `dvc exp run -S`."""
    with modify_yaml(folder / "params.yaml") as content:
        content["data"]["dir"] = "data/raw"
        content["campaign"]["date"] = "2031-02-03"
        content["train"]["comparisons"] = 5
        content["segment"]["rules"]["newcomers"] = "tenure_days <= 90 and risk >= 0.3"


def offers(change):
    """Change the list of offers."""

    def edit(folder):
        path = folder / "offers.yaml"
        content = change(read_yaml(path) or [])
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")

    return edit


def figures_of_others(folder):
    """Leave the metrics of other customers: each number is another one."""

    def other(value):
        if isinstance(value, dict):
            return {key: other(one) for key, one in value.items()}
        return value / 3 + 1 if isinstance(value, float) else value

    rewrite_metrics(folder, other)


def figures_of_another_version(folder):
    """Leave metrics that lack every other key, and no plots, lock or report."""
    rewrite_metrics(folder, lambda found: dict(list(found.items())[::2]))
    shutil.rmtree(folder / "plots", ignore_errors=True)
    (folder / "dvc.lock").unlink(missing_ok=True)


def rewrite_metrics(folder, change):
    for path in (folder / "metrics").glob("*.json"):
        path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))))


EDITS = {
    "another shop, fewer offers": [
        other_params, own_export, offers(lambda found: found[2:]), figures_of_others,
    ],
    "no export yet, more offers": [
        other_params,
        offers(lambda found: [*found, *(an_offer(code).model_dump() for code in ("own", "new"))]),
        figures_of_another_version,
    ],
}  # fmt: skip
"""What an analyst may have done to the live files; edits stand together if none hides another."""


@pytest.fixture(scope="module")
def fast_tests(tmp_path_factory):
    """What the fast tests say in a copy of the project after each entry of EDITS, side by side."""

    def run(folder, edits):
        copy_project(folder)
        for edit in edits:
            edit(folder)
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-m", "not slow", "-p", "no:cacheprovider"],
            cwd=folder,
            env=ENVIRONMENT | {"PYTEST_ADDOPTS": "", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    with ThreadPoolExecutor() as pool:
        folders = {name: tmp_path_factory.mktemp("edited") for name in EDITS}
        runs = {name: pool.submit(run, folders[name], edits) for name, edits in EDITS.items()}
        return {name: done.result() for name, done in runs.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", EDITS)
def test_fast_tests_are_green_whatever_the_live_files_hold(fast_tests, name):
    done = fast_tests[name]
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 800
