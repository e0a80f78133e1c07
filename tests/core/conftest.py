"""What tests of Dask on this machine share."""

import pytest

from retention.core.cluster import close_clusters
from retention.core.parts import ADDRESS, ENGINE


@pytest.fixture(scope="module")
def clusters():
    """What runs of Dask is kept for the next test, and ended after the last one of a module."""
    yield
    close_clusters()


@pytest.fixture
def here(monkeypatch):
    """Parts and fits are worked on by Dask on this machine."""
    monkeypatch.setenv(ENGINE, "dask")
    monkeypatch.delenv(ADDRESS, raising=False)
