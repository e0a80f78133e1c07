"""dvc.yaml against the code: what is declared is what is read and written."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from retention.core import paths
from retention.core.params import Params

ROOT = Path(__file__).parents[2]
STAGES = ROOT / "stages"
DVC = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
SCRIPTS = sorted(DVC["stages"])
BY_HAND = {"answer", "compare", "launch", "measure", "promote"}


ALLOWED = {
    "core": set(),
    "stats": set(),
    "data": {"core", "stats"},
    "models": {"core", "stats"},
    "evaluation": {"core", "models", "stats"},
    "explanation": {"core", "models", "stats"},
    "segments": {"core", "stats"},
    "campaign": {"core", "data"},
    "measurement": {"core", "data", "stats"},
    "report": {"core"},
    "simulation": {"core"},
}
"""Which room may import which others."""


def local_modules(path):
    """The modules of this project that a file imports itself."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: local imports name the package"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        modules = (STAGES / (name.replace(".", "/") + ".py") for name in names)
        found |= {module for module in modules if module.is_file()}
    return found


def reached(path):
    """The modules that a file imports, directly and through them."""
    found, todo = set(), [path]
    while todo:
        new = local_modules(todo.pop()) - found
        found |= new
        todo += new
    return found


def room_of(module):
    return module.parent.name


def test_rooms_import_only_what_they_may_and_use_what_they_may():
    arrows = {room: set() for room in ALLOWED}
    for module in STAGES.glob("*/**/*.py"):
        if module.parent == STAGES / "retention":
            continue
        arrows[room_of(module)] |= {room_of(other) for other in local_modules(module)}
    assert {room: others - {room} for room, others in arrows.items()} == ALLOWED


def test_the_page_on_rooms_has_the_same_table():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| [^|]+ \|([^|]*)\|$", page, re.M)
    told = {room: set(re.findall(r"\w+", others)) for room, others in rows}
    assert {room: told.get(room) for room in ALLOWED} == ALLOWED


def test_rooms_never_import_scripts():
    for module in STAGES.glob("*/**/*.py"):
        assert not {other for other in local_modules(module) if other.parent == STAGES}, module


def public_names(path):
    """The names that a module defines for others; ``main`` is every script's."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            inner = (part for target in targets for part in ast.walk(target))
            names = [part.id for part in inner if isinstance(part, ast.Name)]
        else:
            continue
        yield from (name for name in names if not name.startswith("_") and name != "main")


def test_one_name_means_one_thing():
    homes = {}
    for module in sorted(STAGES.rglob("*.py")):
        for name in set(public_names(module)):
            homes.setdefault(name, []).append(str(module.relative_to(STAGES)))
    assert "load_params" in homes
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def test_statistics_hold_no_words_of_a_page():
    """English serves messages and pictures; whoever reads Russian reads a table of texts."""
    rooms = ("stats", "models", "evaluation", "explanation", "segments", "campaign")
    spoken = {
        str(module.relative_to(STAGES))
        for room in rooms
        for module in (STAGES / "retention" / room).glob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and re.search("[а-яё]", str(node.value), re.I)
    }
    assert spoken == set()


def params_read(path):
    """The params that a script reads, through ``load_params()`` and names bound to it.

    A section, or ``section.key`` where the script never takes the section as a whole.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    loaded, sections, keys = set(), set(), {}

    def is_load(node):
        return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "load_params"

    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and is_load(node.value):
            loaded |= {target.id for target in node.targets}

    def is_section(node):
        return isinstance(node, ast.Attribute) and (
            is_load(node.value) or getattr(node.value, "id", None) in loaded
        )

    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_section(node.value):
            keys[id(node.value)] = f"{node.value.attr}.{node.attr}"
    for node in ast.walk(tree):
        if is_section(node) and id(node) not in keys:
            sections.add(node.attr)
    return sections | {key for key in keys.values() if key.partition(".")[0] not in sections}


def keys_of(entries):
    return [next(iter(e)) if isinstance(e, dict) else e for e in entries or []]


@pytest.mark.parametrize("name", SCRIPTS)
def test_deps_are_the_script_and_the_rooms_that_it_reaches(name):
    script = STAGES / f"{name}.py"
    folders = {module.parent for module in reached(script)}
    needed = {script, STAGES / "retention/__init__.py", *folders}
    declared = {dep for dep in DVC["stages"][name]["deps"] if dep.startswith("stages/")}
    assert declared == {str(path.relative_to(ROOT)) for path in needed}


