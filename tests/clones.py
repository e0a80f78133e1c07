"""A copy of the project in a folder of its own, as Git would clone it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from project import EDITED, KEPT, ROOT, WRITTEN, lay_fixtures

ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "PYTHONPATH": "",
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@example.com",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@example.com",
}


class Clone:
    """A copy of the project as Git would clone it, in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *command, fails=False):
        done = subprocess.run(
            command, cwd=self.folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) == fails, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout + done.stderr

    def files(self, *folders):
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for folder in folders
            for path in sorted((self.folder / folder).rglob("*"))
            if path.is_file() and path.name != ".gitignore"
        }


def make_clone(folder):
    """The project as it is before its first run, with the tests' own params and catalogue."""
    copy_project(folder, without=(*EDITED, *WRITTEN))
    lay_fixtures(folder)
    clone = Clone(folder)
    clone.run("git", "init", "-q", "-b", "main")
    return clone


def copy_project(folder, *, without=()):
    """Copy the files that Git knows or would add; `without` names files and top folders.

    What was launched, promoted or foretold here is no test's: its files may be in DVC alone.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        top, _, inside = name.partition("/")
        kept = top in KEPT and inside != ".gitignore"
        if (ROOT / name).is_file() and top not in without and not kept:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
