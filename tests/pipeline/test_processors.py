"""The same bytes on another kind of processor: other kernels of BLAS, numpy and libm, one result.

Environment variables make other processors of this one. What they change is the last digits of a
sum, an exponential or a logarithm, and the order in which numpy's sort leaves ties.
"""

import ast
import json
import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest
import yaml
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from clones import ENVIRONMENT, make_clone

STAGES = Path(__file__).parents[2] / "stages"
KERNELS = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
"""Those of numpy that this processor could run."""
USUAL = "usual"
PROCESSORS = {
    USUAL: {"OPENBLAS_CORETYPE": "Haswell"},
    "old": {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": " ".join(KERNELS)},
    "other": {
        "OPENBLAS_CORETYPE": "Sandybridge",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2",
    },
}
CHANGES = {"old": {"blas", "numpy"}, "other": {"blas", "libm"}}
"""What a processor must have changed: a name that nobody knows would be passed over in silence."""
MODELS = ("logistic", "svc", "boosting", "blend")
SMALL = {
    "simulate": {"customers": 400},
    "train": {
        "families": ["logistic", "svc", "boosting"],
        "folds": 3,
        "comparisons": 1,
        "candidates": 2,
        "jobs": 1,
    },
    "evaluate": {"bootstrap": 100},
    "explain": {"evaluations": 2000, "max_evaluations": 20000},
}
CHILD = """
import hashlib, importlib, json, math, os, sys
import numpy as np, scipy.linalg
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from threadpoolctl import threadpool_info

sys.path.insert(0, "stages")
for name in sys.argv[1].split():
    importlib.import_module(name)
for folder in sys.argv[2:]:
    os.chdir(folder)
    for name in sys.argv[1].split():
        sys.modules[name].main()
told = repr([math.exp(place / 1000) for place in range(40_000)])
print(json.dumps({
    "blas": sorted({one["architecture"] for one in threadpool_info() if one["user_api"] == "blas"}),
    "numpy": [name for name in __cpu_dispatch__ if __cpu_features__[name]],
    "libm": hashlib.sha256(told.encode()).hexdigest(),
}))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        platform.machine() != "x86_64" or platform.libc_ver()[0] != "glibc" or not KERNELS,
        reason="no other processor can be made of this one",
    ),
]


def run(processor, stages, folders):
    """Run the stages in each of the folders as on `processor`; return the kernels they used."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, " ".join(stages), *map(str, folders)],
        cwd=folders[0],
        env=ENVIRONMENT | {"OMP_NUM_THREADS": "1"} | PROCESSORS[processor],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Every processor's kernels, and its clone for the data and for each model."""
    source = make_clone(tmp_path_factory.mktemp("processors"))
    params = yaml.safe_load((source.folder / "params.yaml").read_text(encoding="utf-8"))
    for section, changed in SMALL.items():
        params[section] |= changed
    stages = list(
        yaml.safe_load((source.folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    )
    start = stages.index("train")

    def copied(clone, name, model):
        folder = source.folder.with_name(name)
        shutil.copytree(clone.folder, folder)
        params["train"]["model"] = model
        (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        return type(clone)(folder)

    clones = {(one, "data"): copied(source, f"{one}-data", "auto") for one in PROCESSORS}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        asked = [pool.submit(run, one, stages[:start], [clones[one, "data"].folder])
                 for one in PROCESSORS]  # fmt: skip
        kernels = {one: told.result() for one, told in zip(PROCESSORS, asked, strict=True)}
        for one, model in product(PROCESSORS, MODELS):
            clones[one, model] = copied(clones[USUAL, "data"], f"{one}-{model}", model)
        # Two models a process, which imports once.
        halves = list(product(PROCESSORS, (MODELS[::2], MODELS[1::2])))
        asked = [
            pool.submit(run, one, stages[start:], [clones[one, model].folder for model in half])
            for one, half in halves
        ]
        for told, (one, _) in zip(asked, halves, strict=True):
            assert told.result() == kernels[one]
    return kernels, clones


@pytest.mark.parametrize("processor", CHANGES)
def test_the_processor_is_another_one(runs, processor):
    kernels, _ = runs
    usual = kernels[USUAL]
    assert {kind for kind in usual if kernels[processor][kind] != usual[kind]} == CHANGES[processor]
    assert usual["numpy"] == KERNELS
    assert kernels["old"]["numpy"] == []


@pytest.mark.parametrize("model", ["data", *MODELS])
@pytest.mark.parametrize("processor", CHANGES)
def test_every_output_has_the_same_bytes(runs, processor, model):
    _, clones = runs
    usual, other = (
        clones[one, model].files("data", "metrics", "plots", "report") for one in (USUAL, processor)
    )
    assert len(usual) >= (12 if model == "data" else 60)
    assert sorted(usual) == sorted(other)
    assert [name for name, content in usual.items() if other[name] != content] == []


def test_every_sort_leaves_ties_as_they_stand():
    """By two columns pandas sorts so by itself."""
    unstable = []
    for path in sorted(STAGES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            one_key = not (node.args and isinstance(node.args[0], ast.List))
            if node.func.attr == "argsort" or (node.func.attr == "sort_values" and one_key):
                kind = [word.value for word in node.keywords if word.arg == "kind"]
                if [getattr(value, "value", None) for value in kind] != ["stable"]:
                    unstable.append(f"{path.name}:{node.lineno}")
    assert unstable == []
