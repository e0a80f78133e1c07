"""The lists of packages and their locks against the code and against each other."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-remotes.txt",
    "requirements-cluster.txt",
)


CLUSTER = {"cloudpickle", "dask", "distributed"}
"""What only parts on Dask need."""


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def listed(name):
    """The packages of a list, and whether each has its reason."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [line.partition("#") for line in lines if line and not line.startswith("#")]
    assert found
    return {
        canonical(re.split(r"[<>=! ]", line)[0]): bool(reason.strip()) for line, _, reason in found
    }


def locked(name):
    """What a lock installs: the package, its version and, where it differs, the platform."""
    text = (ROOT / name).read_text(encoding="utf-8")
    found = {}
    for entry in re.split(r"^(?=[a-z0-9])", text, flags=re.M)[1:]:
        pinned = re.match(r"([a-z0-9.-]+)==(\S+)(?: ; (.+?))? \\\n", entry)
        assert pinned, f"{name}: a line that pins no version: {entry.splitlines()[0]}"
        package, version, platform = pinned.groups()
        found[package, platform] = version
        assert re.search(r"^    --hash=sha256:[0-9a-f]{64}", entry, re.M), f"{name}: {package}"
    assert found
    return found


def files_of(place):
    return place.rglob("*.py") if place.is_dir() else [place]


def imported(*places):
    """The installed packages that a file, or the files of a folder, import."""
    packages, found = packages_distributions(), set()
    for path in (path for place in places for path in files_of(ROOT / place)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module]
            for name in {name.partition(".")[0] for name in names} - sys.stdlib_module_names:
                found |= {canonical(package) for package in packages.get(name, [])}
    return found


def test_stages_import_what_requirements_list():
    found = imported("stages")
    assert {"pandas", "scikit-learn", "ruamel-yaml"} <= found
    assert found - set(listed("requirements.in")) == CLUSTER


def test_only_what_runs_parts_on_a_cluster_needs_its_packages():
    for path in (ROOT / "stages").rglob("*.py"):
        if path.name not in ("cluster.py", "worker_code.py"):
            assert imported(path) & CLUSTER == set(), path
    assert set(listed("requirements-cluster.in")) == {*CLUSTER, "bokeh"}
    assert "distributed" not in {package for package, _ in locked("requirements.txt")}


def test_tests_fuzzers_and_benchmarks_import_what_the_lists_hold():
    found = imported("tests", "fuzz", "benchmarks")
    assert {"pytest", "hypothesis", "duckdb"} <= found
    assert found - set(listed("requirements.in")) - set(listed("requirements-dev.in")) == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_listed_package_has_a_reason_and_is_locked(lock):
    needed = listed(lock.replace(".txt", ".in"))
    assert [package for package, reason in needed.items() if not reason] == []
    assert set(needed) - {package for package, _ in locked(lock)} == set()


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_locks_agree_on_every_version(lock):
    base, added = locked(LOCKS[0]), locked(lock)
    both = set(base) & set(added)
    assert both
    # S3's packages take python-dateutil 2.x only, which requirements-remotes.in says.
    differing = {
        package for package, platform in both if base[package, platform] != added[package, platform]
    }
    assert differing == ({"python-dateutil"} if "remotes" in lock else set())


def test_the_pipeline_is_installed_without_what_only_tests_need():
    only = {"hypothesis", "playwright", "axe-playwright-python", "ruff", "duckdb", "distributed"}
    only |= {"openpyxl"}
    assert only <= set(listed("requirements-dev.in"))
    assert only & {package for package, _ in locked("requirements.txt")} == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_server_and_no_folder(lock):
    found = re.findall(
        r"^.*(?:://|--(?:index|extra|find|trusted)|\bfile:|@ ).*$",
        (ROOT / lock).read_text(encoding="utf-8"),
        re.M,
    )
    assert found == []
