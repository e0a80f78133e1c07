"""A run's files, to alter, and the page that the report makes of them."""

import json
import shutil
from pathlib import Path

import pandas as pd

import report
from project import EDITED
from retention.core import paths

LANGUAGES = ("ru", "en")
FOLDERS = ("prepared", "features", "model", "evaluation", "explained", "segments", "campaign")


def copy_run(source, folder):
    """Copy what the report reads."""
    for name in FOLDERS:
        shutil.copytree(source / "data" / name, folder / "data" / name)
    for name in EDITED:
        shutil.copyfile(source / name, folder / name)
    (folder / "stages").symlink_to(Path(report.__file__).parent)


def build():
    """Run the report in the current folder and return both pages."""
    report.main()
    return {language: read(language) for language in LANGUAGES}


def read(language):
    return (paths.REPORT / f"{language}.html").read_text(encoding="utf-8")


def alter(path, change):
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


EVIL = "<script>alert(1)</script>"
LONG = "Ы" * 10_000
TURNED = "\N{RIGHT-TO-LEFT OVERRIDE}مرحبا"


def poison(folder):
    """Put hostile values wherever a run's files hold text from the shop."""
    categories = folder / "data/segments/categories.parquet"
    table = pd.read_parquet(categories)
    table["category"] = ([EVIL, LONG, TURNED] * len(table))[: len(table)]
    table.to_parquet(categories)
    listed = folder / "data/campaign/list.parquet"
    table = pd.read_parquet(listed)
    for name in ("customer_id", "segment", "text", "reasons"):
        table[name] = ([EVIL, LONG, TURNED] * len(table))[: len(table)]
    table["customer_id"] += [str(place) for place in range(len(table))]
    table.to_parquet(listed)
    readiness = folder / "data/prepared/readiness.parquet"
    findings = pd.read_parquet(readiness)
    for name in ("example", "column", "file"):
        findings[name] = ([EVIL, LONG, TURNED, EVIL] * len(findings))[: len(findings)]
    findings.to_parquet(readiness)
    said = table[["customer_id"]].assign(sentence_ru=table["text"], sentence_en=table["text"])
    said.to_parquet(folder / "data/explained/reasons.parquet")

    def segment(found):
        for place, one in enumerate(found["recommendations"].values()):
            value = [EVIL, LONG, TURNED][place % 3]
            one.update(earns_most=value, earns_most_told_apart=False, earns_most_profit=4.0)
            one.update(earns_most_rivals=[EVIL, LONG, TURNED])
        found["discovered"] = {
            f"favourite_category == {value}": one
            for value, one in zip([EVIL, LONG, TURNED], _rows(), strict=True)
        }

    def evaluate(found):
        one = {"customers": 50, "drop_share": 0.5, "mean_risk": 0.5, "roc_auc": 0.5}
        one |= {"roc_auc_low": 0.4, "roc_auc_high": 0.6}
        found["slices"] = {f"favourite_category={v}": one for v in (EVIL, LONG, TURNED)}

    def explain(found):
        one = {"figure": 9.0, "low": 4.0, "high": 14.0, "answer": "yes", "stable": True}
        one |= {"unit": "percentage points", "customers": 60, "changes_in": ""}
        found["questions"] |= {f"category_{v}": one for v in (EVIL, LONG, TURNED)}
        one = {"kind": "change", "figure": 9.0, "unit": "percentage points", "stable": True}
        one |= {"figure_name": f"category_{EVIL}", "categories": [EVIL, LONG, TURNED]}
        found["advice"]["category_range"] = one

    alter(folder / "data/segments/details.json", segment)
    alter(folder / "data/evaluation/details.json", evaluate)
    alter(folder / "data/explained/details.json", explain)


def _rows():
    one = {"customers": 40, "drop_share": 0.8, "base_share": 0.4, "lift": 2.0, "lift_low": 1.5}
    return [one | {"lift_high": 2.5, "p_value": 0.0, "q_value": 0.0, "passes": True}] * 3
