"""The README against the project: its figures, files and commands are those of the code."""

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = {
    "ROC-AUC": "roc_auc",
    "ROC-AUC of the baseline": "baseline_roc_auc",
    "model over baseline": "over_baseline",
    "average precision": "average_precision",
    "Brier score": "brier",
    "log-loss": "log_loss",
    "calibration slope (ideal: 1)": "calibration_slope",
}


@pytest.mark.parametrize(("name", "key"), ROWS.items())
def test_figure_is_the_committed_metric(name, key):
    found = json.loads((ROOT / "metrics/evaluate.json").read_text(encoding="utf-8"))
    value, low, high = (found[key + end] for end in ("", "_low", "_high"))
    assert f"| {name} | {value:.3f} | {low:.3f} to {high:.3f} |" in README


def test_best_reachable_is_the_committed_metric():
    found = json.loads((ROOT / "metrics/evaluate.json").read_text(encoding="utf-8"))
    best = found["best_reachable_roc_auc"]
    assert f"| best reachable ROC-AUC on the same rows | {best:.3f} | |" in README


def test_every_link_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_make_target_exists():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", README, re.M))
    assert {"repro", "test", "help", "lock"} <= named
    assert named <= set(targets)


def test_every_stage_has_its_row():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name, stage in stages.items():
        question = stage["desc"][0].lower() + stage["desc"][1:]
        assert f"| {name} | {question} |" in README
