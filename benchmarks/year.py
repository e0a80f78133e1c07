"""Live through a year as a shop would, and hold what was foretold beside what came.

In a copy of the project a simulated shop of 18 months arrives month by month. The first eight
teach; the model is kept. Each of the next seven is scored by the kept model, its forecast is kept
and its campaign sent (half of the list is left untouched; the offers prevent a share of the
drops). A model is trained anew, and kept, when the run says that it is due. The last three months
only show what came.

Usage: python benchmarks/year.py [--customers 3000] [--effect 0.2] [--season 0] [--drift 0]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from shops import ROOT

from retention.core import paths
from retention.core.files import read_json, read_parquet, write_parquet
from retention.core.months import last_day, shifted
from retention.core.progress import progress
from retention.core.running import stage
from simulation.months import FIRST_MONTH

TAUGHT, SCORED, RIPENING = 8, 7, 3
"""Months that arrive before the first model, that are scored by it, and that only ripen."""
SHOP = "data/raw"
SCORES = ("drop_share", "roc_auc", "brier")
_QUIET = ["dvc", "repro", "-q"]


@dataclass
class Shop:
    """A copy of the project with one shop in it.

    Attributes
    ----------
    folder : Path
    effect : float
        Share of the drops that each offer prevents.
    kept : str
        The kept model that scores.
    rows : list of dict
        What each scored month took and was told.
    """

    folder: Path
    effect: float
    kept: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)

    def run(self, *command: str) -> str:
        """Run a command in the folder and return what it prints."""
        tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "PATH": tools},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout + done.stderr

    def set_params(self, **sections: dict[str, Any]) -> None:
        """Change keys of params.yaml."""
        place = self.folder / paths.PARAMS
        content = yaml.safe_load(place.read_text(encoding="utf-8"))
        for name, keys in sections.items():
            content[name] |= keys
        text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        place.write_text(text, encoding="utf-8")

    def read(self, path: Path) -> Any:
        """Read a file that a stage wrote."""
        return (read_json if path.suffix == ".json" else read_parquet)(self.folder / path)

    def arrive(self, month: str) -> None:
        """Let the month's exports arrive, campaigns that were sent in them."""
        self.run(
            *("python", "stages/answer.py", "--months", SHOP, "--last", month),
            *("--effect", str(self.effect)),
        )

    def teach(self, month: str) -> None:
        """Train a model on what is known and keep it under the month's name."""
        self.set_params(score={"model": str(paths.TRAINED)})
        self.run(*_QUIET, "report")
        self.run("python", "stages/promote.py", month)
        self.run("dvc", "add", "-q", f"{paths.MODELS}/{month}")
        self.kept = month
        self.set_params(score={"model": f"{paths.MODELS}/{month}"})
        self.run(*_QUIET, "report")

    def keep_forecast(self, month: str) -> None:
        """Keep what is foretold of the month."""
        place = self.folder / paths.FORECASTS / f"{month}.json"
        shutil.copyfile(self.folder / paths.FORECAST, place)

    def send(self, month: str) -> int:
        """Send the campaign of the month, and return the customers on its list."""
        listed = self.read(paths.CAMPAIGN_LIST)
        told = self.read(paths.RISKS)
        listed["risk"] = listed["customer_id"].map(
            told[told["month"] == month].set_index("customer_id")["risk"]
        )
        day = pd.Timestamp(last_day(month)) + pd.Timedelta(days=1)
        sent = listed[["customer_id", "arm", "offer", "risk"]].assign(date=day, horizon=3)
        folder = self.folder / paths.CAMPAIGNS / month
        folder.mkdir(parents=True)
        write_parquet(sent, folder / paths.CAMPAIGN_LIST.name)
        return len(sent)


def live(shop: Shop) -> pd.DataFrame:
    """Live through all months and return what was foretold of each, and what came."""
    months = [shifted(FIRST_MONTH, count) for count in range(TAUGHT + SCORED + RIPENING)]
    first = months[TAUGHT - 1]
    shop.arrive(first)
    shop.teach(first)
    steps = months[TAUGHT : TAUGHT + SCORED]
    for number, month in enumerate(progress(steps, what="year", unit="months"), start=1):
        shop.set_params(campaign={"seed": number})  # a lot of its own for each campaign
        shop.arrive(month)
        before = time.perf_counter()
        said = shop.run("dvc", "repro", "report")
        seconds = time.perf_counter() - before
        found = shop.read(paths.EVALUATION_DETAILS)
        shop.keep_forecast(month)
        row = {
            "month": month,
            "model": shop.kept,
            "seconds": round(seconds, 1),
            "trained": "stages/train.py" in said,
            "grade": found["grade"],
            "listed": shop.send(month),
            "retrain": found["months"]["retrain"],
        }
        shop.rows.append(row)
        if row["retrain"]["due"]:
            shop.teach(month)
    shop.arrive(months[-1])
    shop.run(*_QUIET, "report")
    rows = pd.DataFrame(shop.rows).set_index("month")
    return rows.join(_beside(shop.read(paths.EVALUATION_DETAILS)["months"]["foretold"]))


def _beside(foretold: list[dict[str, Any]]) -> pd.DataFrame:
    """Return forecast and fact of each score as text, a row a month."""
    rows = {}
    for one in foretold:
        rows[one["month"]] = {
            name: "{:.3f} ({:.3f} to {:.3f}) {:.3f}".format(
                *(one[f"{name}{end}"] for end in ("", "_low", "_high", "_fact"))
            )
            for name in SCORES
        } | {"kept": one["kept"], "missed": one["missed"]}
    return pd.DataFrame.from_dict(rows, orient="index")


@stage
def main() -> None:
    """Live a year in a copy of the project and print forecast beside fact."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--effect", type=float, default=0.2, help="share of drops prevented")
    parser.add_argument("--season", type=float, default=0.0)
    parser.add_argument("--drift", type=float, default=0.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "shop")
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
        shop = Shop(folder, options.effect)
        lived = {name: getattr(options, name) for name in ("customers", "season", "drift")}
        shop.set_params(
            data={"dir": SHOP, "as_of": None},
            simulate=lived | {"months": TAUGHT + SCORED + RIPENING},
            campaign={"date": None},
        )
        found = live(shop)
    with pd.option_context("display.width", 250, "display.max_columns", None):
        print(found[["model", "seconds", "trained", "grade", "listed", "kept", "missed"]])
        print("forecast (95 % interval) and fact:")
        print(found[list(SCORES)].to_string())
    for month, one in found["retrain"].items():
        why = [name for name in ("missed", "drift", "age") if one[name]]
        print(f"{month}: {'retrain: ' + ', '.join(why) if one['due'] else 'nothing speaks for it'}")


if __name__ == "__main__":
    main()
