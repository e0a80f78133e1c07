"""The README against the project: its files and commands are those of the code.

Whether it quotes the figures of the committed metrics is checked by `make docs-check`; here is
tested that the check notices.
"""

import importlib.util
import json
import re

import pytest
import yaml

from project import ROOT, lay_fixtures

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [path.relative_to(ROOT) for path in sorted(ROOT.glob("docs/*.md"))]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def written(kind):
    """What the stages write, as dvc.yaml declares it."""
    entries = [entry for stage in STAGES.values() for entry in stage.get(kind, [])]
    return {next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries}


def test_every_link_leads_somewhere():
    links = {link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", README) if "://" not in link}
    made = written("plots") | written("metrics")
    assert {"dvc.yaml", "params.yaml", "offers.yaml", *map(str, PAGES)} <= links
    assert links & made
    assert [link for link in links - made if not (ROOT / link).exists()] == []


def test_every_make_target_exists():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", README, re.M))
    assert {"repro", "test", "help", "lock"} <= named
    assert named <= set(targets)


def test_every_stage_has_its_row():
    for name, stage in STAGES.items():
        question = stage["desc"][0].lower() + stage["desc"][1:]
        assert f"| {name} | {question} |" in README


@pytest.fixture(scope="module")
def check():
    path = ROOT / ".ci" / "docs_check.py"
    spec = importlib.util.spec_from_file_location("docs_check", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(check, tmp_path, monkeypatch):
    """A project whose README quotes its metrics."""
    found = {key: 0.1 + place / 7 for place, key in enumerate(check.NEEDED)}
    found |= {"test_customers": 277, "brier": 0.087283}
    rows = [
        *check.quoted(found),
        "metrics/evaluate.json  brier   0.08728   0.11113   0.02385",
        "| Experiment           | roc_auc   | brier      | train.model   |",
        "|----------------------|-----------|------------|---------------|",
        f"| main                 | {found['roc_auc']:.5f}   | 0.08728    | auto          |",
        "| └── 1f14444 [a-tree] | 0.5       | 0.12333    | tree          |",
    ]
    lay_fixtures(tmp_path)
    (tmp_path / "data/evaluation").mkdir(parents=True)
    (tmp_path / "data/evaluation/details.json").write_text(json.dumps(found))
    (tmp_path / "README.md").write_text("\n".join(rows))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_row_is_written_as_people_round(check):
    found = dict.fromkeys(check.NEEDED, 0.5) | {"log_loss": 0.30215, "log_loss_low": 0.22084}
    assert "| log-loss | 0.302 | 0.221 to 0.500 |" in check.quoted(found)


@pytest.mark.usefixtures("folder")
def test_readme_that_quotes_the_metrics_is_fine(check, capsys):
    check.main()
    assert capsys.readouterr().out == (
        "README.md quotes the figures of data/evaluation/details.json\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "right"),
    [
        ("| Brier score | 0.087 |", "| Brier score | 0.088 |", "| Brier score | 0.087 | "),
        ("on the 277 test", "on the 278 test", "| on the 277 test customers"),
        ("0.08728    |", "0.08738    |", "| main | brier 0.087283\n"),
        ("0.08728   0.1", "0.08729   0.1", "metrics/evaluate.json  brier  0.087283\n"),
        ("json  brier", "json  briar", "metrics/evaluate.json  briar  None\n"),
    ],
)
def test_figure_that_is_out_of_date_is_noticed(check, folder, capsys, old, new, right):
    edit(folder / "README.md", old, new)
    with pytest.raises(SystemExit) as stopped:
        check.main()
    shown = capsys.readouterr()
    assert stopped.value.code == 1
    assert shown.out.startswith(right)
    assert shown.out.count("\n") == shown.err.count("\n") == 1


def test_figures_of_another_export_are_not_those_of_the_readme(check, folder, capsys):
    edit(folder / "params.yaml", "dir: data/sample", "dir: data/raw")
    (folder / "data/evaluation/details.json").write_text("{}")
    check.main()
    assert capsys.readouterr().out == (
        "docs-check is off: data.dir is data/raw, and README.md quotes figures of data/sample\n"
    )
