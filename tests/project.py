"""The project as tests know it.

Tests stand on the files of `fixtures/`, not on those that a person edits in the project's folder:
whoever names an export there, adds a segment or takes an offer away keeps a green suite. A file
that is added to `fixtures/` is laid with the others.
"""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "tests" / "fixtures"
EDITED = sorted(path.name for path in FIXTURES.glob("*.yaml"))
"""Files of the project's folder that a person edits; tests have their own."""
WRITTEN = ("data", "metrics", "plots", "report", "dvc.lock")
"""What a run writes into the project's folder; tests make their own."""
KEPT = ("campaigns", "models", "forecasts")
"""What a person keeps by name; a copy for tests has the folders, empty."""


def lay_fixtures(folder: Path) -> None:
    """Put the tests' own params, offers and so on into a folder."""
    for name in EDITED:
        shutil.copyfile(FIXTURES / name, folder / name)