@pytest.mark.parametrize("name", SCRIPTS)
def test_params_are_what_the_script_reads(name):
    """A stage may declare the section of a key that it reads, but nothing that it does not."""
    declared, read = set(DVC["stages"][name]["params"]), params_read(STAGES / f"{name}.py")
    sections = {one.partition(".")[0] for one in read}
    assert declared - read <= sections
    assert {one for one in read - declared if one.partition(".")[0] not in declared} == set()


def test_campaigns_other_params_leave_prepare_alone():
    assert "campaign.spreadsheet" in DVC["stages"]["prepare"]["params"]
    assert "campaign" not in DVC["stages"]["prepare"]["params"]


def test_every_script_is_a_stage():
    assert {path.stem for path in STAGES.glob("*.py")} - BY_HAND == set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_stage_is_described_and_runs_by_itself(name):
    stage = DVC["stages"][name]
    assert stage["desc"].endswith("?")
    assert stage["cmd"] == f"python stages/{name}.py"
    docstring = ast.get_docstring(ast.parse((STAGES / f"{name}.py").read_text(encoding="utf-8")))
    assert docstring.startswith(f"{name.capitalize()}: ")
    asked = docstring.split("\n")[0].removeprefix(f"{name.capitalize()}: ")
    assert asked.lower() == stage["desc"].lower()


@pytest.mark.parametrize("name", SCRIPTS)
def test_metrics_and_plots_live_in_git_and_outputs_in_the_cache(name):
    stage = DVC["stages"][name]
    for kind in ("metrics", "plots"):
        for entry in stage.get(kind, []):
            ((path, options),) = entry.items()
            assert options["cache"] is False
            assert path == f"metrics/{name}.json" or path.startswith(f"plots/{name}/")
    assert all(isinstance(out, str) for out in stage.get("outs", []))


def test_the_model_is_an_artifact_that_train_makes():
    """The name is part of Git tags: an older one is looked up by it."""
    (entry,) = DVC["artifacts"].items()
    assert entry[0] == "retention-risk"
    assert entry[1]["type"] == "model"
    assert entry[1]["path"] in DVC["stages"]["train"]["outs"]


@pytest.mark.parametrize("name", [*SCRIPTS, *sorted(BY_HAND)])
def test_script_is_short(name):
    lines = (STAGES / f"{name}.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 75


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_path_a_script_names_is_declared(name):
    """Each path is a dep or an output, lies in one, or has one in it."""
    stage = DVC["stages"][name]
    declared = [
        *stage["deps"],
        *keys_of(stage.get("outs")),
        *keys_of(stage.get("metrics")),
        *keys_of(stage.get("plots")),
    ]
    tree = ast.parse((STAGES / f"{name}.py").read_text(encoding="utf-8"))
    named = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "paths"
    } - {"is_sample", "PARAMS", "ModelFolder"}
    assert named
    for place in (str(getattr(paths, one)) for one in named):
        covered = any(
            place == one or place.startswith(f"{one}/") or one.startswith(f"{place}")
            for one in declared
        )
        assert covered, place


def test_paths_stand_in_one_module_only():
    """Where earlier versions kept a file is no path of this one."""
    found = {
        (module.name, literal)
        for module in STAGES.rglob("*.py")
        for literal in re.findall(r'Path\("([^"]+)"\)', module.read_text(encoding="utf-8"))
        if module.name not in ("paths.py", "fingerprints.py")
    }
    assert found == {
        ("revisions.py", "plots/evaluate/predictions.csv"),
        ("suppression.py", "suppression.csv"),
    }


@pytest.mark.parametrize("name", SCRIPTS)
def test_who_reads_the_data_dictionary_says_so(name):
    reads = "load_columns(" in (STAGES / f"{name}.py").read_text(encoding="utf-8")
    assert ("columns.yaml" in DVC["stages"][name]["deps"]) == reads


def test_every_key_is_used():
    text = "\n".join(path.read_text(encoding="utf-8") for path in STAGES.rglob("*.py"))
    attributes = {
        node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)
    }
    unused = [
        f"{section}.{key}"
        for section, field in Params.model_fields.items()
        if section != "models"
        for key in field.annotation.model_fields
        if key not in attributes
    ]
    assert unused == []


def test_every_knob_is_one_of_its_estimator():
    from retention.models.estimators import FAMILIES

    for name, field in Params.model_fields["models"].annotation.model_fields.items():
        if name in FAMILIES:
            knobs = set(field.annotation.model_fields)
            assert knobs <= set(FAMILIES[name].build(0).get_params()), name
