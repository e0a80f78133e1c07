"""No test but those of test_live_files.py opens what a person edits or a run writes.

Such a test would turn red with the first export of the user's own. Tests have files of their own:
see project.py.
"""

import os
import sys

import pytest
from threadpoolctl import threadpool_limits

from project import EDITED, FIXTURES, ROOT, WRITTEN

LIVE = {*EDITED, *WRITTEN}
MAY_READ = "test_live_files.py"
watch = {"on": True}


def refuse_live_files(event, arguments):
    """Stop an `open` of a live file; Python calls this on every event that can be audited."""
    if event != "open" or not watch["on"]:
        return
    path, mode, _ = arguments
    # os.open, which has no mode, may mean a name in another folder than the current one.
    if mode is None or isinstance(path, int):
        return
    path = os.path.abspath(os.fsdecode(path))
    if path.startswith(f"{ROOT}{os.sep}") and os.path.relpath(path, ROOT).split(os.sep)[0] in LIVE:
        raise AssertionError(f"a test opens {path}; tests stand on {FIXTURES}")


sys.addaudithook(refuse_live_files)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    watch["on"] = item.path.name != MAY_READ
    try:
        return (yield)
    finally:
        watch["on"] = True


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Keep small models from waiting for the threads of each other."""
    with threadpool_limits(1):
        yield
