"""Benchmarks and studies run by hand: a name that moved must not break one unseen."""

import subprocess
import sys

import pytest

from clones import ENVIRONMENT
from project import ROOT

SCRIPTS = sorted((ROOT / "benchmarks").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_name_that_a_benchmark_takes_is_there(script):
    load = f"import runpy; runpy.run_path({str(script)!r}, run_name='loaded')"
    done = subprocess.run(
        [sys.executable, "-c", load],
        cwd=script.parent,
        env=ENVIRONMENT | {"PYTHONPATH": str(script.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_the_study_of_permuted_labels_looks_for_texts_that_are_there():
    told = "[key for language in ('ru', 'en') for key, _ in permuted.claiming(language)]"
    done = subprocess.run(
        [sys.executable, "-c", f"import permuted; print(*{told}, sep='\\n')"],
        cwd=ROOT / "benchmarks",
        env=ENVIRONMENT | {"PYTHONPATH": str(ROOT / "benchmarks")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    keys = done.stdout.split()
    assert {"reasons.intro", "segments.intro", "model.verdict.hold"} <= set(keys)
    assert keys.count("model.shift.inside") == 2


def test_every_study_has_a_target():
    recipes = (ROOT / "Makefile").read_text(encoding="utf-8")
    run = {path.name for path in SCRIPTS if "__main__" in path.read_text(encoding="utf-8")}
    assert {"stages.py", "campaign.py"} <= run
    assert {name for name in run if f"benchmarks/{name}" not in recipes} == set()
    studies = [line.partition(":")[0] for line in recipes.splitlines() if line[:6] == "study-"]
    assert len(studies) == len(set(studies))
