"""What does the repository say where behaviour tells nothing?

Each draw is a simulated shop whose known outcomes are dealt out anew among its customers, led
through every stage with the project's own params. The model should be graded F in 95 % of the
draws at least; the list must then be empty, nobody may have a reason, and neither page may say why
customers leave or how true the probabilities are.

Usage: python benchmarks/permuted.py [--draws 20] [--customers 1300]
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from shops import ROOT, of_project

from retention.core import paths
from retention.core.errors import InputError
from retention.core.files import read_json, read_parquet
from retention.core.formats import LANGUAGES
from retention.core.grades import FAILED_GRADE
from retention.core.progress import progress
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY, LABEL
from retention.stats.effects import wilson
from simulation.export import EXPORT_DIALECTS, as_export, write_export
from simulation.shop import Shop, simulate_customers

STAGES = ("prepare", "featurize", "train", "score", "evaluate", "explain", "segment", "report")
CLAIMS = (
    "reasons",
    "segments",
    "changes.figure",
    *(
        f"model.{part}"
        for part in ("worst", "none_missed", "verdict", "slope", "shift", "expected", "threshold")
    ),
    *(f"headline.{part}" for part in ("at_risk_text", "stake_text", "campaign")),
)
"""Texts of the page, by their keys, that tell why customers leave, who they are, or how true
probabilities are."""
SILENT = ("nav", "title", "nothing")
"""Keys among them whose texts claim nothing."""


@dataclass(frozen=True)
class Draw:
    """What one shop without anything to find was told.

    Attributes
    ----------
    grade : str
    roc_auc_low : float
    listed : int
        Customers on the list, of both arms.
    with_reasons : int
    claims : list of str
        The texts on its pages, of both languages, that claim something.
    """

    grade: str
    roc_auc_low: float
    listed: int
    with_reasons: int
    claims: list[str]

    @property
    def silent(self) -> bool:
        """Whether nothing is claimed and nobody is contacted."""
        return not (self.listed or self.with_reasons or self.claims)


def permuted(shop: Shop, *, seed: int) -> Shop:
    """Return the shop with its known outcomes dealt out anew among the customers who have one."""
    customers = shop.customers.copy()
    known = customers[LABEL].notna().to_numpy()
    dealt = np.random.default_rng(seed).permutation(customers.loc[known, LABEL].to_numpy())
    customers.loc[known, LABEL] = pd.array(dealt, dtype="Int64")
    return Shop(customers, shop.truth)


def lead(folder: Path, shop: Shop) -> Draw:
    """Lead a shop through every stage in a folder of its own."""
    for name in ("columns.yaml", "offers.yaml"):
        shutil.copy(ROOT / name, folder)
    (folder / "stages").symlink_to(ROOT / "stages")
    raw = folder / "raw"
    raw.mkdir()
    for name, table in as_export(shop, columns=of_project()[0], seed=1).items():
        write_export(table, raw / f"{name}.csv", **EXPORT_DIALECTS.get(name, {}))
    (folder / "nobody.csv").write_text(f"{IDENTITY}\n", encoding="utf-8")
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["data"]["dir"], params["campaign"]["suppression"] = "raw", "nobody.csv"
    (folder / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), "utf-8")
    for name in STAGES:
        done = subprocess.run(
            [sys.executable, ROOT / "stages" / f"{name}.py"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise InputError(f"{name} of a permuted shop failed: {done.stderr[-500:]}")
    found = read_json(folder / paths.EVALUATION_DETAILS)
    return Draw(
        found["grade"],
        found["roc_auc_low"],
        len(read_parquet(folder / paths.CAMPAIGN_LIST)),
        int(read_parquet(folder / paths.REASONS)["reason_1"].notna().sum()),
        [claim for language in LANGUAGES for claim in claims(folder, language)],
    )


def claims(folder: Path, language: str) -> Iterator[str]:
    """Return the keys of the claims that the page of a language holds."""
    page = (folder / paths.REPORT / f"{language}.html").read_text(encoding="utf-8")
    for key, text in claiming(language):
        # What stands in the place of figures is any text that is not long.
        parts = re.split(r"\{\w+\}|\[\w+:[^\]]*\]", text)
        if re.search(".{0,200}?".join(map(re.escape, parts)), page):
            yield f"{language} {key}"


def claiming(language: str) -> Iterator[tuple[str, str]]:
    """Return the texts of a language that claim something, each with its key."""
    table = yaml.safe_load((ROOT / paths.TEMPLATES / f"{language}.yaml").read_text("utf-8"))
    for above in CLAIMS:
        found = table
        for key in above.split("."):
            found = found[key]
        yield from texts(found, above)


def texts(found: object, key: str) -> Iterator[tuple[str, str]]:
    """Return the texts below a key, each with its own."""
    if isinstance(found, Mapping):
        for name, part in found.items():
            if name not in SILENT:
                yield from texts(part, f"{key}.{name}")
    elif len(str(found)) > 12:  # a short word stands on any page
        yield key, str(found)


def draw(customers: int, *, seed: int) -> Draw:
    """Return what a shop of so many customers was told."""
    shop = simulate_customers(customers, unlabelled=0.15, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        return lead(Path(folder), permuted(shop, seed=seed))


@stage
def main() -> None:
    """Print what each draw was graded, and what its pages claim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--customers", type=int, default=1300)
    options = parser.parse_args()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seeds = range(1, options.draws + 1)
        runs = [pool.submit(draw, options.customers, seed=seed) for seed in seeds]
        drawn = [run.result() for run in progress(runs, what="permuted", unit="draws")]
    print(pd.DataFrame(drawn).drop(columns="claims").to_string(index=False))
    failed = [one for one in drawn if one.grade == FAILED_GRADE]
    low, high = wilson(len(failed) / len(drawn), len(drawn), level=0.95)
    print(f"graded F: {len(failed)} of {len(drawn)} draws ({low:.1%} to {high:.1%})")
    print(f"nothing claimed and nobody contacted: {sum(one.silent for one in failed)} of these")
    for claim, count in pd.Series([c for one in failed for c in one.claims]).value_counts().items():
        print(f"claimed: {claim} ({count})")


if __name__ == "__main__":
    main()
