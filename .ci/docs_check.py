"""Docs check: do README.md and docs/ quote the figures of the last run?

Run by `make docs-check`. The figures are those of the simulated shop: where `data.dir` names
another folder, nothing is checked, and a line says so.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from retention.core import paths
from retention.core.errors import InputError
from retention.core.files import read_json
from retention.core.params import load_params
from retention.core.running import stage

README = Path("README.md")
DOCS = Path("docs")
METRICS = paths.METRICS / "evaluate.json"
"""What `dvc metrics diff` shows; its numbers are among the details."""
ROWS = {
    "ROC-AUC": "roc_auc",
    "ROC-AUC of the baseline": "baseline_roc_auc",
    "model over baseline": "over_baseline",
    "average precision": "average_precision",
    "Brier score": "brier",
    "log-loss": "log_loss",
    "calibration slope (ideal: 1; training customers too, 90 % interval)": "calibration_slope",
}
"""Rows of the table of scores: score and interval, by the key of the metric."""
BEST = "best_reachable_roc_auc"
NEEDED = (
    "test_customers",
    BEST,
    *(key + end for key in ROWS.values() for end in ("", "_low", "_high")),
)
_DIFF = re.compile(rf"^{METRICS}  +(\w+)  +(\S+)", re.M)
_SWEPT = re.compile(r"^\| Experiment +(\|.+)\n.*\n\| main +(\|.+)$", re.M)
"""Of the table that `make sweep` prints: its head, and the row of the version swept from."""


def quoted(found: Mapping[str, float]) -> list[str]:
    """Return the rows that quote the metrics as the README must have them."""
    rows = [f"| on the {found['test_customers']} test customers of the simulated shop | |"]
    for name, key in ROWS.items():
        value, low, high = (found[key + end] for end in ("", "_low", "_high"))
        rows.append(f"| {name} | {value:.3f} | {low:.3f} to {high:.3f} |")
    return [*rows, f"| best reachable ROC-AUC on the same rows | {found[BEST]:.3f} | |"]


def behind(readme: str, found: Mapping[str, float]) -> list[str]:
    """Return what the pages lack of the metrics: rows, figures of `dvc metrics diff`, the sweep's.

    Parameters
    ----------
    readme : str
        The README, and after it the pages of docs/.
    found : mapping
        The content of ``data/evaluation/details.json``, with the keys of :data:`NEEDED`.
    """
    lacks = [row for row in quoted(found) if row not in readme]
    for key, told in _DIFF.findall(readme):
        if key not in found or float(told) != round(found[key], 5):
            lacks.append(f"{METRICS}  {key}  {found.get(key)}")
    for head, row in _SWEPT.findall(readme):
        for name, told in zip(*(line.strip("|").split("|") for line in (head, row)), strict=True):
            value = found.get(name.strip())
            if isinstance(value, float) and float(told) != round(value, 5):
                lacks.append(f"| main | {name.strip()} {value}")
    return lacks


@stage
def main() -> None:
    """Compare the README with the metrics."""
    folder = load_params().data.dir
    if not paths.is_sample(folder):
        whose = f"README.md quotes figures of {paths.SAMPLE}"
        print(f"docs-check is off: data.dir is {folder}, and {whose}")
        return
    details = paths.EVALUATION_DETAILS
    pages = [page.read_text(encoding="utf-8") for page in (README, *sorted(DOCS.glob("*.md")))]
    lacks = behind("\n".join(pages), read_json(details, needs=NEEDED))
    for row in lacks:
        print(row)
    if lacks:
        raise InputError(f"{README} lacks the above of {details}; figures quoted are out of date")
    print(f"{README} quotes the figures of {details}")


if __name__ == "__main__":
    main()
