import functools
import hashlib
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from helpers import small_features, small_model
from project import ROOT
from retention.core.errors import InputError
from retention.models.estimators import FAMILIES, RiskModel
from retention.models.persistence import load_model, save_model

pytestmark = pytest.mark.slow
ONE_PROCESS = """
import json, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from test_persistence import fitted, FAMILIES, save_model
folder = Path(sys.argv[1])
print(json.dumps({{name: save_model(fitted(name), folder / name) for name in FAMILIES}}))
"""


class Custom(RiskModel):
    """A type of nobody's list."""


def fitted(name):
    features, label = small_features(150, seed=4)
    return RiskModel(small_model(name, features, label), slope=1.3, intercept=-0.2)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.skops"
    return path, save_model(fitted("tree"), path)


def refusal(path, digest):
    with pytest.raises(InputError) as mistake:
        load_model(path, sha256=digest)
    return str(mistake.value)


@pytest.mark.parametrize("name", FAMILIES)
def test_two_fits_give_the_same_bytes_and_the_file_gives_the_same_risks(tmp_path, name):
    first, second = tmp_path / "first.skops", tmp_path / "second.skops"
    model = fitted(name)
    digest = save_model(model, first)
    assert save_model(fitted(name), second) == digest
    assert first.read_bytes() == second.read_bytes()
    unseen, _ = small_features(80, seed=9)
    back = load_model(first, sha256=digest)
    np.testing.assert_array_equal(back.risk(unseen), model.risk(unseen))


@pytest.mark.parametrize(
    "calibration", [{"bend": (0.3, 2.0, -0.8, 0.01)}, {"steps": [(-1.0, -2.0), (1.0, 0.5)]}]
)
def test_bent_calibration_comes_back_from_the_file(tmp_path, calibration):
    model, unseen = fitted("tree").set_params(**calibration), small_features(80, seed=9)[0]
    digest = save_model(model, tmp_path / "model.skops")
    back = load_model(tmp_path / "model.skops", sha256=digest)
    np.testing.assert_array_equal(back.risk(unseen), model.risk(unseen))
    assert (model.risk(unseen) != fitted("tree").risk(unseen)).any()


def test_two_processes_with_other_hashes_give_the_same_bytes(tmp_path):
    paths = [str(ROOT / "stages"), str(ROOT / "tests"), str(ROOT / "tests" / "models")]
    script = ONE_PROCESS.format(paths=paths)
    running = []
    for number in ("1", "2"):
        folder = tmp_path / number
        folder.mkdir()
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", script, str(folder)],
                env=os.environ | {"PYTHONHASHSEED": number, "OMP_NUM_THREADS": "1"},
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    first, second = (json.loads(process.communicate(timeout=120)[0]) for process in running)
    assert set(first) == set(FAMILIES)
    assert first == second


@pytest.mark.parametrize("name", ["boosting", "forest"])
def test_number_of_cores_does_not_change_the_bytes(tmp_path, name):
    digests = []
    for cores in (1, 2):
        with threadpool_limits(cores):
            digests.append(save_model(fitted(name), tmp_path / str(cores)))
    assert digests[0] == digests[1]


def test_other_models_have_other_bytes(tmp_path):
    model = fitted("tree")
    before = save_model(model, tmp_path / "a.skops")
    model.slope += 1e-9
    assert save_model(model, tmp_path / "b.skops") != before


def test_file_carries_no_time_of_writing(saved):
    with zipfile.ZipFile(saved[0]) as archive:
        assert {part.date_time for part in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@settings(max_examples=25, deadline=None)
@given(place=st.integers(0, 10**9), flip=st.integers(1, 255))
def test_changed_byte_is_refused(saved, tmp_path_factory, place, flip):
    path, digest = saved
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= flip
    broken = tmp_path_factory.mktemp("broken") / "model.skops"
    broken.write_bytes(content)
    assert refusal(broken, digest).startswith(f"{broken} is not the file that train wrote: ")


def test_refusal_names_both_digests_and_the_way_out(saved):
    path, digest = saved
    told = f"{path} is not the file that train wrote: its sha256 is {digest[:12]}…, "
    told += "model.json says 000000000000…; run `dvc repro train`"
    assert refusal(path, "0" * 64) == told


def test_absent_model_is_told(tmp_path):
    path = tmp_path / "model.skops"
    assert refusal(path, "0" * 64).startswith(f"{path} is not there yet; ")


@pytest.mark.parametrize(
    ("held", "name"),
    [
        (functools.partial(print, "ran"), "functools.partial"),
        (functools.partial(os.system, "true"), "posix.system"),
        (print, "builtins.print"),
        (Custom(None, 1.0, 0.0), f"{Custom.__module__}.Custom"),
    ],
)
def test_foreign_type_is_refused_by_name_though_the_digest_is_right(tmp_path, capfd, held, name):
    path = tmp_path / "model.skops"
    digest = save_model(RiskModel(held, 1.0, 0.0), path)
    told = refusal(path, digest)
    assert told.startswith(f"{path} holds types that are not trusted: ")
    assert name in told.split(": ")[-1].split(", ")
    assert capfd.readouterr().out == ""


def test_foreign_type_hidden_deep_in_a_model_is_refused(tmp_path):
    model = fitted("logistic")
    model.pipeline.named_steps["estimate"].note = [{"a": (Custom(None, 1.0, 0.0),)}]
    digest = save_model(model, tmp_path / "model.skops")
    told = refusal(tmp_path / "model.skops", digest)
    assert told.endswith(f"not trusted: {Custom.__module__}.Custom")


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_truncated_model_is_told_though_the_digest_is_right(saved, tmp_path, share):
    whole = saved[0].read_bytes()
    path = tmp_path / "model.skops"
    path.write_bytes(whole[: int(share * len(whole))])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    told = refusal(path, digest)
    assert told.startswith(f"{path} is no model that can be read (")
    assert told.endswith("); run `dvc repro -f train`, which makes it anew")


def test_archive_of_something_else_is_told(tmp_path):
    path = tmp_path / "model.skops"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", "{}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert refusal(path, digest).startswith(f"{path} is no model that can be read (")
